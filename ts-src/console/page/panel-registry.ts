/** Who owns the ids of the cluster, and what this node knows and has done of them: the shares of the ring as bars, the rest as numbers. */
import type { ClusterSnapshot } from '../../model/cluster-snapshot.js';
import type { RegistrySnapshot } from '../../model/registry-snapshot.js';
import { element, foreign, setAttribute, setHidden, setText } from './dom.js';
import { amount, percent, whole } from './format.js';
import { Panel } from './panel.js';
import { once, TableView } from './table-view.js';
import { visible } from './visible-text.js';

interface ShareRow {
  readonly node: string;
  readonly share: number;
  readonly weight: number;
  readonly isSelf: boolean;
}

/** Names of members whose reports are waited for that are written out. */
const WAITING_NAMED_MAX = 3;

export class RegistryPanel {
  readonly panel: Panel;
  readonly #numbers = element('dl', { class: 'totals registry-totals' });
  readonly #values = new Map<string, { readonly place: HTMLElement; readonly value: HTMLElement; readonly detail: HTMLElement }>();
  #largest = 1;
  readonly #table = new TableView<ShareRow>({
    caption: 'Shares of the ring',
    empty: 'There is no view yet, and so no ring.',
    key: ({ node }) => node,
    columns: [
      { label: 'Node', className: 'node-name', isHeader: true, show: once(({ node }) => foreign(node)) },
      {
        label: 'Share of the ids',
        className: 'bar-column',
        title: 'Part of all ids that the member owns by the ring',
        show: {
          fill: (cell, { share }) => {
            let [text, bar] = [cell.children[0] as HTMLElement | undefined, cell.children[1] as HTMLElement | undefined];
            if (text === undefined || bar === undefined) {
              text = element('span', { class: 'bar-text' });
              bar = element('span', { class: 'bar', 'aria-hidden': 'true' }, element('span', { class: 'bar-fill' }));
              cell.append(text, bar);
            }
            setText(text, percent(share));
            const width = `${Math.round((share / this.#largest) * 100)}%`;
            const fill = bar.firstElementChild as HTMLElement;
            if (fill.style.width !== width) fill.style.width = width;
          },
        },
      },
      { label: 'Weight', className: 'number', title: '0: it drains, and owns nothing', show: ({ weight }) => (weight === 0 ? '0 △' : String(weight)) },
    ],
  });

  constructor() {
    this.#table.element.classList.add('tall');
    for (const label of ['Activations', 'Owned ids', 'Copies', 'Waiting', 'Hand-offs', 'Lookups']) this.#add(label);
    this.panel = new Panel('Ids of the cluster', 'cluster-registry', this.#numbers, this.#table.element);
  }

  show({ registry, members, self }: ClusterSnapshot): void {
    setHidden(this.panel.element, registry === undefined);
    if (registry === undefined) return;
    const { shares, owned, claiming, registered, replicated, activations, lookups, handOffs, superseded } = registry;
    const rows = members
      .map(({ name, weight }): ShareRow => ({ node: name, share: shares[name] ?? 0, weight, isSelf: name === self.name }))
      .sort((a, b) => b.share - a.share || (a.node < b.node ? -1 : 1));
    this.#largest = Math.max(Number.EPSILON, ...rows.map(({ share }) => share));
    this.#table.show(rows);
    this.panel.note(`this node owns ${percent(shares[self.name] ?? 0)} of the ids in ${whole(owned)} partitions`);
    this.#set('Activations', amount(activations), superseded === 0 ? 'agents run here' : `${whole(superseded)} superseded`, superseded > 0);
    this.#set('Owned ids', amount(registered), 'this node says who has them', false);
    this.#set('Copies', amount(replicated), 'of ids of other nodes', false);
    this.#set('Waiting', whole(claiming), waitingText(registry), claiming > 0);
    this.#set('Hand-offs', amount(handOffs), 'partitions that came here', false);
    const all = lookups.local + lookups.cached + lookups.owner;
    this.#set('Lookups', amount(all), all === 0 ? 'none yet' : `${percent(lookups.owner / all)} asked the owner`, false);
  }

  #add(label: string): void {
    const value = element('dd', { class: 'total-value cut' });
    const detail = element('dd', { class: 'total-detail' });
    const place = element('div', { class: 'total' }, element('dt', {}, label), value, detail);
    this.#numbers.append(place);
    this.#values.set(label, { place, value, detail });
  }

  #set(label: string, text: string, detail: string, isBad: boolean): void {
    const parts = this.#values.get(label);
    if (parts === undefined) return;
    setText(parts.value, text);
    setText(parts.detail, detail);
    setAttribute(parts.detail, 'title', detail);
    setAttribute(parts.place, 'data-bad', String(isBad));
  }
}

function waitingText({ claiming, waitingFor }: RegistrySnapshot): string {
  if (claiming === 0) return 'all partitions are served';
  const named = waitingFor.slice(0, WAITING_NAMED_MAX).map(visible).join(', ');
  const more = waitingFor.length - WAITING_NAMED_MAX;
  return `partitions wait for reports of ${named === '' ? 'others' : named}${more > 0 ? ` and ${more} more` : ''}`;
}

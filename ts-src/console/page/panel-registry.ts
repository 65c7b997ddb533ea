/** What this node has to do with the ids of the cluster: those that it runs, those of which it says who runs them, and what it waits for. Shares of the ring are in the table of nodes. */
import type { ClusterSnapshot } from '../../model/cluster-snapshot.js';
import type { RegistrySnapshot } from '../../model/registry-snapshot.js';
import { element, setAttribute, setHidden, setText } from './dom.js';
import { amount, percent, whole } from './format.js';
import { Panel } from './panel.js';
import { visible } from './visible-text.js';

/** Names of members whose reports are waited for that are written out. */
const WAITING_NAMED_MAX = 3;

export class RegistryPanel {
  readonly panel: Panel;
  readonly #numbers = element('dl', { class: 'totals registry-totals' });
  readonly #values = new Map<string, { readonly place: HTMLElement; readonly value: HTMLElement; readonly detail: HTMLElement }>();

  constructor() {
    for (const label of ['Activations', 'Owned ids', 'Copies', 'Not served', 'Hand-offs', 'Lookups']) this.#add(label);
    this.panel = new Panel('Ids of the cluster', 'cluster-registry', this.#numbers);
  }

  show({ registry, self }: ClusterSnapshot): void {
    setHidden(this.panel.element, registry === undefined);
    if (registry === undefined) return;
    const { shares, owned, claiming, registered, replicated, activations, lookups, handOffs, superseded } = registry;
    this.panel.note(`this node owns ${percent(shares[self.name] ?? 0)} of the ids in ${whole(owned)} partitions`);
    this.#set('Activations', amount(activations), superseded === 0 ? 'agents run here' : `${whole(superseded)} superseded`, superseded > 0);
    this.#set('Owned ids', amount(registered), 'this node says who has them', false);
    this.#set('Copies', amount(replicated), 'of ids of other nodes', false);
    this.#set('Not served', whole(claiming), waitingText(registry), claiming > 0);
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
  return `until reports of ${named === '' ? 'others' : named}${more > 0 ? ` and ${more} more` : ''} have come`;
}

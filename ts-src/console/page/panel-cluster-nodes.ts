/** Every member of the cluster, as the node of this console sees it: those that are in trouble first. */
import type { ClusterSnapshot, MemberSnapshot } from '../../model/cluster-snapshot.js';
import { addressText } from './address-text.js';
import { element, foreign, setAttribute, setHidden, setText } from './dom.js';
import { percent, whole } from './format.js';
import { Panel } from './panel.js';
import { once, TableView } from './table-view.js';
import { visible } from './visible-text.js';

/** Suspicion from which a look is worth it: one in a thousand that it is alive and late. */
const PHI_WARN = 3;
const PHI_BAD = 8;
const TROUBLE = { unreachable: 0, suspect: 1, reachable: 2 } as const;

export class ClusterNodesPanel {
  readonly panel: Panel;
  readonly #table: TableView<MemberSnapshot>;
  #self = '';
  #coordinator: string | undefined;
  #shares: Readonly<Record<string, number>> | undefined;
  #shareLargest = 1;

  constructor() {
    this.#table = new TableView<MemberSnapshot>({
      caption: 'Nodes',
      empty: 'No member yet.',
      key: ({ name, incarnation }) => `${name}#${incarnation}`,
      columns: [
        { label: 'Node', className: 'node-name', isHeader: true, show: once(({ name }) => foreign(name)) },
        {
          label: 'State',
          className: 'label',
          title: 'What the failure detector of this node says of it',
          show: {
            fill: (cell, member) => {
              setText(cell, stateText(member, this.#self));
              setAttribute(cell, 'data-reachability', member.reachability);
            },
          },
        },
        {
          label: 'Phi',
          className: 'number',
          title: 'Suspicion: -log10 of the probability that it is alive and only late',
          show: ({ phi }) => (phi === undefined ? '–' : `${phi.toFixed(1)}${phi >= PHI_BAD ? ' ▲' : phi >= PHI_WARN ? ' △' : ''}`),
        },
        {
          label: 'Stalled',
          className: 'label',
          title: 'Threads of it whose event loops are blocked',
          show: ({ stalledThreads }) =>
            stalledThreads.length === 0 ? 'none' : `${stalledThreads.slice(0, 8).join(', ')}${stalledThreads.length > 8 ? ' …' : ''} ▲`,
        },
        {
          label: 'Role',
          className: 'label wide',
          title: 'Voters agree on the next view; the coordinator proposes it',
          show: ({ name, isVoter }) => (name === this.#coordinator ? 'coordinator' : isVoter ? 'voter' : '–'),
        },
        {
          label: 'Share',
          className: 'bar-column wide',
          title: 'Part of all ids that the member owns by the ring: it says who has them',
          show: { fill: (cell, { name, weight }) => this.#fillShare(cell, this.#shares?.[name], weight) },
        },
        { label: 'Since view', className: 'number wide', title: 'The lower, the older a member', show: ({ sinceView }) => whole(sinceView) },
        {
          label: 'Incarnation',
          className: 'number wide incarnation',
          title: 'Which start of the node this is',
          show: ({ incarnation }) => String(incarnation),
        },
        { label: 'Address', className: 'wide address', show: { fill: (cell, { address }) => titled(cell, addressText(address)) } },
        { label: 'Version', className: 'wide version', show: { fill: (cell, { version }) => titled(cell, visible(version)) } },
        { label: 'Metadata', className: 'wide metadata', show: { fill: (cell, { metadata }) => titled(cell, metadataText(metadata)) } },
      ],
    });
    this.#table.element.classList.add('tall');
    this.panel = new Panel('Nodes', 'cluster-nodes', this.#table.element);
  }

  #fillShare(cell: HTMLElement, share: number | undefined, weight: number): void {
    if (cell.children.length === 0) {
      const fill = element('span', { class: 'bar-fill' });
      cell.append(element('span', { class: 'bar-text' }), element('span', { class: 'bar', 'aria-hidden': 'true' }, fill));
    }
    const [text, bar] = cell.children as unknown as [HTMLElement, HTMLElement];
    setText(text, share === undefined ? '–' : `${percent(share)}${weight === 0 ? ' drains △' : weight === 1 ? '' : ` × ${weight}`}`);
    setHidden(bar, share === undefined);
    const width = `${Math.round(((share ?? 0) / this.#shareLargest) * 100)}%`;
    const fill = bar.firstElementChild as HTMLElement;
    if (fill.style.width !== width) fill.style.width = width;
  }

  show({ members, self, coordinator, registry }: ClusterSnapshot): void {
    this.#shares = registry?.shares;
    this.#shareLargest = Math.max(Number.EPSILON, ...Object.values(registry?.shares ?? {}));
    this.#self = self.name;
    this.#coordinator = coordinator;
    const ordered = [...members].sort((a, b) => TROUBLE[a.reachability] - TROUBLE[b.reachability] || (a.name < b.name ? -1 : 1));
    this.#table.show(ordered);
    const voters = members.filter(({ isVoter }) => isVoter).length;
    this.panel.note(`${whole(members.length)} member${members.length === 1 ? '' : 's'} · ${whole(voters)} voter${voters === 1 ? '' : 's'}`);
  }
}

/** A sign beside the word, so that the colour is not alone in saying it. */
function stateText({ name, status, reachability }: MemberSnapshot, self: string): string {
  const words = name === self ? 'this node' : reachability === 'reachable' ? 'reachable' : `${reachability} ${reachability === 'unreachable' ? '▲' : '△'}`;
  return status === 'leaving' ? `${words}, leaving` : words;
}

function metadataText(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(metadata).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? '–' : visible(pairs.join(' '));
}

function titled(cell: HTMLElement, text: string): void {
  setText(cell, text);
  setAttribute(cell, 'title', text);
}

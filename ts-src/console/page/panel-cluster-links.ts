/** What goes between this node and each other one: round trips and losses as the failure detector measures them, how long asks take, and what the transport carries. Totals since the node is known. */
import type { ClusterSnapshot, LinkSnapshot } from '../../model/cluster-snapshot.js';
import { foreign } from './dom.js';
import { amount, bytes, milliseconds, percent } from './format.js';
import { LinkRates } from './link-rates.js';
import { Panel } from './panel.js';
import { once, TableView } from './table-view.js';

const LOSS_WARN = 0.02;
const LOSS_BAD = 0.1;
const RECENTLY = ', in the last 10 to 20 seconds';

/** Of what was not asked there is none. */
const latency = (ms: number | undefined): string => (ms === undefined ? '–' : milliseconds(ms));

export class ClusterLinksPanel {
  readonly panel: Panel;
  readonly #rates = new LinkRates();
  readonly #table = new TableView<LinkSnapshot>({
    caption: 'Links of this node',
    empty: 'No other node.',
    key: ({ node }) => node,
    columns: [
      { label: 'To', className: 'node-name', isHeader: true, show: once(({ node }) => foreign(node)) },
      {
        label: 'Round trip',
        className: 'number',
        title: 'Mean of the last probes that were answered',
        show: ({ roundTripMs }) => (roundTripMs === undefined ? '–' : milliseconds(roundTripMs.mean)),
      },
      {
        label: 'Loss',
        className: 'number',
        title: 'Share of the last 100 probes that were not answered in time',
        show: ({ loss }) => (loss === undefined ? '–' : `${percent(loss)}${loss >= LOSS_BAD ? ' ▲' : loss >= LOSS_WARN ? ' △' : ''}`),
      },
      {
        label: 'Asks /s',
        className: 'number wide',
        title: `Asks of its agents that were answered${RECENTLY}`,
        show: ({ asks }) => (asks === undefined ? '–' : amount(asks.perSecond)),
      },
      {
        label: 'Ask p50',
        className: 'number wide',
        title: `Half of the asks were answered within this time${RECENTLY}`,
        show: ({ asks }) => latency(asks?.p50Ms),
      },
      { label: 'Ask p99', className: 'number', title: `99 of 100 asks were answered within this time${RECENTLY}`, show: ({ asks }) => latency(asks?.p99Ms) },
      { label: 'Sent /s', className: 'number wide', title: 'Messages a second that the transport sends', show: (link) => this.#rates.of(link, 'sentMessages') },
      { label: 'Sent', className: 'number wide widest', title: 'Bytes that the transport has sent', show: ({ sentBytes }) => bytes(sentBytes) },
      {
        label: 'Received /s',
        className: 'number wide',
        title: 'Messages a second that the transport receives',
        show: (link) => this.#rates.of(link, 'receivedMessages'),
      },
      { label: 'Received', className: 'number wide widest', title: 'Bytes that the transport has received', show: ({ receivedBytes }) => bytes(receivedBytes) },
      {
        label: 'Waiting',
        className: 'number',
        title: 'Messages that wait for room',
        show: ({ waitingMessages, waitingBytes }) => (waitingMessages === 0 ? '0' : `${amount(waitingMessages)} (${bytes(waitingBytes)})`),
      },
      {
        label: 'Lost',
        className: 'number wide widest',
        title: 'Messages lost with their connection',
        show: ({ lostMessages }) => amount(lostMessages ?? Number.NaN),
      },
    ],
  });

  constructor() {
    this.#table.element.classList.add('tall');
    this.panel = new Panel('Links of this node', 'cluster-links', this.#table.element);
  }

  show({ links, self }: ClusterSnapshot): void {
    const others = links.filter(({ node }) => node !== self.name);
    this.#rates.take(others, performance.now());
    this.#table.show(others);
    const measured = others.flatMap(({ roundTripMs }) => (roundTripMs === undefined ? [] : [roundTripMs.mean])).sort((a, b) => a - b);
    this.panel.note(
      measured.length === 0
        ? ''
        : `median round trip ${milliseconds(measured[measured.length >> 1] as number)}, slowest ${milliseconds(measured.at(-1) as number)}`,
    );
  }
}

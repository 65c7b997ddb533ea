/** Message rates by distance over the last two minutes, and how long asks, turns and waits have taken since the start. */
import type { DurationSummary, SystemSnapshot } from '../../model/observation.js';
import { element, setText } from './dom.js';
import { amount, bytes, milliseconds } from './format.js';
import type { HistoryPoint } from './history.js';
import { LineChart } from './line-chart.js';
import { Panel } from './panel.js';
import { TableView } from './table-view.js';

const DURATIONS: readonly (readonly [name: keyof SystemSnapshot['durations'], label: string])[] = [
  ['message_wait', 'Mailbox wait'],
  ['ask_local', 'Ask, same'],
  ['ask_remote', 'Ask, other'],
  ['turn', 'Turn'],
];

type DurationRow = DurationSummary & { readonly label: string };

export class MessagesPanel {
  readonly panel: Panel;
  readonly #chart = new LineChart(
    [
      { className: 'first', of: ({ local }) => local },
      { className: 'second', of: ({ remote }) => remote },
    ],
    'chart',
  );
  readonly #top = element('span', { class: 'chart-top' }, '\u00a0');
  readonly #local = element('b', {}, '–');
  readonly #remote = element('b', {}, '–');
  readonly #bytes = element('span', {}, '');
  readonly #durations = new TableView<DurationRow>({
    caption: 'Durations since the start',
    empty: 'Nothing has been timed yet.',
    key: ({ label }) => label,
    columns: [
      { label: 'Since start', className: 'label', title: 'Asks by the thread they went to; turns of threads', isHeader: true, show: ({ label }) => label },
      { label: 'p50', className: 'number', show: ({ count, p50Ms }) => (count === 0 ? '–' : milliseconds(p50Ms)) },
      { label: 'p99', className: 'number', show: ({ count, p99Ms }) => (count === 0 ? '–' : milliseconds(p99Ms)) },
      { label: 'Max', className: 'number', show: ({ count, maxMs }) => (count === 0 ? '–' : milliseconds(maxMs)) },
    ],
  });

  constructor() {
    const legend = element(
      'p',
      { class: 'legend' },
      element('span', {}, element('span', { class: 'key first', 'aria-hidden': 'true' }), 'same thread ', this.#local),
      element('span', {}, element('span', { class: 'key second', 'aria-hidden': 'true' }), 'other thread ', this.#remote),
      this.#bytes,
    );
    const axis = element('p', { class: 'chart-axis', 'aria-hidden': 'true' }, element('span', {}, '2 min ago'), element('span', {}, 'now'));
    this.panel = new Panel(
      'Messages sent, by distance',
      'messages',
      legend,
      element('div', { class: 'chart-place' }, this.#top, this.#chart.element),
      axis,
      this.#durations.element,
    );
  }

  show({ messages, periodMs, takenAtMs, durations }: SystemSnapshot, points: readonly HistoryPoint[]): void {
    const top = this.#chart.show(points, takenAtMs);
    setText(this.#top, points.length === 0 ? '\u00a0' : `${amount(top)} /s`);
    setText(this.#local, periodMs === 0 ? '–' : `${amount(messages.localPerSecond)} /s`);
    setText(this.#remote, periodMs === 0 ? '–' : `${amount(messages.remotePerSecond)} /s`);
    setText(this.#bytes, periodMs === 0 ? '' : `${bytes(messages.remoteBytesPerSecond)}/s between threads`);
    this.panel.note(periodMs === 0 ? 'measuring …' : '');
    this.#durations.show(DURATIONS.map(([name, label]) => ({ label, ...durations[name] })));
  }
}

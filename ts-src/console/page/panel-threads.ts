/** Every thread with what it does and how it feels. */
import type { SystemSnapshot, ThreadSnapshot } from '../../model/observation.js';
import { element } from './dom.js';
import { amount, bytes, milliseconds, percent, whole } from './format.js';
import { Panel } from './panel.js';
import { fillBar, once, TableView } from './table-view.js';

/** From here on a loop has hardly any reserve. */
const BUSY = 0.85;
const WARM = 0.7;
const LAG_BAD_MS = 100;
const LAG_WARN_MS = 30;
const HEAP_BAD = 0.9;
const HEAP_WARN = 0.75;
const COLLECTING_BAD = 0.3;
const COLLECTING_WARN = 0.1;

export class ThreadsPanel {
  readonly panel: Panel;
  readonly #table = new TableView<ThreadSnapshot>({
    caption: 'Threads',
    empty: 'No thread.',
    key: ({ thread }) => String(thread),
    columns: [
      {
        label: 'Thread',
        className: 'brief',
        isHeader: true,
        show: once(({ thread }) =>
          element('span', {}, String(thread), thread === 0 ? element('span', { class: 'wide', title: 'The thread that made the nexus' }, ' calling') : ''),
        ),
      },
      {
        label: 'State',
        className: 'wide label',
        show: ({ state, isAnswering, incarnation }) =>
          `${isAnswering || state !== 'ready' ? state : 'no answer ▲'}${incarnation > 0 ? `, ${incarnation}× replaced` : ''}`,
      },
      {
        label: 'Utilisation',
        className: 'number bar-column',
        title: 'Share of the time in which the event loop did not wait',
        show: {
          fill: (cell, { load }) =>
            fillBar(cell, load?.utilization ?? 0, load === undefined ? '–' : percent(load.utilization), level(load?.utilization, WARM, BUSY)),
        },
      },
      {
        label: 'Loop lag',
        className: 'number',
        title: 'How late the event loop comes to its timers, 99th percentile',
        show: ({ load }) => (load === undefined ? '–' : mark(milliseconds(load.lagMs), level(load.lagMs, LAG_WARN_MS, LAG_BAD_MS))),
      },
      {
        label: 'GC',
        className: 'number wide',
        title: 'Share of the time in garbage collection',
        show: ({ load }) => (load === undefined ? '–' : mark(percent(load.collecting), level(load.collecting, COLLECTING_WARN, COLLECTING_BAD))),
      },
      {
        label: 'Heap',
        className: 'number bar-column wide',
        title: 'Used heap, and its share of the limit',
        show: {
          fill: (cell, { load }) => {
            const share = load === undefined || load.heapLimitBytes === 0 ? 0 : load.heapUsedBytes / load.heapLimitBytes;
            fillBar(cell, share, load === undefined ? '–' : bytes(load.heapUsedBytes), level(share, HEAP_WARN, HEAP_BAD));
          },
        },
      },
      { label: 'Agents', className: 'number wide', show: ({ agents }) => amount(agents) },
      { label: 'Waiting', className: 'number wide', show: ({ waiting }) => amount(waiting) },
      { label: 'Handled/s', className: 'number', show: ({ handledPerSecond }) => amount(handledPerSecond) },
      { label: 'Sent/s here', className: 'number wide', title: 'Sent within the thread', show: ({ localPerSecond }) => amount(localPerSecond) },
      { label: 'to others', className: 'number wide', title: 'Sent to other threads', show: ({ remotePerSecond }) => amount(remotePerSecond) },
    ],
  });

  constructor() {
    this.panel = new Panel('Threads', 'threads', this.#table.element);
  }

  show({ threads }: SystemSnapshot): void {
    this.#table.show(threads);
    const measured = threads.filter(({ load }) => load !== undefined);
    const away = threads.filter(({ state }) => state !== 'ready').length;
    const busiest = measured.reduce<ThreadSnapshot | undefined>(
      (best, each) => ((each.load?.utilization ?? 0) > (best?.load?.utilization ?? -1) ? each : best),
      undefined,
    );
    const parts = [away === 0 ? `${whole(threads.length)} ready` : `${whole(away)} of ${whole(threads.length)} not ready`];
    if (busiest?.load !== undefined) parts.push(`busiest is ${busiest.thread} with ${percent(busiest.load.utilization)}`);
    this.panel.note(parts.join(' · '));
  }
}

type Level = 'ok' | 'warn' | 'bad';

function level(value: number | undefined, warn: number, bad: number): Level {
  return value === undefined || value < warn ? 'ok' : value < bad ? 'warn' : 'bad';
}

/** A sign beside the number, so that the colour is not alone in saying it. */
function mark(text: string, how: Level): string {
  return how === 'ok' ? text : `${text} ${how === 'bad' ? '▲' : '△'}`;
}

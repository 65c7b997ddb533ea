/** The line of totals at the top: one number each, with what qualifies it, and its last two minutes. */
import type { SystemSnapshot } from '../../model/observation.js';
import { element, setAttribute, setText } from './dom.js';
import { amount, bytes, duration, whole } from './format.js';
import type { HistoryPoint } from './history.js';
import { LineChart } from './line-chart.js';

interface Total {
  readonly label: string;
  value(snapshot: SystemSnapshot): string;
  detail(snapshot: SystemSnapshot): string;
  readonly history: (point: HistoryPoint) => number;
  /** Something an operator should look at. */
  isBad?(snapshot: SystemSnapshot): boolean;
}

const TOTALS: readonly Total[] = [
  {
    label: 'Agents',
    value: ({ agents }) => (agents.live < 1e6 ? whole(agents.live) : amount(agents.live)),
    detail: ({ agents, periodMs }) => (periodMs === 0 ? 'measuring …' : `+${amount(agents.spawnedPerSecond)} / −${amount(agents.stoppedPerSecond)} per s`),
    history: ({ agents }) => agents,
  },
  {
    label: 'Handled /s',
    value: ({ messages, periodMs }) => rate(messages.handledPerSecond, periodMs),
    detail: ({ messages, periodMs }) => (periodMs === 0 ? 'measuring …' : `${amount(messages.localPerSecond + messages.remotePerSecond)} sent per s`),
    history: ({ handled }) => handled,
  },
  {
    label: 'Failed /s',
    value: ({ messages, periodMs }) => rate(messages.failedPerSecond, periodMs),
    detail: ({ restarts }) => `${whole(restarts.total)} restarts in all`,
    history: ({ failed }) => failed,
    isBad: ({ messages }) => messages.failedPerSecond > 0,
  },
  {
    label: 'Waiting messages',
    value: ({ messages }) => amount(messages.waiting),
    detail: ({ mailboxes }) => (mailboxes[0] === undefined ? 'no mailbox is behind' : `deepest ${amount(mailboxes[0].waiting)}`),
    history: ({ waiting }) => waiting,
  },
  {
    label: 'Dead letters /s',
    value: ({ deadLetters, periodMs }) => rate(deadLetters.perSecond, periodMs),
    detail: ({ deadLetters }) => `${whole(Object.values(deadLetters.totals).reduce((sum, count) => sum + count, 0))} in all`,
    history: ({ deadLetters }) => deadLetters,
    isBad: ({ deadLetters }) => deadLetters.perSecond > 0,
  },
  {
    label: 'CPU cores',
    value: ({ process, periodMs }) => (periodMs === 0 ? '–' : process.cpuCores.toFixed(2)),
    detail: ({ threads }) => `${threads.length} thread${threads.length === 1 ? '' : 's'}`,
    history: ({ cpuCores }) => cpuCores,
  },
  {
    label: 'Memory',
    value: ({ process }) => bytes(process.residentBytes),
    detail: ({ process }) => `up ${duration(process.uptimeMs)}`,
    history: ({ residentBytes }) => residentBytes,
  },
];

export class TotalsPanel {
  readonly element = element('dl', { class: 'totals area-totals' });
  readonly #tiles = TOTALS.map((total) => {
    const value = element('dd', { class: 'total-value' }, '–');
    const detail = element('dd', { class: 'total-detail' }, '\u00a0');
    const chart = new LineChart([{ className: 'first', of: total.history }], 'spark');
    const tile = element('div', { class: 'total' }, element('dt', {}, total.label), value, detail);
    detail.after(element('dd', { class: 'total-spark', 'aria-hidden': 'true' }, chart.element));
    this.element.append(tile);
    return { total, value, detail, chart, tile };
  });

  show(snapshot: SystemSnapshot, points: readonly HistoryPoint[]): void {
    for (const { total, value, detail, chart, tile } of this.#tiles) {
      setText(value, total.value(snapshot));
      setText(detail, total.detail(snapshot));
      setAttribute(tile, 'data-bad', String(total.isBad?.(snapshot) === true));
      chart.show(points, snapshot.takenAtMs);
    }
  }
}

function rate(perSecond: number, periodMs: number): string {
  return periodMs === 0 ? '–' : amount(perSecond);
}

/** The threads of a nexus in `nexus top`: a row each with bars of how busy it is and how far its event loop lags; with more than there is room for, the busiest and a line about the others. Pure. */
import type { ThreadSnapshot } from '../../model/observation.js';
import { bytesText, countText, durationText, percentText, rateText } from '../quantity-text.js';
import { barText, type Style, type StyledLine, segment } from './styled-line.js';
import { type Column, headLine, rowLine, sizeColumns } from './table.js';

export const THREAD_COLUMNS: readonly Column<ThreadSnapshot>[] = [
  { name: 'thread', title: '#', width: 3, keep: 10, align: 'right', text: ({ thread }) => String(thread) },
  { name: 'state', title: 'state', width: 8, keep: 5, text: stateText, style: (row) => (stateText(row) === 'ready' ? 'plain' : 'warn') },
  {
    name: 'busy',
    title: 'busy',
    width: 10,
    grow: 1,
    keep: 9,
    text: ({ load }, { width, isAscii }) => measured(load?.utilization, width, isAscii, load?.utilization, percentText(load?.utilization ?? Number.NaN), 5),
    style: ({ load }) => level(load?.utilization, 0.7, 0.9),
  },
  {
    name: 'lag',
    title: 'lag',
    width: 12,
    grow: 1,
    keep: 8,
    text: ({ load }, { width, isAscii }) => measured(load?.lagMs, width, isAscii, lagShare(load?.lagMs), durationText(load?.lagMs ?? Number.NaN, isAscii), 7),
    style: ({ load }) => level(load?.lagMs, 20, 100),
  },
  { name: 'agents', title: 'agents', width: 7, keep: 6, align: 'right', text: ({ agents }) => countText(agents) },
  { name: 'waiting', title: 'waiting', width: 7, keep: 5, align: 'right', text: ({ waiting }) => countText(waiting) },
  { name: 'rate', title: '/s', width: 6, keep: 7, align: 'right', text: ({ handledPerSecond }) => rateText(handledPerSecond) },
  { name: 'remote', title: 'sent out', width: 8, keep: 1, align: 'right', text: ({ remotePerSecond }) => rateText(remotePerSecond) },
  {
    name: 'heap',
    title: 'heap',
    width: 8,
    keep: 3,
    align: 'right',
    text: ({ load }) => bytesText(load?.heapUsedBytes ?? Number.NaN),
    style: ({ load }) => heapLevel(load),
  },
  {
    name: 'gc',
    title: 'gc',
    width: 4,
    keep: 2,
    align: 'right',
    text: ({ load }) => percentText(load?.collecting ?? Number.NaN),
    style: ({ load }) => level(load?.collecting, 0.1, 0.3),
  },
];

/** At most `linesMax` lines, the titles among them; none if there is no room for a thread. */
export function threadLines(threads: readonly ThreadSnapshot[], columns: number, linesMax: number, isAscii: boolean): readonly StyledLine[] {
  const sized = sizeColumns(THREAD_COLUMNS, columns);
  if (linesMax < 2 || sized.length === 0 || threads.length === 0) return [];
  const room = linesMax - 1;
  const drawing = { isAscii, nowMs: 0, whole: 1 };
  const rows = (shown: readonly ThreadSnapshot[]): StyledLine[] => shown.map((thread) => rowLine(sized, thread, drawing));
  const head = headLine(sized, undefined, isAscii);
  if (threads.length <= room) return [head, ...rows(threads)];
  const busiest = [...threads].sort((a, b) => (b.load?.utilization ?? -1) - (a.load?.utilization ?? -1) || a.thread - b.thread);
  const [shown, others] = [busiest.slice(0, room - 1), busiest.slice(room - 1)];
  return [head, ...rows(shown), [segment(othersText(others, isAscii), 'dim')]];
}

function othersText(others: readonly ThreadSnapshot[], isAscii: boolean): string {
  const most = (values: readonly (number | undefined)[]): number => Math.max(...values.map((value) => value ?? 0), 0);
  const busy = percentText(most(others.map(({ load }) => load?.utilization)));
  const lag = durationText(most(others.map(({ load }) => load?.lagMs)), isAscii);
  const ill = others.filter((row) => stateText(row) !== 'ready').length;
  return `${others.length} more, busy up to ${busy}, lag up to ${lag}${ill === 0 ? '' : `, ${ill} not ready`}`;
}

/** One that is ready and did not answer: its event loop is blocked. */
function stateText({ state, isAnswering }: ThreadSnapshot): string {
  return state === 'ready' && isAnswering === false ? 'silent' : state;
}

/** A bar with its value behind it; nothing where nothing was measured. */
function measured(value: number | undefined, width: number, isAscii: boolean, share: number | undefined, text: string, textWidth: number): string {
  return value === undefined || share === undefined ? '-' : `${barText(share, width - textWidth, isAscii)}${text.padStart(textWidth)}`;
}

/** On a logarithmic scale from 1 ms to 1 s: what matters is the order of magnitude. */
export function lagShare(lagMs: number | undefined): number | undefined {
  if (lagMs === undefined) return undefined;
  return lagMs > 1 ? Math.log10(lagMs) / 3 : 0;
}

function level(value: number | undefined, warnFrom: number, badFrom: number): Style {
  if (value === undefined || !Number.isFinite(value)) return 'dim';
  return value >= badFrom ? 'bad' : value >= warnFrom ? 'warn' : 'good';
}

function heapLevel(load: ThreadSnapshot['load']): Style {
  if (load === undefined || !(load.heapLimitBytes > 0)) return 'plain';
  const style = level(load.heapUsedBytes / load.heapLimitBytes, 0.7, 0.9);
  return style === 'good' ? 'plain' : style;
}

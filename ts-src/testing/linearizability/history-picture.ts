/**
 * A history that is not linearizable as a picture (SVG): a line for each process, an operation as a bar from its call to its return, the points at which those of the longest order happened, and marked those
 * one of which would have to come next and none of which can. Time runs to the right, from one call or return to the next: distances are no durations. Pure: a failure in, text out; readable on light and dark ground.
 */
import { escapedText } from '../../model/svg-text.js';
import { canonicalText, type HistoryOperation } from './history.js';
import { type LinearizabilityFailure, operationText } from './check-linearizable.js';
import type { SequentialModel } from './sequential-model.js';

/** How a failure is drawn. */
export interface HistoryPictureOptions {
  /** Default: what failed. */
  readonly title?: string;
  /** Operations that are drawn, at most: those around the place at which no order goes on. Default 40; 5 to 1,000. */
  readonly operationsMax?: number;
}

const LEFT = 110;
const TOP = 92;
const STEP = 60;
const ROW = 46;
const BAR = 24;
const CHARACTER = 6.3;

interface Bar {
  readonly operation: HistoryOperation;
  readonly x1: number;
  readonly x2: number;
  readonly row: number;
}

/** A failure as the text of an SVG file: what has an order, and what cannot come next. */
export function drawFailure<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  failure: LinearizabilityFailure,
  { title, operationsMax = 40 }: HistoryPictureOptions = {},
): string {
  const general = model as unknown as SequentialModel<never, never, never>;
  const prefix = failure.prefixes[0] ?? { order: [], state: undefined, next: [] };
  const stuck = new Set(prefix.next);
  const place = new Map(prefix.order.map((operation, index) => [operation, index + 1]));
  const shown = around(failure, Math.max(5, Math.min(1000, operationsMax)));
  const xOf = places(shown);
  const { bars, rows } = barsOf(shown, xOf);
  const width = Math.max(840, Math.max(...bars.map(({ x2 }) => x2)) + 60);
  const height = TOP + rows.length * ROW + 52;
  const head = title ?? `not linearizable as ${model.name}${failure.part === '' ? '' : `: ${failure.part}`}`;
  const left = failure.operations.length - shown.length;
  const facts = `${prefix.order.length} of ${failure.operations.length} operations have an order; after it the state is ${cut(canonicalText(prefix.state), 60)}${left === 0 ? '' : `; ${left} more ${left === 1 ? 'is' : 'are'} not drawn`}`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapedText(head)}">`,
    STYLE,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="26">${escapedText(head)}</text>`,
    `<text class="note" x="16" y="46">${escapedText(facts)}</text>`,
    ...legend(66),
    ...rows.map(
      (name, row) =>
        `<line class="life" x1="${LEFT - 8}" y1="${middle(row)}" x2="${width - 20}" y2="${middle(row)}"/>${name === '' ? '' : `<text class="name" x="${LEFT - 16}" y="${middle(row) + 4}" text-anchor="end">${escapedText(cut(name, 15))}</text>`}`,
    ),
    ...bars.map((bar) => {
      const how = stuck.has(bar.operation) ? 'stuck' : place.has(bar.operation) ? 'placed' : 'later';
      // What all of them are about is in the title. A label may go on to the next bar of its row.
      const text = operationText(general, bar.operation).replace(failure.part === '' ? '' : ` ${failure.part}`, '');
      const next = bars.reduce((least, { row, x1 }) => (row === bar.row && x1 > bar.x1 ? Math.min(least, x1) : least), width - 20);
      return drawn(bar, text, how, next - bar.x1);
    }),
    ...points(prefix.order, bars, place),
    `<text class="note" x="${LEFT}" y="${height - 16}">time, from one call or return to the next →</text>`,
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

/** The operations that end or begin nearest to the place at which no order goes on: that of the first return among those that cannot come next. */
function around({ operations, prefixes }: LinearizabilityFailure, count: number): readonly HistoryOperation[] {
  const { order, next } = prefixes[0] ?? { order: [], next: [] };
  const stuckAt = next[0]?.returnedAt ?? Number.POSITIVE_INFINITY;
  // What cannot come next first, then the end of the order, then what else goes on at that time.
  const wanted = new Set<HistoryOperation>([...next, ...[...order].reverse().slice(0, Math.ceil(count * 0.7))]);
  const others = operations.filter((operation) => !wanted.has(operation) && operation.invokedAt <= stuckAt).sort((a, b) => lastOf(b) - lastOf(a));
  return [...wanted, ...others].slice(0, count).sort((a, b) => a.invokedAt - b.invokedAt);
}

/** When it is last known to have gone on. */
function lastOf({ outcome, invokedAt, returnedAt }: HistoryOperation): number {
  return outcome === 'ok' ? (returnedAt as number) : invokedAt;
}

/** Calls and returns in order, at equal distances. */
function places(shown: readonly HistoryOperation[]): (at: number) => number {
  const moments = new Set(shown.flatMap(({ invokedAt, returnedAt, outcome }) => (outcome === 'ok' ? [invokedAt, returnedAt as number] : [invokedAt])));
  const xs = new Map([...moments].sort((a, b) => a - b).map((moment, index) => [moment, LEFT + 8 + index * STEP]));
  return (at) => xs.get(at) as number;
}

/** Processes in order of their names; one that has operations of unknown outcome has as many rows as it needs for them. */
function barsOf(shown: readonly HistoryOperation[], xOf: (at: number) => number): { readonly bars: readonly Bar[]; readonly rows: readonly string[] } {
  const rows: string[] = [];
  const bars: Bar[] = [];
  const names = [...new Set(shown.map(({ process }) => process))].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
  );
  for (const name of names) {
    const first = rows.length;
    const ends: number[] = [];
    for (const operation of shown) {
      if (operation.process !== name) continue;
      const x1 = xOf(operation.invokedAt);
      const x2 = operation.outcome === 'ok' ? Math.max(x1 + 14, xOf(operation.returnedAt as number)) : x1 + STEP * 1.6;
      const free = ends.findIndex((end) => end <= x1);
      const row = free >= 0 ? free : ends.length;
      ends[row] = x2;
      bars.push({ operation, x1, x2, row: first + row });
    }
    rows.push(typeof name === 'number' ? `process ${name}` : name, ...ends.slice(1).map(() => ''));
  }
  return { bars, rows };
}

function drawn({ operation, x1, x2, row }: Bar, text: string, how: 'placed' | 'stuck' | 'later', room: number): string {
  const isOpen = operation.outcome !== 'ok';
  const y = middle(row) - BAR / 2;
  const when = isOpen ? `called at ${operation.invokedAt}, outcome unknown` : `from ${operation.invokedAt} to ${operation.returnedAt}`;
  const states = { placed: 'has a place in the order', stuck: 'would have to come next, and cannot', later: 'has no place yet' };
  const label = cut(text, Math.max(2, Math.floor((room - 8) / CHARACTER)));
  return `<g class="${how}${isOpen ? ' open' : ''}"><title>${escapedText(`${text}; process ${operation.process}, ${when}: ${states[how]}`)}</title><rect x="${x1}" y="${y}" width="${Math.round(x2 - x1)}" height="${BAR}" rx="4"/><text x="${x1 + 5}" y="${y + 16}">${escapedText(label)}</text></g>`;
}

/** Where each operation of the order has happened: as early as it can. */
function points(order: readonly HistoryOperation[], bars: readonly Bar[], place: ReadonlyMap<HistoryOperation, number>): string[] {
  const barOf = new Map(bars.map((bar) => [bar.operation, bar]));
  let x = 0;
  return order.flatMap((operation) => {
    const bar = barOf.get(operation);
    if (bar === undefined) return [];
    x = Math.max(x + 3, bar.x1 + 3);
    const y = middle(bar.row) + BAR / 2;
    return [`<circle class="point" cx="${x}" cy="${y}" r="3.2"/><text class="number" x="${x + 5}" y="${y + 11}">${place.get(operation)}</text>`];
  });
}

function legend(y: number): string[] {
  const entries: readonly (readonly [string, string])[] = [
    ['placed', 'has a place in the order, whose number is below'],
    ['stuck', 'one of these must come next, none can'],
    ['placed open', 'outcome unknown'],
    ['later', 'not reached'],
  ];
  let x = 16;
  return entries.map(([how, text]) => {
    const at = x;
    x += 38 + text.length * 6.6;
    return `<g class="${how}"><rect x="${at}" y="${y - 10}" width="18" height="12" rx="3"/></g><text class="note" x="${at + 24}" y="${y}">${text}</text>`;
  });
}

function middle(row: number): number {
  return TOP + row * ROW + ROW / 2;
}

/** Colours follow the theme; without one they are those of a light page. */
const STYLE = `<style>
svg { --ground: #ffffff; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --placed: #ddf4ff; --placed-edge: #0550ae; --stuck: #ffebe9; --stuck-edge: #b42318; --later: #f6f8fa; font: 11px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --line: #3d444d; --placed: #0c2d5b; --placed-edge: #79b8ff; --stuck: #5a1e1a; --stuck-edge: #ff8a80; --later: #212830; } }
.ground { fill: var(--ground); } text { fill: var(--ink); } .title { font-size: 15px; font-weight: 600; } .note, .name { fill: var(--quiet); } .life { stroke: var(--line); }
.placed rect { fill: var(--placed); stroke: var(--placed-edge); } .stuck rect { fill: var(--stuck); stroke: var(--stuck-edge); stroke-width: 2.2; } .stuck text { font-weight: 600; } .later rect { fill: var(--later); stroke: var(--quiet); }
.open rect { stroke-dasharray: 4 3; } .point { fill: var(--placed-edge); } .number { font-size: 9px; fill: var(--quiet); }
</style>`;

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, Math.max(1, characters - 1))}…`;
}

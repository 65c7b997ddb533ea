/**
 * Part of a trace as a sequence diagram: an SVG picture with a lifeline for each node, time running down, messages as arrows from where they were sent to where they came, faults as bands, and
 * what nodes learnt as labels. Pure: entries in, text out. It is readable on light and dark ground, alone and within a page.
 */
import { escapedText } from '../../model/svg-text.js';
import { NexusTypeError } from '../../errors.js';
import type { TraceEntry } from './trace.js';

export interface DiagramOptions {
  readonly title?: string;
  /** From when, milliseconds of the simulation. Default: the first entry. */
  readonly fromMs?: number;
  /** Until when. Default: the last entry. */
  readonly toMs?: number;
  /** Messages that are drawn, at most: the first ones; how many are left out is said. Default 400. */
  readonly messagesMax?: number;
}

const LANE_WIDTH = 170;
const LEFT = 96;
const BAND_WIDTH = 14;
const TOP = 64;
const LINE_HEIGHT = 13;
/** Between two moments at which something happens there is a line at least, and a long wait is a gap. */
const STEP_MIN = 15;
const STEP_MAX = 46;
const TEXT_CHARACTERS_MAX = 46;
const ARROW_TEXT_CHARACTERS_MAX = 22;

interface Message {
  readonly sent: TraceEntry;
  readonly ends: readonly { readonly entry: TraceEntry; readonly how: 'receive' | 'lose' | 'refuse' }[];
  readonly marks: readonly string[];
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID when nothing happened in that time */
export function sequenceDiagram(entries: readonly TraceEntry[], options: DiagramOptions = {}): string {
  const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, messagesMax = 400 } = options;
  const shown = entries.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  if (shown.length === 0) throw new NexusTypeError('NEXUS_OPTION_INVALID', 'diagram: nothing happened in that time', { option: 'diagram' });
  const all = messagesOf(shown);
  const messages = all.slice(0, messagesMax);
  const others = shown.filter(({ mark }) => !MESSAGE_MARKS.has(mark));
  const nodes = [...new Set(shown.flatMap(({ node, peer }) => [node, peer]))].filter((node) => node > 0).sort((a, b) => a - b);
  const places = placesOf([...messages.flatMap(({ sent, ends }) => [sent.atMs, ...ends.map(({ entry }) => entry.atMs)]), ...others.map(({ atMs }) => atMs)]);
  const bands = bandsOf(others, shown);
  const bandsWidth = bands.reduce((most, { column }) => Math.max(most, column + 1), 0) * BAND_WIDTH;
  const xOf = (node: number): number => LEFT + bandsWidth + LANE_WIDTH / 2 + nodes.indexOf(node) * LANE_WIDTH;
  const y = (atMs: number): number => places.at(atMs);
  const width = LEFT + bandsWidth + nodes.length * LANE_WIDTH + 130;
  const height = places.bottom + 40;
  const left = all.length - messages.length;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapedText(options.title ?? 'Sequence diagram')}">`,
    STYLE,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    options.title === undefined ? '' : `<text class="title" x="16" y="24">${escapedText(options.title)}</text>`,
    left === 0 ? '' : `<text class="note" x="${width - 16}" y="24" text-anchor="end">${left} more messages are not drawn</text>`,
    ...nodes.map((node) => lifeline(node, xOf(node), height, shown, y)),
    ...bands.map(({ fault, column, from, to }) => band(fault, LEFT + column * BAND_WIDTH, y(from), y(to))),
    ...places.times.map(([atMs, at]) => `<text class="time" x="${LEFT - 10}" y="${at + 4}" text-anchor="end">${clock(atMs)}</text>`),
    ...messages.map((message) => arrows(message, xOf, y)),
    ...labels(others, xOf, y),
    '</svg>',
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

const MESSAGE_MARKS: ReadonlySet<string> = new Set(['send', 'receive', 'lose', 'duplicate', 'corrupt', 'hold', 'refuse']);

function messagesOf(entries: readonly TraceEntry[]): Message[] {
  const messages = new Map<number, { sent: TraceEntry; ends: { entry: TraceEntry; how: 'receive' | 'lose' | 'refuse' }[]; marks: string[] }>();
  for (const entry of entries) {
    if (entry.mark === 'send') messages.set(entry.id, { sent: entry, ends: [], marks: [] });
    const message = messages.get(entry.id);
    if (message === undefined || !MESSAGE_MARKS.has(entry.mark)) continue;
    if (entry.mark === 'receive' || entry.mark === 'lose' || entry.mark === 'refuse') message.ends.push({ entry, how: entry.mark });
    else if (entry.mark !== 'send') message.marks.push(MARK_TEXTS[entry.mark] ?? entry.mark);
  }
  return [...messages.values()];
}

const MARK_TEXTS: Readonly<Record<string, string>> = { duplicate: 'twice', corrupt: 'damaged', hold: 'held' };

/** Moments, each with its place: in order, as far apart as fits. */
function placesOf(moments: readonly number[]): {
  readonly at: (atMs: number) => number;
  readonly bottom: number;
  readonly times: readonly (readonly [number, number])[];
} {
  const sorted = [...new Set(moments)].sort((a, b) => a - b);
  const places = new Map<number, number>();
  let at = TOP + 24;
  let before: number | undefined;
  const times: [number, number][] = [];
  for (const moment of sorted) {
    if (before !== undefined) at += Math.min(STEP_MAX, Math.max(STEP_MIN, STEP_MIN + Math.log2(1 + (moment - before)) * 4));
    places.set(moment, at);
    times.push([moment, at]);
    before = moment;
  }
  return { at: (moment) => places.get(moment) ?? at, bottom: at, times };
}

interface Band {
  readonly fault: string;
  readonly column: number;
  readonly from: number;
  readonly to: number;
}

/** Faults of a plan, side by side, each from its beginning to its end: `fault` and `healed` of the same id. What a node says of its own is a label. */
function bandsOf(others: readonly TraceEntry[], shown: readonly TraceEntry[]): Band[] {
  const moments = others.map(({ atMs }) => atMs);
  const [firstMs, lastMs] = [(shown[0] as TraceEntry).atMs, (shown.at(-1) as TraceEntry).atMs];
  const open: { fault: string; id: number; from: number }[] = [];
  const closed: { fault: string; from: number; to: number }[] = [];
  for (const { mark, node, text, id, atMs } of others) {
    if (node > 0) continue;
    if (mark === 'fault') open.push({ fault: text, id, from: atMs });
    if (mark !== 'healed') continue;
    const index = open.findIndex((each) => each.id === id && (id !== 0 || each.fault === text));
    if (index >= 0) closed.push({ ...(open.splice(index, 1)[0] as { fault: string; from: number }), to: atMs });
    else closed.push({ fault: text, from: Math.max(firstMs, moments[0] ?? firstMs), to: atMs });
  }
  const all = [...closed, ...open.map(({ fault, from }) => ({ fault, from, to: lastMs }))].sort((a, b) => a.from - b.from);
  const ends: number[] = [];
  return all.map(({ fault, from, to }) => {
    const free = ends.findIndex((end) => end < from);
    const column = free >= 0 ? free : ends.length;
    ends[column] = to;
    return { fault, column, from, to };
  });
}

function band(fault: string, x: number, from: number, to: number): string {
  const height = Math.max(8, to - from);
  const text = cut(fault, Math.max(6, Math.floor(height / 6.2)));
  return `<g class="band"><title>${escapedText(fault)}</title><rect x="${x}" y="${from}" width="${BAND_WIDTH - 3}" height="${height}" rx="3"/><text x="${x + 5.5}" y="${from + 5}" transform="rotate(90 ${x + 5.5} ${from + 5})" dy="3">${height < 40 ? '' : escapedText(text)}</text></g>`;
}

/** Dashed while the node is down or stands still. */
function lifeline(node: number, x: number, height: number, shown: readonly TraceEntry[], y: (atMs: number) => number): string {
  const changes = shown.filter(
    (entry) => entry.node === node && (entry.mark === 'start' || entry.mark === 'crash' || entry.mark === 'pause' || entry.mark === 'resume'),
  );
  let from = TOP + 6;
  // Before its first change it was what that one ends.
  let isUp = changes[0] === undefined || changes[0].mark === 'crash' || changes[0].mark === 'pause';
  const lines: string[] = [];
  for (const change of changes) {
    const to = y(change.atMs);
    lines.push(`<line class="life${isUp ? '' : ' down'}" x1="${x}" y1="${from}" x2="${x}" y2="${to}"/>`);
    from = to;
    isUp = change.mark === 'start' || change.mark === 'resume';
  }
  lines.push(`<line class="life${isUp ? '' : ' down'}" x1="${x}" y1="${from}" x2="${x}" y2="${height - 16}"/>`);
  return `<g>${lines.join('')}<rect class="head" x="${x - 34}" y="${TOP - 18}" width="68" height="24" rx="5"/><text class="name" x="${x}" y="${TOP - 2}" text-anchor="middle">n${node}</text></g>`;
}

function arrows({ sent, ends, marks }: Message, xOf: (node: number) => number, y: (atMs: number) => number): string {
  const [x1, x2, y1] = [xOf(sent.node), xOf(sent.peer), y(sent.atMs)];
  const text = cut([sent.text, ...new Set(marks)].join(' · '), ARROW_TEXT_CHARACTERS_MAX);
  const targets = ends.length === 0 ? [{ how: 'open' as const, y2: y1 + STEP_MIN }] : ends.map(({ entry, how }) => ({ how, y2: y(entry.atMs) }));
  const lines = targets.map(({ how, y2 }, index) => arrow({ x1, y1, x2, y2, how, isCopy: index > 0 }));
  const side = x2 < x1 ? -1 : 1;
  const label = `<text class="what" x="${x1 + side * 7}" y="${y1 - 3}" text-anchor="${side < 0 ? 'end' : 'start'}">${escapedText(text)}</text>`;
  return `<g class="message"><title>${escapedText(`${clock(sent.atMs)} n${sent.node} to n${sent.peer}: ${[sent.text, ...marks].join(', ')}; ${ends.map(({ how, entry }) => `${how} ${clock(entry.atMs)} ${entry.text}`).join('; ') || 'still on its way'}`)}</title>${lines.join('')}${label}</g>`;
}

interface Arrow {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly how: 'receive' | 'lose' | 'refuse' | 'open';
  readonly isCopy: boolean;
}

function arrow({ x1, y1, x2, y2, how, isCopy }: Arrow): string {
  // What does not arrive ends on the way, with a cross.
  const share = how === 'receive' ? 1 : how === 'open' ? 0.35 : 0.62;
  const [x, y] = [round(x1 + (x2 - x1) * share), round(how === 'receive' ? y2 : y1 + Math.max(6, (y2 - y1) * share))];
  const line = `<line class="${how}${isCopy ? ' copy' : ''}" x1="${x1}" y1="${round(y1)}" x2="${x}" y2="${y}"/>`;
  if (how === 'open') return line;
  if (how !== 'receive') return `${line}<path class="cross" d="M${x - 4} ${y - 4}l8 8m0-8l-8 8"/>`;
  const angle = Math.atan2(y - y1, x - x1);
  const point = (turn: number): string => `${round(x - 8 * Math.cos(angle + turn))} ${round(y - 8 * Math.sin(angle + turn))}`;
  return `${line}<path class="tip${isCopy ? ' copy' : ''}" d="M${x} ${y}L${point(0.42)}L${point(-0.42)}Z"/>`;
}

/** Beside the lifeline, those of one node and one moment below each other. */
function labels(others: readonly TraceEntry[], xOf: (node: number) => number, y: (atMs: number) => number): string[] {
  const bottoms = new Map<number, number>();
  return others
    .filter(({ node }) => node > 0)
    .map(({ atMs, mark, node, text }) => {
      const at = Math.max(y(atMs), (bottoms.get(node) ?? 0) + LINE_HEIGHT);
      bottoms.set(node, at);
      const what = mark === 'event' || mark === 'say' ? text : `${mark} ${text}`.trim();
      return `<g class="label ${mark}"><title>${escapedText(`${clock(atMs)} n${node} ${what}`)}</title><circle cx="${xOf(node)}" cy="${y(atMs)}" r="3.5"/><text x="${xOf(node) + 8}" y="${round(at + 4)}">${escapedText(cut(what, TEXT_CHARACTERS_MAX))}</text></g>`;
    });
}

/** Colours follow the theme; without one they are those of a light page. */
const STYLE = `<style>
svg { --ground: #ffffff; --ink: #1f2328; --quiet: #59636e; --line: #afb8c1; --message: #0550ae; --bad: #b42318; --fault: #fff1d6; --fault-edge: #9a6700; --event: #116329; font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --line: #4a535d; --message: #79b8ff; --bad: #ff8a80; --fault: #3d2e08; --fault-edge: #e3b341; --event: #56d364; } }
.ground { fill: var(--ground); } text { fill: var(--ink); } .title { font-size: 15px; font-weight: 600; } .note, .time { fill: var(--quiet); } .time { font-size: 10px; font-variant-numeric: tabular-nums; }
.head { fill: var(--ground); stroke: var(--line); } .name { font-weight: 600; } .life { stroke: var(--line); stroke-width: 1.5; } .down { stroke-dasharray: 3 5; opacity: 0.8; }
.receive, .open { stroke: var(--message); stroke-width: 1.2; } .open { stroke-dasharray: 2 3; } .copy { stroke-dasharray: 5 3; opacity: 0.75; } .tip { fill: var(--message); } .lose, .refuse { stroke: var(--bad); stroke-width: 1.2; } .cross { stroke: var(--bad); stroke-width: 1.8; fill: none; }
.what { font-size: 10px; fill: var(--message); } .band rect { fill: var(--fault); stroke: var(--fault-edge); } .band text { font-size: 9px; fill: var(--fault-edge); }
.what, .label text, .time { paint-order: stroke; stroke: var(--ground); stroke-width: 3px; stroke-linejoin: round; } .label text { font-size: 10.5px; } .label circle { fill: var(--quiet); } .event circle { fill: var(--event); } .event text { fill: var(--event); } .crash circle, .pause circle { fill: var(--bad); } .crash text, .pause text { fill: var(--bad); }
</style>`;

function clock(atMs: number): string {
  return (atMs / 1000).toFixed(3);
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

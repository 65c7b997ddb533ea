/**
 * A run over time as a picture (SVG): success rate, operations, response times, and below them the faults and what the nodes did; faults are bands through all of it. Pure: a report in, text out; readable on light and dark
 * ground, alone and within a page.
 */
import { escapedText } from '../../../model/svg-text.js';
import { type Fault, faultText } from '../../../testing/simulation/fault.js';
import type { SecondRecord } from '../second-records.js';
import type { DoneFault, NodeEvent, RunReport } from './run-report.js';

const WIDTH = 1120;
const LEFT = 76;
const RIGHT = 20;
const PLOT = WIDTH - LEFT - RIGHT;
const LANE = 18;
const EVENTS_MAX = 400;
const LABEL_CHARACTER = 6;
const LANES_MAX = 24;

interface Panel {
  readonly top: number;
  readonly height: number;
}

type Report = Pick<RunReport, 'seconds' | 'faults' | 'events' | 'plan'>;

export function timelinePicture({ seconds, faults, events, plan }: Report, title: string): string {
  const lastSecond = Math.max(1, seconds.length, ...faults.map(({ to }) => to));
  const x = (second: number): number => round(LEFT + (Math.min(second, lastSecond) / lastSecond) * PLOT);
  const success: Panel = { top: 74, height: 96 };
  const rate: Panel = { top: 206, height: 96 };
  const latency: Panel = { top: 338, height: 118 };
  const bars = barsOf(faults, x);
  const lanes = Math.max(1, ...bars.map(({ lane }) => lane + 1));
  const faultsTop = 496;
  const nodes = [...new Set(events.map(({ node }) => node))].sort();
  const eventsTop = faultsTop + lanes * LANE + 34;
  // An event loop that is blocked for a moment is in the JSON; as marks they would hide all others.
  const marks = events.filter(({ text }) => !text.startsWith('stalled'));
  const height = eventsTop + nodes.length * LANE + 44;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapedText(title)}">`,
    STYLE,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="16" y="26">${escapedText(title)}</text>`,
    `<text class="note" x="16" y="45">${escapedText(`seed ${plan.seed}, ${plan.nodes} nodes, ${plan.resolver.strategy}; each point is a second`)}</text>`,
    ...faults.map(
      ({ from, to }) =>
        `<rect class="band" x="${x(from)}" y="${success.top}" width="${round(Math.max(1.5, x(to) - x(from)))}" height="${latency.top + latency.height - success.top}"/>`,
    ),
    ...panel(success, 'success rate', [
      [0, '0 %'],
      [0.5, '50 %'],
      [1, '100 %'],
    ]),
    ...ratePanel(rate, seconds, x),
    ...latencyPanel(latency, seconds, x),
    successLine(success, seconds, x),
    `<text class="heading" x="16" y="${faultsTop - 10}">faults</text>`,
    ...bars.map((bar) => faultBar(bar, faultsTop)),
    `<text class="heading" x="16" y="${eventsTop - 10}">nodes</text>`,
    ...nodes.map((name, index) => nodeLane(name, eventsTop + index * LANE, marks.filter(({ node }) => node === name).slice(0, EVENTS_MAX), x)),
    ...timeAxis(lastSecond, x, height - 22),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function successLine({ top, height }: Panel, seconds: readonly SecondRecord[], x: (second: number) => number): string {
  const points = seconds.flatMap(({ second, ok, failed, unknown }) => {
    const all = ok + failed + unknown;
    return all === 0 ? [] : [[x(second + 0.5), round(top + height - (ok / all) * height)] as const];
  });
  return `<path class="success" d="${line(points)}"/>`;
}

/** Operations a second: answered, and above them those that were not. */
function ratePanel(where: Panel, seconds: readonly SecondRecord[], x: (second: number) => number): string[] {
  const most = niceAbove(Math.max(1, ...seconds.map(({ ok, failed, unknown }) => ok + failed + unknown)));
  const y = (count: number): number => round(where.top + where.height - (count / most) * where.height);
  const bars = (name: string, from: (each: SecondRecord) => number, to: (each: SecondRecord) => number): string => {
    const path = seconds
      .filter((each) => to(each) > from(each))
      .map((each) => {
        const [left, right] = [x(each.second), x(each.second + 1)];
        return `M${left} ${y(from(each))}V${y(to(each))}H${right}V${y(from(each))}Z`;
      })
      .join('');
    return `<path class="${name}" d="${path}"/>`;
  };
  return [
    ...panel(where, 'operations a second', [
      [0, '0'],
      [0.5, String(most / 2)],
      [1, String(most)],
    ]),
    bars(
      'ok',
      () => 0,
      ({ ok }) => ok,
    ),
    bars(
      'failed',
      ({ ok }) => ok,
      ({ ok, failed }) => ok + failed,
    ),
    bars(
      'unknown',
      ({ ok, failed }) => ok + failed,
      ({ ok, failed, unknown }) => ok + failed + unknown,
    ),
    ...key(where.top - 10, [
      ['ok', 'answered'],
      ['failed', 'failed: certainly not done'],
      ['unknown', 'outcome unknown'],
    ]),
  ];
}

/** On a logarithmic scale. */
function latencyPanel(where: Panel, seconds: readonly SecondRecord[], x: (second: number) => number): string[] {
  const values = seconds.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]).filter((value): value is number => value !== undefined);
  const low = Math.floor(Math.log10(Math.max(0.1, Math.min(1, ...values))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, ...values))));
  const share = (ms: number): number => (Math.log10(Math.max(ms, 10 ** low)) - low) / (high - low);
  const path = (of: (each: SecondRecord) => number | undefined): string => {
    // A second without answers is a gap.
    const runs: (readonly [number, number])[][] = [[]];
    for (const each of seconds) {
      const ms = of(each);
      if (ms === undefined) runs.push([]);
      else (runs.at(-1) as (readonly [number, number])[]).push([x(each.second + 0.5), round(where.top + where.height - share(ms) * where.height)]);
    }
    return runs.map(line).join('');
  };
  const ticks = Array.from({ length: high - low + 1 }, (_, index): [number, string] => [index / (high - low), msText(10 ** (low + index))]);
  return [
    ...panel(where, 'response time', ticks),
    `<path class="p99" d="${path(({ p99Ms }) => p99Ms)}"/>`,
    `<path class="p50" d="${path(({ p50Ms }) => p50Ms)}"/>`,
    ...key(where.top - 10, [
      ['p50', 'half are faster'],
      ['p99', '99 of 100 are faster'],
    ]),
  ];
}

function panel({ top, height }: Panel, name: string, ticks: readonly (readonly [number, string])[]): string[] {
  return [
    `<text class="heading" x="16" y="${top - 10}">${name}</text>`,
    ...ticks.flatMap(([share, text]) => {
      const y = round(top + height - share * height);
      return [
        `<line class="grid" x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}"/>`,
        `<text class="tick" x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${text}</text>`,
      ];
    }),
  ];
}

function key(y: number, entries: readonly (readonly [string, string])[]): string[] {
  let x = 190;
  return entries.map(([name, text]) => {
    const at = x;
    x += 30 + text.length * 6.6;
    return `<rect class="key ${name}" x="${at}" y="${y - 9}" width="12" height="10" rx="2"/><text class="note" x="${at + 18}" y="${y}">${text}</text>`;
  });
}

interface FaultBar {
  readonly fault: Fault;
  readonly from: number;
  readonly to: number;
  /** Where its text is: in the bar if it fits, else beside it. */
  readonly side: 'inside' | 'right' | 'left';
  readonly lane: number;
}

/** One below the other where they, or what is written beside them, would overlap. */
function barsOf(faults: readonly DoneFault[], x: (second: number) => number): readonly FaultBar[] {
  const ends: number[] = [];
  const placed = faults.map(({ fault, from: fromSecond, to: toSecond }) => {
    const from = x(fromSecond);
    const to = Math.max(from + 3, x(toSecond));
    const text = labelOf(fault).length * LABEL_CHARACTER + 8;
    const side = text < to - from ? ('inside' as const) : to + text < WIDTH - RIGHT ? ('right' as const) : ('left' as const);
    return { fault, from, to, side, begin: side === 'left' ? from - text : from, end: side === 'right' ? to + text : to };
  });
  return placed
    .sort((a, b) => a.begin - b.begin)
    .map(({ begin, end, ...bar }) => {
      const free = ends.findIndex((each) => each <= begin);
      const lane = free >= 0 ? free : Math.min(LANES_MAX - 1, ends.length);
      ends[lane] = end;
      return { ...bar, lane };
    });
}

function faultBar({ fault, from, to, side, lane }: FaultBar, top: number): string {
  const y = top + lane * LANE;
  const place = side === 'inside' ? `x="${round(from + 4)}"` : side === 'right' ? `x="${round(to + 4)}"` : `x="${round(from - 4)}" text-anchor="end"`;
  return `<g class="fault"><title>${escapedText(faultText(fault))}</title><rect x="${from}" y="${y}" width="${round(to - from)}" height="${LANE - 4}" rx="3"/><text ${place} y="${y + 11}">${escapedText(labelOf(fault))}</text></g>`;
}

function labelOf(fault: Fault): string {
  return faultText(fault).replace(/ at .*$/, '');
}

/** What is not said of it is that it is as it should be. */
function nodeLane(name: string, y: number, events: readonly NodeEvent[], x: (second: number) => number): string {
  const marks = events.map(({ atMs, text }) => {
    const kind = /^(ended|fenced|killed)/.test(text) ? 'bad' : /^(joined|serving|started)/.test(text) ? 'good' : 'other';
    return `<g class="mark ${kind}"><title>${escapedText(`${(atMs / 1000).toFixed(1)} s ${name} ${text}`)}</title><circle cx="${x(atMs / 1000)}" cy="${y + 6}" r="3.4"/></g>`;
  });
  return `<text class="tick" x="${LEFT - 8}" y="${y + 10}" text-anchor="end">${escapedText(name)}</text><line class="grid" x1="${LEFT}" y1="${y + 6}" x2="${WIDTH - RIGHT}" y2="${y + 6}"/>${marks.join('')}`;
}

function timeAxis(lastSecond: number, x: (second: number) => number, y: number): string[] {
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600].find((each) => lastSecond / each <= 14) ?? 7200;
  return Array.from({ length: Math.floor(lastSecond / step) + 1 }, (_, index) => index * step).map(
    (second) => `<text class="tick" x="${x(second)}" y="${y}" text-anchor="middle">${step >= 60 ? `${second / 60} min` : `${second} s`}</text>`,
  );
}

function line(points: readonly (readonly [number, number])[]): string {
  if (points.length === 1) return `M${(points[0] as readonly [number, number])[0] - 1} ${(points[0] as readonly [number, number])[1]}h2`;
  return points.map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${px} ${py}`).join('');
}

function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([2, 4, 6, 8, 10].find((each) => each * power >= value) ?? 10) * power;
}

function msText(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}

/** Colours follow the theme; without one they are those of a light page. */
const STYLE = `<style>
svg { --ground: #ffffff; --ink: #1f2328; --quiet: #59636e; --line: #d8dee4; --good: #1a7f37; --warn: #bf8700; --bad: #cf222e; --p50: #0550ae; --p99: #8250df; --fault: #fff1d6; --fault-edge: #9a6700; font: 11px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --line: #30363d; --good: #3fb950; --warn: #d29922; --bad: #ff7b72; --p50: #79b8ff; --p99: #d2a8ff; --fault: #2f2507; --fault-edge: #e3b341; } }
.ground { fill: var(--ground); } text { fill: var(--ink); } .title { font-size: 16px; font-weight: 600; } .heading { font-weight: 600; } .note, .tick { fill: var(--quiet); } .tick { font-variant-numeric: tabular-nums; } .grid { stroke: var(--line); stroke-width: 1; }
.band { fill: var(--fault); opacity: 0.55; } .fault rect { fill: var(--fault); stroke: var(--fault-edge); } .fault text { font-size: 10px; }
.success { fill: none; stroke: var(--good); stroke-width: 1.8; } .ok { fill: var(--good); } .failed { fill: var(--warn); } .unknown { fill: var(--bad); }
path.p50 { fill: none; stroke: var(--p50); stroke-width: 1.6; } path.p99 { fill: none; stroke: var(--p99); stroke-width: 1.3; } rect.p50 { fill: var(--p50); } rect.p99 { fill: var(--p99); }
.mark circle { fill: var(--quiet); } .bad circle { fill: var(--bad); } .good circle { fill: var(--good); }
</style>`;

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

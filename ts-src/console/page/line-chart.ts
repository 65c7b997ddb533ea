/** A chart of the last minutes as SVG. It fills its place; lines keep their width. A gap in time is a gap in the line. */
import { setAttribute, setText, svg } from './dom.js';
import type { HistoryPoint } from './history.js';

const WIDTH = 600;
const HEIGHT = 100;
/** The time shown; the newest is at the right edge. */
export const CHART_SPAN_MS = 120_000;
/** More than this many periods between two points: nobody looked in between. */
const GAP_PERIODS = 2.5;

export interface Line {
  readonly className: string;
  of(point: HistoryPoint): number;
}

export class LineChart {
  readonly element: SVGSVGElement;
  readonly #lines: readonly (Line & { readonly path: SVGPathElement })[];
  readonly #area: SVGPathElement;

  constructor(lines: readonly Line[], className: string) {
    this.#area = svg('path', { class: 'chart-area' });
    this.#lines = lines.map((line) => ({ ...line, path: svg('path', { class: `chart-line ${line.className}`, 'vector-effect': 'non-scaling-stroke' }) }));
    this.element = svg('svg', { class: className, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true', focusable: 'false' });
    this.element.append(this.#area, ...[...this.#lines].reverse().map(({ path }) => path));
  }

  /** @returns the value at the upper edge */
  show(points: readonly HistoryPoint[], nowMs: number): number {
    const shown = points.filter(({ atMs }) => atMs > nowMs - CHART_SPAN_MS);
    let max = 0;
    for (const point of shown) for (const line of this.#lines) max = Math.max(max, line.of(point));
    const top = niceTop(max);
    for (const [index, line] of this.#lines.entries()) {
      const { d, area } = pathOf(shown, line, nowMs, top);
      setAttribute(line.path, 'd', d);
      if (index === 0) setAttribute(this.#area, 'd', area);
    }
    return top;
  }
}

/** The scale beside a chart. */
export function showScale(node: Element, text: string): void {
  setText(node, text);
}

function pathOf(points: readonly HistoryPoint[], line: Line, nowMs: number, top: number): { readonly d: string; readonly area: string } {
  let d = '';
  let area = '';
  let startX = 0;
  let previous: { readonly x: number; readonly atMs: number } | undefined;
  for (const point of points) {
    const x = round(WIDTH * (1 - (nowMs - point.atMs) / CHART_SPAN_MS));
    const y = round(HEIGHT - 1 - ((HEIGHT - 3) * line.of(point)) / top);
    if (previous !== undefined && point.atMs - previous.atMs > point.periodMs * GAP_PERIODS) {
      area += `L${previous.x} ${HEIGHT}L${startX} ${HEIGHT}Z`;
      previous = undefined;
    }
    if (previous === undefined) startX = x;
    const command = previous === undefined ? 'M' : 'L';
    d += `${command}${x} ${y}`;
    area += `${command}${x} ${y}`;
    previous = { x, atMs: point.atMs };
  }
  if (previous !== undefined) area += `L${previous.x} ${HEIGHT}L${startX} ${HEIGHT}Z`;
  return { d, area };
}

/** The next of 1, 2, 5 times a power of ten, so that the scale rarely changes. */
export function niceTop(max: number): number {
  if (!(max > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  for (const step of [1, 2, 5]) if (max <= step * power) return step * power;
  return 10 * power;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * The flow of messages between kinds: the heaviest as a graph, the rest summed up; the same as a table, which is what a screen reader and a narrow window get. A flow
 * that is drawn stays drawn while it is not far from the heaviest, so that the picture does not jump.
 */
import type { FlowSnapshot, SystemSnapshot } from '../../model/observation.js';
import { element, foreign, setAttribute, setHidden, setText, svg } from './dom.js';
import { type FlowLayout, type FlowSizes, layOut, type PlacedNode, type Point, wayOf } from './flow-layout.js';
import { amount, percent } from './format.js';
import { Panel } from './panel.js';
import { TableView, fillBar, once } from './table-view.js';
import { visible } from './visible-text.js';

const DRAWN_MAX = 20;
/** One that is drawn stays as long as it is among so many. */
const KEPT_AMONG = 30;
const TABLE_ROWS = 50;
const NAME_CHARACTERS = 15;
const LABEL_WIDTH = 40;
const LABEL_HEIGHT = 13;
/** Shares of the way along an edge. */
const LABEL_PLACES = [0.5, 0.6, 0.4, 0.7, 0.3];
const SIZES: FlowSizes = { nodeWidth: 124, nodeHeight: 32, gapX: 74, gapY: 14, margin: 16, bendHeight: 12 };

export class FlowsPanel {
  readonly panel: Panel;
  readonly #graph = element('div', { class: 'flow-graph' });
  readonly #table: TableView<FlowSnapshot>;
  readonly #choice: HTMLButtonElement;
  #drawn: ReadonlySet<string> = new Set();
  #layout: FlowLayout | undefined;
  #edges = new Map<string, { readonly path: SVGPathElement; readonly rate: SVGTextElement }>();
  #picture: SVGSVGElement | undefined;
  #heaviest = 0;

  constructor() {
    this.#table = new TableView<FlowSnapshot>({
      caption: 'Message flow between kinds',
      empty: 'No messages between kinds yet.',
      key: wayOf,
      columns: [
        { label: 'From', isHeader: true, show: once(({ from }) => foreign(from)) },
        { label: 'To', show: once(({ to }) => foreign(to)) },
        {
          label: 'Messages/s',
          className: 'number',
          show: { fill: (cell, { perSecond }) => fillBar(cell, this.#heaviest === 0 ? 0 : perSecond / this.#heaviest, amount(perSecond)) },
        },
      ],
    });
    this.#choice = element('button', { type: 'button', class: 'small graph-choice', 'aria-pressed': 'false' }, 'Show as table');
    this.#choice.addEventListener('click', () => this.#showTable(this.#choice.getAttribute('aria-pressed') !== 'true'));
    this.panel = new Panel('Message flow', 'flows', this.#choice, this.#graph, this.#table.element);
    this.#showTable(false);
  }

  show({ flows, periodMs }: SystemSnapshot): void {
    const heaviest = [...flows].sort((a, b) => b.perSecond - a.perSecond || (wayOf(a) < wayOf(b) ? -1 : 1));
    this.#heaviest = heaviest[0]?.perSecond ?? 0;
    const total = heaviest.reduce((sum, { perSecond }) => sum + perSecond, 0);
    this.#table.show(heaviest.slice(0, TABLE_ROWS));
    const drawn = this.#choose(heaviest);
    const drawnTotal = drawn.reduce((sum, { perSecond }) => sum + perSecond, 0);
    const rest = heaviest.length - drawn.length;
    if (periodMs === 0) this.panel.note('measuring …');
    else if (rest > 0)
      this.panel.note(
        `${drawn.length} heaviest of ${heaviest.length} flows; the others carry ${percent(total === 0 ? 0 : 1 - drawnTotal / total)} · from a sample`,
      );
    else this.panel.note(heaviest.length === 0 ? '' : `${heaviest.length} flow${heaviest.length === 1 ? '' : 's'} · messages/s, from a sample`);
    this.#draw(drawn);
  }

  #showTable(isTable: boolean): void {
    setAttribute(this.#choice, 'aria-pressed', String(isTable));
    this.panel.element.dataset['shows'] = isTable ? 'table' : 'graph';
  }

  #choose(heaviest: readonly FlowSnapshot[]): FlowSnapshot[] {
    const kept = heaviest.slice(0, KEPT_AMONG).filter((flow) => this.#drawn.has(wayOf(flow)));
    const fresh = heaviest.slice(0, DRAWN_MAX).filter((flow) => !this.#drawn.has(wayOf(flow)));
    return [...kept, ...fresh].slice(0, DRAWN_MAX);
  }

  #draw(flows: readonly FlowSnapshot[]): void {
    const keys = new Set(flows.map(wayOf));
    const isSame = keys.size === this.#drawn.size && [...keys].every((key) => this.#drawn.has(key));
    if (!isSame || this.#picture === undefined) this.#build(flows, keys);
    for (const flow of flows) {
      const edge = this.#edges.get(wayOf(flow));
      if (edge === undefined) continue;
      const share = this.#heaviest === 0 ? 0 : flow.perSecond / this.#heaviest;
      setAttribute(edge.path, 'stroke-width', (1 + 4 * Math.sqrt(share)).toFixed(1));
      setText(edge.rate, amount(flow.perSecond));
    }
    const [first] = [...flows].sort((a, b) => b.perSecond - a.perSecond);
    if (this.#picture !== undefined && first !== undefined)
      setAttribute(
        this.#picture,
        'aria-label',
        `Message flow between ${this.#layout?.nodes.size ?? 0} kinds; the heaviest is from ${first.from} to ${first.to}. The table shows the same.`,
      );
  }

  #build(flows: readonly FlowSnapshot[], keys: ReadonlySet<string>): void {
    this.#drawn = keys;
    this.#edges = new Map();
    this.#graph.replaceChildren();
    this.#picture = undefined;
    setHidden(this.#choice, flows.length === 0);
    if (flows.length === 0) {
      this.#graph.append(element('p', { class: 'empty' }, 'No messages between kinds yet.'));
      return;
    }
    const layout = layOut(flows, SIZES);
    this.#layout = layout;
    const { width, height } = layout;
    const picture = svg('svg', { class: 'flow-picture', viewBox: `0 0 ${width} ${height + 26}`, role: 'img', focusable: 'false' });
    // Not wider than it is legible, and never larger than life.
    picture.style.maxWidth = `${width * 1.25}px`;
    const marker = svg('marker', {
      id: 'flow-arrow',
      viewBox: '0 0 8 8',
      refX: 7,
      refY: 4,
      markerWidth: 8,
      markerHeight: 8,
      markerUnits: 'userSpaceOnUse',
      orient: 'auto',
    });
    marker.append(svg('path', { d: 'M0 0L8 4L0 8Z', class: 'flow-arrow' }));
    const lines = svg('g');
    const rates = svg('g');
    picture.append(svg('defs', {}, marker), lines, ...[...layout.nodes.values()].map(nodeOf), rates);
    const taken: Point[] = [];
    for (const flow of flows) {
      const from = layout.nodes.get(flow.from) as PlacedNode;
      const to = layout.nodes.get(flow.to) as PlacedNode;
      const { d, labels } = edgeOf(from, to, layout.bends.get(wayOf(flow)) ?? [], labelPlace(flow, flows));
      // The first place where it covers neither a kind nor another rate.
      const [labelX, labelY] = labels.find((place) => !taken.some((other) => isNear(place, other))) ?? (labels[0] as Point);
      taken.push([labelX, labelY]);
      const path = svg('path', { d, class: 'flow-edge', 'marker-end': 'url(#flow-arrow)' });
      const rate = svg('text', { x: labelX, y: labelY, class: 'flow-rate' });
      this.#edges.set(wayOf(flow), { path, rate });
      lines.append(path);
      rates.append(rate);
    }
    this.#picture = picture;
    this.#graph.append(picture);
  }
}

/** Where the edges of the fuller end have parted already. */
function labelPlace({ from, to }: FlowSnapshot, flows: readonly FlowSnapshot[]): number {
  const leaving = flows.filter((flow) => flow.from === from).length;
  const arriving = flows.filter((flow) => flow.to === to).length;
  return leaving > arriving ? 0.72 : arriving > leaving ? 0.28 : 0.5;
}

function nodeOf({ name, x, y }: PlacedNode): SVGGElement {
  const { nodeWidth, nodeHeight } = SIZES;
  const text = svg('text', { x: x + nodeWidth / 2, y: y + nodeHeight / 2 + 4, class: 'flow-name' });
  const shown = visible(name);
  text.textContent = shown.length > NAME_CHARACTERS ? `${[...shown].slice(0, NAME_CHARACTERS - 1).join('')}…` : shown;
  const title = svg('title');
  title.textContent = shown;
  const isOutside = name.startsWith('(');
  return svg('g', {}, title, svg('rect', { x, y, width: nodeWidth, height: nodeHeight, rx: 6, class: isOutside ? 'flow-node outside' : 'flow-node' }), text);
}

interface DrawnEdge {
  readonly d: string;
  /** Places of its rate, the best first. */
  readonly labels: readonly Point[];
}

/** Forward from right to left edge, through its bends; back below; and to the same kind as a loop above. */
function edgeOf(from: PlacedNode, to: PlacedNode, bends: readonly Point[], labelAt: number): DrawnEdge {
  const { nodeWidth, nodeHeight } = SIZES;
  const middle = nodeHeight / 2;
  if (from === to) {
    const x = from.x + nodeWidth * 0.5;
    return { d: `M${x - 26} ${from.y}C${x - 26} ${from.y - 16},${x + 26} ${from.y - 16},${x + 26} ${from.y}`, labels: [[x + 46, from.y - 4]] };
  }
  if (to.x > from.x) {
    const start: Point = [from.x + nodeWidth, from.y + middle];
    const first = bends[0] === undefined ? ([to.x, to.y + middle] as Point) : ([bends[0][0] - nodeWidth / 2, bends[0][1]] as Point);
    let d = `M${start.join(' ')}`;
    let at = start;
    for (const [x, y] of bends) {
      d += `${curve(at, [x - nodeWidth / 2, y])}L${x + nodeWidth / 2} ${y}`;
      at = [x + nodeWidth / 2, y];
    }
    d += curve(at, [to.x, to.y + middle]);
    const bend = (first[0] - start[0]) / 2;
    return { d, labels: placesOn(start, [start[0] + bend, start[1]], [first[0] - bend, first[1]], first, labelAt) };
  }
  const startX = from.x + nodeWidth / 2;
  const endX = to.x + nodeWidth / 2;
  const startY = from.y + nodeHeight;
  const endY = to.y + nodeHeight;
  const low = Math.max(startY, endY) + 16 + Math.abs(startX - endX) / 14;
  const shift = startX === endX ? nodeWidth / 2 : 0;
  const d = `M${startX} ${startY}C${startX + shift} ${low},${endX + shift} ${low},${endX} ${endY}`;
  return { d, labels: placesOn([startX, startY], [startX + shift, low], [endX + shift, low], [endX, endY], 0.4) };
}

function curve([fromX, fromY]: Point, [toX, toY]: Point): string {
  const bend = (toX - fromX) / 2;
  return `C${fromX + bend} ${fromY},${toX - bend} ${toY},${toX} ${toY}`;
}

function placesOn(a: Point, b: Point, c: Point, d: Point, best: number): Point[] {
  return [best, ...LABEL_PLACES].map((t): Point => {
    const at = (axis: 0 | 1): number => (1 - t) ** 3 * a[axis] + 3 * (1 - t) ** 2 * t * b[axis] + 3 * (1 - t) * t ** 2 * c[axis] + t ** 3 * d[axis];
    return [Math.round(at(0)), Math.round(at(1)) - 4];
  });
}

function isNear([x, y]: Point, [otherX, otherY]: Point): boolean {
  return Math.abs(x - otherX) < LABEL_WIDTH && Math.abs(y - otherY) < LABEL_HEIGHT;
}

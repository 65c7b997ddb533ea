/**
 * The flow of messages between kinds: the heaviest as a graph, the rest summed up; the same as a table, which is what a screen reader and a narrow window get. A flow
 * that is drawn stays drawn while it is not far from the heaviest, so that the picture does not jump.
 */
import type { FlowSnapshot, SystemSnapshot } from '../../model/observation.js';
import { element, foreign, setAttribute, setHidden, setText, svg } from './dom.js';
import { type FlowLayout, type FlowSizes, layOut, type PlacedNode } from './flow-layout.js';
import { amount, percent } from './format.js';
import { Panel } from './panel.js';
import { TableView, fillBar, once } from './table-view.js';

const DRAWN_MAX = 20;
/** One that is drawn stays as long as it is among so many. */
const KEPT_AMONG = 30;
const TABLE_ROWS = 50;
const NAME_CHARACTERS = 17;
const SIZES: FlowSizes = { nodeWidth: 136, nodeHeight: 34, gapX: 84, gapY: 14, margin: 16, layerNodesMax: 9 };

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
      key: keyOf,
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
    const heaviest = [...flows].sort((a, b) => b.perSecond - a.perSecond || (keyOf(a) < keyOf(b) ? -1 : 1));
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
    const kept = heaviest.slice(0, KEPT_AMONG).filter((flow) => this.#drawn.has(keyOf(flow)));
    const fresh = heaviest.slice(0, DRAWN_MAX).filter((flow) => !this.#drawn.has(keyOf(flow)));
    return [...kept, ...fresh].slice(0, DRAWN_MAX);
  }

  #draw(flows: readonly FlowSnapshot[]): void {
    const keys = new Set(flows.map(keyOf));
    const isSame = keys.size === this.#drawn.size && [...keys].every((key) => this.#drawn.has(key));
    if (!isSame || this.#picture === undefined) this.#build(flows, keys);
    for (const flow of flows) {
      const edge = this.#edges.get(keyOf(flow));
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
    for (const flow of flows) {
      const from = layout.nodes.get(flow.from) as PlacedNode;
      const to = layout.nodes.get(flow.to) as PlacedNode;
      const { d, labelX, labelY } = edgeOf(from, to);
      const path = svg('path', { d, class: 'flow-edge', 'marker-end': 'url(#flow-arrow)' });
      const rate = svg('text', { x: labelX, y: labelY, class: 'flow-rate' });
      this.#edges.set(keyOf(flow), { path, rate });
      lines.append(path);
      rates.append(rate);
    }
    this.#picture = picture;
    this.#graph.append(picture);
  }
}

function keyOf({ from, to }: FlowSnapshot): string {
  return JSON.stringify([from, to]);
}

function nodeOf({ name, x, y }: PlacedNode): SVGGElement {
  const { nodeWidth, nodeHeight } = SIZES;
  const text = svg('text', { x: x + nodeWidth / 2, y: y + nodeHeight / 2 + 4, class: 'flow-name' });
  text.textContent = name.length > NAME_CHARACTERS ? `${[...name].slice(0, NAME_CHARACTERS - 1).join('')}…` : name;
  const title = svg('title');
  title.textContent = name;
  const isOutside = name.startsWith('(');
  return svg('g', {}, title, svg('rect', { x, y, width: nodeWidth, height: nodeHeight, rx: 6, class: isOutside ? 'flow-node outside' : 'flow-node' }), text);
}

/** Forward from right to left edge, back below, and to the same kind as a loop above. */
function edgeOf(from: PlacedNode, to: PlacedNode): { readonly d: string; readonly labelX: number; readonly labelY: number } {
  const { nodeWidth, nodeHeight, gapX } = SIZES;
  const middle = nodeHeight / 2;
  if (from === to) {
    const x = from.x + nodeWidth * 0.5;
    return { d: `M${x - 26} ${from.y}C${x - 26} ${from.y - 16},${x + 26} ${from.y - 16},${x + 26} ${from.y}`, labelX: x + 46, labelY: from.y - 4 };
  }
  if (to.x > from.x) {
    const startX = from.x + nodeWidth;
    const startY = from.y + middle;
    const endY = to.y + middle;
    const bend = Math.max(gapX / 2, (to.x - startX) / 2);
    const d = `M${startX} ${startY}C${startX + bend} ${startY},${to.x - bend} ${endY},${to.x} ${endY}`;
    // A third of the way, where edges to one node have not come together yet.
    return { d, ...curvePoint([startX, startY], [startX + bend, startY], [to.x - bend, endY], [to.x, endY], 0.36) };
  }
  const startX = from.x + nodeWidth / 2;
  const endX = to.x + nodeWidth / 2;
  const startY = from.y + nodeHeight;
  const endY = to.y + nodeHeight;
  const low = Math.max(startY, endY) + 16 + Math.abs(startX - endX) / 14;
  const shift = startX === endX ? nodeWidth / 2 : 0;
  const d = `M${startX} ${startY}C${startX + shift} ${low},${endX + shift} ${low},${endX} ${endY}`;
  return { d, ...curvePoint([startX, startY], [startX + shift, low], [endX + shift, low], [endX, endY], 0.4) };
}

type Point = readonly [x: number, y: number];

function curvePoint(a: Point, b: Point, c: Point, d: Point, t: number): { readonly labelX: number; readonly labelY: number } {
  const at = (axis: 0 | 1): number => (1 - t) ** 3 * a[axis] + 3 * (1 - t) ** 2 * t * b[axis] + 3 * (1 - t) * t ** 2 * c[axis] + t ** 3 * d[axis];
  return { labelX: Math.round(at(0)), labelY: Math.round(at(1)) - 4 };
}

/**
 * Who reaches whom: the sides of the cluster by name, and a square for each pair, members of a side beside each other, so that a partition is seen as blocks. With few members the
 * squares have names, with many they become small; the sentences below say the same. Drawn anew only when it has changed.
 */
import type { ClusterSnapshot } from '../../model/cluster-snapshot.js';
import { type ClusterPicture, type ClusterSide, pictureOf, unreachedSentences } from './cluster-picture.js';
import { element, foreign, svg } from './dom.js';
import { whole } from './format.js';
import { Panel } from './panel.js';
import { visible } from './visible-text.js';

/** Names that a side shows. */
const NAMES_MAX = 24;
const SENTENCES_MAX = 8;
const SENTENCE_NAMES_MAX = 4;
/** From so many on the squares have no names. */
const NAMED_MAX = 16;
const NAME_CHARACTERS = 14;
const NAMES_WIDTH = 110;
const PICTURE_WIDTH = 520;
const CELL_MAX = 30;
const CELL_MIN = 4;

export class ReachabilityPanel {
  readonly panel: Panel;
  /** Stands by itself: a partition is the first that one should see. */
  readonly sides = element('ul', { class: 'cluster-sides', 'aria-label': 'Sides of the partition' });
  readonly #matrix = element('div', { class: 'reach-matrix' });
  readonly #sentences = element('ul', { class: 'reach-sentences' });
  #key = '';

  constructor() {
    const legend = element(
      'p',
      { class: 'legend' },
      element('span', {}, element('span', { class: 'reach-key reaches', 'aria-hidden': 'true' }), 'reaches'),
      element('span', {}, element('span', { class: 'reach-key unreached', 'aria-hidden': 'true' }), 'does not reach'),
      'row to column',
    );
    this.panel = new Panel('Who reaches whom', 'reachability', this.#matrix, legend, this.#sentences);
  }

  show(cluster: ClusterSnapshot): void {
    const picture = pictureOf(cluster);
    const { sides, order, unreachedPairs } = picture;
    this.panel.note(
      order.length < 2
        ? ''
        : unreachedPairs === 0 && sides.length <= 1
          ? `all ${whole(order.length)} reach each other, as far as this node knows`
          : `${sides.length} side${sides.length === 1 ? '' : 's'} · ${whole(unreachedPairs)} of ${whole(order.length * (order.length - 1))} ways do not work`,
    );
    const key = `${picture.key}${cluster.self.name}/${cluster.coordinator}/${sides.map(({ voters }) => voters).join()}`;
    if (key === this.#key) return;
    this.#key = key;
    this.sides.replaceChildren(...(sides.length > 1 ? sides.map((side, index) => sideItem(side, index)) : []));
    this.#matrix.replaceChildren(...(order.length > 1 ? [matrix(picture)] : [element('p', { class: 'empty' }, 'No other member.')]));
    this.#sentences.replaceChildren(...unreachedSentences(order, SENTENCES_MAX, SENTENCE_NAMES_MAX).map((sentence) => element('li', {}, visible(sentence))));
  }
}

function sideItem({ members, voters, hasSelf, hasCoordinator }: ClusterSide, index: number): HTMLElement {
  const facts = [
    `${whole(members.length)} node${members.length === 1 ? '' : 's'}`,
    `${whole(voters)} voter${voters === 1 ? '' : 's'}`,
    ...(hasSelf ? ['this node'] : []),
    ...(hasCoordinator ? ['coordinator'] : []),
  ];
  const names = members.slice(0, NAMES_MAX).map(({ name }) => element('li', {}, foreign(name)));
  if (members.length > NAMES_MAX) names.push(element('li', { class: 'more' }, `and ${whole(members.length - NAMES_MAX)} more`));
  return element(
    'li',
    { class: 'cluster-side' },
    element('p', {}, element('b', {}, `Side ${index + 1}`), element('span', { class: 'hint-text' }, ` ${facts.join(' · ')}`)),
    element('ul', { class: 'node-names' }, ...names),
  );
}

function matrix({ order, sides, unreached, unreachedPairs }: ClusterPicture): SVGSVGElement {
  const isNamed = order.length <= NAMED_MAX;
  const left = isNamed ? NAMES_WIDTH : 1;
  const top = isNamed ? 76 : 1;
  const cell = Math.max(CELL_MIN, Math.min(CELL_MAX, Math.floor((PICTURE_WIDTH - left) / order.length)));
  const size = cell * order.length;
  const gap = cell >= 12 ? 2 : cell >= 6 ? 1 : 0;
  const [width, height] = [left + size + (isNamed ? 44 : 1), top + size + 1];
  const picture = svg('svg', {
    class: 'reach-picture',
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    focusable: 'false',
    'aria-label': `${order.length} members, on ${sides.length} side${sides.length === 1 ? '' : 's'}; ${unreachedPairs} ways from one to another do not work${unreachedPairs === 0 ? '' : ': the list below names them'}.`,
  });
  picture.style.maxWidth = `${width}px`;
  const hatch = svg('pattern', { id: 'reach-hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' });
  hatch.append(svg('rect', { width: 6, height: 6, class: 'hatch-ground' }), svg('rect', { width: 2.5, height: 6, class: 'hatch-line' }));
  picture.append(svg('defs', {}, hatch));
  const box = (row: number, from: number, to: number, className: string): SVGRectElement =>
    svg('rect', {
      class: className,
      x: left + from * cell + gap / 2,
      y: top + row * cell + gap / 2,
      width: (to - from) * cell - gap,
      height: cell - gap,
      rx: cell >= 12 ? 3 : 0,
    });
  if (gap === 0) picture.append(svg('rect', { class: 'reach-cell', x: left, y: top, width: size, height: size }));
  for (const row of order.keys()) {
    if (gap > 0 && cell >= 12) for (const column of order.keys()) picture.append(box(row, column, column + 1, row === column ? 'reach-self' : 'reach-cell'));
    else {
      if (gap > 0) picture.append(box(row, 0, order.length, 'reach-cell'));
      picture.append(box(row, row, row + 1, 'reach-self'));
    }
  }
  for (const { row, from, to } of unreached) {
    if (cell < 12) picture.append(box(row, from, to, 'reach-cut'));
    else for (let column = from; column < to; column++) picture.append(box(row, column, column + 1, 'reach-cut'));
  }
  let edge = 0;
  for (const side of sides.slice(0, -1)) {
    edge += side.members.length;
    const at = edge * cell;
    picture.append(svg('line', { class: 'reach-border', x1: left + at, x2: left + at, y1: top, y2: top + size }));
    picture.append(svg('line', { class: 'reach-border', x1: left, x2: left + size, y1: top + at, y2: top + at }));
  }
  if (isNamed) {
    for (const [index, { name }] of order.entries()) {
      const middle = index * cell + cell / 2;
      picture.append(label(name, left - 8, top + middle + 4, 'reach-name row'));
      const column = label(name, 0, 0, 'reach-name');
      column.setAttribute('transform', `translate(${left + middle + 3} ${top - 8}) rotate(-45)`);
      picture.append(column);
    }
  }
  return picture;
}

function label(name: string, x: number, y: number, className: string): SVGTextElement {
  const text = svg('text', { class: className, x, y });
  const shown = visible(name);
  text.textContent = shown.length > NAME_CHARACTERS ? `${shown.slice(0, NAME_CHARACTERS - 1)}…` : shown;
  return text;
}

/** The slowest actions, and the distribution of the one that is chosen. */
import type { ActionSnapshot, SystemSnapshot } from '../../model/observation.js';
import { element, foreign, setAttribute, setHidden, setText, svg } from './dom.js';
import { amount, milliseconds, percent } from './format.js';
import { Panel } from './panel.js';
import { once, TableView } from './table-view.js';
import { visible } from './visible-text.js';

const BAR_WIDTH = 20;
const BAR_GAP = 2;
const HEIGHT = 72;

export class ActionsPanel {
  readonly panel: Panel;
  readonly #distribution = new DistributionChart();
  #actions: readonly ActionSnapshot[] = [];
  #chosen: string | undefined;
  readonly #table = new TableView<ActionSnapshot>({
    caption: 'Slowest actions',
    empty: 'No action has been timed in this period.',
    key: keyOf,
    columns: [
      {
        label: 'Action',
        isHeader: true,
        show: {
          fill: (cell, action) => {
            if (cell.firstChild === null) cell.append(this.#chooser(action));
            setAttribute(cell.firstElementChild as Element, 'aria-pressed', String(keyOf(action) === this.#shownKey()));
          },
        },
      },
      { label: 'Kind', show: once(({ kind }) => foreign(kind)) },
      { label: 'p50', className: 'number wide', show: ({ p50Ms }) => milliseconds(p50Ms) },
      { label: 'p99', className: 'number', show: ({ p99Ms }) => milliseconds(p99Ms) },
      { label: 'Max', className: 'number wide', show: ({ maxMs }) => milliseconds(maxMs) },
      { label: 'Calls/s', className: 'number', show: ({ perSecond }) => amount(perSecond) },
      { label: 'Failed/s', className: 'number wide', show: ({ failedPerSecond }) => amount(failedPerSecond) },
    ],
  });

  /** @param boundsMs what the distributions are counted by */
  constructor(boundsMs: () => readonly number[]) {
    this.#distribution.boundsMs = boundsMs;
    this.panel = new Panel('Slowest actions', 'actions', this.#table.element, this.#distribution.element);
  }

  show({ actions, periodMs }: SystemSnapshot): void {
    this.#actions = actions;
    this.#table.show(actions);
    this.panel.note(periodMs === 0 ? 'measuring …' : actions.length === 0 ? '' : 'time in the handler, from a sample');
    this.#distribution.show(actions.find((action) => keyOf(action) === this.#shownKey()));
  }

  /** The one that was chosen while it is there, else the slowest. */
  #shownKey(): string | undefined {
    const [slowest] = this.#actions;
    if (this.#chosen !== undefined && this.#actions.some((action) => keyOf(action) === this.#chosen)) return this.#chosen;
    return slowest === undefined ? undefined : keyOf(slowest);
  }

  #chooser(action: ActionSnapshot): HTMLButtonElement {
    const button = element(
      'button',
      { type: 'button', class: 'cell-button', title: visible(`Show the distribution of ${action.kind} ${action.action}`) },
      foreign(action.action),
    );
    button.addEventListener('click', () => {
      this.#chosen = keyOf(action);
      this.#table.show(this.#actions);
      this.#distribution.show(this.#actions.find((each) => keyOf(each) === this.#chosen));
    });
    return button;
  }
}

/** How many samples took how long, over a scale of powers of two. */
class DistributionChart {
  readonly element: HTMLElement;
  boundsMs: () => readonly number[] = () => [];
  readonly #title = element('h3', {}, '\u00a0');
  readonly #text = element('p', { class: 'panel-note' }, '\u00a0');
  readonly #picture = svg('svg', { class: 'distribution', role: 'img', focusable: 'false' });
  #bars: SVGRectElement[] = [];
  #marks: SVGTextElement[] = [];

  constructor() {
    this.element = element('div', { class: 'distribution-place' }, this.#title, this.#picture, this.#text);
  }

  show(action: ActionSnapshot | undefined): void {
    setHidden(this.element, action === undefined);
    if (action === undefined) return;
    const { kind, distribution, samples, meanMs, p50Ms, p99Ms, maxMs } = action;
    const bounds = this.boundsMs();
    this.#build(distribution.length, bounds);
    const most = Math.max(1, ...distribution);
    const all = distribution.reduce((sum, count) => sum + count, 0);
    for (const [index, bar] of this.#bars.entries()) {
      const count = distribution[index] ?? 0;
      // A bar that is there is seen, however few it stands for.
      const height = count === 0 ? 0 : Math.max(2, (HEIGHT * count) / most);
      setAttribute(bar, 'height', height.toFixed(1));
      setAttribute(bar, 'y', (HEIGHT - height).toFixed(1));
      const upper = bounds[index];
      const range = upper === undefined ? `over ${milliseconds(bounds.at(-1) ?? 0)}` : `up to ${milliseconds(upper)}`;
      setText(bar.firstElementChild as Element, `${range}: ${count} of ${all}`);
    }
    setText(this.#title, visible(`Distribution: ${kind} · ${action.action}`));
    const peak = distribution.indexOf(most);
    const peakText = bounds[peak] === undefined ? '' : `, most often up to ${milliseconds(bounds[peak])} (${percent(all === 0 ? 0 : most / all)})`;
    const text = `${amount(samples)} samples: mean ${milliseconds(meanMs)}, half within ${milliseconds(p50Ms)}, 99 % within ${milliseconds(p99Ms)}, longest ${milliseconds(maxMs)}${peakText}`;
    setText(this.#text, text);
    setAttribute(this.#picture, 'aria-label', `Distribution of how long ${kind} ${action.action} takes; ${text}`);
  }

  #build(count: number, bounds: readonly number[]): void {
    if (this.#bars.length === count) return;
    const step = BAR_WIDTH + BAR_GAP;
    this.#bars = Array.from({ length: count }, (_, index) => svg('rect', { x: index * step, width: BAR_WIDTH, class: 'distribution-bar' }, svg('title')));
    // Each fourth bound: the text of one takes the place of four bars.
    this.#marks = bounds.flatMap((bound, index) => {
      if (index % 4 !== 2) return [];
      const mark = svg('text', { x: (index + 1) * step - BAR_GAP / 2, y: HEIGHT + 14, class: 'distribution-mark' });
      mark.textContent = milliseconds(bound);
      return [mark];
    });
    const line = svg('line', { x1: 0, x2: count * step, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5, class: 'distribution-line' });
    setAttribute(this.#picture, 'viewBox', `0 0 ${count * step} ${HEIGHT + 20}`);
    this.#picture.replaceChildren(...this.#bars, line, ...this.#marks);
  }
}

function keyOf({ kind, action }: ActionSnapshot): string {
  return JSON.stringify([kind, action]);
}

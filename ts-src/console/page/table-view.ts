/**
 * A table whose rows change with every snapshot. Rows keep their elements by key, so that what is selected or read stays; while the pointer or the focus is in the
 * table no row moves, so that nobody clicks on what has just slipped away. The number of rows is what the caller gives: bounded.
 */
import { element, setAttribute, setHidden, setText } from './dom.js';

export interface Column<R> {
  readonly label: string;
  /** `number` is aligned to the right; `wide` is left out where there is little room. */
  readonly className?: string;
  /** Explains the column. */
  readonly title?: string;
  /** A text, or what fills the cell. */
  readonly show: ((row: R) => string) | { fill(cell: HTMLElement, row: R): void };
  /** Names the row. */
  readonly isHeader?: boolean;
}

export interface TableOptions<R> {
  readonly caption: string;
  readonly columns: readonly Column<R>[];
  key(row: R): string;
  /** Shown in the place of rows. */
  readonly empty: string;
}

export class TableView<R> {
  /** A region that scrolls by itself, reachable by the keyboard. */
  readonly element: HTMLElement;
  readonly #options: TableOptions<R>;
  readonly #body = element('tbody');
  readonly #empty: HTMLElement;
  readonly #table: HTMLElement;
  readonly #rows = new Map<string, HTMLTableRowElement>();

  constructor(options: TableOptions<R>) {
    this.#options = options;
    const heads = options.columns.map(({ label, className = '', title }) =>
      element('th', { scope: 'col', class: className, ...(title === undefined ? {} : { title }) }, label),
    );
    this.#table = element(
      'table',
      {},
      element('caption', { class: 'hidden-label' }, options.caption),
      element('thead', {}, element('tr', {}, ...heads)),
      this.#body,
    );
    this.#empty = element('p', { class: 'empty' }, options.empty);
    this.element = element('div', { class: 'table-scroll', role: 'region', 'aria-label': options.caption }, this.#table, this.#empty);
    // A stop on the way of Tab only while there is something to scroll.
    const sizes = new ResizeObserver(() => this.#letScroll());
    sizes.observe(this.element);
    sizes.observe(this.#table);
  }

  show(rows: readonly R[]): void {
    const { key } = this.#options;
    const held = this.#rows.size > 0 && (this.#body.matches(':hover') || this.#body.contains(document.activeElement));
    const wanted = new Map(rows.map((row) => [key(row), row]));
    for (const [name, line] of this.#rows) {
      if (wanted.has(name)) continue;
      if (line.contains(document.activeElement)) this.#holdFocus();
      line.remove();
      this.#rows.delete(name);
    }
    let previous: HTMLTableRowElement | null = null;
    for (const [name, row] of wanted) {
      let line = this.#rows.get(name);
      const isNew = line === undefined;
      if (line === undefined) {
        line = this.#newLine();
        this.#rows.set(name, line);
      }
      this.#fill(line, row);
      if (isNew || !held) {
        const next: Element | null = previous === null ? this.#body.firstElementChild : previous.nextElementSibling;
        if (next !== line) this.#body.insertBefore(line, held ? null : next);
      }
      previous = line;
    }
    setHidden(this.#empty, rows.length > 0);
    setHidden(this.#table, rows.length === 0);
  }

  /** What had the focus goes: the focus stays in the table. */
  #holdFocus(): void {
    setAttribute(this.element, 'tabindex', '0');
    this.element.focus();
  }

  #letScroll(): void {
    const { scrollHeight, clientHeight, scrollWidth, clientWidth } = this.element;
    if (scrollHeight > clientHeight || scrollWidth > clientWidth) setAttribute(this.element, 'tabindex', '0');
    else if (document.activeElement !== this.element) this.element.removeAttribute('tabindex');
  }

  #newLine(): HTMLTableRowElement {
    const line = element('tr');
    for (const { isHeader, className = '' } of this.#options.columns)
      line.append(isHeader ? element('th', { scope: 'row', class: className }) : element('td', { class: className }));
    return line;
  }

  #fill(line: HTMLTableRowElement, row: R): void {
    for (const [index, { show }] of this.#options.columns.entries()) {
      const cell = line.children[index] as HTMLElement;
      if (typeof show === 'function') setText(cell, show(row));
      else show.fill(cell, row);
    }
  }
}

/** A share as a bar with its text; the bar is only for the eye. */
export function fillBar(cell: HTMLElement, share: number, text: string, level: 'ok' | 'warn' | 'bad' = 'ok'): void {
  let label = cell.firstElementChild as HTMLElement | null;
  let bar = cell.lastElementChild as HTMLElement | null;
  if (label === null || bar === null) {
    label = element('span', { class: 'bar-text' });
    bar = element('span', { class: 'bar', 'aria-hidden': 'true' }, element('span', { class: 'bar-fill' }));
    cell.append(label, bar);
  }
  setText(label, level === 'ok' ? text : `${text} ${level === 'bad' ? '▲' : '△'}`);
  setAttribute(bar, 'data-level', level);
  const width = `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;
  const fill = bar.firstElementChild as HTMLElement;
  if (fill.style.width !== width) fill.style.width = width;
}

/** A cell that is filled once: its content follows from the key of the row. */
export function once<R>(make: (row: R) => Node): { fill(cell: HTMLElement, row: R): void } {
  return {
    fill(cell, row) {
      if (cell.firstChild === null) cell.append(make(row));
    },
  };
}

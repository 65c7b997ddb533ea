/** A part of the overview: a heading, a line that sums it up, and its content. */
import { element, setText } from './dom.js';

let panels = 0;

export class Panel {
  readonly element: HTMLElement;
  readonly #note = element('p', { class: 'panel-note' });

  /** @param area its place in the grid */
  constructor(title: string, area: string, ...content: Node[]) {
    const id = `panel-${++panels}`;
    const heading = element('h2', { id }, title);
    this.element = element(
      'section',
      { class: `panel area-${area}`, 'aria-labelledby': id },
      element('div', { class: 'panel-head' }, heading, this.#note),
      ...content,
    );
  }

  note(text: string): void {
    setText(this.#note, text);
  }
}

/** Agents by kind. */
import type { KindSnapshot, SystemSnapshot } from '../../model/observation.js';
import { element, foreign } from './dom.js';
import { amount, whole } from './format.js';
import { Panel } from './panel.js';
import { fillBar, once, TableView } from './table-view.js';

export class KindsPanel {
  readonly panel: Panel;
  #most = 0;
  readonly #table = new TableView<KindSnapshot>({
    caption: 'Agents by kind',
    empty: 'No agent lives here yet.',
    key: ({ kind }) => kind,
    columns: [
      {
        label: 'Kind',
        className: 'name',
        isHeader: true,
        show: once(({ kind }) => element('a', { href: `#agents?${new URLSearchParams({ kind })}`, class: 'agent-link' }, foreign(kind))),
      },
      {
        label: 'Agents',
        className: 'number bar-column',
        show: { fill: (cell, { agents }) => fillBar(cell, this.#most === 0 ? 0 : agents / this.#most, agents < 1e6 ? whole(agents) : amount(agents)) },
      },
      { label: 'Handled/s', className: 'number', title: 'From a sample', show: ({ handledPerSecond }) => amount(handledPerSecond) },
    ],
  });

  constructor() {
    this.panel = new Panel('Agents by kind', 'kinds', this.#table.element);
  }

  show({ kinds }: SystemSnapshot): void {
    this.#most = kinds.reduce((most, { agents }) => Math.max(most, agents), 0);
    this.#table.show(kinds);
    this.panel.note(kinds.length === 0 ? '' : `${kinds.length} kind${kinds.length === 1 ? '' : 's'}`);
  }
}

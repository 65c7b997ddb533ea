/** The agents with the most messages that wait. */
import type { MailboxSnapshot, SystemSnapshot } from '../../model/observation.js';
import { agentLink, foreign } from './dom.js';
import { whole } from './format.js';
import { Panel } from './panel.js';
import { fillBar, once, TableView } from './table-view.js';

const FULL = 0.9;
const FILLING = 0.5;

export class MailboxesPanel {
  readonly panel: Panel;
  readonly #table = new TableView<MailboxSnapshot>({
    caption: 'Deepest mailboxes',
    empty: 'No agent has messages waiting.',
    key: ({ id }) => id,
    columns: [
      { label: 'Agent', isHeader: true, show: once(({ id }) => agentLink(id)) },
      { label: 'Kind', show: once(({ kind }) => foreign(kind)) },
      { label: 'Thread', className: 'number wide', show: ({ thread }) => String(thread) },
      {
        label: 'Waiting',
        className: 'number bar-column',
        title: 'Messages that wait; the bar is their share of the capacity',
        show: {
          fill: (cell, { waiting, capacity }) => {
            const share = capacity === 0 ? 0 : waiting / capacity;
            fillBar(cell, share, whole(waiting), share >= FULL ? 'bad' : share >= FILLING ? 'warn' : 'ok');
          },
        },
      },
    ],
  });

  constructor() {
    this.panel = new Panel('Deepest mailboxes', 'mailboxes', this.#table.element);
  }

  show({ mailboxes }: SystemSnapshot): void {
    this.#table.show(mailboxes);
  }
}

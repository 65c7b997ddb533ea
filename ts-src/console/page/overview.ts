/** The overview: everything that is worth a look at once, in a grid. Drawn only while it is seen. */
import type { SystemSnapshot } from '../../model/observation.js';
import { element } from './dom.js';
import type { History } from './history.js';
import type { Panel } from './panel.js';
import { ActionsPanel } from './panel-actions.js';
import { FlowsPanel } from './panel-flows.js';
import { KindsPanel } from './panel-kinds.js';
import { MailboxesPanel } from './panel-mailboxes.js';
import { MessagesPanel } from './panel-messages.js';
import { ThreadsPanel } from './panel-threads.js';
import { TotalsPanel } from './panel-totals.js';
import { DeadLettersPanel, FailuresPanel } from './panel-troubles.js';

export class Overview {
  readonly #totals = new TotalsPanel();
  readonly #messages = new MessagesPanel();
  readonly #threads = new ThreadsPanel();
  readonly #kinds = new KindsPanel();
  readonly #actions: ActionsPanel;
  readonly #mailboxes = new MailboxesPanel();
  readonly #flows = new FlowsPanel();
  readonly #deadLetters = new DeadLettersPanel();
  readonly #failures = new FailuresPanel();

  constructor(place: HTMLElement, boundsMs: () => readonly number[]) {
    this.#actions = new ActionsPanel(boundsMs);
    const wide = [this.#threads, this.#actions, this.#flows, this.#deadLetters];
    const narrow = [this.#messages, this.#kinds, this.#mailboxes, this.#failures];
    const grid = element('div', { class: 'grid' }, this.#totals.element, column('wide-column', wide), column('narrow-column', narrow));
    place.append(element('h1', { id: 'overview-title', class: 'hidden-label' }, 'Overview'), grid);
  }

  show(snapshot: SystemSnapshot, history: History): void {
    this.#totals.show(snapshot, history.points);
    this.#messages.show(snapshot, history.points);
    for (const part of [this.#threads, this.#kinds, this.#actions, this.#mailboxes, this.#flows, this.#deadLetters, this.#failures]) part.show(snapshot);
  }
}

/** Panels below each other, each as high as it needs: no panel leaves a hole beside a higher one. */
function column(className: string, parts: readonly { readonly panel: Panel }[]): HTMLElement {
  return element('div', { class: className }, ...parts.map(({ panel }) => panel.element));
}

/** What went wrong: messages that could not be delivered, and handlers that failed. */
import type { RecentDeadLetter, RecentFailure, SystemSnapshot } from '../../model/observation.js';
import { agentLink, element, foreign } from './dom.js';
import { amount, timeOfDay, whole } from './format.js';
import { Panel } from './panel.js';
import { fillBar, once, TableView } from './table-view.js';

const REASONS: Readonly<Record<string, string>> = {
  noAgent: 'no such agent',
  mailboxFull: 'mailbox full',
  dropped: 'dropped by overflow',
  agentStopped: 'agent had ended',
  threadLost: 'thread was lost',
  nexusStopped: 'nexus stopped',
  refused: 'refused',
  ringFull: 'ring full',
};

interface ReasonRow {
  readonly reason: string;
  readonly count: number;
  readonly share: number;
}

/** Entries have no names: what they say is their key, with a number for those that say the same. */
function keyed<T>(entries: readonly T[]): (T & { readonly key: string })[] {
  const times = new Map<string, number>();
  return entries.map((entry) => {
    const text = JSON.stringify(entry);
    const number = (times.get(text) ?? 0) + 1;
    times.set(text, number);
    return { ...entry, key: `${number} ${text}` };
  });
}

export class DeadLettersPanel {
  readonly panel: Panel;
  readonly #reasons = new TableView<ReasonRow>({
    caption: 'Dead letters by reason',
    empty: 'Every message has been delivered.',
    key: ({ reason }) => reason,
    columns: [
      { label: 'Reason', className: 'label', isHeader: true, show: ({ reason }) => REASONS[reason] ?? reason },
      { label: 'Since the start', className: 'number bar-column', show: { fill: (cell, { count, share }) => fillBar(cell, share, whole(count)) } },
    ],
  });
  readonly #recent = new TableView<RecentDeadLetter & { readonly key: string }>({
    caption: 'Recent dead letters',
    empty: 'None since this page looks.',
    key: ({ key }) => key,
    columns: [
      { label: 'Time', isHeader: true, className: 'time', show: ({ atMs }) => timeOfDay(atMs) },
      { label: 'Reason', show: ({ reason }) => REASONS[reason] ?? reason },
      { label: 'For', show: once(({ id, kind }) => (id === undefined ? (kind === undefined ? element('span', {}, '–') : foreign(kind)) : agentLink(id))) },
      { label: 'Action', show: once(({ action }) => (action === undefined ? element('span', {}, '–') : foreign(action))) },
    ],
  });

  constructor() {
    const recent = element('div', {}, element('h3', {}, 'Recent'), this.#recent.element);
    this.panel = new Panel(
      'Dead letters',
      'dead-letters',
      element('div', { class: 'beside' }, element('div', {}, element('h3', {}, 'By reason'), this.#reasons.element), recent),
    );
  }

  show({ deadLetters, periodMs }: SystemSnapshot): void {
    const counts = Object.entries(deadLetters.totals).filter(([, count]) => count > 0);
    const most = Math.max(1, ...counts.map(([, count]) => count));
    counts.sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
    this.#reasons.show(counts.map(([reason, count]) => ({ reason, count, share: count / most })));
    this.#recent.show(keyed(deadLetters.recent));
    this.panel.note(periodMs === 0 ? '' : `${amount(deadLetters.perSecond)} per s`);
  }
}

export class FailuresPanel {
  readonly panel: Panel;
  readonly #recent = new TableView<RecentFailure & { readonly key: string }>({
    caption: 'Recent failures',
    empty: 'No failure since this page looks.',
    key: ({ key }) => key,
    columns: [
      { label: 'Time', isHeader: true, className: 'time', show: ({ atMs }) => timeOfDay(atMs) },
      { label: 'Agent', show: once(({ id }) => agentLink(id)) },
      { label: 'Kind', className: 'wide', show: once(({ kind }) => foreign(kind)) },
      { label: 'Action', className: 'wide', show: once(({ action }) => (action === undefined ? element('span', {}, 'hook') : foreign(action))) },
      { label: 'Error', className: 'error-text', show: once(({ error }) => foreign(error)) },
    ],
  });

  constructor() {
    this.panel = new Panel('Restarts and failures', 'failures', this.#recent.element);
  }

  show({ restarts, periodMs }: SystemSnapshot): void {
    this.#recent.show(keyed(restarts.recent));
    this.panel.note(`${whole(restarts.total)} restarts since the start${periodMs === 0 ? '' : ` · ${amount(restarts.perSecond)} per s`}`);
  }
}

/**
 * Pause, resume and stop, where the console allows it: each is confirmed, and needs the token, which is kept in the memory of this page and nowhere else. A token that
 * is refused is forgotten.
 */
import type { ConsoleAction } from '../protocol.js';
import { performAction, RequestFailure } from './console-api.js';
import { element, foreign, setHidden, setText } from './dom.js';

const WORDS: Readonly<Record<ConsoleAction, { readonly label: string; readonly explanation: string }>> = {
  pause: { label: 'Pause', explanation: 'It handles no further message until it is resumed; messages wait in its mailbox.' },
  resume: { label: 'Resume', explanation: 'It handles the messages that have waited, and goes on.' },
  stop: { label: 'Stop', explanation: 'It handles what is in its mailbox, runs its stop hook, and ends. This cannot be undone.' },
};

let token: string | undefined;

export class AgentActions {
  readonly element = element('div', { class: 'actions', role: 'group', 'aria-label': 'Actions' });
  readonly #note = element('p', { class: 'panel-note' });
  readonly #result = element('p', { class: 'panel-note', role: 'status' });
  readonly #buttons = new Map<ConsoleAction, HTMLButtonElement>();
  readonly #changed: () => void;
  #id = '';

  /** @param changed called after an action was done */
  constructor(changed: () => void) {
    this.#changed = changed;
    for (const action of Object.keys(WORDS) as ConsoleAction[]) {
      const button = element('button', { type: 'button', class: action === 'stop' ? 'danger' : '' }, `${WORDS[action].label} …`);
      button.addEventListener('click', () => this.#confirm(action));
      this.#buttons.set(action, button);
      this.element.append(button);
    }
    this.element.append(this.#note, this.#result);
  }

  allow(actions: readonly ConsoleAction[]): void {
    for (const [action, button] of this.#buttons) setHidden(button, !actions.includes(action));
    setText(this.#note, actions.length === 0 ? 'Read-only: the console of this nexus has no token.' : '');
  }

  of(id: string, status: string): void {
    if (id !== this.#id) setText(this.#result, '');
    this.#id = id;
    const isPaused = status === 'paused';
    const off = this.#buttons.get(isPaused ? 'pause' : 'resume') as HTMLButtonElement;
    const on = this.#buttons.get(isPaused ? 'resume' : 'pause') as HTMLButtonElement;
    on.disabled = false;
    // Who works by the keyboard must not begin at the top of the page again.
    if (document.activeElement === off && !on.hidden) on.focus();
    off.disabled = true;
  }

  #confirm(action: ConsoleAction): void {
    const id = this.#id;
    const { label, explanation } = WORDS[action];
    const field = element('input', { type: 'password', id: 'token', autocomplete: 'off', spellcheck: 'false' });
    const fault = element('p', { class: 'fault', role: 'alert' });
    const cancel = element('button', { type: 'button' }, 'Cancel');
    const confirm = element('button', { type: 'submit', class: action === 'stop' ? 'danger' : 'primary' }, `${label} this agent`);
    const asked = element(
      'div',
      { class: 'token-field' },
      element('label', { for: 'token' }, 'Token of the console'),
      field,
      element('p', { class: 'hint' }, 'Kept until this page is left.'),
    );
    const form = element(
      'form',
      { class: 'dialog-form' },
      element('h2', { id: 'dialog-title' }, `${label} an agent`),
      element('p', {}, foreign(id, 'foreign whole')),
      element('p', {}, explanation),
      asked,
      fault,
      element('div', { class: 'dialog-buttons' }, cancel, confirm),
    );
    const dialog = element('dialog', { 'aria-labelledby': 'dialog-title' }, form);
    setHidden(asked, token !== undefined);
    cancel.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => dialog.remove());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const given = token ?? field.value;
      if (given === '') {
        setText(fault, 'The token is needed.');
        field.focus();
        return;
      }
      confirm.disabled = true;
      performAction(action, id, given).then(
        () => {
          token = given;
          dialog.close();
          setText(this.#result, `${label}: done.`);
          this.#changed();
        },
        (error: unknown) => {
          confirm.disabled = false;
          setText(fault, (error as Error).message);
          if (!(error instanceof RequestFailure) || error.status !== 401) return;
          token = undefined;
          setHidden(asked, false);
          field.select();
        },
      );
    });
    document.body.append(dialog);
    dialog.showModal();
    if (token === undefined) field.focus();
    else confirm.focus();
  }
}

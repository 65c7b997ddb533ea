/** One agent, looked into: asked for again every few seconds while it is seen and updates are not paused. */
import type { AgentInspection, WaitingMessage } from '../../model/observation.js';
import type { ConsoleAction } from '../protocol.js';
import { AgentActions } from './agent-actions.js';
import { AgentFollow } from './agent-follow.js';
import { inspectAgent, RequestFailure } from './console-api.js';
import { agentLink, byId, element, foreign, setAttribute, setHidden, setText } from './dom.js';
import { duration, milliseconds, timeOfDay, whole } from './format.js';
import { Panel } from './panel.js';
import { once, TableView } from './table-view.js';
import { visible } from './visible-text.js';

const AGAIN_MS = 2000;

export class AgentView {
  readonly #title = element('bdi', { class: 'agent-id' });
  readonly #badge = element('span', { class: 'kind-badge' });
  readonly #status = element('span', { class: 'status' });
  readonly #state = element('p', { class: 'panel-note', role: 'status' });
  readonly #content = element('div', { class: 'agent-grid' });
  readonly #facts = element('dl', { class: 'facts' });
  readonly #factValues = new Map<string, HTMLElement>();
  readonly #stateText = element('pre', { class: 'code', tabindex: '0', 'aria-label': 'State' });
  readonly #statePanel = new Panel('State', 'state', this.#stateText);
  readonly #mailbox = new Panel('Mailbox', 'mailbox');
  readonly #messages = new TableView<WaitingMessage & { readonly number: number }>({
    caption: 'Waiting messages, the oldest first',
    empty: 'Nothing waits.',
    key: ({ number, action }) => `${number} ${action}`,
    columns: [
      { label: 'Action', isHeader: true, show: ({ action, isAsk }) => `${action} ${isAsk ? 'ask' : 'tell'}` },
      { label: 'From', show: ({ sender }) => sender ?? '(outside)' },
      { label: 'Input', className: 'code', show: ({ input }) => visible(input.isCut ? `${input.text}…` : input.text) },
    ],
  });
  readonly #timers = new TableView<AgentInspection['timers'][number] & { readonly number: number }>({
    caption: 'Timers, the next first',
    empty: 'No timer is set.',
    key: ({ number }) => String(number),
    columns: [
      { label: 'Action', isHeader: true, show: ({ action }) => action },
      { label: 'Due in', className: 'number', show: ({ dueInMs }) => duration(dueInMs) },
      { label: 'Every', className: 'number', show: ({ periodMs }) => (periodMs === 0 ? 'once' : milliseconds(periodMs)) },
    ],
  });
  readonly #subscriptions = new TableView<AgentInspection['subscriptions'][number]>({
    caption: 'Subscriptions',
    empty: 'It is subscribed to nothing.',
    key: ({ pattern, action }) => JSON.stringify([pattern, action]),
    columns: [
      { label: 'Pattern', isHeader: true, show: once(({ pattern }) => foreign(pattern)) },
      { label: 'Action', show: once(({ action }) => foreign(action)) },
    ],
  });
  readonly #signals = new TableView<AgentInspection['signals'][number] & { readonly number: number }>({
    caption: 'Last signals, the latest first',
    empty: 'No signal since somebody looks.',
    key: ({ number }) => String(number),
    columns: [
      { label: 'Time', isHeader: true, className: 'time', show: ({ atMs }) => timeOfDay(atMs) },
      { label: 'Direction', show: ({ direction }) => (direction === 'published' ? '→ published' : '← received') },
      { label: 'Topic', show: ({ topic }) => visible(topic) },
    ],
  });
  readonly #heading = element('h1', { id: 'agent-title', tabindex: '-1' });
  readonly #actions = new AgentActions(() => this.#changed());
  readonly #follow = new AgentFollow();
  #id: string | undefined;
  #timer: number | undefined;
  #request: AbortController | undefined;
  #isPaused = false;

  constructor(place: HTMLElement) {
    this.#heading.append(this.#badge, this.#title);
    const head = element('div', { class: 'view-head' }, this.#heading, this.#status, this.#state);
    const timers = new Panel('Timers and subscriptions', 'timers', this.#timers.element, element('h3', {}, 'Subscriptions'), this.#subscriptions.element);
    const signals = new Panel('Signals', 'signals', this.#signals.element);
    const messages = new Panel('Messages, live', 'follow', this.#follow.element);
    this.#mailbox.element.append(this.#messages.element);
    this.#content.append(
      new Panel('Facts', 'facts', this.#facts).element,
      this.#statePanel.element,
      this.#mailbox.element,
      timers.element,
      signals.element,
      messages.element,
    );
    place.append(head, this.#actions.element, this.#content);
  }

  allow(actions: readonly ConsoleAction[]): void {
    this.#actions.allow(actions);
  }

  show(id: string): void {
    if (id !== this.#id) {
      setText(this.#title, visible(id));
      setText(this.#badge, '');
      setText(this.#status, '');
      setText(this.#state, 'loading …');
      setHidden(this.#content, true);
    }
    this.#id = id;
    this.#follow.of(id);
    void this.#load();
  }

  hide(): void {
    this.#id = undefined;
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#follow.stop();
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused && this.#id !== undefined) void this.#load();
  }

  #changed(): void {
    // It was found to be gone while the dialog was open, and the button that the focus would have gone back to with it.
    if (document.activeElement === document.body) this.#heading.focus();
    void this.#load();
  }

  async #load(): Promise<void> {
    const id = this.#id;
    if (id === undefined) return;
    clearTimeout(this.#timer);
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    try {
      if (document.visibilityState === 'visible') {
        const inspection = await inspectAgent(id, request.signal);
        if (request !== this.#request || id !== this.#id) return;
        this.#show(inspection);
      }
    } catch (error) {
      if (request !== this.#request || id !== this.#id) return;
      this.#fail(error as Error);
    }
    this.#timer = window.setTimeout(() => {
      if (!this.#isPaused) void this.#load();
    }, AGAIN_MS);
  }

  #fail(error: Error): void {
    const isGone = error instanceof RequestFailure && error.status === 404;
    const gone = `No agent has this id now${this.#content.hidden ? '' : ': below is what it was'}. Looking again every 2 s.`;
    setText(this.#state, isGone ? gone : `cannot be looked into: ${error.message}`);
    setText(this.#status, isGone ? 'absent' : 'unknown');
    setAttribute(this.#status, 'class', 'status status-absent');
    // The focus would go back to the top of the page with the button it is on.
    if (isGone && this.#actions.element.contains(document.activeElement)) this.#heading.focus();
    setHidden(this.#actions.element, isGone);
  }

  #show(agent: AgentInspection): void {
    setHidden(this.#content, false);
    setHidden(this.#actions.element, false);
    setText(this.#badge, visible(agent.kind));
    setText(this.#status, agent.status);
    setAttribute(this.#status, 'class', `status status-${agent.status}`);
    setText(this.#state, '');
    this.#actions.of(agent.id, agent.status);
    this.#fact('Thread', String(agent.thread));
    this.#fact('Restarts', whole(agent.restarts));
    this.#fact('Durable', agent.isDurable ? 'yes' : 'no');
    this.#fact('Parent', agent.parent ?? 'none', agent.parent);
    this.#fact('Children', whole(agent.children));
    this.#fact('Watched by', whole(agent.watchers));
    this.#fact('Links', whole(agent.links));
    this.#fact('Groups', agent.groups.length === 0 ? 'none' : agent.groups.join(', '));
    setText(this.#stateText, agent.state.text === '' ? 'undefined' : visible(agent.state.text));
    this.#statePanel.note(agent.state.isCut ? 'cut off' : '');
    const { waiting, capacity, overflow, first } = agent.mailbox;
    this.#mailbox.note(`${whole(waiting)} of ${whole(capacity)} waiting · overflow: ${overflow}`);
    this.#messages.show(first.map((message, number) => ({ ...message, number })));
    this.#timers.show(agent.timers.map((timer, number) => ({ ...timer, number })));
    this.#subscriptions.show(agent.subscriptions);
    this.#signals.show(agent.signals.map((signal, number) => ({ ...signal, number })));
  }

  #fact(name: string, text: string, agent?: string): void {
    let value = this.#factValues.get(name);
    if (value === undefined) {
      value = element('dd');
      this.#factValues.set(name, value);
      this.#facts.append(element('div', {}, element('dt', {}, name), value));
    }
    if (value.textContent === text) return;
    value.replaceChildren(agent === undefined ? foreign(text) : agentLink(agent));
  }
}

export function startAgent(): AgentView {
  return new AgentView(byId('view-agent'));
}

/** The messages of the agent that is looked at, live, if the operator asks for them: the latest first, a bounded number of lines. */
import type { FollowedMessage } from '../../model/observation.js';
import type { FollowMessage } from '../protocol.js';
import { element, foreign, setText } from './dom.js';
import { milliseconds, timeOfDay, whole } from './format.js';
import { socketUrl } from './live-connection.js';

const LINES_MAX = 200;
const HEADS = [
  ['Time', 'time'],
  ['Action', ''],
  ['From', 'wide'],
  ['Input', ''],
  ['Outcome', 'outcome'],
  ['Took', 'number'],
] as const;

export class AgentFollow {
  readonly element: HTMLElement;
  readonly #button = element('button', { type: 'button' }, 'Follow messages');
  readonly #state = element('p', { class: 'panel-note', role: 'status' }, 'Shows each message as its handler is done with it.');
  readonly #lines = element('tbody');
  readonly #table: HTMLElement;
  #socket: WebSocket | undefined;
  #id = '';
  #received = 0;
  #dropped = 0;
  #waiting: FollowedMessage[] = [];
  #frame: number | undefined;

  constructor() {
    const heads = HEADS.map(([label, className]) => element('th', { scope: 'col', class: className }, label));
    const table = element(
      'table',
      { class: 'follow-table' },
      element('caption', { class: 'hidden-label' }, 'Messages, the latest first'),
      element('thead', {}, element('tr', {}, ...heads)),
      this.#lines,
    );
    this.#table = element('div', { class: 'table-scroll tall', role: 'region', 'aria-label': 'Followed messages', tabindex: '0', hidden: '' }, table);
    this.element = element('div', {}, element('div', { class: 'follow-head' }, this.#button, this.#state), this.#table);
    this.#button.addEventListener('click', () => (this.#socket === undefined ? this.#start() : this.stop()));
  }

  /** Another agent is looked at. */
  of(id: string): void {
    if (id === this.#id) return;
    this.stop();
    this.#id = id;
    this.#lines.replaceChildren();
    this.#table.hidden = true;
    setText(this.#state, 'Shows each message as its handler is done with it.');
  }

  stop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    setText(this.#button, 'Follow messages');
    if (socket !== undefined) this.#tell('stopped');
  }

  #start(): void {
    this.#received = 0;
    this.#dropped = 0;
    this.#lines.replaceChildren();
    this.#table.hidden = false;
    setText(this.#button, 'Stop following');
    this.#tell('connecting …');
    const socket = new WebSocket(socketUrl(`console/follow?${new URLSearchParams({ id: this.#id })}`));
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      if (socket === this.#socket) this.#take(JSON.parse(String(data)) as FollowMessage);
    });
    socket.addEventListener('close', ({ reason }) => {
      if (socket !== this.#socket) return;
      this.stop();
      this.#tell(reason === '' ? 'the connection has ended' : reason);
    });
  }

  #take(message: FollowMessage): void {
    if (message.type === 'following') this.#tell('following: waiting for the first message');
    else if (message.type === 'dropped') this.#dropped += message.count;
    else if (message.type === 'message') {
      this.#received++;
      this.#waiting.push(message.message);
      if (this.#waiting.length > LINES_MAX) this.#waiting.shift();
    }
    // At most once a frame, however fast they come.
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#draw();
    });
  }

  #draw(): void {
    const lines = this.#waiting.map(lineOf).reverse();
    this.#waiting = [];
    this.#lines.prepend(...lines);
    while (this.#lines.childElementCount > LINES_MAX) this.#lines.lastElementChild?.remove();
    if (this.#received + this.#dropped > 0)
      setText(this.#state, `${whole(this.#received)} shown${this.#dropped === 0 ? '' : `, ${whole(this.#dropped)} left out: they came too fast`}`);
  }

  #tell(text: string): void {
    setText(this.#state, text);
  }
}

function lineOf({ atMs, action, sender, isAsk, input, outcome, tookMs, error }: FollowedMessage): HTMLTableRowElement {
  const what = outcome === 'handled' ? 'handled' : `${outcome} ▲`;
  return element(
    'tr',
    {},
    element('td', { class: 'time' }, timeOfDay(atMs)),
    element('td', {}, foreign(action), isAsk ? ' ask' : ' tell'),
    element('td', { class: 'wide' }, foreign(sender ?? '(outside)')),
    element('td', { class: 'code' }, foreign(input.isCut ? `${input.text}…` : input.text)),
    element(
      'td',
      { class: outcome === 'handled' ? 'outcome' : 'outcome is-bad', ...(error === undefined ? {} : { title: error }) },
      error === undefined ? what : `${what} `,
      ...(error === undefined ? [] : [foreign(error)]),
    ),
    element('td', { class: 'number' }, milliseconds(tookMs)),
  );
}

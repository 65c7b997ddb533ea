/**
 * Messages that wait for one agent, oldest first: a circular array of four fields a message, so that queueing allocates nothing. An idle agent has none;
 * mailboxes are lent from a pool. The limit is the caller's business. Owned by one thread.
 */
import type { ActionEntry } from './kind.js';
import type { AgentReference } from './agent-reference.js';
import type { ReplyPort } from './pending-asks.js';

/**
 * Who sent a message: an agent, or undefined. In the place of the sender of an ask is its reply port, which knows the sender and the deadline: so the way of a tell has
 * nothing to look at that only asks have.
 */
export type MessageSender = AgentReference | ReplyPort | undefined;

export function senderOf(sender: MessageSender): AgentReference | undefined {
  return sender !== undefined && 'deadlineMs' in sender ? sender.sender : sender;
}

const FIELDS = 4;
const INITIAL = 16;
const GROWTH = 4;

export class Mailbox {
  size = 0;
  /** Senders on other threads are told to wait. */
  isCongested = false;
  #items: unknown[] = new Array(INITIAL * FIELDS).fill(undefined);
  #mask = INITIAL - 1;
  #head = 0;

  // The message that `shift` took out.
  action: ActionEntry | undefined = undefined;
  input: unknown = undefined;
  reply: ReplyPort | undefined = undefined;
  sender: MessageSender = undefined;

  push(action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): void {
    if (this.size > this.#mask) this.#grow();
    const at = ((this.#head + this.size) & this.#mask) * FIELDS;
    const items = this.#items;
    items[at] = action;
    items[at + 1] = input;
    items[at + 2] = reply;
    items[at + 3] = sender;
    this.size++;
  }

  /** Takes the oldest message out, into the fields `action`, `input`, `reply` and `sender`. There must be one. */
  shift(): void {
    const at = this.#head * FIELDS;
    const items = this.#items;
    this.action = items[at] as ActionEntry;
    this.input = items[at + 1];
    this.reply = items[at + 2] as ReplyPort | undefined;
    this.sender = items[at + 3] as MessageSender;
    // Nothing handled is kept alive by the queue.
    items[at] = undefined;
    items[at + 1] = undefined;
    items[at + 2] = undefined;
    items[at + 3] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.size--;
  }

  /** Action of the message that `index` others are before. There must be one. */
  actionAt(index: number): ActionEntry {
    return this.#items[((this.#head + index) & this.#mask) * FIELDS] as ActionEntry;
  }

  /** Shows the messages, or the first ones, oldest first; none is taken out. */
  forEach(
    visit: (action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: AgentReference | undefined) => void,
    countMax = Number.POSITIVE_INFINITY,
  ): void {
    const items = this.#items;
    for (let index = 0; index < this.size && index < countMax; index++) {
      const at = ((this.#head + index) & this.#mask) * FIELDS;
      visit(items[at] as ActionEntry, items[at + 1], items[at + 2] as ReplyPort | undefined, senderOf(items[at + 3] as MessageSender));
    }
  }

  /** As `shift`, for the message that `index` others are before: those move up by one. Cheap near the front. */
  takeOut(index: number): void {
    const items = this.#items;
    const taken = ((this.#head + index) & this.#mask) * FIELDS;
    const message = items.slice(taken, taken + FIELDS);
    for (let place = index; place > 0; place--) {
      const to = ((this.#head + place) & this.#mask) * FIELDS;
      const from = ((this.#head + place - 1) & this.#mask) * FIELDS;
      for (let field = 0; field < FIELDS; field++) items[to + field] = items[from + field];
    }
    for (let field = 0; field < FIELDS; field++) items[this.#head * FIELDS + field] = message[field];
    this.shift();
  }

  /** Drops the references of the last message taken out. */
  release(): void {
    this.action = undefined;
    this.input = undefined;
    this.reply = undefined;
    this.sender = undefined;
  }

  /** Messages it can hold before it grows. */
  get room(): number {
    return this.#mask + 1;
  }

  #grow(): void {
    const count = this.#mask + 1;
    const items: unknown[] = new Array(count * GROWTH * FIELDS).fill(undefined);
    for (let index = 0; index < count; index++) {
      const from = ((this.#head + index) & this.#mask) * FIELDS;
      for (let field = 0; field < FIELDS; field++) items[index * FIELDS + field] = this.#items[from + field];
    }
    this.#items = items;
    this.#head = 0;
    this.#mask = count * GROWTH - 1;
  }
}

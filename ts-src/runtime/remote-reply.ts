/** The reply to an ask of another thread. */
import * as L from '../../layout/generated/layout.js';
import type { ReplyPort } from './pending-asks.js';

/** Sends a reply; throws if the value cannot be encoded. */
export type SendReply = (thread: number, type: number, replySlot: number, replySequence: number, value: unknown) => void;

export class RemoteReply implements ReplyPort {
  readonly #send: SendReply;
  readonly #thread: number;
  readonly #slot: number;
  readonly #sequence: number;

  constructor(send: SendReply, thread: number, slot: number, sequence: number) {
    this.#send = send;
    this.#thread = thread;
    this.#slot = slot;
    this.#sequence = sequence;
  }

  reply(value: unknown): void {
    try {
      this.#send(this.#thread, L.MESSAGE_TYPE_REPLY, this.#slot, this.#sequence, value);
    } catch (error) {
      // A reply that cannot be sent: the caller is told why.
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    try {
      this.#send(this.#thread, L.MESSAGE_TYPE_REPLY_ERROR, this.#slot, this.#sequence, error);
    } catch {
      // Neither can the error, with what hangs on it: its text can.
      this.#send(this.#thread, L.MESSAGE_TYPE_REPLY_ERROR, this.#slot, this.#sequence, sendableError(error));
    }
  }
}

/** An error with its name, message, stack and code, and nothing that could not be sent. */
export function sendableError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(safeText(error));
  const plain = new Error(error.message);
  plain.name = error.name;
  if (error.stack !== undefined) plain.stack = error.stack;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' || typeof code === 'number' ? Object.assign(plain, { code }) : plain;
}

/** Text of any value; never throws. */
export function safeText(value: unknown): string {
  try {
    return typeof value === 'object' && value !== null ? (JSON.stringify(value) ?? String(value)) : String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

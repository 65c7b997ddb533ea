/** The reply to an ask of another thread. */
import * as L from '../../layout/generated/layout.js';
import type { StopReason } from '../model/agent-definition.js';
import type { MessageTrace } from '../model/message-trace.js';
import type { MessageCodec } from '../codec/declared/lazy-codec.js';
import type { AgentReference } from './agent-reference.js';
import type { ReplyPort } from './pending-asks.js';

/** Sends a reply; throws if the value cannot be encoded. */
export type SendReply = (thread: number, type: number, replySlot: number, replySequence: number, value: unknown, codec: MessageCodec | undefined) => void;

export class RemoteReply implements ReplyPort {
  readonly #send: SendReply;
  readonly thread: number;
  readonly slot: number;
  readonly sequence: number;
  readonly #codec: MessageCodec | undefined;
  readonly deadlineMs: number;
  /** Set before the message is put into a mailbox. */
  sender: AgentReference | undefined = undefined;
  trace: MessageTrace | undefined = undefined;

  /**
   * @param codec of the declared shape of the reply
   * @param deadlineMs when its asker gives up; 0 if it does not say
   */
  constructor(send: SendReply, thread: number, slot: number, sequence: number, codec: MessageCodec | undefined, deadlineMs: number) {
    this.#send = send;
    this.thread = thread;
    this.slot = slot;
    this.sequence = sequence;
    this.#codec = codec;
    this.deadlineMs = deadlineMs;
  }

  reply(value: unknown): void {
    try {
      this.#send(this.thread, L.MESSAGE_TYPE_REPLY, this.slot, this.sequence, value, this.#codec);
    } catch (error) {
      // A reply that cannot be sent: the caller is told why.
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    try {
      this.#send(this.thread, L.MESSAGE_TYPE_REPLY_ERROR, this.slot, this.sequence, error, undefined);
    } catch {
      // Neither can the error, with what hangs on it: its text can.
      this.#send(this.thread, L.MESSAGE_TYPE_REPLY_ERROR, this.slot, this.sequence, sendableError(error), undefined);
    }
  }
}

/** Texts of an error are cut here. */
const TEXT_LENGTH_MAX = 8192;

/** An error with its name, message, stack and code, and nothing that could not be sent: at most 100 KiB. */
export function sendableError(error: unknown): Error {
  try {
    if (!(error instanceof Error)) return new Error(cut(safeText(error)));
    const plain = new Error(cut(error.message));
    plain.name = cut(error.name);
    if (error.stack !== undefined) plain.stack = cut(error.stack);
    const { code } = error as { code?: unknown };
    return typeof code === 'string' || typeof code === 'number' ? Object.assign(plain, { code }) : plain;
  } catch {
    // A getter that throws, a proxy that was revoked, a text that is none.
    return new Error('an error whose properties cannot be read');
  }
}

/** What went wrong may hold anything; the news of it must get through. */
export function sendableReason(reason: StopReason): StopReason {
  return 'error' in reason ? { type: reason.type, error: sendableError(reason.error) } : reason;
}

function cut(text: unknown): string {
  const whole = String(text);
  return whole.length <= TEXT_LENGTH_MAX ? whole : `${whole.slice(0, TEXT_LENGTH_MAX)} ... (${whole.length} characters)`;
}

/** Text of any value; never throws. */
export function safeText(value: unknown): string {
  try {
    return typeof value === 'object' && value !== null ? (JSON.stringify(value) ?? String(value)) : String(value);
  } catch {
    return 'a value without a text';
  }
}

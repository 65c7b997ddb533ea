/** The result of a handler as a promise, where what waits for it is a call between threads. */
import type { MessageTrace } from '../../model/message-trace.js';
import type { AgentReference } from '../agent-reference.js';
import type { ReplyPort } from '../pending-asks.js';

export class ReplyPromise implements ReplyPort {
  readonly promise: Promise<unknown>;
  readonly deadlineMs: number;
  sender: AgentReference | undefined;
  trace: MessageTrace | undefined;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(deadlineMs: number, sender: AgentReference | undefined, trace: MessageTrace | undefined) {
    this.deadlineMs = deadlineMs;
    this.sender = sender;
    this.trace = trace;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  reply(value: unknown): void {
    this.#resolve(value);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

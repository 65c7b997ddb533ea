/**
 * The answer to a message that a test will give, later or never. A handler of a stand-in returns `given`; a failure goes to whoever asked, past the stand-in, which has not
 * failed: supervision has nothing to do with it.
 */
import type { ReplyPort } from '../runtime/pending-asks.js';

export class DeferredAnswer {
  readonly given: Promise<unknown>;
  readonly #port: ReplyPort | undefined;
  #resolve: (value: unknown) => void = () => undefined;
  isGiven = false;

  /** @param port of the message that is being handled: the mailbox has it while the handler is called; undefined for a tell */
  constructor(port: ReplyPort | undefined) {
    this.#port = port;
    this.given = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isAsk(): boolean {
    return this.#port !== undefined;
  }

  reply(value: unknown): void {
    if (this.isGiven) return;
    this.isGiven = true;
    this.#resolve(value);
  }

  fail(error: unknown): void {
    if (this.isGiven) return;
    this.isGiven = true;
    this.#port?.fail(error);
    // What the handler returns now comes too late, which whoever asked does not see.
    this.#resolve(undefined);
  }
}

/**
 * The messages of a followed agent, to one client: in order, at most so many in a second and so many bytes that wait for the client. What does not fit is left out
 * and counted, and the count takes its place between the messages.
 */
import type { FollowedMessage } from '../model/observation.js';
import type { FollowMessage } from './protocol.js';

const PERIOD_MS = 1000;

export interface FollowedFramesNeeds {
  readonly messagesPerSecondMax: number;
  readonly waitingBytesMax: number;
  nowMs(): number;
  waitingBytes(): number;
  send(frame: string): void;
}

export class FollowedFrames {
  readonly #needs: FollowedFramesNeeds;
  #periodStartMs = Number.NEGATIVE_INFINITY;
  #sent = 0;
  #dropped = 0;

  constructor(needs: FollowedFramesNeeds) {
    this.#needs = needs;
  }

  message(message: FollowedMessage): void {
    const { messagesPerSecondMax, waitingBytesMax, nowMs, waitingBytes } = this.#needs;
    const now = nowMs();
    if (now - this.#periodStartMs >= PERIOD_MS) {
      this.#periodStartMs = now;
      this.#sent = 0;
    }
    if (this.#sent >= messagesPerSecondMax || waitingBytes() > waitingBytesMax) {
      this.#dropped++;
      return;
    }
    this.flush();
    this.#sent++;
    this.#send({ type: 'message', message });
  }

  /** Messages that were left out elsewhere. */
  dropped(count: number): void {
    this.#dropped += count;
  }

  /** Tells what has been left out since it was last told. Called now and then, so that the client learns it also when no message follows. */
  flush(): void {
    if (this.#dropped === 0 || this.#needs.waitingBytes() > this.#needs.waitingBytesMax) return;
    this.#send({ type: 'dropped', count: this.#dropped });
    this.#dropped = 0;
  }

  #send(message: FollowMessage): void {
    this.#needs.send(JSON.stringify(message));
  }
}

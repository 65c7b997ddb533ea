/**
 * The time by which a call has to be over. Policies pass it on to what they call, so that nested policies and asks shorten their own times; it is counted down
 * on the clock it was made with, and asked for what remains. A deadline itself ends nothing: `timeout` and asks do.
 * A clock belongs to one thread: send the number `remainingMs` to another, and make a new deadline of it there.
 */
import type { Clock } from '../ports/clock.js';

/** A point in time that nested policies and asks share, as `deadlineIn` makes it. */
export class Deadline {
  readonly #clock: Clock;
  readonly #atMs: number;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#atMs = clock.nowMs() + delayMs;
  }

  /** 0 once it has passed. */
  get remainingMs(): number {
    return Math.max(0, this.#atMs - this.#clock.nowMs());
  }

  get hasPassed(): boolean {
    return this.remainingMs === 0;
  }
}

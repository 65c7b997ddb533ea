/** Deadlines of one length for many things that are waited for, most of which come in time: one timer for all of them. For the two waits of an agent that moves (`agent-moves.ts`). */
import type { Clock } from '../../ports/clock.js';

export class Deadlines {
  readonly #clock: Clock;
  readonly #delayMs: number;
  /** In the order of their times, which is that in which they were added. */
  readonly #waiting = new Map<number, { readonly atMs: number; readonly late: () => void }>();
  #number = 0;
  #isArmed = false;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** Calls `late` when the time has passed, unless `met` is called with what this returns. */
  add(late: () => void): number {
    this.#number += 1;
    this.#waiting.set(this.#number, { atMs: this.#clock.nowMs() + this.#delayMs, late });
    if (!this.#isArmed) this.#arm(this.#delayMs);
    return this.#number;
  }

  met(number: number): void {
    this.#waiting.delete(number);
  }

  #arm(delayMs: number): void {
    this.#isArmed = true;
    // Nothing moves in a process that has nothing else to do.
    this.#clock.after(delayMs, () => this.#look(), false);
  }

  #look(): void {
    this.#isArmed = false;
    for (const [number, { atMs, late }] of this.#waiting) {
      const leftMs = atMs - this.#clock.nowMs();
      if (leftMs > 0) return this.#arm(leftMs);
      this.#waiting.delete(number);
      late();
    }
  }
}

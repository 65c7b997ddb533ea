/** A clock that moves when it is told to. */
import type { Clock } from '../../../dist/ts-src/ports/clock.js';

export class ManualClock implements Clock {
  #nowMs = 1000;
  readonly #timers = new Map<object, { readonly dueMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const key = {};
    this.#timers.set(key, { dueMs: this.#nowMs + delayMs, callback });
    return () => void this.#timers.delete(key);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Moves on, and calls back whatever is due on the way, in order. */
  advance(byMs: number): void {
    const target = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#timers].filter(([, { dueMs }]) => dueMs <= target).sort(([, a], [, b]) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#nowMs = Math.max(this.#nowMs, due[1].dueMs);
      due[1].callback();
    }
    this.#nowMs = target;
  }
}

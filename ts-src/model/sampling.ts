/**
 * Which of many events are timed: the first one, and from there every `period`-th. Without chance, so that a run can be repeated. Periods are primes: events that come in a rhythm
 * (two agents asked in turn) each have their share. Pure.
 */
export class Sampling {
  readonly #period: number;
  #left = 1;

  constructor(period: number) {
    this.#period = period;
  }

  /** Counts an event. True if it is one of those that are timed. */
  take(): boolean {
    if (--this.#left > 0) return false;
    this.#left = this.#period;
    return true;
  }
}

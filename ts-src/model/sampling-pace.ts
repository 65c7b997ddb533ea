/**
 * How many messages of a thread are timed while somebody looks at it: about as many a second as is cheap, whatever the rate. Two steps: whole drains are passed over, and in the others
 * messages, both by gaps of random length around a period, so that no rhythm of the messages decides which are seen. The weight of a message is the product of the periods. Pure.
 */

/** Messages of a thread that are timed in a second, about. */
export const TIMED_PER_SECOND = 2000;
/** In drains that are looked at, every message passes an observer: only one of so many is, where there are more messages than that costs nothing for. */
const DRAINS_PERIOD_MAX = 16;

export class SamplingPace {
  /** One of so many drains is looked at, on average. */
  drainPeriod = 1;
  /** One of so many messages in them is timed, on average. */
  messagePeriod = 1;
  #taken = 0;
  readonly #burst: number;

  /** @param adjustMs how often `adjust` is called */
  constructor(adjustMs: number) {
    this.#burst = Math.max(1, Math.round((2 * TIMED_PER_SECOND * adjustMs) / 1000));
  }

  get weight(): number {
    return this.drainPeriod * this.messagePeriod;
  }

  /** Messages were handled since the last call. */
  adjust(handled: number, elapsedMs: number): void {
    this.#taken = 0;
    if (elapsedMs > 0) this.#split(Math.max(1, Math.ceil((handled * 1000) / elapsedMs / TIMED_PER_SECOND)));
  }

  /** One was timed. More than there should be until the next adjustment: the rate has risen. */
  took(): void {
    if (++this.#taken < this.#burst) return;
    this.#taken = 0;
    this.#split(this.weight * 2);
  }

  /** @param chance 0 ≤ x < 1 */
  gap(period: number, chance: number): number {
    return period === 1 ? 1 : 1 + Math.floor(chance * (2 * period - 1));
  }

  #split(period: number): void {
    this.drainPeriod = period <= DRAINS_PERIOD_MAX ? 1 : DRAINS_PERIOD_MAX;
    this.messagePeriod = period <= DRAINS_PERIOD_MAX ? period : Math.ceil(period / DRAINS_PERIOD_MAX);
  }
}

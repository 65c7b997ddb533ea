/**
 * Which messages without a trace begin one: by counting, with gaps drawn so that each message has the same chance, whatever the rhythm in which they come, and never more
 * than so many in a second. A message that begins none costs one subtraction. Time and chance come in.
 */
const PERIOD_MS = 1000;
/** Longer gaps are gone through in steps: so the count is always a small integer. */
const STEP_MAX = 2 ** 30;

export class TraceSampling {
  readonly #ratio: number;
  readonly #perSecondMax: number;
  readonly #random: () => number;
  #left = 1;
  /** Of the gap, beyond the step that is counted. */
  #rest = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #begun = 0;

  /** @param random from 0, less than 1 */
  constructor(ratio: number, perSecondMax: number, random: () => number) {
    this.#ratio = ratio;
    this.#perSecondMax = perSecondMax;
    this.#random = random;
    this.#draw();
  }

  /** Counts a message. True if it is one of those that are chosen: then `mayBegin` says whether it may begin a trace. */
  take(): boolean {
    return --this.#left <= 0 && this.#isEnd();
  }

  /** Counts a trace. False if there have been too many in this second. */
  mayBegin(nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= PERIOD_MS) {
      this.#sinceMs = nowMs;
      this.#begun = 0;
    }
    if (this.#begun >= this.#perSecondMax) return false;
    this.#begun++;
    return true;
  }

  #isEnd(): boolean {
    if (this.#rest === 0) {
      this.#draw();
      return true;
    }
    this.#step(this.#rest);
    return false;
  }

  #draw(): void {
    this.#step(this.#gap());
  }

  #step(count: number): void {
    this.#left = Math.min(count, STEP_MAX);
    this.#rest = count - this.#left;
  }

  /** Messages to the next one that is chosen, itself included: geometrically distributed. */
  #gap(): number {
    if (this.#ratio >= 1) return 1;
    if (this.#ratio <= 0) return Number.POSITIVE_INFINITY;
    return 1 + Math.floor(Math.log(1 - this.#random()) / Math.log(1 - this.#ratio));
  }
}

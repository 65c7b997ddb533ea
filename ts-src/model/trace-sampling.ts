/**
 * Which messages without a trace begin one: by counting, with gaps drawn so that each message has the same chance, whatever the rhythm in which they come, and never more
 * than so many in a second. A message that begins none costs one subtraction. Time and chance come in.
 */
const PERIOD_MS = 1000;

export class TraceSampling {
  readonly #ratio: number;
  readonly #perSecondMax: number;
  readonly #random: () => number;
  #left: number;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #begun = 0;

  /** @param random from 0, less than 1 */
  constructor(ratio: number, perSecondMax: number, random: () => number) {
    this.#ratio = ratio;
    this.#perSecondMax = perSecondMax;
    this.#random = random;
    this.#left = this.#gap();
  }

  /** Counts a message. True if it is one of those that are chosen: then `mayBegin` says whether it may begin a trace. */
  take(): boolean {
    if (--this.#left > 0) return false;
    this.#left = this.#gap();
    return true;
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

  /** Messages to the next one that is chosen, itself included: geometrically distributed. */
  #gap(): number {
    if (this.#ratio >= 1) return 1;
    if (this.#ratio <= 0) return Number.POSITIVE_INFINITY;
    return 1 + Math.floor(Math.log(1 - this.#random()) / Math.log(1 - this.#ratio));
  }
}

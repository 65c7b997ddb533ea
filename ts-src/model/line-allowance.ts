/** How many lines may be logged about one thing: so many in a second, by the time it is given; of the others it remembers how many there were. */
const PERIOD_MS = 1000;

export class LineAllowance {
  readonly #linesMax: number;
  #periodAtMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #suppressed = 0;

  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  /** Undefined if the line is one too many; otherwise how many were so since the last one that was not. */
  take(nowMs: number): number | undefined {
    if (nowMs - this.#periodAtMs >= PERIOD_MS) {
      this.#periodAtMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines >= this.#linesMax) {
      this.#suppressed++;
      return undefined;
    }
    this.#lines++;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}

/**
 * Calls and failures of the last `windowMs`, counted in ten buckets, so that its size does not depend on the number of calls: what happened leaves the
 * window between nine and ten tenths of it later. For the failure rate of a circuit.
 */
export const BUCKETS = 10;

export class FailureWindow {
  readonly #bucketMs: number;
  readonly #calls = new Float64Array(BUCKETS);
  readonly #failures = new Float64Array(BUCKETS);
  /** Number of the newest bucket since time zero; the ring holds it and the nine before it. */
  #newest = Number.NEGATIVE_INFINITY;
  #callsSum = 0;
  #failuresSum = 0;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  /** As of the last record. */
  get calls(): number {
    return this.#callsSum;
  }

  get failures(): number {
    return this.#failuresSum;
  }

  record(failed: boolean, nowMs: number): void {
    const bucket = Math.floor(nowMs / this.#bucketMs);
    if (bucket > this.#newest) this.#moveTo(bucket);
    const place = modulo(this.#newest);
    this.#calls[place] = (this.#calls[place] as number) + 1;
    this.#callsSum++;
    if (!failed) return;
    this.#failures[place] = (this.#failures[place] as number) + 1;
    this.#failuresSum++;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.#callsSum = 0;
    this.#failuresSum = 0;
    this.#newest = Number.NEGATIVE_INFINITY;
  }

  #moveTo(bucket: number): void {
    if (bucket - this.#newest >= BUCKETS) this.clear();
    else {
      for (let leaving = this.#newest + 1; leaving <= bucket; leaving++) {
        const place = modulo(leaving);
        this.#callsSum -= this.#calls[place] as number;
        this.#failuresSum -= this.#failures[place] as number;
        this.#calls[place] = 0;
        this.#failures[place] = 0;
      }
    }
    this.#newest = bucket;
  }
}

/** Never negative: a clock may have its zero anywhere. */
function modulo(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS;
}

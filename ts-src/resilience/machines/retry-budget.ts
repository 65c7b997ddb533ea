/**
 * How many retries all calls of a policy may make together: a bucket of tokens. Every call puts `ratio` of a token in, every retry takes one out, and the
 * bucket, full at first, holds `burst`. So there are never more than `burst + ratio · calls` retries, and while everything fails the load on what is failing grows
 * by `ratio`, not by the number of attempts. Retry budgets are of Finagle and gRPC. Used by `retry-decision.ts`.
 */
export interface RetryBudgetSettings {
  readonly ratio: number;
  readonly burst: number;
}

/** Counted in thousandths, so that no rounding adds up. */
const PARTS = 1000;

export class RetryBudget {
  readonly #ratioParts: number;
  readonly #burstParts: number;
  #parts: number;

  constructor({ ratio, burst }: RetryBudgetSettings) {
    this.#ratioParts = Math.round(ratio * PARTS);
    this.#burstParts = burst * PARTS;
    this.#parts = this.#burstParts;
  }

  /** Retries that may be made now. */
  get tokens(): number {
    return this.#parts / PARTS;
  }

  /** A call begins. */
  deposit(): void {
    this.#parts = Math.min(this.#burstParts, this.#parts + this.#ratioParts);
  }

  /** A call is to be tried again: false if there is no token for it. */
  withdraw(): boolean {
    if (this.#parts < PARTS) return false;
    this.#parts -= PARTS;
    return true;
  }
}

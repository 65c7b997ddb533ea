/** How the pings of this node to one other are answered: round trip, and the share that is lost. Only direct pings count; what a relay brings says nothing about the link. */

/** Pings of which the loss is the share. */
export const LINK_PINGS_MAX = 100;
/** Weights of a new sample, as for the timeout of TCP (RFC 6298). */
const MEAN_WEIGHT = 1 / 8;
const DEVIATION_WEIGHT = 1 / 4;

export class LinkStatistics {
  #meanMs: number | undefined;
  #deviationMs = 0;
  #lastMs = 0;
  /** One bit a ping would be less, and harder to read: 1 is lost. */
  readonly #outcomes: (0 | 1)[] = [];
  #next = 0;
  #lost = 0;

  get roundTripMs(): { readonly mean: number; readonly last: number } | undefined {
    return this.#meanMs === undefined ? undefined : { mean: this.#meanMs, last: this.#lastMs };
  }

  /** 0 to 1 of the last LINK_PINGS_MAX pings that were answered in time, or not. */
  get loss(): number | undefined {
    return this.#outcomes.length === 0 ? undefined : this.#lost / this.#outcomes.length;
  }

  /** What an answer hardly ever takes longer than: mean and four mean deviations (Jacobson). Undefined before the first one. */
  get patienceMs(): number | undefined {
    return this.#meanMs === undefined ? undefined : this.#meanMs + 4 * this.#deviationMs;
  }

  /** An answer, in time or not. */
  measured(roundTripMs: number): void {
    this.#lastMs = roundTripMs;
    if (this.#meanMs === undefined) {
      this.#meanMs = roundTripMs;
      this.#deviationMs = roundTripMs / 2;
      return;
    }
    this.#deviationMs += DEVIATION_WEIGHT * (Math.abs(roundTripMs - this.#meanMs) - this.#deviationMs);
    this.#meanMs += MEAN_WEIGHT * (roundTripMs - this.#meanMs);
  }

  /** Once for each ping. */
  counted(isLost: boolean): void {
    const bit = isLost ? 1 : 0;
    this.#lost += bit - (this.#outcomes.length < LINK_PINGS_MAX ? 0 : (this.#outcomes[this.#next] as number));
    this.#outcomes[this.#next] = bit;
    this.#next = (this.#next + 1) % LINK_PINGS_MAX;
  }
}

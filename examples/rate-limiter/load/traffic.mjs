/**
 * Who asks next, in a run without a log: most clients are well-behaved, a few hammer. A well-behaved client never asks faster than its limits allow, whatever the
 * network does: it has one request at a time, and earns new ones only between an answer and the next request, which is less time than its agent sees.
 */

/** Share of the clients that hammer, and of the requests that are theirs. */
const ABUSERS_SHARE = 0.002;
const ABUSE_SHARE = 0.3;
const TRIES_MAX = 8;
/** Requests a well-behaved client keeps in reserve, against rounding. */
const RESERVE = 0.01;

/** @typedef {{ client: string, wellBehaved: boolean, index: number }} NextRequest `index` is -1 for abusers */

export class Traffic {
  #limits;
  #random;
  #abusers;
  #wellBehaved;
  #tokens;
  #answeredMs;
  #isWaiting;
  #seen = 0;

  /**
   * @param {number} clients ≥ 1
   * @param {{ rate: number, burst: number }} limits
   * @param {() => number} random
   */
  constructor(clients, limits, random) {
    this.#limits = limits;
    this.#random = random;
    this.#abusers = Math.max(1, Math.round(clients * ABUSERS_SHARE));
    this.#wellBehaved = clients - this.#abusers;
    this.#tokens = new Float64Array(this.#wellBehaved).fill(limits.burst);
    this.#answeredMs = new Float64Array(this.#wellBehaved);
    this.#isWaiting = new Uint8Array(this.#wellBehaved);
  }

  /**
   * @param {number} nowMs
   * @returns {NextRequest}
   */
  next(nowMs) {
    if (this.#random() >= ABUSE_SHARE) {
      // Everybody once, then by chance.
      if (this.#seen < this.#wellBehaved) return this.#ask(this.#seen++, nowMs);
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        const index = Math.floor(this.#random() * this.#wellBehaved);
        if (index < this.#wellBehaved && this.#isWaiting[index] === 0 && this.#tokensOf(index, nowMs) >= 1 + RESERVE) return this.#ask(index, nowMs);
      }
    }
    return { client: `abuser-${Math.floor(this.#random() * this.#abusers)}`, wellBehaved: false, index: -1 };
  }

  /**
   * @param {number} index
   * @param {number} nowMs
   */
  answered(index, nowMs) {
    if (index < 0) return;
    this.#answeredMs[index] = nowMs;
    this.#isWaiting[index] = 0;
  }

  /**
   * @param {number} index
   * @param {number} nowMs
   * @returns {NextRequest}
   */
  #ask(index, nowMs) {
    this.#tokens[index] = this.#tokensOf(index, nowMs) - 1;
    this.#isWaiting[index] = 1;
    return { client: `client-${index}`, wellBehaved: true, index };
  }

  /**
   * @param {number} index
   * @param {number} nowMs
   */
  #tokensOf(index, nowMs) {
    const elapsedMs = nowMs - /** @type {number} */ (this.#answeredMs[index]);
    return Math.min(this.#limits.burst, /** @type {number} */ (this.#tokens[index]) + (elapsedMs * this.#limits.rate) / 1000);
  }
}

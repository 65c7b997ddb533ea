/**
 * What the answers to one client must look like, in one life of its agent: checks them in the order of their sequence numbers, whatever the order they arrive in.
 * It knows the rule, not the code of the service: where the agent fills a bucket, this computes the earliest time of the next request (the generic cell rate
 * algorithm of ITU-T I.371, which allows exactly the same requests). Used by `verifier.mjs`.
 */

/** Rounding of times that went through JSON and subtraction, as a share of a token. */
const TOLERANCE = 1e-6;
/** Answers that may wait for an earlier one. In a run without a fault it is hardly more than there are connections. */
const HELD_MAX = 100_000;

/**
 * @typedef {object} Answer
 * @property {number} sequence
 * @property {number} elapsedMs
 * @property {boolean} admitted
 * @property {number} remaining
 * @property {number} retryAfterMs
 * @property {boolean} blocked
 * @property {boolean} isErrorStatus  The request ended with 401, 403 or 404, in a replay.
 * @property {boolean} wellBehaved  The client keeps within its rate for certain.
 */

export class ClientRecord {
  requests = 0;
  admitted = 0;
  blocks = 0;
  #next = 1;
  /** @type {Map<number, Answer> | undefined} */
  #held;
  #lastMs = 0;
  /** Theoretical arrival time: when the bucket would be full again. */
  #fullMs = 0;
  #blockedUntilMs = -Infinity;
  /** More points than the client can have. */
  #pointsMax = 0;

  /**
   * @param {Answer} answer
   * @param {import('../policy.mjs').Policy} policy
   * @param {(kind: string, text: string) => void} problem
   */
  add(answer, policy, problem) {
    this.requests++;
    if (answer.admitted) this.admitted++;
    const { sequence } = answer;
    if (sequence < this.#next || this.#held?.has(sequence)) return problem('sequence', `got the sequence number ${sequence} twice`);
    if (sequence > this.#next) {
      this.#held ??= new Map();
      if (this.#held.size >= HELD_MAX) return problem('sequence', `sequence number ${this.#next} is missing for too long`);
      this.#held.set(sequence, answer);
      return;
    }
    /** @type {Answer | undefined} */
    let next = answer;
    while (next !== undefined) {
      this.#check(next, policy, problem);
      this.#next++;
      next = this.#held?.get(this.#next);
      if (next !== undefined) this.#held?.delete(this.#next);
    }
    if (this.#held?.size === 0) this.#held = undefined;
  }

  /** @param {(kind: string, text: string) => void} problem */
  finish(problem) {
    if (this.#held === undefined) return;
    const last = Math.max(...this.#held.keys());
    problem('sequence', `sequence number ${this.#next} never came, ${last} did: a message was lost, or handled more than once`);
  }

  /**
   * @param {Answer} answer
   * @param {import('../policy.mjs').Policy} policy
   * @param {(kind: string, text: string) => void} problem
   */
  #check(answer, policy, problem) {
    const { elapsedMs, admitted, remaining, retryAfterMs } = answer;
    const tokenMs = 1000 / policy.rate;
    const slackMs = tokenMs * TOLERANCE;
    const at = `request ${answer.sequence} after ${elapsedMs} ms`;
    if (elapsedMs < this.#lastMs) problem('time', `${at}: the one before was after ${this.#lastMs} ms`);
    this.#lastMs = elapsedMs;
    const wasBlocked = elapsedMs < this.#blockedUntilMs;
    const tokens = policy.burst - Math.max(0, this.#fullMs - elapsedMs) / tokenMs;
    if (admitted) {
      // A block ends on a whole millisecond in `retryAfterMs` only.
      if (elapsedMs < this.#blockedUntilMs - 1) problem('admitted', `${at}: admitted although it was blocked`);
      if (elapsedMs < this.#fullMs - (policy.burst - 1) * tokenMs - slackMs) {
        problem('admitted', `${at}: admitted with ${tokens.toFixed(6)} of a token left, so more often than burst + rate × elapsed allows`);
      }
      this.#fullMs = Math.max(this.#fullMs, elapsedMs) + tokenMs;
    } else if (!wasBlocked && tokens >= 1 + TOLERANCE) {
      problem('refused', `${at}: refused although ${tokens.toFixed(3)} tokens were left`);
    }
    if (!admitted && answer.wellBehaved) problem('refused', `${at}: refused although the client is within its rate`);
    const left = tokens - (admitted ? 1 : 0);
    if (remaining < Math.floor(left - TOLERANCE) || remaining > Math.floor(left + TOLERANCE)) {
      problem('remaining', `${at}: ${remaining} remaining where ${left.toFixed(3)} are left`);
    }
    this.#checkBlock(answer, policy, wasBlocked, at, problem);
    const retryMaxMs = Math.max(tokenMs, policy.abuse.blockMs) + 1;
    if (admitted ? retryAfterMs !== 0 : !(retryAfterMs >= 1 && retryAfterMs <= retryMaxMs)) problem('retry', `${at}: retry after ${retryAfterMs} ms`);
  }

  /**
   * @param {Answer} answer
   * @param {import('../policy.mjs').Policy} policy
   * @param {boolean} wasBlocked
   * @param {string} at
   * @param {(kind: string, text: string) => void} problem
   */
  #checkBlock({ elapsedMs, admitted, blocked, retryAfterMs, remaining, isErrorStatus }, { abuse }, wasBlocked, at, problem) {
    if (!wasBlocked) {
      if (!admitted) this.#pointsMax += abuse.refusalPoints;
      else this.#pointsMax += (remaining === 0 ? abuse.burstPoints : 0) + (isErrorStatus ? abuse.errorPoints : 0);
    }
    if (!blocked) return;
    if (this.#pointsMax < abuse.threshold - TOLERANCE) problem('blocked', `${at}: blocked with a score of ${this.#pointsMax} at most`);
    if (!wasBlocked) {
      this.blocks++;
      this.#blockedUntilMs = elapsedMs + abuse.blockMs;
    } else if (!admitted && elapsedMs + retryAfterMs < this.#blockedUntilMs - 1)
      problem('blocked', `${at}: retry after ${retryAfterMs} ms, before the block ends`);
  }
}

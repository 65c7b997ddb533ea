/**
 * The decision about one request of one client: token bucket, abuse score and block together, as a pure function from the history of the client (a small
 * value) and the request to the next history and the decision. Time is an argument: it may be that of a clock or that of a log.
 */
import { decay, isTooMuch, pointsFor } from './abuse-score.mjs';
import { refill, TOKEN, waitMs } from './token-bucket.mjs';

/**
 * @typedef {object} Admission  What is remembered of a client.
 * @property {number} tokens  Thousandths of a token at `atMs`.
 * @property {number} emptiedMs  When taking the last token last counted as a burst.
 * @property {number} points  Abuse score at `atMs`.
 * @property {number} blockedUntilMs
 * @property {number} atMs  Time of the last request; -Infinity before the first.
 */

/**
 * @typedef {object} Decision
 * @property {boolean} admitted
 * @property {number} remaining  Requests that would be admitted at this moment, were the client not blocked.
 * @property {number} retryAfterMs  Whole milliseconds after which a refused client is admitted again, if it asks nothing meanwhile; 0 if admitted.
 * @property {number} score
 * @property {boolean} blocked  From this moment on. A request can be admitted and still be the one that was too much.
 */

/**
 * @param {{ burst: number }} policy
 * @returns {Admission}
 */
export function newAdmission({ burst }) {
  return { tokens: burst * TOKEN, emptiedMs: -Infinity, points: 0, blockedUntilMs: -Infinity, atMs: -Infinity };
}

/**
 * @param {Admission} before
 * @param {import('./policy.mjs').Policy} policy
 * @param {{ atMs: number, status?: number | undefined }} request a time before the last one counts as the last one; `status` is how the request ended, in a replay
 * @returns {{ admission: Admission, decision: Decision }}
 */
export function admit(before, policy, request) {
  const { abuse } = policy;
  const atMs = Math.max(before.atMs, request.atMs);
  const elapsedMs = atMs - before.atMs;
  const available = refill(before.tokens, elapsedMs, policy);
  const wasBlocked = atMs < before.blockedUntilMs;
  const admitted = !wasBlocked && available >= TOKEN;
  const tokens = admitted ? available - TOKEN : available;
  const isEmptied = admitted && policy.burst > 1 && tokens < TOKEN && atMs - before.emptiedMs >= abuse.halfLifeMs;
  // Who is blocked is punished already: nothing is added meanwhile.
  const added = wasBlocked ? 0 : pointsFor({ refused: !admitted, emptied: isEmptied, status: admitted ? request.status : undefined }, abuse);
  const points = decay(before.points, elapsedMs, abuse) + added;
  const blockedUntilMs = added > 0 && isTooMuch(points, abuse) ? atMs + abuse.blockMs : before.blockedUntilMs;
  const isBlocked = atMs < blockedUntilMs;
  return {
    admission: { tokens, emptiedMs: isEmptied ? atMs : before.emptiedMs, points, blockedUntilMs, atMs },
    decision: {
      admitted,
      remaining: Math.floor(tokens / TOKEN),
      retryAfterMs: admitted ? 0 : Math.max(waitMs(tokens, policy), isBlocked ? Math.ceil(blockedUntilMs - atMs) : 0),
      score: Math.round(points * 10) / 10,
      blocked: isBlocked,
    },
  };
}

/**
 * True if nothing but a remainder of less than one point would be different for the client had it never been seen: it may be forgotten.
 * @param {Admission} admission
 * @param {import('./policy.mjs').Policy} policy
 * @param {number} nowMs
 */
export function isForgettable(admission, policy, nowMs) {
  const elapsedMs = nowMs - admission.atMs;
  return (
    elapsedMs >= 0 &&
    nowMs >= admission.blockedUntilMs &&
    nowMs - admission.emptiedMs >= policy.abuse.halfLifeMs &&
    refill(admission.tokens, elapsedMs, policy) === policy.burst * TOKEN &&
    decay(admission.points, elapsedMs, policy.abuse) < 1
  );
}

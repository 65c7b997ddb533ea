/** The abuse score as pure functions: points that are added for bad behaviour and forgotten with time. */

/** Two ways to add the same points differ in the last digits; the threshold must not depend on them. */
const TOLERANCE = 1e-9;

/**
 * @param {number} points
 * @param {number} elapsedMs ≥ 0, may be Infinity
 * @param {{ halfLifeMs: number }} abuse
 */
export function decay(points, elapsedMs, { halfLifeMs }) {
  return points === 0 ? 0 : points * 2 ** (-elapsedMs / halfLifeMs);
}

/**
 * Points for one request.
 * @param {{ refused: boolean, emptied: boolean, status: number | undefined }} request `refused`: for want of a token; `emptied`: it took the
 * last token, for the first time in a while; `status`: how it ended, as far as known
 * @param {import('./policy.mjs').AbusePolicy} abuse
 */
export function pointsFor({ refused, emptied, status }, abuse) {
  return (refused ? abuse.refusalPoints : 0) + (emptied ? abuse.burstPoints : 0) + (isSuspicious(status) ? abuse.errorPoints : 0);
}

/** @param {number | undefined} status */
export function isSuspicious(status) {
  return status === 401 || status === 403 || status === 404;
}

/**
 * @param {number} points
 * @param {{ threshold: number }} abuse
 */
export function isTooMuch(points, { threshold }) {
  return points >= threshold - TOLERANCE;
}

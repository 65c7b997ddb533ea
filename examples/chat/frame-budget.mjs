/** How many frames a connection may send: a token bucket over the time it is given, as values. */

/** @typedef {{ readonly tokens: number, readonly atMs: number, readonly refusals: number }} FrameBudget `refusals`: frames in a row that were refused */

/**
 * @param {import('./limits.mjs').Limits} limits
 * @param {number} nowMs
 * @returns {FrameBudget}
 */
export const newFrameBudget = (limits, nowMs) => ({ tokens: limits.framesBurst, atMs: nowMs, refusals: 0 });

/**
 * @param {FrameBudget} budget
 * @param {import('./limits.mjs').Limits} limits
 * @param {number} nowMs
 * @returns {{ budget: FrameBudget, outcome: 'admitted' | 'refused' | 'overrun' }} `overrun`: refused once too often
 */
export function spendFrame(budget, limits, nowMs) {
  const tokens = Math.min(limits.framesBurst, budget.tokens + (Math.max(0, nowMs - budget.atMs) / 1000) * limits.framesPerSecond);
  if (tokens >= 1) return { budget: { tokens: tokens - 1, atMs: nowMs, refusals: 0 }, outcome: 'admitted' };
  const refusals = budget.refusals + 1;
  return { budget: { tokens, atMs: nowMs, refusals }, outcome: refusals > limits.refusalsMax ? 'overrun' : 'refused' };
}

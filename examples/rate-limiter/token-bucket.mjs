/**
 * A token bucket as pure functions. It counts in thousandths of a token, so that whole milliseconds times a whole rate are exact: nothing is lost by rounding,
 * however many requests there were. Time only goes forward: the caller sees to that.
 */

export const TOKEN = 1000;

/**
 * Thousandths of a token in the bucket after a time without requests.
 * @param {number} tokens thousandths
 * @param {number} elapsedMs ≥ 0, may be Infinity
 * @param {{ rate: number, burst: number }} limits
 */
export function refill(tokens, elapsedMs, { rate, burst }) {
  return Math.min(burst * TOKEN, tokens + elapsedMs * rate);
}

/**
 * Whole milliseconds until the bucket holds a token; 0 if it does.
 * @param {number} tokens thousandths
 * @param {{ rate: number }} limits
 */
export function waitMs(tokens, { rate }) {
  return tokens >= TOKEN ? 0 : Math.max(1, Math.ceil((TOKEN - tokens) / rate));
}

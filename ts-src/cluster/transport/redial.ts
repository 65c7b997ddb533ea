/** When to try again after a connection could not be made: a pause that doubles up to a bound, of which half is left to chance, so that nodes that lost the same one do not return together. */

export const REDIAL_FIRST_MS = 50;
export const REDIAL_MAX_MS = 5_000;
/** A connection that was open for so long was a good one: the next pause is short again. */
export const REDIAL_FORGIVEN_AFTER_MS = 1_000;

export interface Redial {
  readonly failures: number;
  /** Not before. */
  readonly atMs: number;
}

export const NEVER_FAILED: Redial = { failures: 0, atMs: Number.NEGATIVE_INFINITY };

/** @param chance 0 ≤ chance < 1 */
export function afterFailure({ failures }: Redial, nowMs: number, chance: number): Redial {
  const pauseMs = Math.min(REDIAL_MAX_MS, REDIAL_FIRST_MS * 2 ** Math.min(failures, 16));
  return { failures: failures + 1, atMs: nowMs + pauseMs * (0.5 + chance / 2) };
}

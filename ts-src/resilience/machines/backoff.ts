/**
 * How long a retry waits. Pure: the random number comes in. Jitter spreads the retries of many callers that failed at the same moment (Marc Brooker,
 * "Exponential Backoff And Jitter", 2015). Used by `retry-decision.ts`.
 */
export interface BackoffSettings {
  /** Before the first retry, less by its jitter. */
  readonly initialMs: number;
  readonly maxMs: number;
  /** By how much each delay is longer than the one before. Not looked at by `decorrelated`, which takes 3. */
  readonly factor: number;
  readonly jitter: Jitter;
}

/** How the delay of a retry is drawn: `none` is the delay itself, `full` from 0 to it, `decorrelated` from the first delay to three times the last one. */
export type Jitter =
  /** `initialMs · factor^n`. */
  | 'none'
  /** Anything from 0 to that. */
  | 'full'
  /** Anything from `initialMs` to three times the delay before. */
  | 'decorrelated';

export const JITTERS: readonly Jitter[] = ['none', 'full', 'decorrelated'];

/**
 * @param retry 1 for the first
 * @param previousMs the delay before the last attempt; 0 if there was none
 * @param chance 0 ≤ x < 1
 */
export function delayMs(settings: BackoffSettings, retry: number, previousMs: number, chance: number): number {
  const { initialMs, maxMs, factor, jitter } = settings;
  if (jitter === 'decorrelated') return Math.min(maxMs, initialMs + chance * (Math.max(initialMs, previousMs) * 3 - initialMs));
  // No delay stays none: 0 · ∞ would be no number.
  const whole = Math.min(maxMs, initialMs * Math.min(factor ** (retry - 1), Number.MAX_VALUE));
  return jitter === 'full' ? chance * whole : whole;
}

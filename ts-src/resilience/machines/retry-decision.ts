/** What follows a failed attempt: a pure decision over its number, the time that is left, the budget and chance. Carried out by `resilience/retry.ts`. */
import { type BackoffSettings, delayMs } from './backoff.js';
import type { RetryBudget } from './retry-budget.js';

export interface RetrySettings {
  /** The first one included. */
  readonly attemptsMax: number;
  readonly backoff: BackoffSettings;
}

/** Why a retry does not try again. */
export type GiveUpReason =
  /** As many attempts as allowed have failed. */
  | 'attempts'
  /** The deadline of the call would pass before the next attempt. */
  | 'deadline'
  /** The calls of this policy have used up their retries. */
  | 'budget';

export type RetryDecision = { readonly type: 'retry'; readonly delayMs: number } | { readonly type: 'giveUp'; readonly reason: GiveUpReason };

export interface FailedAttempt {
  /** 1 for the first. */
  readonly attempt: number;
  /** The delay before it; 0 for the first. */
  readonly previousMs: number;
  /** Until the deadline of the call; infinite if it has none. */
  readonly remainingMs: number;
}

/** Takes a token from the budget only if the answer is `retry`. */
export function decideRetry(settings: RetrySettings, failed: FailedAttempt, budget: RetryBudget, random: () => number): RetryDecision {
  if (failed.attempt >= settings.attemptsMax) return { type: 'giveUp', reason: 'attempts' };
  const delay = delayMs(settings.backoff, failed.attempt, failed.previousMs, random());
  if (delay >= failed.remainingMs) return { type: 'giveUp', reason: 'deadline' };
  if (!budget.withdraw()) return { type: 'giveUp', reason: 'budget' };
  return { type: 'retry', delayMs: delay };
}

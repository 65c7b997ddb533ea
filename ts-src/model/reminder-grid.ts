/**
 * When a reminder is due again: pure functions of times, all in milliseconds since 1970, so that they mean the same after a restart of the process. Who asks is
 * `runtime/durable/`.
 */

const RETRY_INITIAL_MS = 1000;
const RETRY_MAX_MS = 60_000;

/** The first point of the grid `dueEpochMs + n · periodMs` after now: points that have passed meanwhile are one, not many. */
export function nextDueEpochMs(dueEpochMs: number, periodMs: number, nowEpochMs: number): number {
  const passed = Math.floor((nowEpochMs - dueEpochMs) / periodMs);
  return dueEpochMs + (Math.max(0, passed) + 1) * periodMs;
}

/** Time to wait after a reminder could not be delivered, or its handler failed, for the so-manieth time (from 1). */
export function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_MAX_MS, RETRY_INITIAL_MS * 2 ** (attempts - 1));
}

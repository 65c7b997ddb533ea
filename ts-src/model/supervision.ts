/**
 * The decision of supervision: what happens to an agent that failed, as a pure function of its history and the time. Who carries it out is `runtime/lifecycle.ts`.
 */
import type { Directive, Supervision } from './agent-definition.js';

export interface ResolvedSupervision {
  readonly onFailure: Directive | ((error: unknown) => Directive);
  readonly intensity: number;
  readonly periodMs: number;
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  readonly jitter: number;
}

/** Restarts of one agent within its period, oldest first. */
export type RestartHistory = readonly number[];

export type Decision =
  | { readonly type: 'resume' }
  | { readonly type: 'restart'; readonly delayMs: number; readonly history: RestartHistory }
  | { readonly type: 'stop'; readonly intensityExceeded: boolean }
  | { readonly type: 'escalate' };

export function resolveSupervision(supervision: Supervision = {}): ResolvedSupervision {
  const { onFailure = 'restart', intensity = 10, periodMs = 30_000, backoff = {} } = supervision;
  const { initialMs = 10, maxMs = 10_000, factor = 2, jitter = 0.2 } = backoff;
  return { onFailure, intensity, periodMs, initialMs, maxMs, factor, jitter };
}

/** @param random draws the jitter: 0 ≤ x < 1. */
export function decide(supervision: ResolvedSupervision, history: RestartHistory, error: unknown, nowMs: number, random: () => number): Decision {
  const directive = chooseDirective(supervision, error);
  if (directive !== 'restart') return directive === 'stop' ? { type: 'stop', intensityExceeded: false } : { type: directive };
  const recent = history.filter((at) => nowMs - at < supervision.periodMs);
  if (recent.length >= supervision.intensity) return { type: 'stop', intensityExceeded: true };
  return { type: 'restart', delayMs: backoffMs(supervision, recent.length, random), history: [...recent, nowMs] };
}

/** What the policy of a kind says to an error. */
export function chooseDirective(supervision: ResolvedSupervision, error: unknown): Directive {
  if (typeof supervision.onFailure !== 'function') return supervision.onFailure;
  try {
    const directive = supervision.onFailure(error);
    return directive === 'resume' || directive === 'restart' || directive === 'escalate' ? directive : 'stop';
  } catch {
    // A policy that fails cannot be trusted to keep the agent running.
    return 'stop';
  }
}

/** Exponential back-off: `initialMs · factor^restarts`, at most `maxMs`, less a random share of up to `jitter`. */
export function backoffMs(supervision: Pick<ResolvedSupervision, 'initialMs' | 'maxMs' | 'factor' | 'jitter'>, restarts: number, random: () => number): number {
  // No delay stays none: 0 · ∞ would be no number.
  const delay = Math.min(supervision.maxMs, supervision.initialMs * Math.min(supervision.factor ** restarts, Number.MAX_VALUE));
  return delay * (1 - supervision.jitter * random());
}

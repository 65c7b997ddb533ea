/** How a circuit breaker tells whoever counts its calls, without either knowing the other: the breaker is in `resilience/`, the counting in `runtime/meters/`. */
import type { BreakerOutcome, BreakerStateName } from './operation-statistics.js';

/** Told at once, in the call. Must not throw. */
export interface BreakerMeter {
  counted(outcome: BreakerOutcome): void;
  changed(from: BreakerStateName, to: BreakerStateName): void;
}

/** The key of the method that adds a meter to a breaker. */
export const METERED_BY = Symbol('metered by');

/** What `meter` needs of a circuit breaker: those of `nexus-agents/resilience` have it. */
export interface MeterableBreaker {
  readonly state: { readonly type: BreakerStateName };
  /** Tells the meter of all calls from now on. Returns a function that ends it. */
  [METERED_BY](meter: BreakerMeter): () => void;
}

export function isMeterable(value: unknown): value is MeterableBreaker {
  return typeof value === 'object' && value !== null && typeof (value as Partial<MeterableBreaker>)[METERED_BY] === 'function';
}

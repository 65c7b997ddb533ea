/**
 * What is known of operations and circuit breakers by name, over all threads, as values. Counted in `runtime/meters/`, shown by the nexus, exported by `adapters/prometheus-metrics.ts`.
 */
import * as L from '../../layout/generated/layout.js';

/** The name under which everything is counted whose own name found no room. */
export const OTHER_NAME = '(other)';

/** Upper bounds of the counts of an operation in nanoseconds, the bound included: powers of two from 1,024 ns to 68.7 s. */
export const OPERATION_BOUNDS_NS: readonly number[] = Array.from({ length: L.METER_BUCKETS - 1 }, (_, index) => 2 ** (index + L.METER_BOUND_LEAST));

/** What `observe` has counted under one name, on all threads, since the start of the nexus. */
export interface OperationStatistics {
  readonly name: string;
  readonly successes: number;
  readonly failures: number;
  /** Calls that took longer than their `slaMs`, whatever their outcome. */
  readonly violations: number;
  /** Nanoseconds of all calls together. */
  readonly sumNs: number;
  /** Calls by duration, one count more than `OPERATION_BOUNDS_NS`: the last is of those above all bounds. */
  readonly counts: readonly number[];
}

/** How calls through a circuit breaker end. `ignored`: mistakes of the caller and calls it gave up, which say nothing about what was called. `refused`: not let through. */
export const BREAKER_OUTCOMES = ['success', 'failure', 'ignored', 'refused'] as const;
/** What became of a call through a metered circuit breaker. */
export type BreakerOutcome = (typeof BREAKER_OUTCOMES)[number];

export const BREAKER_STATES = ['closed', 'open', 'halfOpen', 'isolated'] as const;
/** State of a circuit breaker, as metrics name it. */
export type BreakerStateName = (typeof BREAKER_STATES)[number];

/** What `meter` has counted of the circuit breakers of one name, on all threads. */
export interface BreakerStatistics {
  readonly name: string;
  readonly calls: Readonly<Record<BreakerOutcome, number>>;
  readonly opened: number;
  /** How many breakers of this name are in each state now: each thread has those it made. */
  readonly states: Readonly<Record<BreakerStateName, number>>;
}

/** Index of the first bound that is not less, or the last of the counts. */
export function durationBucket(nanoseconds: number): number {
  if (!(nanoseconds > OPERATION_BOUND_LEAST_NS)) return 0;
  // Two steps, because a 32-bit word ends at 4.3 s: more than 2^k of 2^20 ns is more than 2^(k+20) ns.
  const bits = nanoseconds <= 2 ** 31 ? 32 - Math.clz32(Math.ceil(nanoseconds) - 1) : 52 - Math.clz32(Math.min(Math.ceil(nanoseconds / 2 ** 20), 2 ** 31) - 1);
  return Math.min(bits - L.METER_BOUND_LEAST, L.METER_BUCKETS - 1);
}

const OPERATION_BOUND_LEAST_NS = 2 ** L.METER_BOUND_LEAST;

/** Options of the policies: their types, defaults and limits, and the one place that checks them. Times are in milliseconds, at most 86,400,000. */
import { optionError, valueText } from '../errors.js';
import { checkNames, didYouMean, misspelt } from '../model/nearest-name.js';
import type { ResolvedBulkhead } from './bulkhead.js';
import type { ResolvedCircuitBreaker } from './circuit-breaker.js';
import type { ResolvedFallback } from './fallback.js';
import { type Jitter, JITTERS } from './machines/backoff.js';
import type { FailureRate } from './machines/circuit.js';
import { isFailureOfCall, isWorthFallback } from './machines/failure-rules.js';
import type { PolicyContext } from './policy-context.js';
import type { ResolvedRetry } from './retry.js';
import type { ResolvedTimeout } from './timeout.js';

const MS_MAX = 86_400_000;

/** Options of `timeout`. */
export interface TimeoutOptions {
  /** Limit of a call, more than 0. Required. */
  readonly ms: number;
}

export function resolveTimeout(options: TimeoutOptions): ResolvedTimeout {
  checkNames('timeout', options, ['ms']);
  if (options.ms === undefined) throw optionError('ms', 'is missing: the limit of a call in milliseconds');
  return { ms: positive('ms', options.ms, 0) };
}

/** Options of `circuitBreaker`. */
export interface CircuitBreakerOptions {
  /** What opens the circuit: so many consecutive failures, 1 to 1,000,000, or a share of the calls in a sliding window. Default 5. */
  readonly failures?: number | FailureRateOptions;
  /** Successful probes, one after the other, that close it, 1 to 1,000,000. Default 3. */
  readonly successesToClose?: number;
  /** How long it stays open before the first probe, and after which a probe that has not come back is given up, more than 0. Default 60,000. */
  readonly openMs?: number;
  /**
   * Whether a rejection is a failure of what was called. Not asked for calls that their caller gave up. Default: all but mistakes of the caller
   * (NexusTypeError) and refusals of a policy within (NEXUS_CIRCUIT_OPEN, NEXUS_BULKHEAD_FULL).
   */
  readonly isFailure?: (error: unknown) => boolean;
}

/** Opens a circuit breaker by the share of calls that failed in a sliding window, in the place of failures in a row. */
export interface FailureRateOptions {
  /** Share of failed calls that opens the circuit, more than 0, at most 1. Required. */
  readonly rate: number;
  /** Length of the window, more than 0. Default 10,000. */
  readonly windowMs?: number;
  /** With fewer calls in the window the circuit does not open, 1 to 1,000,000. Default 20. */
  readonly callsMin?: number;
}

export function resolveCircuitBreaker(options: CircuitBreakerOptions): ResolvedCircuitBreaker {
  checkNames('circuitBreaker', options, ['failures', 'successesToClose', 'openMs', 'isFailure']);
  const { failures } = options;
  return {
    failures: typeof failures === 'object' ? failureRate(failures) : whole('failures', failures, 5, 1, 1_000_000),
    successesToClose: whole('successesToClose', options.successesToClose, 3, 1, 1_000_000),
    openMs: positive('openMs', options.openMs, 60_000),
    isFailure: predicate('isFailure', options.isFailure, isFailureOfCall),
  };
}

function failureRate(options: FailureRateOptions): FailureRate {
  checkNames('failures', options, ['rate', 'windowMs', 'callsMin']);
  const { rate } = options;
  if (!(typeof rate === 'number' && rate > 0 && rate <= 1)) throw optionError('failures.rate', `is ${valueText(rate)}; it must be more than 0 and at most 1`);
  return {
    rate,
    windowMs: positive('failures.windowMs', options.windowMs, 10_000),
    callsMin: whole('failures.callsMin', options.callsMin, 20, 1, 1_000_000),
  };
}

/** Options of `retry`. */
export interface RetryOptions {
  /** Attempts of a call, the first included, 1 to 1,000. Default 3. */
  readonly attemptsMax?: number;
  readonly backoff?: RetryBackoffOptions;
  readonly budget?: RetryBudgetOptions;
  /** Whether to try again after this rejection. Not asked for calls that their caller gave up. Default: as `isFailure` of a circuit breaker. */
  readonly retryOn?: (error: unknown) => boolean;
}

/** Delays between the attempts of a retry. */
export interface RetryBackoffOptions {
  /** Delay before the first retry, 0 or more. Default 100. */
  readonly initialMs?: number;
  /** Longest delay, not less than `initialMs`. Default 10,000. */
  readonly maxMs?: number;
  /** Each delay is so many times the one before, 1 to 100. Default 2. */
  readonly factor?: number;
  /** `full`: anything from 0 to the delay; `decorrelated`: from `initialMs` to three times the delay before; `none`. Default `full`. */
  readonly jitter?: Jitter;
}

/** How many attempts a retry may add to the calls of all callers, so that retries do not multiply an overload. */
export interface RetryBudgetOptions {
  /** Retries that each call of the policy allows, 0 to 1,000, in thousandths. Default 0.2: retries add at most a fifth to the load. */
  readonly ratio?: number;
  /** Retries beyond that, saved up while calls succeed, 0 to 1,000,000. Default 10. */
  readonly burst?: number;
}

export function resolveRetry(options: RetryOptions): ResolvedRetry {
  checkNames('retry', options, ['attemptsMax', 'backoff', 'budget', 'retryOn']);
  const { backoff = {}, budget = {} } = options;
  checkNames('backoff', backoff, ['initialMs', 'maxMs', 'factor', 'jitter']);
  checkNames('budget', budget, ['ratio', 'burst']);
  const { jitter = 'full' } = backoff;
  if (!JITTERS.includes(jitter))
    throw optionError('backoff.jitter', `is ${valueText(jitter)}${didYouMean(jitter, JITTERS)} It must be ${JITTERS.join(', ')}`, misspelt(jitter, JITTERS));
  const initialMs = number('backoff.initialMs', backoff.initialMs, 100, 0, MS_MAX);
  const maxMs = number('backoff.maxMs', backoff.maxMs, Math.max(10_000, initialMs), 0, MS_MAX);
  if (maxMs < initialMs) throw optionError('backoff.maxMs', `is ${maxMs}, less than initialMs (${initialMs})`);
  return {
    attemptsMax: whole('attemptsMax', options.attemptsMax, 3, 1, 1000),
    backoff: { initialMs, maxMs, factor: number('backoff.factor', backoff.factor, 2, 1, 100), jitter },
    budget: { ratio: number('budget.ratio', budget.ratio, 0.2, 0, 1000), burst: whole('budget.burst', budget.burst, 10, 0, 1_000_000) },
    retryOn: predicate('retryOn', options.retryOn, isFailureOfCall),
  };
}

/** Options of `bulkhead`. */
export interface BulkheadOptions {
  /** Calls that run at once, 1 to 1,000,000. Default 10. */
  readonly concurrencyMax?: number;
  /** Calls that wait for one of those to end, first come, first served, 0 to 1,000,000. Default 0: none waits. */
  readonly queueMax?: number;
  /** How long a call waits before it is refused, more than 0. Default 10,000. */
  readonly queueTimeoutMs?: number;
}

export function resolveBulkhead(options: BulkheadOptions): ResolvedBulkhead {
  checkNames('bulkhead', options, ['concurrencyMax', 'queueMax', 'queueTimeoutMs']);
  return {
    concurrencyMax: whole('concurrencyMax', options.concurrencyMax, 10, 1, 1_000_000),
    queueMax: whole('queueMax', options.queueMax, 0, 0, 1_000_000),
    queueTimeoutMs: positive('queueTimeoutMs', options.queueTimeoutMs, 10_000),
  };
}

/** Options of `fallback`. */
export interface FallbackOptions {
  /** Whether to fall back after this rejection. Not asked for calls that their caller gave up. Default: all but mistakes of the caller (NexusTypeError). */
  readonly handles?: (error: unknown) => boolean;
}

/** @param answer a value, or a function of the error that returns one, or a promise of one */
export function resolveFallback<F>(answer: F | ResolvedFallback<F>['answer'], options: FallbackOptions): ResolvedFallback<F> {
  checkNames('fallback', options, ['handles']);
  return {
    answer: typeof answer === 'function' ? (answer as (error: unknown, context: PolicyContext) => F) : () => answer,
    handles: predicate('handles', options.handles, isWorthFallback),
  };
}

/** @param ms time until a deadline, 0 or more */
export function resolveDeadline(ms: number): number {
  return number('ms', ms, 0, 0, MS_MAX);
}

/** Seed of the jitter: any 32-bit integer. */
export function checkSeed(seed: number): number {
  return whole('seed', seed, 0, -(2 ** 31), 2 ** 32 - 1);
}

function number(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault;
  if (!(typeof value === 'number' && value >= min && value <= max)) throw optionError(name, `is ${valueText(value)}; it must be from ${min} to ${max}`);
  return value;
}

function positive(name: string, value: number | undefined, byDefault: number): number {
  const checked = number(name, value, byDefault, 0, MS_MAX);
  if (checked === 0) throw optionError(name, `is 0; it must be more, and at most ${MS_MAX}`);
  return checked;
}

function whole(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value !== undefined && !Number.isInteger(value)) throw optionError(name, `is ${valueText(value)}; it must be a whole number from ${min} to ${max}`);
  return number(name, value, byDefault, min, max);
}

function predicate(name: string, value: ((error: unknown) => boolean) | undefined, byDefault: (error: unknown) => boolean): (error: unknown) => boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== 'function') throw optionError(name, `must be a function of the error, not ${valueText(value)}`);
  return value;
}

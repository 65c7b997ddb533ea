/** Makes policies of options: the one place that joins them to the clock of the machine and to chance. What tests and simulations replace is the last parameter. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../adapters/system-clock.js';
import { optionError, valueText } from '../errors.js';
import { checkNames } from '../model/nearest-name.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { Clock } from '../ports/clock.js';
import { Bulkhead } from './bulkhead.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { Deadline } from './deadline.js';
import { Fallback } from './fallback.js';
import {
  type BulkheadOptions,
  type CircuitBreakerOptions,
  checkSeed,
  type FallbackOptions,
  type RetryOptions,
  resolveBulkhead,
  resolveCircuitBreaker,
  resolveDeadline,
  resolveFallback,
  resolveRetry,
  resolveTimeout,
  type TimeoutOptions,
} from './options.js';
import { Policy, type PolicyNeeds } from './policy.js';
import type { PolicyContext } from './policy-context.js';
import { Retry } from './retry.js';
import { Timeout } from './timeout.js';
import { type AnswerOf, type AnyPolicy, Wrapped } from './wrap.js';

/** Where time, chance and complaints come from. */
export interface Surroundings {
  /** Default: the clock of the machine. */
  readonly clock?: Clock;
  /** Of the jitter of retries: any 32-bit integer. Default: another one for each policy. */
  readonly seed?: number;
  /** Told of errors that a listener, or a function among the options, threw. Default: a process warning. */
  readonly report?: (error: unknown) => void;
}

/** Limits the time of a call. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, as all of these */
export function timeout(options: TimeoutOptions, surroundings?: Surroundings): Timeout {
  return new Timeout(resolveTimeout(options), needs(surroundings));
}

/** Calls again what failed. */
export function retry(options: RetryOptions = {}, surroundings?: Surroundings): Retry {
  return new Retry(resolveRetry(options), needs(surroundings));
}

/** Stops calling what keeps failing. */
export function circuitBreaker(options: CircuitBreakerOptions = {}, surroundings?: Surroundings): CircuitBreaker {
  return new CircuitBreaker(resolveCircuitBreaker(options), needs(surroundings));
}

/** Limits how many calls run at once. */
export function bulkhead(options: BulkheadOptions = {}, surroundings?: Surroundings): Bulkhead {
  return new Bulkhead(resolveBulkhead(options), needs(surroundings));
}

/**
 * Answers for what failed.
 * @param answer a function of the error and the context, which may be async, or a value that is no function
 */
export function fallback<F>(
  answer: (error: unknown, context: PolicyContext) => F | PromiseLike<F>,
  options?: FallbackOptions,
  surroundings?: Surroundings,
): Fallback<F>;
export function fallback<F>(answer: F, options?: FallbackOptions, surroundings?: Surroundings): Fallback<F>;
export function fallback<F>(answer: F, options: FallbackOptions = {}, surroundings?: Surroundings): Fallback<F> {
  return new Fallback(resolveFallback(answer, options), needs(surroundings));
}

/** These policies as one, the first outermost: `wrap(fallback(0), retry(), timeout({ ms: 100 }))` limits the time of each attempt. */
export function wrap<P extends readonly [AnyPolicy, ...AnyPolicy[]]>(...policies: P): Wrapped<AnswerOf<P[number]>> {
  if (policies.length === 0) throw optionError('wrap', 'takes at least one policy, such as wrap(retry(), timeout({ ms: 100 }))');
  policies.forEach((policy: unknown, index) => {
    if (!(policy instanceof Policy)) throw optionError(`wrap, policy ${index + 1}`, `is not a policy, as retry() makes one, but ${valueText(policy)}`);
  });
  return new Wrapped(policies);
}

/** The deadline that is so many milliseconds away, 0 to 86,400,000: for the options of a call. */
export function deadlineIn(ms: number, surroundings?: Pick<Surroundings, 'clock'>): Deadline {
  return new Deadline(needs(surroundings).clock, resolveDeadline(ms));
}

function needs(surroundings: Surroundings = {}): PolicyNeeds {
  checkNames('surroundings', surroundings, ['clock', 'seed', 'report']);
  const { clock = systemClock, seed = randomBytes(4).readInt32LE(), report = warn } = surroundings;
  const random = new SeededRandom(checkSeed(seed), 'retry');
  return { clock, random: () => random.next(), report };
}

function warn(error: unknown): void {
  process.emitWarning(`a function given to a policy failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, 'NexusWarning');
}

/** The entry `nexus-agents/resilience`. */
export { bulkhead, circuitBreaker, deadlineIn, fallback, retry, type Surroundings, timeout, wrap } from './create-policies.js';
export type { Clock } from '../ports/clock.js';
export type { Bulkhead, BulkheadEvent, BulkheadState, BulkheadStatistics, RefusalReason } from './bulkhead.js';
export type { CircuitBreaker, CircuitBreakerEvent, CircuitBreakerStatistics } from './circuit-breaker.js';
export type { Deadline } from './deadline.js';
export type { Fallback, FallbackEvent, FallbackStatistics } from './fallback.js';
export type { Jitter } from './machines/backoff.js';
export type { CircuitState } from './machines/circuit.js';
export { isFailureOfCall, isWorthFallback } from './machines/failure-rules.js';
export type { GiveUpReason } from './machines/retry-decision.js';
export type {
  BulkheadOptions,
  CircuitBreakerOptions,
  FailureRateOptions,
  FallbackOptions,
  RetryBackoffOptions,
  RetryBudgetOptions,
  RetryOptions,
  TimeoutOptions,
} from './options.js';
export type { ObservablePolicy } from './observable-policy.js';
export type { Operation, Policy, PolicyAskOptions } from './policy.js';
export type { CallOptions, PolicyContext } from './policy-context.js';
export type { Retry, RetryEvent, RetryStatistics } from './retry.js';
export type { Timeout, TimeoutEvent, TimeoutStatistics } from './timeout.js';
export type { AnyPolicy, Wrapped } from './wrap.js';

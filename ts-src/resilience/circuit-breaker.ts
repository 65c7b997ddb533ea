/**
 * A circuit breaker: stops calling what keeps failing, and tries it again with one call at a time. The circuit itself is `machines/circuit.ts`; this file
 * performs it. A closed breaker around a call adds one promise and no clock (with a failure rate, two readings of the clock).
 */
import { NexusError } from '../errors.js';
import { type BreakerMeter, type MeterableBreaker, METERED_BY } from '../model/breaker-meter.js';
import type { BreakerOutcome } from '../model/operation-statistics.js';
import { Circuit, type CircuitSettings, type CircuitState, REFUSED } from './machines/circuit.js';
import { isAbortedByCaller } from './machines/failure-rules.js';
import { ObservablePolicy } from './observable-policy.js';
import { call, type Operation, type PolicyNeeds, reasonNotToBegin } from './policy.js';
import type { PolicyContext } from './policy-context.js';

export interface ResolvedCircuitBreaker extends CircuitSettings {
  readonly isFailure: (error: unknown) => boolean;
}

/** What a circuit breaker tells its listeners. */
export type CircuitBreakerEvent =
  | { readonly type: 'stateChanged'; readonly from: CircuitState['type']; readonly to: CircuitState['type'] }
  /** A call was not let through. */
  | { readonly type: 'refused' };

/** Totals since the breaker was made. */
export interface CircuitBreakerStatistics {
  readonly successes: number;
  readonly failures: number;
  /** Rejections that say nothing about what was called: mistakes of the caller, calls it gave up. */
  readonly ignored: number;
  readonly refused: number;
  /** How often the circuit opened. */
  readonly opened: number;
}

/** Stops calling what fails, and finds out later whether it is well again; meanwhile NEXUS_CIRCUIT_OPEN. As `circuitBreaker` makes it. */
export class CircuitBreaker extends ObservablePolicy<never, CircuitBreakerEvent> implements MeterableBreaker {
  readonly #circuit: Circuit;
  readonly #needs: PolicyNeeds;
  readonly #isFailure: (error: unknown) => boolean;
  #successes = 0;
  #failures = 0;
  #ignored = 0;
  #refused = 0;
  #opened = 0;
  #meters: readonly BreakerMeter[] = [];
  /** What follows calls that nobody can give up, under the present ticket: one pair for all of them, so that a call makes no closures. */
  #outcome: Outcome | undefined;

  constructor(settings: ResolvedCircuitBreaker, needs: PolicyNeeds) {
    super(needs.report);
    this.#circuit = new Circuit(settings);
    this.#isFailure = settings.isFailure;
    this.#needs = needs;
  }

  /** As of the last call: an open circuit becomes half-open when a call comes after its time. `untilMs` and `probeSinceMs` are times of the breaker's clock. */
  get state(): CircuitState {
    return this.#circuit.state;
  }

  get statistics(): CircuitBreakerStatistics {
    return { successes: this.#successes, failures: this.#failures, ignored: this.#ignored, refused: this.#refused, opened: this.#opened };
  }

  /** Refuses all calls until `reset`. Calls under way go on; their outcomes do not count. */
  isolate(): void {
    this.#step(() => this.#circuit.isolate());
  }

  /** Closes the circuit, whatever its state, and forgets all failures. The outcomes of calls under way do not count. */
  reset(): void {
    this.#step(() => this.#circuit.reset());
  }

  /** For `nexus.meter` and `ctx.meter`. */
  [METERED_BY](meter: BreakerMeter): () => void {
    this.#meters = [...this.#meters, meter];
    return () => {
      this.#meters = this.#meters.filter((other) => other !== meter);
    };
  }

  run<T>(operation: Operation<T>, context: PolicyContext): Promise<T> {
    const circuit = this.#circuit;
    // What is not called says nothing about it, and must not take the place of a probe.
    const reason = reasonNotToBegin(context);
    if (reason !== undefined) return Promise.reject(reason);
    const ticket = circuit.ignoresTime ? circuit.admit(0) : this.#admitAt(this.#needs.clock.nowMs());
    if (ticket === REFUSED) return Promise.reject(this.#refuse());
    const { fulfilled, rejected } = context.abort === undefined ? this.#outcomeOf(ticket) : this.#newOutcome(ticket, context);
    return call(operation, context).then(fulfilled as (value: T) => T, rejected);
  }

  #admitAt(nowMs: number): number {
    let ticket = REFUSED;
    this.#step(() => {
      ticket = this.#circuit.admit(nowMs);
    });
    return ticket;
  }

  #outcomeOf(ticket: number): Outcome {
    if (this.#outcome?.ticket !== ticket) this.#outcome = this.#newOutcome(ticket, undefined);
    return this.#outcome as Outcome;
  }

  #newOutcome(ticket: number, context: PolicyContext | undefined): Outcome {
    return {
      ticket,
      fulfilled: (value) => {
        this.#successes++;
        this.#meter('success');
        const circuit = this.#circuit;
        if (circuit.ignoresTime) circuit.succeeded(ticket, 0);
        else this.#step(() => circuit.succeeded(ticket, this.#needs.clock.nowMs()));
        return value;
      },
      rejected: (error) => {
        this.#rejected(ticket, error, context);
        throw error;
      },
    };
  }

  #rejected(ticket: number, error: unknown, context: PolicyContext | undefined): void {
    if (isAbortedByCaller(context?.abort) || !this.#countsAsFailure(error)) {
      this.#ignored++;
      this.#meter('ignored');
      this.#circuit.ignored(ticket);
    } else {
      this.#failures++;
      this.#meter('failure');
      this.#step(() => this.#circuit.failed(ticket, this.#needs.clock.nowMs()));
    }
  }

  #countsAsFailure(error: unknown): boolean {
    try {
      return this.#isFailure(error);
    } catch (mistake) {
      this.#needs.report(mistake);
      return true;
    }
  }

  /** Everything that may change the state. */
  #step(step: () => void): void {
    const from = this.#circuit.state.type;
    step();
    const to = this.#circuit.state.type;
    if (from === to) return;
    if (to === 'open') this.#opened++;
    for (const meter of this.#meters) meter.changed(from, to);
    this.listeners.emit({ type: 'stateChanged', from, to });
  }

  #meter(outcome: BreakerOutcome): void {
    for (const meter of this.#meters) meter.counted(outcome);
  }

  #refuse(): NexusError {
    this.#refused++;
    this.#meter('refused');
    this.listeners.emit({ type: 'refused' });
    const { state } = this;
    if (state.type === 'isolated')
      return new NexusError('NEXUS_CIRCUIT_OPEN', 'the circuit is isolated (isolate was called): nothing is called until it is reset', {
        data: { state: state.type },
      });
    if (state.type === 'halfOpen')
      return new NexusError('NEXUS_CIRCUIT_OPEN', 'the circuit is half-open and its probe is under way: nothing was called; try again when it has ended', {
        data: { state: state.type },
      });
    const retryAfterMs = state.type === 'open' ? Math.max(0, state.untilMs - this.#needs.clock.nowMs()) : 0;
    return new NexusError(
      'NEXUS_CIRCUIT_OPEN',
      `the circuit is open for another ${Math.ceil(retryAfterMs)} ms, because too many calls failed: nothing was called`,
      { data: { state: state.type, retryAfterMs } },
    );
  }
}

interface Outcome {
  readonly ticket: number;
  readonly fulfilled: (value: unknown) => unknown;
  readonly rejected: (error: unknown) => never;
}

/**
 * The circuit of a breaker as a state machine over the time it is given: whether a call may pass, and what its outcome does to the state. It calls nothing and has
 * no timer: an open circuit becomes half-open when the first call after its time asks to pass. Driven by `resilience/circuit-breaker.ts`.
 *
 * A call that is let through gets a ticket and brings it back with its outcome. Every change of state and every probe makes all older tickets void, so that a slow
 * call that began before the circuit opened neither closes nor opens it later.
 */
import { FailureWindow } from './failure-window.js';

export interface FailureRate {
  /** Share of failed calls that opens the circuit, more than 0, at most 1. */
  readonly rate: number;
  readonly windowMs: number;
  /** Below this number of calls in the window nothing opens. */
  readonly callsMin: number;
}

export interface CircuitSettings {
  /** Consecutive failures, or their share in a sliding window. */
  readonly failures: number | FailureRate;
  /** Probes that succeed, one after the other, before the circuit closes. */
  readonly successesToClose: number;
  readonly openMs: number;
}

/** Where a circuit breaker is: `closed` lets calls through, `open` refuses them, `halfOpen` lets some through to find out. */
export type CircuitState =
  /** Calls pass. `failures` are consecutive. */
  | { readonly type: 'closed'; readonly failures: number }
  /** Calls are refused until this time. */
  | { readonly type: 'open'; readonly untilMs: number }
  /** One call at a time passes as a probe. `probeSinceMs` is undefined while none is under way. */
  | { readonly type: 'halfOpen'; readonly successes: number; readonly probeSinceMs: number | undefined }
  /** Calls are refused until somebody resets it. */
  | { readonly type: 'isolated' };

export const REFUSED = -1;

export class Circuit {
  readonly #settings: CircuitSettings;
  readonly #window: FailureWindow | undefined;
  #state: CircuitState = CLOSED;
  /** The only ticket whose outcome counts. */
  #ticket = 0;

  constructor(settings: CircuitSettings) {
    this.#settings = settings;
    const { failures } = settings;
    this.#window = typeof failures === 'number' ? undefined : new FailureWindow(failures.windowMs);
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** While this is true `admit` and `succeeded` do not look at the time: the caller need not read its clock. */
  get ignoresTime(): boolean {
    return this.#state.type === 'closed' && this.#window === undefined;
  }

  /** A ticket if a call may pass now, else REFUSED. */
  admit(nowMs: number): number {
    const state = this.#state;
    if (state.type === 'closed') return this.#ticket;
    if (state.type === 'isolated') return REFUSED;
    if (state.type === 'open') return nowMs < state.untilMs ? REFUSED : this.#probe(0, nowMs);
    // A probe that does not come back must not keep the circuit half-open for ever: after the time of an open circuit another takes its place.
    const { probeSinceMs } = state;
    return probeSinceMs !== undefined && nowMs - probeSinceMs < this.#settings.openMs ? REFUSED : this.#probe(state.successes, nowMs);
  }

  succeeded(ticket: number, nowMs: number): void {
    const state = this.#state;
    if (ticket !== this.#ticket) return;
    if (state.type === 'closed') {
      if (this.#window !== undefined) this.#record(this.#window, false, nowMs);
      else if (state.failures > 0) this.#state = CLOSED;
    } else if (state.type === 'halfOpen') {
      const successes = state.successes + 1;
      if (successes >= this.#settings.successesToClose) this.#close();
      else this.#enter({ type: 'halfOpen', successes, probeSinceMs: undefined });
    }
  }

  failed(ticket: number, nowMs: number): void {
    const state = this.#state;
    if (ticket !== this.#ticket) return;
    if (state.type === 'halfOpen') return this.#open(nowMs);
    if (state.type !== 'closed') return;
    if (this.#window !== undefined) return this.#record(this.#window, true, nowMs);
    const failures = state.failures + 1;
    if (failures >= (this.#settings.failures as number)) this.#open(nowMs);
    else this.#state = { type: 'closed', failures };
  }

  /** The call ended without saying anything about what it called: its caller gave up, or made a mistake. A probe makes room for the next. */
  ignored(ticket: number): void {
    const state = this.#state;
    if (ticket === this.#ticket && state.type === 'halfOpen') this.#enter({ ...state, probeSinceMs: undefined });
  }

  /** Refuses everything until `reset`. */
  isolate(): void {
    this.#enter({ type: 'isolated' });
  }

  /** Closes the circuit and forgets all failures. */
  reset(): void {
    this.#close();
  }

  #probe(successes: number, nowMs: number): number {
    this.#enter({ type: 'halfOpen', successes, probeSinceMs: nowMs });
    return this.#ticket;
  }

  #record(window: FailureWindow, failed: boolean, nowMs: number): void {
    const { rate, callsMin } = this.#settings.failures as FailureRate;
    window.record(failed, nowMs);
    if (window.calls >= callsMin && window.failures >= rate * window.calls) this.#open(nowMs);
  }

  #open(nowMs: number): void {
    this.#enter({ type: 'open', untilMs: nowMs + this.#settings.openMs });
  }

  #close(): void {
    this.#window?.clear();
    this.#enter(CLOSED);
  }

  #enter(state: CircuitState): void {
    this.#state = state;
    this.#ticket++;
  }
}

const CLOSED: CircuitState = { type: 'closed', failures: 0 };

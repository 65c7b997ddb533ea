/** A fallback: what a call resolves with when its operation fails. It has no state but its counts. A fallback that fails itself rejects the call with its own error. */
import { isAbortedByCaller } from './machines/failure-rules.js';
import { ObservablePolicy } from './observable-policy.js';
import { call, type Operation, type PolicyNeeds } from './policy.js';
import type { PolicyContext } from './policy-context.js';

export interface ResolvedFallback<F> {
  /** What is resolved with, from the error. */
  readonly answer: (error: unknown, context: PolicyContext) => F | PromiseLike<F>;
  readonly handles: (error: unknown) => boolean;
}

/** What a fallback tells its listeners. */
export interface FallbackEvent {
  readonly type: 'fellBack';
  readonly error: unknown;
}

/** What a fallback has counted since it was made. */
export interface FallbackStatistics {
  readonly calls: number;
  readonly fallbacks: number;
}

/** Answers in the place of a call that failed. As `fallback` makes it. */
export class Fallback<F> extends ObservablePolicy<F, FallbackEvent> {
  readonly #settings: ResolvedFallback<F>;
  readonly #needs: PolicyNeeds;
  #calls = 0;
  #fallbacks = 0;

  constructor(settings: ResolvedFallback<F>, needs: PolicyNeeds) {
    super(needs.report);
    this.#settings = settings;
    this.#needs = needs;
  }

  get statistics(): FallbackStatistics {
    return { calls: this.#calls, fallbacks: this.#fallbacks };
  }

  run<T>(operation: Operation<T>, context: PolicyContext): Promise<T | F> {
    this.#calls++;
    return call(operation, context).catch((error: unknown) => {
      if (isAbortedByCaller(context.abort) || !this.#isHandled(error)) throw error;
      this.#fallbacks++;
      this.listeners.emit({ type: 'fellBack', error });
      return this.#settings.answer(error, context);
    });
  }

  #isHandled(error: unknown): boolean {
    try {
      return this.#settings.handles(error);
    } catch (mistake) {
      this.#needs.report(mistake);
      return false;
    }
  }
}

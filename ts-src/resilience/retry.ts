/**
 * Calls again what failed, after a delay that grows, as often as attempts, deadline and budget allow. What to do after each failure is decided by
 * `machines/retry-decision.ts`; this file waits and calls. The last error is rejected as it is.
 */
import { isAbortedByCaller } from './machines/failure-rules.js';
import { RetryBudget, type RetryBudgetSettings } from './machines/retry-budget.js';
import { decideRetry, type GiveUpReason, type RetrySettings } from './machines/retry-decision.js';
import { ObservablePolicy } from './observable-policy.js';
import { aborted, call, type Operation, type PolicyNeeds, reasonNotToBegin } from './policy.js';
import type { PolicyContext } from './policy-context.js';

export interface ResolvedRetry extends RetrySettings {
  readonly budget: RetryBudgetSettings;
  readonly retryOn: (error: unknown) => boolean;
}

/** What a retry tells its listeners. */
export type RetryEvent =
  /** Attempt number `attempt` failed; the next begins in `delayMs`. */
  | { readonly type: 'retrying'; readonly attempt: number; readonly delayMs: number; readonly error: unknown }
  /** The call failed although its error is one to retry on. */
  | { readonly type: 'gaveUp'; readonly attempt: number; readonly reason: GiveUpReason; readonly error: unknown };

/** What a retry has counted since it was made. */
export interface RetryStatistics {
  readonly calls: number;
  readonly retries: number;
  /** By reason. */
  readonly gaveUp: Readonly<Record<GiveUpReason, number>>;
  /** Retries that the budget allows now. */
  readonly budgetTokens: number;
}

/** Calls again what failed, after growing delays and within a budget. As `retry` makes it. */
export class Retry extends ObservablePolicy<never, RetryEvent> {
  readonly #settings: ResolvedRetry;
  readonly #needs: PolicyNeeds;
  readonly #budget: RetryBudget;
  #calls = 0;
  #retries = 0;
  readonly #gaveUp: Record<GiveUpReason, number> = { attempts: 0, deadline: 0, budget: 0 };

  constructor(settings: ResolvedRetry, needs: PolicyNeeds) {
    super(needs.report);
    this.#settings = settings;
    this.#needs = needs;
    this.#budget = new RetryBudget(settings.budget);
  }

  get statistics(): RetryStatistics {
    return { calls: this.#calls, retries: this.#retries, gaveUp: { ...this.#gaveUp }, budgetTokens: this.#budget.tokens };
  }

  async run<T>(operation: Operation<T>, outer: PolicyContext): Promise<T> {
    this.#calls++;
    const reason = reasonNotToBegin(outer);
    if (reason !== undefined) throw reason;
    this.#budget.deposit();
    let previousMs = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(operation, outer.atAttempt(attempt));
      } catch (error) {
        if (isAbortedByCaller(outer.abort) || !this.#isRetriedOn(error)) throw error;
        const remainingMs = outer.abort?.aborted === true ? 0 : outer.remainingMs;
        const decision = decideRetry(this.#settings, { attempt, previousMs, remainingMs }, this.#budget, this.#needs.random);
        if (decision.type === 'giveUp') {
          this.#gaveUp[decision.reason]++;
          this.listeners.emit({ type: 'gaveUp', attempt, reason: decision.reason, error });
          throw error;
        }
        this.#retries++;
        previousMs = decision.delayMs;
        this.listeners.emit({ type: 'retrying', attempt, delayMs: decision.delayMs, error });
        await this.#wait(decision.delayMs, outer);
      }
    }
  }

  #isRetriedOn(error: unknown): boolean {
    try {
      return this.#settings.retryOn(error);
    } catch (mistake) {
      this.#needs.report(mistake);
      return false;
    }
  }

  #wait(delayMs: number, outer: PolicyContext): Promise<void> {
    return new Promise((resolve, reject) => {
      // A listener to `retrying` may have given the call up.
      if (outer.abort?.aborted === true) return reject(aborted(outer.abort.reason));
      const cancelTimer = this.#needs.clock.after(delayMs, () => {
        stopListening();
        resolve();
      });
      const stopListening = outer.onAbort(() => {
        cancelTimer();
        stopListening();
        reject(aborted(outer.abort?.reason));
      });
    });
  }
}

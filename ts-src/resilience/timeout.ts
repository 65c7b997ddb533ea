/**
 * A time limit: when it passes, the call rejects, and the operation is told so by its signal. The limit is a deadline for everything within, and is itself cut
 * short by a deadline from outside. An operation that ignores its signal goes on, but nobody waits for it.
 */
import { NexusError } from '../errors.js';
import { Deadline } from './deadline.js';
import { LazySignal } from './lazy-signal.js';
import { ObservablePolicy } from './observable-policy.js';
import { aborted, call, type Operation, type PolicyNeeds, reasonNotToBegin } from './policy.js';
import { PolicyContext } from './policy-context.js';

export interface ResolvedTimeout {
  readonly ms: number;
}

/** What a timeout tells its listeners. */
export interface TimeoutEvent {
  readonly type: 'timedOut';
  /** The limit of this call: less than that of the policy if a deadline came from outside. */
  readonly limitMs: number;
}

/** What a timeout has counted since it was made. */
export interface TimeoutStatistics {
  readonly calls: number;
  readonly timeouts: number;
}

/** Gives a call up after a time, with NEXUS_TIMEOUT. As `timeout` makes it. */
export class Timeout extends ObservablePolicy<never, TimeoutEvent> {
  readonly #ms: number;
  readonly #needs: PolicyNeeds;
  #calls = 0;
  #timeouts = 0;

  constructor({ ms }: ResolvedTimeout, needs: PolicyNeeds) {
    super(needs.report);
    this.#ms = ms;
    this.#needs = needs;
  }

  get statistics(): TimeoutStatistics {
    return { calls: this.#calls, timeouts: this.#timeouts };
  }

  run<T>(operation: Operation<T>, outer: PolicyContext): Promise<T> {
    this.#calls++;
    const reason = reasonNotToBegin(outer);
    if (reason !== undefined) {
      if (reason.code === 'NEXUS_TIMEOUT') this.#timedOut(0);
      return Promise.reject(reason);
    }
    return new Promise((resolve, reject) => {
      const limitMs = Math.min(this.#ms, outer.remainingMs);
      const signal = new LazySignal(outer.endsOnlyByDeadline);
      const end = (error: NexusError): void => {
        close();
        reject(error);
        signal.abort(error);
      };
      const cancelTimer = this.#needs.clock.after(limitMs, () => {
        this.#timedOut(limitMs);
        end(notWithin(limitMs, undefined));
      });
      const stopListening = outer.onAbort(() => end(aborted(outer.abort?.reason)));
      const close = (): void => {
        cancelTimer();
        stopListening();
      };
      const deadline = new Deadline(this.#needs.clock, limitMs);
      call(operation, new PolicyContext(signal, deadline, outer.attempt)).then(
        (value) => {
          close();
          resolve(value);
        },
        (error: unknown) => {
          close();
          // An ask within waits until the same deadline, and may notice first that it has passed.
          if (!(error instanceof NexusError && error.code === 'NEXUS_ASK_TIMEOUT' && deadline.hasPassed)) return reject(error);
          this.#timedOut(limitMs);
          reject(notWithin(limitMs, error));
        },
      );
    });
  }

  #timedOut(limitMs: number): void {
    this.#timeouts++;
    this.listeners.emit({ type: 'timedOut', limitMs });
  }
}

function notWithin(limitMs: number, cause: unknown): NexusError {
  return new NexusError('NEXUS_TIMEOUT', `the call was not done within ${Math.ceil(limitMs)} ms, the limit of its timeout policy`, {
    data: { limitMs },
    cause,
  });
}

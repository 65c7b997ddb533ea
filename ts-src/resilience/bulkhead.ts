/**
 * A bulkhead: so many calls run at once, so many wait for their turn, the rest are refused at once. Who runs and who waits is decided by `machines/slots.ts`;
 * this file calls, and takes out of the queue who has waited long enough or was given up.
 */
import { NexusError } from '../errors.js';
import { type SlotSettings, Slots, Waiter } from './machines/slots.js';
import { ObservablePolicy } from './observable-policy.js';
import { aborted, call, type Operation, type PolicyNeeds, reasonNotToBegin, timeExpired } from './policy.js';
import type { PolicyContext } from './policy-context.js';

export interface ResolvedBulkhead extends SlotSettings {
  readonly queueTimeoutMs: number;
}

/** Why a bulkhead did not run a call. */
export type RefusalReason =
  /** All slots and all places in the queue were taken. */
  | 'queueFull'
  /** No slot became free within `queueTimeoutMs`. */
  | 'queueTimeout';

/** What a bulkhead tells its listeners. */
export type BulkheadEvent =
  /** A call waits; `place` 1 is the next. */
  { readonly type: 'queued'; readonly place: number } | { readonly type: 'refused'; readonly reason: RefusalReason };

/** Calls there are now. */
export interface BulkheadState {
  readonly running: number;
  readonly queued: number;
}

/** Totals since the bulkhead was made. */
export interface BulkheadStatistics {
  /** Calls that got a slot, at once or later. */
  readonly admitted: number;
  readonly queued: number;
  /** By reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
}

/** Lets a number of calls run at once and some more wait; refuses the others with NEXUS_BULKHEAD_FULL. As `bulkhead` makes it. */
export class Bulkhead extends ObservablePolicy<never, BulkheadEvent> {
  readonly #slots: Slots<WaitingCall>;
  readonly #settings: ResolvedBulkhead;
  readonly #needs: PolicyNeeds;
  #admitted = 0;
  #queued = 0;
  readonly #refused: Record<RefusalReason, number> = { queueFull: 0, queueTimeout: 0 };

  constructor(settings: ResolvedBulkhead, needs: PolicyNeeds) {
    super(needs.report);
    this.#slots = new Slots(settings);
    this.#settings = settings;
    this.#needs = needs;
  }

  get state(): BulkheadState {
    return { running: this.#slots.running, queued: this.#slots.queued };
  }

  get statistics(): BulkheadStatistics {
    return { admitted: this.#admitted, queued: this.#queued, refused: { ...this.#refused } };
  }

  run<T>(operation: Operation<T>, context: PolicyContext): Promise<T> {
    const reason = reasonNotToBegin(context);
    if (reason !== undefined) return Promise.reject(reason);
    if (this.#slots.take()) return this.#callInSlot(operation, context);
    return this.#turn(context).then(() => this.#callInSlot(operation, context));
  }

  /** The slot has been taken. */
  #callInSlot<T>(operation: Operation<T>, context: PolicyContext): Promise<T> {
    this.#admitted++;
    return call(operation, context).finally(() => this.#slots.release()?.begin());
  }

  /** Resolves when the call has a slot. */
  #turn(context: PolicyContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const { concurrencyMax, queueMax, queueTimeoutMs } = this.#settings;
      const { remainingMs } = context;
      const waiter = new WaitingCall(() => {
        close();
        resolve();
      });
      const giveUp = (error: () => NexusError): void => {
        // A slot that was given meanwhile is not taken back here: `call` looks at the signal again.
        if (!this.#slots.leave(waiter)) return;
        close();
        reject(error());
      };
      if (!this.#slots.enqueue(waiter)) return reject(this.#refuse('queueFull', `${concurrencyMax} calls run and ${queueMax} wait already`));
      const waitMs = Math.min(queueTimeoutMs, remainingMs);
      const cancelTimer = this.#needs.clock.after(waitMs, () =>
        giveUp(() => (remainingMs <= queueTimeoutMs ? timeExpired() : this.#refuse('queueTimeout', `no other call ended within ${queueTimeoutMs} ms`))),
      );
      const close = (): void => {
        cancelTimer();
        stopListening();
      };
      const stopListening = context.onAbort(() => giveUp(() => aborted(context.abort?.reason)));
      this.#queued++;
      this.listeners.emit({ type: 'queued', place: this.#slots.queued });
    });
  }

  #refuse(reason: RefusalReason, text: string): NexusError {
    this.#refused[reason]++;
    this.listeners.emit({ type: 'refused', reason });
    return new NexusError('NEXUS_BULKHEAD_FULL', text, { data: { reason } });
  }
}

class WaitingCall extends Waiter {
  /** Called once, when the call has a slot. */
  readonly begin: () => void;

  constructor(begin: () => void) {
    super();
    this.begin = begin;
  }
}

/**
 * The slots of a bulkhead and the queue before them: who runs, who waits, who is refused. First come, first served: a slot that becomes free goes to the
 * first who waits, never to somebody who comes at that moment. It knows no time: `resilience/bulkhead.ts` takes out those who have waited too long.
 */
export interface SlotSettings {
  readonly concurrencyMax: number;
  readonly queueMax: number;
}

/** A place in the queue. Owned by one caller; in at most one queue. */
export class Waiter {
  previous: Waiter | undefined;
  next: Waiter | undefined;
  isQueued = false;
}

export class Slots<W extends Waiter> {
  readonly #settings: SlotSettings;
  #running = 0;
  #queued = 0;
  #first: W | undefined;
  #last: W | undefined;

  constructor(settings: SlotSettings) {
    this.#settings = settings;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queued;
  }

  /** True if the caller has a slot now. Pairs with `release`. */
  take(): boolean {
    if (this.#running >= this.#settings.concurrencyMax) return false;
    this.#running++;
    return true;
  }

  /** True if the caller waits now; false if the queue is full. Only after `take` has refused. */
  enqueue(waiter: W): boolean {
    if (this.#queued >= this.#settings.queueMax) return false;
    waiter.previous = this.#last;
    waiter.isQueued = true;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#queued++;
    return true;
  }

  /** Gives a slot back. Returns the waiter who has it now, if anyone waited. */
  release(): W | undefined {
    const first = this.#first;
    if (first === undefined) this.#running--;
    else this.leave(first);
    return first;
  }

  /** Takes a waiter out of the queue; false if it is not in it any more. */
  leave(waiter: W): boolean {
    if (!waiter.isQueued) return false;
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next as W | undefined;
    else previous.next = next;
    if (next === undefined) this.#last = previous as W | undefined;
    else next.previous = previous;
    waiter.previous = undefined;
    waiter.next = undefined;
    waiter.isQueued = false;
    this.#queued--;
    return true;
  }
}

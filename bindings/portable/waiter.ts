/**
 * How a thread waits for its rings without native code: it looks once per turn of the event loop while there was work lately, then parks on its PARKED word with
 * Atomics.waitAsync. Neither starves I/O, and a parked thread keeps no process alive. Owned by one thread.
 *
 * Parking: the consumer stores PARKED = 1, then looks at the rings; a producer stores TAIL (or ATTENTION), then swaps PARKED from 1 to 0 and notifies. All of
 * them are sequentially consistent, so at least one side sees the other; a swap that comes before waitAsync makes that return at once.
 */
import * as L from '../../layout/generated/layout.js';
import type { Waiter } from '../../ts-src/ports/engine.js';
import { counterIndex, ringOffset, type SharedMemory, threadWord } from '../shared-memory.js';

/** A thread that had work looks for more during the later of these two ends. */
const HOT_MS = 0.2;
const HOT_TURNS = 50;

type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { readonly async: false; readonly value: string } | { readonly async: true; readonly value: Promise<string> };
const waitAsync = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync;

/** From `start` to `stop`; what is still pending after `stop` finds that its run is over. */
interface Run {
  readonly drain: () => boolean;
  over: boolean;
  /** The last drain left work behind. */
  again: boolean;
  hotUntilMs: number;
  turnsWithoutWork: number;
  immediate: NodeJS.Immediate | undefined;
}

export class PortableWaiter implements Waiter {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #threadCount: number;
  readonly #firstParkedAt: number;
  readonly #parkedAt: number;
  readonly #attentionAt: number;
  readonly #countersAt: number;
  /** Word index of TAIL of each ring to this thread. */
  readonly #tails: Int32Array;
  #run: Run | undefined;

  constructor(shared: SharedMemory, thread: number) {
    this.#words = shared.words;
    this.#doubles = shared.doubles;
    this.#threadCount = shared.threadCount;
    this.#firstParkedAt = threadWord(shared, 0) + L.THREAD_WORD_PARKED;
    this.#parkedAt = threadWord(shared, thread) + L.THREAD_WORD_PARKED;
    this.#attentionAt = threadWord(shared, thread) + L.THREAD_WORD_ATTENTION;
    this.#countersAt = counterIndex(shared, thread);
    const others = Array.from({ length: shared.threadCount }, (_, from) => from).filter((from) => from !== thread);
    this.#tails = Int32Array.from(others, (from) => (ringOffset(shared, from, thread) >> 2) + L.RING_WORD_TAIL);
  }

  start(drain: () => boolean): void {
    this.stop();
    const run: Run = { drain, over: false, again: false, hotUntilMs: 0, turnsWithoutWork: HOT_TURNS, immediate: undefined };
    this.#run = run;
    // A predecessor may have died parked.
    Atomics.store(this.#words, this.#parkedAt, 0);
    this.#turnSoon(run);
  }

  wake(thread: number): void {
    if (thread < 0 || thread >= this.#threadCount) return;
    const parkedAt = this.#firstParkedAt + thread * (L.THREAD_BYTES / 4);
    if (Atomics.load(this.#words, parkedAt) === 0 || Atomics.compareExchange(this.#words, parkedAt, 1, 0) !== 1) return;
    Atomics.notify(this.#words, parkedAt);
    this.#count(L.COUNTER_WAKES);
  }

  rouse(thread: number): void {
    Atomics.notify(this.#words, this.#firstParkedAt + thread * (L.THREAD_BYTES / 4));
  }

  stop(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    run.over = true;
    clearImmediate(run.immediate);
    // Settles the promise of a wait that is under way, so that nothing is left in the engine's list of waiters.
    Atomics.store(this.#words, this.#parkedAt, 0);
    Atomics.notify(this.#words, this.#parkedAt);
  }

  #turnSoon(run: Run): void {
    run.immediate = setImmediate(() => this.#turn(run));
  }

  #turn(run: Run): void {
    if (run.over) return;
    if (run.again || this.#hasWork()) {
      run.turnsWithoutWork = 0;
      try {
        // Before the drain: a request that comes while it runs is for the next one.
        Atomics.store(this.#words, this.#attentionAt, 0);
        run.again = false;
        run.again = run.drain();
      } finally {
        run.hotUntilMs = performance.now() + HOT_MS;
        if (!run.over) this.#turnSoon(run);
      }
      return;
    }
    run.turnsWithoutWork++;
    if (run.turnsWithoutWork < HOT_TURNS || performance.now() < run.hotUntilMs) this.#turnSoon(run);
    else this.#park(run);
  }

  #park(run: Run): void {
    Atomics.store(this.#words, this.#parkedAt, 1);
    const wait = this.#hasWork() ? undefined : waitAsync(this.#words, this.#parkedAt, 1);
    if (wait === undefined || !wait.async) {
      Atomics.store(this.#words, this.#parkedAt, 0);
      this.#turnSoon(run);
      return;
    }
    this.#count(L.COUNTER_PARKS);
    void wait.value.then(() => {
      if (run.over) return;
      Atomics.store(this.#words, this.#parkedAt, 0);
      try {
        this.#turn(run);
      } catch (error) {
        // As from any other callback: an uncaught exception, not a rejected promise.
        queueMicrotask(() => {
          throw error;
        });
      }
    });
  }

  #hasWork(): boolean {
    const words = this.#words;
    if (Atomics.load(words, this.#attentionAt) !== 0) return true;
    for (const tail of this.#tails) {
      // HEAD is written by this thread only.
      if (Atomics.load(words, tail) !== words[tail - L.RING_WORD_TAIL + L.RING_WORD_HEAD]) return true;
    }
    return false;
  }

  #count(counter: number): void {
    this.#doubles[this.#countersAt + counter] = (this.#doubles[this.#countersAt + counter] as number) + 1;
  }
}

/**
 * Shows that the event loop of a thread turns: a word of the thread that grows with each beat. A service of each thread of a node of a cluster, and of no other nexus. A timer, not a step of the waiter: a
 * thread may be in a handler, in a callback of a socket while it is marked as parked, or in microtasks without end, and in each of them it is the event loop that does not come to its timers.
 * Read by `cluster/event-loop-watch.ts`.
 */
import { type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { ThreadService } from './thread-services.js';

export class EventLoopBeat implements ThreadService {
  readonly name = 'cluster.beat';
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(
    shared: SharedMemory,
    thread: number,
    readonly periodMs: number,
  ) {
    this.#words = shared.words;
    this.#at = threadWord(shared, thread) + L.THREAD_WORD_BEAT;
  }

  start(): void {
    this.tick();
  }

  tick(): void {
    // Its only writer: nothing is lost between the two.
    Atomics.store(this.#words, this.#at, Atomics.load(this.#words, this.#at) + 1);
  }
}

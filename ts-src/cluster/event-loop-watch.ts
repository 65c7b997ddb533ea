/**
 * Which event loops of a nexus are blocked, as far as their beats in the shared memory say (`runtime/event-loop-beat.ts`). Looks, and decides over the time it is given; no timers. Asked by the
 * membership of the node, on a thread of its own.
 */
import { type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';

/** Of one thread. */
interface Seen {
  incarnation: number;
  beat: number;
  /** When the beat was first seen. */
  sinceMs: number;
}

export class EventLoopWatch {
  readonly #shared: SharedMemory;
  readonly #stalledAfterMs: number;
  readonly #seen: (Seen | undefined)[] = [];
  #lookedMs: number | undefined;

  constructor(shared: SharedMemory, stalledAfterMs: number) {
    this.#shared = shared;
    this.#stalledAfterMs = stalledAfterMs;
  }

  /** How often to look: ten times in what makes a stall. */
  static periodMs(stalledAfterMs: number): number {
    return Math.max(5, stalledAfterMs / 10);
  }

  /** How often a thread beats. */
  static beatPeriodMs(stalledAfterMs: number): number {
    return Math.max(5, stalledAfterMs / 5);
  }

  /** Threads that serve and have not beaten for too long, in order. */
  look(nowMs: number): readonly number[] {
    const pausedMs = this.#pausedMs(nowMs);
    const stalled: number[] = [];
    for (let thread = 0; thread < this.#shared.threadCount; thread++) {
      const at = threadWord(this.#shared, thread);
      const { words } = this.#shared;
      // One that starts, imports its modules or is lost has no event loop that others wait for.
      if (Atomics.load(words, at + L.THREAD_WORD_STATE) !== L.THREAD_STATE_READY) {
        this.#seen[thread] = undefined;
        continue;
      }
      const incarnation = Atomics.load(words, at + L.THREAD_WORD_INCARNATION);
      const beat = Atomics.load(words, at + L.THREAD_WORD_BEAT);
      const seen = this.#seen[thread];
      if (seen === undefined || seen.incarnation !== incarnation || seen.beat !== beat) {
        this.#seen[thread] = { incarnation, beat, sinceMs: nowMs };
        continue;
      }
      seen.sinceMs += pausedMs;
      if (nowMs - seen.sinceMs >= this.#stalledAfterMs) stalled.push(thread);
    }
    return stalled;
  }

  /** Time in which nobody looked: the process was stopped or had no processor, and so had its threads. */
  #pausedMs(nowMs: number): number {
    const gapMs = nowMs - (this.#lookedMs ?? nowMs);
    this.#lookedMs = nowMs;
    return gapMs > this.#stalledAfterMs / 2 ? gapMs : 0;
  }
}

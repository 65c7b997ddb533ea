/** State and counters of a thread as it has published them in shared memory, for any thread to read. */
import { counterIndex, type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { type MeasuredLoad, measuredLoad } from './thread-load.js';

/** Where a thread is in its life; one that was lost starts again until it serves, or is given up. */
export type ThreadState = 'empty' | 'starting' | 'ready' | 'lost' | 'failed' | 'stopped';

const THREAD_STATES: readonly ThreadState[] = ['empty', 'starting', 'ready', 'lost', 'failed', 'stopped'];

/** One thread, as `nexus.threads()` reads it from shared memory without asking it. */
export interface ThreadStatistics {
  readonly thread: number;
  readonly state: ThreadState;
  /** How often this thread was replaced. */
  readonly incarnation: number;
  readonly agents: number;
  /** Messages that wait in mailboxes. */
  readonly queueDepth: number;
  /** What the thread has last measured of itself; undefined before the first time, and with `balancing: false`. */
  readonly load: MeasuredLoad | undefined;
  /** Totals since the start of the nexus, over replacements, by the names of the counters in the shared memory, in lower case with underscores. */
  readonly counters: Readonly<Record<string, number>>;
}

export function threadStatistics(shared: SharedMemory, thread: number): ThreadStatistics {
  const { words, doubles } = shared;
  const at = threadWord(shared, thread);
  const countersAt = counterIndex(shared, thread);
  const counters = Object.fromEntries(L.COUNTER_NAMES.map((name, index) => [name.toLowerCase(), doubles[countersAt + index] as number]));
  return {
    thread,
    state: THREAD_STATES[Atomics.load(words, at + L.THREAD_WORD_STATE)] as ThreadState,
    incarnation: words[at + L.THREAD_WORD_INCARNATION] as number,
    agents: words[at + L.THREAD_WORD_AGENT_COUNT] as number,
    queueDepth: words[at + L.THREAD_WORD_QUEUE_DEPTH] as number,
    load: measuredLoad(shared, thread),
    counters,
  };
}

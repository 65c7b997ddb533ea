/** Which event loops are said to be blocked: over a shared memory whose beats the test writes. */
import { expect, test } from 'vitest';
import { createSharedMemory, threadWord } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { EventLoopWatch } from '../../../dist/ts-src/cluster/event-loop-watch.js';

const STALLED_AFTER_MS = 500;
const shared = () => {
  const memory = createSharedMemory({ threadCount: 3, recordCapacity: 4096, ringBytes: 16_384, flightEvents: 64 }, [1, 2]);
  const word = (thread: number, at: number) => threadWord(memory, thread) + at;
  return {
    memory,
    beat: (thread: number) => void Atomics.add(memory.words, word(thread, L.THREAD_WORD_BEAT), 1),
    state: (thread: number, state: number) => void (memory.words[word(thread, L.THREAD_WORD_STATE)] = state),
    incarnation: (thread: number, value: number) => void (memory.words[word(thread, L.THREAD_WORD_INCARNATION)] = value),
  };
};

/** Looks every 50 ms, with what the threads do before each look. */
function watching({ memory }: ReturnType<typeof shared>) {
  const watch = new EventLoopWatch(memory, STALLED_AFTER_MS);
  let nowMs = 0;
  return (untilMs: number, before: (nowMs: number) => void = () => undefined): readonly number[] => {
    let stalled: readonly number[] = [];
    for (; nowMs <= untilMs; nowMs += 50) {
      before(nowMs);
      stalled = watch.look(nowMs);
    }
    return stalled;
  };
}

test('a thread that serves and does not beat is stalled from the limit on, until it beats', () => {
  const threads = shared();
  for (const thread of [0, 1, 2]) threads.state(thread, L.THREAD_STATE_READY);
  const look = watching(threads);
  expect(look(450, () => threads.beat(0))).toEqual([]);
  expect(look(500, () => threads.beat(0))).toEqual([1, 2]);
  expect(look(550, () => [0, 2].forEach(threads.beat))).toEqual([1]);
});

test('a thread that starts or is lost is not stalled, nor is its successor from the beginning', () => {
  const threads = shared();
  threads.state(1, L.THREAD_STATE_STARTING);
  const look = watching(threads);
  expect(look(2000)).toEqual([]);
  threads.state(1, L.THREAD_STATE_READY);
  expect(look(2400)).toEqual([]);
  expect(look(3000)).toEqual([1]);
  threads.incarnation(1, 1);
  expect(look(3400)).toEqual([]);
});

test('time in which nobody looked is nobody’s stall: the process was stopped', () => {
  const threads = shared();
  threads.state(0, L.THREAD_STATE_READY);
  const watch = new EventLoopWatch(threads.memory, STALLED_AFTER_MS);
  watch.look(0);
  watch.look(50);
  expect(watch.look(60_050)).toEqual([]);
  for (let nowMs = 60_100; nowMs < 60_500; nowMs += 50) expect(watch.look(nowMs)).toEqual([]);
  expect(watch.look(60_550)).toEqual([0]);
});

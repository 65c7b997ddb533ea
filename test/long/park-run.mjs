/**
 * Two threads that wait for each other, so many times that a wake-up that can be lost is lost. One message is under way at a time: if its wake-up is lost nothing else can
 * wake its receiver, the run stands still, and says what the flags of both threads are.
 */
import { Worker } from 'node:worker_threads';
import { createSharedMemory, counterIndex, ringOffset, threadWord } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';

const DIST = new URL('../../dist/', import.meta.url).href;
const LOOK_MS = 500;

/** @param options { cycles (parks of both threads), engine, seed, stallMs, progress(parks, what), dist }. Rejects when the threads stand still. */
export async function runCycles({ cycles, engine, seed, stallMs = 20_000, progress, dist = DIST }) {
  const shared = createSharedMemory({ threadCount: 2, recordCapacity: 2 ** 12, ringBytes: 2 ** 14 }, [seed | 0, 1]);
  const arrived = new Int32Array(new SharedArrayBuffer(4));
  const workers = [1, 0].map(
    (thread) =>
      new Worker(new URL('./park-thread.mjs', import.meta.url), {
        workerData: { dist, memory: shared.memory, engine, thread, cycles, seed, progress: arrived },
        execArgv: [],
      }),
  );
  const counter = (which) => [0, 1].reduce((sum, thread) => sum + shared.doubles[counterIndex(shared, thread) + which], 0);
  let timer;
  try {
    await Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))));
    const finished = new Promise((resolve, reject) => {
      for (const worker of workers) {
        worker.on('error', reject);
        worker.on('message', ({ done, wrong }) => (wrong === undefined ? resolve(done) : reject(new Error(wrong))));
      }
      let [seen, sinceMs] = [-1, performance.now()];
      timer = setInterval(() => {
        const now = Atomics.load(arrived, 0);
        if (now !== seen) [seen, sinceMs] = [now, performance.now()];
        else if (performance.now() - sinceMs > stallMs)
          reject(new Error(`a wake-up was lost after ${counter(L.COUNTER_PARKS)} parks, ${now} round trips, seed ${seed}: ${stateOf(shared)}`));
        progress(counter(L.COUNTER_PARKS), `${engine}, ${now} round trips`);
      }, LOOK_MS);
    });
    workers[1].postMessage('begin');
    const roundTrips = await finished;
    return { parks: counter(L.COUNTER_PARKS), wakes: counter(L.COUNTER_WAKES), roundTrips };
  } finally {
    clearInterval(timer);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** The flags of both threads, and what is in their rings. */
function stateOf(shared) {
  const word = (at) => Atomics.load(shared.words, at);
  return [0, 1]
    .map((thread) => {
      const at = threadWord(shared, thread);
      const ring = ringOffset(shared, 1 - thread, thread) >> 2;
      return `thread ${thread} PARKED ${word(at + L.THREAD_WORD_PARKED)} ATTENTION ${word(at + L.THREAD_WORD_ATTENTION)} TAIL ${word(ring + L.RING_WORD_TAIL)} HEAD ${word(ring + L.RING_WORD_HEAD)}`;
    })
    .join('; ');
}

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createSharedMemory, histogramIndex, type SharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { boundsOf, DURATION_NS_MAX, HistogramSnapshot } from '../../../dist/ts-src/model/histogram.js';
import { HistogramShard } from '../../../dist/ts-src/runtime/histogram-shard.js';

const makeMemory = (threadCount: number): SharedMemory => createSharedMemory({ threadCount, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
const EDGES = Array.from({ length: L.HISTOGRAM_BUCKETS }, (_, bucket) => boundsOf(bucket).greatest);

test('what is recorded is read, rounded to nanoseconds and kept from 1 ns to 1 h', () => {
  const shard = new HistogramShard(makeMemory(1), 0, L.HISTOGRAM_TURN);
  expect(shard.read().count).toBe(0);
  const expected: readonly [given: number, counted: number][] = [
    [7.4, 7],
    [7.5, 8],
    [0.4, 1],
    [0, 1],
    [-5, 1],
    [Number.NaN, 1],
    [2 ** 31 + 0.5, 2 ** 31 + 1],
    [DURATION_NS_MAX, DURATION_NS_MAX],
    [DURATION_NS_MAX * 2, DURATION_NS_MAX],
    [Number.POSITIVE_INFINITY, DURATION_NS_MAX],
  ];
  for (const [given] of expected) shard.record(given);
  const counted = expected.map(([, value]) => value);
  const snapshot = shard.read();
  expect(snapshot).toMatchObject({ count: counted.length, sum: counted.reduce((sum, value) => sum + value, 0), min: 1, max: DURATION_NS_MAX });
  expect(snapshot.cumulative(EDGES)).toEqual(EDGES.map((edge) => counted.filter((value) => value <= edge).length));
});

test('shards of several threads and histograms do not touch each other, and merged they are what one would have counted', () => {
  const event = fc.record({ thread: fc.nat(2), histogram: fc.nat(L.HISTOGRAM_COUNT - 1), value: fc.integer({ min: 1, max: 2 ** 40 }) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      const shared = makeMemory(3);
      const before = shared.bytes.slice(0, shared.histogramsOffset);
      for (const { thread, histogram, value } of events) new HistogramShard(shared, thread, histogram).record(value);
      for (let histogram = 0; histogram < L.HISTOGRAM_COUNT; histogram++) {
        const values = events.filter((each) => each.histogram === histogram).map(({ value }) => value);
        const merged = HistogramSnapshot.merge([0, 1, 2].map((thread) => new HistogramShard(shared, thread, histogram).read()));
        expect([merged.count, merged.sum]).toEqual([values.length, values.reduce((sum, value) => sum + value, 0)]);
        if (values.length > 0) expect([merged.min, merged.max]).toEqual([Math.min(...values), Math.max(...values)]);
        expect(merged.cumulative(EDGES).at(-1)).toBe(values.length);
      }
      // Neither the header, the threads and the counters before them, nor the scratch behind them.
      expect(Buffer.compare(shared.bytes.slice(0, shared.histogramsOffset), before)).toBe(0);
      expect(shared.bytes.slice(shared.scratchOffset, shared.groupsOffset).every((byte) => byte === 0)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('a successor goes on with what its predecessor counted', () => {
  const shared = makeMemory(2);
  new HistogramShard(shared, 1, L.HISTOGRAM_TURN).record(100);
  new HistogramShard(shared, 1, L.HISTOGRAM_TURN).record(50);
  new HistogramShard(shared, 1, L.HISTOGRAM_TURN).record(300);
  expect(new HistogramShard(shared, 1, L.HISTOGRAM_TURN).read()).toMatchObject({ count: 3, sum: 450, min: 50, max: 300 });
});

test('while two threads record, whoever reads sees every count grow and none torn', async () => {
  const shared = makeMemory(3);
  // One in each bucket, so that a bucket grows by a few only from one reading to the next.
  const values = EDGES;
  const rounds = 12_000;
  /** Counts from here on have both halves of the float changed by every 4th: one read in two steps would be off by as many. */
  const begun = 2 ** 22;
  const threads = [1, 2];
  for (const thread of threads) {
    const at = histogramIndex(shared, thread, 0) + L.HISTOGRAM_DOUBLE_BUCKETS;
    shared.doubles.fill(begun, at, at + L.HISTOGRAM_BUCKETS);
  }
  const workers = threads.map(
    (thread) => new Worker(new URL('../../fixtures/histogram-writer.mjs', import.meta.url), { workerData: { memory: shared.memory, thread, rounds, values } }),
  );
  onTestFinished(() => Promise.all(workers.map((worker) => worker.terminate())).then(() => undefined));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const shards = threads.map((thread) => new HistogramShard(shared, thread, 0));
  const first = shards.map((shard) => shard.read());
  const last = first.map((snapshot) => ({ count: snapshot.count, counts: snapshot.cumulative(EDGES) }));
  let done = 0;
  for (const worker of workers) {
    worker.on('message', () => done++);
    worker.postMessage('go');
  }
  let changes = 0;
  while (done < workers.length) {
    for (const [index, shard] of shards.entries()) {
      // Until this thread has looked at its own messages, many times over.
      for (let reading = 0; reading < 50; reading++) {
        const snapshot = shard.read();
        const before = last[index] as (typeof last)[number];
        const counts = snapshot.cumulative(EDGES);
        if (snapshot.count < before.count) throw new Error(`count went from ${before.count} to ${snapshot.count}`);
        if (snapshot.count > before.count) changes++;
        // Quick, for the longer it takes the further the writers are at the next reading.
        let [below, belowBefore] = [0, 0];
        for (let bucket = 0; bucket < counts.length; bucket++) {
          const upTo = counts[bucket] as number;
          const upToBefore = before.counts[bucket] as number;
          const grown = upTo - below - (upToBefore - belowBefore);
          if (!(grown >= 0 && upTo - below <= begun + rounds)) throw new Error(`bucket ${bucket} went from ${upToBefore - belowBefore} to ${upTo - below}`);
          below = upTo;
          belowBefore = upToBefore;
        }
        last[index] = { count: snapshot.count, counts };
      }
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  // They ran at the same time, or nothing was shown.
  expect(changes).toBeGreaterThan(20);
  for (const [index, shard] of shards.entries()) {
    const recorded = shard.read().since(first[index] as HistogramSnapshot);
    expect(recorded.count).toBe(rounds * values.length);
    expect(recorded.cumulative(EDGES).at(-1)).toBe(rounds * values.length);
    const at = histogramIndex(shared, threads[index] as number, 0);
    // More than 2^53: the sum is rounded, and still within a millionth.
    expect((shared.doubles[at + L.HISTOGRAM_DOUBLE_SUM] as number) / (rounds * values.reduce((sum, value) => sum + value, 0))).toBeCloseTo(1, 6);
  }
});

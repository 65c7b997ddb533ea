/** The histogram of a thread, in shared memory. */
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import { HistogramShard } from '../../../dist/ts-src/runtime/histogram-shard.js';
import { CASES } from './durations.mjs';
import { recordNs } from './passes.mjs';

export async function run(size, report) {
  const shared = createSharedMemory({ threadCount: 2, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
  const shard = new HistogramShard(shared, 1, 0);
  for (const { title, durations } of CASES) {
    const ns = await recordNs(
      size,
      durations,
      (nanoseconds) => shard.record(nanoseconds),
      () => shard.read().count,
    );
    report.value(title, 'ns', ns);
  }
}

/** Counts what is in the index of a routing table. For reports and tests: it walks all buckets, and is exact where nothing changes meanwhile. */
import * as L from '../../layout/generated/layout.js';
import type { TableStatistics } from '../../ts-src/ports/engine.js';
import type { SharedMemory } from '../shared-memory.js';

export function tableStatistics(shared: SharedMemory): TableStatistics {
  const { words, bucketCount, recordCapacity } = shared;
  const bucketMask = bucketCount - 1;
  let live = 0;
  let staleEntries = 0;
  let overflow = 0;
  let probeBucketsMax = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const at = (shared.bucketsOffset + bucket * L.BUCKET_BYTES) >> 2;
    overflow += Atomics.load(words, at + L.BUCKET_WORD_OVERFLOW);
    for (let entry = L.BUCKET_WORD_ENTRIES; entry < L.BUCKET_BYTES / 4; entry++) {
      const record = Atomics.load(words, at + entry) & (recordCapacity - 1);
      if (record === 0) continue;
      const recordAt = (shared.recordsOffset + record * L.RECORD_BYTES) >> 2;
      if ((Atomics.load(words, recordAt + L.RECORD_WORD_STATE) & 3) === L.RECORD_STATE_LIVE) {
        live++;
        const home = Atomics.load(words, recordAt + L.RECORD_WORD_HASH) & bucketMask;
        probeBucketsMax = Math.max(probeBucketsMax, ((bucket - home) & bucketMask) + 1);
      } else staleEntries++;
    }
  }
  let claimed = 0;
  for (let group = 0; group < recordCapacity / L.GROUP_RECORDS; group++) {
    if (Atomics.load(words, (shared.groupsOffset >> 2) + group) !== 0) claimed += L.GROUP_RECORDS;
  }
  return { recordCapacity, live, claimed, staleEntries, overflow, probeBucketsMax };
}

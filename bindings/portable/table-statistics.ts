/**
 * Counts what is in a routing table: its load, how far its names are from their places, and what its records were used for. For reports and tests: it walks all buckets
 * and all records of claimed groups, and is exact where nothing changes meanwhile. Twin of native/include/nexus/table_statistics.hpp.
 */
import * as L from '../../layout/generated/layout.js';
import type { TableStatistics } from '../../ts-src/ports/engine.js';
import type { SharedMemory } from '../shared-memory.js';

const BUCKET_WORDS = L.BUCKET_BYTES / 4;
const RECORD_WORDS = L.RECORD_BYTES / 4;
/** No chain is longer: a record that is being written again may lead anywhere, also in a circle. */
const EXTENSIONS_MAX = Math.ceil((L.KEY_BYTES_MAX + L.PAYLOAD_BYTES_MAX) / L.EXTENSION_INLINE_BYTES);

export function tableStatistics(shared: SharedMemory): TableStatistics {
  const index = countIndex(shared);
  const records = countRecords(shared);
  const { recordCapacity } = shared;
  return { recordCapacity, load: (index.live + records.extensions) / recordCapacity, ...index, ...records };
}

type IndexCounts = Pick<TableStatistics, 'live' | 'staleEntries' | 'overflow' | 'overflowingBuckets' | 'probeBuckets' | 'probeBucketsMean' | 'probeBucketsMax'>;

function countIndex(shared: SharedMemory): IndexCounts {
  const { words, bucketCount, recordCapacity } = shared;
  const bucketMask = bucketCount - 1;
  const probeBuckets = Array.from({ length: L.PROBE_COUNTS }, () => 0);
  let live = 0;
  let staleEntries = 0;
  let overflow = 0;
  let overflowingBuckets = 0;
  let searched = 0;
  let probeBucketsMax = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const at = (shared.bucketsOffset + bucket * L.BUCKET_BYTES) >> 2;
    const beyond = Atomics.load(words, at + L.BUCKET_WORD_OVERFLOW);
    overflow += beyond;
    if (beyond !== 0) overflowingBuckets++;
    for (let entry = L.BUCKET_WORD_ENTRIES; entry < BUCKET_WORDS; entry++) {
      const record = Atomics.load(words, at + entry) & (recordCapacity - 1);
      if (record === 0) continue;
      const recordAt = (shared.recordsOffset >> 2) + record * RECORD_WORDS;
      if ((Atomics.load(words, recordAt + L.RECORD_WORD_STATE) & 3) !== L.RECORD_STATE_LIVE) {
        staleEntries++;
        continue;
      }
      live++;
      const home = Atomics.load(words, recordAt + L.RECORD_WORD_HASH) & bucketMask;
      const buckets = ((bucket - home) & bucketMask) + 1;
      const place = Math.min(buckets, L.PROBE_COUNTS) - 1;
      probeBuckets[place] = (probeBuckets[place] as number) + 1;
      searched += buckets;
      probeBucketsMax = Math.max(probeBucketsMax, buckets);
    }
  }
  return { live, staleEntries, overflow, overflowingBuckets, probeBuckets, probeBucketsMean: live === 0 ? 0 : searched / live, probeBucketsMax };
}

type RecordCounts = Pick<TableStatistics, 'claimed' | 'extensions' | 'reused' | 'reclaimed' | 'retired'>;

function countRecords(shared: SharedMemory): RecordCounts {
  const { words, recordCapacity } = shared;
  const recordsAt = shared.recordsOffset >> 2;
  let claimed = 0;
  let extensions = 0;
  let reused = 0;
  let reclaimed = 0;
  let retired = 0;
  for (let group = 0; group < recordCapacity / L.GROUP_RECORDS; group++) {
    if (Atomics.load(words, (shared.groupsOffset >> 2) + group) === 0) continue;
    claimed += L.GROUP_RECORDS;
    for (let record = group * L.GROUP_RECORDS; record < (group + 1) * L.GROUP_RECORDS; record++) {
      const at = recordsAt + record * RECORD_WORDS;
      const state = Atomics.load(words, at + L.RECORD_WORD_STATE);
      const generation = state >>> 2;
      if ((state & 3) === L.RECORD_STATE_LIVE) {
        if (generation > 1) reused++;
        // An extension is FREE in its own word.
        let extension = Atomics.load(words, at + L.RECORD_WORD_EXTENSION) & (recordCapacity - 1);
        for (let count = 0; extension !== 0 && count < EXTENSIONS_MAX; count++) {
          const extensionAt = recordsAt + extension * RECORD_WORDS;
          extensions++;
          if (Atomics.load(words, extensionAt + L.RECORD_WORD_STATE) >>> 2 > 0) reclaimed--;
          extension = Atomics.load(words, extensionAt + L.EXTENSION_WORD_NEXT) & (recordCapacity - 1);
        }
      } else if ((state & 3) === L.RECORD_STATE_FREE && generation >= L.GENERATION_MAX) retired++;
      else if ((state & 3) === L.RECORD_STATE_FREE && generation > 0) reclaimed++;
    }
  }
  // A count that was taken while chains changed may be a little off, but is not less than nothing.
  return { claimed, extensions, reused, reclaimed: Math.max(0, reclaimed), retired };
}

/**
 * What a lost thread leaves to its successor: the live records it owned, in whatever groups they are, once the records of its own groups are settled. Those of its groups
 * that other threads own go into the list of those that are away. Walks the records of all claimed groups; for `inherit`.
 */
import * as L from '../../layout/generated/layout.js';
import type { TableEntry } from '../../ts-src/ports/engine.js';
import type { SharedMemory } from '../shared-memory.js';
import type { AwayRecords } from './away-records.js';

const RECORD_WORDS = L.RECORD_BYTES / 4;
const BUCKET_WORDS = L.BUCKET_BYTES / 4;

export function inheritedEntries(shared: SharedMemory, thread: number, away: AwayRecords): TableEntry[] {
  const { words, recordCapacity } = shared;
  const inherited: TableEntry[] = [];
  for (let group = 0; group < recordCapacity / L.GROUP_RECORDS; group++) {
    const claimed = Atomics.load(words, (shared.groupsOffset >> 2) + group);
    if (claimed === 0) continue;
    const isOwn = claimed === thread + 1;
    for (let record = Math.max(1, group * L.GROUP_RECORDS); record < (group + 1) * L.GROUP_RECORDS; record++) {
      const at = (shared.recordsOffset >> 2) + record * RECORD_WORDS;
      const state = Atomics.load(words, at + L.RECORD_WORD_STATE);
      if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
      const owner = Atomics.load(words, at + L.RECORD_WORD_OWNER);
      if (owner >>> 16 !== thread) {
        if (isOwn) away.add(record);
        continue;
      }
      // A record of another group that was used again meanwhile: its owner word may be the one before.
      if (Atomics.load(words, at + L.RECORD_WORD_STATE) !== state) continue;
      // Its end was under way: of a guest the entry goes first.
      if (!isOwn && !hasEntry(shared, record)) Atomics.compareExchange(words, at + L.RECORD_WORD_STATE, state, (state & ~3) | L.RECORD_STATE_FREE);
      else inherited.push({ slot: record, generation: state >>> 2, thread, kind: owner & 0xffff });
    }
  }
  return inherited;
}

function hasEntry({ words, bucketsOffset, bucketCount, recordsOffset, recordCapacity }: SharedMemory, record: number): boolean {
  const entryAt = Atomics.load(words, (recordsOffset >> 2) + record * RECORD_WORDS + L.RECORD_WORD_ENTRY);
  if (entryAt < 0 || entryAt >= bucketCount * BUCKET_WORDS || entryAt % BUCKET_WORDS === L.BUCKET_WORD_OVERFLOW) return false;
  return (Atomics.load(words, (bucketsOffset >> 2) + entryAt) & (recordCapacity - 1)) === record;
}

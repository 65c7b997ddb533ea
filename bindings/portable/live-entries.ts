/** Walks the index of a routing table for its live agents. A snapshot that is exact where nothing changes meanwhile; for lists and reports, not for finding a name. */
import * as L from '../../layout/generated/layout.js';
import type { TableEntry } from '../../ts-src/ports/engine.js';
import type { SharedMemory } from '../shared-memory.js';

const BUCKET_WORDS = L.BUCKET_BYTES / 4;

/** Of one thread, or of all. */
export function* liveEntries(shared: SharedMemory, thread: number | undefined): IterableIterator<TableEntry> {
  const { words } = shared;
  const indexMask = shared.recordCapacity - 1;
  for (let at = 0; at < shared.bucketCount * BUCKET_WORDS; at++) {
    if (at % BUCKET_WORDS === L.BUCKET_WORD_OVERFLOW) continue;
    const record = Atomics.load(words, (shared.bucketsOffset >> 2) + at) & indexMask;
    if (record === 0) continue;
    const recordAt = (shared.recordsOffset + record * L.RECORD_BYTES) >> 2;
    const state = Atomics.load(words, recordAt + L.RECORD_WORD_STATE);
    if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
    const owner = Atomics.load(words, recordAt + L.RECORD_WORD_OWNER);
    // A record that was used again meanwhile is met where its entry is now, or not at all: never twice.
    const isHere = Atomics.load(words, recordAt + L.RECORD_WORD_ENTRY) === at && Atomics.load(words, recordAt + L.RECORD_WORD_STATE) === state;
    if (!isHere || (thread !== undefined && owner >>> 16 !== thread)) continue;
    yield { slot: record, generation: state >>> 2, thread: owner >>> 16, kind: owner & 0xffff };
  }
}

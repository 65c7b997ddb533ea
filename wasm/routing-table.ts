/**
 * The routing table: names of agents to addresses, in shared memory, for any number of threads at once. Twin of bindings/portable/routing-table.ts, which explains
 * index, records, insert-if-absent and removal, and of native/include/nexus/routing_table.hpp; one memory may be used by all three at the same time.
 * The name (and payload) a call is about is in the scratch data of this thread; the caller has checked its length.
 */
import * as L from '../layout/generated/wasm/layout';
import { halfSipHash } from './half-sip-hash';
import { adopt, owns } from './record-allocator';
import {
  changeState,
  copy,
  ENTRY,
  extensionOf,
  hashOf,
  hasKey,
  isExtension,
  isRecord,
  liveState,
  nextOf,
  OWNER,
  PARENT,
  recycle,
  setState,
  stateAfter,
  stateOf,
  write,
} from './record-store';
import { batchAt, bucketMask, bucketsAt, dataAt, foundGenerationAt, groupCount, indexMask, recordAddress, seed0, seed1, threadIndex } from './shared-memory';

const BUCKET_WORDS: u32 = L.BUCKET_BYTES / 4;
const FIRST_ENTRY: u32 = L.BUCKET_WORD_ENTRIES * 4;
/** Buckets a probe may pass before the table counts as full. At its highest load, one half, a probe of 3 is rare. */
const PROBE_BUCKETS_MAX: u32 = 64;
/** Each attempt after the first needs another thread that aborted the one before and then lost or removed its own. An index that contradicts itself ends here, too. */
const INSERT_ATTEMPTS_MAX: u32 = 1000;
/** Byte offsets in the entry of a name in the batch: where it is in the data is the first word. Slot and generation replace position and length when it is found. */
const BATCH_BYTES: u32 = 16;
const BATCH_KEY_BYTES: u32 = 4;
const BATCH_HASH: u32 = 8;
const BATCH_RESULT: u32 = 12;
const BATCH_GENERATION: u32 = 4;
const EXISTS: i32 = -1;
const FULL: i32 = -2;

/** Slot of the new record, -1 if the name is taken, -2 if there is no room. */
export function insert(byteLength: u32, kind: u32, payloadBytes: u32, parent: u32): i32 {
  const hash = halfSipHash(dataAt, byteLength, seed0, seed1);
  for (let attempt: u32 = 0; attempt < INSERT_ATTEMPTS_MAX; attempt++) {
    if (probe(dataAt, byteLength, hash) !== 0) return EXISTS;
    const record = write(byteLength, hash, kind, payloadBytes, parent);
    if (record === 0) return FULL;
    // Read before others can see the record: one that was aborted already must not be taken for a pending one.
    const pending = stateOf(record);
    const entry = publish(record, hash);
    if (entry === 0) {
      setState(record, L.RECORD_STATE_FREE);
      recycle(record);
      return FULL;
    }
    if (settle(record, pending, entry, byteLength, hash) === L.RECORD_STATE_LIVE) return record;
    // Aborted in favour of another: look again, for that one may itself have been aborted or removed since.
    setState(record, L.RECORD_STATE_FREE);
    unlink(record);
    recycle(record);
  }
  return FULL;
}

/** Slot of the live record with this name, or 0. Its generation is in the scratch area. */
export function find(byteLength: u32): u32 {
  return probe(dataAt, byteLength, halfSipHash(dataAt, byteLength, seed0, seed1));
}

/**
 * `find` for each of the batch's names, which are encoded one after the other. A random name costs two misses of the cache, one for its bucket and one for its
 * record; the loops that only touch them let the processor wait for many at once.
 */
export function findMany(count: u32): void {
  const end = batchAt + count * BATCH_BYTES;
  for (let at = batchAt; at < end; at += BATCH_BYTES)
    store<u32>(at, halfSipHash(dataAt + load<u32>(at), load<u32>(at, BATCH_KEY_BYTES), seed0, seed1), BATCH_HASH);
  let touched: u32 = 0;
  for (let at = batchAt; at < end; at += BATCH_BYTES) touched ^= atomic.load<u32>(bucketsAt + (load<u32>(at, BATCH_HASH) & bucketMask) * L.BUCKET_BYTES);
  for (let at = batchAt; at < end; at += BATCH_BYTES) store<u32>(at, candidate(load<u32>(at, BATCH_HASH)), BATCH_RESULT);
  for (let at = batchAt; at < end; at += BATCH_BYTES) touched ^= stateOf(load<u32>(at, BATCH_RESULT));
  // Used, or the loads would be removed.
  store<u32>(foundGenerationAt, touched);
  for (let at = batchAt; at < end; at += BATCH_BYTES) {
    const slot = probe(dataAt + load<u32>(at), load<u32>(at, BATCH_KEY_BYTES), load<u32>(at, BATCH_HASH));
    store<u32>(at, slot, BATCH_RESULT);
    store<u32>(at, load<u32>(foundGenerationAt), BATCH_GENERATION);
  }
}

export function remove(slot: u32, generation: u32): bool {
  // The owner of another thread's record may change under this read; that of a live record of this thread does not.
  if (!isRecord(slot) || atomic.load<u32>(recordAddress(slot), OWNER) >> 16 !== threadIndex) return false;
  const live = liveState(generation);
  if (atomic.cmpxchg<u32>(recordAddress(slot), live, (generation << 2) | L.RECORD_STATE_FREE) !== live) return false;
  unlink(slot);
  recycle(slot);
  return true;
}

export function generationOf(slot: u32): u32 {
  return slot > indexMask ? 0 : stateOf(slot) >> 2;
}

/** -1 if that generation is not live; likewise below. */
export function threadOf(slot: u32, generation: u32): i32 {
  if (!isRecord(slot) || stateOf(slot) !== liveState(generation)) return -1;
  return atomic.load<u32>(recordAddress(slot), OWNER) >> 16;
}

export function kindOf(slot: u32, generation: u32): i32 {
  const live = liveState(generation);
  if (!isRecord(slot) || stateOf(slot) !== live) return -1;
  const owner = atomic.load<u32>(recordAddress(slot), OWNER);
  return stateOf(slot) === live ? owner & 0xffff : -1;
}

/** 0 if that generation is not live. */
export function parentOf(slot: u32, generation: u32): u32 {
  const live = liveState(generation);
  if (!isRecord(slot) || stateOf(slot) !== live) return 0;
  const parent = atomic.load<u32>(recordAddress(slot), PARENT);
  return stateOf(slot) === live ? parent : 0;
}

export function copyKey(slot: u32, generation: u32): i32 {
  return copy(slot, generation, false);
}

export function copyPayload(slot: u32, generation: u32): i32 {
  return copy(slot, generation, true);
}

/**
 * Takes over what a lost thread with this thread's index left: settles its records, clears the entries of those that are not live, adopts its groups.
 * What is LIVE in its groups afterwards is what it leaves.
 */
export function inherit(): void {
  for (let group: u32 = 0; group < groupCount; group++) {
    if (!owns(group)) continue;
    for (let record = max<u32>(1, group * L.GROUP_RECORDS); record < (group + 1) * L.GROUP_RECORDS; record++) {
      const state = stateOf(record);
      if ((state & 3) === L.RECORD_STATE_PENDING) changeState(record, state, L.RECORD_STATE_ABORTED);
      if ((stateOf(record) & 3) === L.RECORD_STATE_LIVE) continue;
      setState(record, L.RECORD_STATE_FREE);
      clearEntry(record);
    }
  }
  // An extension that is in use is FREE, like a record that is not: ABORTED marks it until `adopt` has passed. To other threads the two mean the same.
  for (let group: u32 = 0; group < groupCount; group++) {
    if (!owns(group)) continue;
    for (let record = max<u32>(1, group * L.GROUP_RECORDS); record < (group + 1) * L.GROUP_RECORDS; record++) {
      if ((stateOf(record) & 3) !== L.RECORD_STATE_LIVE) continue;
      // Each is FREE only once, so that a list that a wild store has made a circle ends.
      for (let extension = extensionOf(record); isExtension(extension); extension = nextOf(extension)) setState(extension, L.RECORD_STATE_ABORTED);
    }
  }
  adopt();
}

/** First record in the home bucket that may have this hash, or 0. */
function candidate(hash: u32): u32 {
  const at = bucketsAt + (hash & bucketMask) * L.BUCKET_BYTES;
  for (let entryAt = at + FIRST_ENTRY; entryAt < at + L.BUCKET_BYTES; entryAt += 4) {
    const word = atomic.load<u32>(entryAt);
    if (((word ^ hash) & ~indexMask) === 0) return word & indexMask;
  }
  return 0;
}

/** Slot of the live record with the key at `keyAt`, or 0. */
function probe(keyAt: u32, byteLength: u32, hash: u32): u32 {
  const tagMask = ~indexMask;
  for (let step: u32 = 0, bucket = hash & bucketMask; step < PROBE_BUCKETS_MAX; step++) {
    const at = bucketsAt + bucket * L.BUCKET_BYTES;
    for (let entryAt = at + FIRST_ENTRY; entryAt < at + L.BUCKET_BYTES; entryAt += 4) {
      const word = atomic.load<u32>(entryAt);
      if (((word ^ hash) & tagMask) !== 0 || word === 0) continue;
      const record = word & indexMask;
      const state = stateOf(record);
      if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
      if (hasKey(record, keyAt, byteLength, hash) && stateOf(record) === state) {
        store<u32>(foundGenerationAt, state >> 2);
        return record;
      }
    }
    if (atomic.load<u32>(at) === 0) return 0;
    bucket = (bucket + 1) & bucketMask;
  }
  return 0;
}

/** Puts the entry of a pending record into the first free place on its probe path. Returns its position in words, or 0 if there is none. */
function publish(record: u32, hash: u32): u32 {
  const word = (hash & ~indexMask) | record;
  const home = hash & bucketMask;
  for (let step: u32 = 0; step < PROBE_BUCKETS_MAX; step++) {
    const base = ((home + step) & bucketMask) * BUCKET_WORDS;
    for (let entry = base + L.BUCKET_WORD_ENTRIES; entry < base + BUCKET_WORDS; entry++) {
      if (atomic.load<u32>(entryAddress(entry)) !== 0) continue;
      // The position first: if this thread dies right after the swap, its successor finds the entry by it.
      store<u32>(recordAddress(record), entry, ENTRY);
      if (atomic.cmpxchg<u32>(entryAddress(entry), 0, word) === 0) return entry;
    }
    // Before the entry goes beyond this bucket, so that no probe that starts after the entry is there stops short of it.
    atomic.add<u32>(entryAddress(base), 1);
  }
  store<u32>(recordAddress(record), 0, ENTRY);
  lowerOverflow(home, (home + PROBE_BUCKETS_MAX) & bucketMask);
  return 0;
}

/**
 * Brings a published PENDING record with the key of this call to its end: LIVE, or ABORTED because of another. Called by its owner and, to help, by anyone.
 * `pending` is its state word, `mine` the position of its entry. Returns the state it ended in (FREE if it was recycled meanwhile).
 */
function settle(record: u32, pending: u32, mine: u32, byteLength: u32, hash: u32): u32 {
  // Somebody may have settled it already.
  const now = stateOf(record);
  if (now !== pending) return stateAfter(now, pending);
  const tagMask = ~indexMask;
  for (let step: u32 = 0, bucket = hash & bucketMask; step < PROBE_BUCKETS_MAX; step++) {
    const base = bucket * BUCKET_WORDS;
    for (let entry = base + L.BUCKET_WORD_ENTRIES; entry < base + BUCKET_WORDS; entry++) {
      const word = atomic.load<u32>(entryAddress(entry));
      if (((word ^ hash) & tagMask) !== 0 || word === 0) continue;
      const other = word & indexMask;
      if (other !== record && wins(other, word, entry, mine, byteLength, hash)) return changeState(record, pending, L.RECORD_STATE_ABORTED);
    }
    if (atomic.load<u32>(entryAddress(base)) === 0) break;
    bucket = (bucket + 1) & bucketMask;
  }
  return changeState(record, pending, L.RECORD_STATE_LIVE);
}

/**
 * Whether `other`, met at `theirs` during the second probe for a pending record at `mine`, has the key of this call and is LIVE, at the latest when this returns.
 * If it is PENDING too, the earlier position of the two is the one that may become LIVE.
 */
function wins(other: u32, word: u32, theirs: u32, mine: u32, byteLength: u32, hash: u32): bool {
  const state = stateOf(other);
  const pending = (state & 3) === L.RECORD_STATE_PENDING;
  if (!pending && (state & 3) !== L.RECORD_STATE_LIVE) return false;
  if (!hasKey(other, dataAt, byteLength, hash)) return false;
  // Published under this generation? An unpublished one will make its second probe after ours and see us, so it must not be helped.
  if (pending && atomic.load<u32>(entryAddress(theirs)) !== word) return false;
  if (stateOf(other) >> 2 !== state >> 2) return false;
  if (!pending) return true;
  const earlier = distance(hash, theirs) < distance(hash, mine);
  return (earlier ? settle(other, state, theirs, byteLength, hash) : changeState(other, state, L.RECORD_STATE_ABORTED)) === L.RECORD_STATE_LIVE;
}

/** Of an entry from the start of its probe path. */
function distance(hash: u32, entry: u32): u32 {
  return ((entry / BUCKET_WORDS - (hash & bucketMask)) & bucketMask) * BUCKET_WORDS + (entry % BUCKET_WORDS);
}

/** Frees the index entry of a record that is no longer live, then corrects the counters on its path (after: they may be too high, never too low). */
function unlink(record: u32): void {
  const home = hashOf(record) & bucketMask;
  const entry = atomic.load<u32>(recordAddress(record), ENTRY);
  if (!isEntryOf(record, entry)) return;
  atomic.store<u32>(entryAddress(entry), 0);
  store<u32>(recordAddress(record), 0, ENTRY);
  lowerOverflow(home, entry / BUCKET_WORDS);
}

function lowerOverflow(home: u32, last: u32): void {
  for (let bucket = home; bucket !== last; bucket = (bucket + 1) & bucketMask) atomic.sub<u32>(entryAddress(bucket * BUCKET_WORDS), 1);
}

/** Whether there is an entry of the record at that position: not, if something else than a table wrote the position or the entry. */
function isEntryOf(record: u32, entry: u32): bool {
  if (entry >= (bucketMask + 1) * BUCKET_WORDS || entry % BUCKET_WORDS === L.BUCKET_WORD_OVERFLOW) return false;
  return (atomic.load<u32>(entryAddress(entry)) & indexMask) === record;
}

/** Clears the entry that a lost thread left for a record that is not live. Its overflow counts stay: too high is harmless. */
function clearEntry(record: u32): void {
  const entry = atomic.load<u32>(recordAddress(record), ENTRY);
  if (!isEntryOf(record, entry)) return;
  const word = atomic.load<u32>(entryAddress(entry));
  if ((word & indexMask) === record) atomic.cmpxchg<u32>(entryAddress(entry), word, 0);
}

/** Address of a word of the index: an entry, or a bucket's counter. */
function entryAddress(entry: u32): u32 {
  return bucketsAt + entry * 4;
}

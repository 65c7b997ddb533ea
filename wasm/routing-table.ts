/**
 * The routing table: names of agents to addresses, in shared memory, for any number of threads at once. Twin of bindings/portable/routing-table.ts, which explains
 * index, records, insert-if-absent and removal, and of native/include/nexus/routing_table.hpp; one memory may be used by all three at the same time.
 * The name (and payload) a call is about is in the scratch data of this thread; the caller has checked its length.
 *
 * Probes compare the 15 entries of a bucket at once. The vector loads are not atomic, and need not be: an entry that is there during the whole probe is not written
 * meanwhile, and nothing depends on the order of entries (as in the portable table, which reads them plainly). What they say is a hint: the entry is loaded again,
 * atomically, and the record decides.
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
import {
  batchAt,
  bucketMask,
  bucketsAt,
  dataAt,
  foundGenerationAt,
  foundKindAt,
  groupCount,
  indexMask,
  recordAddress,
  seed0,
  seed1,
  threadCount,
  threadIndex,
  touchedAt,
} from './shared-memory';

const BUCKET_WORDS: u32 = L.BUCKET_BYTES / 4;
/** Buckets a probe may pass before the table counts as full. At its highest load, one half, a probe of 3 is rare. */
const PROBE_BUCKETS_MAX: u32 = 64;
/** Each attempt after the first needs another thread that aborted the one before and then lost or removed its own. An index that contradicts itself ends here, too. */
const INSERT_ATTEMPTS_MAX: u32 = 1000;
/**
 * Byte offsets in the entry of a name in the batch: where it is in the data is the first word. The slot comes last, and generation and kind replace position and length.
 * In a batch of removals an entry is two words, slot and generation.
 */
const BATCH_BYTES: u32 = 16;
const BATCH_KEY_BYTES: u32 = 4;
const BATCH_HASH: u32 = 8;
const BATCH_RESULT: u32 = 12;
const BATCH_GENERATION: u32 = 0;
const BATCH_KIND: u32 = 4;
const REMOVAL_BYTES: u32 = 8;
const EXISTS: i32 = -1;
const FULL: i32 = -2;

/** Slot of the new record, -1 if the name is taken, -2 if there is no room. */
export function insert(byteLength: u32, kind: u32, payloadBytes: u32, parent: u32): i32 {
  return insertAt(dataAt, byteLength, halfSipHash(dataAt, byteLength, seed0, seed1), kind, payloadBytes, parent);
}

function insertAt(keyAt: u32, byteLength: u32, hash: u32, kind: u32, payloadBytes: u32, parent: u32): i32 {
  for (let attempt: u32 = 0; attempt < INSERT_ATTEMPTS_MAX; attempt++) {
    if (probe(keyAt, byteLength, hash) !== 0) return EXISTS;
    const record = write(keyAt, byteLength, hash, kind, payloadBytes, parent);
    if (record === 0) return FULL;
    // Read before others can see the record: one that was aborted already must not be taken for a pending one.
    const pending = stateOf(record);
    const entry = publish(record, hash);
    if (entry === 0) {
      setState(record, L.RECORD_STATE_FREE);
      recycle(record);
      return FULL;
    }
    if (settle(record, pending, entry, keyAt, byteLength, hash) === L.RECORD_STATE_LIVE) return record;
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
  let touched = touchBuckets(end);
  for (let at = batchAt; at < end; at += BATCH_BYTES) store<u32>(at, candidate(load<u32>(at, BATCH_HASH)), BATCH_RESULT);
  for (let at = batchAt; at < end; at += BATCH_BYTES) touched ^= stateOf(load<u32>(at, BATCH_RESULT));
  // Used, or the loads would be removed.
  store<u32>(touchedAt, touched);
  for (let at = batchAt; at < end; at += BATCH_BYTES) {
    const slot = probe(dataAt + load<u32>(at), load<u32>(at, BATCH_KEY_BYTES), load<u32>(at, BATCH_HASH));
    store<u32>(at, slot, BATCH_RESULT);
    store<u32>(at, load<u32>(foundGenerationAt), BATCH_GENERATION);
    store<u32>(at, load<u32>(foundKindAt), BATCH_KIND);
  }
}

/** `insert` without a payload for each of the batch's names, in their order. The slot, or why there is none, is the result. */
export function insertMany(count: u32, kind: u32, parent: u32): void {
  const end = batchAt + count * BATCH_BYTES;
  store<u32>(touchedAt, touchBuckets(end));
  for (let at = batchAt; at < end; at += BATCH_BYTES) {
    const slot = insertAt(dataAt + load<u32>(at), load<u32>(at, BATCH_KEY_BYTES), load<u32>(at, BATCH_HASH), kind, 0, parent);
    store<u32>(at, slot, BATCH_RESULT);
    if (slot > 0) store<u32>(at, stateOf(slot) >> 2, BATCH_GENERATION);
  }
}

/** `remove` for each of the batch's addresses. How many were live and of this thread. */
export function removeMany(count: u32): u32 {
  const end = batchAt + count * REMOVAL_BYTES;
  let touched: u32 = 0;
  for (let at = batchAt; at < end; at += REMOVAL_BYTES) touched ^= stateOf(load<u32>(at) & indexMask);
  for (let at = batchAt; at < end; at += REMOVAL_BYTES)
    touched ^= atomic.load<u32>(bucketsAt + (hashOf(load<u32>(at) & indexMask) & bucketMask) * L.BUCKET_BYTES);
  store<u32>(touchedAt, touched);
  let removed: u32 = 0;
  for (let at = batchAt; at < end; at += REMOVAL_BYTES) if (remove(load<u32>(at), load<u32>(at, 4))) removed++;
  return removed;
}

/** Hashes all names of the batch, then fetches all their first buckets. What it returns must be used, or the loads would be removed. */
function touchBuckets(end: u32): u32 {
  for (let at = batchAt; at < end; at += BATCH_BYTES)
    store<u32>(at, halfSipHash(dataAt + load<u32>(at), load<u32>(at, BATCH_KEY_BYTES), seed0, seed1), BATCH_HASH);
  let touched: u32 = 0;
  for (let at = batchAt; at < end; at += BATCH_BYTES) touched ^= atomic.load<u32>(bucketsAt + (load<u32>(at, BATCH_HASH) & bucketMask) * L.BUCKET_BYTES);
  return touched;
}

export function remove(slot: u32, generation: u32): bool {
  // The owner of another thread's record may change under this read; that of a live record of this thread does not.
  if (!isRecord(slot) || atomic.load<u32>(recordAddress(slot), OWNER) >> 16 !== threadIndex) return false;
  const live = liveState(generation);
  if (!owns(slot / L.GROUP_RECORDS)) return removeGuest(slot, live);
  if (atomic.cmpxchg<u32>(recordAddress(slot), live, (generation << 2) | L.RECORD_STATE_FREE) !== live) return false;
  unlink(slot);
  recycle(slot);
  return true;
}

/** A record of another thread's group, whose agent moved here: the entry goes first and FREE comes last, for from then on the record is the group's owner's. */
function removeGuest(slot: u32, live: u32): bool {
  if (stateOf(slot) !== live) return false;
  unlink(slot);
  return changeState(slot, live, L.RECORD_STATE_FREE) === L.RECORD_STATE_FREE;
}

/** Gives a live record to another thread. 0: it is not this thread's; 1: done; 2: done, and the record is of this thread's groups, so that it is away now. */
export function rehome(slot: u32, generation: u32, thread: u32): u32 {
  if (!isRecord(slot) || thread >= threadCount) return 0;
  const owner = atomic.load<u32>(recordAddress(slot), OWNER);
  if (owner >> 16 !== threadIndex || stateOf(slot) !== liveState(generation)) return 0;
  atomic.store<u32>(recordAddress(slot), (thread << 16) | (owner & 0xffff), OWNER);
  return owns(slot / L.GROUP_RECORDS) ? 2 : 1;
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
 * What is LIVE in its groups afterwards, and LIVE elsewhere with its OWNER, is what it leaves.
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

/** Bit n is set if word n of the bucket is an entry with the tag of this hash. A free one has the tag 0, and leads to record 0, which is never live. */
// @ts-ignore: decorator
@inline
function matches(at: u32, hash: u32): u32 {
  const tagMask = i32x4.splat(~indexMask);
  const wanted = v128.and(i32x4.splat(hash), tagMask);
  const first = i32x4.eq(v128.and(v128.load(at), tagMask), wanted);
  const second = i32x4.eq(v128.and(v128.load(at, 16), tagMask), wanted);
  const third = i32x4.eq(v128.and(v128.load(at, 32), tagMask), wanted);
  const fourth = i32x4.eq(v128.and(v128.load(at, 48), tagMask), wanted);
  const all = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(first, second), i16x8.narrow_i32x4_s(third, fourth));
  return i8x16.bitmask(all) & ~1;
}

/** First record in the home bucket that may have this hash, or 0. */
function candidate(hash: u32): u32 {
  const at = bucketsAt + (hash & bucketMask) * L.BUCKET_BYTES;
  const found = matches(at, hash);
  return found === 0 ? 0 : atomic.load<u32>(at + (ctz<u32>(found) << 2)) & indexMask;
}

/** Slot of the live record with the key at `keyAt`, or 0. */
function probe(keyAt: u32, byteLength: u32, hash: u32): u32 {
  for (let step: u32 = 0, bucket = hash & bucketMask; step < PROBE_BUCKETS_MAX; step++) {
    const at = bucketsAt + bucket * L.BUCKET_BYTES;
    for (let found = matches(at, hash); found !== 0; found &= found - 1) {
      const record = atomic.load<u32>(at + (ctz<u32>(found) << 2)) & indexMask;
      const state = stateOf(record);
      if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
      if (!hasKey(record, keyAt, byteLength, hash)) continue;
      const owner = atomic.load<u32>(recordAddress(record), OWNER);
      if (stateOf(record) !== state) continue;
      store<u32>(foundGenerationAt, state >> 2);
      store<u32>(foundKindAt, owner & 0xffff);
      return record;
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
function settle(record: u32, pending: u32, mine: u32, keyAt: u32, byteLength: u32, hash: u32): u32 {
  // Somebody may have settled it already; and an atomic load here keeps the plain vector loads below behind the publication.
  const now = stateOf(record);
  if (now !== pending) return stateAfter(now, pending);
  for (let step: u32 = 0, bucket = hash & bucketMask; step < PROBE_BUCKETS_MAX; step++) {
    const base = bucket * BUCKET_WORDS;
    for (let found = matches(entryAddress(base), hash); found !== 0; found &= found - 1) {
      const entry = base + ctz<u32>(found);
      const word = atomic.load<u32>(entryAddress(entry));
      const other = word & indexMask;
      if (other === 0 || other === record || ((word ^ hash) & ~indexMask) !== 0) continue;
      if (wins(other, word, entry, mine, keyAt, byteLength, hash)) return changeState(record, pending, L.RECORD_STATE_ABORTED);
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
function wins(other: u32, word: u32, theirs: u32, mine: u32, keyAt: u32, byteLength: u32, hash: u32): bool {
  const state = stateOf(other);
  const pending = (state & 3) === L.RECORD_STATE_PENDING;
  if (!pending && (state & 3) !== L.RECORD_STATE_LIVE) return false;
  if (!hasKey(other, keyAt, byteLength, hash)) return false;
  // Published under this generation? An unpublished one will make its second probe after ours and see us, so it must not be helped.
  if (pending && atomic.load<u32>(entryAddress(theirs)) !== word) return false;
  if (stateOf(other) >> 2 !== state >> 2) return false;
  if (!pending) return true;
  const earlier = distance(hash, theirs) < distance(hash, mine);
  return (earlier ? settle(other, state, theirs, keyAt, byteLength, hash) : changeState(other, state, L.RECORD_STATE_ABORTED)) === L.RECORD_STATE_LIVE;
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

/**
 * The routing table in TypeScript: names of agents to addresses, in shared memory, for any number of threads at once. The oracle for the other engines.
 *
 * Index: open addressing in buckets of one cache line: 15 entries (tag bits of the hash | record index; 0 is free) and an overflow counter, which
 * says how many entries whose probe path passes the bucket live beyond it (the outbound overflow count of F14, Bronson and Shi 2019). A probe ends
 * at the first bucket whose counter is 0, so removal leaves no tombstones that would have to be rebuilt away.
 *
 * The record is the truth, the entry a hint. A record goes FREE → PENDING → LIVE → FREE, with a generation that grows with every use, all in one
 * word. Only the owner thread writes a record's bytes and its index entry; any thread may move PENDING to LIVE or ABORTED.
 *
 * Insert-if-absent is linearizable without locks (after Purcell and Harris, "Non-blocking hashtables with open addressing", 2005): publish the record
 * as PENDING, then probe again. A LIVE record of the same name wins. Between PENDING ones the earlier position on the probe path wins: the later one is
 * aborted, and an earlier one found by a later inserter is helped to LIVE first. An insert that starts its second probe after another was published sees
 * it, so of two that overlap at least one sees the other, and the word of the loser is changed by compare-and-swap before the winner becomes LIVE.
 *
 * Only records that are published are helped. An entry read before its record was removed may lead to the next use of the same record, which is PENDING
 * but not in the index yet; bringing that one to LIVE would let the same name in twice, because its own second probe has not been made. So a
 * helper reads the entry again after the state, and the state once more: an entry is cleared before its record is used again, so the three belong together.
 *
 * A reader copies nothing it does not validate: it reads STATE, then the bytes, then STATE again. STATE, entries on the way to a decision and counters are
 * Atomics operations (sequentially consistent). Plain accesses, which are five to nine times cheaper, are used where they are enough:
 * - Entries during a probe. A name that is live during the whole probe has its entry in memory before it starts, and nothing depends on their order.
 *   In `#settle` an Atomics.load of the record's own state stands between the publication and the probe: no plain load passes it.
 * - Bytes between two reads of STATE: on x64, which keeps loads in order; elsewhere they are Atomics.load (`ORDERED_LOADS`). V8 keeps the program order of
 *   element accesses relative to Atomics calls.
 * - Bytes written before STATE becomes PENDING (Atomics.store: release), by the thread that owns them. They come after the STATE that made the record FREE,
 *   because that was an Atomics operation, and an Atomics.load of STATE follows it before the first byte is written (store-release, load-acquire, store).
 *
 * A live record's OWNER may change: its owner gives it to another thread (`rehome`, one store), whose it is from then on, while the group it is in stays where it was.
 * So `remove` has two forms: the owner of the group frees the record first, as above; a guest's owner takes the entry out first and sets it FREE last, and the
 * owner of the group finds it so (`away-records.ts`). Between the two a name is free while its last holder's address is still live.
 *
 * A thread that dies between any two steps blocks nobody: PENDING records are helped or aborted by whoever meets them, entries of dead records are
 * skipped, an overflow counter can only be too high, and `inherit` clears the rest.
 */
import * as L from '../../layout/generated/layout.js';
import { INSERT_EXISTS, INSERT_FULL, type RoutingTable, type TableEntry, type TableStatistics } from '../../ts-src/ports/engine.js';
import type { SharedMemory } from '../shared-memory.js';
import { AwayRecords, LOOKS_PER_INSERT } from './away-records.js';
import { findEach, insertEach, removeEach } from './batches.js';
import { EncodedKey } from './encoded-key.js';
import { inheritedEntries } from './inherited-entries.js';
import { liveEntries } from './live-entries.js';
import { checkPayload } from './payload-limits.js';
import { RecordAllocator } from './record-allocator.js';
import { RecordReader } from './record-reader.js';
import { loadByteWord, payloadWord, stateOf } from './record-words.js';
import { tableStatistics } from './table-statistics.js';

const RECORD_WORDS = L.RECORD_BYTES / 4;
const BUCKET_WORDS = L.BUCKET_BYTES / 4;
const INLINE_WORDS = L.RECORD_INLINE_BYTES / 4;
const EXTENSION_WORDS = L.EXTENSION_INLINE_BYTES / 4;
/** Buckets a probe may pass before the table counts as full. At its highest load, one half, a probe of 3 is rare. */
const PROBE_BUCKETS_MAX = 64;
/** Each attempt after the first needs another thread that aborted the one before and then lost or removed its own. An index that contradicts itself ends here, too. */
const INSERT_ATTEMPTS_MAX = 1000;
/** Of the longest key with the largest payload. */
const EXTENSIONS_MAX = Math.floor((L.KEY_BYTES_MAX + L.PAYLOAD_BYTES_MAX) / L.EXTENSION_INLINE_BYTES) + 1;

export class PortableRoutingTable implements RoutingTable {
  foundGeneration = 0;
  foundKind = 0;
  readonly #shared: SharedMemory;
  readonly #words: Int32Array;
  readonly #recordsAt: number;
  readonly #bucketsAt: number;
  readonly #bucketMask: number;
  readonly #indexMask: number;
  readonly #tagMask: number;
  readonly #thread: number;
  readonly #capacity: number;
  readonly #allocator: RecordAllocator;
  /** Records of this thread's groups that `rehome` gave away. */
  readonly #away: AwayRecords;
  /** The name the current call is about. */
  readonly #key: EncodedKey;
  readonly #reader: RecordReader;

  constructor(shared: SharedMemory, thread: number) {
    this.#shared = shared;
    this.#words = shared.words;
    this.#recordsAt = shared.recordsOffset >> 2;
    this.#bucketsAt = shared.bucketsOffset >> 2;
    this.#bucketMask = shared.bucketCount - 1;
    this.#indexMask = shared.recordCapacity - 1;
    this.#tagMask = ~this.#indexMask;
    this.#capacity = shared.recordCapacity;
    this.#thread = thread;
    this.#allocator = new RecordAllocator(shared, thread);
    this.#away = new AwayRecords(shared, thread, (slot) => this.#recycle(slot));
    this.#reader = new RecordReader(shared);
    this.#key = new EncodedKey(shared.words[L.HEADER_WORD_SEED_0] as number, shared.words[L.HEADER_WORD_SEED_1] as number);
  }

  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number {
    this.#key.set(key);
    checkPayload(key, payload);
    if (this.#away.size > 0) this.#away.collect(LOOKS_PER_INSERT);
    for (let attempt = 0; attempt < INSERT_ATTEMPTS_MAX; attempt++) {
      if (this.#probe() !== 0) return INSERT_EXISTS;
      let record = this.#write(kind, payload, parent);
      if (record === 0 && this.#away.collect(this.#away.size) > 0) record = this.#write(kind, payload, parent);
      if (record === 0) return INSERT_FULL;
      // Read before others can see the record: one that was aborted already must not be taken for a pending one.
      const pending = this.#state(record);
      const entryAt = this.#publish(record);
      if (entryAt === 0) {
        this.#setState(record, L.RECORD_STATE_FREE);
        this.#recycle(record);
        return INSERT_FULL;
      }
      if (this.#settle(record, pending, entryAt) === L.RECORD_STATE_LIVE) return record;
      // Aborted in favour of another: look again, for that one may itself have been aborted or removed since.
      this.#withdraw(record);
    }
    return INSERT_FULL;
  }

  insertMany(keys: readonly string[], kind: number, payloads: readonly (Uint8Array | undefined)[] | undefined, parent: number): Int32Array {
    return insertEach(this, keys, kind, payloads, parent);
  }

  find(key: string): number {
    this.#key.set(key);
    return this.#probe();
  }

  findMany(keys: readonly string[]): Int32Array {
    return findEach(this, keys);
  }

  remove(slot: number, generation: number): boolean {
    if (slot <= 0 || slot >= this.#capacity) return false;
    const stateAt = this.#at(slot) + L.RECORD_WORD_STATE;
    const live = (generation << 2) | L.RECORD_STATE_LIVE;
    // The state of a record of another thread may change under this read; the owner of a live record of this thread does not.
    if ((this.#words[this.#at(slot) + L.RECORD_WORD_OWNER] as number) >>> 16 !== this.#thread) return false;
    if (!this.#allocator.owns(slot >>> 8)) return this.#removeGuest(slot, live);
    if (Atomics.compareExchange(this.#words, stateAt, live, (generation << 2) | L.RECORD_STATE_FREE) !== live) return false;
    this.#unlink(slot);
    if (this.#away.size > 0) this.#away.delete(slot);
    this.#recycle(slot);
    return true;
  }

  rehome(slot: number, generation: number, thread: number): boolean {
    if (slot <= 0 || slot >= this.#capacity || thread < 0 || thread >= this.#shared.threadCount) return false;
    const ownerAt = this.#at(slot) + L.RECORD_WORD_OWNER;
    const owner = this.#words[ownerAt] as number;
    if (owner >>> 16 !== this.#thread || this.#state(slot) !== ((generation << 2) | L.RECORD_STATE_LIVE)) return false;
    if (this.#allocator.owns(slot >>> 8)) this.#away.add(slot);
    Atomics.store(this.#words, ownerAt, (thread << 16) | (owner & 0xffff));
    return true;
  }

  removeMany(addresses: Int32Array): number {
    return removeEach(this, addresses);
  }

  generationOf(slot: number): number {
    return this.#state(slot) >>> 2;
  }

  threadOf(slot: number, generation: number): number {
    const at = this.#at(slot);
    if (Atomics.load(this.#words, at + L.RECORD_WORD_STATE) !== ((generation << 2) | L.RECORD_STATE_LIVE)) return -1;
    return Atomics.load(this.#words, at + L.RECORD_WORD_OWNER) >>> 16;
  }

  kindOf(slot: number, generation: number): number {
    const owner = this.#validated(slot, generation, L.RECORD_WORD_OWNER);
    return owner === undefined ? -1 : owner & 0xffff;
  }

  parentOf(slot: number, generation: number): number {
    return this.#validated(slot, generation, L.RECORD_WORD_PARENT) ?? 0;
  }

  keyOf(slot: number, generation: number): string | undefined {
    return this.#reader.copy(slot, generation, false)?.toString('utf8');
  }

  payloadOf(slot: number, generation: number): Uint8Array | undefined {
    return this.#reader.copy(slot, generation, true);
  }

  entries(thread?: number): IterableIterator<TableEntry> {
    return liveEntries(this.#shared, thread);
  }

  inherit(): TableEntry[] {
    for (const group of this.#allocator.ownedGroups()) {
      for (let record = Math.max(1, group * L.GROUP_RECORDS); record < (group + 1) * L.GROUP_RECORDS; record++) {
        const state = this.#state(record);
        if ((state & 3) === L.RECORD_STATE_PENDING) this.#changeState(record, state, L.RECORD_STATE_ABORTED);
        if ((this.#state(record) & 3) === L.RECORD_STATE_LIVE) continue;
        this.#setState(record, L.RECORD_STATE_FREE);
        this.#clearEntry(record);
      }
    }
    // Live ones of its groups, wherever their agents are. One that ends elsewhere at this moment counts as live: it is away.
    const inherited = inheritedEntries(this.#shared, this.#thread, this.#away);
    // Now that all are FREE again: a predecessor in WebAssembly that died in this very call left marks on those in use.
    const inUse = new Set<number>();
    for (const slot of [...inherited.map((entry) => entry.slot), ...this.#away]) {
      if (!this.#allocator.owns(slot >>> 8)) continue;
      inUse.add(slot);
      // Each once, or a list that a wild store has made a circle would never end.
      for (let extension = this.#link(slot, L.RECORD_WORD_EXTENSION); this.#isExtension(extension) && !inUse.has(extension); ) {
        inUse.add(extension);
        extension = this.#link(extension, L.EXTENSION_WORD_NEXT);
      }
    }
    this.#allocator.adopt(inUse);
    return inherited;
  }

  statistics(): TableStatistics {
    return tableStatistics(this.#shared);
  }

  /** Slot of the live record with the current key, or 0. */
  #probe(): number {
    const words = this.#words;
    const hash = this.#key.hash;
    const tagMask = this.#tagMask;
    const bucketMask = this.#bucketMask;
    let bucket = hash & bucketMask;
    for (let step = 0; step < PROBE_BUCKETS_MAX; step++) {
      const at = this.#bucketsAt + bucket * BUCKET_WORDS;
      for (let entry = L.BUCKET_WORD_ENTRIES; entry < BUCKET_WORDS; entry++) {
        const word = words[at + entry] as number;
        if (((word ^ hash) & tagMask) !== 0 || word === 0) continue;
        const record = word & this.#indexMask;
        const state = this.#state(record);
        if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
        if (!this.#hasKey(record)) continue;
        const kind = loadByteWord(words, this.#at(record) + L.RECORD_WORD_OWNER) & 0xffff;
        if (this.#state(record) !== state) continue;
        this.foundGeneration = state >>> 2;
        this.foundKind = kind;
        return record;
      }
      if (words[at + L.BUCKET_WORD_OVERFLOW] === 0) return 0;
      bucket = (bucket + 1) & bucketMask;
    }
    return 0;
  }

  /** Whether the bytes of the record are the current key. Holds if the record's STATE is the same before and after. */
  #hasKey(record: number): boolean {
    const words = this.#words;
    const at = this.#at(record);
    if (loadByteWord(words, at + L.RECORD_WORD_HASH) !== this.#key.hash || loadByteWord(words, at + L.RECORD_WORD_KEY_BYTES) !== this.#key.byteLength)
      return false;
    const keyWords = this.#key.words;
    const count = (this.#key.byteLength + 3) >>> 2;
    const inline = Math.min(count, INLINE_WORDS);
    for (let index = 0; index < inline; index++) {
      if (loadByteWord(words, at + L.RECORD_WORD_INLINE + index) !== keyWords[index]) return false;
    }
    return count === inline || this.#extensionsHaveKey(loadByteWord(words, at + L.RECORD_WORD_EXTENSION), count);
  }

  #extensionsHaveKey(first: number, count: number): boolean {
    const words = this.#words;
    const keyWords = this.#key.words;
    let extension = first;
    for (let done = INLINE_WORDS; done < count; ) {
      // Masked, because a record that is being written again may hold anything here.
      const at = this.#at(extension & this.#indexMask);
      const here = Math.min(count - done, EXTENSION_WORDS);
      for (let index = 0; index < here; index++) {
        if (loadByteWord(words, at + L.EXTENSION_WORD_INLINE + index) !== keyWords[done + index]) return false;
      }
      done += here;
      extension = loadByteWord(words, at + L.EXTENSION_WORD_NEXT);
    }
    return true;
  }

  /** Allocates and fills a record, ending in PENDING under a new generation. 0 if there is no room. */
  #write(kind: number, payload: Uint8Array | undefined, parent: number): number {
    const words = this.#words;
    const record = this.#allocator.allocate();
    if (record === 0) return 0;
    const at = this.#at(record);
    // Also what keeps the plain stores below behind the store that made this record, and those it extends into, FREE.
    const generation = (this.#state(record) >>> 2) + 1;
    const keyWords = this.#key.words;
    const keyCount = (this.#key.byteLength + 3) >>> 2;
    const payloadBytes = payload === undefined ? 0 : payload.length;
    words[at + L.RECORD_WORD_HASH] = this.#key.hash;
    words[at + L.RECORD_WORD_OWNER] = (this.#thread << 16) | kind;
    words[at + L.RECORD_WORD_KEY_BYTES] = this.#key.byteLength;
    words[at + L.RECORD_WORD_PAYLOAD_BYTES] = payloadBytes;
    words[at + L.RECORD_WORD_EXTENSION] = 0;
    words[at + L.RECORD_WORD_ENTRY] = 0;
    words[at + L.RECORD_WORD_PARENT] = parent;
    const inline = Math.min(keyCount, INLINE_WORDS);
    for (let index = 0; index < inline; index++) words[at + L.RECORD_WORD_INLINE + index] = keyWords[index] as number;
    if (keyCount > inline || payload !== undefined) {
      if (!this.#writeRest(at, inline, keyCount, payload, keyCount + ((payloadBytes + 3) >>> 2))) {
        this.#recycle(record);
        return 0;
      }
    }
    Atomics.store(words, at + L.RECORD_WORD_STATE, (generation << 2) | L.RECORD_STATE_PENDING);
    return record;
  }

  /** Writes the words of key and payload from the `written`-th on, into the record at `at` and as many extensions as they need. False if there is no room. */
  #writeRest(at: number, written: number, keyCount: number, payload: Uint8Array | undefined, count: number): boolean {
    const words = this.#words;
    let linkAt = at + L.RECORD_WORD_EXTENSION;
    let inlineAt = at + L.RECORD_WORD_INLINE + written;
    let room = INLINE_WORDS - written;
    for (let index = written; index < count; index++) {
      if (room === 0) {
        const extension = this.#allocator.allocate();
        if (extension === 0) return false;
        const extensionAt = this.#at(extension);
        words[extensionAt + L.EXTENSION_WORD_NEXT] = 0;
        words[linkAt] = extension;
        linkAt = extensionAt + L.EXTENSION_WORD_NEXT;
        inlineAt = extensionAt + L.EXTENSION_WORD_INLINE;
        room = EXTENSION_WORDS;
      }
      words[inlineAt++] = index < keyCount ? (this.#key.words[index] as number) : payloadWord(payload as Uint8Array, index - keyCount);
      room--;
    }
    return true;
  }

  /** Puts the entry of a pending record into the first free place on its probe path. Returns its position, or 0 if there is none. */
  #publish(record: number): number {
    const words = this.#words;
    const word = (this.#key.hash & this.#tagMask) | record;
    const home = this.#key.hash & this.#bucketMask;
    for (let step = 0; step < PROBE_BUCKETS_MAX; step++) {
      const base = ((home + step) & this.#bucketMask) * BUCKET_WORDS;
      for (let entry = L.BUCKET_WORD_ENTRIES; entry < BUCKET_WORDS; entry++) {
        if (words[this.#bucketsAt + base + entry] !== 0) continue;
        // The position first: if this thread dies right after the swap, its successor finds the entry by it.
        words[this.#at(record) + L.RECORD_WORD_ENTRY] = base + entry;
        if (Atomics.compareExchange(words, this.#bucketsAt + base + entry, 0, word) === 0) return base + entry;
      }
      // Before the entry goes beyond this bucket, so that no probe that starts after the entry is there stops short of it.
      Atomics.add(words, this.#bucketsAt + base + L.BUCKET_WORD_OVERFLOW, 1);
    }
    words[this.#at(record) + L.RECORD_WORD_ENTRY] = 0;
    this.#lowerOverflow(home, (home + PROBE_BUCKETS_MAX) & this.#bucketMask);
    return 0;
  }

  /**
   * Brings a published PENDING record with the current key to its end: LIVE, or ABORTED because of another. Called by its owner and, to help, by anyone.
   * `pending` is its state word, `entryAt` the position of its entry. Returns the state it ended in (FREE if it was recycled meanwhile).
   */
  #settle(record: number, pending: number, entryAt: number): number {
    const words = this.#words;
    const hash = this.#key.hash;
    const home = hash & this.#bucketMask;
    // Somebody may have settled it already; and an Atomics.load here keeps the plain loads below behind the publication.
    if (this.#state(record) !== pending) return stateOf(this.#state(record), pending);
    for (let step = 0, bucket = home; step < PROBE_BUCKETS_MAX; step++) {
      const base = bucket * BUCKET_WORDS;
      for (let entry = L.BUCKET_WORD_ENTRIES; entry < BUCKET_WORDS; entry++) {
        const word = words[this.#bucketsAt + base + entry] as number;
        if (((word ^ hash) & this.#tagMask) !== 0 || word === 0) continue;
        const other = word & this.#indexMask;
        if (other !== record && this.#wins(other, word, base + entry, entryAt)) return this.#changeState(record, pending, L.RECORD_STATE_ABORTED);
      }
      if (words[this.#bucketsAt + base + L.BUCKET_WORD_OVERFLOW] === 0) break;
      bucket = (bucket + 1) & this.#bucketMask;
    }
    return this.#changeState(record, pending, L.RECORD_STATE_LIVE);
  }

  /**
   * Whether `other`, met at `otherAt` during the second probe for a pending record at `entryAt`, has the current key and is LIVE, at the latest when this returns.
   * If it is PENDING too, the earlier position of the two is the one that may become LIVE.
   */
  #wins(other: number, word: number, otherAt: number, entryAt: number): boolean {
    const state = this.#state(other);
    const pending = (state & 3) === L.RECORD_STATE_PENDING;
    if (!pending && (state & 3) !== L.RECORD_STATE_LIVE) return false;
    if (!this.#hasKey(other)) return false;
    // Published under this generation? See the head of this file: an unpublished one will make its second probe after ours and see us.
    if (pending && Atomics.load(this.#words, this.#bucketsAt + otherAt) !== word) return false;
    if (this.#state(other) >>> 2 !== state >>> 2) return false;
    if (!pending) return true;
    const home = this.#key.hash & this.#bucketMask;
    const earlier = this.#distance(home, otherAt) < this.#distance(home, entryAt);
    return (earlier ? this.#settle(other, state, otherAt) : this.#changeState(other, state, L.RECORD_STATE_ABORTED)) === L.RECORD_STATE_LIVE;
  }

  #distance(home: number, entryAt: number): number {
    const bucket = (entryAt / BUCKET_WORDS) | 0;
    return ((bucket - home) & this.#bucketMask) * BUCKET_WORDS + (entryAt % BUCKET_WORDS);
  }

  /** Takes back a record of this thread that was aborted. */
  #withdraw(record: number): void {
    this.#setState(record, L.RECORD_STATE_FREE);
    this.#unlink(record);
    this.#recycle(record);
  }

  /** Of another thread's group, with FREE last: what dies before that leaves a live record without an entry, which `inherit` sets FREE. */
  #removeGuest(slot: number, live: number): boolean {
    if (this.#state(slot) !== live) return false;
    this.#unlink(slot);
    return this.#changeState(slot, live, L.RECORD_STATE_FREE) === L.RECORD_STATE_FREE;
  }

  /** Frees the index entry of a record that is no longer live, then corrects the counters on its path (after: they may be too high, never too low). */
  #unlink(record: number): void {
    const words = this.#words;
    const at = this.#at(record);
    const home = (words[at + L.RECORD_WORD_HASH] as number) & this.#bucketMask;
    const entryAt = words[at + L.RECORD_WORD_ENTRY] as number;
    if (!this.#isEntryOf(record, entryAt)) return;
    Atomics.store(words, this.#bucketsAt + entryAt, 0);
    words[at + L.RECORD_WORD_ENTRY] = 0;
    this.#lowerOverflow(home, (entryAt / BUCKET_WORDS) | 0);
  }

  #lowerOverflow(home: number, last: number): void {
    for (let bucket = home; bucket !== last; bucket = (bucket + 1) & this.#bucketMask) {
      Atomics.sub(this.#words, this.#bucketsAt + bucket * BUCKET_WORDS + L.BUCKET_WORD_OVERFLOW, 1);
    }
  }

  /** Whether there is an entry of the record at that position: not, if something else than a table wrote the position or the entry. */
  #isEntryOf(record: number, entryAt: number): boolean {
    if (entryAt < 0 || entryAt >= (this.#bucketMask + 1) * BUCKET_WORDS || entryAt % BUCKET_WORDS === L.BUCKET_WORD_OVERFLOW) return false;
    return (Atomics.load(this.#words, this.#bucketsAt + entryAt) & this.#indexMask) === record;
  }

  /** Clears the entry that a lost thread left for a record that is not live. Its overflow counts stay: too high is harmless. */
  #clearEntry(record: number): void {
    const entryAt = Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_ENTRY);
    if (!this.#isEntryOf(record, entryAt)) return;
    const word = Atomics.load(this.#words, this.#bucketsAt + entryAt);
    if ((word & this.#indexMask) === record) Atomics.compareExchange(this.#words, this.#bucketsAt + entryAt, word, 0);
  }

  /** Gives the record and its extensions back to the allocator. */
  #recycle(record: number): void {
    const words = this.#words;
    let extension = words[this.#at(record) + L.RECORD_WORD_EXTENSION] as number;
    // A link that no writer makes ends the list: what is behind it is lost, until the group is inherited.
    for (let left = EXTENSIONS_MAX; left > 0 && this.#isExtension(extension); left--) {
      // Before the release: the allocator may give the whole group to another thread, which may write to it at once.
      const next = words[this.#at(extension) + L.EXTENSION_WORD_NEXT] as number;
      this.#allocator.release(extension);
      extension = next;
    }
    if (this.#state(record) >>> 2 >= L.GENERATION_MAX) this.#allocator.retire(record);
    else this.#allocator.release(record);
  }

  /** Whether this may be an extension in a list of this thread: one of its records, never LIVE by itself. 0, which ends a list, is not. */
  #isExtension(record: number): boolean {
    return record > 0 && record < this.#capacity && (this.#state(record) & 3) === L.RECORD_STATE_FREE && this.#allocator.owns(record >>> 8);
  }

  #validated(slot: number, generation: number, word: number): number | undefined {
    const live = (generation << 2) | L.RECORD_STATE_LIVE;
    if (slot <= 0 || slot >= this.#capacity || this.#state(slot) !== live) return undefined;
    const value = Atomics.load(this.#words, this.#at(slot) + word);
    return this.#state(slot) === live ? value : undefined;
  }

  #link(record: number, word: number): number {
    return Atomics.load(this.#words, this.#at(record) + word);
  }

  #at(record: number): number {
    return this.#recordsAt + record * RECORD_WORDS;
  }

  #state(record: number): number {
    return Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_STATE);
  }

  #setState(record: number, state: number): void {
    Atomics.store(this.#words, this.#at(record) + L.RECORD_WORD_STATE, (this.#state(record) & ~3) | state);
  }

  /** One compare-and-swap from a state word that was read before; nothing happens if it has changed. Returns the state that use of the record ended in. */
  #changeState(record: number, from: number, state: number): number {
    const seen = Atomics.compareExchange(this.#words, this.#at(record) + L.RECORD_WORD_STATE, from, (from & ~3) | state);
    return seen === from ? state : stateOf(seen, from);
  }
}

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
 * A reader copies nothing it does not validate: it reads STATE, then the bytes, then STATE again. Every access to shared words is an Atomics operation
 * (sequentially consistent), which is what orders the bytes between the two reads of STATE, and the writes after STATE was set to FREE.
 *
 * A thread that dies between any two steps blocks nobody: PENDING records are helped or aborted by whoever meets them, entries of dead records are
 * skipped, an overflow counter can only be too high, and `inherit` clears the rest.
 */
import * as L from '../../layout/generated/layout.js';
import { NexusTypeError } from '../../ts-src/errors.js';
import { INSERT_EXISTS, INSERT_FULL, type RoutingTable, type TableEntry, type TableStatistics } from '../../ts-src/ports/engine.js';
import type { SharedMemory } from '../shared-memory.js';
import { halfSipHash } from './half-sip-hash.js';
import { RecordAllocator } from './record-allocator.js';

const RECORD_WORDS = L.RECORD_BYTES / 4;
const BUCKET_WORDS = L.BUCKET_BYTES / 4;
const INLINE_WORDS = L.RECORD_INLINE_BYTES / 4;
const EXTENSION_WORDS = L.EXTENSION_INLINE_BYTES / 4;
/** Buckets a probe may pass before the table counts as full. At its highest load, one half, a probe of 3 is rare. */
const PROBE_BUCKETS_MAX = 64;

export class PortableRoutingTable implements RoutingTable {
  foundGeneration = 0;
  readonly #words: Int32Array;
  readonly #recordsAt: number;
  readonly #bucketsAt: number;
  readonly #bucketMask: number;
  readonly #indexMask: number;
  readonly #tagMask: number;
  readonly #seed0: number;
  readonly #seed1: number;
  readonly #thread: number;
  readonly #capacity: number;
  readonly #allocator: RecordAllocator;
  readonly #keyBytes = Buffer.alloc(L.KEY_BYTES_MAX + 4);
  readonly #keyWords: Int32Array;
  #keyLength = 0;
  /** Hash of a hash collision is looked at once more by key: this is the hash of the key in `#keyWords`. */
  #hash = 0;

  constructor(shared: SharedMemory, thread: number) {
    this.#words = shared.words;
    this.#recordsAt = shared.recordsOffset >> 2;
    this.#bucketsAt = shared.bucketsOffset >> 2;
    this.#bucketMask = shared.bucketCount - 1;
    this.#indexMask = shared.recordCapacity - 1;
    this.#tagMask = ~this.#indexMask;
    this.#capacity = shared.recordCapacity;
    this.#seed0 = shared.words[L.HEADER_WORD_SEED_0] as number;
    this.#seed1 = shared.words[L.HEADER_WORD_SEED_1] as number;
    this.#thread = thread;
    this.#allocator = new RecordAllocator(shared, thread);
    this.#keyWords = new Int32Array(this.#keyBytes.buffer, this.#keyBytes.byteOffset, this.#keyBytes.length / 4);
  }

  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number {
    this.#setKey(key);
    if (payload !== undefined && payload.length > L.PAYLOAD_BYTES_MAX) {
      throw new NexusTypeError('NEXUS_MESSAGE_TOO_LARGE', `the encoded init of agent '${key}' has ${payload.length} bytes; the most is ${L.PAYLOAD_BYTES_MAX}`);
    }
    for (;;) {
      if (this.#probe() !== 0) return INSERT_EXISTS;
      const record = this.#write(kind, payload, parent);
      if (record === 0) return INSERT_FULL;
      if (!this.#publish(record)) {
        this.#setState(record, L.RECORD_STATE_FREE);
        this.#recycle(record);
        return INSERT_FULL;
      }
      const entryAt = Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_ENTRY);
      const outcome = this.#settle(record, this.#state(record), entryAt);
      if (outcome === L.RECORD_STATE_LIVE) return record;
      this.#withdraw(record);
      // Aborted by an insert with an earlier position: look again who won; it may itself have lost to a removal since.
    }
  }

  find(key: string): number {
    this.#setKey(key);
    return this.#probe();
  }

  remove(slot: number, generation: number): boolean {
    if (slot <= 0 || slot >= this.#capacity) return false;
    const stateAt = this.#at(slot) + L.RECORD_WORD_STATE;
    const live = (generation << 2) | L.RECORD_STATE_LIVE;
    if (Atomics.compareExchange(this.#words, stateAt, live, (generation << 2) | L.RECORD_STATE_FREE) !== live) return false;
    this.#unlink(slot);
    this.#recycle(slot);
    return true;
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
    const bytes = this.#copy(slot, generation, false);
    return bytes === undefined ? undefined : bytes.toString('utf8');
  }

  payloadOf(slot: number, generation: number): Uint8Array | undefined {
    const bytes = this.#copy(slot, generation, true);
    return bytes === undefined || bytes.length === 0 ? undefined : bytes;
  }

  *entries(thread?: number): IterableIterator<TableEntry> {
    for (let at = 0; at < (this.#bucketMask + 1) * BUCKET_WORDS; at++) {
      if (at % BUCKET_WORDS === L.BUCKET_WORD_OVERFLOW) continue;
      const record = Atomics.load(this.#words, this.#bucketsAt + at) & this.#indexMask;
      if (record === 0) continue;
      const state = this.#state(record);
      if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
      const owner = Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_OWNER);
      if (Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_ENTRY) !== at || this.#state(record) !== state) continue;
      if (thread !== undefined && owner >>> 16 !== thread) continue;
      yield { slot: record, generation: state >>> 2, thread: owner >>> 16, kind: owner & 0xffff };
    }
  }

  inherit(): TableEntry[] {
    const inherited: TableEntry[] = [];
    const inUse = new Set<number>();
    for (const group of this.#allocator.ownedGroups()) {
      for (let record = Math.max(1, group * L.GROUP_RECORDS); record < (group + 1) * L.GROUP_RECORDS; record++) {
        let state = this.#state(record);
        if ((state & 3) === L.RECORD_STATE_PENDING) {
          this.#changeState(record, state, L.RECORD_STATE_ABORTED);
          state = this.#state(record);
        }
        if ((state & 3) === L.RECORD_STATE_LIVE) {
          const owner = Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_OWNER);
          inherited.push({ slot: record, generation: state >>> 2, thread: owner >>> 16, kind: owner & 0xffff });
          inUse.add(record);
          for (const extension of this.#extensions(record)) inUse.add(extension);
        } else {
          this.#setState(record, L.RECORD_STATE_FREE);
          this.#clearEntry(record);
        }
      }
    }
    this.#allocator.adopt(inUse);
    return inherited;
  }

  statistics(): TableStatistics {
    let live = 0;
    let staleEntries = 0;
    let overflow = 0;
    let probeBucketsMax = 0;
    for (let bucket = 0; bucket <= this.#bucketMask; bucket++) {
      const at = this.#bucketsAt + bucket * BUCKET_WORDS;
      overflow += Atomics.load(this.#words, at + L.BUCKET_WORD_OVERFLOW);
      for (let entry = L.BUCKET_WORD_ENTRIES; entry < BUCKET_WORDS; entry++) {
        const record = Atomics.load(this.#words, at + entry) & this.#indexMask;
        if (record === 0) continue;
        if ((this.#state(record) & 3) === L.RECORD_STATE_LIVE) {
          live++;
          const home = Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_HASH) & this.#bucketMask;
          probeBucketsMax = Math.max(probeBucketsMax, ((bucket - home) & this.#bucketMask) + 1);
        } else staleEntries++;
      }
    }
    let claimed = 0;
    const groupsAt = this.#groupsAt();
    for (let group = 0; group < this.#capacity / L.GROUP_RECORDS; group++) {
      if (Atomics.load(this.#words, groupsAt + group) !== 0) claimed += L.GROUP_RECORDS;
    }
    return { recordCapacity: this.#capacity, live, claimed, staleEntries, overflow, probeBucketsMax };
  }

  #groupsAt(): number {
    return (this.#words[L.HEADER_WORD_GROUPS_OFFSET] as number) >> 2;
  }

  /** Encodes the key into `#keyWords`, zero-padded, and hashes it. */
  #setKey(key: string): void {
    const bytes = this.#keyBytes;
    let length = key.length;
    if (length === 0 || length > L.KEY_BYTES_MAX) throw keyError(length);
    let ascii = true;
    for (let index = 0; index < length; index++) {
      const unit = key.charCodeAt(index);
      if (unit > 127) {
        ascii = false;
        break;
      }
      bytes[index] = unit;
    }
    if (!ascii) {
      length = Buffer.byteLength(key, 'utf8');
      if (length > L.KEY_BYTES_MAX) throw keyError(length);
      bytes.write(key, 0, 'utf8');
    }
    bytes[length] = 0;
    bytes[length + 1] = 0;
    bytes[length + 2] = 0;
    this.#keyLength = length;
    this.#hash = halfSipHash(this.#keyWords, length, this.#seed0, this.#seed1);
  }

  /** Slot of the live record with the current key, or 0. */
  #probe(): number {
    const words = this.#words;
    const hash = this.#hash;
    const tagMask = this.#tagMask;
    let bucket = hash & this.#bucketMask;
    for (let step = 0; step < PROBE_BUCKETS_MAX; step++) {
      const at = this.#bucketsAt + bucket * BUCKET_WORDS;
      for (let entry = 1; entry < BUCKET_WORDS; entry++) {
        const word = Atomics.load(words, at + entry);
        if (word === 0 || ((word ^ hash) & tagMask) !== 0) continue;
        const record = word & this.#indexMask;
        const state = this.#state(record);
        if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
        if (this.#hasKey(record) && this.#state(record) === state) {
          this.foundGeneration = state >>> 2;
          return record;
        }
      }
      if (Atomics.load(words, at + L.BUCKET_WORD_OVERFLOW) === 0) return 0;
      bucket = (bucket + 1) & this.#bucketMask;
    }
    return 0;
  }

  #hasKey(record: number): boolean {
    const words = this.#words;
    const at = this.#at(record);
    if (Atomics.load(words, at + L.RECORD_WORD_HASH) !== this.#hash || Atomics.load(words, at + L.RECORD_WORD_KEY_BYTES) !== this.#keyLength) return false;
    const keyWords = this.#keyWords;
    const count = (this.#keyLength + 3) >>> 2;
    const inline = Math.min(count, INLINE_WORDS);
    for (let index = 0; index < inline; index++) {
      if (Atomics.load(words, at + L.RECORD_WORD_INLINE + index) !== keyWords[index]) return false;
    }
    let done = inline;
    let extension = Atomics.load(words, at + L.RECORD_WORD_EXTENSION) & this.#indexMask;
    while (done < count) {
      const extensionAt = this.#at(extension);
      const here = Math.min(count - done, EXTENSION_WORDS);
      for (let index = 0; index < here; index++) {
        if (Atomics.load(words, extensionAt + L.EXTENSION_WORD_INLINE + index) !== keyWords[done + index]) return false;
      }
      done += here;
      extension = Atomics.load(words, extensionAt + L.EXTENSION_WORD_NEXT) & this.#indexMask;
    }
    return true;
  }

  /** Allocates and fills a record, ending in PENDING under a new generation. 0 if there is no room. */
  #write(kind: number, payload: Uint8Array | undefined, parent: number): number {
    const words = this.#words;
    const record = this.#allocator.allocate();
    if (record === 0) return 0;
    const at = this.#at(record);
    const keyCount = (this.#keyLength + 3) >>> 2;
    const payloadBytes = payload === undefined ? 0 : payload.length;
    const count = keyCount + ((payloadBytes + 3) >>> 2);
    Atomics.store(words, at + L.RECORD_WORD_HASH, this.#hash);
    Atomics.store(words, at + L.RECORD_WORD_OWNER, (this.#thread << 16) | kind);
    Atomics.store(words, at + L.RECORD_WORD_KEY_BYTES, this.#keyLength);
    Atomics.store(words, at + L.RECORD_WORD_PAYLOAD_BYTES, payloadBytes);
    Atomics.store(words, at + L.RECORD_WORD_EXTENSION, 0);
    Atomics.store(words, at + L.RECORD_WORD_ENTRY, 0);
    Atomics.store(words, at + L.RECORD_WORD_PARENT, parent);
    let linkAt = at + L.RECORD_WORD_EXTENSION;
    let inlineAt = at + L.RECORD_WORD_INLINE;
    let room = INLINE_WORDS;
    for (let index = 0; index < count; index++) {
      if (room === 0) {
        const extension = this.#allocator.allocate();
        if (extension === 0) {
          this.#recycle(record);
          return 0;
        }
        Atomics.store(words, this.#at(extension) + L.EXTENSION_WORD_NEXT, 0);
        Atomics.store(words, linkAt, extension);
        linkAt = this.#at(extension) + L.EXTENSION_WORD_NEXT;
        inlineAt = this.#at(extension) + L.EXTENSION_WORD_INLINE;
        room = EXTENSION_WORDS;
      }
      Atomics.store(words, inlineAt++, index < keyCount ? (this.#keyWords[index] as number) : payloadWord(payload as Uint8Array, index - keyCount));
      room--;
    }
    Atomics.store(words, at + L.RECORD_WORD_STATE, (((this.#state(record) >>> 2) + 1) << 2) | L.RECORD_STATE_PENDING);
    return record;
  }

  /** Puts the entry of a pending record into the first free place on its probe path. False if there is none. */
  #publish(record: number): boolean {
    const words = this.#words;
    const word = (this.#hash & this.#tagMask) | record;
    const home = this.#hash & this.#bucketMask;
    for (let step = 0; step < PROBE_BUCKETS_MAX; step++) {
      const bucket = (home + step) & this.#bucketMask;
      const base = bucket * BUCKET_WORDS;
      for (let entry = L.BUCKET_WORD_ENTRIES; entry < BUCKET_WORDS; entry++) {
        if (Atomics.load(words, this.#bucketsAt + base + entry) !== 0) continue;
        // The position first: if this thread dies right after the swap, its successor finds the entry by it.
        Atomics.store(words, this.#at(record) + L.RECORD_WORD_ENTRY, base + entry);
        if (Atomics.compareExchange(words, this.#bucketsAt + base + entry, 0, word) === 0) return true;
      }
      // Before the entry goes beyond this bucket, so that no probe that starts after the entry is there stops short of it.
      Atomics.add(words, this.#bucketsAt + base + L.BUCKET_WORD_OVERFLOW, 1);
    }
    Atomics.store(words, this.#at(record) + L.RECORD_WORD_ENTRY, 0);
    for (let step = 0; step < PROBE_BUCKETS_MAX; step++) {
      Atomics.sub(words, this.#bucketsAt + ((home + step) & this.#bucketMask) * BUCKET_WORDS + L.BUCKET_WORD_OVERFLOW, 1);
    }
    return false;
  }

  /**
   * Brings a published PENDING record with the current key to its end: LIVE, or ABORTED because of another. Called by its owner and, to help, by anyone.
   * `pending` is its state word, `entryAt` the position of its entry. Returns the state it ended in (FREE if it was recycled meanwhile).
   */
  #settle(record: number, pending: number, entryAt: number): number {
    const words = this.#words;
    const home = this.#hash & this.#bucketMask;
    const mine = this.#distance(home, entryAt);
    let bucket = home;
    for (let step = 0; step < PROBE_BUCKETS_MAX; step++) {
      const base = bucket * BUCKET_WORDS;
      for (let entry = L.BUCKET_WORD_ENTRIES; entry < BUCKET_WORDS; entry++) {
        const word = Atomics.load(words, this.#bucketsAt + base + entry);
        const other = word & this.#indexMask;
        if (word === 0 || other === record || ((word ^ this.#hash) & this.#tagMask) !== 0) continue;
        let state = this.#state(other);
        if ((state & 3) !== L.RECORD_STATE_LIVE && (state & 3) !== L.RECORD_STATE_PENDING) continue;
        if (!this.#hasKey(other) || this.#state(other) >>> 2 !== state >>> 2) continue;
        if ((state & 3) === L.RECORD_STATE_PENDING) {
          if (this.#distance(home, base + entry) < mine) this.#settle(other, state, base + entry);
          else this.#changeState(other, state, L.RECORD_STATE_ABORTED);
          state = this.#state(other);
        }
        if ((state & 3) === L.RECORD_STATE_LIVE && this.#hasKey(other)) {
          this.#changeState(record, pending, L.RECORD_STATE_ABORTED);
          return this.#state(record) >>> 2 === pending >>> 2 ? this.#state(record) & 3 : L.RECORD_STATE_FREE;
        }
      }
      if (Atomics.load(words, this.#bucketsAt + base + L.BUCKET_WORD_OVERFLOW) === 0) break;
      bucket = (bucket + 1) & this.#bucketMask;
    }
    this.#changeState(record, pending, L.RECORD_STATE_LIVE);
    return this.#state(record) >>> 2 === pending >>> 2 ? this.#state(record) & 3 : L.RECORD_STATE_FREE;
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

  /** Frees the index entry of a record that is no longer live, then corrects the counters on its path (after: they may be too high, never too low). */
  #unlink(record: number): void {
    const words = this.#words;
    const home = Atomics.load(words, this.#at(record) + L.RECORD_WORD_HASH) & this.#bucketMask;
    const entryAt = Atomics.load(words, this.#at(record) + L.RECORD_WORD_ENTRY);
    Atomics.store(words, this.#bucketsAt + entryAt, 0);
    Atomics.store(words, this.#at(record) + L.RECORD_WORD_ENTRY, 0);
    const last = (entryAt / BUCKET_WORDS) | 0;
    for (let bucket = home; bucket !== last; bucket = (bucket + 1) & this.#bucketMask) {
      Atomics.sub(words, this.#bucketsAt + bucket * BUCKET_WORDS + L.BUCKET_WORD_OVERFLOW, 1);
    }
  }

  /** Clears the entry that a lost thread left for a record that is not live. Its overflow counts stay: too high is harmless. */
  #clearEntry(record: number): void {
    const entryAt = Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_ENTRY);
    if (entryAt <= 0 || entryAt >= (this.#bucketMask + 1) * BUCKET_WORDS || entryAt % BUCKET_WORDS === L.BUCKET_WORD_OVERFLOW) return;
    const word = Atomics.load(this.#words, this.#bucketsAt + entryAt);
    if (word !== 0 && (word & this.#indexMask) === record) Atomics.compareExchange(this.#words, this.#bucketsAt + entryAt, word, 0);
  }

  /** Gives the record and its extensions back to the allocator. */
  #recycle(record: number): void {
    for (const extension of this.#extensions(record)) this.#allocator.release(extension);
    if (this.#state(record) >>> 2 >= L.GENERATION_MAX) this.#allocator.retire(record);
    else this.#allocator.release(record);
  }

  #extensions(record: number): number[] {
    const extensions: number[] = [];
    let extension = Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_EXTENSION);
    while (extension !== 0) {
      extensions.push(extension);
      extension = Atomics.load(this.#words, this.#at(extension) + L.EXTENSION_WORD_NEXT);
    }
    return extensions;
  }

  /** Key or payload of a live record, copied and validated. */
  #copy(slot: number, generation: number, payload: boolean): Buffer | undefined {
    const words = this.#words;
    const live = (generation << 2) | L.RECORD_STATE_LIVE;
    if (slot <= 0 || slot >= this.#capacity || this.#state(slot) !== live) return undefined;
    const at = this.#at(slot);
    const keyBytes = Atomics.load(words, at + L.RECORD_WORD_KEY_BYTES);
    const payloadBytes = Atomics.load(words, at + L.RECORD_WORD_PAYLOAD_BYTES);
    // Lengths of a record that is being recycled may not belong together: validate before they size anything.
    let extension = Atomics.load(words, at + L.RECORD_WORD_EXTENSION);
    if (this.#state(slot) !== live) return undefined;
    const first = payload ? (keyBytes + 3) >>> 2 : 0;
    const length = payload ? payloadBytes : keyBytes;
    const end = first + ((length + 3) >>> 2);
    const copy = new Int32Array(end - first);
    let inlineAt = at + L.RECORD_WORD_INLINE;
    let room = INLINE_WORDS;
    for (let index = 0; index < end; index++) {
      if (room === 0) {
        const extensionAt = this.#at(extension & this.#indexMask);
        extension = Atomics.load(words, extensionAt + L.EXTENSION_WORD_NEXT);
        inlineAt = extensionAt + L.EXTENSION_WORD_INLINE;
        room = EXTENSION_WORDS;
      }
      if (index >= first) copy[index - first] = Atomics.load(words, inlineAt);
      inlineAt++;
      room--;
    }
    return this.#state(slot) === live ? Buffer.from(copy.buffer, 0, length) : undefined;
  }

  #validated(slot: number, generation: number, word: number): number | undefined {
    const live = (generation << 2) | L.RECORD_STATE_LIVE;
    if (slot <= 0 || slot >= this.#capacity || this.#state(slot) !== live) return undefined;
    const value = Atomics.load(this.#words, this.#at(slot) + word);
    return this.#state(slot) === live ? value : undefined;
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

  /** One compare-and-swap from a state word that was read before; nothing happens if it has changed. */
  #changeState(record: number, from: number, state: number): void {
    Atomics.compareExchange(this.#words, this.#at(record) + L.RECORD_WORD_STATE, from, (from & ~3) | state);
  }
}

function payloadWord(payload: Uint8Array, index: number): number {
  const at = index * 4;
  return (payload[at] as number) | ((payload[at + 1] ?? 0) << 8) | ((payload[at + 2] ?? 0) << 16) | ((payload[at + 3] ?? 0) << 24);
}

function keyError(length: number): NexusTypeError {
  return new NexusTypeError('NEXUS_OPTION_INVALID', `id: has ${length} bytes; an id has 1 to ${L.KEY_BYTES_MAX} bytes of UTF-8`);
}

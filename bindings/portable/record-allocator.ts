/**
 * Hands out records of the routing table to one thread. Records come in groups of 256; a group is claimed for a thread by one
 * compare-and-swap on its owner word and then belongs to that thread alone, so that allocating and freeing need no atomics, and a thread that dies
 * leaves nothing half taken: whoever takes its index finds its groups by their owner words. A group that is wholly free goes back when the thread has
 * enough of them. Owned by one thread; not shared.
 */
import * as L from '../../layout/generated/layout.js';
import type { SharedMemory } from '../shared-memory.js';

/** Wholly free groups a thread keeps for itself: at most this many, and all threads together at most a quarter of the table, or a small table would starve. */
const IDLE_GROUPS_MAX = 16;
const IDLE_SHARE = 4;
const NONE: ReadonlySet<number> = new Set();

interface Group {
  readonly first: number;
  /** Free records of the group, as offsets from `first`; a stack. */
  readonly free: Uint8Array;
  freeCount: number;
  /** Records of the group that can be used: 256 less record 0 and the retired ones. */
  usable: number;
  /** In `available`. */
  listed: boolean;
  /** Wholly free, and counted in `#idle`. */
  idle: boolean;
}

export class RecordAllocator {
  readonly #words: Int32Array;
  readonly #ownersAt: number;
  readonly #recordsAt: number;
  readonly #groupCount: number;
  readonly #tag: number;
  readonly #groups = new Map<number, Group>();
  /** Groups with free records; the last one is allocated from. */
  readonly #available: Group[] = [];
  readonly #idleMax: number;
  #hint: number;
  #idle = 0;

  constructor(shared: SharedMemory, thread: number) {
    this.#words = shared.words;
    this.#ownersAt = shared.groupsOffset >> 2;
    this.#recordsAt = shared.recordsOffset >> 2;
    this.#groupCount = shared.recordCapacity / L.GROUP_RECORDS;
    this.#tag = thread + 1;
    this.#idleMax = Math.max(1, Math.min(IDLE_GROUPS_MAX, Math.floor(this.#groupCount / (IDLE_SHARE * shared.threadCount))));
    // Threads start their search at different places, so that they seldom meet.
    this.#hint = Math.floor((this.#groupCount * thread) / shared.threadCount);
  }

  /** Index of a record of this thread, or 0 if the table has none left. */
  allocate(): number {
    let group = this.#available[this.#available.length - 1];
    if (group === undefined) {
      group = this.#claim();
      if (group === undefined) return 0;
    }
    if (group.idle) {
      group.idle = false;
      this.#idle--;
    }
    group.freeCount--;
    const index = group.first + (group.free[group.freeCount] as number);
    if (group.freeCount === 0) {
      group.listed = false;
      this.#available.pop();
    }
    return index;
  }

  /** Whether the owner word gives this group to this thread. */
  owns(group: number): boolean {
    return Atomics.load(this.#words, this.#ownersAt + group) === this.#tag;
  }

  /** Gives back a record that `allocate` returned (or that was inherited). Does nothing with one that cannot be: of another group, or of one that is wholly free. */
  release(index: number): void {
    const group = this.#groups.get(index >>> 8);
    if (group === undefined || group.freeCount >= group.usable) return;
    group.free[group.freeCount++] = index & 255;
    if (!group.listed) {
      group.listed = true;
      this.#available.push(group);
    }
    if (group.freeCount === group.usable) this.#noteIdle(group);
  }

  /** Never hands out this record again: its generations are used up. */
  retire(index: number): void {
    const group = this.#groups.get(index >>> 8);
    if (group === undefined || group.freeCount >= group.usable) return;
    group.usable--;
    if (group.freeCount === group.usable && group.usable > 0) this.#noteIdle(group);
  }

  /** Number of records in groups of this thread. */
  get claimedRecords(): number {
    return this.#groups.size * L.GROUP_RECORDS;
  }

  /** Adopts the groups that the owner words give to this thread. `inUse` tells which records are taken. */
  adopt(inUse: ReadonlySet<number>): void {
    for (let number = 0; number < this.#groupCount; number++) {
      if (!this.owns(number) || this.#groups.has(number)) continue;
      this.#add(number, inUse);
    }
  }

  /** Indices of the groups that the owner words give to this thread. */
  *ownedGroups(): IterableIterator<number> {
    for (let number = 0; number < this.#groupCount; number++) {
      if (this.owns(number)) yield number;
    }
  }

  #claim(): Group | undefined {
    for (let step = 0; step < this.#groupCount; step++) {
      const number = (this.#hint + step) % this.#groupCount;
      // A load first: where most groups are taken, a swap for each would bounce the line of owner words between cores.
      if (Atomics.load(this.#words, this.#ownersAt + number) !== 0) continue;
      if (Atomics.compareExchange(this.#words, this.#ownersAt + number, 0, this.#tag) !== 0) continue;
      this.#hint = (number + 1) % this.#groupCount;
      const group = this.#add(number, NONE);
      if (group.usable > 0) return group;
    }
    return undefined;
  }

  #add(number: number, inUse: ReadonlySet<number>): Group {
    const group: Group = { first: number * L.GROUP_RECORDS, free: new Uint8Array(L.GROUP_RECORDS), freeCount: 0, usable: 0, listed: false, idle: false };
    for (let offset = L.GROUP_RECORDS - 1; offset >= 0; offset--) {
      const index = group.first + offset;
      if (index === 0 || this.#isRetired(index)) continue;
      group.usable++;
      if (!inUse.has(index)) group.free[group.freeCount++] = offset;
    }
    this.#groups.set(number, group);
    if (group.freeCount > 0) {
      group.listed = true;
      this.#available.push(group);
    }
    if (group.freeCount === group.usable && group.usable > 0) {
      group.idle = true;
      this.#idle++;
    }
    return group;
  }

  #noteIdle(group: Group): void {
    group.idle = true;
    if (++this.#idle > this.#idleMax) this.#giveBack(group);
  }

  #isRetired(index: number): boolean {
    const state = Atomics.load(this.#words, this.#recordsAt + index * (L.RECORD_BYTES / 4) + L.RECORD_WORD_STATE);
    return state >>> 2 >= L.GENERATION_MAX && (state & 3) === L.RECORD_STATE_FREE;
  }

  #giveBack(group: Group): void {
    this.#available.splice(this.#available.lastIndexOf(group), 1);
    this.#groups.delete(group.first / L.GROUP_RECORDS);
    this.#idle--;
    Atomics.store(this.#words, this.#ownersAt + group.first / L.GROUP_RECORDS, 0);
  }
}

/**
 * What the runtime needs of an engine: a routing table, and a way to wait for other threads and to wake them. Interfaces only.
 * Engines live in `bindings/`. The rings are not here: their fastest measured form is TypeScript for every engine
 * (`bindings/portable/ring.ts`), and all engines see the same memory.
 */

export type EngineKind = 'native' | 'wasm' | 'portable';

/** Results of `RoutingTable.insert` that are not a slot. */
export const INSERT_EXISTS = -1;
export const INSERT_FULL = -2;

/** An agent found in the table. `slot` and `generation` are its address for as long as it lives. */
export interface TableEntry {
  readonly slot: number;
  readonly generation: number;
  readonly thread: number;
  readonly kind: number;
}

/** Numbers of a name in what `findMany` returns: slot (0 if absent), generation, kind. */
export const FOUND_NUMBERS = 3;
/** Numbers of a name in what `insertMany` returns: slot (or `INSERT_EXISTS` or `INSERT_FULL`), generation. */
export const INSERTED_NUMBERS = 2;

/** Load and shape of a routing table. Counted by walking it: exact where nothing changes meanwhile. All engines report the same. */
export interface TableStatistics {
  /** Records the table can hold, extension records included. One of them is never used. */
  readonly recordCapacity: number;
  /** Live records: one an agent. */
  readonly live: number;
  /** Records that continue a live one: what does not fit into one of a name, and the `init` that is kept for a restart. */
  readonly extensions: number;
  /** Share of all records that are live or extensions, from 0 to 1. At 1 nothing more can be inserted. */
  readonly load: number;
  /** Records in groups that a thread has claimed, live or free. */
  readonly claimed: number;
  /** Live records whose slot had another agent before: the generation is what keeps its old references from reaching this one. */
  readonly reused: number;
  /** Free records, in claimed groups, that had an agent before and wait to be used under the next generation. */
  readonly reclaimed: number;
  /** Records, in claimed groups, whose generations are used up: never used again. */
  readonly retired: number;
  /** Index entries whose record is not live: removals in progress, or left by a thread that died. */
  readonly staleEntries: number;
  /**
   * Sum of the overflow counters of all buckets: how many entries live outside the bucket they hash to, weighted by distance. What other tables have tombstones for:
   * a search goes beyond a bucket only while this is not 0 for it. A removal lowers it again, so there is nothing to clean up.
   */
  readonly overflow: number;
  /** Buckets with an overflow counter that is not 0: a search that comes to one goes on to the next. */
  readonly overflowingBuckets: number;
  /** How many live entries are found in the first bucket that is searched, in the second, ...; the last of the 8 counts all that are further. */
  readonly probeBuckets: readonly number[];
  /** Mean number of buckets that are searched for a live entry; 1 is the best, 0 for an empty table. */
  readonly probeBucketsMean: number;
  /** Longest probe of a live entry, in buckets; 0 for an empty table. */
  readonly probeBucketsMax: number;
}

/**
 * Names of agents to addresses, shared by all threads. Any thread may call `find`; a thread inserts and removes only records of its own.
 * No call waits for another thread, whatever that thread was doing when it stopped.
 */
export interface RoutingTable {
  /**
   * Inserts `key` if it is absent (linearizable with every other insert, find and remove). Returns the slot (≥ 1), `INSERT_EXISTS` or `INSERT_FULL`.
   * The generation of the new record is `generationOf(slot)`.
   * @param key 1 to 1,024 bytes of UTF-8; a longer or empty one is a `TypeError`.
   * @param kind index of the kind, 0 to 65,535.
   * @param payload at most 65,536 bytes kept with the record (the encoded `init`), or undefined.
   * @param parent slot of the agent that spawns this one, 0 for none.
   */
  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number;
  /**
   * `insert` for each name, in this order, each by itself: one that exists or has no room does not keep the next one from being inserted. For lists: an engine fetches
   * the memory of many at once. `INSERTED_NUMBERS` numbers a name. If any name or payload is not one, that is the error of `insert`, and nothing is inserted.
   * @param payloads one for each name, or undefined for none at all.
   */
  insertMany(keys: readonly string[], kind: number, payloads: readonly (Uint8Array | undefined)[] | undefined, parent: number): Int32Array;
  /** Slot of the live agent with this name, or 0. Generation and kind are in `foundGeneration` and `foundKind` until the next call of a method that takes names. */
  find(key: string): number;
  /** Generation of the record that the last successful `find` saw. */
  readonly foundGeneration: number;
  /** Kind index of the record that the last successful `find` saw. */
  readonly foundKind: number;
  /** `find` for each name, each at a moment of its own during the call. `FOUND_NUMBERS` numbers a name, all 0 if it is absent. */
  findMany(keys: readonly string[]): Int32Array;
  /** Removes a record of this thread. False if that generation of it is not live. */
  remove(slot: number, generation: number): boolean;
  /**
   * Gives a live record of this thread to another one: from now on `threadOf` says so everywhere, and only that thread may remove or rehome it. Slot and generation stay.
   * False, and nothing happens, if that generation is not live or not of this thread, or there is no such thread.
   */
  rehome(slot: number, generation: number, thread: number): boolean;
  /** `remove` for each of `addresses`, which are pairs of slot and generation. Returns how many were live and of this thread. */
  removeMany(addresses: Int32Array): number;
  /** Generation of the record as it is now, live or not. */
  generationOf(slot: number): number;
  /** Thread that owns the live agent, or -1 if that generation is not live (a stale reference). One atomic load and one compare before the owner is read. */
  threadOf(slot: number, generation: number): number;
  /** Kind index of the live agent, or -1. */
  kindOf(slot: number, generation: number): number;
  /** Slot of the parent of the live agent, 0 for none or not live. */
  parentOf(slot: number, generation: number): number;
  /** Name of the live agent, or undefined if that generation is not live. */
  keyOf(slot: number, generation: number): string | undefined;
  /** A copy of the payload of the live agent, or undefined if it has none or is not live. */
  payloadOf(slot: number, generation: number): Uint8Array | undefined;
  /** All live agents, of one thread or of all: a snapshot that is exact where nothing changes meanwhile. */
  entries(thread?: number): IterableIterator<TableEntry>;
  /**
   * Takes over what a lost thread with this thread's index left: its groups, its live records in whatever groups (returned, to be started again), and clears what it
   * had half done.
   * For a new thread, before its first insert. Returns an empty list when there was no predecessor.
   */
  inherit(): TableEntry[];
  statistics(): TableStatistics;
}

/**
 * How a thread waits for its rings, and how others wake it. The drain callback must consume what is there and return; it is called on the
 * thread's own event loop, again for as long as a ring has data, and whenever another thread asked for attention.
 */
export interface Waiter {
  /** Starts waiting. `drain` returns true if it left work behind and wants to be called again without blocking. */
  start(drain: () => boolean): void;
  /** Wakes another thread if it is parked. Cheap when it is not: one atomic load. */
  wake(thread: number): void;
  /**
   * Wakes a thread whatever its PARKED mark says, or does nothing if it does not wait. After the loss of another thread: that one may have taken the mark, which
   * makes it the one to wake, and not got so far.
   */
  rouse(thread: number): void;
  /** Stops waiting and releases every handle. After it `drain` is not called again. Idempotent. */
  stop(): void;
}

/** What one thread uses of an engine, bound to its memory and its index. */
export interface EngineThread {
  readonly kind: EngineKind;
  readonly table: RoutingTable;
  readonly waiter: Waiter;
}

/** Why this engine runs. */
export interface EngineReport {
  readonly kind: EngineKind;
  /** One sentence: chosen because it is the best that loads, or forced, or a fallback and why. */
  readonly reason: string;
  /** What was tried before and failed, best first. */
  readonly tried: readonly { readonly kind: EngineKind; readonly error: string }[];
}

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

export interface TableStatistics {
  /** Records the table can hold, extension records included. */
  readonly recordCapacity: number;
  /** Live records. */
  readonly live: number;
  /** Records in groups that a thread has claimed, live or free. */
  readonly claimed: number;
  /** Index entries whose record is not live: removals in progress, or left by a thread that died. */
  readonly staleEntries: number;
  /** Sum of the overflow counters of all buckets: how many entries live outside the bucket they hash to, weighted by distance. */
  readonly overflow: number;
  /** Longest probe of a live entry, in buckets; 1 is the best. */
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
  /** Slot of the live agent with this name, or 0. Its generation is in `foundGeneration` until the next call of `find` on this object. */
  find(key: string): number;
  /** Generation of the record that the last successful `find` saw. */
  foundGeneration: number;
  /** Removes a record of this thread. False if that generation of it is not live. */
  remove(slot: number, generation: number): boolean;
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
   * Takes over what a lost thread with this thread's index left: its groups, its live records (returned, to be started again), and clears what it had half done.
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

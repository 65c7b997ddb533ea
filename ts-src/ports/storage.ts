/**
 * What the runtime needs of durable storage: the last snapshot of an agent, the events since, and its reminders. Storage sees bytes; what they mean is the runtime's. A source
 * is what the user names (`createNexus({ storage })`); opening it on the calling thread gives the one `Storage` of a nexus; each thread works with a `ThreadStorage` of its own.
 */
import type { Transferable } from 'node:worker_threads';

/** Longest kind, in bytes of UTF-8. */
export const STORED_KIND_BYTES_MAX = 300;
/** Longest id of a stored agent, in bytes of UTF-8. */
export const STORED_ID_BYTES_MAX = 1024;
/** Longest name of a reminder, in bytes of UTF-8. */
export const REMINDER_NAME_BYTES_MAX = 256;
/** Largest state, event or input of a reminder, in bytes. */
export const STORED_VALUE_BYTES_MAX = 64 * 1024 * 1024;
/** Bytes that a thread may have given to `write` and not got an answer for; beyond it `write` rejects with NEXUS_STORE_FAILED. At least one batch is always taken. */
export const WAITING_BYTES_MAX = 256 * 1024 * 1024;
/** What a record costs in that count beside its bytes. */
export const WAITING_BYTES_PER_WRITE = 64;

/** The state of an agent as it was after a change. */
export interface StoredSnapshot {
  /** 0 to 4,294,967,295. */
  readonly schemaVersion: number;
  /** Number of changes so far: a whole number from 0 to 2^53 - 1. */
  readonly sequence: number;
  readonly state: Uint8Array;
}

/** A change of an agent that is kept as events. */
export interface StoredEvent {
  /** The change that the event is: a whole number from 1 to 2^53 - 1. */
  readonly sequence: number;
  readonly schemaVersion: number;
  readonly event: Uint8Array;
}

/** What is stored of an agent, but for its reminders. */
export interface StoredAgent {
  readonly snapshot: StoredSnapshot | undefined;
  /** Those after the snapshot, in order of their sequence. */
  readonly events: readonly StoredEvent[];
}

/** A reminder as it is stored. */
export interface Reminder {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970, not negative. One in the past is due at once. */
  readonly dueEpochMs: number;
  /** 0: once. */
  readonly periodMs: number;
  readonly action: string;
  readonly input: Uint8Array | undefined;
}

/** Which write of which activation: a later activation of an agent has a greater token, and counts its writes. */
export interface StateVersion {
  /** Fencing token of the activation: a whole number from 1 to 2^53 - 1. */
  readonly token: number;
  /** A whole number from 0 to 2^53 - 1. Several writes may be of the same. */
  readonly revision: number;
}

/**
 * What a write of an agent carries in a cluster. The store keeps the greatest token that it has seen of each agent, also of one that was deleted, and refuses a batch with a write of a lower one, or of the
 * same token and a lower revision than the last. A write without a version is never refused; where the agent has one, it counts as its next revision.
 */
export interface Versioned {
  readonly version?: StateVersion | undefined;
}

/** A part of a batch. */
export type StorageWrite =
  /** Replaces the snapshot before, and the events up to its sequence. */
  | ({ readonly type: 'snapshot'; readonly kind: string; readonly id: string; readonly snapshot: StoredSnapshot } & Versioned)
  /** Replaces an event of the same sequence. */
  | ({ readonly type: 'event'; readonly kind: string; readonly id: string; readonly event: StoredEvent } & Versioned)
  /** The agent with its events and reminders. Nothing, if there is none. With a version, that and when it was deleted (0 if that is not said) stay known. */
  | ({ readonly type: 'delete'; readonly kind: string; readonly id: string; readonly epochMs?: number | undefined } & Versioned)
  /** Replaces the reminder of this kind, id and name. The agent need not be stored. */
  | ({ readonly type: 'setReminder'; readonly reminder: Reminder } & Versioned)
  /** Nothing, if there is none. */
  | ({ readonly type: 'clearReminder'; readonly kind: string; readonly id: string; readonly name: string } & Versioned)
  /** From now on lower tokens are refused. Changes nothing else. */
  | { readonly type: 'fence'; readonly kind: string; readonly id: string; readonly token: number }
  /** As if the agent had never been here, its token too; nothing, if its version is another one by now (`token` and `revision` 0: it has none). */
  | { readonly type: 'drop'; readonly kind: string; readonly id: string; readonly version: StateVersion };

/** What a store knows of the writes of an agent. */
export interface StoredVersion extends StateVersion {
  /** Greatest token that was seen: not below `token`, which is that of the last write. Both are 0 if there was never one with a version. */
  readonly seenToken: number;
  /** It was deleted; undefined while it is stored. */
  readonly deletedEpochMs: number | undefined;
}

/** Stored agents, and what there is of them. */
export interface StorageCounts {
  readonly agents: number;
  readonly events: number;
  readonly reminders: number;
  /** What the store occupies on disk; 0 for one that is not on disk. */
  readonly bytes: number;
}

/** The store as one thread sees it. Only that thread calls it. */
export interface ThreadStorage {
  /**
   * What is stored of an agent, or undefined. Synchronous: a read of an embedded store takes microseconds. Sees every write that `write` of any thread has resolved for.
   * The bytes belong to the caller. @throws NexusError NEXUS_STORE_CORRUPT, with kind and id, if the bytes are not those that were written.
   */
  load(kind: string, id: string): StoredAgent | undefined;
  /** Whether a snapshot or an event is stored, without reading it. */
  has(kind: string, id: string): boolean;
  /**
   * One atomic transaction; resolves when it is on disk (fsync). The bytes are copied before it returns. Batches of one thread take effect in the order of the calls.
   * Rejects with NEXUS_STORE_FULL or NEXUS_STORE_FAILED: nothing of the batch is there then, nor of those of this thread that were called after it and before its promise
   * was rejected (they reject with the same code): what was written in the belief that this one succeeded does not get ahead of it. A batch that is not one
   * (a name too long, a sequence below 0) rejects with a NexusTypeError NEXUS_OPTION_INVALID and holds up nothing. One that has a write of an activation that a later one has followed rejects with
   * NEXUS_TOKEN_STALE, with `data` of the first such agent (`kind`, `id`, `token`, `seenToken`); nothing of it is there, and it holds up nothing.
   */
  write(batch: readonly StorageWrite[]): Promise<void>;
  /** Of an agent that is stored, or of which a token is known; undefined otherwise. */
  versionOf(kind: string, id: string): StoredVersion | undefined;
  /** Of all of which `versionOf` says something, in no order that is promised, lazily; exact where nothing is written meanwhile, as `agents`. */
  versions(): IterableIterator<{ readonly kind: string; readonly id: string } & StoredVersion>;
  /**
   * Reminders due up to that time, earliest first, at most `countMax`; those of the same time in an order that is always the same.
   * @param isWanted asked before a reminder is counted: others are passed over
   */
  remindersDue(untilEpochMs: number, countMax: number, isWanted?: (kind: string, id: string) => boolean): readonly Reminder[];
  /** Reminders of one agent, by the UTF-8 bytes of their names. */
  remindersOf(kind: string, id: string): readonly Reminder[];
  /** Of the earliest reminder, or undefined. */
  nextReminderEpochMs(): number | undefined;
  /**
   * Stored agents, of one kind or of all, grouped by kind, ids in order of their UTF-8 bytes, lazily: for tools. Exact where nothing is written meanwhile; one that
   * is stored all the time is there once.
   */
  agents(kind?: string): IterableIterator<{ readonly kind: string; readonly id: string }>;
  /** Counts by looking at each key of the kind, or of all: for tools. */
  counts(kind?: string): StorageCounts;
  /** Resolves when all that was written before has its answer. After it every call fails with NEXUS_STORE_FAILED. Idempotent. */
  close(): Promise<void>;
}

/** What a worker thread needs to open the same store: it imports `module` and calls its `openAttachment(data)`, which resolves to a `ThreadStorage`. */
export interface StorageAttachment {
  /** URL of an ES module that exports `openAttachment`, an `OpenAttachment`. */
  readonly module: string;
  /** To be cloned to the worker, with `transferList`. Good for one thread, once. */
  readonly data: unknown;
  readonly transferList: readonly Transferable[];
}

export type OpenAttachment = (data: unknown) => Promise<ThreadStorage>;

/** A store that this nexus owns, from `open` of its source to `close`. */
export interface Storage {
  /** For messages, such as `LMDB at /var/lib/shop`. */
  readonly description: string;
  /** For the thread that opened the source. Each call is a `ThreadStorage` of its own. */
  openThread(): ThreadStorage;
  /** For a worker thread; a new one for each, and for each successor of one that was lost. @throws NexusError NEXUS_STORE_UNAVAILABLE if other threads cannot see this store. */
  attachment(): StorageAttachment;
  /** Ends all that this thread opened, waits for writes of the others, and gives the store free. Idempotent. */
  close(): Promise<void>;
}

/** What the user gives to `createNexus({ storage })`, besides a path. */
export interface StorageSource {
  readonly description: string;
  /**
   * Creates the store if there is none. Rejects with NEXUS_STORE_UNAVAILABLE, NEXUS_STORE_FOREIGN, NEXUS_STORE_VERSION, NEXUS_STORE_CORRUPT, NEXUS_STORE_LOCKED or
   * NEXUS_STORE_FAILED; whatever is there is untouched then.
   */
  open(): Promise<Storage>;
  /** All nodes of a cluster open the same store, each by a source of its own: it keeps what it is given safe by itself, so that nothing is copied from node to node. Default false. */
  readonly isShared?: boolean;
}

/** What may be given as one: has the shape of a source. */
export function isStorageSource(value: unknown): value is StorageSource {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as StorageSource).open === 'function' &&
    typeof (value as StorageSource).description === 'string'
  );
}

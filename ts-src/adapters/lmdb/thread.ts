/**
 * The store as one thread sees it. Reads are its own, from the memory map, in a snapshot that it renews when the writer has committed since; writes go to the writer, and their
 * promises wait for its answers in order. `openAttachment` is what a worker calls.
 */
import type { MessagePort } from 'node:worker_threads';
import { NexusError } from '../../errors.js';
import {
  type Reminder,
  type StorageCounts,
  type StorageWrite,
  type StoredAgent,
  type StoredEvent,
  type StoredVersion,
  type ThreadStorage,
  WAITING_BYTES_MAX,
} from '../../ports/storage.js';
import { agentOfName, checkBatch } from '../stored-names.js';
import { tokenStale, UNVERSIONED } from '../stored-versions.js';
import { encodeBatch } from './batch-bytes.js';
import { type Database, type KeyRange, isFull, loadLmdb, messageOf, openEnvironment } from './environment.js';
import type { BatchAnswer, BatchMessage, LmdbAttachment } from './protocol.js';
import {
  ALL_DUE,
  ALL_VERSIONS,
  RecordType,
  bodyOf,
  decodeReminder,
  decodeVersion,
  dueOfKey,
  eventPrefix,
  eventsAfter,
  isRecord,
  keysOf,
  mayHaveEvents,
  namesOfReminder,
  reminderOfDueKey,
  reminderPrefix,
  schemaVersionOf,
  sequenceOf,
  snapshotKey,
  startingWith,
  versionKey,
  versionKeyOfSnapshot,
} from './records.js';

/** Keys that an iteration reads at once; between two such reads nothing of the store is held. */
const PAGE_KEYS = 1000;

export async function openAttachment(data: unknown): Promise<ThreadStorage> {
  const { path, port, commits } = data as LmdbAttachment;
  return new LmdbThread(openEnvironment(await loadLmdb(), path), path, port, commits);
}

interface WaitingBatch {
  readonly number: number;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class LmdbThread implements ThreadStorage {
  readonly #database: Database;
  readonly #path: string;
  readonly #port: MessagePort;
  readonly #commits: Int32Array;
  #seenCommits = -1;
  /** In order of their numbers. */
  #waiting: WaitingBatch[] = [];
  #waitingBytes = 0;
  #lastNumber = 0;
  #epoch = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #writerGone = false;
  #closed: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(database: Database, path: string, port: MessagePort, commits: SharedArrayBuffer) {
    this.#database = database;
    this.#path = path;
    this.#port = port;
    this.#commits = new Int32Array(commits);
    port.on('message', (answer: BatchAnswer) => this.#answered(answer));
    port.on('close', () => this.#lost());
    // It keeps the process alive only while something waits for it.
    port.unref();
  }

  load(kind: string, id: string): StoredAgent | undefined {
    const database = this.#fresh();
    const key = snapshotKey(kind, id);
    const value = database.getBinary(key);
    if (value === undefined) return undefined;
    if (!isRecord([RecordType.snapshot, RecordType.eventsOnly], key, value)) throw this.#corrupt(`the stored state of ${kind} '${id}'`, { kind, id });
    const isSnapshot = value[0] === RecordType.snapshot;
    const sequence = sequenceOf(value);
    const events = mayHaveEvents(value) ? this.#events(kind, id, sequence) : [];
    return { snapshot: isSnapshot ? { schemaVersion: schemaVersionOf(value), sequence, state: new Uint8Array(bodyOf(value)) } : undefined, events };
  }

  #events(kind: string, id: string, sequence: number): StoredEvent[] {
    const events: StoredEvent[] = [];
    for (const { key, value } of this.#database.getRange(eventsAfter(eventPrefix(kind, id), sequence))) {
      if (!isRecord([RecordType.event], key, value)) throw this.#corrupt(`a stored event of ${kind} '${id}'`, { kind, id });
      events.push({ sequence: sequenceOf(value), schemaVersion: schemaVersionOf(value), event: new Uint8Array(bodyOf(value)) });
    }
    return events;
  }

  has(kind: string, id: string): boolean {
    return this.#fresh().getBinaryFast(snapshotKey(kind, id)) !== undefined;
  }

  async write(batch: readonly StorageWrite[]): Promise<void> {
    this.#check();
    const bytes = checkBatch(batch);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES_MAX)
      throw new NexusError('NEXUS_STORE_FAILED', `${this.#waitingBytes} bytes of this thread wait to be stored already: wait for some writes before the next`, {
        data: { waitingBytes: this.#waitingBytes },
      });
    if (this.#writerGone) throw this.#gone();
    this.#lastNumber += 1;
    const message: BatchMessage = { number: this.#lastNumber, epoch: this.#epoch, operations: batch.length, bytes: encodeBatch(batch) };
    if (this.#waiting.length === 0) this.#port.ref();
    this.#waitingBytes += bytes;
    this.#port.postMessage(message, [message.bytes]);
    return new Promise((resolve, reject) => this.#waiting.push({ number: message.number, bytes, resolve, reject }));
  }

  versionOf(kind: string, id: string): StoredVersion | undefined {
    const database = this.#fresh();
    const key = versionKey(kind, id);
    const value = database.getBinary(key);
    if (value !== undefined) return this.#version(key, value);
    return database.getBinaryFast(snapshotKey(kind, id)) === undefined ? undefined : UNVERSIONED;
  }

  *versions(): IterableIterator<{ readonly kind: string; readonly id: string } & StoredVersion> {
    for (const key of this.#pages(ALL_VERSIONS())) {
      const value = this.#fresh().getBinary(key);
      if (value !== undefined) yield { ...agentOfName(key.subarray(1)), ...this.#version(key, value) };
    }
    for (const key of this.#pages(keysOf('snapshot'))) {
      if (this.#fresh().getBinaryFast(versionKeyOfSnapshot(key)) === undefined) yield { ...agentOfName(key.subarray(1)), ...UNVERSIONED };
    }
  }

  #version(key: Buffer, value: Buffer): StoredVersion {
    if (isRecord([RecordType.version], key, value)) return decodeVersion(value);
    const names = agentOfName(key.subarray(1));
    throw this.#corrupt(`what is known of the versions of ${names.kind} '${names.id}'`, names);
  }

  remindersDue(untilEpochMs: number, countMax: number, isWanted?: (kind: string, id: string) => boolean): readonly Reminder[] {
    const database = this.#fresh();
    const due: Reminder[] = [];
    for (const place of this.#pages(ALL_DUE)) {
      if (due.length >= countMax || dueOfKey(place) > untilEpochMs) break;
      const key = reminderOfDueKey(place);
      if (isWanted !== undefined) {
        const { kind, id } = namesOfReminder(key);
        if (!isWanted(kind, id)) continue;
      }
      const value = database.getBinary(key);
      if (value === undefined) continue;
      due.push(this.#reminder(key, value));
    }
    return due;
  }

  remindersOf(kind: string, id: string): readonly Reminder[] {
    const database = this.#fresh();
    return [...database.getRange(startingWith(reminderPrefix(kind, id)))].map(({ key, value }) => this.#reminder(key, value));
  }

  nextReminderEpochMs(): number | undefined {
    for (const place of this.#fresh().getKeys({ ...ALL_DUE, limit: 1 })) return dueOfKey(place);
    return undefined;
  }

  *agents(kind?: string): IterableIterator<{ readonly kind: string; readonly id: string }> {
    for (const key of this.#pages(keysOf('snapshot', kind))) yield agentOfName(key.subarray(1));
  }

  counts(kind?: string): StorageCounts {
    const database = this.#fresh();
    const { lastPageNumber, pageSize } = database.getStats();
    const count = (what: 'snapshot' | 'event' | 'reminder'): number => database.getKeysCount(keysOf(what, kind));
    return { agents: count('snapshot'), events: count('event'), reminders: count('reminder'), bytes: (lastPageNumber + 1) * pageSize };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#state = 'closing';
    if (this.#waiting.length > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.#state = 'closed';
    this.#port.close();
    await this.#database.close();
  }

  /** The database in a snapshot that has every commit of which anybody can know. */
  #fresh(): Database {
    this.#check();
    const commits = Atomics.load(this.#commits, 0);
    if (commits !== this.#seenCommits) {
      this.#seenCommits = commits;
      this.#database.resetReadTxn();
    }
    return this.#database;
  }

  *#pages(range: KeyRange): Generator<Buffer> {
    let { start } = range;
    for (;;) {
      const keys = [...this.#fresh().getKeys({ start, end: range.end, limit: PAGE_KEYS })];
      yield* keys;
      if (keys.length < PAGE_KEYS) return;
      start = Buffer.concat([keys.at(-1) as Buffer, Buffer.alloc(1)]);
    }
  }

  #reminder(key: Buffer, value: Buffer): Reminder {
    if (isRecord([RecordType.reminder], key, value)) return decodeReminder(key, value);
    const names = namesOfReminder(key);
    throw this.#corrupt(`the reminder '${names.name}' of ${names.kind} '${names.id}'`, names);
  }

  #answered({ through, failure, stale }: BatchAnswer): void {
    if (stale !== undefined) return this.#stale(stale);
    let count = 0;
    for (const batch of this.#waiting) {
      if (batch.number > through) break;
      count += 1;
      batch.resolve();
    }
    this.#forget(count);
    if (failure === undefined) return;
    this.#epoch = failure.epoch;
    const { full, message } = failure;
    const code = full ? 'NEXUS_STORE_FULL' : 'NEXUS_STORE_FAILED';
    this.#rejectAll(
      () =>
        new NexusError(
          code,
          full
            ? `there is no room in the store at ${this.#path}: ${message}; make room on the disk and write again`
            : `the store at ${this.#path} failed: ${message}`,
          { data: { path: this.#path } },
        ),
    );
  }

  #stale({ number, kind, id, token, seenToken }: NonNullable<BatchAnswer['stale']>): void {
    const at = this.#waiting.findIndex((batch) => batch.number === number);
    const batch = this.#waiting[at];
    if (batch === undefined) return;
    batch.reject(tokenStale(kind, id, token, seenToken));
    this.#waiting.splice(at, 1);
    this.#waitingBytes -= batch.bytes;
    this.#forget(0);
  }

  #rejectAll(error: () => NexusError): void {
    for (const batch of this.#waiting) batch.reject(error());
    this.#forget(this.#waiting.length);
  }

  #forget(count: number): void {
    for (const batch of this.#waiting.splice(0, count)) this.#waitingBytes -= batch.bytes;
    if (this.#waiting.length > 0) return;
    this.#port.unref();
    this.#drained?.();
  }

  #lost(): void {
    this.#writerGone = true;
    if (this.#state !== 'closed') this.#rejectAll(() => this.#gone());
  }

  #gone(): NexusError {
    return new NexusError('NEXUS_STORE_FAILED', `the writer of the store at ${this.#path} has ended: open the store again`, { data: { path: this.#path } });
  }

  #corrupt(what: string, data: Record<string, unknown>): NexusError {
    return new NexusError('NEXUS_STORE_CORRUPT', `${what} in ${this.#path} is not what was written: its checksum does not match; restore a backup`, {
      data: { ...data, path: this.#path },
    });
  }

  #check(): void {
    if (this.#state !== 'open')
      throw new NexusError('NEXUS_STORE_FAILED', `the store at ${this.#path} is closed: the nexus has stopped`, { data: { path: this.#path } });
  }
}

/** An error of LMDB while opening, as ours. */
export function openError(path: string, cause: unknown): NexusError {
  if (cause instanceof NexusError) return cause;
  const message = messageOf(cause);
  if (isFull(cause))
    return new NexusError('NEXUS_STORE_FULL', `there is no room to open the store at ${path}: ${message}; make room on the disk`, { cause, data: { path } });
  if (/MDB_INVALID|MDB_CORRUPTED|MDB_PAGE_NOTFOUND|MDB_VERSION_MISMATCH|not an LMDB/i.test(message))
    return new NexusError('NEXUS_STORE_CORRUPT', `the store at ${path} cannot be read: ${message}; it was left as it is: restore a backup`, {
      cause,
      data: { path },
    });
  return new NexusError('NEXUS_STORE_FAILED', `the store at ${path} cannot be opened: ${message}; see that its directory can be written`, {
    cause,
    data: { path },
  });
}

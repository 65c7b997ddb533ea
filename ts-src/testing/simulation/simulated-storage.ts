/**
 * A store for durable agents on a simulated disk: what the port promises is computed from bytes that the disk may lose, tear, refuse or change. Writes are records of a log
 * (`simulated-log.ts`); where each record is stays in memory, and the record is read from the disk whenever it is asked for. Opening reads the log from its beginning; it is
 * never made shorter. For simulations: the store of one node, seen by the threads of one life of it. The store of tests without a disk is `memoryStorage`.
 */
import { agentName, checkBatch } from '../../adapters/stored-names.js';
import { NexusError } from '../../errors.js';
import {
  type Reminder,
  type Storage,
  type StorageAttachment,
  type StorageCounts,
  type StorageSource,
  type StorageWrite,
  type StoredAgent,
  type StoredVersion,
  type ThreadStorage,
  WAITING_BYTES_MAX,
} from '../../ports/storage.js';
import { DiskError, type SimulatedDisk } from './simulated-disk.js';
import { isUncertain, type RecordPlace, SimulatedLog } from './simulated-log.js';
import { type IndexedAgent, StoredIndex } from './stored-index.js';
import { decodeName, type EncodedWrite, encodeWrite } from './stored-records.js';

const FILE = 'store.log';

/** A store on this disk: the option `storage` of a nexus in a simulation. Made anew for each life of the node. */
export function simulatedStorage(disk: SimulatedDisk, broken: () => void = () => undefined): StorageSource {
  const { life } = disk;
  return {
    description: 'a simulated disk',
    open: async () => {
      if (disk.life !== life) throw gone();
      if (!disk.lock(FILE)) throw new NexusError('NEXUS_STORE_LOCKED', 'another nexus has the simulated store open: stop it first');
      try {
        await disk.turn();
        const log = await SimulatedLog.open(disk, FILE);
        const index = new StoredIndex();
        for (const record of log.records()) index.apply(decodeName(record.type, record.name), record);
        return new SimulatedStore(disk, log, index, broken);
      } catch (error) {
        disk.unlock(FILE);
        throw storeError(error);
      }
    },
  };
}

interface WaitingBatch {
  readonly thread: SimulatedThreadStorage;
  readonly records: readonly EncodedWrite[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface AppendedBatch {
  readonly batch: WaitingBatch;
  readonly places: readonly RecordPlace[];
}

class SimulatedStore implements Storage {
  readonly description = 'a simulated disk';
  readonly log: SimulatedLog;
  readonly index: StoredIndex;
  readonly #disk: SimulatedDisk;
  readonly #life: number;
  readonly #threads: SimulatedThreadStorage[] = [];
  #queue: WaitingBatch[] = [];
  #isWriting = false;
  #isClosed = false;
  /** It cannot be known what the end of the log is: nothing may be written behind it. */
  #isBroken = false;

  constructor(
    disk: SimulatedDisk,
    log: SimulatedLog,
    index: StoredIndex,
    readonly broken: () => void,
  ) {
    this.#disk = disk;
    this.#life = disk.life;
    this.log = log;
    this.index = index;
  }

  get isGone(): boolean {
    return this.#isClosed || this.#disk.life !== this.#life;
  }

  openThread(): ThreadStorage {
    if (this.isGone) throw gone();
    const thread = new SimulatedThreadStorage(this);
    this.#threads.push(thread);
    return thread;
  }

  attachment(): StorageAttachment {
    throw new NexusError(
      'NEXUS_STORE_UNAVAILABLE',
      'a simulated disk is in the heap of one thread and workers cannot see it: use threads: 0, or the test nexus',
    );
  }

  async close(): Promise<void> {
    if (this.isGone) return;
    await Promise.all(this.#threads.map((thread) => thread.close()));
    if (this.isGone) return;
    this.#isClosed = true;
    this.#disk.unlock(FILE);
  }

  enqueue(batch: WaitingBatch): void {
    this.#queue.push(batch);
    if (!this.#isWriting) void this.#writeAll();
  }

  /** What has come meanwhile is written together. Not within the call of `write`: nobody may rely on having it stored at once. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0) {
      await this.#disk.turn();
      const appended: AppendedBatch[] = [];
      const versions = new Map<string, StoredVersion | undefined>();
      // A batch that fails takes those of its thread with it out of the queue.
      for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) this.#append(batch, appended, versions);
      if (appended.length > 0) await this.#commit(appended);
    }
    this.#isWriting = false;
  }

  #append(batch: WaitingBatch, appended: AppendedBatch[], versions: Map<string, StoredVersion | undefined>): void {
    try {
      if (this.#isBroken) throw new DiskError('EIO', 'what was written last cannot be known; open the store again');
      const stale = this.index.stale(
        batch.records.map(({ write }) => write),
        versions,
      );
      if (stale !== undefined) {
        batch.thread.answered(batch.bytes);
        return batch.reject(stale);
      }
      appended.push({ batch, places: batch.records.length === 0 ? [] : this.log.append(batch.records) });
    } catch (error) {
      this.#fail(batch, error);
    }
  }

  async #commit(appended: readonly AppendedBatch[]): Promise<void> {
    try {
      if (appended.some(({ places }) => places.length > 0)) await this.log.commit();
    } catch (error) {
      this.#isBroken = isUncertain(error);
      if (this.#isBroken) this.broken();
      for (const { batch } of appended) this.#fail(batch, error);
      return;
    }
    for (const { batch, places } of appended) {
      for (const [at, place] of places.entries()) this.index.apply((batch.records[at] as EncodedWrite).write, place);
      batch.thread.answered(batch.bytes);
      batch.resolve();
    }
  }

  #fail(failed: WaitingBatch, error: unknown): void {
    const later = this.#queue.filter(({ thread }) => thread === failed.thread);
    this.#queue = this.#queue.filter(({ thread }) => thread !== failed.thread);
    for (const batch of [failed, ...later]) {
      batch.thread.answered(batch.bytes);
      batch.reject(storeError(error));
    }
  }
}

class SimulatedThreadStorage implements ThreadStorage {
  readonly #store: SimulatedStore;
  #isClosed = false;
  #waitingBytes = 0;
  /** All that was written so far has its answer. */
  #last: Promise<void> = Promise.resolve();

  constructor(store: SimulatedStore) {
    this.#store = store;
  }

  load(kind: string, id: string): StoredAgent | undefined {
    const agent = this.#index().agent(agentName(kind, id));
    if (agent === undefined) return undefined;
    const { snapshot } = agent;
    const bytesAt = (place: RecordPlace): Uint8Array => this.#value(place, `the stored state of ${kind} '${id}'`, { kind, id });
    return {
      snapshot: snapshot && { schemaVersion: snapshot.schemaVersion, sequence: snapshot.sequence, state: bytesAt(snapshot.place) },
      events: agent.events
        .filter(({ sequence }) => sequence > (snapshot?.sequence ?? 0))
        .map(({ schemaVersion, sequence, place }) => ({ schemaVersion, sequence, event: bytesAt(place) })),
    };
  }

  has(kind: string, id: string): boolean {
    return this.#index().agent(agentName(kind, id)) !== undefined;
  }

  async write(batch: readonly StorageWrite[]): Promise<void> {
    this.#index();
    const bytes = checkBatch(batch);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES_MAX)
      throw new NexusError('NEXUS_STORE_FAILED', `${this.#waitingBytes} bytes of this thread wait to be stored already: wait for some writes before the next`, {
        data: { waitingBytes: this.#waitingBytes },
      });
    this.#waitingBytes += bytes;
    const records = batch.map(encodeWrite);
    const written = new Promise<void>((resolve, reject) => this.#store.enqueue({ thread: this, records, bytes, resolve, reject }));
    const settled = (): void => undefined;
    const before = this.#last;
    // One may be refused while one before it is still being written.
    this.#last = written.then(settled, settled).then(() => before);
    return written;
  }

  answered(bytes: number): void {
    this.#waitingBytes -= bytes;
  }

  versionOf(kind: string, id: string): StoredVersion | undefined {
    return this.#index().version(agentName(kind, id));
  }

  *versions(): IterableIterator<{ readonly kind: string; readonly id: string } & StoredVersion> {
    for (const { kind, id, name } of this.#index().names()) {
      const version = this.#index().version(name);
      if (version !== undefined) yield { kind, id, ...version };
    }
  }

  remindersDue(untilEpochMs: number, countMax: number, isWanted: (kind: string, id: string) => boolean = () => true): readonly Reminder[] {
    return this.#index()
      .remindersDue(untilEpochMs)
      .filter(({ reminder }) => isWanted(reminder.kind, reminder.id))
      .slice(0, countMax)
      .map(({ reminder, place }) => this.#reminder(reminder, place));
  }

  remindersOf(kind: string, id: string): readonly Reminder[] {
    return this.#index()
      .remindersOf(kind, id)
      .map(({ reminder, place }) => this.#reminder(reminder, place));
  }

  nextReminderEpochMs(): number | undefined {
    return this.#index().remindersDue(Number.POSITIVE_INFINITY)[0]?.reminder.dueEpochMs;
  }

  *agents(kind?: string): IterableIterator<{ readonly kind: string; readonly id: string }> {
    for (const agent of this.#index().agents(kind)) {
      if (this.#index().agent(agent.name) !== undefined) yield { kind: agent.kind, id: agent.id };
    }
  }

  counts(kind?: string): StorageCounts {
    const agents: readonly IndexedAgent[] = this.#index().agents(kind);
    const reminders = this.#index()
      .remindersDue(Number.POSITIVE_INFINITY)
      .filter(({ reminder }) => kind === undefined || reminder.kind === kind);
    return {
      agents: agents.length,
      events: agents.reduce((sum, agent) => sum + agent.events.length, 0),
      reminders: reminders.length,
      bytes: this.#store.log.bytes,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }

  #index(): StoredIndex {
    if (this.#isClosed || this.#store.isGone) throw gone();
    return this.#store.index;
  }

  #reminder(reminder: Reminder, place: RecordPlace): Reminder {
    const { kind, id, name } = reminder;
    const input = this.#value(place, `the reminder '${name}' of ${kind} '${id}'`, { kind, id, name });
    return { ...reminder, input: reminder.input && input };
  }

  #value(place: RecordPlace, what: string, data: Record<string, unknown>): Uint8Array {
    let value: Buffer | undefined;
    try {
      value = this.#store.log.valueAt(place);
    } catch (error) {
      throw storeError(error);
    }
    if (value !== undefined) return new Uint8Array(value);
    throw new NexusError('NEXUS_STORE_CORRUPT', `${what} on the simulated disk is not what was written: its checksum does not match`, { data });
  }
}

function storeError(error: unknown): NexusError {
  if (error instanceof NexusError) return error;
  const isFull = error instanceof DiskError && error.code === 'ENOSPC';
  const message = error instanceof Error ? error.message : String(error);
  return isFull
    ? new NexusError('NEXUS_STORE_FULL', `there is no room in the simulated store: ${message}`, { cause: error })
    : new NexusError('NEXUS_STORE_FAILED', `the simulated store failed: ${message}`, { cause: error });
}

function gone(): NexusError {
  return new NexusError('NEXUS_STORE_FAILED', 'the storage is closed: the nexus has stopped, or its node has crashed');
}

/**
 * The store in memory: the twin of the one on disk, with the same order, refusals and failures, for tests. It keeps what was written when a nexus closes it, so that the
 * next nexus finds it, and can be told to hold writes back, to fail, to be full, to crash. It lives in the heap of one thread: workers cannot see it.
 */
import { NexusError } from '../errors.js';
import type {
  Reminder,
  Storage,
  StorageAttachment,
  StorageCounts,
  StorageSource,
  StorageWrite,
  StoredAgent,
  StoredEvent,
  StoredSnapshot,
  StoredVersion,
  ThreadStorage,
} from '../ports/storage.js';
import { WAITING_BYTES_MAX } from '../ports/storage.js';
import { agentName, agentOfName, agentPrefix, checkBatch, reminderName } from './stored-names.js';
import { changeOf, isOf, isStale, namesOf, tokenStale, UNVERSIONED, versionAfter } from './stored-versions.js';

/** What a write to a store in memory can be made to fail with. */
export type MemoryStorageFault = 'NEXUS_STORE_FAILED' | 'NEXUS_STORE_FULL';

/** As `memoryStorage` returns it: the option `storage` of a nexus, and what the disk may do. */
export interface MemoryStorage extends StorageSource {
  /** The next batch that would be stored fails with this code (default NEXUS_STORE_FAILED). */
  failNextWrite(code?: MemoryStorageFault): void;
  /** From now on batches wait. */
  holdWrites(): void;
  /** Stores what waits, in order, and holds no more. */
  releaseWrites(): void;
  /** While true every batch fails with NEXUS_STORE_FULL. */
  full: boolean;
  /** As if a bit of the agent's snapshot or event had changed on disk: `load` throws NEXUS_STORE_CORRUPT until it is written again. */
  corrupt(kind: string, id: string): void;
  /**
   * As if the process were killed: what waits is lost, and its promises never settle, as nobody would be there to see them. What was acknowledged is there when it is
   * opened again.
   */
  crash(): void;
  /** Batches that wait. */
  readonly waiting: number;
}

/** A store in memory for durable agents, which a test can make slow, full, failing or crash. It keeps what was written from one nexus to the next; it is of one thread: for a test nexus, or `threads: 0`. */
export function memoryStorage(): MemoryStorage {
  return new MemoryStore();
}

interface MemoryAgent {
  readonly kind: string;
  readonly id: string;
  readonly name: Buffer;
  snapshot: StoredSnapshot | undefined;
  events: StoredEvent[];
  corrupt: boolean;
}

interface WaitingBatch {
  readonly thread: MemoryThread;
  readonly batch: readonly StorageWrite[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class MemoryStore implements MemoryStorage {
  readonly description = 'memory';
  full = false;
  readonly agents = new Map<string, MemoryAgent>();
  readonly reminders = new Map<string, { readonly reminder: Reminder; readonly name: Buffer }>();
  readonly versions = new Map<string, StoredVersion>();
  #queue: WaitingBatch[] = [];
  #held = false;
  #failNext: MemoryStorageFault | undefined;
  #draining = false;
  #threads: MemoryThread[] = [];
  /** Opened now; undefined: nobody has it open. */
  #owner: symbol | undefined;

  get waiting(): number {
    return this.#queue.length;
  }

  async open(): Promise<Storage> {
    if (this.#owner !== undefined)
      throw new NexusError('NEXUS_STORE_LOCKED', 'another nexus has this memory storage open: stop it, or make another with memoryStorage()');
    const owner = Symbol('owner');
    this.#owner = owner;
    return {
      description: this.description,
      openThread: () => {
        if (this.#owner !== owner) throw closedError();
        const thread = new MemoryThread(this);
        this.#threads.push(thread);
        return thread;
      },
      attachment: (): StorageAttachment => {
        throw new NexusError(
          'NEXUS_STORE_UNAVAILABLE',
          'memoryStorage() is in the heap of one thread and workers cannot see it: use threads: 0, the test nexus, or a store on disk',
        );
      },
      close: async () => {
        if (this.#owner !== owner) return;
        await Promise.all(this.#threads.map((thread) => thread.close()));
        if (this.#owner !== owner) return;
        this.#threads = [];
        this.#owner = undefined;
      },
    };
  }

  failNextWrite(code: MemoryStorageFault = 'NEXUS_STORE_FAILED'): void {
    this.#failNext = code;
  }

  holdWrites(): void {
    this.#held = true;
  }

  releaseWrites(): void {
    this.#held = false;
    this.#drainSoon();
  }

  corrupt(kind: string, id: string): void {
    const agent = this.agents.get(keyOf(agentName(kind, id)));
    if (agent !== undefined) agent.corrupt = true;
  }

  crash(): void {
    this.#queue = [];
    for (const thread of this.#threads) thread.lose();
    this.#threads = [];
    this.#owner = undefined;
    this.#held = false;
  }

  enqueue(waiting: WaitingBatch): void {
    this.#queue.push(waiting);
    this.#drainSoon();
  }

  /** Not within the call of `write`: nobody may rely on having it stored at once. */
  #drainSoon(): void {
    if (this.#draining) return;
    this.#draining = true;
    queueMicrotask(() => {
      this.#draining = false;
      while (!this.#held) {
        const next = this.#queue.shift();
        if (next === undefined) return;
        this.#store(next);
      }
    });
  }

  #store(waiting: WaitingBatch): void {
    const fault = this.#failNext ?? (this.full ? 'NEXUS_STORE_FULL' : undefined);
    this.#failNext = undefined;
    waiting.thread.answered(waiting.bytes);
    if (fault === undefined) {
      const stale = this.#stale(waiting.batch);
      if (stale !== undefined) return waiting.reject(stale);
      for (const write of waiting.batch) this.#apply(write);
      waiting.resolve();
      return;
    }
    const error = (): NexusError =>
      new NexusError(fault, fault === 'NEXUS_STORE_FULL' ? 'the memory storage was told to be full' : 'the memory storage was told to fail');
    waiting.reject(error());
    const later = this.#queue.filter((other) => other.thread === waiting.thread);
    this.#queue = this.#queue.filter((other) => other.thread !== waiting.thread);
    for (const other of later) {
      other.thread.answered(other.bytes);
      other.reject(error());
    }
  }

  /** With what the writes before it in the batch leave. */
  #stale(batch: readonly StorageWrite[]): NexusError | undefined {
    const after = new Map<string, StoredVersion | undefined>();
    for (const write of batch) {
      const { kind, id } = namesOf(write);
      const key = keyOf(agentName(kind, id));
      const known = after.has(key) ? after.get(key) : this.versions.get(key);
      const change = changeOf(write);
      if (isStale(known, change)) return tokenStale(kind, id, change.version?.token ?? change.token ?? 0, known?.seenToken ?? 0);
      after.set(key, write.type === 'drop' ? (isOf(known, write.version) ? undefined : known) : versionAfter(known, change));
    }
    return undefined;
  }

  #apply(write: StorageWrite): void {
    const { kind, id } = namesOf(write);
    const versionKey = keyOf(agentName(kind, id));
    const known = this.versions.get(versionKey);
    if (write.type === 'drop') {
      if (!isOf(known, write.version)) return;
      this.versions.delete(versionKey);
      return this.#applyChange({ type: 'delete', kind, id });
    }
    const version = versionAfter(known, changeOf(write));
    if (version !== undefined) this.versions.set(versionKey, version);
    this.#applyChange(write);
  }

  #applyChange(write: StorageWrite): void {
    switch (write.type) {
      case 'snapshot': {
        const agent = this.#agent(write.kind, write.id);
        agent.snapshot = write.snapshot;
        agent.events = agent.events.filter((event) => event.sequence > write.snapshot.sequence);
        agent.corrupt = false;
        return;
      }
      case 'event': {
        const agent = this.#agent(write.kind, write.id);
        agent.events = [...agent.events.filter((event) => event.sequence !== write.event.sequence), write.event].sort((a, b) => a.sequence - b.sequence);
        return;
      }
      case 'delete': {
        this.agents.delete(keyOf(agentName(write.kind, write.id)));
        for (const [key, { reminder }] of this.reminders) if (reminder.kind === write.kind && reminder.id === write.id) this.reminders.delete(key);
        return;
      }
      case 'setReminder': {
        const { kind, id, name } = write.reminder;
        const bytes = reminderName(kind, id, name);
        this.reminders.set(keyOf(bytes), { reminder: write.reminder, name: bytes });
        return;
      }
      case 'clearReminder':
        this.reminders.delete(keyOf(reminderName(write.kind, write.id, write.name)));
    }
  }

  #agent(kind: string, id: string): MemoryAgent {
    const name = agentName(kind, id);
    const key = keyOf(name);
    let agent = this.agents.get(key);
    if (agent === undefined) {
      agent = { kind, id, name, snapshot: undefined, events: [], corrupt: false };
      this.agents.set(key, agent);
    }
    return agent;
  }
}

class MemoryThread implements ThreadStorage {
  readonly #store: MemoryStore;
  #state: 'open' | 'closed' | 'lost' = 'open';
  #last: Promise<void> = Promise.resolve();
  #waitingBytes = 0;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  load(kind: string, id: string): StoredAgent | undefined {
    this.#check();
    const agent = this.#store.agents.get(keyOf(agentName(kind, id)));
    if (agent === undefined) return undefined;
    if (agent.corrupt) {
      throw new NexusError(
        'NEXUS_STORE_CORRUPT',
        `the stored state of ${kind} '${id}' is not what was written: its checksum does not match; restore a backup`,
        {
          data: { kind, id },
        },
      );
    }
    const { snapshot } = agent;
    const after = snapshot?.sequence ?? 0;
    return {
      snapshot: snapshot && { ...snapshot, state: new Uint8Array(snapshot.state) },
      events: agent.events.filter((event) => event.sequence > after).map((event) => ({ ...event, event: new Uint8Array(event.event) })),
    };
  }

  has(kind: string, id: string): boolean {
    this.#check();
    return this.#store.agents.has(keyOf(agentName(kind, id)));
  }

  async write(batch: readonly StorageWrite[]): Promise<void> {
    this.#check();
    const bytes = checkBatch(batch);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES_MAX) throw tooMuchWaits(this.#waitingBytes);
    this.#waitingBytes += bytes;
    const copy = batch.map(copyOf);
    const written = new Promise<void>((resolve, reject) => this.#store.enqueue({ thread: this, batch: copy, bytes, resolve, reject }));
    const settled = (): void => undefined;
    this.#last = written.then(settled, settled);
    return written;
  }

  answered(bytes: number): void {
    this.#waitingBytes -= bytes;
  }

  versionOf(kind: string, id: string): StoredVersion | undefined {
    this.#check();
    const key = keyOf(agentName(kind, id));
    return this.#store.versions.get(key) ?? (this.#store.agents.has(key) ? UNVERSIONED : undefined);
  }

  *versions(): IterableIterator<{ readonly kind: string; readonly id: string } & StoredVersion> {
    this.#check();
    for (const key of new Set([...this.#store.agents.keys(), ...this.#store.versions.keys()])) {
      const { kind, id } = agentOfName(Buffer.from(key, 'latin1'));
      const version = this.versionOf(kind, id);
      if (version !== undefined) yield { kind, id, ...version };
    }
  }

  remindersDue(untilEpochMs: number, countMax: number, isWanted: (kind: string, id: string) => boolean = () => true): readonly Reminder[] {
    this.#check();
    return [...this.#store.reminders.values()]
      .filter(({ reminder }) => reminder.dueEpochMs <= untilEpochMs && isWanted(reminder.kind, reminder.id))
      .sort((a, b) => a.reminder.dueEpochMs - b.reminder.dueEpochMs || Buffer.compare(a.name, b.name))
      .slice(0, countMax)
      .map(({ reminder }) => copyOfReminder(reminder));
  }

  remindersOf(kind: string, id: string): readonly Reminder[] {
    this.#check();
    agentPrefix(kind, id);
    return [...this.#store.reminders.values()]
      .filter(({ reminder }) => reminder.kind === kind && reminder.id === id)
      .sort((a, b) => Buffer.compare(a.name, b.name))
      .map(({ reminder }) => copyOfReminder(reminder));
  }

  nextReminderEpochMs(): number | undefined {
    this.#check();
    let next: number | undefined;
    for (const { reminder } of this.#store.reminders.values()) if (next === undefined || reminder.dueEpochMs < next) next = reminder.dueEpochMs;
    return next;
  }

  *agents(kind?: string): IterableIterator<{ readonly kind: string; readonly id: string }> {
    this.#check();
    const chosen = [...this.#store.agents.values()].filter((agent) => kind === undefined || agent.kind === kind);
    for (const agent of chosen.sort((a, b) => Buffer.compare(a.name, b.name))) {
      this.#check();
      if (this.#store.agents.has(keyOf(agent.name))) yield { kind: agent.kind, id: agent.id };
    }
  }

  counts(kind?: string): StorageCounts {
    this.#check();
    const agents = [...this.#store.agents.values()].filter((agent) => kind === undefined || agent.kind === kind);
    const reminders = [...this.#store.reminders.values()].filter(({ reminder }) => kind === undefined || reminder.kind === kind);
    return { agents: agents.length, events: agents.reduce((sum, agent) => sum + agent.events.length, 0), reminders: reminders.length, bytes: 0 };
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closed';
    await this.#last;
  }

  /** The process of this thread was killed. */
  lose(): void {
    this.#state = 'lost';
    this.#last = Promise.resolve();
  }

  #check(): void {
    if (this.#state !== 'open') throw closedError();
  }
}

function closedError(): NexusError {
  return new NexusError('NEXUS_STORE_FAILED', 'the storage is closed: the nexus has stopped');
}

function tooMuchWaits(bytes: number): NexusError {
  return new NexusError('NEXUS_STORE_FAILED', `${bytes} bytes of this thread wait to be stored already: wait for some writes before the next`, {
    data: { waitingBytes: bytes },
  });
}

function keyOf(name: Buffer): string {
  return name.toString('latin1');
}

function copyOf(write: StorageWrite): StorageWrite {
  switch (write.type) {
    case 'snapshot':
      return { ...write, snapshot: { ...write.snapshot, state: new Uint8Array(write.snapshot.state) } };
    case 'event':
      return { ...write, event: { ...write.event, event: new Uint8Array(write.event.event) } };
    case 'setReminder':
      return { ...write, reminder: copyOfReminder(write.reminder) };
    default:
      return { ...write };
  }
}

function copyOfReminder(reminder: Reminder): Reminder {
  return { ...reminder, input: reminder.input && new Uint8Array(reminder.input) };
}

/** What the log of a simulated store means: agents, events and reminders, and where their last records are. Writes are applied in the order of the log; values stay on the disk. */
import { agentName, agentOfName, reminderName } from '../../adapters/stored-names.js';
import { changeOf, isOf, isStale, namesOf, tokenStale, UNVERSIONED, versionAfter } from '../../adapters/stored-versions.js';
import type { NexusError } from '../../errors.js';
import type { Reminder, StorageWrite, StoredVersion } from '../../ports/storage.js';
import type { RecordPlace } from './simulated-log.js';

interface IndexedChange {
  readonly sequence: number;
  readonly schemaVersion: number;
  readonly place: RecordPlace;
}

export interface IndexedAgent {
  readonly kind: string;
  readonly id: string;
  readonly name: Buffer;
  snapshot: IndexedChange | undefined;
  /** In order of their sequence. */
  events: IndexedChange[];
}

export interface IndexedReminder {
  /** Its input is bytes that mean nothing: whether there is one. */
  readonly reminder: Reminder;
  readonly name: Buffer;
  readonly place: RecordPlace;
}

export class StoredIndex {
  readonly #agents = new Map<string, IndexedAgent>();
  readonly #reminders = new Map<string, IndexedReminder>();
  readonly #versions = new Map<string, StoredVersion>();

  /** @param pending what batches that are being written leave, and this one then too, if it is not stale */
  stale(writes: readonly StorageWrite[], pending: Map<string, StoredVersion | undefined>): NexusError | undefined {
    const after = new Map(pending);
    for (const write of writes) {
      const { kind, id } = namesOf(write);
      const key = keyOf(agentName(kind, id));
      const known = after.has(key) ? after.get(key) : this.#versions.get(key);
      const change = changeOf(write);
      if (isStale(known, change)) return tokenStale(kind, id, change.version?.token ?? change.token ?? 0, known?.seenToken ?? 0);
      after.set(key, write.type === 'drop' ? (isOf(known, write.version) ? undefined : known) : versionAfter(known, change));
    }
    for (const [key, version] of after) pending.set(key, version);
    return undefined;
  }

  apply(write: StorageWrite, place: RecordPlace): void {
    const { kind, id } = namesOf(write);
    const key = keyOf(agentName(kind, id));
    const known = this.#versions.get(key);
    if (write.type === 'drop') {
      if (!isOf(known, write.version)) return;
      this.#versions.delete(key);
      return this.#change({ type: 'delete', kind, id }, place);
    }
    const version = versionAfter(known, changeOf(write));
    if (version !== undefined) this.#versions.set(key, version);
    this.#change(write, place);
  }

  version(name: Buffer): StoredVersion | undefined {
    const key = keyOf(name);
    return this.#versions.get(key) ?? (this.#agents.has(key) ? UNVERSIONED : undefined);
  }

  /** Names of all that has a version, or is stored. */
  names(): readonly { readonly kind: string; readonly id: string; readonly name: Buffer }[] {
    return [...new Set([...this.#agents.keys(), ...this.#versions.keys()])].map((key) => {
      const name = Buffer.from(key, 'latin1');
      return { ...agentOfName(name), name };
    });
  }

  #change(write: StorageWrite, place: RecordPlace): void {
    switch (write.type) {
      case 'snapshot': {
        const { schemaVersion, sequence } = write.snapshot;
        const agent = this.#agent(write.kind, write.id);
        agent.snapshot = { schemaVersion, sequence, place };
        agent.events = agent.events.filter((event) => event.sequence > sequence);
        return;
      }
      case 'event': {
        const { schemaVersion, sequence } = write.event;
        const agent = this.#agent(write.kind, write.id);
        const others = agent.events.filter((event) => event.sequence !== sequence);
        agent.events = [...others, { schemaVersion, sequence, place }].sort((a, b) => a.sequence - b.sequence);
        return;
      }
      case 'delete':
        this.#agents.delete(keyOf(agentName(write.kind, write.id)));
        for (const [key, { reminder }] of this.#reminders) if (reminder.kind === write.kind && reminder.id === write.id) this.#reminders.delete(key);
        return;
      case 'setReminder': {
        const { kind, id, name } = write.reminder;
        const bytes = reminderName(kind, id, name);
        this.#reminders.set(keyOf(bytes), { reminder: write.reminder, name: bytes, place });
        return;
      }
      case 'clearReminder':
        this.#reminders.delete(keyOf(reminderName(write.kind, write.id, write.name)));
    }
  }

  agent(name: Buffer): IndexedAgent | undefined {
    return this.#agents.get(keyOf(name));
  }

  agents(kind: string | undefined): readonly IndexedAgent[] {
    return [...this.#agents.values()].filter((agent) => kind === undefined || agent.kind === kind).sort((a, b) => Buffer.compare(a.name, b.name));
  }

  /** Earliest first, those of the same time by their names. */
  remindersDue(untilEpochMs: number): readonly IndexedReminder[] {
    return [...this.#reminders.values()]
      .filter(({ reminder }) => reminder.dueEpochMs <= untilEpochMs)
      .sort((a, b) => a.reminder.dueEpochMs - b.reminder.dueEpochMs || Buffer.compare(a.name, b.name));
  }

  remindersOf(kind: string, id: string): readonly IndexedReminder[] {
    agentName(kind, id);
    return [...this.#reminders.values()].filter(({ reminder }) => reminder.kind === kind && reminder.id === id).sort((a, b) => Buffer.compare(a.name, b.name));
  }

  #agent(kind: string, id: string): IndexedAgent {
    const name = agentName(kind, id);
    const found = this.#agents.get(keyOf(name)) ?? { kind, id, name, snapshot: undefined, events: [] };
    this.#agents.set(keyOf(name), found);
    return found;
  }
}

function keyOf(name: Buffer): string {
  return name.toString('latin1');
}

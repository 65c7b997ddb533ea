/** The dumb twin of every store: maps of texts, one write after the other. */
import type { StorageWrite } from '../../dist/ts-src/ports/storage.js';

/** What a store means, without any of how. */
export class StorageModel {
  readonly #snapshots = new Map<string, readonly [number, string]>();
  readonly #events = new Map<string, Map<number, string>>();
  readonly reminders = new Map<string, number>();
  /** Greatest token seen, token and revision of the last write. */
  readonly #versions = new Map<string, readonly [number, number, number]>();

  /** False, with nothing done, if one of them is stale. */
  applyAll(batch: readonly StorageWrite[]): boolean {
    const before = new Map(this.#versions);
    for (const write of batch) {
      const key = write.type === 'setReminder' ? `${write.reminder.kind}/${write.reminder.id}` : `${write.kind}/${write.id}`;
      const known = this.#versions.get(key);
      const [seen, token, revision] = known ?? [0, 0, 0];
      if (write.type === 'drop') {
        if (token === write.version.token && revision === write.version.revision) this.#versions.delete(key);
      } else if (write.type === 'fence') {
        if (write.token < seen) return this.#undo(before);
        this.#versions.set(key, [write.token, token, revision]);
      } else if (write.version !== undefined) {
        const { version } = write;
        if (version.token < seen || (version.token === token && version.revision < revision)) return this.#undo(before);
        this.#versions.set(key, [version.token, version.token, version.revision]);
      } else if (known !== undefined) this.#versions.set(key, [seen, token, revision + 1]);
    }
    // Versions are those after the whole batch, and a drop is seen by its agent being without one.
    const drops = new Map(before);
    for (const write of batch) this.#applyOne(write, drops);
    return true;
  }

  version(kind: string, id: string): readonly number[] | undefined {
    return this.#versions.get(`${kind}/${id}`) ?? (this.shown(kind, id).length > 0 ? [0, 0, 0] : undefined);
  }

  #undo(before: ReadonlyMap<string, readonly [number, number, number]>): false {
    this.#versions.clear();
    for (const [key, version] of before) this.#versions.set(key, version);
    return false;
  }

  apply(write: StorageWrite): void {
    this.applyAll([write]);
  }

  #applyOne(write: StorageWrite, versions: Map<string, readonly [number, number, number]>): void {
    if (write.type !== 'setReminder') {
      const name = `${write.kind}/${write.id}`;
      if (write.type === 'drop') {
        const [, token, revision] = versions.get(name) ?? [0, 0, 0];
        if (token !== write.version.token || revision !== write.version.revision) return;
        versions.delete(name);
        return this.#applyOne({ type: 'delete', kind: write.kind, id: write.id }, new Map());
      }
      if (write.type === 'fence') {
        const [, token, revision] = versions.get(name) ?? [0, 0, 0];
        versions.set(name, [write.token, token, revision]);
        return;
      }
    }
    const of = write.type === 'setReminder' ? `${write.reminder.kind}/${write.reminder.id}` : `${write.kind}/${write.id}`;
    const [seen, token, revision] = versions.get(of) ?? [0, 0, 0];
    if (write.version !== undefined) versions.set(of, [write.version.token, write.version.token, write.version.revision]);
    else if (versions.has(of)) versions.set(of, [seen, token, revision + 1]);
    if (write.type === 'setReminder') {
      const { kind, id, name, dueEpochMs } = write.reminder;
      this.reminders.set([kind, id, name].join('/'), dueEpochMs);
      return;
    }
    const key = `${write.kind}/${write.id}`;
    if (write.type === 'clearReminder') this.reminders.delete(`${key}/${write.name}`);
    else if (write.type === 'delete') {
      this.#snapshots.delete(key);
      this.#events.delete(key);
      for (const name of this.reminders.keys()) if (name.startsWith(`${key}/`)) this.reminders.delete(name);
    } else if (write.type === 'snapshot') {
      const { sequence, state } = write.snapshot;
      this.#snapshots.set(key, [sequence, Buffer.from(state).toString()]);
      for (const number of this.#events.get(key)?.keys() ?? []) if (number <= sequence) this.#events.get(key)?.delete(number);
    } else {
      if (!this.#events.has(key)) this.#events.set(key, new Map());
      this.#events.get(key)?.set(write.event.sequence, Buffer.from(write.event.event).toString());
    }
  }

  shown(kind: string, id: string): (string | undefined)[] {
    const key = `${kind}/${id}`;
    const found = this.#snapshots.get(key);
    const events = this.#events.get(key);
    if (found === undefined && events === undefined) return [];
    const after = [...(events ?? [])].filter(([number]) => number > (found?.[0] ?? 0)).sort(([a], [b]) => a - b);
    return [found && `${found[1]}@${found[0]} v7`, ...after.map(([, text]) => `${text} v7`)];
  }
}

/** The dumb twin of every store: maps of texts, one write after the other. */
import type { StorageWrite } from '../../dist/ts-src/ports/storage.js';

/** What a store means, without any of how. */
export class StorageModel {
  readonly #snapshots = new Map<string, readonly [number, string]>();
  readonly #events = new Map<string, Map<number, string>>();
  readonly reminders = new Map<string, number>();

  apply(write: StorageWrite): void {
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

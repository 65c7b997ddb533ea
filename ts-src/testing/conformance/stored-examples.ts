/** Writes for the tests of stores, and what is stored as text. */
import type { Reminder, StateVersion, StorageWrite, ThreadStorage } from '../../ports/storage.js';

export function snapshot(kind: string, id: string, sequence: number, text: string, version?: StateVersion): StorageWrite {
  return { type: 'snapshot', kind, id, version, snapshot: { schemaVersion: 7, sequence, state: Buffer.from(text) } };
}

export function event(kind: string, id: string, sequence: number, text = `e${sequence}`, version?: StateVersion): StorageWrite {
  return { type: 'event', kind, id, version, event: { schemaVersion: 7, sequence, event: Buffer.from(text) } };
}

export function reminder(kind: string, id: string, name: string, dueEpochMs: number): Reminder {
  return { kind, id, name, dueEpochMs, periodMs: 0, action: 'wake', input: undefined };
}

/** The snapshot as `text@sequence v…`, or undefined, and the events as `text v…`. */
export function shown(thread: ThreadStorage, kind: string, id: string): (string | undefined)[] {
  const stored = thread.load(kind, id);
  if (stored === undefined) return [];
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  const { snapshot: found, events } = stored;
  return [
    found && `${text(found.state)}@${found.sequence} v${found.schemaVersion}`,
    ...events.map(({ event: bytes, schemaVersion }) => `${text(bytes)} v${schemaVersion}`),
  ];
}

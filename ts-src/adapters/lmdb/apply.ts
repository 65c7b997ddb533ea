/** What an operation of a batch does to the tree. Called by the writer, within a transaction. */
import type { StoredVersion } from '../../ports/storage.js';
import { isOf, isStale, versionAfter } from '../stored-versions.js';
import { decodeChange, Operation, type StoreOperation } from './batch-bytes.js';
import type { Database } from './environment.js';
import {
  ALL_DUE,
  decodeVersion,
  encodeVersion,
  RecordType,
  type Range,
  dueKey,
  dueOfReminder,
  eventsAfter,
  eventsOnlyRecord,
  eventsUpTo,
  isRecord,
  markEvents,
  mayHaveEvents,
  reminderOfDueKey,
  sequenceOf,
  startingWith,
} from './records.js';

const AGENT_RECORDS = [RecordType.snapshot, RecordType.eventsOnly];
const MARK = Buffer.from([1]);

export function applyOperation(database: Database, { operation, fields }: StoreOperation): void {
  const [key, second, third] = fields as [Buffer, Buffer, Buffer];
  switch (operation) {
    case Operation.snapshot:
      putSnapshot(database, key, second, third);
      return;
    case Operation.event:
      announceEvents(database, key);
      database.put(second, third);
      return;
    case Operation.delete:
      removeAgent(database, key, second, third);
      return;
    case Operation.version: {
      const after = versionAfter(versionAt(database, key), decodeChange(second));
      if (after !== undefined) database.put(key, encodeVersion(key, after));
      return;
    }
    case Operation.drop: {
      const [version, given] = fields.slice(3) as [Buffer, Buffer];
      if (!isOf(versionAt(database, version), { token: given.readDoubleLE(0), revision: given.readDoubleLE(8) })) return;
      database.remove(version);
      removeAgent(database, key, second, third);
      return;
    }
    case Operation.setReminder:
      removeReminder(database, key);
      database.put(key, second);
      database.put(dueKey(dueOfReminder(second), key), MARK);
      return;
    case Operation.clearReminder:
      removeReminder(database, key);
      return;
    default:
      throw new Error(`no operation ${operation}`);
  }
}

export interface StaleWrite {
  readonly key: Buffer;
  readonly token: number;
  readonly seenToken: number;
}

/**
 * The first operation of a later activation's agent, if there is one. `pending`: what batches of the same transaction leave, and this one then too. To be asked by the only one who writes.
 */
export function staleIn(database: Database, operations: readonly StoreOperation[], pending: Map<string, StoredVersion | undefined>): StaleWrite | undefined {
  const after = new Map<string, StoredVersion | undefined>();
  for (const { operation, fields } of operations) {
    if (operation !== Operation.version && operation !== Operation.drop) continue;
    const key = fields[operation === Operation.version ? 0 : 3] as Buffer;
    const name = key.toString('latin1');
    const known = after.has(name) ? after.get(name) : pending.has(name) ? pending.get(name) : versionAt(database, key);
    if (operation === Operation.drop) {
      const given = fields[4] as Buffer;
      if (isOf(known, { token: given.readDoubleLE(0), revision: given.readDoubleLE(8) })) after.set(name, undefined);
      continue;
    }
    const change = decodeChange(fields[1] as Buffer);
    if (isStale(known, change)) return { key, token: change.version?.token ?? change.token ?? 0, seenToken: known?.seenToken ?? 0 };
    after.set(name, versionAfter(known, change));
  }
  for (const [name, version] of after) pending.set(name, version);
  return undefined;
}

/** One that is not what was written says nothing: it is replaced with the next write, and whoever reads it is told. */
function versionAt(database: Database, key: Buffer): StoredVersion | undefined {
  const value = database.getBinary(key);
  return value !== undefined && isRecord([RecordType.version], key, value) ? decodeVersion(value) : undefined;
}

function removeAgent(database: Database, key: Buffer, events: Buffer, reminders: Buffer): void {
  database.remove(key);
  removeAll(database, startingWith(events));
  for (const reminder of [...database.getKeys(startingWith(reminders))]) removeReminder(database, reminder);
}

/** A record before it that is not what was written may have had events, whatever it says. */
function putSnapshot(database: Database, key: Buffer, value: Buffer, events: Buffer): void {
  const before = database.getBinary(key);
  if (before !== undefined && (!isRecord(AGENT_RECORDS, key, before) || mayHaveEvents(before))) {
    const sequence = sequenceOf(value);
    removeAll(database, eventsUpTo(events, sequence));
    for (const _ of database.getKeys({ ...eventsAfter(events, sequence), limit: 1 })) markEvents(key, value);
  }
  database.put(key, value);
}

/** The first event after a snapshot. A record that is not what was written stays so, to be found when it is read. */
function announceEvents(database: Database, key: Buffer): void {
  const before = database.getBinary(key);
  if (before === undefined) database.put(key, eventsOnlyRecord(key));
  else if (!mayHaveEvents(before) && isRecord(AGENT_RECORDS, key, before)) database.put(key, markEvents(key, before));
}

function removeAll(database: Database, range: Range): void {
  for (const key of [...database.getKeys(range)]) database.remove(key);
}

/** With its place in the order of due times. If its record is not what was written, that place is looked for. */
function removeReminder(database: Database, key: Buffer): void {
  const value = database.getBinary(key);
  if (value === undefined) return;
  if (isRecord([RecordType.reminder], key, value)) database.remove(dueKey(dueOfReminder(value), key));
  else for (const due of [...database.getKeys(ALL_DUE)]) if (reminderOfDueKey(due).equals(key)) database.remove(due);
  database.remove(key);
}

/** What an operation of a batch does to the tree. Called by the writer, within a transaction. */
import { Operation, type StoreOperation } from './batch-bytes.js';
import type { Database } from './environment.js';
import {
  ALL_DUE,
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
      database.remove(key);
      removeAll(database, startingWith(second));
      for (const reminder of [...database.getKeys(startingWith(third))]) removeReminder(database, reminder);
      return;
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

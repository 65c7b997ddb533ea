/** What an operation of a batch does to the tree. Called by the writer, within a transaction. */
import { Operation, type StoreOperation } from './batch-bytes.js';
import type { Database } from './environment.js';
import {
  ALL_DUE,
  RecordType,
  type Range,
  dueKey,
  dueOfReminder,
  eventsOnlyRecord,
  eventsUpTo,
  isRecord,
  reminderOfDueKey,
  sequenceOf,
  startingWith,
} from './records.js';

const MARK = Buffer.from([1]);

export function applyOperation(database: Database, { operation, fields }: StoreOperation): void {
  const [key, second, third] = fields as [Buffer, Buffer, Buffer];
  switch (operation) {
    case Operation.snapshot:
      database.put(key, second);
      removeAll(database, eventsUpTo(third, sequenceOf(second)));
      return;
    case Operation.event:
      if (database.getBinaryFast(key) === undefined) database.put(key, eventsOnlyRecord(key));
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

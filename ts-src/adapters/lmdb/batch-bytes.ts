/**
 * A batch on its way from the thread that wrote it to the thread that stores it: one buffer, which changes hands without a copy. Keys and values are made by the first, on its own
 * core; the second only puts and removes. A number of fields and an operation, then the fields, each with its length.
 */
import type { StorageWrite } from '../../ports/storage.js';
import { RecordType, encodeRecord, encodeReminder, eventKey, eventPrefix, reminderKey, reminderPrefix, snapshotKey } from './records.js';

export const Operation = { snapshot: 1, event: 2, delete: 3, setReminder: 4, clearReminder: 5 } as const;

/** One write, as keys and values. Which fields there are depends on the operation: see `fieldsOf`. */
export interface StoreOperation {
  readonly operation: number;
  readonly fields: readonly Buffer[];
}

export function encodeBatch(batch: readonly StorageWrite[]): ArrayBuffer {
  const parts = batch.map(fieldsOf);
  let bytes = 0;
  for (const { fields } of parts) for (const field of fields) bytes += 4 + field.length;
  const whole = Buffer.from(new ArrayBuffer(bytes + parts.length * 2));
  let position = 0;
  for (const { operation, fields } of parts) {
    whole[position++] = operation;
    whole[position++] = fields.length;
    for (const field of fields) {
      position = whole.writeUInt32LE(field.length, position);
      position += field.copy(whole, position);
    }
  }
  return whole.buffer as ArrayBuffer;
}

export function decodeBatch(bytes: ArrayBuffer): readonly StoreOperation[] {
  const whole = Buffer.from(bytes);
  const operations: StoreOperation[] = [];
  for (let position = 0; position < whole.length; ) {
    const operation = whole[position++] as number;
    const fields: Buffer[] = [];
    for (let count = whole[position++] as number; count > 0; count -= 1) {
      const end = position + 4 + whole.readUInt32LE(position);
      fields.push(whole.subarray(position + 4, end));
      position = end;
    }
    operations.push({ operation, fields });
  }
  return operations;
}

function fieldsOf(write: StorageWrite): StoreOperation {
  switch (write.type) {
    case 'snapshot': {
      const { schemaVersion, sequence, state } = write.snapshot;
      const key = snapshotKey(write.kind, write.id);
      const prefix = eventPrefix(write.kind, write.id);
      return { operation: Operation.snapshot, fields: [key, encodeRecord(RecordType.snapshot, key, state, schemaVersion, sequence), prefix] };
    }
    case 'event': {
      const { schemaVersion, sequence, event } = write.event;
      const key = eventKey(eventPrefix(write.kind, write.id), sequence);
      return {
        operation: Operation.event,
        fields: [snapshotKey(write.kind, write.id), key, encodeRecord(RecordType.event, key, event, schemaVersion, sequence)],
      };
    }
    case 'delete':
      return {
        operation: Operation.delete,
        fields: [snapshotKey(write.kind, write.id), eventPrefix(write.kind, write.id), reminderPrefix(write.kind, write.id)],
      };
    case 'setReminder': {
      const { kind, id, name } = write.reminder;
      const key = reminderKey(kind, id, name);
      return { operation: Operation.setReminder, fields: [key, encodeReminder(key, write.reminder)] };
    }
    case 'clearReminder':
      return { operation: Operation.clearReminder, fields: [reminderKey(write.kind, write.id, write.name)] };
  }
}

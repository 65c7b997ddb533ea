/**
 * A batch on its way from the thread that wrote it to the thread that stores it: one buffer, which changes hands without a copy. Keys and values are made by the first, on its own
 * core; the second only puts and removes. A number of fields and an operation, then the fields, each with its length. A write that
 * has a version is two operations: what becomes of the version comes first, once for all that follow with the same.
 */
import type { StorageWrite } from '../../ports/storage.js';
import { changeOf, namesOf, type VersionChange } from '../stored-versions.js';
import {
  RecordType,
  VERSION_RECORD_BYTES,
  encodeRecord,
  encodeReminder,
  eventKey,
  eventPrefix,
  namesOfReminder,
  reminderKey,
  reminderPrefix,
  snapshotKey,
  versionKey,
  versionKeyOfSnapshot,
} from './records.js';

export const Operation = { snapshot: 1, event: 2, delete: 3, setReminder: 4, clearReminder: 5, version: 6, drop: 7 } as const;
/** Added to an operation whose version was said before it. */
const VERSIONED = 0x80;
const TYPES: readonly StorageWrite['type'][] = ['snapshot', 'event', 'delete', 'setReminder', 'clearReminder', 'fence', 'drop'];

/** One write, as keys and values. Which fields there are depends on the operation: see `fieldsOf`. */
export interface StoreOperation {
  readonly operation: number;
  readonly fields: readonly Buffer[];
  /** An operation before it is about its version. */
  readonly isVersioned?: boolean;
}

export function encodeBatch(batch: readonly StorageWrite[]): ArrayBuffer {
  const parts: StoreOperation[] = [];
  let last: StoreOperation | undefined;
  for (const write of batch) {
    const version = versionFieldsOf(write);
    if (version !== undefined && !(last !== undefined && isSame(last, version))) parts.push(version);
    last = version;
    if (write.type !== 'fence') parts.push({ ...fieldsOf(write), isVersioned: version !== undefined });
  }
  let bytes = 0;
  for (const { fields } of parts) for (const field of fields) bytes += 4 + field.length;
  const whole = Buffer.from(new ArrayBuffer(bytes + parts.length * 2));
  let position = 0;
  for (const { operation, fields, isVersioned } of parts) {
    whole[position++] = isVersioned === true ? operation | VERSIONED : operation;
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
    const code = whole[position++] as number;
    const fields: Buffer[] = [];
    for (let count = whole[position++] as number; count > 0; count -= 1) {
      const end = position + 4 + whole.readUInt32LE(position);
      fields.push(whole.subarray(position + 4, end));
      position = end;
    }
    operations.push({ operation: code & ~VERSIONED, fields, isVersioned: (code & VERSIONED) !== 0 });
  }
  return operations;
}

/** For a store that has versions: those of agents with one that are written without go on too. */
export function withVersions(operations: readonly StoreOperation[]): readonly StoreOperation[] {
  return operations.flatMap((each) => {
    const { operation, fields, isVersioned } = each;
    if (isVersioned === true || operation === Operation.version || operation === Operation.drop) return [each];
    const [first] = fields as [Buffer];
    const isReminder = operation === Operation.setReminder || operation === Operation.clearReminder;
    const { kind, id } = isReminder ? namesOfReminder(first) : { kind: '', id: '' };
    const type = TYPES[operation - 1] as StorageWrite['type'];
    const change = { type, version: undefined, token: undefined, epochMs: type === 'delete' ? 0 : undefined };
    const version = { operation: Operation.version, fields: [isReminder ? versionKey(kind, id) : versionKeyOfSnapshot(first), changeBytes(change)] };
    return [version, each];
  });
}

/** Of an operation `version`. */
export function decodeChange(bytes: Buffer): VersionChange {
  const known = (at: number): number | undefined => (bytes.readDoubleLE(at) < 0 ? undefined : bytes.readDoubleLE(at));
  const token = known(8);
  const type = TYPES[bytes[0] as number] as StorageWrite['type'];
  const revision = known(16);
  return {
    type,
    version: type === 'fence' || token === undefined || revision === undefined ? undefined : { token, revision },
    token: type === 'fence' ? token : undefined,
    epochMs: known(24),
  };
}

function versionFieldsOf(write: StorageWrite): StoreOperation | undefined {
  if (write.type === 'drop' || (write.type !== 'fence' && write.version === undefined)) return undefined;
  const { kind, id } = namesOf(write);
  return { operation: Operation.version, fields: [versionKey(kind, id), changeBytes(changeOf(write))] };
}

/** As long as the record that may become of it, for whoever counts the room that it takes. */
function changeBytes({ type, version, token, epochMs }: VersionChange): Buffer {
  const bytes = Buffer.alloc(VERSION_RECORD_BYTES);
  bytes[0] = TYPES.indexOf(type);
  bytes.writeDoubleLE(version?.token ?? token ?? -1, 8);
  bytes.writeDoubleLE(version?.revision ?? 0, 16);
  bytes.writeDoubleLE(epochMs ?? -1, 24);
  return bytes;
}

function isSame(one: StoreOperation, other: StoreOperation): boolean {
  return one.fields.every((field, at) => field.equals(other.fields[at] as Buffer));
}

function fieldsOf(write: Exclude<StorageWrite, { readonly type: 'fence' }>): StoreOperation {
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
    case 'drop': {
      const version = Buffer.alloc(16);
      version.writeDoubleLE(write.version.token, 0);
      version.writeDoubleLE(write.version.revision, 8);
      const records = [snapshotKey(write.kind, write.id), eventPrefix(write.kind, write.id), reminderPrefix(write.kind, write.id)];
      return { operation: Operation.drop, fields: [...records, versionKey(write.kind, write.id), version] };
    }
    case 'clearReminder':
      return { operation: Operation.clearReminder, fields: [reminderKey(write.kind, write.id, write.name)] };
  }
}

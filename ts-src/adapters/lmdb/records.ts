/**
 * Keys and values of the store on disk, formats 1 and 2. A key starts with a letter for what it is: `M` the meta record; `S` kind and id, the snapshot, one for each stored agent; `E` kind,
 * id and sequence, an event; `R` kind, id and name, a reminder; `D` due time and the name of a reminder, by which the earliest is found; in format 2 also `V` kind and id, what is known of the
 * versions of an agent, which may outlive it. A store becomes one of format 2 when the first write with a version comes, and not before, so that an older program can read it until then. A value has a header with a CRC-32 of header,
 * key and body, so that bytes that changed, or are another record's, are found when they are read.
 *
 *     0  u8   what it is: 1 snapshot, 2 event, 3 reminder, 4 an agent with events and no snapshot, 5 the meta record, 6 versions
 *     1  u8   version of the header: 1
 *     2  u16  1 if there may be events after the snapshot, else 0: an agent without is read, and replaced, without a look for them
 *     4  u32  schema version
 *     8  u64  sequence
 *     16 u32  bytes of the body
 *     20 u32  CRC-32 of the bytes 0 to 19, the key and the body
 *     24      body
 *
 * Numbers of values are little endian, those of keys big endian, so that keys are in order of them.
 */
import { crc32 } from 'node:zlib';
import type { Reminder, StoredVersion } from '../../ports/storage.js';
import { agentName, agentPrefix, kindPrefix, reminderName } from '../stored-names.js';

/** What a new store has. */
export const STORE_FORMAT = 1;
/** With versions. */
export const STORE_FORMAT_VERSIONED = 2;
export const META_KEY = Buffer.from('M');
export const HEADER_BYTES = 24;
export const RecordType = { snapshot: 1, event: 2, reminder: 3, eventsOnly: 4, meta: 5, version: 6 } as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

const SNAPSHOT = Buffer.from('S');
const EVENT = Buffer.from('E');
const REMINDER = Buffer.from('R');
const DUE = Buffer.from('D');
const VERSION = Buffer.from('V');
/** Of a version record. */
export const VERSION_RECORD_BYTES = HEADER_BYTES + 32;
const NOTHING = Buffer.alloc(0);
/** Above every sequence: those are below 2^53, so that their first byte is 0. */
const LAST = Buffer.from([0xff]);

export interface Range {
  readonly start: Buffer;
  readonly end: Buffer;
}

export const snapshotKey = (kind: string, id: string): Buffer => Buffer.concat([SNAPSHOT, agentName(kind, id)]);
export const versionKey = (kind: string, id: string): Buffer => Buffer.concat([VERSION, agentName(kind, id)]);
export const versionKeyOfSnapshot = (key: Buffer): Buffer => Buffer.concat([VERSION, key.subarray(1)]);
export const snapshotKeyOfVersion = (key: Buffer): Buffer => Buffer.concat([SNAPSHOT, key.subarray(1)]);
export const ALL_VERSIONS = (): Range => startingWith(VERSION);
export const eventPrefix = (kind: string, id: string): Buffer => Buffer.concat([EVENT, agentPrefix(kind, id)]);
export const reminderPrefix = (kind: string, id: string): Buffer => Buffer.concat([REMINDER, agentPrefix(kind, id)]);
export const reminderKey = (kind: string, id: string, name: string): Buffer => Buffer.concat([REMINDER, reminderName(kind, id, name)]);

export function eventKey(prefix: Buffer, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + 8);
  prefix.copy(key);
  key.writeBigUInt64BE(BigInt(sequence), prefix.length);
  return key;
}

/** Not negative: so the bytes of the float are in order of it. */
export function dueKey(dueEpochMs: number, ofReminder: Buffer): Buffer {
  const key = Buffer.allocUnsafe(9 + ofReminder.length - 1);
  DUE.copy(key);
  key.writeDoubleBE(dueEpochMs === 0 ? 0 : dueEpochMs, 1);
  ofReminder.copy(key, 9, 1);
  return key;
}

export const dueOfKey = (key: Buffer): number => key.readDoubleBE(1);
export const reminderOfDueKey = (key: Buffer): Buffer => Buffer.concat([REMINDER, key.subarray(9)]);

export function eventsAfter(prefix: Buffer, sequence: number): Range {
  return { start: eventKey(prefix, sequence + 1), end: Buffer.concat([prefix, LAST]) };
}

export function eventsUpTo(prefix: Buffer, sequence: number): Range {
  return { start: eventKey(prefix, 0), end: eventKey(prefix, sequence + 1) };
}

export const startingWith = (prefix: Buffer): Range => ({ start: prefix, end: after(prefix) });
export const ALL_DUE: Range = startingWith(DUE);

/** Those of a kind, or of all kinds. */
export function keysOf(what: 'snapshot' | 'event' | 'reminder', kind?: string): Range {
  const letter = { snapshot: SNAPSHOT, event: EVENT, reminder: REMINDER }[what];
  return startingWith(kind === undefined ? letter : Buffer.concat([letter, kindPrefix(kind)]));
}

/** First key after all that start with this: its last byte that can be raised is, and what follows goes. */
function after(prefix: Buffer): Buffer {
  let length = prefix.length;
  while (prefix[length - 1] === 0xff) length -= 1;
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] as number) + 1;
  return end;
}

export function encodeRecord(type: RecordType, key: Buffer, body: Uint8Array, schemaVersion = 0, sequence = 0): Buffer {
  const value = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  value[0] = type;
  value[1] = 1;
  value.writeUInt16LE(0, 2);
  value.writeUInt32LE(schemaVersion, 4);
  value.writeBigUInt64LE(BigInt(sequence), 8);
  value.writeUInt32LE(body.length, 16);
  value.set(body, HEADER_BYTES);
  value.writeUInt32LE(checksum(key, value), 20);
  return value;
}

/** Whether these are the bytes that were written as this kind of record at this key. */
export function isRecord(types: readonly RecordType[], key: Buffer, value: Buffer): boolean {
  return (
    value.length >= HEADER_BYTES &&
    types.includes(value[0] as RecordType) &&
    value[1] === 1 &&
    value.readUInt32LE(16) === value.length - HEADER_BYTES &&
    value.readUInt32LE(20) === checksum(key, value)
  );
}

export const mayHaveEvents = (value: Buffer): boolean => value.readUInt16LE(2) !== 0;

/** Changes the record in place. */
export function markEvents(key: Buffer, value: Buffer): Buffer {
  value.writeUInt16LE(1, 2);
  value.writeUInt32LE(checksum(key, value), 20);
  return value;
}

export const schemaVersionOf = (value: Buffer): number => value.readUInt32LE(4);
export const sequenceOf = (value: Buffer): number => Number(value.readBigUInt64LE(8));
export const bodyOf = (value: Buffer): Buffer => value.subarray(HEADER_BYTES);
export const eventsOnlyRecord = (key: Buffer): Buffer => markEvents(key, encodeRecord(RecordType.eventsOnly, key, NOTHING));

export function encodeVersion(key: Buffer, { token, revision, seenToken, deletedEpochMs = -1 }: StoredVersion): Buffer {
  const body = Buffer.allocUnsafe(32);
  for (const [at, value] of [token, revision, seenToken, deletedEpochMs].entries()) body.writeDoubleLE(value, at * 8);
  return encodeRecord(RecordType.version, key, body);
}

/** Of a value that is a record. */
export function decodeVersion(value: Buffer): StoredVersion {
  const [token, revision, seenToken, deletedEpochMs] = [0, 8, 16, 24].map((at) => value.readDoubleLE(HEADER_BYTES + at)) as [number, number, number, number];
  return { token, revision, seenToken, deletedEpochMs: deletedEpochMs < 0 ? undefined : deletedEpochMs };
}

/** Due time, period, whether there is an input, bytes of the action's name, the name, the input. */
export function encodeReminder(key: Buffer, reminder: Reminder): Buffer {
  const action = Buffer.from(reminder.action, 'utf8');
  const { input } = reminder;
  const body = Buffer.allocUnsafe(19 + action.length + (input?.length ?? 0));
  body.writeDoubleLE(reminder.dueEpochMs, 0);
  body.writeDoubleLE(reminder.periodMs, 8);
  body[16] = input === undefined ? 0 : 1;
  body.writeUInt16LE(action.length, 17);
  action.copy(body, 19);
  if (input !== undefined) body.set(input, 19 + action.length);
  return encodeRecord(RecordType.reminder, key, body);
}

export const dueOfReminder = (value: Buffer): number => value.readDoubleLE(HEADER_BYTES);

export function namesOfReminder(key: Buffer): { readonly kind: string; readonly id: string; readonly name: string } {
  const kindEnd = 3 + key.readUInt16BE(1);
  const idEnd = kindEnd + 2 + key.readUInt16BE(kindEnd);
  return { kind: key.toString('utf8', 3, kindEnd), id: key.toString('utf8', kindEnd + 2, idEnd), name: key.toString('utf8', idEnd) };
}

export function decodeReminder(key: Buffer, value: Buffer): Reminder {
  const body = bodyOf(value);
  const actionEnd = 19 + body.readUInt16LE(17);
  return {
    ...namesOfReminder(key),
    dueEpochMs: body.readDoubleLE(0),
    periodMs: body.readDoubleLE(8),
    action: body.toString('utf8', 19, actionEnd),
    input: body[16] === 0 ? undefined : new Uint8Array(body.subarray(actionEnd)),
  };
}

function checksum(key: Buffer, value: Buffer): number {
  return crc32(value.subarray(HEADER_BYTES), crc32(key, crc32(value.subarray(0, 20))));
}

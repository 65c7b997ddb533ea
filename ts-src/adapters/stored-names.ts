/**
 * How kinds, ids and names of reminders become bytes, and what a batch of writes must be: the same for every store, so that the memory twin refuses and orders what the
 * one on disk does. Lengths come before the bytes, so that no name can run into the next; only what ends a name is without, which keeps ids of a kind in order of their bytes.
 */
import { NexusTypeError, valueText } from '../errors.js';
import {
  REMINDER_NAME_BYTES_MAX,
  type Reminder,
  STORED_ID_BYTES_MAX,
  STORED_KIND_BYTES_MAX,
  STORED_VALUE_BYTES_MAX,
  type StateVersion,
  type StorageWrite,
  WAITING_BYTES_PER_WRITE,
} from '../ports/storage.js';

/** Longest name of an action in a reminder, in bytes of UTF-8. */
const ACTION_BYTES_MAX = 65_535;

/** Two bytes of length and the kind; then the id to the end. */
export function agentName(kind: string, id: string): Buffer {
  const kindBytes = nameBytes('kind', kind, STORED_KIND_BYTES_MAX);
  const idBytes = nameBytes('id', id, STORED_ID_BYTES_MAX);
  const bytes = Buffer.allocUnsafe(2 + kindBytes.length + idBytes.length);
  bytes.writeUInt16BE(kindBytes.length, 0);
  kindBytes.copy(bytes, 2);
  idBytes.copy(bytes, 2 + kindBytes.length);
  return bytes;
}

/** What all agents of a kind start with. */
export function kindPrefix(kind: string): Buffer {
  return agentName(kind, 'x').subarray(0, -1);
}

/** The id has its length too, so that something may follow: the sequence of an event, the name of a reminder. */
export function agentPrefix(kind: string, id: string): Buffer {
  const kindBytes = nameBytes('kind', kind, STORED_KIND_BYTES_MAX);
  const idBytes = nameBytes('id', id, STORED_ID_BYTES_MAX);
  const bytes = Buffer.allocUnsafe(4 + kindBytes.length + idBytes.length);
  bytes.writeUInt16BE(kindBytes.length, 0);
  kindBytes.copy(bytes, 2);
  bytes.writeUInt16BE(idBytes.length, 2 + kindBytes.length);
  idBytes.copy(bytes, 4 + kindBytes.length);
  return bytes;
}

export function reminderName(kind: string, id: string, name: string): Buffer {
  return Buffer.concat([agentPrefix(kind, id), nameBytes('name of the reminder', name, REMINDER_NAME_BYTES_MAX)]);
}

export function agentOfName(bytes: Buffer): { readonly kind: string; readonly id: string } {
  const end = 2 + bytes.readUInt16BE(0);
  return { kind: bytes.toString('utf8', 2, end), id: bytes.toString('utf8', end) };
}

/** What the batch counts for in WAITING_BYTES_MAX. @throws NexusTypeError NEXUS_OPTION_INVALID for a batch that is none. */
export function checkBatch(batch: readonly StorageWrite[]): number {
  if (!Array.isArray(batch)) throw invalid('a batch must be an array of writes');
  let bytes = 0;
  for (const write of batch) bytes += WAITING_BYTES_PER_WRITE + checkWrite(write);
  return bytes;
}

function checkWrite(write: StorageWrite): number {
  switch (write.type) {
    case 'fence':
      checkNames(write.kind, write.id);
      checkNumber('token', write.token, 1, Number.MAX_SAFE_INTEGER);
      return 0;
    case 'drop':
      checkNames(write.kind, write.id);
      checkVersion(write.version, 0);
      return 0;
    default:
      if (write.version !== undefined) checkVersion(write.version, 1);
      return checkChange(write);
  }
}

function checkVersion({ token, revision }: StateVersion, tokenMin: number): void {
  checkNumber('token', token, tokenMin, Number.MAX_SAFE_INTEGER);
  checkNumber('revision', revision, 0, Number.MAX_SAFE_INTEGER);
}

function checkChange(write: Exclude<StorageWrite, { readonly type: 'fence' | 'drop' }>): number {
  switch (write.type) {
    case 'snapshot':
      checkNames(write.kind, write.id);
      checkNumber('schemaVersion', write.snapshot.schemaVersion, 0, 0xffff_ffff);
      checkNumber('sequence of a snapshot', write.snapshot.sequence, 0, Number.MAX_SAFE_INTEGER);
      return checkBytes('state', write.snapshot.state);
    case 'event':
      checkNames(write.kind, write.id);
      checkNumber('schemaVersion', write.event.schemaVersion, 0, 0xffff_ffff);
      checkNumber('sequence of an event', write.event.sequence, 1, Number.MAX_SAFE_INTEGER);
      return checkBytes('event', write.event.event);
    case 'delete':
      checkNames(write.kind, write.id);
      if (write.epochMs !== undefined) checkNumber('epochMs', write.epochMs, 0, Number.MAX_SAFE_INTEGER);
      return 0;
    case 'setReminder':
      return checkReminder(write.reminder);
    case 'clearReminder':
      checkNames(write.kind, write.id);
      nameBytes('name of the reminder', write.name, REMINDER_NAME_BYTES_MAX);
      return 0;
    default:
      throw invalid(`there is no write of type '${String((write as { type: unknown }).type)}'`);
  }
}

function checkReminder(reminder: Reminder): number {
  checkNames(reminder.kind, reminder.id);
  nameBytes('name of the reminder', reminder.name, REMINDER_NAME_BYTES_MAX);
  nameBytes('action of the reminder', reminder.action, ACTION_BYTES_MAX);
  for (const field of ['dueEpochMs', 'periodMs'] as const) {
    const value = reminder[field];
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw invalid(`${field} of a reminder is ${valueText(value)}; it must be a number from 0`);
  }
  return reminder.input === undefined ? 0 : checkBytes('input of the reminder', reminder.input);
}

function checkNames(kind: string, id: string): void {
  nameBytes('kind', kind, STORED_KIND_BYTES_MAX);
  nameBytes('id', id, STORED_ID_BYTES_MAX);
}

function checkNumber(what: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw invalid(`${what} is ${valueText(value)}; it must be a whole number from ${min} to ${max}`);
}

function checkBytes(what: string, value: Uint8Array): number {
  if (!(value instanceof Uint8Array)) throw invalid(`${what} must be a Uint8Array`);
  if (value.length > STORED_VALUE_BYTES_MAX) throw invalid(`${what} has ${value.length} bytes; at most ${STORED_VALUE_BYTES_MAX} can be stored`);
  return value.length;
}

/** A lone surrogate has no bytes of UTF-8: all of them would become the same replacement, and two ids one. */
function nameBytes(what: string, value: string, bytesMax: number): Buffer {
  if (typeof value !== 'string' || value.length === 0) throw invalid(`${what} must be a string that is not empty`);
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length > bytesMax) throw invalid(`${what} has ${bytes.length} bytes of UTF-8; at most ${bytesMax} can be stored`);
  if (bytes.length !== value.length && !(value as unknown as { isWellFormed(): boolean }).isWellFormed())
    throw invalid(`${what} has a lone surrogate, which UTF-8 cannot express`);
  return bytes;
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_OPTION_INVALID', `storage: ${message}`);
}

/**
 * What a write is as a record of the log of a simulated store: all that says whose it is, and which, is its name; the state, the event or the input is its value. So a value that
 * has changed on the disk makes unreadable what it belongs to, and nothing else.
 */
import { agentPrefix } from '../../adapters/stored-names.js';
import type { StateVersion, StorageWrite } from '../../ports/storage.js';

const RecordType = { snapshot: 1, event: 2, delete: 3, setReminder: 4, clearReminder: 5, fence: 6, drop: 7 } as const;
const NOTHING = new Uint8Array(0);
const NO_TOKEN = -1;

export interface EncodedWrite {
  readonly type: number;
  readonly name: Buffer;
  /** A copy. */
  readonly value: Uint8Array;
  /** As `decodeName` gives it. */
  readonly write: StorageWrite;
}

export function encodeWrite(write: StorageWrite): EncodedWrite {
  const type = RecordType[write.type];
  const name = nameOf(write);
  return { type, name, value: new Uint8Array(bytesOf(write)), write: decodeName(type, name) };
}

function nameOf(write: StorageWrite): Buffer {
  switch (write.type) {
    case 'snapshot':
      return Buffer.concat([agentPrefix(write.kind, write.id), versionBytes(write.version), numbers(write.snapshot.schemaVersion, write.snapshot.sequence)]);
    case 'event':
      return Buffer.concat([agentPrefix(write.kind, write.id), versionBytes(write.version), numbers(write.event.schemaVersion, write.event.sequence)]);
    case 'delete':
      return Buffer.concat([agentPrefix(write.kind, write.id), versionBytes(write.version), numbers(write.epochMs ?? 0)]);
    case 'fence':
      return Buffer.concat([agentPrefix(write.kind, write.id), versionBytes({ token: write.token, revision: 0 })]);
    case 'drop':
      return Buffer.concat([agentPrefix(write.kind, write.id), versionBytes(write.version)]);
    case 'setReminder': {
      const { kind, id, name, dueEpochMs, periodMs, action, input } = write.reminder;
      const times = numbers(dueEpochMs, periodMs, input === undefined ? 0 : 1);
      return Buffer.concat([agentPrefix(kind, id), versionBytes(write.version), times, reminderLength(name), Buffer.from(name + action, 'utf8')]);
    }
    case 'clearReminder':
      return Buffer.concat([agentPrefix(write.kind, write.id), versionBytes(write.version), Buffer.from(write.name, 'utf8')]);
  }
}

function bytesOf(write: StorageWrite): Uint8Array {
  switch (write.type) {
    case 'snapshot':
      return write.snapshot.state;
    case 'event':
      return write.event.event;
    case 'setReminder':
      return write.reminder.input ?? NOTHING;
    default:
      return NOTHING;
  }
}

/** The write, with nothing for its value. */
export function decodeName(type: number, name: Buffer): StorageWrite {
  const [kind, id, stored] = pairOf(name);
  const given = { token: stored.readDoubleLE(0), revision: stored.readDoubleLE(8) };
  const version = given.token === NO_TOKEN ? undefined : given;
  const rest = stored.subarray(16);
  switch (type) {
    case RecordType.snapshot:
      return { type: 'snapshot', kind, id, version, snapshot: { schemaVersion: rest.readDoubleLE(0), sequence: rest.readDoubleLE(8), state: NOTHING } };
    case RecordType.event:
      return { type: 'event', kind, id, version, event: { schemaVersion: rest.readDoubleLE(0), sequence: rest.readDoubleLE(8), event: NOTHING } };
    case RecordType.delete:
      return { type: 'delete', kind, id, version, epochMs: rest.readDoubleLE(0) };
    case RecordType.fence:
      return { type: 'fence', kind, id, token: given.token };
    case RecordType.drop:
      return { type: 'drop', kind, id, version: given };
    case RecordType.setReminder: {
      const nameEnd = 26 + rest.readUInt16BE(24);
      const [reminder, action] = [rest.toString('utf8', 26, nameEnd), rest.toString('utf8', nameEnd)];
      const input = rest.readDoubleLE(16) === 0 ? undefined : NOTHING;
      return {
        type: 'setReminder',
        reminder: { kind, id, name: reminder, dueEpochMs: rest.readDoubleLE(0), periodMs: rest.readDoubleLE(8), action, input },
        version,
      };
    }
    default:
      return { type: 'clearReminder', kind, id, name: rest.toString('utf8'), version };
  }
}

function versionBytes(version: StateVersion | undefined): Buffer {
  return numbers(version?.token ?? NO_TOKEN, version?.revision ?? 0);
}

/** Two texts, each with its length before it, and what follows. */
function pairOf(bytes: Buffer): readonly [string, string, Buffer] {
  const firstEnd = 2 + bytes.readUInt16BE(0);
  const secondEnd = firstEnd + 2 + bytes.readUInt16BE(firstEnd);
  return [bytes.toString('utf8', 2, firstEnd), bytes.toString('utf8', firstEnd + 2, secondEnd), bytes.subarray(secondEnd)];
}

function reminderLength(name: string): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(Buffer.byteLength(name, 'utf8'));
  return bytes;
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [at, value] of values.entries()) bytes.writeDoubleLE(value, at * 8);
  return bytes;
}

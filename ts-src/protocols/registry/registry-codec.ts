/** The bytes of what nodes say to each other about registrations (`registry-messages.ts`): a frame has what one node says to another within a turn. A type that a later version adds to the end of the list is skipped by this one. */
import type { Registration } from '../../model/registration.js';
import { ByteReader, invalid } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import type { Recurring } from '../bytes/recurring.js';
import { readIdentity, writeIdentity } from '../membership/identity-codec.js';
import type { DigestValue } from './directory-entry.js';
import { PARTITIONS } from './partition.js';
import {
  ENTRIES_MAX,
  INIT_BYTES_MAX,
  ITEMS_MAX,
  type Orphan,
  type RegistryMessage,
  type ReportedActivation,
  type ReportedState,
  type ReportItem,
} from './registry-messages.js';

/** Of one frame; a message that alone is larger is refused. */
export const FRAME_BYTES_MAX = 2 ** 20;
const ID_BYTES_MAX = 1024;
const KIND_BYTES_MAX = 1024;
const PARTS_MAX = 65_536;
/** Places in this list are on the wire: only ever add to its end. */
const TYPES = [
  ...(['register', 'lookup', 'release', 'handOver', 'take', 'granted', 'taken', 'found', 'done', 'returned', 'freed', 'stale', 'later'] as const),
  ...(['confirm', 'offered', 'superseded', 'served', 'claim', 'report', 'delta', 'digest', 'state', 'agreed', 'pull'] as const),
] as const satisfies readonly RegistryMessage['type'][];
const STATES: readonly ReportedState[] = ['running', 'leaving', 'taking', 'released'];

/** One message; in a frame its length stands before it. @param writer takes it, of at most so many bytes: what is returned is in its memory @throws NexusError NEXUS_MESSAGE_TOO_LARGE */
export function encodedMessage(message: RegistryMessage, writer = new ByteWriter(FRAME_BYTES_MAX)): Uint8Array {
  writer.reset().u8(TYPES.indexOf(message.type)).unsigned(message.view);
  writeMessage(writer, message);
  return writer.view();
}

/** @throws NexusError NEXUS_FRAME_INVALID */
export function decodedFrame(bytes: Uint8Array, recurring?: Recurring): RegistryMessage[] {
  const frame = new ByteReader(bytes, 0, bytes.length, recurring);
  const messages: RegistryMessage[] = [];
  while (frame.remaining > 0) {
    const reader = frame.part(FRAME_BYTES_MAX);
    const type = TYPES[reader.u8()];
    if (type === undefined) continue;
    const message = readMessage(reader, type, reader.unsigned());
    reader.done();
    messages.push(message);
  }
  return messages;
}

function writeMessage(writer: ByteWriter, message: RegistryMessage): void {
  switch (message.type) {
    case 'register':
      writer
        .unsigned(message.request)
        .text(message.id)
        .text(message.kind)
        .flag(message.placement === 'ring')
        .unsigned(message.released);
      return writeInit(writer, message.init);
    case 'lookup':
    case 'freed':
    case 'stale':
    case 'later':
      writer.unsigned(message.request).text(message.id);
      return;
    case 'release':
      writer.unsigned(message.request).text(message.id).unsigned(message.token);
      return;
    case 'handOver':
      writer.unsigned(message.request).text(message.id).unsigned(message.token).unsigned(message.life).unsigned(message.since);
      return writeIdentity(writer, message.to);
    case 'take':
    case 'granted':
    case 'taken':
    case 'done':
      writer.unsigned(message.request);
      return writeRegistration(writer, message.registration);
    case 'returned':
      writer.unsigned(message.request).flag(message.mayHaveRun);
      return writeRegistration(writer, message.registration);
    case 'found':
      writer.unsigned(message.request).flag(message.registration !== undefined);
      if (message.registration !== undefined) writeRegistration(writer, message.registration);
      return;
    case 'confirm':
      writer.text(message.id).unsigned(message.token);
      return;
    case 'offered':
      writeRegistration(writer, message.registration);
      writer.flag(message.source !== undefined);
      if (message.source !== undefined) writeIdentity(writer, message.source);
      return;
    case 'superseded':
      return writeRegistration(writer, message.registration);
    case 'served':
      return;
    case 'claim':
      writer.unsigned(message.attempt).list(message.items, ({ partition, epoch, sequence, digest }) => {
        writer.unsigned(partition).unsigned(epoch).unsigned(sequence);
        writeDigest(writer, digest);
      });
      return;
    case 'report':
      writer.unsigned(message.attempt).flag(message.isLast);
      writer.list(message.items, (item) => writeReport(writer, item));
      return;
    case 'delta':
      writer.list(message.items, ({ partition, epoch, sequence, registration, isIdle, id, token }) => {
        writer
          .unsigned(partition)
          .unsigned(epoch)
          .unsigned(sequence)
          .u8(registration === undefined ? 0 : isIdle ? 2 : 1);
        if (registration === undefined) writer.text(id).unsigned(token);
        else writeRegistration(writer, registration);
      });
      return;
    case 'digest':
      writer.list(message.items, ({ partition, epoch, sequence, digest }) => {
        writer.unsigned(partition).unsigned(epoch).unsigned(sequence);
        writeDigest(writer, digest);
      });
      return;
    case 'state':
      writer.list(message.items, ({ partition, epoch, sequence, lastToken, part, parts, entries }) => {
        writer.unsigned(partition).unsigned(epoch).unsigned(sequence).unsigned(lastToken).unsigned(part).unsigned(parts);
        writer.list(entries, ({ registration, isIdle }) => {
          writer.flag(isIdle);
          writeRegistration(writer, registration);
        });
      });
      return;
    case 'agreed':
      writer.list(message.items, ({ partition, epoch, sequence }) => void writer.unsigned(partition).unsigned(epoch).unsigned(sequence));
      return;
    case 'pull':
      writer.list(message.partitions, (partition) => void writer.unsigned(partition));
  }
}

function readMessage(reader: ByteReader, type: RegistryMessage['type'], view: number): RegistryMessage {
  switch (type) {
    case 'register': {
      const request = reader.unsigned();
      const id = readId(reader);
      const kind = reader.name(KIND_BYTES_MAX);
      const placement = reader.flag() ? 'ring' : 'pinned';
      return { type, view, request, id, kind, placement, released: reader.unsigned(), init: readInit(reader) };
    }
    case 'lookup':
    case 'freed':
    case 'stale':
    case 'later':
      return { type, view, request: reader.unsigned(), id: readId(reader) };
    case 'release':
      return { type, view, request: reader.unsigned(), id: readId(reader), token: reader.unsigned() };
    case 'handOver':
      return {
        ...{ type, view, request: reader.unsigned(), id: readId(reader), token: reader.unsigned(), life: reader.unsigned() },
        since: reader.unsigned(),
        to: readIdentity(reader),
      };
    case 'take':
    case 'granted':
    case 'taken':
    case 'done':
      return { type, view, request: reader.unsigned(), registration: readRegistration(reader) };
    case 'returned':
      return { type, view, request: reader.unsigned(), mayHaveRun: reader.flag(), registration: readRegistration(reader) };
    case 'found':
      return { type, view, request: reader.unsigned(), registration: reader.flag() ? readRegistration(reader) : undefined };
    case 'confirm':
      return { type, view, id: readId(reader), token: reader.unsigned() };
    case 'offered':
      return { type, view, registration: readRegistration(reader), source: reader.flag() ? readIdentity(reader) : undefined };
    case 'superseded':
      return { type, view, registration: readRegistration(reader) };
    case 'served':
      return { type, view };
    case 'claim':
      return { type, view, attempt: reader.unsigned(), items: reader.list(ITEMS_MAX, () => ({ ...readVersion(reader), digest: readDigest(reader) })) };
    case 'report':
      return { type, view, attempt: reader.unsigned(), isLast: reader.flag(), items: reader.list(ITEMS_MAX, () => readReport(reader)) };
    case 'delta':
      return {
        ...{ type, view },
        items: reader.list(ITEMS_MAX, () => {
          const partition = readPartition(reader);
          const epoch = reader.unsigned();
          const sequence = reader.unsigned();
          const what = reader.u8();
          if (what > 2) return invalid(`a change of the kind ${what}`);
          if (what === 0) return { partition, epoch, sequence, registration: undefined, isIdle: false, id: readId(reader), token: reader.unsigned() };
          const registration = readRegistration(reader);
          return { partition, epoch, sequence, registration, isIdle: what === 2, id: registration.id, token: registration.token };
        }),
      };
    case 'digest':
      return { type, view, items: reader.list(ITEMS_MAX, () => ({ ...readVersion(reader), digest: readDigest(reader) })) };
    case 'state':
      return {
        ...{ type, view },
        items: reader.list(ITEMS_MAX, () => ({
          ...readVersion(reader),
          lastToken: reader.unsigned(),
          ...readPart(reader),
          entries: reader.list(ENTRIES_MAX, () => ({ isIdle: reader.flag(), registration: readRegistration(reader) })),
        })),
      };
    case 'agreed':
      return { type, view, items: reader.list(ITEMS_MAX, () => readVersion(reader)) };
    case 'pull':
      return { type, view, partitions: reader.list(ITEMS_MAX, () => readPartition(reader)) };
  }
}

function writeReport(writer: ByteWriter, { partition, part, parts, isSame, activations, epoch, sequence, lastToken, orphans }: ReportItem): void {
  writer.unsigned(partition).unsigned(part).unsigned(parts).flag(isSame);
  writer.list(activations, ({ registration, state }) => {
    writer.u8(STATES.indexOf(state));
    writeRegistration(writer, registration);
  });
  writer.unsigned(epoch).unsigned(sequence).unsigned(lastToken);
  writer.list(orphans, ({ registration, isIdle }) => {
    writer.flag(isIdle);
    writeRegistration(writer, registration);
  });
}

function readReport(reader: ByteReader): ReportItem {
  const partition = readPartition(reader);
  const { part, parts } = readPart(reader);
  const isSame = reader.flag();
  const activations = reader.list(ENTRIES_MAX, (): ReportedActivation => {
    const state = STATES[reader.u8()] ?? invalid('an activation in a state that is none');
    return { state, registration: readRegistration(reader) };
  });
  const version = { epoch: reader.unsigned(), sequence: reader.unsigned(), lastToken: reader.unsigned() };
  const orphans = reader.list(ENTRIES_MAX, (): Orphan => ({ isIdle: reader.flag(), registration: readRegistration(reader) }));
  return { partition, part, parts, isSame, activations, ...version, orphans };
}

function writeRegistration(writer: ByteWriter, { id, kind, host, token, life, placement, init }: Registration): void {
  writer.text(id).text(kind);
  writeIdentity(writer, host);
  writer
    .unsigned(token)
    .unsigned(token - life)
    .flag(placement === 'ring');
  writeInit(writer, init);
}

function readRegistration(reader: ByteReader): Registration {
  const id = readId(reader);
  const kind = reader.name(KIND_BYTES_MAX);
  const host = readIdentity(reader);
  const token = reader.unsigned();
  const life = token - reader.unsigned(token);
  return { id, kind, host, token, life, placement: reader.flag() ? 'ring' : 'pinned', init: readInit(reader) };
}

function writeInit(writer: ByteWriter, init: Uint8Array | undefined): void {
  writer.flag(init !== undefined);
  if (init !== undefined) writer.bytes(init);
}

function readInit(reader: ByteReader): Uint8Array | undefined {
  return reader.flag() ? reader.bytes(INIT_BYTES_MAX).slice() : undefined;
}

function writeDigest(writer: ByteWriter, { count, low, high }: DigestValue): void {
  writer.unsigned(count).u32(low).u32(high);
}

function readDigest(reader: ByteReader): DigestValue {
  return { count: reader.unsigned(), low: reader.u32(), high: reader.u32() };
}

function readVersion(reader: ByteReader): { readonly partition: number; readonly epoch: number; readonly sequence: number } {
  return { partition: readPartition(reader), epoch: reader.unsigned(), sequence: reader.unsigned() };
}

function readPart(reader: ByteReader): { readonly part: number; readonly parts: number } {
  const part = reader.unsigned(PARTS_MAX - 1);
  const parts = reader.unsigned(PARTS_MAX);
  return part < parts ? { part, parts } : invalid(`part ${part} of ${parts}`);
}

function readPartition(reader: ByteReader): number {
  return reader.unsigned(PARTITIONS - 1);
}

function readId(reader: ByteReader): string {
  const id = reader.text(ID_BYTES_MAX);
  return id === '' ? invalid('an empty id') : id;
}

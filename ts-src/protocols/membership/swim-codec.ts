/** The bytes of what failure detectors say to each other (`swim/swim-messages.ts`). */
import type { Reachability } from '../../model/cluster-snapshot.js';
import { type ByteReader, invalid } from '../bytes/byte-reader.js';
import type { ByteWriter } from '../bytes/byte-writer.js';
import { METADATA_BYTES_MAX, REFUTATION_MAX, RELAY_MS_MAX, type Rumour, RUMOURS_MAX, type SwimMessage } from '../swim/swim-messages.js';
import { readIdentity, readName, writeIdentity } from './identity-codec.js';

/** Places in these lists are on the wire: only ever add to their ends. */
export const SWIM_TYPES = [
  'ping',
  'pingRequest',
  'relayedPing',
  'ack',
  'relayedAck',
  'nack',
  'rumourRequest',
  'gossip',
  'descriptions',
] as const satisfies readonly SwimMessage['type'][];
const STATES: readonly Reachability[] = ['reachable', 'suspect', 'unreachable'];

export function writeSwimMessage(writer: ByteWriter, message: SwimMessage): void {
  if ('sequence' in message) writer.unsigned(message.sequence);
  if ('refutation' in message) writer.unsigned(message.refutation);
  if ('grant' in message) writer.unsigned(message.grant);
  if ('target' in message) writeIdentity(writer, message.target);
  if ('origin' in message) writeIdentity(writer, message.origin);
  if ('withinMs' in message) writer.unsigned(Math.ceil(message.withinMs));
  if ('about' in message) writer.list(message.about, (node) => writeIdentity(writer, node));
  if ('rumours' in message) writer.list(message.rumours, (rumour) => writeRumour(writer, rumour));
}

export function readSwimMessage(reader: ByteReader, type: SwimMessage['type']): SwimMessage {
  const sequence = type === 'gossip' || type === 'rumourRequest' || type === 'descriptions' ? 0 : reader.unsigned();
  switch (type) {
    case 'ping':
      return { type, sequence, refutation: reader.unsigned(REFUTATION_MAX), rumours: readRumours(reader) };
    case 'pingRequest': {
      const target = readIdentity(reader);
      const withinMs = reader.unsigned(RELAY_MS_MAX);
      return { type, sequence, target, withinMs: Math.max(1, withinMs), rumours: readRumours(reader) };
    }
    case 'relayedPing':
      return { type, sequence, origin: readIdentity(reader), rumours: readRumours(reader) };
    case 'ack': {
      const refutation = reader.unsigned(REFUTATION_MAX);
      return { type, sequence, refutation, grant: reader.unsigned(), rumours: readRumours(reader) };
    }
    case 'relayedAck': {
      const refutation = reader.unsigned(REFUTATION_MAX);
      const grant = reader.unsigned();
      return { type, sequence, refutation, grant, target: readIdentity(reader), rumours: readRumours(reader) };
    }
    case 'nack':
      return { type, sequence, target: readIdentity(reader) };
    case 'rumourRequest':
      return { type, about: reader.list(RUMOURS_MAX, () => readIdentity(reader)) };
    case 'gossip':
    case 'descriptions':
      return { type, rumours: readRumours(reader) };
  }
}

function writeRumour(writer: ByteWriter, { about, refutation, state, by, metadata }: Rumour): void {
  writeIdentity(writer, about);
  writer
    .unsigned(refutation)
    .u8(STATES.indexOf(state))
    .text(by)
    .flag(metadata !== undefined);
  if (metadata !== undefined) writer.bytes(metadata);
}

function readRumours(reader: ByteReader): readonly Rumour[] {
  return reader.list(RUMOURS_MAX, () => {
    const about = readIdentity(reader);
    const refutation = reader.unsigned(REFUTATION_MAX);
    const state = STATES[reader.u8()] ?? invalid('an unknown state of a member');
    const by = readName(reader);
    // A copy: the bytes are the datagram's.
    const metadata = reader.flag() ? reader.bytes(METADATA_BYTES_MAX).slice() : undefined;
    return { about, refutation, state, by, metadata };
  });
}

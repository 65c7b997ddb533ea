/**
 * The bytes of what memberships say to each other: who says it, whom it is for, the cluster and the number of the view that the sender knows, then one message of the failure detector or of the
 * views, and a checksum: a message that was damaged on the way is none, whatever carried it. Version 1. Whatever the bytes are, reading them gives a message within all limits or throws NEXUS_FRAME_INVALID.
 */
import { crc32 } from 'node:zlib';
import type { NodeIdentity } from '../../model/node-identity.js';
import { DATAGRAM_BYTES_MAX } from '../../ports/datagrams.js';
import { ByteReader, invalid, u32At } from '../bytes/byte-reader.js';
import { ByteWriter, setU32At } from '../bytes/byte-writer.js';
import type { SwimMessage } from '../swim/swim-messages.js';
import type { ViewMessage } from '../views/view-messages.js';
import { readIdentity, writeIdentity } from './identity-codec.js';
import { readSwimMessage, SWIM_TYPES, writeSwimMessage } from './swim-codec.js';
import { readViewMessage, VIEW_TYPES, writeViewMessage } from './view-codec.js';

/** Of the format; another one is refused. */
export const MEMBERSHIP_VERSION = 1;
/** CRC-32, at the end. */
const CHECKSUM_BYTES = 4;
/** Nearly all messages fit: longer ones take one more piece of memory, and shorter ones not four times theirs. */
const INITIAL_BYTES = 96;
/** Drawn by the founder. */
const CLUSTER_ID_BYTES_MAX = 32;

export type MembershipMessage = SwimMessage | ViewMessage;

export interface Envelope {
  readonly from: NodeIdentity;
  /** The incarnation that it is for; 0 for whoever is at the address. */
  readonly to: number;
  /** Empty from a node that is in no cluster. */
  readonly clusterId: string;
  /** Of the view that the sender knows; 0 for none. */
  readonly view: number;
  readonly message: MembershipMessage;
}

export function encodeMembership({ from, to, clusterId, view, message }: Envelope): Uint8Array {
  const writer = new ByteWriter(DATAGRAM_BYTES_MAX, INITIAL_BYTES);
  writer.u8(MEMBERSHIP_VERSION).u8(TYPES.indexOf(message.type));
  writeIdentity(writer, from);
  writer.unsigned(to).text(clusterId).unsigned(view);
  if (isSwimMessage(message)) writeSwimMessage(writer, message);
  else writeViewMessage(writer, message);
  const bytes = writer.u32(0).take();
  setU32At(bytes, bytes.length - CHECKSUM_BYTES, crc32(bytes.subarray(0, -CHECKSUM_BYTES)));
  return bytes;
}

/** Throws NEXUS_FRAME_INVALID. */
export function decodeMembership(bytes: Uint8Array): Envelope {
  if (bytes.length < CHECKSUM_BYTES + 2) return invalid(`${bytes.length} bytes, which is no message`);
  const version = bytes[0];
  if (version !== MEMBERSHIP_VERSION) return invalid(`version ${version} where ${MEMBERSHIP_VERSION} is spoken`);
  if (u32At(bytes, bytes.length - CHECKSUM_BYTES) !== crc32(bytes.subarray(0, -CHECKSUM_BYTES))) return invalid('another checksum than its bytes have');
  const reader = new ByteReader(bytes, 1, bytes.length - CHECKSUM_BYTES);
  const type = TYPES[reader.u8()];
  if (type === undefined) return invalid('an unknown type of message');
  const from = readIdentity(reader);
  const to = reader.unsigned();
  const clusterId = reader.text(CLUSTER_ID_BYTES_MAX);
  const view = reader.unsigned();
  const message = SWIM_NAMES.has(type) ? readSwimMessage(reader, type as SwimMessage['type']) : readViewMessage(reader, type as ViewMessage['type']);
  reader.done();
  return { from, to, clusterId, view, message };
}

/** For people: what a message is, by its first bytes only. */
export function messageName(bytes: Uint8Array): string {
  return TYPES[bytes[1] ?? TYPES.length] ?? 'unknown';
}

export function isSwimMessage(message: MembershipMessage): message is SwimMessage {
  return SWIM_NAMES.has(message.type);
}

/** Views begin at 32, so that either list may grow. */
const VIEW_TYPES_AT = 32;
const TYPES: readonly (SwimMessage['type'] | ViewMessage['type'] | undefined)[] = [
  ...SWIM_TYPES,
  ...new Array<undefined>(VIEW_TYPES_AT - SWIM_TYPES.length).fill(undefined),
  ...VIEW_TYPES,
];
const SWIM_NAMES: ReadonlySet<string> = new Set(SWIM_TYPES);

/**
 * The frames of the handshake as values, and their bytes: magic `NXSW`, type, body, CRC-32 of all before it. Offers carry fields at their end that later versions may add and this one skips,
 * and a refusal has the same form in all versions, so that two nodes can always say why they do not understand each other.
 */
import { type NodeAddress, type NodeIdentity, isHost, isNodeName } from '../../model/node-identity.js';
import { ByteReader, invalid } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { checksum, readU32 } from './frame-format.js';
import { REFUSAL_REASONS, type Refusal } from './refusal.js';
import { type CreditLane, HANDSHAKE_FRAME_BYTES_MAX, type LaneCredit, REASON_BYTES_MAX } from './wire-limits.js';

export const NONCE_BYTES = 16;
export const MAGIC = Uint8Array.of(0x4e, 0x58, 0x53, 0x57);
const HOST_BYTES_MAX = 255;
const ADDED_FIELDS_MAX = 16;

/** What the connection is for. The index is what travels. */
export const PURPOSES = ['control', 'data'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** Bits of `features`: what a side can do. Those that both can are used. */
export const FEATURE_BROTLI = 1;
/** It takes frames that say which sessions are superseded. */
export const FEATURE_SUPERSEDED = 2;

/** A field that was added after version 1: for processes of one machine, `SAME_HOST_BYTES` of where and under which name this one can be met there. */
const FIELD_SAME_HOST = 1;
export const SAME_HOST_BYTES = 32;

/** What each side says of itself. */
export interface Introduction {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly purpose: Purpose;
  readonly cluster: string;
  /** Known from joining on. */
  readonly clusterId: string | undefined;
  readonly identity: NodeIdentity;
  /** Where the node listens: of the membership in a control session, of the transport in a data session. */
  readonly address: NodeAddress;
  /** Whom it means to speak to, if it knows. */
  readonly expected: NodeIdentity | undefined;
  readonly nonce: Uint8Array;
  readonly frameBytes: number;
  readonly messageBytes: number;
  /** What it takes on each lane before it has consumed anything. */
  readonly credit: Readonly<Record<CreditLane, LaneCredit>>;
  readonly features: number;
  /** Typed arrays travel in the byte order of the machine. */
  readonly littleEndian: boolean;
  /** Where processes of its machine can meet it; absent if they cannot. */
  readonly sameHost?: Uint8Array | undefined;
}

export type HandshakeMessage =
  | { readonly type: 'hello'; readonly introduction: Introduction }
  | { readonly type: 'welcome'; readonly version: number; readonly echo: Uint8Array; readonly introduction: Introduction }
  | { readonly type: 'confirm'; readonly echo: Uint8Array }
  | { readonly type: 'refusal'; readonly refusal: Refusal; readonly versionMin: number; readonly versionMax: number };

const TYPES = ['hello', 'welcome', 'confirm', 'refusal'] as const;

export function isHandshakeFrame(bytes: Uint8Array): boolean {
  // Asked for every frame: without a call where the first byte is another.
  return bytes[0] === MAGIC[0] && MAGIC.every((byte, index) => bytes[index] === byte);
}

export function encodeHandshake(message: HandshakeMessage): Uint8Array {
  const out = new ByteWriter(HANDSHAKE_FRAME_BYTES_MAX, 512);
  for (const byte of MAGIC) out.u8(byte);
  out.u8(TYPES.indexOf(message.type));
  switch (message.type) {
    case 'hello':
      writeIntroduction(out, message.introduction);
      break;
    case 'welcome':
      out.unsigned(message.version).bytes(message.echo);
      writeIntroduction(out, message.introduction);
      break;
    case 'confirm':
      out.bytes(message.echo);
      break;
    case 'refusal':
      out.unsigned(REFUSAL_REASONS.indexOf(message.refusal.reason)).unsigned(message.versionMin).unsigned(message.versionMax);
      out.bytes(cutText(message.refusal.text));
      break;
  }
  const body = out.take();
  return out.u32(checksum(body)).take();
}

/** @throws NexusError NEXUS_FRAME_INVALID */
export function decodeHandshake(bytes: Uint8Array): HandshakeMessage {
  if (bytes.length > HANDSHAKE_FRAME_BYTES_MAX) invalid(`a handshake of ${bytes.length} bytes, where at most ${HANDSHAKE_FRAME_BYTES_MAX} are allowed`);
  if (!isHandshakeFrame(bytes) || bytes.length < MAGIC.length + 5) return invalid('it does not begin as a node of Nexus does');
  const end = bytes.length - 4;
  if (checksum(bytes.subarray(0, end)) !== readU32(bytes, end)) return invalid('the checksum of a handshake is wrong');
  const input = new ByteReader(bytes, MAGIC.length, end);
  const type = TYPES[input.u8()];
  switch (type) {
    case 'hello':
      return { type, introduction: readIntroduction(input) };
    case 'welcome':
      return { type, version: input.unsigned(0xffff), echo: readNonce(input), introduction: readIntroduction(input) };
    case 'confirm': {
      const echo = readNonce(input);
      input.done();
      return { type, echo };
    }
    case 'refusal': {
      const reason = REFUSAL_REASONS[input.unsigned(0xffff)] ?? 'other';
      const versionMin = input.unsigned(0xffff);
      const versionMax = input.unsigned(0xffff);
      return { type, versionMin, versionMax, refusal: { reason, text: input.text(REASON_BYTES_MAX) } };
    }
    default:
      return invalid('there is no such frame in a handshake');
  }
}

/** At most REASON_BYTES_MAX, cut between characters. */
export function cutText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text.slice(0, REASON_BYTES_MAX));
  let end = Math.min(bytes.length, REASON_BYTES_MAX);
  while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

function writeIntroduction(out: ByteWriter, { expected, ...said }: Introduction): void {
  out.unsigned(said.versionMin).unsigned(said.versionMax).u8(PURPOSES.indexOf(said.purpose));
  out.text(said.cluster).text(said.clusterId ?? '');
  out.text(said.identity.name).unsigned(said.identity.incarnation);
  out.text(said.address.host).unsigned(said.address.port);
  out.text(expected?.name ?? '').unsigned(expected?.incarnation ?? 0);
  out.bytes(said.nonce).unsigned(said.frameBytes).unsigned(said.messageBytes);
  for (const { bytes, messages } of [said.credit.normal, said.credit.bulk]) out.unsigned(bytes).unsigned(messages);
  out.unsigned(said.features).flag(said.littleEndian);
  // Fields that were added: a number and bytes each. Who does not know one skips it.
  out.unsigned(said.sameHost === undefined ? 0 : 1);
  if (said.sameHost !== undefined) out.unsigned(FIELD_SAME_HOST).bytes(said.sameHost);
}

function readIntroduction(input: ByteReader): Introduction {
  const versionMin = input.unsigned(0xffff);
  const versionMax = input.unsigned(0xffff);
  if (versionMin > versionMax) return invalid(`versions from ${versionMin} to ${versionMax}`);
  const purpose = PURPOSES[input.u8()] ?? invalid('there is no such purpose');
  const cluster = readName(input);
  const clusterId = input.text(64) || undefined;
  const identity = { name: readName(input), incarnation: input.unsigned() };
  const host = input.text(HOST_BYTES_MAX);
  if (!isHost(host)) return invalid('the host of an address has other characters than names and addresses have');
  const port = input.unsigned(65_535);
  const expectedName = input.text(63);
  const expectedIncarnation = input.unsigned();
  if (expectedName !== '' && !isNodeName(expectedName)) return invalid('the name that is called is none');
  const nonce = readNonce(input);
  const frameBytes = input.unsigned();
  const messageBytes = input.unsigned();
  const normal = { bytes: input.unsigned(), messages: input.unsigned() };
  const credit = { normal, bulk: { bytes: input.unsigned(), messages: input.unsigned() } };
  const features = input.unsigned(0xffff_ffff);
  const littleEndian = input.flag();
  const sameHost: Uint8Array[] = [];
  input.list(ADDED_FIELDS_MAX, () => {
    const field = input.unsigned();
    const bytes = input.bytes(HANDSHAKE_FRAME_BYTES_MAX);
    // Of another length it is of a version that means something else by it.
    if (field === FIELD_SAME_HOST && bytes.length === SAME_HOST_BYTES) sameHost.push(bytes.slice());
  });
  input.done();
  return {
    ...{
      versionMin,
      versionMax,
      purpose,
      cluster,
      clusterId,
      identity,
      address: { host, port },
      nonce,
      frameBytes,
      messageBytes,
      credit,
      features,
      littleEndian,
      ...(sameHost.length === 0 ? {} : { sameHost: sameHost[0] }),
    },
    expected: expectedName === '' ? undefined : { name: expectedName, incarnation: expectedIncarnation },
  };
}

function readName(input: ByteReader): string {
  const name = input.text(63);
  return isNodeName(name) ? name : invalid('a name is none');
}

function readNonce(input: ByteReader): Uint8Array {
  const nonce = input.bytes(NONCE_BYTES);
  return nonce.length === NONCE_BYTES ? nonce.slice() : invalid('a nonce is too short');
}

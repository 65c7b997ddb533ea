/**
 * The header that every frame after the handshake begins with, and its checksum:
 *
 *     0  u8   type            4  u32  bytes after the header      8  u32  number among the ordered frames of this direction, 0 in datagrams
 *     1  u8   lane            12 u32  CRC-32 of all of the frame but these four bytes, begun with the salt of the session and direction
 *     2  u16  flags           16      body
 *
 * Little endian. The salt is made of both nonces of the handshake, so that a frame of another session or of the other direction fails its check as a damaged one does.
 * It finds accidents, and is no proof of who sent the frame: that is what TLS is for.
 */
import { crc32 } from 'node:zlib';
import { NexusError } from '../../errors.js';

export const HEADER_BYTES = 16;
/** Up to that length the call into zlib, and the view that it wants, cost more than the sum itself. */
const SHORT_BYTES_MAX = 64;

/** Numbers of the protocol. The handshake's frames begin with a magic instead, whose first byte is none of these. */
export const FrameType = { batch: 1, fragment: 2, receipt: 3, ping: 4, pong: 5, goodbye: 6, datagram: 7, superseded: 8 } as const;
const TYPE_MAX = 8;

/** The last fragment of its message. No other frame has flags. */
export const FLAG_LAST = 1;

/** What is wrong with a frame or a sequence of them: the data of NEXUS_FRAME_INVALID has it as `violation`, for those who count. */
export type Violation =
  | 'handshake'
  | 'truncated'
  | 'tooLarge'
  | 'checksum'
  | 'unknownType'
  | 'header'
  | 'sequence'
  | 'batch'
  | 'fragment'
  | 'credit'
  | 'receipt'
  | 'ping'
  | 'goodbye'
  | 'compression'
  | 'message'
  | 'afterGoodbye'
  | 'superseded';

export function violation(kind: Violation, what: string): NexusError {
  return new NexusError('NEXUS_FRAME_INVALID', `what was received breaks the protocol (${kind}): ${what}`, { data: { violation: kind } });
}

/** The CRC that those of all frames of one direction of a session go on from. */
export function frameSalt(diallerNonce: Uint8Array, acceptorNonce: Uint8Array, byDialler: boolean): number {
  return crc32(Uint8Array.of(byDialler ? 1 : 2), crc32(acceptorNonce, crc32(diallerNonce)));
}

export function checksum(bytes: Uint8Array, salt = 0): number {
  return crc32(bytes, salt);
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320;
  return crc;
});

/** Of `bytes[start..end)`, going on from `crc`. */
function crcOf(bytes: Uint8Array, start: number, end: number, crc: number): number {
  if (end - start > SHORT_BYTES_MAX) return crc32(bytes.subarray(start, end), crc);
  let rest = ~crc;
  for (let at = start; at < end; at++) rest = (CRC_TABLE[(rest ^ (bytes[at] as number)) & 0xff] as number) ^ (rest >>> 8);
  return ~rest >>> 0;
}

/** Writes the header of the frame `bytes[start..end)`, of which the body is there already. */
export function sealFrame(
  bytes: Uint8Array,
  start: number,
  end: number,
  type: number,
  lane: number,
  flags: number,
  sequence: number,
  salt: number,
): Uint8Array {
  bytes[start] = type;
  bytes[start + 1] = lane;
  bytes[start + 2] = flags;
  bytes[start + 3] = 0;
  writeU32(bytes, start + 4, end - start - HEADER_BYTES);
  writeU32(bytes, start + 8, sequence);
  writeU32(bytes, start + 12, crcOf(bytes, start + HEADER_BYTES, end, crcOf(bytes, start, start + 12, salt)));
  return bytes.subarray(start, end);
}

/** A frame of its own. */
export function frameOf(type: number, lane: number, flags: number, sequence: number, salt: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes.set(body, HEADER_BYTES);
  return sealFrame(bytes, 0, bytes.length, type, lane, flags, sequence, salt);
}

/** Everything about a frame that can be checked without its session's state. @throws NexusError NEXUS_FRAME_INVALID */
export function checkFrame(bytes: Uint8Array, salt: number, frameBytesMax: number, datagramBytesMax: number): void {
  if (bytes.length < HEADER_BYTES) throw violation('truncated', `a frame of ${bytes.length} bytes`);
  const type = bytes[0] as number;
  const max = type === FrameType.datagram ? HEADER_BYTES + datagramBytesMax : frameBytesMax;
  if (bytes.length > max) throw violation('tooLarge', `a frame of ${bytes.length} bytes, where at most ${max} are allowed`);
  if (crcOf(bytes, HEADER_BYTES, bytes.length, crcOf(bytes, 0, 12, salt)) !== readU32(bytes, 12))
    throw violation('checksum', 'the checksum of a frame is wrong');
  if (type === 0 || type > TYPE_MAX) throw violation('unknownType', `there is no frame of type ${type}`);
  if (readU32(bytes, 4) !== bytes.length - HEADER_BYTES)
    throw violation('header', `a frame of ${bytes.length} bytes says that it has ${readU32(bytes, 4)} after its header`);
  const hasLane = type === FrameType.batch || type === FrameType.fragment;
  if ((bytes[1] as number) > (hasLane ? 2 : 0)) throw violation('header', `a frame of type ${type} has lane ${bytes[1]}`);
  const flags = (bytes[2] as number) | ((bytes[3] as number) << 8);
  if (flags > (type === FrameType.fragment ? FLAG_LAST : 0)) throw violation('header', `a frame of type ${type} has flags ${flags}`);
  if (type === FrameType.datagram && readU32(bytes, 8) !== 0) throw violation('header', 'a datagram has a number');
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

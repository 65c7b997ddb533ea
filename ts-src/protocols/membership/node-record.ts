/** What a node keeps on disk from one start to the next: the last incarnation that it has used. Bytes of which anything has changed are none: the node then goes by its clock, and by what the cluster tells it. */
import { ByteReader } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';

const VERSION = 1;
const BYTES_MAX = 64;

export interface NodeRecord {
  readonly incarnation: number;
}

export function encodeNodeRecord({ incarnation }: NodeRecord): Uint8Array {
  const writer = new ByteWriter(BYTES_MAX).u8(VERSION).unsigned(incarnation);
  return writer.u32(checksum(writer.take())).take();
}

export function decodeNodeRecord(bytes: Uint8Array): NodeRecord | undefined {
  try {
    const reader = new ByteReader(bytes);
    if (reader.u8() !== VERSION) return undefined;
    const incarnation = reader.unsigned();
    const expected = checksum(bytes.subarray(0, reader.offset));
    if (reader.u32() !== expected) return undefined;
    reader.done();
    return { incarnation };
  } catch {
    return undefined;
  }
}

/** FNV-1a: against damage, not against anybody. */
function checksum(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

/**
 * What a node keeps on disk from one start to the next: the last incarnation that it has used, and up to which number it may have known views. Bytes of which anything has changed are none: the node then goes by its clock, and by
 * what others tell it. Version 2; one of version 1 knows of no views.
 */
import { ByteReader } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';

const VERSION = 2;
const VERSION_WITHOUT_VIEWS = 1;
const BYTES_MAX = 64;

export interface NodeRecord {
  readonly incarnation: number;
  /** No view that the node has known has a greater number; 0 if it was in none. */
  readonly viewNumberMax: number;
}

export function encodeNodeRecord({ incarnation, viewNumberMax }: NodeRecord): Uint8Array {
  const writer = new ByteWriter(BYTES_MAX).u8(VERSION).unsigned(incarnation).unsigned(viewNumberMax);
  return writer.u32(checksum(writer.take())).take();
}

export function decodeNodeRecord(bytes: Uint8Array): NodeRecord | undefined {
  try {
    const reader = new ByteReader(bytes);
    const version = reader.u8();
    if (version !== VERSION && version !== VERSION_WITHOUT_VIEWS) return undefined;
    const incarnation = reader.unsigned();
    const viewNumberMax = version === VERSION ? reader.unsigned() : 0;
    const expected = checksum(bytes.subarray(0, reader.offset));
    if (reader.u32() !== expected) return undefined;
    reader.done();
    return { incarnation, viewNumberMax };
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

/**
 * Writes null, undefined, booleans, numbers, bigints, strings and runs of bytes at a position in memory that the caller owns, which may be
 * shared. Every method returns the position after what it wrote, or FULL when that would pass `limit`; it has then written nothing, or
 * garbage. Object graphs are the business of `value-writer.ts`.
 */

import { Extension, FULL, PADDED, Tag, TYPED_ARRAYS } from './extensions.js';

/** From this length on a call of `utf8Write` (70 ns) is cheaper than a loop over `charCodeAt` (2 ns a character). */
const LOOP_LENGTH_MAX = 31;

/**
 * Runs of bytes of this length or longer are aligned: copying to or from shared memory takes 0.25 ns a byte between addresses that differ
 * modulo 8, and 0.05 ns between such that do not.
 */
const ALIGNED_LENGTH_MIN = 256;

const UINT8 = TYPED_ARRAYS.indexOf(Uint8Array);

const NO_BYTES = new Uint8Array(0);

/** In Node 20, not yet in the ES2023 library types. */
interface WellFormed {
  isWellFormed(): boolean;
}

export class PrimitiveWriter {
  bytes: Uint8Array = NO_BYTES;
  limit = 0;
  protected view: DataView = new DataView(NO_BYTES.buffer);
  /** The same memory with the native string methods; made when a message first needs it. */
  private buffer: Buffer | undefined = undefined;
  private shared = false;

  /** Makes `bytes[..limit)` the memory to write to. */
  aim(bytes: Uint8Array, limit: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.buffer = undefined;
      this.shared = bytes.buffer instanceof SharedArrayBuffer;
    }
    this.limit = limit > bytes.length ? bytes.length : limit;
  }

  writeNumber(value: number, position: number): number {
    const { bytes, limit } = this;
    const integer = value | 0;
    // -0 is equal to its integer; only the reciprocal shows the sign.
    if (integer === value && (integer !== 0 || 1 / value > 0)) {
      if (integer < 128 && integer >= -32) {
        if (position >= limit) return FULL;
        bytes[position] = integer;
        return position + 1;
      }
      return this.writeInteger(integer, position);
    }
    if (limit - position < 9) return FULL;
    bytes[position] = 0xcb;
    this.view.setFloat64(position + 1, value);
    return position + 9;
  }

  private writeInteger(value: number, position: number): number {
    const { bytes, view, limit } = this;
    if (value >= -128 && value < 256) {
      if (limit - position < 2) return FULL;
      bytes[position] = value < 0 ? 0xd0 : 0xcc;
      bytes[position + 1] = value;
      return position + 2;
    }
    if (value >= -32768 && value < 65536) {
      if (limit - position < 3) return FULL;
      bytes[position] = value < 0 ? 0xd1 : 0xcd;
      view.setUint16(position + 1, value);
      return position + 3;
    }
    if (limit - position < 5) return FULL;
    bytes[position] = value < 0 ? 0xd2 : 0xce;
    view.setUint32(position + 1, value);
    return position + 5;
  }

  writeString(value: string, position: number): number {
    const length = value.length;
    if (length > LOOP_LENGTH_MAX) return this.writeLongString(value, position);
    if (this.limit - position <= length) return FULL;
    const bytes = this.bytes;
    bytes[position] = 0xa0 | length;
    let at = position + 1;
    let all = 0;
    let index = 0;
    // By fours: a quarter faster from 12 characters on.
    for (const end = length & ~3; index < end; index += 4) {
      const a = value.charCodeAt(index);
      const b = value.charCodeAt(index + 1);
      const c = value.charCodeAt(index + 2);
      const d = value.charCodeAt(index + 3);
      all |= a | b | c | d;
      bytes[at] = a;
      bytes[at + 1] = b;
      bytes[at + 2] = c;
      bytes[at + 3] = d;
      at += 4;
    }
    for (; index < length; index++) {
      const unit = value.charCodeAt(index);
      all |= unit;
      bytes[at++] = unit;
    }
    return all < 128 ? at : this.writeWideString(value, position);
  }

  /** More than 31 characters. One native call writes the text and tells whether all of it was ASCII. */
  private writeLongString(value: string, position: number): number {
    const length = value.length;
    const headerBytes = length < 256 ? 3 : length < 65_536 ? 4 : 6;
    const room = this.limit - position - headerBytes;
    if (room < length) return FULL;
    // Without this much room `utf8Write` may stop early, and the number it returns would say nothing.
    if (room < length * 3) {
      if (Buffer.byteLength(value) !== length) return this.writeWideString(value, position);
    }
    this.writeExtensionHeader(Extension.latin1, length, position);
    const written = this.asBuffer().write(value, position + headerBytes, Math.min(length * 3, room), 'utf8');
    if (written === length) return position + headerBytes + length;
    return this.writeWideString(value, position);
  }

  /** Text that is not ASCII: UTF-8, or UTF-16 where lone surrogates would not survive that. */
  private writeWideString(value: string, position: number): number {
    const { bytes, view, limit } = this;
    if (!(value as unknown as WellFormed).isWellFormed()) return this.writeUtf16(value, position);
    const byteLength = Buffer.byteLength(value);
    const headerBytes = byteLength < 256 ? 2 : byteLength < 65_536 ? 3 : 5;
    if (limit - position < headerBytes + byteLength) return FULL;
    if (headerBytes === 2) {
      bytes[position] = 0xd9;
      bytes[position + 1] = byteLength;
    } else if (headerBytes === 3) {
      bytes[position] = 0xda;
      view.setUint16(position + 1, byteLength);
    } else {
      bytes[position] = 0xdb;
      view.setUint32(position + 1, byteLength);
    }
    this.asBuffer().write(value, position + headerBytes, byteLength, 'utf8');
    return position + headerBytes + byteLength;
  }

  private writeUtf16(value: string, position: number): number {
    const start = this.writeExtensionHeader(Extension.utf16, value.length * 2, position);
    if (start === FULL) return FULL;
    this.asBuffer().write(value, start, value.length * 2, 'utf16le');
    return start + value.length * 2;
  }

  writeBigint(value: bigint, position: number): number {
    const signed = BigInt.asIntN(64, value) === value;
    if (signed || BigInt.asUintN(64, value) === value) {
      if (this.limit - position < 9) return FULL;
      this.bytes[position] = signed ? 0xd3 : 0xcf;
      this.view.setBigInt64(position + 1, value);
      return position + 9;
    }
    const digits = (value < 0n ? -value : value).toString(16);
    const start = this.writeExtensionHeader(Extension.bigint, digits.length + 1, position);
    if (start === FULL) return FULL;
    this.bytes[start] = value < 0n ? 1 : 0;
    this.asBuffer().write(digits, start + 1, digits.length, 'latin1');
    return start + 1 + digits.length;
  }

  /** null, undefined and booleans. */
  writeConstant(value: null | undefined | boolean, position: number): number {
    if (value === undefined) return this.writeTag(Tag.undefined, position);
    if (position >= this.limit) return FULL;
    this.bytes[position] = value === null ? 0xc0 : value ? 0xc3 : 0xc2;
    return position + 1;
  }

  writeTag(tag: number, position: number): number {
    if (this.limit - position < 2) return FULL;
    this.bytes[position] = 0xc1;
    this.bytes[position + 1] = tag;
    return position + 2;
  }

  writeUint32(value: number, position: number): number {
    if (this.limit - position < 4) return FULL;
    this.view.setUint32(position, value);
    return position + 4;
  }

  writeFloat64(value: number, position: number): number {
    if (this.limit - position < 8) return FULL;
    this.view.setFloat64(position, value);
    return position + 8;
  }

  writeArrayHeader(count: number, position: number): number {
    return this.writeCount(count, position, 0x90, 0xdc);
  }

  writeMapHeader(count: number, position: number): number {
    return this.writeCount(count, position, 0x80, 0xde);
  }

  private writeCount(count: number, position: number, short: number, long: number): number {
    const room = this.limit - position;
    if (count < 16) {
      if (room < 1) return FULL;
      this.bytes[position] = short | count;
      return position + 1;
    }
    if (count < 65_536) {
      if (room < 3) return FULL;
      this.bytes[position] = long;
      this.view.setUint16(position + 1, count);
      return position + 3;
    }
    if (room < 5) return FULL;
    this.bytes[position] = long + 1;
    this.view.setUint32(position + 1, count);
    return position + 5;
  }

  /** The bytes of a Uint8Array. */
  writeBinary(source: Uint8Array, position: number): number {
    const length = source.length;
    if (length >= ALIGNED_LENGTH_MIN) return this.writeAligned(Extension.typedArrays + UINT8, source, position);
    const start = this.writeLength(0xc4, length, position);
    if (start === FULL || this.limit - start < length) return FULL;
    this.bytes.set(source, start);
    return start + length;
  }

  /** The bytes of something else. */
  writeRun(type: number, source: Uint8Array, position: number): number {
    if (source.length >= ALIGNED_LENGTH_MIN) return this.writeAligned(type, source, position);
    const start = this.writeExtensionHeader(type, source.length, position);
    if (start === FULL) return FULL;
    this.bytes.set(source, start);
    return start + source.length;
  }

  /** With padding, so that the bytes start at a multiple of 8 of the memory. */
  private writeAligned(type: number, source: Uint8Array, position: number): number {
    const length = source.length;
    const { bytes, view, limit } = this;
    const padding = -(bytes.byteOffset + position + 7) & 7;
    if (limit - position < 7 + padding + length) return FULL;
    bytes[position] = 0xc9;
    view.setUint32(position + 1, length);
    bytes[position + 5] = type | PADDED;
    bytes[position + 6] = padding;
    const start = position + 7 + padding;
    // Copying twice, the first time between private buffers, is faster than once between different alignments.
    bytes.set(this.shared && (source.byteOffset & 7) !== 0 ? source.slice() : source, start);
    return start + length;
  }

  /** Checks the room for the content too. */
  private writeExtensionHeader(type: number, length: number, position: number): number {
    const start = this.writeLength(0xc7, length, position);
    if (start === FULL || this.limit - start <= length) return FULL;
    this.bytes[start] = type;
    return start + 1;
  }

  private writeLength(lead: number, length: number, position: number): number {
    if (this.limit - position < 5) {
      const headerBytes = length < 256 ? 2 : length < 65_536 ? 3 : 5;
      if (this.limit - position < headerBytes) return FULL;
    }
    const { bytes, view } = this;
    if (length < 256) {
      bytes[position] = lead;
      bytes[position + 1] = length;
      return position + 2;
    }
    if (length < 65_536) {
      bytes[position] = lead + 1;
      view.setUint16(position + 1, length);
      return position + 3;
    }
    bytes[position] = lead + 2;
    view.setUint32(position + 1, length);
    return position + 5;
  }

  private asBuffer(): Buffer {
    this.buffer ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.buffer;
  }
}

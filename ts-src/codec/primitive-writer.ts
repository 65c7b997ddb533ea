/**
 * Writes null, undefined, booleans, numbers, bigints and runs of bytes, with the conventions of `text-writer.ts`. Object graphs are the
 * business of `value-writer.ts`.
 */

import { Extension, FULL, PADDED, Tag, TYPED_ARRAYS } from './extensions.js';
import { TextWriter } from './text-writer.js';

/**
 * Runs of bytes of this length or longer are aligned: copying to or from shared memory takes 0.25 ns a byte between addresses that differ
 * modulo 8, and 0.05 ns between such that do not.
 */
const ALIGNED_LENGTH_MIN = 256;

const UINT8 = TYPED_ARRAYS.indexOf(Uint8Array);

export class PrimitiveWriter extends TextWriter {
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
    // Whatever was in this memory before goes nowhere else.
    for (let at = position + 7; at < start; at++) bytes[at] = 0;
    // Copying twice, the first time between private buffers, is faster than once between different alignments.
    bytes.set(this.shared && (source.byteOffset & 7) !== 0 ? new Uint8Array(source) : source, start);
    return start + length;
  }
}

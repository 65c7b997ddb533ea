/**
 * Writes strings, and the headers of what has a length, at a position in memory that the caller owns, which may be shared. Every method
 * returns the position after what it wrote, or FULL when that would pass `limit`; the bytes up to the limit are then garbage.
 */

import { Extension, FULL } from './extensions.js';
import { plainView } from './plain-view.js';

/** From this length on a call of `utf8Write` (70 ns) is cheaper than a loop over `charCodeAt` (2 ns a character). */
const LOOP_LENGTH_MAX = 31;

const NO_BYTES = new Uint8Array(0);

/** In Node 20, not yet in the ES2023 library types. */
interface WellFormed {
  isWellFormed(): boolean;
}

export class TextWriter {
  bytes: Uint8Array = NO_BYTES;
  limit = 0;
  /** What the caller gave. */
  private target: Uint8Array = NO_BYTES;
  protected view: DataView = new DataView(NO_BYTES.buffer);
  /** The same memory with the native string methods; made when a message first needs it. */
  private buffer: Buffer | undefined = undefined;
  protected shared = false;

  /** Makes `bytes[..limit)` the memory to write to. */
  aim(bytes: Uint8Array, limit: number): void {
    if (bytes !== this.target) {
      this.target = bytes;
      this.bytes = plainView(bytes);
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.buffer = undefined;
      this.shared = bytes.buffer instanceof SharedArrayBuffer;
    }
    this.limit = Math.min(limit, bytes.length);
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
    // Latin-1, so that western text is as fast as ASCII. By fours: a quarter faster from 12 characters on.
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
    return all < 256 ? at : this.writeShortWideString(value, position);
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

  /** At most 31 characters, not all Latin-1, at most 93 bytes: by hand a third of the time of the three native calls of `writeWideString`. */
  private writeShortWideString(value: string, position: number): number {
    const { bytes, limit } = this;
    const length = value.length;
    if (limit - position < 2 + 3 * length) return this.writeWideString(value, position);
    let at = position + 2;
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit < 0x80) {
        bytes[at++] = unit;
      } else if (unit < 0x800) {
        bytes[at++] = 0xc0 | (unit >> 6);
        bytes[at++] = 0x80 | (unit & 0x3f);
      } else if (unit < 0xd800 || unit >= 0xe000) {
        bytes[at++] = 0xe0 | (unit >> 12);
        bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
        bytes[at++] = 0x80 | (unit & 0x3f);
      } else {
        // NaN past the end of the string, which is no low surrogate either.
        const low = value.charCodeAt(++index);
        if (unit >= 0xdc00 || !(low >= 0xdc00 && low < 0xe000)) return this.writeUtf16(value, position);
        const point = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
        bytes[at++] = 0xf0 | (point >> 18);
        bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
        bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
        bytes[at++] = 0x80 | (point & 0x3f);
      }
    }
    bytes[position] = 0xd9;
    bytes[position + 1] = at - position - 2;
    return at;
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

  /** Checks the room for the content too. */
  protected writeExtensionHeader(type: number, length: number, position: number): number {
    const start = this.writeLength(0xc7, length, position);
    if (start === FULL || this.limit - start <= length) return FULL;
    this.bytes[start] = type;
    return start + 1;
  }

  protected writeLength(lead: number, length: number, position: number): number {
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

  protected asBuffer(): Buffer {
    this.buffer ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.buffer;
  }
}

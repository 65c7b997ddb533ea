/**
 * Reads numbers, strings, bigints and runs of bytes out of memory that is reused as soon as the message is decoded: everything is copied.
 * Lengths are checked against `end` before anything is allocated. Single bytes and short strings are not checked: past `end` they are
 * whatever comes next, and the caller finds at the end of the message that `position` is not `end`.
 */

import { isUtf8 } from 'node:buffer';
import { NexusError } from '../errors.js';
import { Extension, PADDED, TYPED_ARRAYS } from './extensions.js';
import { plainView } from './plain-view.js';
import { SHORT_STRING_LENGTH_MAX, shortString } from './short-string.js';

const NO_BYTES = new Uint8Array(0);

/** Methods of Buffer that the types do not know; `toString` and its checks cost 30 ns more. */
interface NativeSlices {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

export class PrimitiveReader {
  bytes: Uint8Array = NO_BYTES;
  position = 0;
  end = 0;
  strictText = false;
  /** What the caller gave. */
  private target: Uint8Array = NO_BYTES;
  /** Made when a message first has a number that needs it: where every message comes in memory of its own, few do. */
  private dataView: DataView | undefined = undefined;
  /** The same memory with the native string methods; made when a message first needs it. */
  private buffer: (Buffer & NativeSlices) | undefined = undefined;

  protected aim(bytes: Uint8Array, offset: number, end: number): void {
    if (bytes !== this.target) {
      this.target = bytes;
      this.bytes = plainView(bytes);
      this.dataView = undefined;
      this.buffer = undefined;
    }
    this.position = offset;
    this.end = end;
  }

  protected get view(): DataView {
    const { bytes } = this;
    this.dataView ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.dataView;
  }

  /** Lets go of the memory. */
  forgetMemory(): void {
    this.aim(NO_BYTES, 0, 0);
  }

  /** Moves on by `count` bytes and returns where they start. */
  protected take(count: number): number {
    const position = this.position;
    if (this.end - position < count) throw corrupt('it ends too early');
    this.position = position + count;
    return position;
  }

  readUint8(): number {
    return this.bytes[this.take(1)] as number;
  }

  /** Without the view: most messages that come in memory of their own have no other use for one. */
  readUint16(): number {
    const at = this.take(2);
    const { bytes } = this;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  readUint32(): number {
    const at = this.take(4);
    const { bytes } = this;
    return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
  }

  readFloat64(): number {
    return this.view.getFloat64(this.take(8));
  }

  /** A count of things that take at least `bytesEach`. */
  protected checkCount(count: number, bytesEach: number): number {
    if ((this.end - this.position) / bytesEach < count) throw corrupt('a count is larger than the message');
    return count;
  }

  readUtf8(length: number): string {
    const start = this.take(length);
    const text = this.asBuffer().utf8Slice(start, start + length);
    if (this.strictText && text.includes('\ufffd') && !isUtf8(this.bytes.subarray(start, start + length))) throw corrupt('a text is not UTF-8');
    return text;
  }

  private readLatin1(length: number): string {
    const start = this.take(length);
    return this.asBuffer().latin1Slice(start, start + length);
  }

  /** Fewer than 32 characters, one byte each. */
  readShortString(length: number): string {
    if (length > SHORT_STRING_LENGTH_MAX) return this.readLatin1(length);
    const position = this.position;
    this.position = position + length;
    return shortString(this.bytes, position, length);
  }

  readBinary(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.slice(start, start + length);
  }

  /** What follows the length of an extension. */
  readExtension(length: number): unknown {
    const lead = this.readUint8();
    if ((lead & PADDED) !== 0) this.take(this.readUint8());
    const type = lead & ~PADDED;
    switch (type) {
      case Extension.latin1:
        return this.readLatin1(length);
      case Extension.utf16: {
        const start = this.take(length);
        return this.asBuffer().ucs2Slice(start, start + length);
      }
      case Extension.bigint:
        return this.readDigits(length);
      case Extension.arrayBuffer:
        return this.copy(length);
      case Extension.dataView:
        return new DataView(this.copy(length));
      default: {
        const typedArray = TYPED_ARRAYS[type - Extension.typedArrays];
        if (typedArray === undefined) throw corrupt(`there is no extension ${type}`);
        if (typedArray === Uint8Array) return this.readBinary(length);
        if (length % typedArray.BYTES_PER_ELEMENT !== 0) throw corrupt('a typed array has a broken element');
        return new typedArray(this.copy(length));
      }
    }
  }

  private readDigits(length: number): bigint {
    if (length < 2) throw corrupt('a bigint has no digits');
    const negative = this.readUint8() === 1;
    const digits = this.readLatin1(length - 1);
    if (!/^[0-9a-f]+$/.test(digits)) throw corrupt('a bigint has other characters than digits');
    const magnitude = BigInt(`0x${digits}`);
    return negative ? -magnitude : magnitude;
  }

  /** Memory of its own. */
  private copy(length: number): ArrayBuffer {
    return this.readBinary(length).buffer as ArrayBuffer;
  }

  private asBuffer(): Buffer & NativeSlices {
    this.buffer ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength) as Buffer & NativeSlices;
    return this.buffer;
  }
}

export function corrupt(reason: string): NexusError {
  return new NexusError('NEXUS_MESSAGE_CORRUPT', `the bytes are not an encoded message: ${reason}`);
}

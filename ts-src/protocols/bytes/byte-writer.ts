/** Writes the small messages of protocols: little endian, lengths before contents, numbers of variable length as in LEB128. Grows as needed, up to a limit. Not for messages of agents (`codec/`). */
import { NexusError } from '../../errors.js';

const utf8 = new TextEncoder();
/** Its length takes one byte. */
const SHORT = 64;

export class ByteWriter {
  #bytes: Uint8Array;
  #at = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number, initialBytes = 256) {
    this.#bytesMax = bytesMax;
    this.#bytes = new Uint8Array(Math.min(bytesMax, initialBytes));
  }

  get length(): number {
    return this.#at;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** What was written, in the memory of this writer: good until that writes again. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Begins anew in the same memory. */
  reset(): this {
    this.#at = 0;
    return this;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    setU32At(this.#bytes, this.#at, value);
    this.#at += 4;
    return this;
  }

  f64(value: number): this {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true);
    this.#at += 8;
    return this;
  }

  /** A whole number from 0 to 2^53 - 1: a byte for each 7 bits. */
  unsigned(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.unsigned(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  text(value: string): this {
    return value.length <= SHORT && this.#shortAscii(value) ? this : this.bytes(utf8.encode(value));
  }

  flag(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  list<T>(values: readonly T[], each: (value: T) => void): this {
    this.unsigned(values.length);
    for (const value of values) each(value);
    return this;
  }

  /** Names are short, and nearly always ASCII: a loop takes a fraction of the encoder's time. Whether it was. */
  #shortAscii(value: string): boolean {
    const { length } = value;
    this.#reserve(length + 1);
    const bytes = this.#bytes;
    const at = this.#at + 1;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 127) return false;
      bytes[at + index] = code;
    }
    bytes[at - 1] = length;
    this.#at = at + length;
    return true;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#bytesMax)
      throw new NexusError('NEXUS_MESSAGE_TOO_LARGE', `the message of a protocol has more than ${this.#bytesMax} bytes`, {
        data: { bytesMax: this.#bytesMax },
      });
    const larger = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.#bytes.length * 2)));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

/** Little endian. */
export function setU32At(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

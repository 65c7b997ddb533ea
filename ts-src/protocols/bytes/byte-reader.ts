/** Reads what `byte-writer.ts` writes, from bytes of strangers: whatever they are, it either gives a value within the limits it was told, or throws NEXUS_FRAME_INVALID. It allocates no more than the bytes could hold. */
import { NexusError } from '../../errors.js';
import type { Recurring } from './recurring.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const SHORT = 64;
/** By length, what the characters of a short text are put together in: a view of the bytes for each text costs more than the text. */
const CHARACTERS: readonly number[][] = Array.from({ length: SHORT + 1 }, (_, length) => new Array<number>(length).fill(0));

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  /** Undefined: every name is read as another string. */
  readonly recurring: Recurring | undefined;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length, recurring?: Recurring) {
    this.#bytes = bytes;
    this.#at = offset;
    this.#end = end;
    this.recurring = recurring;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    this.#need(1);
    return this.#bytes[this.#at++] as number;
  }

  u32(): number {
    this.#need(4);
    const value = u32At(this.#bytes, this.#at);
    this.#at += 4;
    return value;
  }

  /** Finite. */
  f64(): number {
    this.#need(8);
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).getFloat64(0, true);
    this.#at += 8;
    return Number.isFinite(value) ? value : invalid('a number that is not finite');
  }

  unsigned(max = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        // One way to write each number.
        if (byte === 0 && count > 0) return invalid('a number written longer than it need be');
        return value <= max ? value : invalid(`${value} where at most ${max} is allowed`);
      }
      scale *= 128;
    }
    return invalid('a number of more than 8 bytes');
  }

  /** A view: who keeps it copies it. */
  bytes(lengthMax: number): Uint8Array {
    const start = this.#skip(lengthMax);
    return this.#bytes.subarray(start, this.#at);
  }

  /** A reader of the bytes that follow behind their length. */
  part(lengthMax: number): ByteReader {
    const start = this.#skip(lengthMax);
    return new ByteReader(this.#bytes, start, this.#at, this.recurring);
  }

  text(bytesMax: number): string {
    const start = this.#skip(bytesMax);
    // Names: the decoder takes several times as long for them.
    if (this.#at - start <= SHORT) {
      const text = this.#shortAscii(start);
      if (text !== undefined) return text;
    }
    try {
      return utf8.decode(this.#bytes.subarray(start, this.#at));
    } catch {
      return invalid('text that is not UTF-8');
    }
  }

  /** A text that others say too, and that is kept. */
  name(bytesMax: number): string {
    if (this.recurring === undefined) return this.text(bytesMax);
    const before = this.#at;
    const start = this.#skip(bytesMax);
    const name = this.recurring.text(this.#bytes, start, this.#at);
    if (name !== undefined) return name;
    this.#at = before;
    return this.text(bytesMax);
  }

  flag(): boolean {
    const value = this.u8();
    return value > 1 ? invalid(`${value} where 0 or 1 is expected`) : value === 1;
  }

  /** Each value takes at least a byte, so that a length that lies is found before it costs memory. */
  list<T>(countMax: number, each: () => T): T[] {
    const count = this.unsigned(countMax);
    this.#need(count);
    const values: T[] = [];
    for (let index = 0; index < count; index++) values.push(each());
    return values;
  }

  /** Nothing may follow. */
  done(): void {
    if (this.#at !== this.#end) invalid(`${this.#end - this.#at} bytes more than expected`);
  }

  /** Behind the bytes that follow behind their length: where they begin. */
  #skip(lengthMax: number): number {
    const length = this.unsigned(lengthMax);
    this.#need(length);
    const start = this.#at;
    this.#at += length;
    return start;
  }

  /** Undefined if it is not ASCII. */
  #shortAscii(start: number): string | undefined {
    const length = this.#at - start;
    const characters = CHARACTERS[length] as number[];
    for (let index = 0; index < length; index++) {
      const byte = this.#bytes[start + index] as number;
      if (byte > 127) return undefined;
      characters[index] = byte;
    }
    return String.fromCharCode.apply(undefined, characters);
  }

  #need(count: number): void {
    if (count > this.#end - this.#at) invalid(`it ends where ${count} more bytes are expected`);
  }
}

/** Little endian. A `DataView` for each message costs more than the message. */
export function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}

export function invalid(what: string): never {
  throw new NexusError('NEXUS_FRAME_INVALID', `what was received cannot be understood: ${what}`);
}

/** Reads what `byte-writer.ts` writes, from bytes of strangers: whatever they are, it either gives a value within the limits it was told, or throws NEXUS_FRAME_INVALID. It allocates no more than the bytes could hold. */
import { NexusError } from '../../errors.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const SHORT = 64;

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = offset;
    this.#end = end;
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
    const length = this.unsigned(lengthMax);
    this.#need(length);
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  text(bytesMax: number): string {
    const bytes = this.bytes(bytesMax);
    // Names: the decoder takes several times as long for them.
    if (bytes.length <= SHORT && isAscii(bytes)) return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
    try {
      return utf8.decode(bytes);
    } catch {
      return invalid('text that is not UTF-8');
    }
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

  #need(count: number): void {
    if (count > this.#end - this.#at) invalid(`it ends where ${count} more bytes are expected`);
  }
}

/** Little endian. A `DataView` for each message costs more than the message. */
export function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}

function isAscii(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) if ((bytes[index] as number) > 127) return false;
  return true;
}

export function invalid(what: string): never {
  throw new NexusError('NEXUS_FRAME_INVALID', `what was received cannot be understood: ${what}`);
}

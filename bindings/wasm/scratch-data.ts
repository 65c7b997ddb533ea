/**
 * The part of a thread's scratch area through which names and payloads go to its WebAssembly code and come back: the name's UTF-8 bytes, zero-padded to a word, then
 * the payload's, likewise, which is how a record holds them. Written over by every call; owned by one table.
 */
import * as L from '../../layout/generated/layout.js';
import { optionError } from '../../ts-src/errors.js';
import type { SharedMemory } from '../shared-memory.js';

const DATA_BYTES = L.SCRATCH_BYTES - L.SCRATCH_WORD_DATA * 4;

export class ScratchData {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;

  constructor(shared: SharedMemory, thread: number) {
    const offset = shared.scratchOffset + thread * L.SCRATCH_BYTES + L.SCRATCH_WORD_DATA * 4;
    this.#words = new Int32Array(shared.memory.buffer, offset, DATA_BYTES / 4);
    this.#bytes = Buffer.from(shared.memory.buffer as unknown as ArrayBuffer, offset, DATA_BYTES);
  }

  /** Returns the name's bytes. 0 or more than 1,024 are a `NexusTypeError`. A lone surrogate becomes U+FFFD. `first` is the word it begins at. */
  setKey(key: string, first = 0): number {
    const length = key.length;
    checkLength(length);
    const words = this.#words;
    let units = 0;
    let index = 0;
    // Whole words at a time: bytes stored one by one would have to leave the store buffer before they can be loaded as words.
    for (; index + 4 <= length; index += 4) {
      const a = key.charCodeAt(index);
      const b = key.charCodeAt(index + 1);
      const c = key.charCodeAt(index + 2);
      const d = key.charCodeAt(index + 3);
      units |= a | b | c | d;
      words[first + (index >>> 2)] = a | (b << 8) | (c << 16) | (d << 24);
    }
    let last = 0;
    for (let shift = 0; index < length; index++, shift += 8) {
      const unit = key.charCodeAt(index);
      units |= unit;
      last |= unit << shift;
    }
    words[first + (length >>> 2)] = last;
    return units < 128 ? length : this.#encode(key, first * 4);
  }

  /** Appends the payload to a name of `keyBytes` bytes. */
  setPayload(keyBytes: number, payload: Uint8Array): void {
    const at = (keyBytes + 3) & ~3;
    this.#bytes.set(payload, at);
    this.#bytes.fill(0, at + payload.length, at + payload.length + 3);
  }

  text(length: number): string {
    return this.#bytes.toString('utf8', 0, length);
  }

  copy(length: number): Uint8Array {
    return Buffer.from(this.#bytes.subarray(0, length));
  }

  #encode(key: string, at: number): number {
    const length = Buffer.byteLength(key, 'utf8');
    checkLength(length);
    this.#bytes.write(key, at, 'utf8');
    this.#bytes.fill(0, at + length, at + length + 3);
    return length;
  }
}

/** Of a name in bytes, or in UTF-16 units, of which it cannot have more than bytes. */
function checkLength(length: number): void {
  if (length > 0 && length <= L.KEY_BYTES_MAX) return;
  throw optionError('id', `has ${length} bytes; an id has 1 to ${L.KEY_BYTES_MAX} bytes of UTF-8`);
}

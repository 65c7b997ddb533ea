/**
 * The name a table call is about: encoded as UTF-8 into words that are compared and copied as they are, with its keyed hash. One buffer that is
 * written over by every call; owned by one table.
 */
import * as L from '../../layout/generated/layout.js';
import { type NexusTypeError, optionError } from '../../ts-src/errors.js';
import { halfSipHash } from './half-sip-hash.js';

export class EncodedKey {
  /** The bytes, zero-padded to a word. */
  readonly words: Int32Array;
  byteLength = 0;
  hash = 0;
  readonly #bytes = Buffer.alloc(L.KEY_BYTES_MAX + 4);
  readonly #seed0: number;
  readonly #seed1: number;

  constructor(seed0: number, seed1: number) {
    this.words = new Int32Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length / 4);
    this.#seed0 = seed0;
    this.#seed1 = seed1;
  }

  /** A name of 0 or more than 1,024 bytes is a `NexusTypeError`. A lone surrogate becomes U+FFFD. */
  set(key: string): void {
    const length = key.length;
    if (length === 0 || length > L.KEY_BYTES_MAX) throw keyError(length);
    const words = this.words;
    let units = 0;
    let index = 0;
    // Whole words at a time: bytes stored one by one would have to leave the store buffer before they can be loaded as words.
    for (; index + 4 <= length; index += 4) {
      const a = key.charCodeAt(index);
      const b = key.charCodeAt(index + 1);
      const c = key.charCodeAt(index + 2);
      const d = key.charCodeAt(index + 3);
      units |= a | b | c | d;
      words[index >>> 2] = a | (b << 8) | (c << 16) | (d << 24);
    }
    let last = 0;
    for (let shift = 0; index < length; index++, shift += 8) {
      const unit = key.charCodeAt(index);
      units |= unit;
      last |= unit << shift;
    }
    words[length >>> 2] = last;
    this.byteLength = units < 128 ? length : this.#encode(key);
    this.hash = halfSipHash(words, this.byteLength, this.#seed0, this.#seed1);
  }

  #encode(key: string): number {
    const length = Buffer.byteLength(key, 'utf8');
    if (length > L.KEY_BYTES_MAX) throw keyError(length);
    this.#bytes.write(key, 0, 'utf8');
    this.#bytes.fill(0, length, length + 3);
    return length;
  }
}

/** Throws for the first name that is not one: before a list is begun, so that a mistake in it changes nothing. */
export function checkKeys(keys: readonly string[]): void {
  for (const key of keys) {
    const { length } = key;
    if (length === 0 || length > L.KEY_BYTES_MAX) throw keyError(length);
    // A UTF-16 unit takes at most 3 bytes.
    if (length * 3 <= L.KEY_BYTES_MAX) continue;
    const bytes = Buffer.byteLength(key, 'utf8');
    if (bytes > L.KEY_BYTES_MAX) throw keyError(bytes);
  }
}

function keyError(length: number): NexusTypeError {
  return optionError('id', `has ${length} bytes; an id has 1 to ${L.KEY_BYTES_MAX} bytes of UTF-8`);
}

/** Copies names and payloads out of records that their owners may reuse meanwhile. Part of the portable routing table, whose file says what is validated and why. */
import * as L from '../../layout/generated/layout.js';
import type { SharedMemory } from '../shared-memory.js';
import { loadByteWord } from './record-words.js';

const RECORD_WORDS = L.RECORD_BYTES / 4;
const INLINE_WORDS = L.RECORD_INLINE_BYTES / 4;
const EXTENSION_WORDS = L.EXTENSION_INLINE_BYTES / 4;

export class RecordReader {
  readonly #words: Int32Array;
  readonly #recordsAt: number;
  readonly #capacity: number;
  readonly #key = new Int32Array(L.KEY_BYTES_MAX / 4);
  readonly #keyBytes = Buffer.from(this.#key.buffer);

  constructor(shared: SharedMemory) {
    this.#words = shared.words;
    this.#recordsAt = shared.recordsOffset >> 2;
    this.#capacity = shared.recordCapacity;
  }

  /** Name (in a buffer that the next call uses again) or payload (in one of its own) of a live record; undefined if that generation is not live, or has no payload. */
  copy(slot: number, generation: number, payload: boolean): Buffer | undefined {
    const words = this.#words;
    const live = (generation << 2) | L.RECORD_STATE_LIVE;
    if (slot <= 0 || slot >= this.#capacity || this.#state(slot) !== live) return undefined;
    const at = this.#at(slot);
    const keyBytes = loadByteWord(words, at + L.RECORD_WORD_KEY_BYTES);
    const payloadBytes = loadByteWord(words, at + L.RECORD_WORD_PAYLOAD_BYTES);
    let extension = loadByteWord(words, at + L.RECORD_WORD_EXTENSION);
    // Lengths of a record that is being written again may not belong together: validate before they size anything. No writer makes longer ones.
    if (this.#state(slot) !== live || (payload && payloadBytes === 0)) return undefined;
    if (keyBytes >>> 0 > L.KEY_BYTES_MAX || payloadBytes >>> 0 > L.PAYLOAD_BYTES_MAX) return undefined;
    const first = payload ? (keyBytes + 3) >>> 2 : 0;
    const length = payload ? payloadBytes : keyBytes;
    const end = first + ((length + 3) >>> 2);
    const copy = payload ? new Int32Array(end - first) : this.#key;
    let inlineAt = at + L.RECORD_WORD_INLINE;
    let room = INLINE_WORDS;
    for (let index = 0; index < end; index++) {
      if (room === 0) {
        // A list that is being written again may lead anywhere, but not out of the records.
        const extensionAt = this.#at(extension & (this.#capacity - 1));
        extension = loadByteWord(words, extensionAt + L.EXTENSION_WORD_NEXT);
        inlineAt = extensionAt + L.EXTENSION_WORD_INLINE;
        room = EXTENSION_WORDS;
      }
      if (index >= first) copy[index - first] = loadByteWord(words, inlineAt);
      inlineAt++;
      room--;
    }
    if (this.#state(slot) !== live) return undefined;
    return payload ? Buffer.from(copy.buffer, 0, length) : this.#keyBytes.subarray(0, length);
  }

  #at(record: number): number {
    return this.#recordsAt + record * RECORD_WORDS;
  }

  #state(record: number): number {
    return Atomics.load(this.#words, this.#at(record) + L.RECORD_WORD_STATE);
  }
}

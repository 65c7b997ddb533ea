/**
 * The records in groups of this thread whose agents live on other threads now. Whoever owns such a record ends it (FREE, as the last thing it does to it), but the
 * record goes back to the allocator of its group, which only this thread may touch: so this thread looks, a few records at a time, whenever it inserts.
 * Used by every table in TypeScript; native/include/nexus/routing_table.hpp has its own. In the heap of one thread: a successor builds it anew.
 */
import * as L from '../../layout/generated/layout.js';
import type { SharedMemory } from '../shared-memory.js';

/** Records that are looked at for each insert: at this pace all are seen once for every quarter as many inserts. */
export const LOOKS_PER_INSERT = 4;

export class AwayRecords {
  readonly #words: Int32Array;
  readonly #recordsAt: number;
  readonly #thread: number;
  readonly #recycle: (slot: number) => void;
  readonly #slots = new Set<number>();
  #next = this.#slots.values();

  /** @param recycle gives a record that has ended, with its extensions, back to the allocator. */
  constructor(shared: SharedMemory, thread: number, recycle: (slot: number) => void) {
    this.#words = shared.words;
    this.#recordsAt = shared.recordsOffset >> 2;
    this.#thread = thread;
    this.#recycle = recycle;
  }

  get size(): number {
    return this.#slots.size;
  }

  add(slot: number): void {
    this.#slots.add(slot);
  }

  /** This thread ended it itself: it had come back. */
  delete(slot: number): void {
    this.#slots.delete(slot);
  }

  [Symbol.iterator](): IterableIterator<number> {
    return this.#slots.values();
  }

  /** Looks at some of them. Returns how many records came back. */
  collect(looks: number): number {
    let collected = 0;
    for (let left = Math.min(looks, this.#slots.size); left > 0; left--) {
      let { value, done } = this.#next.next();
      if (done === true) {
        this.#next = this.#slots.values();
        ({ value, done } = this.#next.next());
      }
      if (value === undefined) return collected;
      if (this.#isOver(value)) collected++;
    }
    return collected;
  }

  #isOver(slot: number): boolean {
    const at = this.#recordsAt + slot * (L.RECORD_BYTES / 4);
    // Pairs with the swap that made it FREE: what its last owner did to the record and its entry comes before.
    const isFree = (Atomics.load(this.#words, at + L.RECORD_WORD_STATE) & 3) === L.RECORD_STATE_FREE;
    if (!isFree && Atomics.load(this.#words, at + L.RECORD_WORD_OWNER) >>> 16 !== this.#thread) return false;
    this.#slots.delete(slot);
    if (isFree) this.#recycle(slot);
    return isFree;
  }
}

/**
 * Whose turn it is in each named group, counted by all threads together in shared memory: a table with open addressing, whose places are claimed for the
 * key of a name by compare-and-swap and never given back. A key is 64 bits of hash under the seed of the nexus, so that two names do not share a place. Where the table is full
 * (16,384 names), a thread counts for itself, which is said once in the log.
 */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { Logger } from '../model/agent-context.js';
import { textHash } from '../routing/text-hash.js';

export class GroupRotations {
  readonly #shared: SharedMemory;
  readonly #keys: BigInt64Array;
  readonly #logger: Logger;
  #saidFull = false;

  constructor(shared: SharedMemory, logger: Logger) {
    this.#shared = shared;
    this.#keys = new BigInt64Array(shared.memory.buffer);
    this.#logger = logger;
  }

  /** The rotation of a group: the same for all threads. */
  of(name: string): Rotation {
    const { words, rotationsOffset } = this.#shared;
    const low = textHash(name, words[L.HEADER_WORD_SEED_0] as number);
    const high = textHash(name, words[L.HEADER_WORD_SEED_1] as number);
    // 0 is a place that is free.
    const key = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)) || 1n;
    for (let step = 0; step < L.ROTATIONS; step++) {
      const offset = rotationsOffset + ((low + step) % L.ROTATIONS) * L.ROTATION_BYTES;
      const found = Atomics.compareExchange(this.#keys, offset >> 3, 0n, key);
      if (found === 0n || found === key) return new Rotation(words, (offset >> 2) + 2);
    }
    if (!this.#saidFull)
      this.#logger.warn(
        { group: name, groupsMax: L.ROTATIONS },
        'more named groups take turns than the shared memory has room for: threads take turns in the others each for itself',
      );
    this.#saidFull = true;
    return new Rotation(new Int32Array(new SharedArrayBuffer(4)), 0);
  }
}

export class Rotation {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** 0, 1, 2 and so on, each given once on all threads; after 2^32 it begins anew. */
  next(): number {
    return Atomics.add(this.#words, this.#at, 1) >>> 0;
  }
}

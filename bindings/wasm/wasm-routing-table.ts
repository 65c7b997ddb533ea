/**
 * The routing table in WebAssembly (wasm/routing-table.ts). On one memory with the portable one and the native one it is one table; one object a thread, because
 * objects of a thread would share its scratch area. What happens for names and messages runs in WebAssembly; what walks the table is TypeScript: see
 * docs/decisions/0002-what-runs-in-webassembly.md.
 */
import * as L from '../../layout/generated/layout.js';
import { FOUND_NUMBERS, INSERT_FULL, INSERTED_NUMBERS, type RoutingTable, type TableEntry, type TableStatistics } from '../../ts-src/ports/engine.js';
import { AwayRecords, LOOKS_PER_INSERT } from '../portable/away-records.js';
import { insertEach, removeEach } from '../portable/batches.js';
import { checkKeys } from '../portable/encoded-key.js';
import { checkPayload } from '../portable/payload-limits.js';
import { inheritedEntries } from '../portable/inherited-entries.js';
import { liveEntries } from '../portable/live-entries.js';
import { tableStatistics } from '../portable/table-statistics.js';
import type { SharedMemory } from '../shared-memory.js';
import { ScratchData } from './scratch-data.js';
import type { WasmInstance, WasmModule } from './wasm-module.js';

/** Names of a batch: as many as fit into the scratch area, whatever their lengths. */
const BATCH_NAMES = 64;
/** Words of each in the batch. Generation and kind take the places of what is no longer needed. */
const BATCH_WORDS = 4;
const BATCH_AT = 0;
const BATCH_KEY_BYTES = 1;
const BATCH_GENERATION = 0;
const BATCH_KIND = 1;
const BATCH_SLOT = 3;
/** Words of a batch of removals: as many as of one of names. */
const REMOVAL_WORDS_MAX = BATCH_NAMES * BATCH_WORDS;

export class WasmRoutingTable implements RoutingTable {
  readonly #shared: SharedMemory;
  readonly #thread: number;
  readonly #wasm: WasmInstance;
  readonly #data: ScratchData;
  /** Records of this thread's groups that `rehome` gave away. */
  readonly #away: AwayRecords;
  readonly #foundGenerationAt: number;
  readonly #foundKindAt: number;
  readonly #batchAt: number;

  constructor(module: WasmModule, shared: SharedMemory, thread: number) {
    this.#shared = shared;
    this.#thread = thread;
    this.#wasm = module(shared);
    this.#wasm.open(thread);
    this.#data = new ScratchData(shared, thread);
    this.#away = new AwayRecords(shared, thread, (slot) => this.#wasm.recycle(slot));
    this.#foundGenerationAt = ((shared.scratchOffset + thread * L.SCRATCH_BYTES) >> 2) + L.SCRATCH_WORD_FOUND_GENERATION;
    this.#foundKindAt = ((shared.scratchOffset + thread * L.SCRATCH_BYTES) >> 2) + L.SCRATCH_WORD_FOUND_KIND;
    this.#batchAt = ((shared.scratchOffset + thread * L.SCRATCH_BYTES) >> 2) + L.SCRATCH_WORD_BATCH;
  }

  get foundGeneration(): number {
    return this.#shared.words[this.#foundGenerationAt] as number;
  }

  get foundKind(): number {
    return this.#shared.words[this.#foundKindAt] as number;
  }

  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number {
    const keyBytes = this.#data.setKey(key);
    if (payload !== undefined) {
      checkPayload(key, payload);
      this.#data.setPayload(keyBytes, payload);
    }
    const payloadBytes = payload === undefined ? 0 : payload.length;
    if (this.#away.size > 0) this.#away.collect(LOOKS_PER_INSERT);
    const slot = this.#wasm.insert(keyBytes, kind, payloadBytes, parent);
    return slot === INSERT_FULL && this.#away.collect(this.#away.size) > 0 ? this.#wasm.insert(keyBytes, kind, payloadBytes, parent) : slot;
  }

  find(key: string): number {
    return this.#wasm.find(this.#data.setKey(key));
  }

  findMany(keys: readonly string[]): Int32Array {
    const { words } = this.#shared;
    // Before the first is encoded, so that the memory of all strings is fetched at once, too.
    checkKeys(keys);
    const found = new Int32Array(keys.length * FOUND_NUMBERS);
    for (let start = 0, to = 0; start < keys.length; start += BATCH_NAMES) {
      const count = this.#writeBatch(keys, start);
      this.#wasm.findMany(count);
      for (let at = this.#batchAt, end = at + count * BATCH_WORDS; at < end; at += BATCH_WORDS, to += FOUND_NUMBERS) {
        const slot = words[at + BATCH_SLOT] as number;
        if (slot === 0) continue;
        found[to] = slot;
        found[to + 1] = words[at + BATCH_GENERATION] as number;
        found[to + 2] = words[at + BATCH_KIND] as number;
      }
    }
    return found;
  }

  insertMany(keys: readonly string[], kind: number, payloads: readonly (Uint8Array | undefined)[] | undefined, parent: number): Int32Array {
    // The scratch area has no room for many payloads, and copying one costs more than what a batch gains.
    if (payloads !== undefined || this.#away.size > 0) return insertEach(this, keys, kind, payloads, parent);
    const { words } = this.#shared;
    checkKeys(keys);
    const inserted = new Int32Array(keys.length * INSERTED_NUMBERS);
    for (let start = 0, to = 0; start < keys.length; start += BATCH_NAMES) {
      const count = this.#writeBatch(keys, start);
      this.#wasm.insertMany(count, kind, parent);
      for (let at = this.#batchAt, end = at + count * BATCH_WORDS; at < end; at += BATCH_WORDS, to += INSERTED_NUMBERS) {
        const slot = words[at + BATCH_SLOT] as number;
        inserted[to] = slot;
        if (slot > 0) inserted[to + 1] = words[at + BATCH_GENERATION] as number;
      }
    }
    return inserted;
  }

  removeMany(addresses: Int32Array): number {
    const { words } = this.#shared;
    if (this.#away.size > 0) return removeEach(this, addresses);
    let removed = 0;
    for (let start = 0; start + 1 < addresses.length; start += REMOVAL_WORDS_MAX) {
      const count = Math.min(REMOVAL_WORDS_MAX, addresses.length - start) >>> 1;
      for (let index = 0; index < count * 2; index++) words[this.#batchAt + index] = addresses[start + index] as number;
      removed += this.#wasm.removeMany(count);
    }
    return removed;
  }

  /** Puts names into the batch, from the `start`-th on; returns how many. Their lengths have been checked. */
  #writeBatch(keys: readonly string[], start: number): number {
    const { words } = this.#shared;
    const end = Math.min(start + BATCH_NAMES, keys.length);
    for (let index = start, at = this.#batchAt, first = 0; index < end; index++, at += BATCH_WORDS) {
      const keyBytes = this.#data.setKey(keys[index] as string, first);
      words[at + BATCH_AT] = first * 4;
      words[at + BATCH_KEY_BYTES] = keyBytes;
      first += (keyBytes + 3) >>> 2;
    }
    return end - start;
  }

  remove(slot: number, generation: number): boolean {
    const isRemoved = this.#wasm.remove(slot, generation) !== 0;
    if (isRemoved && this.#away.size > 0) this.#away.delete(slot);
    return isRemoved;
  }

  rehome(slot: number, generation: number, thread: number): boolean {
    const done = this.#wasm.rehome(slot, generation, thread);
    if (done === 2) this.#away.add(slot);
    return done !== 0;
  }

  generationOf(slot: number): number {
    return this.#wasm.generationOf(slot);
  }

  threadOf(slot: number, generation: number): number {
    return this.#wasm.threadOf(slot, generation);
  }

  kindOf(slot: number, generation: number): number {
    return this.#wasm.kindOf(slot, generation);
  }

  parentOf(slot: number, generation: number): number {
    return this.#wasm.parentOf(slot, generation);
  }

  keyOf(slot: number, generation: number): string | undefined {
    const length = this.#wasm.copyKey(slot, generation);
    return length < 0 ? undefined : this.#data.text(length);
  }

  payloadOf(slot: number, generation: number): Uint8Array | undefined {
    const length = this.#wasm.copyPayload(slot, generation);
    return length <= 0 ? undefined : this.#data.copy(length);
  }

  entries(thread?: number): IterableIterator<TableEntry> {
    return liveEntries(this.#shared, thread);
  }

  inherit(): TableEntry[] {
    this.#wasm.inherit();
    return inheritedEntries(this.#shared, this.#thread, this.#away);
  }

  statistics(): TableStatistics {
    return tableStatistics(this.#shared);
  }
}

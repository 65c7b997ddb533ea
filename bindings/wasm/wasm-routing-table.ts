/**
 * The routing table in WebAssembly (wasm/routing-table.ts). On one memory with the portable one and the native one it is one table; one object a thread, because
 * objects of a thread would share its scratch area. What happens for names and messages runs in WebAssembly; what walks the table is TypeScript: see
 * docs/decisions/0002-what-runs-in-webassembly.md.
 */
import * as L from '../../layout/generated/layout.js';
import { NexusTypeError } from '../../ts-src/errors.js';
import type { RoutingTable, TableEntry, TableStatistics } from '../../ts-src/ports/engine.js';
import { PortableRoutingTable } from '../portable/routing-table.js';
import { tableStatistics } from '../portable/table-statistics.js';
import type { SharedMemory } from '../shared-memory.js';
import { checkLength, ScratchData } from './scratch-data.js';
import type { WasmInstance, WasmModule } from './wasm-module.js';

/** Names of a batch: as many as fit into the scratch area, whatever their lengths. */
const BATCH_NAMES = 64;
/** Words of each in the batch. Slot and generation take the places of what is no longer needed. */
const BATCH_WORDS = 4;
const BATCH_AT = 0;
const BATCH_KEY_BYTES = 1;
const BATCH_GENERATION = 1;
const BATCH_SLOT = 3;

export class WasmRoutingTable implements RoutingTable {
  readonly #shared: SharedMemory;
  readonly #thread: number;
  readonly #wasm: WasmInstance;
  readonly #data: ScratchData;
  readonly #foundGenerationAt: number;
  readonly #batchAt: number;
  /** Walks the index; only reads. */
  readonly #reader: PortableRoutingTable;

  constructor(module: WasmModule, shared: SharedMemory, thread: number) {
    this.#shared = shared;
    this.#thread = thread;
    this.#wasm = module(shared);
    this.#wasm.open(thread);
    this.#data = new ScratchData(shared, thread);
    this.#foundGenerationAt = ((shared.scratchOffset + thread * L.SCRATCH_BYTES) >> 2) + L.SCRATCH_WORD_FOUND_GENERATION;
    this.#batchAt = ((shared.scratchOffset + thread * L.SCRATCH_BYTES) >> 2) + L.SCRATCH_WORD_BATCH;
    this.#reader = new PortableRoutingTable(shared, thread);
  }

  get foundGeneration(): number {
    return this.#shared.words[this.#foundGenerationAt] as number;
  }

  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number {
    const keyBytes = this.#data.setKey(key);
    if (payload === undefined) return this.#wasm.insert(keyBytes, kind, 0, parent);
    if (payload.length > L.PAYLOAD_BYTES_MAX) {
      throw new NexusTypeError('NEXUS_MESSAGE_TOO_LARGE', `the encoded init of agent '${key}' has ${payload.length} bytes; the most is ${L.PAYLOAD_BYTES_MAX}`);
    }
    this.#data.setPayload(keyBytes, payload);
    return this.#wasm.insert(keyBytes, kind, payload.length, parent);
  }

  find(key: string): number {
    return this.#wasm.find(this.#data.setKey(key));
  }

  /** Slot (0 if absent) and generation of each name, one after the other. For lists: the memory of many is fetched at once. */
  findMany(keys: readonly string[]): Float64Array {
    const found = new Float64Array(keys.length * 2);
    for (let start = 0; start < keys.length; start += BATCH_NAMES) this.#findBatch(keys, start, Math.min(start + BATCH_NAMES, keys.length), found);
    return found;
  }

  #findBatch(keys: readonly string[], start: number, end: number, found: Float64Array): void {
    const words = this.#shared.words;
    // Before the first is encoded, so that the memory of all strings is fetched at once, too.
    for (let index = start; index < end; index++) checkLength((keys[index] as string).length);
    for (let index = start, at = this.#batchAt, first = 0; index < end; index++, at += BATCH_WORDS) {
      const keyBytes = this.#data.setKey(keys[index] as string, first);
      words[at + BATCH_AT] = first * 4;
      words[at + BATCH_KEY_BYTES] = keyBytes;
      first += (keyBytes + 3) >>> 2;
    }
    this.#wasm.findMany(end - start);
    for (let index = start, at = this.#batchAt; index < end; index++, at += BATCH_WORDS) {
      const slot = words[at + BATCH_SLOT] as number;
      if (slot === 0) continue;
      found[index * 2] = slot;
      found[index * 2 + 1] = words[at + BATCH_GENERATION] as number;
    }
  }

  remove(slot: number, generation: number): boolean {
    return this.#wasm.remove(slot, generation) !== 0;
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
    return this.#reader.entries(thread);
  }

  inherit(): TableEntry[] {
    this.#wasm.inherit();
    const { words, groupsOffset, recordsOffset, recordCapacity } = this.#shared;
    const inherited: TableEntry[] = [];
    for (let record = 1; record < recordCapacity; record++) {
      // Its groups, and the live records in them, are changed by this thread only.
      if (words[(groupsOffset >> 2) + Math.floor(record / L.GROUP_RECORDS)] !== this.#thread + 1) {
        record |= L.GROUP_RECORDS - 1;
        continue;
      }
      const at = (recordsOffset + record * L.RECORD_BYTES) >> 2;
      const state = Atomics.load(words, at + L.RECORD_WORD_STATE);
      if ((state & 3) !== L.RECORD_STATE_LIVE) continue;
      const owner = words[at + L.RECORD_WORD_OWNER] as number;
      inherited.push({ slot: record, generation: state >>> 2, thread: owner >>> 16, kind: owner & 0xffff });
    }
    return inherited;
  }

  statistics(): TableStatistics {
    return tableStatistics(this.#shared);
  }
}

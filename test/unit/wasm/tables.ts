/** What the tests of the WebAssembly table share: memories, tables of each engine, names that collide, and the parts of a memory that must be equal. */
import { halfSipHash } from '../../../dist/bindings/portable/half-sip-hash.js';
import { PortableRoutingTable } from '../../../dist/bindings/portable/routing-table.js';
import { createSharedMemory, type SharedMemory } from '../../../dist/bindings/shared-memory.js';
import { loadWasmModule, type WasmModule } from '../../../dist/bindings/wasm/wasm-module.js';
import { WasmRoutingTable } from '../../../dist/bindings/wasm/wasm-routing-table.js';
import * as L from '../../../dist/layout/generated/layout.js';
import type { RoutingTable } from '../../../dist/ts-src/ports/engine.js';

export type EngineName = 'wasm' | 'portable';
export const SEED: readonly [number, number] = [0x1234567, 0x7abcdef];
export const CAPACITY = 2 ** 12;
export const BUCKETS = CAPACITY / 8;
export const CLEAN = { live: 0, staleEntries: 0, overflow: 0, probeBucketsMax: 0 };

export const wasmModule = loadWasmModule().module as WasmModule;

export function memory(threadCount = 3): SharedMemory {
  return createSharedMemory({ threadCount, recordCapacity: CAPACITY, ringBytes: 2 ** 14 }, SEED);
}

export function open(engine: EngineName, shared: SharedMemory, thread: number): RoutingTable {
  return engine === 'wasm' ? new WasmRoutingTable(wasmModule, shared, thread) : new PortableRoutingTable(shared, thread);
}

/** Index into `words`. */
export function recordWord(shared: SharedMemory, record: number, word: number): number {
  return ((shared.recordsOffset + record * L.RECORD_BYTES) >> 2) + word;
}

const hashed = Buffer.from(new ArrayBuffer(1028));
const hashedWords = new Int32Array(hashed.buffer);

export function hashOf(key: string): number {
  return halfSipHash(hashedWords, hashed.write(key), SEED[0], SEED[1]);
}

/** Names that all belong into one bucket. */
export function colliding(count: number, bucket = 5): string[] {
  const keys: string[] = [];
  for (let number = 0; keys.length < count; number++) if ((hashOf(`c${number}`) & (BUCKETS - 1)) === bucket) keys.push(`c${number}`);
  return keys;
}

/** Two names of the same length and the same hash, that differ only at their ends. */
export function sameHash(prefix: string): readonly [string, string] {
  const seen = new Map<number, string>();
  for (let number = 100_000; ; number++) {
    const key = `${prefix}${number.toString(36).padStart(6, '0')}`;
    const hash = hashOf(key);
    const other = seen.get(hash);
    if (other !== undefined) return [other, key];
    seen.set(hash, key);
  }
}

/** Owners of groups, the index, and of each record its state and, where it is live, all words: what must be the same whichever engine wrote it. */
export function visible(shared: SharedMemory): { readonly index: Int32Array; readonly records: readonly (readonly number[])[] } {
  const records: number[][] = [];
  for (let record = 0; record < shared.recordCapacity; record++) {
    const at = recordWord(shared, record, 0);
    const state = shared.words[at + L.RECORD_WORD_STATE] as number;
    const inlineWords = Math.min(
      8,
      ((shared.words[at + L.RECORD_WORD_KEY_BYTES] as number) + (shared.words[at + L.RECORD_WORD_PAYLOAD_BYTES] as number) + 3) >> 2,
    );
    records.push((state & 3) === L.RECORD_STATE_LIVE ? [...shared.words.subarray(at, at + L.RECORD_WORD_INLINE + inlineWords)] : [state]);
  }
  return { index: shared.words.slice(shared.groupsOffset >> 2, shared.recordsOffset >> 2), records };
}

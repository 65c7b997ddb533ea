/** What the suites of the routing table share: engines by name, small memories, and names that fall into one bucket. */
import { loadNativeAddon } from '../../dist/bindings/native-addon.js';
import { halfSipHash } from '../../dist/bindings/portable/half-sip-hash.js';
import { type SharedMemory, createSharedMemory } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';
import type { RoutingTable } from '../../dist/ts-src/ports/engine.js';
import { openTable } from '../fixtures/table-by-name.mjs';

export type EngineName = 'portable' | 'wasm' | 'native' | 'fastest';
export const SEED: readonly [number, number] = [0x1234567, 0x7abcdef];
export const CAPACITY = 2 ** 12;
export const BUCKETS = CAPACITY / 8;
export const loaded = loadNativeAddon();
export const pairs: readonly (readonly [EngineName, EngineName])[] = [
  ['portable', 'portable'],
  ['wasm', 'wasm'],
  ['wasm', 'portable'],
  ['portable', 'wasm'],
  ['wasm', 'native'],
  ['native', 'wasm'],
  ['native', 'native'],
  ['portable', 'native'],
  ['native', 'portable'],
  ['fastest', 'portable'],
];

export function memory(threadCount = 3): SharedMemory {
  return createSharedMemory({ threadCount, recordCapacity: CAPACITY, ringBytes: 2 ** 14 }, SEED);
}

export function open(engine: EngineName, shared: SharedMemory, thread: number): RoutingTable {
  return openTable(engine, shared, thread) as RoutingTable;
}

export function recordWord(shared: SharedMemory, record: number, word: number): number {
  return ((shared.recordsOffset + record * L.RECORD_BYTES) >> 2) + word;
}

export function hashOf(key: string): number {
  const bytes = Buffer.alloc(1028);
  return halfSipHash(new Int32Array(bytes.buffer, bytes.byteOffset, 257), bytes.write(key), SEED[0], SEED[1]);
}

/** Names that all belong into one bucket. */
export function colliding(count: number, bucket = 5): string[] {
  const keys: string[] = [];
  for (let number = 0; keys.length < count; number++) if ((hashOf(`c${number}`) & (BUCKETS - 1)) === bucket) keys.push(`c${number}`);
  return keys;
}

export const clean = { live: 0, staleEntries: 0, overflow: 0, probeBucketsMax: 0 };

/**
 * The WebAssembly table against the portable one. Each on a memory of its own: the same calls give the same results, slots included, and leave the same
 * index and records. Both on one memory: together they are one map.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PortableRoutingTable } from '../../../dist/bindings/portable/routing-table.js';
import type { SharedMemory } from '../../../dist/bindings/shared-memory.js';
import { WasmRoutingTable } from '../../../dist/bindings/wasm/wasm-routing-table.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { INSERT_EXISTS, INSERT_FULL, type RoutingTable } from '../../../dist/ts-src/ports/engine.js';
import { CAPACITY, CLEAN, colliding, type EngineName, memory, open, recordWord, sameHash, visible, wasmModule } from './tables.js';

const anyKey = fc.oneof(
  fc.nat(30).map((number) => `k${number}`),
  fc.constantFrom(...colliding(60)),
  fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
  // Code units: lone surrogates, too.
  fc.array(fc.constantFrom('a', 'é', '日', '\ud800', '\udc00', '🙂'), { minLength: 1, maxLength: 40 }).map((parts) => parts.join('')),
  fc.string({ minLength: 200, maxLength: 340, unit: 'binary' }).filter((key) => Buffer.byteLength(key) <= 1024),
);
const anyCall = fc.record({
  thread: fc.constantFrom(0, 1),
  what: fc.constantFrom('insert', 'insert', 'insert', 'find', 'remove', 'remove', 'burst'),
  key: anyKey,
  payloadBytes: fc.constantFrom(0, 0, 1, 7, 100, 3000),
  pick: fc.nat(0xffff),
});

test('the same calls, on a memory each: the same results, and the same bytes', () => {
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 150 }), (calls) => {
      const memories: readonly [SharedMemory, SharedMemory] = [memory(2), memory(2)];
      const [portable, wasm] = (['portable', 'wasm'] as const).map((engine, side) =>
        [0, 1].map((thread) => open(engine, memories[side] as SharedMemory, thread)),
      ) as [RoutingTable[], RoutingTable[]];
      const live: { slot: number; generation: number; thread: number }[] = [];
      let burst = 0;
      const both = <T>(thread: number, call: (table: RoutingTable) => T): T => {
        const expected = call(portable[thread] as RoutingTable);
        expect(call(wasm[thread] as RoutingTable)).toEqual(expected);
        return expected;
      };
      const insert = (thread: number, key: string, kind: number, payload: Uint8Array | undefined) => {
        const slot = both(thread, (table) => table.insert(key, kind, payload, kind ^ 5));
        if (slot > 0) live.push({ slot, thread, generation: both(thread, (table) => table.generationOf(slot)) });
      };
      for (const { thread, what, key, payloadBytes, pick } of calls) {
        if (what === 'insert') insert(thread, key, pick, payloadBytes === 0 ? undefined : new Uint8Array(payloadBytes).fill(pick));
        else if (what === 'burst') for (let count = 0; count < 200; count++) insert(thread, `burst/${burst++}`, pick, undefined);
        else if (what === 'find') both(thread, (table) => [table.find(key), table.find(key) === 0 ? 0 : table.foundGeneration]);
        else {
          // Many at a time, so that groups become wholly free and go back.
          const from = live.length === 0 ? 0 : pick % live.length;
          for (const { slot, generation, thread: owner } of live.splice(from, 1 + (pick % 400))) {
            both(1 - owner, (table) => table.remove(slot, generation));
            both(owner, (table) => [table.remove(slot, generation), table.remove(slot, generation), table.threadOf(slot, generation)]);
          }
        }
      }
      for (const { slot, generation, thread } of live) {
        both(thread, (table) => [table.threadOf(slot, generation), table.kindOf(slot, generation), table.parentOf(slot, generation)]);
        both(1 - thread, (table) => [table.keyOf(slot, generation), table.payloadOf(slot, generation), table.threadOf(slot, generation + 1)]);
      }
      both(0, (table) => [table.statistics(), [...table.entries()], [...table.entries(1)]]);
      expect(visible(memories[1])).toEqual(visible(memories[0]));
    }),
    { numRuns: 60 },
  );
});

describe.each([
  ['wasm', 'portable'],
  ['portable', 'wasm'],
  ['wasm', 'wasm'],
] as const)('%s and %s on one memory', (first: EngineName, second: EngineName) => {
  test('are one map', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 150 }), (calls) => {
        const shared = memory();
        const tables = [open(first, shared, 0), open(second, shared, 1)] as const;
        const model = new Map<string, { slot: number; generation: number; thread: number; payload: Uint8Array | undefined; kind: number }>();
        // Names are what their bytes say: a lone surrogate is U+FFFD.
        const nameOf = (key: string) => Buffer.from(key).toString();
        for (const { thread, what, key, payloadBytes, pick } of calls) {
          const table = tables[thread] as RoutingTable;
          const name = nameOf(key);
          if (what === 'insert') {
            const payload = payloadBytes === 0 ? undefined : new Uint8Array(payloadBytes).fill(pick);
            const slot = table.insert(key, pick, payload, 0);
            expect(slot === INSERT_EXISTS).toBe(model.has(name));
            if (slot > 0) model.set(name, { slot, generation: table.generationOf(slot), thread, payload, kind: pick });
          } else if (what === 'find') {
            const slot = table.find(key);
            expect(slot).toBe(model.get(name)?.slot ?? 0);
            if (slot !== 0) expect(table.foundGeneration).toBe(model.get(name)?.generation);
          } else if (model.size > 0) {
            const [taken, entry] = [...model][pick % model.size] as [string, { slot: number; generation: number; thread: number }];
            expect(tables[entry.thread]?.remove(entry.slot, entry.generation)).toBe(true);
            model.delete(taken);
          }
        }
        for (const [name, { slot, generation, thread, kind, payload }] of model) {
          for (const table of tables) {
            expect([table.find(name), table.foundGeneration, table.threadOf(slot, generation), table.kindOf(slot, generation)]).toEqual([
              slot,
              generation,
              thread,
              kind,
            ]);
            expect(table.keyOf(slot, generation)).toBe(name);
            const copy = table.payloadOf(slot, generation);
            expect(copy === undefined ? undefined : [...copy]).toEqual(payload === undefined ? undefined : [...payload]);
          }
        }
        expect(tables[0].statistics()).toMatchObject({ live: model.size, staleEntries: 0 });
      }),
      { numRuns: 40 },
    );
  });

  test('a full table: what one could not insert, nor can the other; after removals both can, and long names are all or nothing', () => {
    const shared = memory(2);
    const tables = [open(first, shared, 0), open(second, shared, 1)] as const;
    const inserted: { table: RoutingTable; slot: number; generation: number }[] = [];
    for (let number = 0, full = 0; full < 2; number++) {
      const table = tables[full] as RoutingTable;
      const slot = table.insert(`full/${number}`, 1, undefined, 0);
      if (slot === INSERT_FULL) full++;
      else inserted.push({ table, slot, generation: table.generationOf(slot) });
    }
    expect(inserted.length).toBe(CAPACITY - 1);
    const last = inserted.pop() as (typeof inserted)[0];
    last.table.remove(last.slot, last.generation);
    expect(last.table.insert('k'.repeat(100), 1, undefined, 0)).toBe(INSERT_FULL);
    expect(last.table.insert('k', 1, new Uint8Array(100), 0)).toBe(INSERT_FULL);
    expect(last.table.insert('short', 1, undefined, 0)).toBe(last.slot);
    inserted.push({ ...last, generation: last.table.generationOf(last.slot) });
    for (const { table, slot, generation } of inserted) expect(table.remove(slot, generation)).toBe(true);
    expect(tables[0].statistics()).toMatchObject(CLEAN);
    for (const table of tables) expect(table.insert(`${'long'.repeat(200)}`, 1, new Uint8Array(65_536), 0)).not.toBe(INSERT_FULL);
  });
});

test('every length of name and of payload, read by both', () => {
  const shared = memory();
  const [wasm, portable] = [new WasmRoutingTable(wasmModule, shared, 0), new PortableRoutingTable(shared, 1)];
  const keys = Array.from({ length: 1024 }, (_, length) => 'abcdefghijk'.repeat(94).slice(0, length + 1));
  for (const [index, key] of keys.entries()) {
    const payload = Uint8Array.from({ length: (index * 13) % 257 }, (_, at) => (at * 7 + index) & 255);
    const slot = wasm.insert(key, 1, payload, 0);
    expect([portable.find(key), wasm.find(key), portable.keyOf(slot, wasm.generationOf(slot))]).toEqual([slot, slot, key]);
    for (const table of [wasm, portable]) expect([...(table.payloadOf(slot, table.generationOf(slot)) ?? [])]).toEqual([...payload]);
    wasm.remove(slot, wasm.generationOf(slot));
  }
});

test.each(['short/', 'a name that goes on in an extension record/'])('two names of the same hash are two names: %s', (prefix) => {
  const [one, other] = sameHash(prefix);
  for (const engines of [
    ['wasm', 'portable'],
    ['portable', 'wasm'],
  ] as const) {
    const shared = memory();
    const tables = engines.map((engine, thread) => open(engine, shared, thread)) as [RoutingTable, RoutingTable];
    const slot = tables[0].insert(one, 1, undefined, 0);
    for (const table of tables) expect([table.find(one), table.find(other)]).toEqual([slot, 0]);
    const second = tables[1].insert(other, 1, undefined, 0);
    expect(second).toBeGreaterThan(0);
    for (const table of tables) expect([table.find(one), table.find(other)]).toEqual([slot, second]);
  }
});

test('lone surrogates, and names that are longer in bytes than in units', () => {
  const shared = memory();
  const [wasm, portable] = [open('wasm', shared, 0), open('portable', shared, 1)];
  const slot = wasm.insert('a\ud800b', 1, undefined, 0);
  expect([portable.find('a\udfffb'), wasm.find('a\ufffdb'), wasm.keyOf(slot, 1)]).toEqual([slot, slot, 'a\ufffdb']);
  for (const key of ['', 'k'.repeat(1025), 'é'.repeat(513), '日'.repeat(342), '\ud800'.repeat(342)]) {
    expect(() => wasm.find(key)).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
    expect(() => wasm.insert(key, 1, undefined, 0)).toThrow(TypeError);
    expect(() => new WasmRoutingTable(wasmModule, shared, 2).findMany(['a', key])).toThrow(TypeError);
  }
  expect(() => wasm.insert('k', 1, new Uint8Array(65_537), 0)).toThrow(expect.objectContaining({ code: 'NEXUS_MESSAGE_TOO_LARGE' }));
  expect(portable.statistics().live).toBe(1);
});

test('findMany is find, many times: also of the longest names, of absent ones, and of pending ones', () => {
  const shared = memory();
  const wasm = new WasmRoutingTable(wasmModule, shared, 0);
  const portable = new PortableRoutingTable(shared, 1);
  const keys = Array.from({ length: 150 }, (_, number) => (number < 70 ? `${number}/${'日'.repeat(340)}` : `many/${number}/${'é'.repeat(number)}`));
  for (const [number, key] of [...keys.entries(), ...colliding(40).entries()])
    if (number % 3 !== 0) (number % 2 === 0 ? wasm : portable).insert(key, 1, undefined, 0);
  const pending = portable.find(keys[4] as string);
  shared.words[recordWord(shared, pending, L.RECORD_WORD_STATE)] = (1 << 2) | L.RECORD_STATE_PENDING;
  const all = [...keys, ...colliding(40)];
  const found = wasm.findMany(all);
  for (const [number, key] of all.entries()) {
    const slot = portable.find(key);
    expect([...found.subarray(number * 3, number * 3 + 3)], key).toEqual(slot === 0 ? [0, 0, 0] : [slot, portable.foundGeneration, 1]);
  }
  expect(found[12]).toBe(0);
});

test('stale generations, up to the last one, after which the record is used no more', () => {
  const shared = memory();
  const [wasm, portable] = [open('wasm', shared, 0), open('portable', shared, 1)];
  const slot = wasm.insert('old', 1, undefined, 0);
  expect(wasm.remove(slot, 1)).toBe(true);
  expect([wasm.threadOf(slot, 1), wasm.kindOf(slot, 1), wasm.parentOf(slot, 1), wasm.keyOf(slot, 1), wasm.payloadOf(slot, 1)]).toEqual([
    -1,
    -1,
    0,
    undefined,
    undefined,
  ]);
  shared.words[recordWord(shared, slot, L.RECORD_WORD_STATE)] = (L.GENERATION_MAX - 1) << 2;
  expect(wasm.insert('last', 1, undefined, 0)).toBe(slot);
  expect([wasm.generationOf(slot), wasm.find('last'), wasm.foundGeneration, portable.threadOf(slot, L.GENERATION_MAX)]).toEqual([
    L.GENERATION_MAX,
    slot,
    L.GENERATION_MAX,
    0,
  ]);
  expect(wasm.remove(slot, L.GENERATION_MAX)).toBe(true);
  for (let number = 0; number < 600; number++) expect(wasm.insert(`n${number}`, 1, undefined, 0)).not.toBe(slot);
  const successor = open('wasm', shared, 0);
  successor.inherit();
  for (let number = 0; number < 600; number++) expect(successor.insert(`m${number}`, 1, undefined, 0)).not.toBe(slot);
  for (const outside of [-1, 0, CAPACITY, CAPACITY * 4, 2 ** 31 - 1]) {
    expect([wasm.remove(outside, 1), wasm.threadOf(outside, 1), wasm.kindOf(outside, 1), wasm.parentOf(outside, 1), wasm.keyOf(outside, 1)]).toEqual([
      false,
      -1,
      -1,
      0,
      undefined,
    ]);
  }
});

/** What the compiled module brings into a memory, which is nothing, and that any number of instances run on any number of memories. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import { openWasmThread } from '../../../dist/bindings/wasm-engine.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { INSERT_EXISTS } from '../../../dist/ts-src/ports/engine.js';
import { memory, open, SEED, wasmModule } from './tables.js';

test('the file has no static data, no start function, and imports one shared memory of any size', () => {
  const bytes = readFileSync(new URL('../../../dist/wasm/nexus.wasm', import.meta.url));
  const sections = new Map<number, Buffer>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++] as number;
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++] as number;
      length |= (byte & 127) << shift;
      more = byte >= 128;
    }
    sections.set(id, bytes.subarray(at, at + length));
    at += length;
  }
  const [start, data, imports] = [8, 11, 2].map((id) => sections.get(id));
  expect([start, data]).toEqual([undefined, undefined]);
  // One import: env.memory, kind memory, shared with a maximum, 1 page to 65,536.
  expect(imports?.toString('latin1')).toBe('\x01\x03env\x06memory\x02\x03\x01\x80\x80\x04');
});

test('a call changes nothing outside the table and the scratch area of its thread', () => {
  const shared = memory();
  const [a, b] = [open('wasm', shared, 0), open('wasm', shared, 1)];
  const before = shared.words.slice(0, shared.scratchOffset >> 2);
  for (let number = 0; number < 3000; number++) {
    const table = number % 2 === 0 ? a : b;
    const slot = table.insert(`agent/${number}`, 1, new Uint8Array(number % 100), 0);
    if (number % 3 === 0) table.remove(slot, table.generationOf(slot));
    table.find(`agent/${number}`);
  }
  expect(shared.words.slice(0, shared.scratchOffset >> 2)).toEqual(before);
  const third = (shared.scratchOffset + 2 * L.SCRATCH_BYTES) >> 2;
  expect(shared.words.subarray(third, third + L.SCRATCH_BYTES / 4).every((word) => word === 0)).toBe(true);
  const rings = shared.words.subarray(shared.ringsOffset >> 2);
  expect(rings.every((word) => word === 0)).toBe(true);
});

test('instances on memories of different sizes, at the same time, in one thread', () => {
  const shapes = [
    { threadCount: 1, recordCapacity: 2 ** 12, ringBytes: 2 ** 14 },
    { threadCount: 2, recordCapacity: 2 ** 16, ringBytes: 2 ** 20 },
    { threadCount: 5, recordCapacity: 2 ** 23, ringBytes: 2 ** 25 },
    { threadCount: 128, recordCapacity: 2 ** 12, ringBytes: 2 ** 14 },
  ];
  const threads = shapes.flatMap((shape) => {
    const shared = createSharedMemory(shape, SEED);
    return [0, shape.threadCount - 1].map((thread) => ({ shared, thread, ...openWasmThread(wasmModule, shared, thread) }));
  });
  expect(new Set(threads.map(({ kind }) => kind))).toEqual(new Set(['wasm']));
  const inserted = threads.map(({ table, shared, thread }, number) => ({ slot: table.insert(`name/${number}`, number, undefined, 0), shared, thread, number }));
  for (const [reader, { table, shared }] of threads.entries()) {
    for (const each of inserted) {
      const expected = each.shared === shared ? each.slot : 0;
      expect(table.find(`name/${each.number}`), `${reader} looks for ${each.number}`).toBe(expected);
      if (expected !== 0) expect([table.threadOf(each.slot, 1), table.insert(`name/${each.number}`, 1, undefined, 0)]).toEqual([each.thread, INSERT_EXISTS]);
    }
  }
});

test('hundreds of instances on one memory', () => {
  const shared = memory();
  const writer = open('wasm', shared, 0);
  const slot = writer.insert('one', 1, undefined, 0);
  for (let count = 0; count < 300; count++) expect(open('wasm', shared, 1).find('one')).toBe(slot);
});

test('a thread that did not inherit can end what its predecessors left, and believes nothing of what they knew about groups', () => {
  const shared = memory();
  const first = open('wasm', shared, 0);
  const slots = Array.from({ length: 300 }, (_, number) => first.insert(`first/${number}`, 1, undefined, 0));
  for (const slot of slots.splice(0, 100)) first.remove(slot, 1);
  // Takes the records that the first one knew as free, and knows that in a heap of its own.
  const second = open('portable', shared, 0);
  second.inherit();
  for (let number = 0; number < 200; number++) slots.push(second.insert(`second/${number}`, 1, undefined, 0));
  const third = open('wasm', shared, 0);
  const [given] = slots.splice(7, 1) as [number];
  expect(third.remove(given, 1)).toBe(true);
  const seen = new Set(slots);
  for (let number = 0; number < 600; number++) {
    const slot = third.insert(`third/${number}`, 1, undefined, 0);
    expect(slot).toBeGreaterThan(0);
    expect(seen.has(slot), `${slot} is handed out twice`).toBe(false);
    seen.add(slot);
  }
  expect(seen.has(given)).toBe(true);
  for (const slot of slots) expect(third.threadOf(slot, third.generationOf(slot))).toBe(0);
});

/**
 * What a lost thread leaves, taken over in WebAssembly and by the portable table from copies of the same memory: both must return the same, leave the same, and go on
 * alike. The lost thread runs either engine and stops between any two steps of any call.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { INSERT_EXISTS, type RoutingTable } from '../../../dist/ts-src/ports/engine.js';
import { CAPACITY, type EngineName, memory, open, recordWord, visible } from './tables.js';

/** Where a call stopped: the state of the record it was about, and whether its entry is in the index and known to the record. */
const stops = [
  // Insert: begun to write, written, published, aborted.
  { state: L.RECORD_STATE_FREE, entry: false, position: false },
  { state: L.RECORD_STATE_PENDING, entry: false, position: false },
  { state: L.RECORD_STATE_PENDING, entry: false, position: true },
  { state: L.RECORD_STATE_PENDING, entry: true, position: true },
  { state: L.RECORD_STATE_ABORTED, entry: true, position: true },
  // Remove: no longer live, entry gone.
  { state: L.RECORD_STATE_FREE, entry: true, position: true },
  { state: L.RECORD_STATE_FREE, entry: false, position: true },
] as const;

function stop(shared: SharedMemory, record: number, { state, entry, position }: (typeof stops)[number]): void {
  const { words } = shared;
  const entryAt = words[recordWord(shared, record, L.RECORD_WORD_ENTRY)] as number;
  const stateAt = recordWord(shared, record, L.RECORD_WORD_STATE);
  words[stateAt] = ((words[stateAt] as number) & ~3) | state;
  if (!entry) words[(shared.bucketsOffset >> 2) + entryAt] = 0;
  if (!position) words[recordWord(shared, record, L.RECORD_WORD_ENTRY)] = 0;
}

describe.each(['wasm', 'portable'] as const)('what a lost %s thread leaves', (engine: EngineName) => {
  test('is the same to both, wherever it stopped', () => {
    const half = fc.record({ stop: fc.constantFrom(...stops), pick: fc.nat() });
    fc.assert(
      fc.property(fc.nat(600), fc.array(half, { maxLength: 25 }), fc.nat(20), fc.boolean(), (names, halves, removals, wanted) => {
        const shared = memory();
        const [lost, other] = [open(engine, shared, 2), open('portable', shared, 1)];
        const slots: number[] = [];
        const keyOf = (number: number) => `name/${number}${'k'.repeat((number * 31) % 400)}`;
        for (let number = 0; number < names; number++) {
          const slot = lost.insert(keyOf(number), number, number % 5 === 0 ? new Uint8Array(number).fill(number) : undefined, 0);
          if (slot > 0) slots.push(slot);
        }
        for (let count = 0; count < removals && slots.length > 0; count++) {
          const [slot] = slots.splice((count * 37) % slots.length, 1) as [number];
          lost.remove(slot, lost.generationOf(slot));
        }
        for (const each of halves) if (slots.length > 0) stop(shared, slots.splice(each.pick % slots.length, 1)[0] as number, each.stop);
        // Another thread wants some of the names meanwhile, and helps or aborts what is pending.
        if (wanted) for (let number = 0; number < names; number += 3) other.insert(keyOf(number), 9, undefined, 0);
        const copy = memory();
        copy.bytes.set(shared.bytes);
        const successors = [open('portable', shared, 2), open('wasm', copy, 2)] as const;
        const [expected, inherited] = successors.map((table) => table.inherit());
        expect(inherited).toEqual(expected);
        expect(visible(copy)).toEqual(visible(shared));
        for (const { slot, generation } of inherited ?? [])
          expect([successors[1].keyOf(slot, generation), successors[1].payloadOf(slot, generation)]).toEqual([
            successors[0].keyOf(slot, generation),
            successors[0].payloadOf(slot, generation),
          ]);
        // They go on alike: the same records are free, in the same order.
        for (let number = 0; number < 700; number++) {
          const insert = (table: RoutingTable) => table.insert(`${number % 2 === 0 ? keyOf(number) : `new/${number}`}`, 1, new Uint8Array(number % 120), 0);
          expect(insert(successors[1])).toBe(insert(successors[0]));
        }
        for (const table of successors) for (const { slot, generation } of inherited ?? []) expect(table.remove(slot, generation)).toBe(true);
        expect(visible(copy)).toEqual(visible(shared));
        expect(successors[1].statistics()).toEqual(successors[0].statistics());
      }),
      { numRuns: 15 },
    );
  });

  test('a pending record is helped to its end by whoever wants the name, and keeps its place', () => {
    const shared = memory();
    const lost = open(engine, shared, 2);
    const slot = lost.insert('half', 9, undefined, 0);
    shared.words[recordWord(shared, slot, L.RECORD_WORD_STATE)] = (1 << 2) | L.RECORD_STATE_PENDING;
    const wasm = open('wasm', shared, 1);
    expect(wasm.find('half')).toBe(0);
    expect(wasm.insert('half', 1, undefined, 0)).toBe(INSERT_EXISTS);
    expect(wasm.find('half')).toBe(slot);
    expect(open('wasm', shared, 2).inherit()).toEqual([{ slot, generation: 1, thread: 2, kind: 9 }]);
  });
});

test('inherits twice, after a group was only just claimed, and nothing where nobody was', () => {
  const shared = memory();
  expect(open('wasm', shared, 0).inherit()).toEqual([]);
  const lost = open('wasm', shared, 2);
  const slot = lost.insert('kept', 4, new Uint8Array(1000), 0);
  const groupsAt = shared.groupsOffset >> 2;
  const free = Array.from({ length: CAPACITY / L.GROUP_RECORDS }, (_, group) => group).find((group) => shared.words[groupsAt + group] === 0) as number;
  shared.words[groupsAt + free] = 3;
  const successor = open('wasm', shared, 2);
  const kept = [{ slot, generation: 1, thread: 2, kind: 4 }];
  expect([successor.inherit(), successor.inherit()]).toEqual([kept, kept]);
  const seen = new Set([slot]);
  for (let number = 0; number < 400; number++) seen.add(successor.insert(`new/${number}`, 1, undefined, 0));
  expect(seen.size).toBe(401);
  expect(successor.payloadOf(slot, 1)?.every((byte) => byte === 0)).toBe(true);
});

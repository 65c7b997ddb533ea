/**
 * What the lists of names promise, for each engine alone and for each pair on one memory: they are the single forms, many times. And what the statistics say, which
 * is the same for all engines, whoever wrote the table.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as L from '../../dist/layout/generated/layout.js';
import { FOUND_NUMBERS, INSERT_EXISTS, INSERT_FULL, INSERTED_NUMBERS, type RoutingTable } from '../../dist/ts-src/ports/engine.js';
import { BUCKETS, CAPACITY, clean, colliding, loaded, memory, open, pairs, recordWord } from './tables.js';

describe.each(pairs)('lists of names: %s and %s', (first, second) => {
  const missing = loaded.addon === undefined && [first, second].some((name) => name === 'native' || name === 'fastest');
  const test = it.skipIf(missing);
  const setUp = () => {
    const shared = memory();
    return { shared, a: open(first, shared, 0), b: open(second, shared, 1) };
  };
  const rows = (numbers: Int32Array, length: number) =>
    Array.from({ length: numbers.length / length }, (_, row) => [...numbers.subarray(row * length, (row + 1) * length)]);
  const slotsOf = (inserted: Int32Array) => rows(inserted, INSERTED_NUMBERS).map(([slot]) => slot as number);
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, number) => `${prefix}${number}`);
  /** Where the sizes of batches are, and one name more or less. */
  const sizes = [1, 15, 16, 17, 63, 64, 65, 128, 129, 300];

  test.each(sizes)('%i names are inserted, found by both, and removed', (count) => {
    const { a, b } = setUp();
    const keys = names('many/', count);
    const inserted = a.insertMany(keys, 7, undefined, 3);
    expect(new Set(slotsOf(inserted)).size).toBe(count);
    for (const [index, [slot, generation]] of rows(inserted, INSERTED_NUMBERS).entries()) {
      expect([b.find(keys[index] as string), b.foundGeneration, b.foundKind]).toEqual([slot, generation, 7]);
      expect([a.parentOf(slot as number, generation as number), b.keyOf(slot as number, generation as number)]).toEqual([3, keys[index]]);
    }
    for (const table of [a, b]) expect(rows(table.findMany(keys), FOUND_NUMBERS)).toEqual(rows(inserted, INSERTED_NUMBERS).map((row) => [...row, 7]));
    expect([b.removeMany(inserted), a.removeMany(inserted), a.removeMany(inserted)]).toEqual([0, count, 0]);
    for (const table of [a, b]) expect(table.findMany(keys)).toEqual(new Int32Array(count * FOUND_NUMBERS));
    expect(a.statistics()).toMatchObject(clean);
  });

  test('no names: nothing', () => {
    const { a } = setUp();
    expect([a.findMany([]).length, a.insertMany([], 1, undefined, 0).length, a.removeMany(new Int32Array(0))]).toEqual([0, 0, 0]);
  });

  test('one that exists, and one that stands in the list twice, say so; the others are inserted', () => {
    const { a, b } = setUp();
    b.insert('taken', 9, undefined, 0);
    const keys = [...names('x', 20), 'taken', 'x3', ...names('y', 20), 'y19'];
    const slots = slotsOf(a.insertMany(keys, 1, undefined, 0));
    for (const [index, key] of keys.entries()) {
      if (index === 20 || index === 21 || index === 42) expect(slots[index], key).toBe(INSERT_EXISTS);
      else expect(b.find(key), key).toBe(slots[index]);
    }
    b.find('taken');
    expect(b.foundKind).toBe(9);
  });

  test('a table that becomes full: what fits is in, what does not says so, and a short name after a long one that did not fit is inserted', () => {
    const { a, b } = setUp();
    const slots = slotsOf(a.insertMany(names('full/', CAPACITY + 10), 1, undefined, 0));
    expect([slots.filter((slot) => slot > 0).length, slots.filter((slot) => slot === INSERT_FULL).length]).toEqual([CAPACITY - 1, 11]);
    expect(slots.indexOf(INSERT_FULL)).toBe(CAPACITY - 1);
    expect(b.findMany(['full/0', `full/${CAPACITY - 2}`, `full/${CAPACITY - 1}`])[2 * FOUND_NUMBERS]).toBe(0);
    expect(a.statistics()).toMatchObject({ live: CAPACITY - 1, load: (CAPACITY - 1) / CAPACITY });
    const last = slots[CAPACITY - 2] as number;
    expect(a.removeMany(Int32Array.of(last, 1))).toBe(1);
    expect(slotsOf(a.insertMany(['k'.repeat(100), 'short', 'late'], 1, undefined, 0))).toEqual([INSERT_FULL, last, INSERT_FULL]);
  });

  test('a name that is not one, or a payload too large, is the error of insert, and nothing is inserted', () => {
    const { a, b } = setUp();
    for (const table of [a, b]) {
      for (const wrong of ['', 'k'.repeat(1025), 'é'.repeat(513), '日'.repeat(342), '\ud800'.repeat(342)]) {
        const keys = [...names('good', 70), wrong];
        expect(() => table.insertMany(keys, 1, undefined, 0)).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
        expect(() => table.findMany(keys)).toThrow(TypeError);
      }
      const payloads = [new Uint8Array(3), new Uint8Array(65_537)];
      expect(() => table.insertMany(['p', 'q'], 1, payloads, 0)).toThrow(expect.objectContaining({ code: 'NEXUS_MESSAGE_TOO_LARGE' }));
      expect(() => table.insertMany(['p', 'q'], 1, [undefined], 0)).toThrow(RangeError);
      expect(table.statistics()).toMatchObject({ ...clean, reclaimed: 0, claimed: 0 });
    }
  });

  test('payloads: one for each name, or none', () => {
    const { a, b } = setUp();
    const keys = names('p', 70);
    const payloads = keys.map((_, index) => (index % 3 === 0 ? undefined : new Uint8Array(index * 3).fill(index)));
    const inserted = a.insertMany(keys, 1, payloads, 0);
    for (const [index, [slot = 0, generation = 0]] of rows(inserted, INSERTED_NUMBERS).entries())
      expect([...(b.payloadOf(slot, generation) ?? [])]).toEqual([...(payloads[index] ?? [])]);
    expect(a.removeMany(inserted)).toBe(70);
  });

  test('removals: of others, of stale generations, of slots outside of the table, of one twice', () => {
    const { a, b } = setUp();
    const mine = a.insertMany(names('mine', 40), 1, undefined, 0);
    const theirs = b.insertMany(names('theirs', 40), 1, undefined, 0);
    const stale = Int32Array.from(mine, (number, at) => (at % 2 === 0 ? number : number + 1));
    const strange = Int32Array.of(0, 1, CAPACITY, 1, CAPACITY * 4, 1, -1, 1, 2 ** 31 - 1, 1);
    expect(a.removeMany(Int32Array.from([...stale, ...strange, ...theirs, ...mine, ...mine]))).toBe(40);
    expect(slotsOf(theirs)).toEqual(rows(b.findMany(names('theirs', 40)), FOUND_NUMBERS).map(([slot]) => slot));
    // A part of a longer array, and an odd number at the end.
    expect(b.removeMany(Int32Array.from([9, 9, ...theirs]).subarray(2, 7))).toBe(2);
    expect(a.statistics()).toMatchObject({ live: 38, staleEntries: 0 });
  });

  test('behave as a map does, whatever the lists', () => {
    const key = fc.oneof(
      fc.nat(40).map((number) => `k${number}`),
      fc.constantFrom(...colliding(40)),
      fc.array(fc.constantFrom('a', 'é', '日', '\ud800', '🙂'), { minLength: 1, maxLength: 40 }).map((parts) => parts.join('')),
      fc.string({ minLength: 200, maxLength: 300, unit: 'binary' }).filter((text) => Buffer.byteLength(text) <= 1024),
    );
    const call = fc.record({
      who: fc.boolean(),
      what: fc.constantFrom('insert', 'find', 'remove'),
      keys: fc.array(key, { maxLength: 90 }),
      kind: fc.nat(0xffff),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 25 }), (calls) => {
        const { a, b } = setUp();
        const model = new Map<string, { slot: number; generation: number; kind: number; owner: RoutingTable }>();
        // Names are what their bytes say: a lone surrogate is U+FFFD.
        const nameOf = (text: string) => Buffer.from(text).toString();
        for (const { who, what, keys, kind, pick } of calls) {
          const [table, other] = who ? [a, b] : [b, a];
          if (what === 'insert') {
            for (const [index, [slot = 0, generation = 0]] of rows(table.insertMany(keys, kind, undefined, 0), INSERTED_NUMBERS).entries()) {
              const name = nameOf(keys[index] as string);
              expect(slot === INSERT_EXISTS).toBe(model.has(name));
              if (slot > 0) model.set(name, { slot, generation, kind, owner: table });
            }
          } else if (what === 'find') {
            const expected = keys.map(nameOf).map((name) => [model.get(name)?.slot ?? 0, model.get(name)?.generation ?? 0, model.get(name)?.kind ?? 0]);
            expect(rows(table.findMany(keys), FOUND_NUMBERS)).toEqual(expected);
            expect(other.findMany(keys)).toEqual(table.findMany(keys));
          } else {
            const gone = [...model].filter((_, index) => (index * 31 + pick) % 3 === 0);
            const expected = gone.filter(([, { owner }]) => owner === table);
            expect(table.removeMany(Int32Array.from(gone.flatMap(([, { slot, generation }]) => [slot, generation])))).toBe(expected.length);
            for (const [name] of expected) model.delete(name);
          }
        }
        expect(a.statistics()).toMatchObject({ live: model.size, staleEntries: 0 });
        expect(b.statistics()).toEqual(a.statistics());
      }),
      { numRuns: 40 },
    );
  });

  test('statistics count what was done, the same in both', () => {
    const { shared, a, b } = setUp();
    const both = () => {
      expect(b.statistics()).toEqual(a.statistics());
      return a.statistics();
    };
    expect(both()).toEqual({
      ...clean,
      recordCapacity: CAPACITY,
      extensions: 0,
      load: 0,
      claimed: 0,
      reused: 0,
      reclaimed: 0,
      retired: 0,
      overflowingBuckets: 0,
      probeBuckets: [0, 0, 0, 0, 0, 0, 0, 0],
      probeBucketsMean: 0,
    });
    // 130 names of one bucket: 15 in each of 9 buckets, the last 10 in the ninth, which the eighth count includes.
    const crowd = a.insertMany(colliding(130), 1, undefined, 0);
    for (const table of [a, b]) expect(rows(table.findMany(colliding(130)), FOUND_NUMBERS)).toEqual(rows(crowd, INSERTED_NUMBERS).map((row) => [...row, 1]));
    expect(both()).toMatchObject({
      live: 130,
      load: 130 / CAPACITY,
      reused: 0,
      probeBuckets: [15, 15, 15, 15, 15, 15, 15, 25],
      probeBucketsMax: 9,
      probeBucketsMean: (15 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8) + 10 * 9) / 130,
      overflowingBuckets: 8,
      overflow: 115 + 100 + 85 + 70 + 55 + 40 + 25 + 10,
    });
    expect(a.removeMany(crowd.subarray(0, 200))).toBe(100);
    expect(both()).toMatchObject({ live: 30, reclaimed: 100, probeBuckets: [0, 0, 0, 0, 0, 0, 5, 25] });
    a.removeMany(crowd);
    expect(both()).toMatchObject({ ...clean, reclaimed: 130, overflowingBuckets: 0 });
    // A name of 300 bytes: 32 in its record, 268 in 5 of 56. All six were used before.
    const [slot = 0, generation = 0] = a.insertMany(['k'.repeat(300)], 1, undefined, 0);
    const used = both();
    expect(used).toMatchObject({ live: 1, extensions: 5, load: 6 / CAPACITY, reused: 1, reclaimed: 124 });
    expect(used.claimed).toBe(L.GROUP_RECORDS);
    a.remove(slot, generation);
    expect(both()).toMatchObject({ live: 0, extensions: 0, reclaimed: 130 });
    shared.words[recordWord(shared, slot, L.RECORD_WORD_STATE)] = L.GENERATION_MAX << 2;
    expect(both()).toMatchObject({ reclaimed: 129, retired: 1 });
    expect(BUCKETS).toBeGreaterThan(9);
  });
});

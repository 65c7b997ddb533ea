/** The ring: how even it is, how much moves when members come and go, and that all who know a view agree. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PARTITIONS, partitionOf } from '../../../../dist/ts-src/protocols/registry/partition.js';
import { EXCESS, Ring, type RingMember } from '../../../../dist/ts-src/protocols/registry/ring.js';

const members = (count: number, prefix = 'shop', weight = 1): RingMember[] =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}-${index}`, incarnation: 1, weight }));
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const moved = (before: Ring, after: Ring): { readonly all: number; readonly between: number } => {
  const names = new Set(before.members.map(({ name }) => name));
  const changed = partitions.filter((partition) => before.ownerOf(partition)?.name !== after.ownerOf(partition)?.name);
  return { all: changed.length / PARTITIONS, between: changed.filter((partition) => names.has(after.ownerOf(partition)?.name ?? '')).length / PARTITIONS };
};

test('ids are spread evenly over partitions, the same in all versions for ever', () => {
  expect(['a', 'account-1', 'account-2', 'ünïcödé', '🙂', 'x'.repeat(1024)].map(partitionOf)).toMatchInlineSnapshot(`
    [
      23,
      3082,
      1291,
      3533,
      655,
      2663,
    ]
  `);
  const counts = new Array<number>(PARTITIONS).fill(0);
  for (let index = 0; index < 409_600; index++) counts[partitionOf(`account-${index}`)]! += 1;
  // 100 each: a normal distribution leaves nobody outside of six standard deviations.
  expect([Math.min(...counts) > 40, Math.max(...counts) < 160]).toEqual([true, true]);
});

test('the owners of a ring are the same in all versions for ever', () => {
  const ring = new Ring([...members(3), { name: 'heavy', incarnation: 5, weight: 2 }]);
  let hash = 0;
  for (const partition of partitions) hash = (Math.imul(hash, 31) + (ring.owners[partition] as number)) >>> 0;
  expect([[...ring.loads], hash]).toMatchInlineSnapshot(`
    [
      [
        1599,
        844,
        813,
        840,
      ],
      897826612,
    ]
  `);
});

test('a fourth member takes between 22.5 and 27.5 % from three, whatever their names, and little moves between those', () => {
  for (let set = 0; set < 60; set++) {
    const four = members(4, `set${set}`);
    const { all, between } = moved(new Ring(four.slice(0, 3)), new Ring(four));
    expect(all - between).toBeGreaterThan(0.22);
    expect(all).toBeGreaterThanOrEqual(0.225);
    expect(all).toBeLessThanOrEqual(0.275);
    expect(between).toBeLessThan(0.02);
  }
});

test.each([3, 5, 8, 13, 20])(
  'of %i members nobody owns more than 3 percent above its share, and one that comes or goes moves little more than its share',
  (count) => {
    for (let set = 0; set < 5; set++) {
      const more = members(count + 1, `set${set}`);
      const [before, after] = [new Ring(more.slice(0, count)), new Ring(more)];
      for (const ring of [before, after]) {
        const most = Math.ceil(((1 + EXCESS) * PARTITIONS) / ring.members.length);
        expect(Math.max(...ring.loads)).toBeLessThanOrEqual(most);
      }
      expect(moved(before, after).all).toBeLessThan(1.35 / (count + 1));
      expect(moved(after, before).all).toBeLessThan(1.35 / (count + 1));
    }
  },
);

test('a ring that is made of another one is the same as one that is made anew', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 5 }), (weights) => {
      let ring: Ring | undefined;
      for (const each of weights) {
        // A weight of 3 stands for a member that is not there.
        const given = members(6).flatMap((member, index) => (each[index] === 3 && index > 0 ? [] : [{ ...member, weight: each[index] as number }]));
        ring = new Ring(given, ring);
        const anew = new Ring(given);
        expect([...ring.owners]).toEqual([...anew.owners]);
        expect(ring.successorsOf(7, 4)).toEqual(anew.successorsOf(7, 4));
      }
    }),
    { numRuns: 40 },
  );
});

test('members own as their weights are, and with a weight of 0 nothing', () => {
  const ring = new Ring([
    { name: 'a', incarnation: 1, weight: 1 },
    { name: 'b', incarnation: 1, weight: 3 },
    { name: 'c', incarnation: 1, weight: 0 },
  ]);
  const [a, b, c] = [...ring.loads].map((load) => load / PARTITIONS);
  expect([Math.abs((a as number) - 0.25) < 0.02, Math.abs((b as number) - 0.75) < 0.02, c]).toEqual([true, true, 0]);
  expect(partitions.every((partition) => ring.successorsOf(partition, 4).every(({ name }) => name !== 'c'))).toBe(true);
  expect([...new Ring(members(3, 'idle', 0)).loads]).toEqual([...new Ring(members(3, 'idle', 1)).loads]);
});

test('owners depend on names and weights alone, and successors are different members behind the owner', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 9 }), fc.nat(4), fc.nat(), (names, copies, turn) => {
      const given = names.map((name, index): RingMember => ({ name, incarnation: index + 1, weight: (turn + index) % 3 }));
      const ring = new Ring(given);
      const other = new Ring([...given].reverse().map((member) => ({ ...member, incarnation: member.incarnation + 7 })));
      expect(partitions.every((partition) => ring.ownerOf(partition)?.name === other.ownerOf(partition)?.name)).toBe(true);
      const bearing = given.filter(({ weight }) => weight > 0).length || given.length;
      for (const partition of [0, 17, 4095]) {
        const successors = ring.successorsOf(partition, copies).map(({ name }) => name);
        expect(successors).toHaveLength(Math.min(copies, bearing - 1));
        expect(new Set([...successors, ring.ownerOf(partition)?.name]).size).toBe(successors.length + 1);
      }
    }),
    { numRuns: 30 },
  );
});

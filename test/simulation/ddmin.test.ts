/** `ddmin` against a twin that tries everything. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ddmin } from '../../dist/ts-src/testing/simulation/ddmin.js';

/** Whether a part fails, for failures that need all of some elements: any of these groups. */
const needing =
  (groups: readonly (readonly number[])[]) =>
  (part: readonly number[]): boolean =>
    groups.some((group) => group.every((element) => part.includes(element)));

describe('ddmin', () => {
  test('what it returns fails, in its order, and no element of it can be left out: for all of 300 drawn failures', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 1, max: 24 })
          .chain((length) =>
            fc.tuple(fc.constant(length), fc.array(fc.array(fc.nat(length - 1), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 })),
          ),
        async ([length, groups]) => {
          const list = Array.from({ length }, (_, index) => index);
          const fails = needing(groups);
          const asked = new Set<string>();
          const result = await ddmin(list, async (part) => {
            expect(asked.has(part.join())).toBe(false);
            asked.add(part.join());
            return fails(part);
          });
          expect(fails(result)).toBe(true);
          expect([...result].sort((a, b) => a - b)).toEqual(result);
          for (const left of result) expect(fails(result.filter((element) => element !== left))).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('the smallest part of a list of twelve is found where one group of elements fails, as by trying all 4,096 parts', async () => {
    for (const group of [[0], [11], [3, 7], [0, 5, 6, 11], [2, 3, 4, 5, 6]]) {
      const list = Array.from({ length: 12 }, (_, index) => index);
      const fails = needing([group]);
      const smallest = allParts(list)
        .filter(fails)
        .sort((a, b) => a.length - b.length)[0];
      expect(await ddmin(list, async (part) => fails(part))).toEqual(smallest);
    }
  });

  test('of 200 elements two that fail together take fewer than 200 runs', async () => {
    let runs = 0;
    const result = await ddmin(
      Array.from({ length: 200 }, (_, index) => index),
      async (part) => {
        runs++;
        return needing([[17, 143]])(part);
      },
    );
    expect(result).toEqual([17, 143]);
    expect(runs).toBeLessThan(200);
  });

  test('what fails without any element needs none; when it may not go on, the smallest so far is returned', async () => {
    expect(await ddmin([1, 2, 3], async () => true)).toEqual([]);
    let left = 4;
    const list = Array.from({ length: 16 }, (_, index) => index);
    const result = await ddmin(
      list,
      async (part) => (left--, needing([[1]])(part)),
      () => left > 0,
    );
    expect(needing([[1]])(result)).toBe(true);
    expect(result.length).toBeLessThan(16);
  });
});

function allParts<T>(list: readonly T[]): T[][] {
  return Array.from({ length: 2 ** list.length }, (_, bits) => list.filter((_element, index) => (bits >> index) & 1));
}

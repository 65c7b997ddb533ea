/** Which keys take the most, in bounded memory, against a map of all of them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heaviest } from '../../../dist/ts-src/model/heaviest.js';

test('as long as there is room for all, the amounts are exact', () => {
  const heaviest = new Heaviest<string>(3);
  for (const [key, amount] of [
    ['a', 1],
    ['b', 5],
    ['a', 2],
    ['c', 4],
  ] as const)
    heaviest.add(key, amount);
  expect(heaviest.top(2)).toEqual([
    { key: 'b', amount: 5 },
    { key: 'c', amount: 4 },
  ]);
});

test('no amount is said that was not added, and a key with more than its part of all is never missed', () => {
  const added = fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 100 })), { maxLength: 300 });
  fc.assert(
    fc.property(added, fc.integer({ min: 1, max: 8 }), (events, capacity) => {
      const heaviest = new Heaviest<number>(capacity);
      const exact = new Map<number, number>();
      for (const [key, amount] of events) {
        heaviest.add(key, amount);
        exact.set(key, (exact.get(key) ?? 0) + amount);
      }
      const top = new Map(heaviest.top(capacity).map(({ key, amount }) => [key, amount]));
      const all = [...exact.values()].reduce((sum, each) => sum + each, 0);
      for (const [key, amount] of top) expect(amount).toBeLessThanOrEqual(exact.get(key) ?? 0);
      for (const [key, amount] of exact) if (amount > all / capacity) expect(top.has(key)).toBe(true);
    }),
  );
});

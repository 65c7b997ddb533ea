import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leastLoaded } from '../../../dist/ts-src/model/placement.js';

test('nobody is chosen where nobody is', () => {
  expect(leastLoaded([], 0)).toBe(-1);
});

test('the choice has the fewest agents, and of equal ones it is the next after the last choice, in turn', () => {
  const loads = fc.uniqueArray(fc.record({ thread: fc.integer({ min: 1, max: 127 }), agents: fc.integer({ min: 0, max: 3 }) }), {
    minLength: 1,
    maxLength: 12,
    selector: ({ thread }) => thread,
  });
  fc.assert(
    fc.property(loads, fc.integer({ min: 0, max: 128 }), (unsorted, after) => {
      const threads = unsorted.sort((a, b) => a.thread - b.thread);
      const fewest = Math.min(...threads.map(({ agents }) => agents));
      const candidates = threads.filter(({ agents }) => agents === fewest).map(({ thread }) => thread);
      expect(leastLoaded(threads, after)).toBe(candidates.find((thread) => thread > after) ?? candidates[0]);
    }),
    { numRuns: 1000 },
  );
});

test('placing one after the other spreads agents evenly', () => {
  const counts = [5, 0, 2, 0];
  let last = 0;
  for (let count = 0; count < 13; count++) {
    last = leastLoaded(
      counts.map((agents, index) => ({ thread: index + 1, agents })),
      last,
    );
    counts[last - 1] = (counts[last - 1] as number) + 1;
  }
  expect(counts).toEqual([5, 5, 5, 5]);
});

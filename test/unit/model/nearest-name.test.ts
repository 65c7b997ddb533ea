import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkNames, didYouMean, nearest } from '../../../dist/ts-src/model/nearest-name.js';

const NAMES = ['threads', 'agents', 'memory', 'askTimeoutMs', 'ringBytes'];

test.each([
  ['thread', 'threads'],
  ['Threads', 'threads'],
  ['therads', 'threads'],
  ['askTimeout', 'askTimeoutMs'],
  ['asktimeoutms', 'askTimeoutMs'],
  ['ringBtyes', 'ringBytes'],
  ['zebra', undefined],
  ['', undefined],
  ['completelyDifferent', undefined],
])('%o is meant to be %s', (name, expected) => {
  expect(nearest(name, NAMES)).toBe(expected);
});

/** The distance by its definition: the cheapest of all ways to spell one as the other. */
function distance(a: string, b: string): number {
  if (a === '') return b.length;
  if (b === '') return a.length;
  const ways = [distance(a.slice(1), b) + 1, distance(a, b.slice(1)) + 1, distance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1)];
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]) ways.push(distance(a.slice(2), b.slice(2)) + 1);
  return Math.min(...ways);
}

test('the nearest name is one of the least distance, and none that is far', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A'), minLength: 0, maxLength: 5 });
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 4 }), (name, known) => {
      const distances = known.map((candidate) => distance(name.toLowerCase(), candidate.toLowerCase()));
      const limit = Math.max(2, Math.floor(name.length / 3));
      const near = distances.map((each, index) =>
        each <= limit && each * 2 <= Math.max(name.length, known[index]?.length ?? 0) ? each : Number.POSITIVE_INFINITY,
      );
      const least = Math.min(...near, Number.POSITIVE_INFINITY);
      expect(nearest(name, known)).toBe(least <= limit ? known[near.indexOf(least)] : undefined);
    }),
    { numRuns: 1000 },
  );
});

test('names that are not known are refused with a suggestion', () => {
  expect(() => checkNames('createNexus', { thread: 1 }, NAMES)).toThrow(
    "createNexus: unknown option 'thread'; did you mean 'threads'? Options are threads, agents",
  );
  expect(() => checkNames('createNexus', { zebra: 1 }, NAMES)).toThrow("createNexus: unknown option 'zebra'. Options are");
  expect(() => checkNames('createNexus', { threads: 1, agents: [] }, NAMES)).not.toThrow();
  for (const wrong of [undefined, null, 5, 'x', []])
    expect(() => checkNames('createNexus', wrong, NAMES)).toThrow('createNexus: expected an object of options');
  expect(didYouMean('agnets', NAMES)).toBe("; did you mean 'agents'?");
  expect(didYouMean('q', NAMES)).toBe('.');
});

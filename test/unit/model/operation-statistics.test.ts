import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineAllowance } from '../../../dist/ts-src/model/line-allowance.js';
import { durationBucket, OPERATION_BOUNDS_NS } from '../../../dist/ts-src/model/operation-statistics.js';

/** Looks at every bound. */
function bucketByComparison(nanoseconds: number): number {
  const bucket = OPERATION_BOUNDS_NS.findIndex((bound) => nanoseconds <= bound);
  return bucket < 0 ? OPERATION_BOUNDS_NS.length : bucket;
}

test('a duration is counted at the first bound that is not less, and behind the last bound if it is more than all', () => {
  const anywhere = fc.oneof(fc.double({ min: 0, max: 2 ** 45, noNaN: true }), fc.double({ min: 0, max: 2 ** 20, noNaN: true }));
  fc.assert(
    fc.property(anywhere, (nanoseconds) => void expect(durationBucket(nanoseconds)).toBe(bucketByComparison(nanoseconds))),
    { numRuns: 2000 },
  );
  for (const bound of OPERATION_BOUNDS_NS)
    for (const nanoseconds of [bound, bound + 0.25, bound - 0.25, bound + 1, bound - 1, bound * (1 + 2 ** -40)])
      expect([nanoseconds, durationBucket(nanoseconds)]).toEqual([nanoseconds, bucketByComparison(nanoseconds)]);
});

test('what is no duration is counted as the shortest, and what never ends as the longest', () => {
  expect([Number.NaN, -1, 0, Number.NEGATIVE_INFINITY].map(durationBucket)).toEqual([0, 0, 0, 0]);
  expect([Number.POSITIVE_INFINITY, Number.MAX_VALUE, 2 ** 60].map(durationBucket)).toEqual([27, 27, 27]);
});

test('so many lines are allowed in a second, and the next one says how many were not', () => {
  const lines = new LineAllowance(2);
  expect([0, 1, 2, 999, 1000, 1001, 1002, 5000].map((nowMs) => lines.take(nowMs))).toEqual([0, 0, undefined, undefined, 2, 0, undefined, 1]);
});

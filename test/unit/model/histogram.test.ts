import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HISTOGRAM_BUCKETS } from '../../../dist/layout/generated/layout.js';
import { boundsOf, bucketOf, DURATION_NS_MAX, HistogramSnapshot, lowerEdge } from '../../../dist/ts-src/model/histogram.js';

/** What the documentation promises of every quantile. */
const RELATIVE_ERROR_MAX = 1 / 128;

/** Durations of every size alike, and those about the edges of buckets. */
const duration = fc.oneof(
  { weight: 4, arbitrary: fc.double({ min: 0, max: Math.log(DURATION_NS_MAX), noNaN: true }).map((power) => Math.round(Math.exp(power))) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 0, max: 41 }), fc.integer({ min: -2, max: 2 })).map(([octave, by]) => Math.max(1, 2 ** octave + by)) },
  { weight: 1, arbitrary: fc.constantFrom(1, 2, 127, 128, 129, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, DURATION_NS_MAX - 1, DURATION_NS_MAX) },
);
const durations = fc.array(duration, { minLength: 1, maxLength: 400, size: 'max' });

function snapshotOf(values: readonly number[]): HistogramSnapshot {
  const buckets = new Float64Array(HISTOGRAM_BUCKETS);
  for (const value of values) buckets[bucketOf(value)]!++;
  return new HistogramSnapshot(
    buckets,
    values.reduce((sum, value) => sum + value, 0),
    values.length === 0 ? 0 : Math.min(...values),
    Math.max(0, ...values),
  );
}

/** All that can be asked of a snapshot. */
function describe(snapshot: HistogramSnapshot): Record<string, unknown> {
  const { count, sum, min, max, mean } = snapshot;
  return { count, sum, min, max, mean, quantiles: [0.01, 0.5, 0.9, 0.999].map((q) => snapshot.quantile(q)), counts: snapshot.cumulative(ALL_EDGES) };
}
const ALL_EDGES = Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => boundsOf(bucket).greatest);

test('buckets follow each other without a gap from 1 ns to 1 h, and each knows its first and last value', () => {
  let expected = 1;
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const { least, greatest } = boundsOf(bucket);
    expect(least).toBe(expected);
    expect([bucketOf(least), bucketOf(greatest)]).toEqual([bucket, bucket]);
    expect((greatest - least) / 2 / least).toBeLessThan(RELATIVE_ERROR_MAX);
    expected = greatest + 1;
  }
  expect(expected).toBe(DURATION_NS_MAX + 1);
  expect(bucketOf(DURATION_NS_MAX)).toBe(HISTOGRAM_BUCKETS - 1);
});

test('every value is in the bucket that counting bits gives', () => {
  fc.assert(
    fc.property(duration, (value) => {
      const below = BigInt(value - 1);
      const bits = below.toString(2).length;
      const expected = bits <= 7 ? Number(below) : (bits - 7) * 64 + Number(below >> BigInt(bits - 7));
      expect(bucketOf(value)).toBe(expected);
    }),
    { numRuns: 5000 },
  );
});

test('every power of two is an edge', () => {
  const edges = new Set(Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => lowerEdge(bucket)));
  for (let octave = 0; octave <= 41; octave++) expect(edges.has(2 ** octave), `2^${octave}`).toBe(true);
});

test('quantiles of a histogram are at most 1/128 from those of the sorted values', () => {
  fc.assert(
    fc.property(durations, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }), (values, shares) => {
      const sorted = Float64Array.from(values).sort();
      const snapshot = snapshotOf(values);
      for (const q of [0, 0.5, 0.9, 0.99, 0.999, 1, ...shares]) {
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number;
        expect(Math.abs(snapshot.quantile(q) - exact) / exact).toBeLessThanOrEqual(RELATIVE_ERROR_MAX);
      }
      expect([snapshot.quantile(0), snapshot.quantile(1)]).toEqual([sorted[0], sorted[sorted.length - 1]]);
      const sum = values.reduce((total, value) => total + value, 0);
      expect([snapshot.count, snapshot.sum, snapshot.mean]).toEqual([values.length, sum, sum / values.length]);
    }),
    { numRuns: 1000 },
  );
});

test('counts up to an edge are exact', () => {
  fc.assert(
    fc.property(durations, (values) => {
      const bounds = Array.from({ length: 42 }, (_, octave) => 2 ** octave);
      expect(snapshotOf(values).cumulative(bounds)).toEqual(bounds.map((bound) => values.filter((value) => value <= bound).length));
    }),
    { numRuns: 300 },
  );
});

test('histograms merged are the histogram of all values', () => {
  fc.assert(
    fc.property(fc.array(fc.array(duration, { maxLength: 60 }), { maxLength: 6 }), (parts) => {
      expect(describe(HistogramSnapshot.merge(parts.map(snapshotOf)))).toEqual(describe(snapshotOf(parts.flat())));
    }),
    { numRuns: 300 },
  );
});

test('what came after an earlier snapshot is counted exactly, and its ends are at most two buckets’ errors off', () => {
  fc.assert(
    fc.property(durations, durations, (before, after) => {
      const earlier = snapshotOf(before);
      const difference = snapshotOf([...before, ...after]).since(earlier);
      const expected = snapshotOf(after);
      expect([difference.count, difference.sum]).toEqual([expected.count, expected.sum]);
      expect(difference.cumulative(ALL_EDGES)).toEqual(expected.cumulative(ALL_EDGES));
      for (const end of ['min', 'max'] as const) expect(Math.abs(difference[end] - expected[end]) / expected[end]).toBeLessThanOrEqual(2 * RELATIVE_ERROR_MAX);
      expect(snapshotOf(before).since(earlier).count).toBe(0);
    }),
    { numRuns: 300 },
  );
  expect(() => snapshotOf([5]).since(snapshotOf([5, 6]))).toThrow('must be an earlier snapshot');
});

test('a histogram without values says so', () => {
  const none = HistogramSnapshot.merge([]);
  expect(describe(none)).toMatchObject({
    count: 0,
    sum: 0,
    min: Number.NaN,
    max: Number.NaN,
    mean: Number.NaN,
    quantiles: [Number.NaN, Number.NaN, Number.NaN, Number.NaN],
  });
  for (const q of [-0.1, 1.1, Number.NaN, '0.5' as unknown as number]) expect(() => none.quantile(q)).toThrow('it must be from 0 to 1');
});

test('a reading between the bucket and the rest is brought in line with the buckets', () => {
  const buckets = new Float64Array(HISTOGRAM_BUCKETS);
  buckets[bucketOf(1000)] = 1;
  // The first value of all: nothing but its bucket has been written.
  const first = new HistogramSnapshot(buckets.slice(), 0, 0, 0);
  expect(first.min).toBeGreaterThanOrEqual(boundsOf(bucketOf(1000)).least);
  expect(first.max).toBeLessThanOrEqual(boundsOf(bucketOf(1000)).greatest);
  expect(first.mean).toBeGreaterThanOrEqual(first.min);
  expect(first.mean).toBeLessThanOrEqual(first.max);
  // Or the other way round: sum, least and greatest are of a value that came after the buckets were read.
  const late = new HistogramSnapshot(buckets.slice(), 5_001_000, 10, 5_000_000);
  expect(late.count).toBe(1);
  expect(late.max).toBeLessThanOrEqual(boundsOf(bucketOf(1000)).greatest);
  expect(late.min).toBeGreaterThanOrEqual(boundsOf(bucketOf(1000)).least);
  expect(late.mean).toBeLessThanOrEqual(late.max);
});

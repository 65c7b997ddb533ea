/**
 * Buckets of a small histogram of durations, log-linear with eight an octave: what a thread keeps of each action while somebody looks. Counts are weights, since what is counted is a sample.
 * Its octaves are those of `DISTRIBUTION_BOUNDS_MS`. Pure; the exact histograms are `histogram.ts`.
 */

const PARTS = 8;
/** Width of the first octave's parts: 2^-10 ms, about 1 µs, in eight. */
const UNITS_PER_MS = 1024;
const OCTAVES = 23;
/** The last one is for all that is longer than 2^13 ms. */
export const DURATION_BUCKETS = PARTS + OCTAVES * PARTS + 1;

export function bucketOfDuration(ms: number): number {
  const units = ms * UNITS_PER_MS;
  if (!(units >= 1)) return units > 0 ? Math.floor(units * PARTS) : 0;
  const octave = Math.floor(Math.log2(units));
  if (octave >= OCTAVES) return DURATION_BUCKETS - 1;
  return PARTS + octave * PARTS + Math.min(PARTS - 1, Math.max(0, Math.floor((units / 2 ** octave - 1) * PARTS)));
}

/** The least and the greatest duration of a bucket, in milliseconds. */
export function durationsOfBucket(bucket: number): { readonly leastMs: number; readonly greatestMs: number } {
  const edge = (at: number): number => {
    if (at <= PARTS) return at / PARTS / UNITS_PER_MS;
    const octave = Math.floor((at - PARTS) / PARTS);
    return (2 ** octave * (1 + ((at - PARTS) % PARTS) / PARTS)) / UNITS_PER_MS;
  };
  return { leastMs: edge(bucket), greatestMs: bucket === DURATION_BUCKETS - 1 ? Number.POSITIVE_INFINITY : edge(bucket + 1) };
}

/** The middle of the bucket in which the value lies that a share `q` of all do not exceed; 0 if there are none. */
export function quantileOfDurations(counts: Float64Array, q: number, maxMs: number): number {
  let total = 0;
  for (const count of counts) total += count;
  if (total <= 0) return 0;
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    seen += counts[bucket] as number;
    if (seen < q * total || counts[bucket] === 0) continue;
    const { leastMs, greatestMs } = durationsOfBucket(bucket);
    return Math.min(maxMs, greatestMs === Number.POSITIVE_INFINITY ? maxMs : (leastMs + greatestMs) / 2);
  }
  return maxMs;
}

/** The greatest duration that was counted, as far as the buckets know: at most `maxMs`. */
export function greatestDuration(counts: Float64Array, maxMs: number): number {
  for (let bucket = counts.length - 1; bucket >= 0; bucket--) if ((counts[bucket] as number) > 0) return Math.min(maxMs, durationsOfBucket(bucket).greatestMs);
  return 0;
}

/** Counts by the bounds of `DISTRIBUTION_BOUNDS_MS`, with one more for what is above them. */
export function distributionOfDurations(counts: Float64Array): number[] {
  const distribution = new Array<number>(OCTAVES + 2).fill(0);
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const octave = Math.floor(bucket / PARTS);
    distribution[octave] = (distribution[octave] as number) + (counts[bucket] as number);
  }
  return distribution;
}

/**
 * Histograms of durations in nanoseconds: which bucket a value is in, and what can be said of many values when only the counts of their buckets are known.
 * Values are counted by `runtime/histogram-shard.ts`, in shared memory; `Nexus.histogram` hands out snapshots.
 *
 * Log-linear buckets, as in HdrHistogram (Gil Tene, http://hdrhistogram.org): every octave is cut into 64 of equal width, so that a bucket is as precise at an
 * hour as at a microsecond. A bucket holds whole numbers above its lower edge up to and including its upper one, as the `le` of Prometheus wants it, which makes every power of
 * two an edge: up to 128 ns a bucket is one value, above that it is at most 1/64 of its least value wide. The middle of a bucket is at most 1/128 (0.8 %) from every value in it.
 */
import { HISTOGRAM_BUCKETS, HISTOGRAM_NAMES, HISTOGRAM_OCTAVE_BITS } from '../../layout/generated/layout.js';
import { optionError, valueText } from '../errors.js';

/**
 * What a nexus times, each thread its own part: `ask_local` and `ask_remote`, asks of agents on the same and on another thread, as their callers see them; `turn`, one run of
 * the agents that had messages; `message_wait`, from the publication of a message to another thread until that thread took it.
 */
export type HistogramName = Lowercase<(typeof HISTOGRAM_NAMES)[number]>;

export const HISTOGRAM_KEYS = HISTOGRAM_NAMES.map((name) => name.toLowerCase()) as readonly HistogramName[];

/** An hour. What is longer counts as an hour, what is shorter than a nanosecond as one. */
export const DURATION_NS_MAX = 3_600_000_000_000;

const OCTAVE_BUCKETS = 2 ** HISTOGRAM_OCTAVE_BITS;
const EXACT = OCTAVE_BUCKETS * 2;
/** Where Math.clz32 of what is left still sees all bits that matter. */
const HIGH = 2 ** 24;
const SHIFT = 31 - HISTOGRAM_OCTAVE_BITS;

/**
 * Bucket of a whole number of nanoseconds from 1 to `DURATION_NS_MAX`.
 * The position of the highest bit says which octave, the six bits below it which bucket of the octave. A number above 2^31 is shifted down first: its lowest bits do not matter.
 */
export function bucketOf(nanoseconds: number): number {
  if (nanoseconds <= 0x80000000) {
    const below = (nanoseconds - 1) | 0;
    if (below < EXACT) return below;
    const shift = SHIFT - Math.clz32(below);
    return (shift << HISTOGRAM_OCTAVE_BITS) + (below >>> shift);
  }
  const high = ((nanoseconds - 1) / HIGH) | 0;
  const shift = SHIFT - Math.clz32(high);
  return ((shift + 24) << HISTOGRAM_OCTAVE_BITS) + (high >>> shift);
}

/** What all values of a bucket are above. Its greatest value is the lower edge of the next bucket. */
export function lowerEdge(bucket: number): number {
  if (bucket < EXACT) return bucket;
  return (OCTAVE_BUCKETS + (bucket & (OCTAVE_BUCKETS - 1))) * 2 ** ((bucket >> HISTOGRAM_OCTAVE_BITS) - 1);
}

/** The least and the greatest value of a bucket. The last one ends at `DURATION_NS_MAX`. */
export function boundsOf(bucket: number): { readonly least: number; readonly greatest: number } {
  return { least: lowerEdge(bucket) + 1, greatest: Math.min(lowerEdge(bucket + 1), DURATION_NS_MAX) };
}

/** What was recorded up to some moment. All values are in nanoseconds; without any, everything but `count` and `sum` is NaN. */
export class HistogramSnapshot {
  /** Values recorded. */
  readonly count: number;
  /** Sum of them: exact up to 2^53 ns, 104 days, and rounded above it. */
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly #buckets: Float64Array;

  /**
   * Reads what one thread writes while others read it: a bucket may be ahead of the sum, the least and the greatest value by what was recorded just now. The buckets decide; the rest is
   * brought in line with them. So `count` and each bucket only ever grow from one reading to the next.
   * @param buckets counts, which now belong to the snapshot
   * @param min 0 while there is none
   */
  constructor(buckets: Float64Array, sum: number, min: number, max: number) {
    let count = 0;
    let lowest = -1;
    let highest = -1;
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      const values = buckets[bucket] as number;
      if (values === 0) continue;
      count += values;
      highest = bucket;
      if (lowest < 0) lowest = bucket;
    }
    this.#buckets = buckets;
    this.count = count;
    this.min = count === 0 ? Number.NaN : within(lowest, min);
    this.max = count === 0 ? Number.NaN : within(highest, max);
    this.sum = count === 0 ? 0 : Math.min(Math.max(sum, this.min * count), this.max * count);
  }

  /** Exact. */
  get mean(): number {
    return this.sum / this.count;
  }

  /**
   * The value that a share `q` (from 0 to 1) of all values do not exceed, by the nearest rank: at most 0.8 % from it. 0 gives `min` and 1 gives `max`.
   * Throws a NexusTypeError NEXUS_OPTION_INVALID for another `q`.
   */
  quantile(q: number): number {
    if (!(typeof q === 'number' && q >= 0 && q <= 1)) throw optionError('q', `is ${valueText(q)}; it must be from 0 to 1`);
    if (q === 0 || this.count === 0) return this.min;
    if (q === 1) return this.max;
    const rank = Math.max(1, Math.ceil(q * this.count));
    let bucket = -1;
    for (let seen = 0; seen < rank; seen += this.#buckets[bucket] as number) bucket++;
    const { least, greatest } = boundsOf(bucket);
    return Math.min(Math.max((least + greatest) / 2, this.min), this.max);
  }

  /**
   * For each bound how many values do not exceed it. Exact where a bound is an edge of a bucket, as every power of two is; for others it is what the edge below says.
   * @param bounds nanoseconds, ascending
   */
  cumulative(bounds: readonly number[]): number[] {
    let bucket = 0;
    let count = 0;
    return bounds.map((bound) => {
      for (; bucket < this.#buckets.length && boundsOf(bucket).greatest <= bound; bucket++) count += this.#buckets[bucket] as number;
      return count;
    });
  }

  /**
   * What was recorded after `earlier`, a snapshot of the same histogram. `min` and `max` are then those of the outermost buckets: at most 1.6 % off.
   * Throws a NexusTypeError NEXUS_OPTION_INVALID if there is more in `earlier` than here.
   */
  since(earlier: HistogramSnapshot): HistogramSnapshot {
    const buckets = this.#buckets.map((values, bucket) => {
      const before = earlier.#buckets[bucket] as number;
      if (before > values) throw optionError('earlier', 'must be an earlier snapshot of the same histogram; this one is later, or of another');
      return values - before;
    });
    // All new values lie between the ends of this one; which of them are new, only the buckets know.
    return new HistogramSnapshot(buckets, this.sum - earlier.sum, this.min, this.max);
  }

  /** One histogram of all values: the same as if all had been recorded in one place. */
  static merge(snapshots: readonly HistogramSnapshot[]): HistogramSnapshot {
    const buckets = new Float64Array(HISTOGRAM_BUCKETS);
    let sum = 0;
    let min = Number.POSITIVE_INFINITY;
    let max = 0;
    for (const snapshot of snapshots) {
      if (snapshot.count === 0) continue;
      for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        buckets[bucket] = (buckets[bucket] as number) + (snapshot.#buckets[bucket] as number);
      }
      sum += snapshot.sum;
      min = Math.min(min, snapshot.min);
      max = Math.max(max, snapshot.max);
    }
    return new HistogramSnapshot(buckets, sum, min, max);
  }
}

function within(bucket: number, value: number): number {
  const { least, greatest } = boundsOf(bucket);
  return Math.min(Math.max(value, least), greatest);
}

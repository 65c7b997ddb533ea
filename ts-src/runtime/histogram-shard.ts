/**
 * One histogram of one thread in shared memory. That thread alone records, with plain stores; any thread reads, and stops nobody. A successor of a lost thread goes on with the
 * shard of its predecessor, for what it knows is all in there. How values are put into buckets is `model/histogram.ts`.
 *
 * What is read is never torn: an aligned 64-bit float is one access on every processor that Node.js has 64-bit builds for. It is not one moment of all of them either: see `HistogramSnapshot`.
 * A count is exact up to 2^53, and stays there.
 */
import { histogramIndex, type SharedMemory } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { bucketOf, DURATION_NS_MAX, HistogramSnapshot } from '../model/histogram.js';

export class HistogramShard {
  readonly #doubles: Float64Array;
  readonly #sumAt: number;
  readonly #minAt: number;
  readonly #maxAt: number;
  readonly #bucketsAt: number;

  /** @param histogram index, `L.HISTOGRAM_…` */
  constructor(shared: SharedMemory, thread: number, histogram: number) {
    const at = histogramIndex(shared, thread, histogram);
    this.#doubles = shared.doubles;
    this.#sumAt = at + L.HISTOGRAM_DOUBLE_SUM;
    this.#minAt = at + L.HISTOGRAM_DOUBLE_MIN;
    this.#maxAt = at + L.HISTOGRAM_DOUBLE_MAX;
    this.#bucketsAt = at + L.HISTOGRAM_DOUBLE_BUCKETS;
  }

  /** Counts a duration, rounded to whole nanoseconds from 1 to an hour. For the thread that owns the shard. */
  record(nanoseconds: number): void {
    let value = Math.floor(nanoseconds + 0.5);
    // Also what is not a number.
    if (!(value >= 1)) value = 1;
    else if (value > DURATION_NS_MAX) value = DURATION_NS_MAX;
    const doubles = this.#doubles;
    const bucketAt = this.#bucketsAt + bucketOf(value);
    doubles[bucketAt] = (doubles[bucketAt] as number) + 1;
    doubles[this.#sumAt] = (doubles[this.#sumAt] as number) + value;
    if (value > (doubles[this.#maxAt] as number)) doubles[this.#maxAt] = value;
    const min = doubles[this.#minAt] as number;
    if (value < min || min === 0) doubles[this.#minAt] = value;
  }

  /** What has been recorded so far. For any thread. */
  read(): HistogramSnapshot {
    const doubles = this.#doubles;
    const buckets = new Float64Array(L.HISTOGRAM_BUCKETS);
    // One by one: of a copy of bytes nobody says that it leaves an element whole.
    for (let bucket = 0; bucket < buckets.length; bucket++) buckets[bucket] = doubles[this.#bucketsAt + bucket] as number;
    return new HistogramSnapshot(buckets, doubles[this.#sumAt] as number, doubles[this.#minAt] as number, doubles[this.#maxAt] as number);
  }
}

/**
 * How long asks of agents of one other node take, as the calling thread of this one sees them: from when it opened the ask until the answer came. Recorded for each answer, without allocating anything; all sums and
 * quantiles are made when somebody looks. Buckets are those of `model/histogram.ts`. Asks that come to nothing are not in it: their time is that of whoever gave up.
 */
import { HISTOGRAM_BUCKETS } from '../../../layout/generated/layout.js';
import { ASK_BOUNDS_NS, type LinkAsks } from '../../model/cluster-snapshot.js';
import { bucketOf, DURATION_NS_MAX, HistogramSnapshot } from '../../model/histogram.js';

/** What is recent is of so long, up to twice that; where nobody has looked for longer, since somebody did. */
const RECENT_MS = 10_000;

interface Mark {
  readonly atMs: number;
  readonly snapshot: HistogramSnapshot;
}

export class AskLatencies {
  /** With the first answer: most nodes that are known for a while are never asked. */
  #buckets: Float64Array | undefined;
  #answered = 0;
  #sumNs = 0;
  #minNs = 0;
  #maxNs = 0;
  #read: HistogramSnapshot = new HistogramSnapshot(new Float64Array(HISTOGRAM_BUCKETS), 0, 0, 0);
  #earlier: Mark;
  #later: Mark;

  constructor(nowMs: number) {
    this.#earlier = this.#later = { atMs: nowMs, snapshot: this.#read };
  }

  record(tookMs: number): void {
    let ns = Math.floor(tookMs * 1e6 + 0.5);
    // Also what is not a number.
    if (!(ns >= 1)) ns = 1;
    else if (ns > DURATION_NS_MAX) ns = DURATION_NS_MAX;
    this.#buckets ??= new Float64Array(HISTOGRAM_BUCKETS);
    const buckets = this.#buckets;
    const bucket = bucketOf(ns);
    buckets[bucket] = (buckets[bucket] as number) + 1;
    this.#answered++;
    this.#sumNs += ns;
    if (ns > this.#maxNs) this.#maxNs = ns;
    if (ns < this.#minNs || this.#minNs === 0) this.#minNs = ns;
  }

  /** Undefined before the first answer. */
  read(nowMs: number): LinkAsks | undefined {
    if (this.#buckets === undefined) return undefined;
    if (this.#read.count !== this.#answered) this.#read = new HistogramSnapshot(this.#buckets.slice(), this.#sumNs, this.#minNs, this.#maxNs);
    const all = this.#read;
    if (nowMs - this.#later.atMs >= RECENT_MS) {
      this.#earlier = this.#later;
      this.#later = { atMs: nowMs, snapshot: all };
    }
    const recent = all.since(this.#earlier.snapshot);
    const periodMs = nowMs - this.#earlier.atMs;
    return {
      answered: all.count,
      totalMs: all.sum / 1e6,
      counts: all.cumulative(ASK_BOUNDS_NS),
      perSecond: periodMs > 0 ? (recent.count * 1000) / periodMs : 0,
      ...(recent.count === 0 ? {} : { p50Ms: recent.quantile(0.5) / 1e6, p99Ms: recent.quantile(0.99) / 1e6 }),
    };
  }
}

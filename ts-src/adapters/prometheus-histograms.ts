/**
 * The histograms of a nexus as those of Prometheus. Their bounds are a few of the fine buckets' edges, the powers of two, so that what is reported is counted and not estimated.
 * All that a scrape does is to read shared memory; nothing is kept between two of them. Used by `prometheus-metrics.ts`.
 */
import { Histogram, type Registry } from 'prom-client';
import { HISTOGRAM_KEYS, type HistogramName } from '../model/histogram.js';
import type { Nexus } from '../nexus.js';

/** Powers of two from 256 ns to 68.7 s: with the threads, all that decides how many time series there are. */
const BOUNDS_NS: readonly number[] = Array.from({ length: 29 }, (_, index) => 2 ** (index + 8));

const ASKS =
  'Asks, from the call until the promise settled, however it did, by distance. Of each thread every 127th local one and every 7th remote one is timed.';

interface Exposed {
  readonly metric: string;
  readonly help: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const EXPOSED: Readonly<Record<HistogramName, Exposed>> = {
  ask_local: { metric: 'nexus_ask_duration_seconds', help: ASKS, labels: { distance: 'local' } },
  ask_remote: { metric: 'nexus_ask_duration_seconds', help: ASKS, labels: { distance: 'remote' } },
  turn: {
    metric: 'nexus_turn_duration_seconds',
    help: 'Runs of handlers one after the other, during which the thread does nothing else. Of each thread every 127th is timed.',
  },
  message_wait: {
    metric: 'nexus_message_wait_seconds',
    help: 'Messages from other threads, from their publication until the thread took them out of the ring. Of each sending thread every 31st publication is timed.',
  },
};

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export function registerHistograms(nexus: Pick<Nexus, 'histogram' | 'threads'>, registers: Registry[]): void {
  for (const metric of new Set(HISTOGRAM_KEYS.map((name) => EXPOSED[name].metric))) {
    const names = HISTOGRAM_KEYS.filter((name) => EXPOSED[name].metric === metric);
    const { help, labels = {} } = EXPOSED[names[0] as HistogramName];
    const read = (): Sample[] => nexus.threads().flatMap(({ thread }) => names.flatMap((name) => samplesOf(nexus, name, thread)));
    new SharedHistogram({ name: metric, help, labelNames: ['thread', ...Object.keys(labels)], buckets: BOUNDS_NS.map(seconds), registers }, read);
  }
}

/** A histogram that somebody else has recorded. */
class SharedHistogram extends Histogram<string> {
  readonly #configuration: ConstructorParameters<typeof Histogram<string>>[0];
  readonly #read: () => Sample[];

  constructor(configuration: ConstructorParameters<typeof Histogram<string>>[0], read: () => Sample[]) {
    super(configuration);
    this.#configuration = configuration;
    this.#read = read;
  }

  override async get(): ReturnType<Histogram<string>['get']> {
    const { name, help } = this.#configuration;
    return { name, help, type: 'histogram', aggregator: 'sum', values: this.#read() } as unknown as Awaited<ReturnType<Histogram<string>['get']>>;
  }

  /** What the registry calls instead, where there is one. */
  getForPromString(): ReturnType<Histogram<string>['get']> {
    return this.get();
  }
}

function samplesOf(nexus: Pick<Nexus, 'histogram'>, name: HistogramName, thread: number): Sample[] {
  const { metric, labels: more } = EXPOSED[name];
  const labels = { thread, ...more };
  const snapshot = nexus.histogram(name, thread);
  const counts = snapshot.cumulative(BOUNDS_NS);
  return [
    ...BOUNDS_NS.map((bound, index) => ({ metricName: `${metric}_bucket`, labels: { le: seconds(bound), ...labels }, value: counts[index] as number })),
    { metricName: `${metric}_bucket`, labels: { le: '+Inf', ...labels }, value: snapshot.count },
    { metricName: `${metric}_sum`, labels, value: seconds(snapshot.sum) },
    { metricName: `${metric}_count`, labels, value: snapshot.count },
  ];
}

function seconds(nanoseconds: number): number {
  return nanoseconds / 1e9;
}

/**
 * The metrics of the catalogue that are in shared memory, as samples for Prometheus. All that a scrape does is to read: nothing is asked of a thread, and nothing kept between two of them but
 * what keeps totals from going back. Used by `prometheus-metrics.ts`.
 */
import { BREAKER_OUTCOMES, BREAKER_STATES, type BreakerStatistics, OPERATION_BOUNDS_NS, type OperationStatistics } from '../model/operation-statistics.js';
import type { HistogramName, HistogramSnapshot } from '../model/histogram.js';
import type { ClusterSnapshot } from '../model/cluster-snapshot.js';
import type { Nexus, ThreadStatistics } from '../nexus.js';
import type { ClusterReadings } from './cluster-readings.js';
import { type MetricDefinition, TABLE_STATES, THREAD_BOUNDS_NS, THREAD_STATES } from './metrics-catalogue.js';

/** What metrics are read of: a nexus. */
export type MeteredNexus = Pick<Nexus, 'breakers' | 'engine' | 'histogram' | 'operations' | 'tableStatistics' | 'threads'> & {
  /** The cluster, where the nexus is a node of one. */
  readonly cluster?: { snapshot(): ClusterSnapshot } | undefined;
};

type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly metricName?: string;
  readonly labels: Labels;
  /** Of several samples; made into text once. */
  readonly sharedLabels?: Labels;
  readonly value: number;
}

/** What one scrape is made of: everything is read when it begins, so that its parts go together. */
export interface Reading {
  readonly nexus: Pick<MeteredNexus, 'engine' | 'histogram'>;
  readonly threads: readonly ThreadStatistics[];
  readonly operations: readonly OperationStatistics[];
  readonly breakers: readonly BreakerStatistics[];
  readonly table: ReturnType<MeteredNexus['tableStatistics']>;
  readonly totals: GrowingTotals;
  readonly cluster: ClusterReadings;
}

/** The samples of a metric, or undefined if it is not in shared memory: it is counted on the calling thread then. */
export function samplesOf(definition: MetricDefinition, reading: Reading): Sample[] | undefined {
  const { name, source } = definition;
  switch (source.from) {
    case 'counters':
      return reading.threads.flatMap(({ thread, counters }) =>
        Object.entries(source.counters).map(([counter, labels]) => ({
          labels: { thread, ...labels },
          value: reading.totals.add(`${thread} ${counter}`, counters[counter] ?? 0),
        })),
      );
    case 'load':
      // A thread that does not measure itself has no values, not zeros.
      return reading.threads.flatMap(({ thread, load }) => (load === undefined ? [] : [{ labels: { thread }, value: load[source.measure] * source.factor }]));
    case 'histograms':
      return reading.threads.flatMap(({ thread }) =>
        (Object.entries(source.histograms) as [HistogramName, Labels][]).flatMap(([histogram, labels]) =>
          threadHistogram(name, { thread, ...labels }, reading.nexus.histogram(histogram, thread)),
        ),
      );
    case 'threads':
      return reading.threads.flatMap((statistics) => threadSamples(name, statistics));
    case 'table':
      return tableSamples(name, reading.table);
    case 'operations':
      return reading.operations.flatMap((operation) => operationSamples(name, operation));
    case 'breakers':
      return reading.breakers.flatMap((breaker) => breakerSamples(name, breaker));
    case 'engine':
      return [{ labels: { kind: reading.nexus.engine.kind, reason: reading.nexus.engine.reason }, value: 1 }];
    case 'cluster':
      return reading.cluster.samples(name);
    case 'gateway':
    case 'process':
      return undefined;
  }
}

/** Totals that never go back: one that begins again lower, because what counted it was replaced, goes on from where it was. */
export class GrowingTotals {
  readonly #last = new Map<string, { seen: number; before: number }>();

  add(key: string, seen: number): number {
    const total = this.#last.get(key) ?? { seen: 0, before: 0 };
    if (seen < total.seen) total.before += total.seen;
    total.seen = seen;
    this.#last.set(key, total);
    return total.before + seen;
  }
}

function threadSamples(name: string, { thread, agents, queueDepth, incarnation, state }: ThreadStatistics): Sample[] {
  switch (name) {
    case 'nexus_agents':
      return [{ labels: { thread }, value: agents }];
    case 'nexus_queue_depth':
      return [{ labels: { thread }, value: queueDepth }];
    case 'nexus_thread_incarnation':
      return [{ labels: { thread }, value: incarnation }];
    case 'nexus_thread_state':
      return THREAD_STATES.map((each) => ({ labels: { thread, state: each }, value: each === state ? 1 : 0 }));
    default:
      throw notRead(name);
  }
}

function tableSamples(name: string, table: Reading['table']): Sample[] {
  const records = { live: table.live, extension: table.extensions, reclaimed: table.reclaimed, claimed: table.claimed, capacity: table.recordCapacity };
  switch (name) {
    case 'nexus_table_records':
      return TABLE_STATES.map((state) => ({ labels: { state }, value: records[state] }));
    case 'nexus_table_load_ratio':
      return [{ labels: {}, value: table.load }];
    case 'nexus_table_probe_buckets':
      return [
        { labels: { of: 'mean' }, value: table.probeBucketsMean },
        { labels: { of: 'max' }, value: table.probeBucketsMax },
      ];
    case 'nexus_table_overflowing_buckets':
      return [{ labels: {}, value: table.overflowingBuckets }];
    default:
      throw notRead(name);
  }
}

function operationSamples(name: string, { name: operation, successes, failures, violations, sumNs, counts }: OperationStatistics): Sample[] {
  switch (name) {
    case 'nexus_operation_duration_seconds': {
      let before = 0;
      const cumulative = counts.map((count) => (before += count));
      return histogramSamples(name, { operation }, OPERATION_BOUNDS_NS, cumulative, before, sumNs);
    }
    case 'nexus_operations_total':
      return [
        { labels: { operation, outcome: 'success' }, value: successes },
        { labels: { operation, outcome: 'failure' }, value: failures },
      ];
    case 'nexus_sla_violations_total':
      return [{ labels: { operation }, value: violations }];
    default:
      throw notRead(name);
  }
}

function breakerSamples(name: string, { name: breaker, calls, opened, states }: BreakerStatistics): Sample[] {
  switch (name) {
    case 'nexus_breaker_calls_total':
      return BREAKER_OUTCOMES.map((outcome) => ({ labels: { breaker, outcome }, value: calls[outcome] }));
    case 'nexus_breaker_opened_total':
      return [{ labels: { breaker }, value: opened }];
    case 'nexus_breaker_state':
      return BREAKER_STATES.map((state) => ({ labels: { breaker, state }, value: states[state] }));
    default:
      throw notRead(name);
  }
}

function threadHistogram(metric: string, labels: Labels, snapshot: HistogramSnapshot): Sample[] {
  return histogramSamples(metric, labels, THREAD_BOUNDS_NS, snapshot.cumulative(THREAD_BOUNDS_NS), snapshot.count, snapshot.sum);
}

/** @param cumulative how many are at most each bound */
function histogramSamples(
  metric: string,
  sharedLabels: Labels,
  boundsNs: readonly number[],
  cumulative: readonly number[],
  count: number,
  sumNs: number,
): Sample[] {
  const bucket = `${metric}_bucket`;
  const samples: Sample[] = boundsNs.map((bound, index) => ({
    metricName: bucket,
    labels: { le: bound / 1e9 },
    sharedLabels,
    value: cumulative[index] as number,
  }));
  samples.push(
    { metricName: bucket, labels: { le: '+Inf' }, sharedLabels, value: count },
    { metricName: `${metric}_sum`, labels: {}, sharedLabels, value: sumNs / 1e9 },
    { metricName: `${metric}_count`, labels: {}, sharedLabels, value: count },
  );
  return samples;
}

/** The catalogue names a metric that nobody reads: a mistake in this package. */
function notRead(name: string): Error {
  return new Error(`${name} is in the catalogue of metrics, but nothing reads it`);
}

/**
 * Metrics of a nexus for Prometheus, in a registry of their own: those of the catalogue, and no others. What the threads count is in shared memory, and read when somebody asks, without
 * asking a thread (`prometheus-readings.ts`); requests and the process are counted here.
 */
import { Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { ClusterReadings } from './cluster-readings.js';
import { METRICS, type MetricDefinition, metricNamed, SECURITY_VIOLATIONS, type SecurityViolation } from './metrics-catalogue.js';
import { processMetrics } from './process-metrics.js';
import { GrowingTotals, type MeteredNexus, type Reading, type Sample, samplesOf } from './prometheus-readings.js';

export type { SecurityViolation } from './metrics-catalogue.js';
export type { MeteredNexus } from './prometheus-readings.js';

/** A request that was answered, for the histogram `nexus_http_request_duration_seconds`. */
export interface ObservedRequest {
  readonly method: string;
  /** Pattern of the route, never a path: each value is a time series. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** As `createMetrics` returns it. */
export interface Metrics {
  readonly contentType: string;
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
  observeRequest(request: ObservedRequest): void;
  /** Counts a request that was refused because it may have been an attack. */
  countViolation(reason: SecurityViolation): void;
  /** Releases what measures the event loop and the garbage collector. Neither keeps a process alive. */
  close(): void;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']);
/** The statistics of the table take milliseconds, during which nothing else runs here: however often somebody reads the metrics, not more often than this. */
const TABLE_INTERVAL_MS = 1000;

/** The metrics of a nexus for Prometheus, in a registry of their own: what `GET /metrics` of the gateway serves, for servers without one. Call `close` when it is not needed any more. */
export function createMetrics(nexus: MeteredNexus): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const read = reader(nexus);
  let reading: Reading | undefined;
  for (const definition of METRICS) {
    if (['gateway', 'process'].includes(definition.source.from)) continue;
    registry.registerMetric(new SharedMetric(definition, () => reading as Reading) as unknown as Metric<string>);
  }
  const counter = (name: string): Counter => new Counter({ ...described(name), registers });
  const gauge = (name: string): Gauge => new Gauge({ ...described(name), registers });
  const histogram = (name: string): Histogram => new Histogram({ ...described(name), buckets: [...(metricNamed(name).buckets ?? [])], registers });
  const { set: setProcess, close } = processMetrics({ counter, gauge, histogram });
  const requests = histogram('nexus_http_request_duration_seconds');
  const violations = counter('nexus_security_violations_total');
  // There from the start, so that the first one is seen as an increase.
  for (const reason of SECURITY_VIOLATIONS) violations.inc({ reason }, 0);
  return {
    contentType: registry.contentType,
    text() {
      reading = read();
      setProcess();
      return registry.metrics();
    },
    observeRequest({ method, route, status, seconds }) {
      requests.observe({ method: METHODS.has(method) ? method : 'other', route, status }, seconds);
    },
    countViolation(reason) {
      violations.inc({ reason });
    },
    close,
  };
}

/** Reads what the nexus has in shared memory. */
function reader(nexus: MeteredNexus): () => Reading {
  const totals = new GrowingTotals();
  const cluster = new ClusterReadings();
  let table: Reading['table'] | undefined;
  let tableReadMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (table === undefined || performance.now() - tableReadMs >= TABLE_INTERVAL_MS) {
      table = nexus.tableStatistics();
      tableReadMs = performance.now();
    }
    cluster.read(nexus.cluster?.snapshot());
    return { nexus, cluster, threads: nexus.threads(), operations: nexus.operations(), breakers: nexus.breakers(), table, totals };
  };
}

/** What prom-client wants to know of a metric. */
function described(name: string): { name: string; help: string; labelNames: string[] } {
  const { help, labels } = metricNamed(name);
  return { name, help: plain(help), labelNames: labels.map((label) => label.name) };
}

/** A metric that others have counted. A registry of prom-client asks of a metric no more than this. */
class SharedMetric {
  readonly name: string;
  readonly #definition: MetricDefinition;
  readonly #reading: () => Reading;

  constructor(definition: MetricDefinition, reading: () => Reading) {
    this.name = definition.name;
    this.#definition = definition;
    this.#reading = reading;
  }

  async get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Sample[] }> {
    const { name, help, type } = this.#definition;
    return { name, help: plain(help), type, aggregator: 'sum', values: samplesOf(this.#definition, this.#reading()) ?? [] };
  }
}

/** Help without the marks that it has in the documentation. */
function plain(help: string): string {
  return help.replaceAll('`', '');
}

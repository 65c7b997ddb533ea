/**
 * Metrics of a nexus for Prometheus, in a registry of their own: what the threads count in shared memory, HTTP requests, and the process. Reading them asks no
 * thread. Those of the process have the usual names, but are not prom-client's default metrics: these keep a timer and an observer until the process ends.
 */
import { constants, type IntervalHistogram, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Nexus, ThreadStatistics } from '../nexus.js';
import { registerHistograms } from './prometheus-histograms.js';

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
  /** Releases what measures the event loop and the garbage collector. Neither keeps a process alive. */
  close(): void;
}

export type MeteredNexus = Pick<Nexus, 'engine' | 'histogram' | 'tableStatistics' | 'threads'>;

/** Counter of a thread, as `threads()` names it, to name, help and further labels. */
const COUNTERS: Readonly<Record<string, readonly [name: string, help: string, labels?: Readonly<Record<string, string>>]>> = {
  spawned: ['agents_spawned_total', 'Agents started.'],
  stopped: ['agents_stopped_total', 'Agents ended.'],
  restarted: ['agents_restarted_total', 'Restarts of agents, by supervision or after the loss of a thread.'],
  handled: ['messages_handled_total', 'Messages whose handler returned.'],
  failed: ['messages_failed_total', 'Messages whose handler threw.'],
  sent_local: ['messages_sent_total', 'Messages sent, by distance.', { distance: 'local' }],
  sent_remote: ['messages_sent_total', 'Messages sent, by distance.', { distance: 'remote' }],
  received_remote: ['messages_received_remote_total', 'Messages from other threads.'],
  remote_bytes: ['messages_remote_bytes_total', 'Bytes written to the rings of other threads.'],
  asks: ['asks_total', 'Asks begun.'],
  ask_timeouts: ['ask_timeouts_total', 'Asks without a reply in time.'],
  ask_failures: ['ask_failures_total', 'Asks that were rejected.'],
  late_replies: ['ask_late_replies_total', 'Replies that nobody waited for any more.'],
  ring_full: ['ring_full_total', 'Messages refused because the ring to another thread was full.'],
  parks: ['thread_parks_total', 'Times the thread went to sleep for want of messages.'],
  wakes: ['thread_wakes_total', 'Times the thread woke another one.'],
  durable_writes: ['durable_writes_total', 'States and events of durable agents written to storage.'],
  durable_write_failures: ['durable_write_failures_total', 'Writes to storage that failed; they are tried again.'],
  durable_held: ['durable_held_total', 'Messages held back because their agent had too much that was not stored yet.'],
  durable_passivated: ['durable_passivated_total', 'Durable agents that have left memory.'],
  durable_reminders: ['durable_reminders_total', 'Reminders delivered.'],
  ...Object.fromEntries(
    [
      ['dead_no_agent', 'noAgent'],
      ['dead_mailbox_full', 'mailboxFull'],
      ['dead_dropped', 'dropped'],
      ['dead_stopped', 'agentStopped'],
      ['dead_thread_lost', 'threadLost'],
      ['dead_nexus_stopped', 'nexusStopped'],
      ['dead_refused', 'refused'],
      ['dead_ring_full', 'ringFull'],
    ].map(([counter, reason]) => [counter, ['dead_letters_total', 'Messages that could not be delivered, by reason.', { reason }]]),
  ),
};

/** What a thread last measured of itself to name, help, and what it is multiplied by. */
const LOADS = {
  utilization: ['thread_utilization_ratio', 'Share of the last period in which the event loop of the thread did not wait.', 1],
  lagMs: ['thread_loop_lag_seconds', 'How late the event loop of the thread came to its timers in the last period, 99th percentile.', 1 / 1000],
  collecting: ['thread_collecting_ratio', 'Share of the last period that the thread spent in garbage collection.', 1],
  heapUsedBytes: ['thread_heap_used_bytes', 'Used heap of the thread.', 1],
  heapLimitBytes: ['thread_heap_limit_bytes', 'Heap at which the thread ends for want of memory.', 1],
} as const;

const STATES: readonly ThreadStatistics['state'][] = ['empty', 'starting', 'ready', 'lost', 'failed', 'stopped'];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']);
const REQUEST_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const GC_BUCKETS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];
const LOOP_RESOLUTION_MS = 20;
/** The statistics of the table take milliseconds, during which nothing else runs here: however often somebody reads the metrics, not more often than this. */
const TABLE_INTERVAL_MS = 1000;

/** The metrics of a nexus for Prometheus, in a registry of their own: what `GET /metrics` of the gateway serves, for servers without one. Call `close` when it is not needed any more. */
export function createMetrics(nexus: MeteredNexus): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const setThreads = threadMetrics(registers);
  registerHistograms(nexus, registers);
  const setTable = tableMetrics(registers);
  const { set: setProcess, close } = processMetrics(registers);
  new Gauge({ name: 'nexus_engine_info', help: 'Engine that runs, and why.', labelNames: ['kind', 'reason'], registers }).set(
    { kind: nexus.engine.kind, reason: nexus.engine.reason },
    1,
  );
  const requests = new Histogram({
    name: 'nexus_http_request_duration_seconds',
    help: 'From the headers of a request to the end of its answer; status 499 for a client that did not wait.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  let tableReadMs = Number.NEGATIVE_INFINITY;
  return {
    contentType: registry.contentType,
    text() {
      setThreads(nexus.threads());
      if (performance.now() - tableReadMs >= TABLE_INTERVAL_MS) {
        setTable(nexus.tableStatistics());
        tableReadMs = performance.now();
      }
      setProcess();
      return registry.metrics();
    },
    observeRequest({ method, route, status, seconds }) {
      requests.observe({ method: METHODS.has(method) ? method : 'other', route, status }, seconds);
    },
    close,
  };
}

function threadMetrics(registers: Registry[]): (threads: readonly ThreadStatistics[]) => void {
  const counters = new Map<string, Counter>();
  for (const [name, help, labels = {}] of Object.values(COUNTERS)) {
    if (!counters.has(name)) counters.set(name, new Counter({ name: `nexus_${name}`, help, labelNames: ['thread', ...Object.keys(labels)], registers }));
  }
  const gauge = (name: string, help: string, ...labels: string[]): Gauge =>
    new Gauge({ name: `nexus_${name}`, help, labelNames: ['thread', ...labels], registers });
  const agents = gauge('agents', 'Live agents.');
  const queueDepth = gauge('queue_depth', 'Messages that wait in mailboxes.');
  const incarnation = gauge('thread_incarnation', 'How often the thread was replaced.');
  const state = gauge('thread_state', '1 for the state the thread is in, 0 for the others.', 'state');
  const loads = Object.entries(LOADS).map(([key, [name, help, unit]]) => [key as keyof typeof LOADS, gauge(name, help), unit] as const);
  const totals = new GrowingTotals();
  return (threads) => {
    for (const counter of counters.values()) counter.reset();
    for (const statistics of threads) {
      const { thread } = statistics;
      for (const [key, [name, , labels]] of Object.entries(COUNTERS)) {
        counters.get(name)?.inc({ thread, ...labels }, totals.add(`${thread} ${key}`, statistics.counters[key] ?? 0));
      }
      agents.set({ thread }, statistics.agents);
      queueDepth.set({ thread }, statistics.queueDepth);
      incarnation.set({ thread }, statistics.incarnation);
      // A thread that does not measure itself has no values, not zeros.
      if (statistics.load !== undefined) for (const [key, measure, unit] of loads) measure.set({ thread }, statistics.load[key] * unit);
      for (const each of STATES) state.set({ thread, state: each }, each === statistics.state ? 1 : 0);
    }
  };
}

/** Totals that never go back: one that begins again lower, because what counted it was replaced, goes on from where it was. */
class GrowingTotals {
  readonly #last = new Map<string, { seen: number; before: number }>();

  add(key: string, seen: number): number {
    const total = this.#last.get(key) ?? { seen: 0, before: 0 };
    if (seen < total.seen) total.before += total.seen;
    total.seen = seen;
    this.#last.set(key, total);
    return total.before + seen;
  }
}

function tableMetrics(registers: Registry[]): (statistics: ReturnType<MeteredNexus['tableStatistics']>) => void {
  const records = new Gauge({
    name: 'nexus_table_records',
    help: 'Records of the routing table: live, extensions of live ones, reclaimed (free, used before), claimed by a thread (live or free), and the capacity.',
    labelNames: ['state'],
    registers,
  });
  const load = new Gauge({ name: 'nexus_table_load_ratio', help: 'Share of the records of the routing table that are in use; at 1 it is full.', registers });
  const probe = new Gauge({ name: 'nexus_table_probe_buckets', help: 'Buckets that are searched for a live agent.', labelNames: ['of'], registers });
  const overflow = new Gauge({ name: 'nexus_table_overflowing_buckets', help: 'Buckets beyond which a search goes on.', registers });
  return (statistics) => {
    records.set({ state: 'live' }, statistics.live);
    records.set({ state: 'extension' }, statistics.extensions);
    records.set({ state: 'reclaimed' }, statistics.reclaimed);
    records.set({ state: 'claimed' }, statistics.claimed);
    records.set({ state: 'capacity' }, statistics.recordCapacity);
    load.set(statistics.load);
    probe.set({ of: 'mean' }, statistics.probeBucketsMean);
    probe.set({ of: 'max' }, statistics.probeBucketsMax);
    overflow.set(statistics.overflowingBuckets);
  };
}

function processMetrics(registers: Registry[]): { set(): void; close(): void } {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const cpu = counter('process_cpu_seconds_total', 'CPU time of the process, all threads.');
  const cpuUser = counter('process_cpu_user_seconds_total', 'CPU time of the process in user mode.');
  const cpuSystem = counter('process_cpu_system_seconds_total', 'CPU time of the process in the kernel.');
  const resident = gauge('process_resident_memory_bytes', 'Resident memory of the process.');
  const heapUsed = gauge('nodejs_heap_size_used_bytes', 'Used heap of the calling thread.');
  const heapTotal = gauge('nodejs_heap_size_total_bytes', 'Heap of the calling thread.');
  const external = gauge('nodejs_external_memory_bytes', 'Memory outside of the heap that objects of the calling thread hold.');
  gauge('process_start_time_seconds', 'Start of the process, in seconds since 1970.').set(Math.round(Date.now() / 1000 - process.uptime()));
  const version = { version: process.version };
  new Gauge({ name: 'nodejs_version_info', help: 'Version of Node.js.', labelNames: ['version'], registers }).set(version, 1);
  const lag = new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'How late the event loop of the calling thread came to its timers since the last reading, by quantile.',
    labelNames: ['quantile'],
    registers,
  });
  const collections = new Histogram({
    name: 'nodejs_gc_duration_seconds',
    help: 'Garbage collections of the calling thread, by kind.',
    labelNames: ['kind'],
    buckets: GC_BUCKETS,
    registers,
  });
  const loop: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail, duration } = entry as PerformanceEntry & { readonly detail?: { readonly kind?: number } };
      collections.observe({ kind: collectionKind(detail?.kind) }, duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    set() {
      const { user, system } = process.cpuUsage();
      for (const [total, microseconds] of [
        [cpu, user + system],
        [cpuUser, user],
        [cpuSystem, system],
      ] as const) {
        total.reset();
        total.inc(microseconds / 1e6);
      }
      const memory = process.memoryUsage();
      resident.set(memory.rss);
      heapUsed.set(memory.heapUsed);
      heapTotal.set(memory.heapTotal);
      external.set(memory.external);
      // What is recorded includes the time from one look to the next.
      const late = (nanoseconds: number): number => Math.max(0, nanoseconds - LOOP_RESOLUTION_MS * 1e6) / 1e9;
      if (loop.count > 0) for (const percent of [50, 99, 100]) lag.set({ quantile: percent / 100 }, late(loop.percentile(percent)));
      loop.reset();
    },
    close() {
      loop.disable();
      observer.disconnect();
    },
  };
}

function collectionKind(kind: number | undefined): string {
  switch (kind) {
    case constants.NODE_PERFORMANCE_GC_MAJOR:
      return 'major';
    case constants.NODE_PERFORMANCE_GC_MINOR:
      return 'minor';
    case constants.NODE_PERFORMANCE_GC_INCREMENTAL:
      return 'incremental';
    default:
      return 'weakcb';
  }
}

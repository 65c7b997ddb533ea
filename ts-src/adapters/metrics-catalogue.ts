/**
 * Every metric there is, as values: name, type, unit, labels with how many values each may have, what it means, and where it is read. One list, from which the metrics are registered
 * (`prometheus-metrics.ts`), and from which `scripts/observability.mjs` makes the table in `docs/metrics.md` and checks what the dashboards and alerts ask for. Nothing is measured here.
 */
import type { HistogramName } from '../model/histogram.js';
import { BREAKER_OUTCOMES, BREAKER_STATES, OPERATION_BOUNDS_NS } from '../model/operation-statistics.js';
import type { LoadReading } from '../ports/load-meter.js';
import { CLUSTER_METRICS } from './cluster-metrics.js';

export interface LabelDefinition {
  readonly name: string;
  /** What the values are, in words. */
  readonly what: string;
  /** How many there may be. */
  readonly valuesMax: number;
}

/** Labels that tell apart what several counters, or histograms, of one metric have counted. */
export type FixedLabels = Readonly<Record<string, string>>;

export type MetricSource =
  /** Totals of each thread, by their name in `threads()`. */
  | { readonly from: 'counters'; readonly counters: Readonly<Record<string, FixedLabels>> }
  /** What each thread last measured of itself, multiplied by `factor`. */
  | { readonly from: 'load'; readonly measure: keyof LoadReading; readonly factor: number }
  /** The histograms of each thread. */
  | { readonly from: 'histograms'; readonly histograms: Readonly<Partial<Record<HistogramName, FixedLabels>>> }
  /** A field of each thread, the routing table, what is metered by name, the engine. */
  | { readonly from: 'threads' | 'table' | 'operations' | 'breakers' | 'engine' }
  /** The snapshot of the cluster that the nexus is a node of; nothing without one. */
  | { readonly from: 'cluster' }
  /** Counted by whoever serves requests, with `observeRequest` and `countViolation`. */
  | { readonly from: 'gateway' }
  /** Of the process and its calling thread. */
  | { readonly from: 'process' };

export type MetricUnit = 'seconds' | 'bytes' | 'ratio' | 'none';

export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly unit: MetricUnit;
  readonly labels: readonly LabelDefinition[];
  readonly help: string;
  readonly source: MetricSource;
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

export const THREAD_STATES = ['empty', 'starting', 'ready', 'lost', 'failed', 'stopped'] as const;
export const TABLE_STATES = ['live', 'extension', 'reclaimed', 'claimed', 'capacity'] as const;
export const SECURITY_VIOLATIONS = ['host', 'origin'] as const;
/** Why a request was refused that should not have been made. */
export type SecurityViolation = (typeof SECURITY_VIOLATIONS)[number];
export const LAG_QUANTILES = [0.5, 0.99, 1] as const;

/** Powers of two from 256 ns to 68.7 s: edges of the fine buckets, so that what is reported is counted and not estimated. */
export const THREAD_BOUNDS_NS: readonly number[] = Array.from({ length: 29 }, (_, index) => 2 ** (index + 8));
const THREAD_BOUNDS = THREAD_BOUNDS_NS.map((bound) => bound / 1e9);
const OPERATION_BOUNDS = OPERATION_BOUNDS_NS.map((bound) => bound / 1e9);
const REQUEST_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COLLECTION_BOUNDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];

const THREAD: LabelDefinition = { name: 'thread', what: 'index of the thread; 0 is the calling one', valuesMax: 128 };
const NAME = 'a name given to';
const OPERATION: LabelDefinition = { name: 'operation', what: `${NAME} \`observe\`; \`(other)\` for those beyond 256`, valuesMax: 257 };
const BREAKER: LabelDefinition = { name: 'breaker', what: `${NAME} \`meter\`; \`(other)\` for those beyond 256`, valuesMax: 257 };
const oneOf = (name: string, values: readonly (string | number)[]): LabelDefinition => ({
  name,
  what: values.map((value) => `\`${value}\``).join(', '),
  valuesMax: values.length,
});

export const METRICS: readonly MetricDefinition[] = [
  ofThreads('nexus_agents', 'Live agents.'),
  ofThreads('nexus_queue_depth', 'Messages that wait in mailboxes.'),
  ofThreads('nexus_thread_incarnation', 'How often the thread was replaced.'),
  ofThreads('nexus_thread_state', '1 for the state the thread is in, 0 for the others.', oneOf('state', THREAD_STATES)),
  total('agents_spawned', 'Agents started.', 'spawned'),
  total('agents_stopped', 'Agents ended.', 'stopped'),
  total('agents_restarted', 'Restarts of agents, by supervision or after the loss of a thread.', 'restarted'),
  total('messages_handled', 'Messages whose handler returned.', 'handled'),
  total('messages_failed', 'Messages whose handler threw.', 'failed'),
  totals(
    'messages_sent',
    'Messages sent, by distance: `local` to the same thread, `remote` to another one, with what the runtimes of the threads tell each other.',
    'distance',
    { sent_local: 'local', sent_remote: 'remote' },
  ),
  total('messages_received_remote', 'Messages from other threads.', 'received_remote'),
  { ...total('messages_remote_bytes', 'Bytes written to the rings of other threads.', 'remote_bytes'), unit: 'bytes' },
  total('ring_full', 'Messages refused because the ring to another thread was full.', 'ring_full'),
  total('asks', 'Asks begun.', 'asks'),
  total('ask_timeouts', 'Asks without a reply in time.', 'ask_timeouts'),
  total('ask_failures', 'Asks that were rejected.', 'ask_failures'),
  total('ask_late_replies', 'Replies that nobody waited for any more.', 'late_replies'),
  totals('dead_letters', 'Messages that could not be delivered, by reason. `ringFull`: signals, one for each thread they did not get to.', 'reason', {
    dead_no_agent: 'noAgent',
    dead_mailbox_full: 'mailboxFull',
    dead_dropped: 'dropped',
    dead_stopped: 'agentStopped',
    dead_thread_lost: 'threadLost',
    dead_nexus_stopped: 'nexusStopped',
    dead_refused: 'refused',
    dead_ring_full: 'ringFull',
  }),
  total('durable_writes', 'States and events of durable agents written to storage.', 'durable_writes'),
  total('durable_write_failures', 'Writes to storage that failed; they are tried again.', 'durable_write_failures'),
  total('durable_held', 'Messages held back because too much of their agent was not stored yet.', 'durable_held'),
  total('durable_passivated', 'Durable agents that have left memory.', 'durable_passivated'),
  total('durable_reminders', 'Reminders delivered.', 'durable_reminders'),
  total('thread_parks', 'Times the thread went to sleep for want of messages.', 'parks'),
  total('thread_wakes', 'Times the thread woke another one.', 'wakes'),
  load('utilization_ratio', 'ratio', 'Share of the last period in which the event loop of the thread did not wait.', 'utilization', 1),
  load('loop_lag_seconds', 'seconds', 'How late the event loop of the thread came to its timers in the last period, 99th percentile.', 'lagMs', 1 / 1000),
  load('collecting_ratio', 'ratio', 'Share of the last period that the thread spent in garbage collection.', 'collecting', 1),
  load('heap_used_bytes', 'bytes', 'Used heap of the thread.', 'heapUsedBytes', 1),
  load('heap_limit_bytes', 'bytes', 'Heap at which the thread ends for want of memory.', 'heapLimitBytes', 1),
  durations(
    'nexus_ask_duration_seconds',
    'Asks, from the call until the promise settled, however it did, by distance. Of each thread every 127th local one and every 7th remote one is timed.',
    { ask_local: { distance: 'local' }, ask_remote: { distance: 'remote' } },
    [oneOf('distance', ['local', 'remote'])],
  ),
  durations(
    'nexus_turn_duration_seconds',
    'Runs of handlers one after the other, during which the thread does nothing else. Of each thread every 127th is timed.',
    { turn: {} },
  ),
  durations(
    'nexus_message_wait_seconds',
    'Messages from other threads, from their publication until the thread took them out of the ring. Of each sending thread every 31st publication is timed.',
    { message_wait: {} },
  ),
  {
    name: 'nexus_operation_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: [OPERATION],
    help: 'Operations that were observed, all threads together, from the call until what it returned had settled. Every one is timed.',
    source: { from: 'operations' },
    buckets: OPERATION_BOUNDS,
  },
  counted('nexus_operations_total', 'Operations that were observed, by outcome.', 'operations', OPERATION, oneOf('outcome', ['success', 'failure'])),
  counted('nexus_sla_violations_total', 'Operations that took longer than their `slaMs`, whatever their outcome.', 'operations', OPERATION),
  counted('nexus_breaker_calls_total', 'Calls through metered circuit breakers, by outcome.', 'breakers', BREAKER, oneOf('outcome', BREAKER_OUTCOMES)),
  counted('nexus_breaker_opened_total', 'Times a metered circuit breaker opened.', 'breakers', BREAKER),
  {
    ...gauge('nexus_breaker_state', 'none', 'How many circuit breakers of the name are in the state: each thread has those that it made.', {
      from: 'breakers',
    }),
    labels: [BREAKER, oneOf('state', BREAKER_STATES)],
  },
  {
    ...gauge(
      'nexus_table_records',
      'none',
      'Records of the routing table: live, extensions of live ones, reclaimed (free, used before), claimed by a thread (live or free), and the capacity. Read at most once a second, as the next three.',
      { from: 'table' },
    ),
    labels: [oneOf('state', TABLE_STATES)],
  },
  gauge('nexus_table_load_ratio', 'ratio', 'Share of the records of the routing table that are in use; at 1 no agent can be spawned.', { from: 'table' }),
  {
    ...gauge('nexus_table_probe_buckets', 'none', 'Buckets that are searched for a live agent; 1 is the best.', { from: 'table' }),
    labels: [oneOf('of', ['mean', 'max'])],
  },
  gauge('nexus_table_overflowing_buckets', 'none', 'Buckets beyond which a search goes on.', { from: 'table' }),
  {
    ...gauge('nexus_engine_info', 'none', 'Always 1: the engine that runs, and why.', { from: 'engine' }),
    labels: [
      { name: 'kind', what: '`native`, `wasm`, `portable`', valuesMax: 1 },
      { name: 'reason', what: 'a sentence', valuesMax: 1 },
    ],
  },
  {
    name: 'nexus_http_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: [
      { ...oneOf('method', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'other']) },
      { name: 'route', what: 'the pattern; `unknown` for what is refused before it is known', valuesMax: 40 },
      { name: 'status', what: 'of the answer, which a handler may choose from 400 to 599; 499: the client did not wait', valuesMax: 210 },
    ],
    help: 'Requests of the gateway, from their headers to the end of the answer. Those that are no HTTP, or time out before their headers are complete, are not in it.',
    source: { from: 'gateway' },
    buckets: REQUEST_BOUNDS,
  },
  counted(
    'nexus_security_violations_total',
    'Requests that the gateway refused for the Host or Origin header they had.',
    'gateway',
    oneOf('reason', SECURITY_VIOLATIONS),
  ),
  ...CLUSTER_METRICS,
  gauge('nexus_memory_limit_bytes', 'bytes', 'Memory that the process may use: the limit of its container, or the memory of the host.', { from: 'process' }),
  { ...counted('process_cpu_seconds_total', 'CPU time of the process, all threads.', 'process'), unit: 'seconds' },
  { ...counted('process_cpu_user_seconds_total', 'CPU time of the process in user mode.', 'process'), unit: 'seconds' },
  { ...counted('process_cpu_system_seconds_total', 'CPU time of the process in the kernel.', 'process'), unit: 'seconds' },
  gauge('process_resident_memory_bytes', 'bytes', 'Resident memory of the process.', { from: 'process' }),
  gauge('process_start_time_seconds', 'seconds', 'Start of the process, in seconds since 1970.', { from: 'process' }),
  gauge('nodejs_heap_size_used_bytes', 'bytes', 'Used heap of the calling thread.', { from: 'process' }),
  gauge('nodejs_heap_size_total_bytes', 'bytes', 'Heap of the calling thread.', { from: 'process' }),
  gauge('nodejs_external_memory_bytes', 'bytes', 'Memory outside of the heap that objects of the calling thread hold.', { from: 'process' }),
  {
    ...gauge(
      'nodejs_eventloop_lag_seconds',
      'seconds',
      'How late the event loop of the calling thread came to its timers since the last reading, by quantile.',
      { from: 'process' },
    ),
    labels: [oneOf('quantile', LAG_QUANTILES)],
  },
  {
    name: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: [oneOf('kind', ['major', 'minor', 'incremental', 'weakcb'])],
    help: 'Garbage collections of the calling thread, by kind.',
    source: { from: 'process' },
    buckets: COLLECTION_BOUNDS,
  },
  {
    ...gauge('nodejs_version_info', 'none', 'Always 1: the version of Node.js.', { from: 'process' }),
    labels: [{ name: 'version', what: 'such as `v22.1.0`', valuesMax: 1 }],
  },
];

/** @throws Error if there is none: a mistake in this package */
export function metricNamed(name: string): MetricDefinition {
  const definition = METRICS.find((each) => each.name === name);
  if (definition === undefined) throw new Error(`no metric is named ${name}`);
  return definition;
}

/** How many time series the metric may have at most, in a nexus of so many threads. */
export function seriesMax({ labels, buckets }: MetricDefinition, threads: number): number {
  const sets = labels.reduce((count, { name, valuesMax }) => count * (name === 'thread' ? Math.min(threads, valuesMax) : valuesMax), 1);
  // Each bound, the one above all, sum and count.
  return sets * (buckets === undefined ? 1 : buckets.length + 3);
}

function gauge(name: string, unit: MetricUnit, help: string, source: MetricSource): MetricDefinition {
  return { name, type: 'gauge', unit, labels: [], help, source };
}

function ofThreads(name: string, help: string, ...labels: LabelDefinition[]): MetricDefinition {
  return { ...gauge(name, 'none', help, { from: 'threads' }), labels: [THREAD, ...labels] };
}

function load(name: string, unit: MetricUnit, help: string, measure: keyof LoadReading, factor: number): MetricDefinition {
  const absent = 'Measured every 5 s by balancing; absent with `balancing: false`.';
  return { ...gauge(`nexus_thread_${name}`, unit, `${help} ${absent}`, { from: 'load', measure, factor }), labels: [THREAD] };
}

function total(name: string, help: string, counter: string): MetricDefinition {
  return { name: `nexus_${name}_total`, type: 'counter', unit: 'none', labels: [THREAD], help, source: { from: 'counters', counters: { [counter]: {} } } };
}

function totals(name: string, help: string, label: string, counters: Readonly<Record<string, string>>): MetricDefinition {
  const labels = [THREAD, oneOf(label, Object.values(counters))];
  const each = Object.fromEntries(Object.entries(counters).map(([counter, value]) => [counter, { [label]: value }]));
  return { ...total(name, help, ''), labels, source: { from: 'counters', counters: each } };
}

function counted(name: string, help: string, from: 'operations' | 'breakers' | 'gateway' | 'process', ...labels: LabelDefinition[]): MetricDefinition {
  return { name, type: 'counter', unit: 'none', labels, help, source: { from } };
}

function durations(
  name: string,
  help: string,
  histograms: Readonly<Partial<Record<HistogramName, FixedLabels>>>,
  labels: readonly LabelDefinition[] = [],
): MetricDefinition {
  return { name, type: 'histogram', unit: 'seconds', labels: [THREAD, ...labels], help, source: { from: 'histograms', histograms }, buckets: THREAD_BOUNDS };
}

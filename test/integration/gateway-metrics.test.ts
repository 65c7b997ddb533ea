import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { createMetrics, type Gateway, startGateway } from '../../dist/ts-src/gateway/index.js';
import { HISTOGRAM_BUCKETS } from '../../dist/layout/generated/layout.js';
import { createNexus, type Nexus } from '../../dist/ts-src/index.js';
import { circuitBreaker } from '../../dist/ts-src/resilience/index.js';
import { bucketOf, HistogramSnapshot } from '../../dist/ts-src/model/histogram.js';
import { http, json, until } from '../fixtures/gateway-client.mjs';

const counter = new URL('../fixtures/counter.mjs', import.meta.url);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let nexus: Nexus | undefined;
let gateway: Gateway | undefined;

afterEach(async () => {
  await gateway?.stop({ deadlineMs: 1000 });
  await nexus?.stop({ deadlineMs: 1000 });
  gateway = undefined;
  nexus = undefined;
});

async function start(): Promise<string> {
  nexus = await createNexus({ agents: [counter], threads: 1, messages: { askTimeoutMs: 1500 }, logger: quiet });
  gateway = await startGateway(nexus, { port: 0, logger: quiet });
  return gateway.url;
}

const counts = { live: 0, extensions: 0, load: 0, claimed: 0, reused: 0, reclaimed: 0, retired: 0, staleEntries: 0, overflow: 0, overflowingBuckets: 0 };
const emptyTable = { ...counts, recordCapacity: 1, probeBuckets: [0], probeBucketsMean: 0, probeBucketsMax: 0 };

/** A nexus of which nothing is known. */
const none: Parameters<typeof createMetrics>[0] = {
  engine: { kind: 'portable', reason: 'a "quoted"\nreason', tried: [] },
  tableStatistics: () => emptyTable,
  threads: () => [],
  histogram: () => HistogramSnapshot.merge([]),
  operations: () => [],
  breakers: () => [],
};

interface Metrics {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: ReadonlyMap<string, number>;
  value(sample: string): number | undefined;
}

/** The text format of Prometheus, strictly: every line is one of those it knows, every sample belongs to a metric that was declared, and none comes twice. */
function parse(text: string): Metrics {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# HELP [a-z_]+ \S/.test(line)) continue;
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      expect(types.has(type[1] as string), line).toBe(false);
      types.set(type[1] as string, type[2] as string);
      continue;
    }
    const sample = /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?|NaN|\+Inf)$/.exec(line);
    expect(sample, line).not.toBeNull();
    const [, name = '', labels = '', value = ''] = sample as RegExpExecArray;
    expect(types.has(name) || types.get(name.replace(/_(?:bucket|sum|count)$/, '')) === 'histogram', line).toBe(true);
    expect(samples.has(name + labels), line).toBe(false);
    samples.set(name + labels, Number(value));
  }
  checkHistograms(types, samples);
  return { types, samples, value: (sample) => samples.get(sample) };
}

/** Every histogram, for each set of labels: bounds that grow, counts that do not fall, and a last bucket without a bound that is the count. */
function checkHistograms(types: ReadonlyMap<string, string>, samples: ReadonlyMap<string, number>): void {
  for (const [name, type] of types) {
    if (type !== 'histogram') continue;
    const series = new Map<string, [bound: number, count: number][]>();
    for (const [sample, count] of samples) {
      if (!sample.startsWith(`${name}_bucket{`)) continue;
      const bound = /[{,]le="([^"]+)"/.exec(sample)?.[1] as string;
      const labels = sample.slice(name.length + '_bucket'.length).replace(/le="[^"]+",?/, '');
      series.set(labels, [...(series.get(labels) ?? []), [bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), count]]);
    }
    for (const [labels, buckets] of series) {
      const { count, sum } = { count: samples.get(`${name}_count${labels}`), sum: samples.get(`${name}_sum${labels}`) };
      expect(buckets.at(-1), name + labels).toEqual([Number.POSITIVE_INFINITY, count]);
      for (let index = 1; index < buckets.length; index++) {
        const [[bound = 0, counted = 0] = [], [boundBefore = 0, countedBefore = 0] = []] = [buckets[index], buckets[index - 1]];
        expect(bound > boundBefore && counted >= countedBefore, `${name}${labels} ${bound}`).toBe(true);
      }
      // Each value is at least the bound of the bucket below its own, and at most its own.
      let [least, most] = [0, 0];
      for (const [index, [bound, counted]] of buckets.entries()) {
        const [boundBefore, countedBefore] = buckets[index - 1] ?? [0, 0];
        least += (counted - countedBefore) * boundBefore;
        most += counted === countedBefore ? 0 : (counted - countedBefore) * bound;
      }
      expect((sum as number) >= least * (1 - 1e-9) && (sum as number) <= most * (1 + 1e-9), `${name}_sum${labels}: ${least} ${sum} ${most}`).toBe(true);
    }
  }
}

const scrape = async (url: string): Promise<Metrics> => parse((await http(`${url}/metrics`)).text);

test('the metrics are what Prometheus reads', async () => {
  const url = await start();
  const answer = await http(`${url}/metrics`);
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const { types, value } = parse(answer.text);
  for (const [name, type] of types) {
    expect(name).toMatch(/^(nexus|process|nodejs)_/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
  }
  expect(value(`nexus_engine_info{kind="${nexus?.engine.kind}",reason="${nexus?.engine.reason}"}`)).toBe(1);
  expect(value('nexus_thread_state{thread="1",state="ready"}')).toBe(1);
  expect(value('nexus_thread_state{thread="1",state="lost"}')).toBe(0);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(Math.abs((value('process_start_time_seconds') ?? 0) - (Date.now() / 1000 - process.uptime()))).toBeLessThan(2);
});

test('every metric is in docs/metrics.md, and no other', async () => {
  const { types } = await scrape(await start());
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const documented = page.split('\n').filter((line) => /^\| `(nexus|process|nodejs)_/.test(line));
  const named = documented.flatMap((line) => [...(line.split(' | ')[0] as string).matchAll(/`([a-z_]+)/g)].map((match) => match[1]));
  expect(named.sort()).toEqual([...types.keys()].sort());
});

test('known traffic is counted', async () => {
  const url = await start();
  for (const id of ['a', 'b', 'c']) await json(`${url}/agents/${id}`, 'PUT', { kind: 'counter' });
  for (let call = 0; call < 5; call++) await json(`${url}/agents/a/add`, 'POST', 1);
  expect((await json(`${url}/agents/b/fail`, 'POST')).status).toBe(500);
  expect((await json(`${url}/agents/b/slow`, 'POST', 2000)).status).toBe(504);
  await json(`${url}/agents/c`, 'DELETE');
  nexus?.send('c', 'read');
  await until('the late reply', () => nexus?.threads()[0]?.counters['late_replies'] === 1);
  await until('the last message is counted', () => nexus?.threads()[1]?.counters['handled'] === 6);
  const { value } = await scrape(url);
  expect(
    Object.fromEntries(
      [
        'nexus_agents_spawned_total{thread="1"}',
        'nexus_agents_stopped_total{thread="1"}',
        'nexus_agents_restarted_total{thread="1"}',
        'nexus_agents{thread="1"}',
        'nexus_agents{thread="0"}',
        'nexus_messages_handled_total{thread="1"}',
        'nexus_messages_failed_total{thread="1"}',
        'nexus_asks_total{thread="0"}',
        'nexus_ask_timeouts_total{thread="0"}',
        'nexus_ask_late_replies_total{thread="0"}',
        'nexus_queue_depth{thread="1"}',
        'nexus_dead_letters_total{thread="0",reason="noAgent"}',
        'nexus_table_records{state="live"}',
        'nexus_table_probe_buckets{of="mean"}',
        'nexus_table_overflowing_buckets',
        'nexus_http_request_duration_seconds_count{method="PUT",route="/agents/:id",status="201"}',
        'nexus_http_request_duration_seconds_count{method="POST",route="/agents/:id/:action",status="200"}',
        'nexus_http_request_duration_seconds_count{method="POST",route="/agents/:id/:action",status="500"}',
        'nexus_http_request_duration_seconds_count{method="POST",route="/agents/:id/:action",status="504"}',
        'nexus_http_request_duration_seconds_bucket{le="+Inf",method="DELETE",route="/agents/:id",status="200"}',
      ].map((sample) => [sample, value(sample)]),
    ),
  ).toEqual({
    'nexus_agents_spawned_total{thread="1"}': 3,
    'nexus_agents_stopped_total{thread="1"}': 1,
    'nexus_agents_restarted_total{thread="1"}': 1,
    'nexus_agents{thread="1"}': 2,
    'nexus_agents{thread="0"}': 0,
    // Five times add, and the slow one that was answered too late.
    'nexus_messages_handled_total{thread="1"}': 6,
    'nexus_messages_failed_total{thread="1"}': 1,
    'nexus_asks_total{thread="0"}': 7,
    'nexus_ask_timeouts_total{thread="0"}': 1,
    'nexus_ask_late_replies_total{thread="0"}': 1,
    'nexus_queue_depth{thread="1"}': 0,
    'nexus_dead_letters_total{thread="0",reason="noAgent"}': 1,
    'nexus_table_records{state="live"}': 2,
    'nexus_table_probe_buckets{of="mean"}': 1,
    nexus_table_overflowing_buckets: 0,
    'nexus_http_request_duration_seconds_count{method="PUT",route="/agents/:id",status="201"}': 3,
    'nexus_http_request_duration_seconds_count{method="POST",route="/agents/:id/:action",status="200"}': 5,
    'nexus_http_request_duration_seconds_count{method="POST",route="/agents/:id/:action",status="500"}': 1,
    'nexus_http_request_duration_seconds_count{method="POST",route="/agents/:id/:action",status="504"}': 1,
    'nexus_http_request_duration_seconds_bucket{le="+Inf",method="DELETE",route="/agents/:id",status="200"}': 1,
  });
});

test('routes and methods that clients make up do not make time series', async () => {
  const url = await start();
  for (let index = 0; index < 20; index++) {
    await http(`${url}/made/up/${index}`);
    await json(`${url}/agents/nobody-${index}/action-${index}`, 'POST');
  }
  await http(`${url}/agents`, { method: 'PROPFIND' });
  const requests = [...(await scrape(url)).samples].filter(([sample]) => sample.startsWith('nexus_http_request_duration_seconds_count'));
  expect(Object.fromEntries(requests)).toEqual({
    'nexus_http_request_duration_seconds_count{method="GET",route="unknown",status="404"}': 20,
    'nexus_http_request_duration_seconds_count{method="POST",route="/agents/:id/:action",status="404"}': 20,
    'nexus_http_request_duration_seconds_count{method="other",route="/agents",status="405"}': 1,
  });
});

test('a request that is refused for its Host or Origin is counted as a violation, by which of them it was', async () => {
  const url = await start();
  const counted = async () => {
    const { value } = await scrape(url);
    return ['host', 'origin'].map((reason) => value(`nexus_security_violations_total{reason="${reason}"}`));
  };
  expect(await counted()).toEqual([0, 0]);
  await http(`${url}/agents`, { headers: { host: 'rebound.example' } });
  await http(`${url}/agents`, { headers: { origin: 'https://elsewhere.example' } });
  await http(`${url}/agents`, { headers: { origin: 'null' } });
  await http(`${url}/agents`);
  expect(await counted()).toEqual([1, 2]);
});

test('what is observed and metered is shown by name, in seconds, of all threads together', async () => {
  const url = await start();
  nexus?.observe('a "quoted"\nname', () => 1, { slaMs: 60_000 });
  await nexus?.observe('fails', () => Promise.reject(new Error('no'))).catch(() => undefined);
  const breaker = circuitBreaker({ failures: 1 });
  nexus?.meter(breaker, 'bank');
  await breaker.execute(() => Promise.reject(new Error('no'))).catch(() => undefined);
  await breaker.execute(() => 1).catch(() => undefined);
  const { value, samples } = await scrape(url);
  const quoted = '"a \\"quoted\\"\\nname"';
  expect(
    Object.fromEntries(
      [
        `nexus_operations_total{operation=${quoted},outcome="success"}`,
        `nexus_operation_duration_seconds_bucket{le="68.719476736",operation=${quoted}}`,
        `nexus_sla_violations_total{operation=${quoted}}`,
        'nexus_operations_total{operation="fails",outcome="failure"}',
        'nexus_breaker_calls_total{breaker="bank",outcome="failure"}',
        'nexus_breaker_calls_total{breaker="bank",outcome="refused"}',
        'nexus_breaker_opened_total{breaker="bank"}',
        'nexus_breaker_state{breaker="bank",state="open"}',
        'nexus_breaker_state{breaker="bank",state="closed"}',
      ].map((sample) => [sample.replace(/^nexus_/, ''), value(sample)]),
    ),
  ).toEqual({
    [`operations_total{operation=${quoted},outcome="success"}`]: 1,
    [`operation_duration_seconds_bucket{le="68.719476736",operation=${quoted}}`]: 1,
    [`sla_violations_total{operation=${quoted}}`]: 0,
    'operations_total{operation="fails",outcome="failure"}': 1,
    'breaker_calls_total{breaker="bank",outcome="failure"}': 1,
    'breaker_calls_total{breaker="bank",outcome="refused"}': 1,
    'breaker_opened_total{breaker="bank"}': 1,
    'breaker_state{breaker="bank",state="open"}': 1,
    'breaker_state{breaker="bank",state="closed"}': 0,
  });
  expect(value(`nexus_operation_duration_seconds_sum{operation=${quoted}}`)).toBeGreaterThan(0);
  expect([...samples.keys()].filter((sample) => sample.startsWith('nexus_operation_duration_seconds_'))).toHaveLength(2 * 30);
});

test('no counter goes backwards when a thread is lost, and its successor counts on', async () => {
  const url = await start();
  await json(`${url}/agents/a`, 'PUT', { kind: 'counter' });
  for (let call = 0; call < 20; call++) await json(`${url}/agents/a/add`, 'POST', 1);
  // A thread publishes what it counts just after it has sent its replies.
  const counted = (count: number) => until(`${count} handled`, () => nexus?.threads()[1]?.counters['handled'] === count);
  await counted(20);
  let before = await scrape(url);
  expect(before.value('nexus_messages_handled_total{thread="1"}')).toBe(20);
  const compare = (after: Metrics): void => {
    for (const [sample, value] of before.samples) {
      if (before.types.get(sample.replace(/\{.*/, '')) === 'counter') expect(after.samples.get(sample), sample).toBeGreaterThanOrEqual(value);
    }
    before = after;
  };
  for (let loss = 1; loss <= 3; loss++) {
    expect((await json(`${url}/agents/a/exit`, 'POST', 1)).status).toBe(503);
    await until('the thread is back', async () => {
      compare(await scrape(url));
      return before.value('nexus_thread_state{thread="1",state="ready"}') === 1;
    });
    for (let call = 0; call < 2; call++) expect((await json(`${url}/agents/a/add`, 'POST', 1)).status).toBe(200);
    await counted(20 + loss * 2);
    compare(await scrape(url));
    expect(before.value('nexus_messages_handled_total{thread="1"}')).toBe(20 + loss * 2);
    expect(before.value('nexus_thread_incarnation{thread="1"}')).toBe(loss);
  }
});

test('an ask through threads is in the histograms, and each has the same few time series', async () => {
  const url = await start();
  await json(`${url}/agents/a`, 'PUT', { kind: 'counter' });
  const before = await scrape(url);
  expect(before.value('nexus_ask_duration_seconds_count{thread="0",distance="remote"}')).toBe(0);
  // The first, the eighth and the fifteenth are timed.
  for (let call = 0; call < 14; call++) await json(`${url}/agents/a/add`, 'POST', 1);
  await json(`${url}/agents/a/slow`, 'POST', 70);
  const { types, samples, value } = await scrape(url);
  expect(value('nexus_ask_duration_seconds_count{thread="0",distance="remote"}')).toBe(3);
  // All but the last, unless the machine has more to do.
  expect(value('nexus_ask_duration_seconds_bucket{le="0.067108864",thread="0",distance="remote"}')).toBeLessThanOrEqual(2);
  expect(value('nexus_ask_duration_seconds_bucket{le="68.719476736",thread="0",distance="remote"}')).toBe(3);
  expect(value('nexus_ask_duration_seconds_sum{thread="0",distance="remote"}')).toBeGreaterThan(0.069);
  expect(value('nexus_ask_duration_seconds_count{thread="1",distance="remote"}')).toBe(0);
  expect(value('nexus_turn_duration_seconds_count{thread="1"}')).toBeGreaterThan(0);
  expect(value('nexus_message_wait_seconds_count{thread="1"}')).toBeGreaterThan(0);
  for (const [metric, sets] of [
    ['nexus_ask_duration_seconds', 4],
    ['nexus_turn_duration_seconds', 2],
    ['nexus_message_wait_seconds', 2],
  ] as const) {
    expect(types.get(metric)).toBe('histogram');
    expect([...samples.keys()].filter((sample) => sample.startsWith(`${metric}_`)).length).toBe(sets * 32);
  }
});

test('the bounds of Prometheus are edges of buckets: what they count is exact', async () => {
  const values = [256, 257, 512, 1024, 1025, 2 ** 36, 2 ** 36 + 1];
  const snapshot = HistogramSnapshot.merge(
    values.map((value) => {
      const buckets = new Float64Array(HISTOGRAM_BUCKETS);
      buckets[bucketOf(value)] = 1;
      return new HistogramSnapshot(buckets, value, value, value);
    }),
  );
  const metrics = createMetrics({
    ...none,
    threads: () => [{ thread: 0, state: 'ready', incarnation: 0, agents: 0, queueDepth: 0, load: undefined, counters: {} }],
    histogram: () => snapshot,
  });
  const { value } = parse(await metrics.text());
  metrics.close();
  const counted = ['2.56e-7', '5.12e-7', '0.000001024', '0.000002048', '34.359738368', '68.719476736', '+Inf'];
  expect(counted.map((bound) => value(`nexus_turn_duration_seconds_bucket{le="${bound}",thread="0"}`))).toEqual([1, 3, 4, 5, 5, 6, 7]);
  expect(value('nexus_turn_duration_seconds_sum{thread="0"}')).toBe(snapshot.sum / 1e9);
});

test('a counter that begins again lower goes on from where it was', async () => {
  const thread = { thread: 1, state: 'ready' as const, incarnation: 0, agents: 0, queueDepth: 0, load: undefined };
  let handled = 0;
  const metrics = createMetrics({
    ...none,
    threads: () => [{ ...thread, counters: { handled } }],
  });
  const seen: (number | undefined)[] = [];
  for (handled of [5, 9, 2, 3, 0, 0, 4]) seen.push(parse(await metrics.text()).value('nexus_messages_handled_total{thread="1"}'));
  metrics.close();
  expect(seen).toEqual([5, 9, 11, 12, 12, 12, 16]);
});

test('what a thread measured of itself is shown in base units, and not at all before', async () => {
  const measured = { measuredAtMs: 1, utilization: 0.5, lagMs: 20, collecting: 0.1, heapUsedBytes: 7, heapLimitBytes: 9 };
  const thread = { state: 'ready' as const, incarnation: 0, agents: 0, queueDepth: 0, counters: { durable_passivated: 3 } };
  const metrics = createMetrics({
    ...none,
    threads: () => [
      { ...thread, thread: 0, load: measured },
      { ...thread, thread: 1, load: undefined },
    ],
  });
  const { value } = parse(await metrics.text());
  metrics.close();
  const names = ['utilization_ratio', 'loop_lag_seconds', 'collecting_ratio', 'heap_used_bytes', 'heap_limit_bytes'];
  const shown = (of: number): unknown[] => names.map((name) => value(`nexus_thread_${name}{thread="${of}"}`));
  expect([shown(0), shown(1)]).toEqual([[0.5, 0.02, 0.1, 7, 9], names.map(() => undefined)]);
  expect(value('nexus_durable_passivated_total{thread="1"}')).toBe(3);
});

test('metrics that nobody closed do not keep a process alive', async () => {
  const entry = fileURLToPath(new URL('../../dist/ts-src/gateway/index.js', import.meta.url));
  const code = `import { createMetrics } from ${JSON.stringify(entry)};
    const none = { engine: { kind: 'portable', reason: '', tried: [] }, threads: () => [], operations: () => [], breakers: () => [], histogram: () => undefined, tableStatistics: () => (${JSON.stringify(emptyTable)}) };
    console.log((await createMetrics(none).text()).length > 100);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
  const exit = await new Promise((resolve) => child.once('close', (exitCode, signal) => resolve(signal ?? exitCode)));
  expect([out.trim(), exit]).toEqual(['true', 0]);
});

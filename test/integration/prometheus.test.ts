/**
 * Prometheus itself scrapes a gateway under load, and is asked everything that the dashboards and alerts ask for. In a process of its own, with its data in a temporary folder; skipped where
 * it is not installed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Nexus } from 'nexus-agents';
import { startGateway } from 'nexus-agents/gateway';
import { circuitBreaker } from 'nexus-agents/resilience';
import { ALERT_GROUPS } from '../../scripts/observability/alerts.mjs';
import { DASHBOARDS } from '../../scripts/observability/dashboards.mjs';
import { ALL } from '../../scripts/observability/grafana-json.mjs';
import { healthyCluster } from '../cluster-snapshots.js';
import { http } from '../fixtures/gateway-client.mjs';
import { Observing } from '../fixtures/observing.mjs';
import { describePrometheus } from '../prometheus.js';
import { fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const rules = fileURLToPath(new URL('../../observability/prometheus/nexus-alerts.yml', import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Scrapes the target twice a second, and evaluates the rules as often. Ends with the test. */
async function startPrometheus(target: string): Promise<(path: string) => Promise<{ status: string; data: never; error?: string }>> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-prometheus-'));
  const file = join(folder, 'prometheus.yml');
  const configuration = {
    global: { scrape_interval: '500ms', scrape_timeout: '400ms', evaluation_interval: '500ms' },
    rule_files: [rules],
    scrape_configs: [{ job_name: 'nexus', static_configs: [{ targets: [target] }] }],
  };
  // What is JSON is YAML.
  writeFileSync(file, JSON.stringify(configuration));
  const port = await freePort();
  const child: ChildProcess = spawn(
    'prometheus',
    [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const get = (path: string) => http(`http://127.0.0.1:${port}${path}`);
  await until(async () => (await get('/-/ready').catch(() => undefined))?.status === 200, 60_000);
  return async (path) => JSON.parse((await get(path)).text) as never;
}

/** As if the nexus were a node of a cluster: what is asked for of one has data. */
function withCluster(nexus: Nexus): Nexus {
  const cluster = { snapshot: () => ({ ...healthyCluster(3), refusals: { NEXUS_FRAME_INVALID: 1 } }) };
  return new Proxy(nexus, {
    get(target, name) {
      if (name === 'cluster') return cluster;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describePrometheus(() => {
  test('Prometheus scrapes a gateway under load: every query of the dashboards has data, every alert is evaluated, and the loss of a thread fires one', {
    timeout: 180_000,
  }, async () => {
    const nexus = await startNexus({ agents: [fixture('observing.mjs')], threads: 1, balancing: { periodMs: 100 }, logger: recorder() });
    const gateway = await startGateway(withCluster(nexus), { port: 0, logger: recorder() });
    onTestFinished(async () => void (await gateway.stop({ deadlineMs: 1000 })));
    const ask = await startPrometheus(gateway.url.replace('http://', ''));
    const evaluate = async (expr: string): Promise<readonly unknown[]> => {
      const { status, error, data } = await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`);
      expect([status, error], expr).toEqual(['success', undefined]);
      return (data as { result: unknown[] }).result;
    };
    const breaker = circuitBreaker({ failures: 1 });
    nexus.meter(breaker, 'bank');
    await breaker.execute(() => Promise.reject(new Error('closed'))).catch(() => undefined);
    const ref = await nexus.spawn(Observing, { thread: 1, id: 'o' });
    let isLoading = true;
    const load = (async () => {
      for (let round = 0; isLoading; round++) {
        await Promise.all(Array.from({ length: 20 }, () => ref.ask('sync', 'of an agent')));
        nexus.observe('late', () => Array.from({ length: 10_000 }, (_, index) => `${index}`).join(''), { slaMs: 0.001 });
        await ref.ask('fails', 'fails').catch(() => undefined);
        await http(`${gateway.url}/agents/o`);
        await http(`${gateway.url}/agents/o/${round % 2 === 0 ? 'sync' : 'fails'}`, {
          method: 'POST',
          body: '"by http"',
          headers: { 'content-type': 'application/json' },
        });
        await http(`${gateway.url}/agents`, { headers: { origin: 'https://elsewhere.example' } });
        nexus.send('nobody', 'sync');
        await breaker.execute(() => 1).catch(() => undefined);
      }
    })();
    const queries = DASHBOARDS.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels.flatMap(({ queries: each }) => each.map(({ expr }) => expr))));
    const asked = queries.map((expr) => expr.replace(/\$(job|instance|operation|breaker)/g, ALL).replaceAll('$__rate_interval', '10s'));
    expect(asked.filter((expr) => expr.includes('$'))).toEqual([]);
    let empty = asked;
    try {
      await until(async () => {
        const results = await Promise.all(empty.map(evaluate));
        empty = empty.filter((_, index) => results[index]?.length === 0);
        return empty.length === 0;
      }, 40_000);
    } catch {
      expect(empty, 'without data').toEqual([]);
    }
    for (const { alerts } of ALERT_GROUPS) for (const { expr } of alerts) await evaluate(expr);
    // What is so is seen: a quantile of what is known to be slow, an open breaker, a rate of failures.
    const [value] = (await evaluate('sum(nexus_breaker_state{breaker="bank",state="open"})')) as { value: [number, string] }[];
    expect(value?.value[1]).toBe('1');
    const [failing] = (await evaluate(
      'sum(rate(nexus_operations_total{operation="fails",outcome="success"}[10s])) / sum(rate(nexus_operations_total{operation="fails"}[10s]))',
    )) as { value: [number, string] }[];
    expect(failing?.value[1]).toBe('0');
    isLoading = false;
    await load;
    await ref.ask('exit').catch(() => undefined);
    await until(async () => {
      const { data } = await ask('/api/v1/alerts');
      return (data as { alerts: { labels: { alertname: string }; state: string }[] }).alerts.some(
        ({ labels, state }) => labels.alertname === 'NexusThreadLost' && state === 'firing',
      );
    }, 30_000);
    const { data } = await ask('/api/v1/rules');
    const evaluated = (data as { groups: { rules: { name: string; health: string; lastError?: string }[] }[] }).groups.flatMap((group) => group.rules);
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(evaluated.map(({ name }) => name).sort()).toEqual(ALERT_GROUPS.flatMap(({ alerts }) => alerts.map(({ alert }) => alert)).sort());
  });
});

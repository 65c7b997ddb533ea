/** How many time series there are at the largest: a nexus of 128 threads, simulated in one, with many agents and more names than there is room for. */
import { defineAgent } from 'nexus-agents';
import { circuitBreaker } from 'nexus-agents/resilience';
import { createTestNexus } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { METRICS, seriesMax } from '../../dist/ts-src/adapters/metrics-catalogue.js';
import { createMetrics } from 'nexus-agents/gateway';

const NAMES = 300;
const AGENTS = 10_000;

const Worker = defineAgent({
  kind: 'worker of many',
  state: () => ({}),
  actions: {
    work: (_state, number: number, ctx) => ctx.observe(`operation ${number % NAMES}`, () => number),
    meter: (_state, number: number, ctx) => void ctx.meter(circuitBreaker(), `breaker ${number}`),
  },
});

test('a scrape of 127 workers, 10,000 agents and 300 names of operations has no more time series than the catalogue says', { timeout: 120_000 }, async () => {
  const nexus = await createTestNexus({ agents: [Worker], threads: 127, memory: { agentsMax: 65_536, ringBytes: 16_384 } });
  const metrics = createMetrics(nexus);
  const refs = await Promise.all(Array.from({ length: AGENTS }, () => nexus.spawn(Worker)));
  await Promise.all(refs.map((ref, index) => ref.ask('work', index)));
  await Promise.all(refs.slice(0, 5).map((ref, index) => ref.ask('meter', index)));
  const text = await metrics.text();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const series = new Map<string, number>();
  for (const line of samples) {
    const name = (/^\w+/.exec(line) as RegExpExecArray)[0];
    const metric = METRICS.find((each) => each.name === name) ?? METRICS.find((each) => each.name === name.replace(/_(bucket|sum|count)$/, ''));
    expect(metric, line).toBeDefined();
    const labels = [...line.matchAll(/[{,](\w+)="/g)].map(([, label]) => label as string).filter((label) => label !== 'le');
    expect(labels.sort(), line).toEqual((metric?.labels ?? []).map((label) => label.name).sort());
    series.set(metric?.name as string, (series.get(metric?.name as string) ?? 0) + 1);
  }
  for (const metric of METRICS) expect([metric.name, (series.get(metric.name) ?? 0) <= seriesMax(metric, 128)]).toEqual([metric.name, true]);
  // 256 names and one for the others; every call is counted.
  expect(series.get('nexus_sla_violations_total')).toBe(257);
  expect(nexus.operations().reduce((sum, { successes }) => sum + successes, 0)).toBe(AGENTS);
  expect(nexus.breakers()).toMatchObject([{ name: '(other)', states: { closed: 5 } }]);
  metrics.close();
  await nexus.stop();
});

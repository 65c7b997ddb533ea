/** A real cluster as it is shown: by the console and `nexus nodes`, in metrics, on channels and in the flight record, from its beginning to the death of a node. */
import { startGateway } from 'nexus-agents/gateway';
import { createNexus, defineAgent, type Nexus } from 'nexus-agents';
import type { ClusterSnapshot } from 'nexus-agents/cluster';
import { subscribe, TELEMETRY_EVENTS } from 'nexus-agents/telemetry';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { readFlightRecord } from '../../../dist/ts-src/flight/read-flight-record.js';
import { eventLine } from '../../../dist/ts-src/flight/timeline.js';
import { recorder } from '../../start-nexus.js';
import { until } from '../../until.js';
import { killCommands, nexusCommand } from '../nexus-command.js';
import { allJoined, freePorts, startNode } from './node-process.js';

const Counter = defineAgent({ kind: 'counter', state: () => ({ n: 0 }), actions: { add: (state, by: number) => (state.n += by) } });
const timing = { probeIntervalMs: 200, probeTimeoutMs: 100, leaseMs: 2000, stopMarginMs: 300, stalledAfterMs: 300 };

afterEach(killCommands);

async function nodesOf(url: string, ...options: string[]): Promise<string> {
  const command = nexusCommand(['nodes', '--url', url, ...options]);
  await command.exit;
  return command.out() + command.err();
}

test('two nodes are in the snapshot of the console, in metrics, on channels, in the log and in the flight record', { timeout: 60_000 }, async () => {
  const told: [string, unknown][] = [];
  for (const name of TELEMETRY_EVENTS.filter((each) => /^nexus:(member|cluster):/.test(each))) {
    onTestFinished(subscribe(name, (event) => told.push([name, event])));
  }
  const logger = recorder();
  const start = async (node: string, join: readonly string[]): Promise<Nexus> => {
    const nexus = await createNexus({ agents: [Counter], threads: 0, logger, cluster: { name: 'shop', node, join, listen: { port: 0 }, timing } });
    onTestFinished(async () => void (await nexus.stop({ deadlineMs: 1000 })));
    await nexus.cluster?.joined();
    return nexus;
  };
  const a = await start('a', []);
  const { host, port } = a.cluster?.address as { host: string; port: number };
  const b = await start('b', [`${host}:${port}`]);
  const gateway = await startGateway(a, { port: 0, logger });
  onTestFinished(async () => void (await gateway.stop({ deadlineMs: 1000 })));
  await until(() => a.cluster?.members().length === 2 && (a.cluster.snapshot().links[0]?.roundTripMs?.mean ?? 0) > 0);
  const { cluster } = (await (await fetch(`${gateway.url}/console/snapshot`)).json()) as { cluster: ClusterSnapshot };
  expect(cluster).toMatchObject({ cluster: 'shop', self: { name: 'a' }, standing: 'member', view: 2, partitions: [['a', 'b']], refusals: {} });
  expect(cluster.members.map(({ name, reachability }) => `${name} ${reachability}`)).toEqual(['a reachable', 'b reachable']);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toContain('\nnexus_cluster_members{reachability="reachable"} 2\n');
  expect(metrics).toContain('\nnexus_cluster_standing{standing="member"} 1\n');
  expect(metrics).toMatch(/\nnexus_cluster_round_trip_seconds\{node="b"\} 0\.\d+\n/);
  expect(Number(/\nnexus_cluster_lease_seconds (\S+)\n/.exec(metrics)?.[1])).toBeGreaterThan(0);
  // Nodes of another cluster are refused, on either port, and counted by code.
  const stranger = await createNexus({
    agents: [Counter],
    threads: 0,
    logger: recorder(),
    cluster: { name: 'bazaar', node: 'x', join: [`${host}:${port}`], listen: { port: 0 }, timing },
  });
  onTestFinished(async () => void (await stranger.stop({ deadlineMs: 1000 })));
  await until(() => Object.values(a.cluster?.snapshot().refusals ?? {}).some((count) => count > 0), 20_000);
  expect(Object.keys(a.cluster?.snapshot().refusals ?? {})).toContain('NEXUS_HANDSHAKE_REFUSED');
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/\nnexus_cluster_refusals_total\{code="NEXUS_HANDSHAKE_REFUSED"\} [1-9]\d*\n/);
  await b.stop({ deadlineMs: 1000 });
  await until(() => told.some(([name, event]) => name === 'nexus:member:left' && (event as { self: string }).self === 'a'));
  const ofA = told.filter(([, event]) => (event as { self: string }).self === 'a').map(([name, event]) => [name, (event as { node?: string }).node]);
  expect(ofA).toContainEqual(['nexus:cluster:standing', undefined]);
  expect(ofA).toContainEqual(['nexus:member:joined', 'b']);
  expect(ofA).toContainEqual(['nexus:member:left', 'b']);
  const lines = [...(readFlightRecord(a.flightRecord()).threads[0]?.events() ?? [])].map((event) => eventLine(readFlightRecord(a.flightRecord()), event));
  expect(lines.some((line) => line.endsWith('view 2 with 2 members'))).toBe(true);
});

test('a node that is killed is unreachable for whoever looks, and then gone', { timeout: 120_000 }, async () => {
  const ports = await freePorts(3);
  const nodes = ports.map((port, index) => startNode(`n${index + 1}`, port, ports));
  await allJoined(nodes);
  const url = (await (nodes[0] as (typeof nodes)[0]).line(({ url: served }) => served !== undefined)).url as string;
  expect(await nodesOf(url)).toMatch(/^n1 is a member of nexus, view \d+, coordinator n\d, keepMajority, lease [\d.]+m?s\n/);
  nodes[2]?.child.kill('SIGKILL');
  await until(async () => /^n3 +unreachable +/m.test(await nodesOf(url)), 30_000);
  await until(async () => !/^n3 /m.test(await nodesOf(url)), 60_000);
  const left = JSON.parse(await nodesOf(url, '--json')) as ClusterSnapshot;
  expect([left.members.map(({ name }) => name), left.partitions, left.standing]).toEqual([['n1', 'n2'], [['n1', 'n2']], 'member']);
});

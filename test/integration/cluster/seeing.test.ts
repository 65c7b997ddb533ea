/** A real cluster as it is shown: by the console and `nexus nodes`, in metrics, on channels and in the flight record, from its beginning to the death of a node. */
import { startGateway } from 'nexus-agents/gateway';
import { createNexus, defineAgent, type Nexus } from 'nexus-agents';
import type { ClusterSnapshot, LinkAsks } from 'nexus-agents/cluster';
import { subscribe, TELEMETRY_EVENTS } from 'nexus-agents/telemetry';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { ASK_BOUNDS_NS } from '../../../dist/ts-src/model/cluster-snapshot.js';
import { readFlightRecord } from '../../../dist/ts-src/flight/read-flight-record.js';
import { eventLine } from '../../../dist/ts-src/flight/timeline.js';
import { recorder } from '../../start-nexus.js';
import { until } from '../../until.js';
import { killCommands, nexusCommand } from '../nexus-command.js';
import { allJoined, freePorts, startNode } from './node-process.js';

const Counter = defineAgent({ kind: 'counter', state: () => ({ n: 0 }), actions: { add: (state, by: number) => (state.n += by) } });
const Slow = defineAgent({
  kind: 'slow',
  state: () => ({ n: 0 }),
  actions: {
    add: (state, by: number) => (state.n += by),
    fail: () => {
      throw new Error('no');
    },
    wait: (_state, ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
  },
});

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
    const nexus = await createNexus({ agents: [Counter], threads: 0, logger, cluster: { name: 'shop', node, join, listen: { port: 0 } } });
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
    cluster: { name: 'bazaar', node: 'x', join: [`${host}:${port}`], listen: { port: 0 } },
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

test('how long asks of another node take is in the snapshot, in metrics and in nexus top', { timeout: 60_000 }, async () => {
  const start = (node: string, join: readonly string[]): Promise<Nexus> =>
    createNexus({ agents: [Slow], threads: 0, logger: recorder(), cluster: { name: 'shop', node, join, listen: { port: 0 } } });
  const a = await start('a', []);
  onTestFinished(async () => void (await a.stop({ deadlineMs: 1000 })));
  const b = await start('b', [`127.0.0.1:${a.cluster?.address.port}`]);
  onTestFinished(async () => void (await b.stop({ deadlineMs: 1000 })));
  await Promise.all([a, b].map((nexus) => nexus.cluster?.joined()));
  await until(() => a.cluster?.members().length === 2 && b.cluster?.members().length === 2);
  const asksOf = (nexus: Nexus): LinkAsks | undefined => nexus.cluster?.snapshot().links[0]?.asks;
  expect([asksOf(a), asksOf(b)]).toEqual([undefined, undefined]);
  const slow = await a.spawn(Slow, { id: 'slow', node: 'b' });
  for (let count = 0; count < 20; count++) await slow.ask('add', 1);
  await expect(slow.ask('fail')).rejects.toThrow();
  const asked = asksOf(a) as LinkAsks;
  expect([asked.answered, asksOf(b)]).toEqual([21, undefined]);
  const before = performance.now();
  await slow.ask('wait', 300);
  const tookMs = performance.now() - before;
  const after = asksOf(a) as LinkAsks;
  expect([after.answered, after.counts.at(-1)]).toEqual([22, 22]);
  const itsMs = after.totalMs - asked.totalMs;
  expect(itsMs).toBeGreaterThan(295);
  expect(itsMs).toBeLessThanOrEqual(tookMs);
  expect(after.p99Ms as number).toBeGreaterThan(290);
  expect(after.p50Ms as number).toBeLessThan(after.p99Ms as number);
  const gateway = await startGateway(a, { port: 0, logger: recorder() });
  onTestFinished(async () => void (await gateway.stop({ deadlineMs: 1000 })));
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(/\nnexus_cluster_ask_duration_seconds_count\{node="b"\} 22\n/);
  // All but the slow one, and of those what was as quick on this machine.
  const quick = asked.counts[ASK_BOUNDS_NS.indexOf(268_435_456)];
  expect(after.counts[ASK_BOUNDS_NS.indexOf(268_435_456)]).toBe(quick);
  expect(metrics).toMatch(new RegExp(`\\nnexus_cluster_ask_duration_seconds_bucket\\{(?=[^}]*node="b")(?=[^}]*le="0\\.268435456")[^}]*\\} ${quick}\\n`));
  const top = nexusCommand(['top', '--once', '--url', gateway.url]);
  expect(await top.exit).toBe(0);
  expect(top.out()).toMatch(/asks\/s +p50 +p99/);
});

test('whoever is asked says where an agent is, and any gateway reaches it', { timeout: 60_000 }, async () => {
  const start = async (node: string, join: readonly string[]): Promise<{ nexus: Nexus; url: string }> => {
    const nexus = await createNexus({
      agents: [Counter],
      threads: 0,
      logger: recorder(),
      cluster: { name: 'shop', node, join, listen: { port: 0 } },
    });
    const gateway = await startGateway(nexus, { port: 0, logger: recorder() });
    onTestFinished(async () => {
      await gateway.stop({ deadlineMs: 1000 });
      await nexus.stop({ deadlineMs: 1000 });
    });
    await nexus.cluster?.joined();
    return { nexus, url: gateway.url };
  };
  const a = await start('a', []);
  const { host, port } = a.nexus.cluster?.address as { host: string; port: number };
  const b = await start('b', [`${host}:${port}`]);
  await until(() => [a, b].every(({ nexus }) => nexus.cluster?.members().length === 2 && nexus.cluster.snapshot().registry?.claiming === 0));
  await a.nexus.spawn(Counter, { id: 'c1' });
  const post = async (url: string, path: string, body: unknown): Promise<unknown> =>
    (await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json();
  expect(await post(b.url, '/agents/c1/add', 2)).toEqual({ reply: 2 });
  expect(await post(a.url, '/agents/c1/add', 3)).toEqual({ reply: 5 });
  expect(await (await fetch(`${b.url}/agents/c1`)).json()).toEqual({ id: 'c1', kind: 'counter', node: 'a', actions: ['add'] });
  expect(await post(b.url, '/agents/nobody/add', 1)).toMatchObject({ error: { code: 'NEXUS_AGENT_NOT_FOUND' } });
  // Made where the ring says, whichever gateway is asked.
  for (const { url } of [a, b]) expect(await post(url, `/agents/c2/add?kind=counter`, 1)).toEqual({ reply: url === a.url ? 1 : 2 });
  const owner = b.nexus.cluster?.where('c2')?.owner;
  expect((await a.nexus.locate('c2'))?.node?.name).toBe(owner);
  for (const { url } of [a, b]) {
    const command = nexusCommand(['where', 'c1', '--url', url]);
    expect(await command.exit).toBe(0);
    expect(command.out()).toMatch(
      /^counter c1 is on node a(, thread 0)?\n {2}owner {6}[ab] \(partition \d+ of 4096\)\n {2}copies {5}[ab]\n {2}placement {2}pinned: stays where it was started\n {2}token {6}\d+ \(number \d+ of view \d\)\n$/,
    );
  }
  const nobody = nexusCommand(['where', 'c3', '--url', b.url]);
  expect(await nobody.exit).toBe(1);
  expect(nobody.err()).toContain("no agent of the cluster has the id 'c3'");
  const { registry } = ((await (await fetch(`${a.url}/console/snapshot`)).json()) as { cluster: ClusterSnapshot }).cluster;
  expect(Object.values(registry?.shares ?? {}).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
  expect(registry).toMatchObject({ claiming: 0, waitingFor: [], superseded: 0 });
  expect(registry?.activations).toBe(owner === 'a' ? 2 : 1);
  expect(await (await fetch(`${a.url}/metrics`)).text()).toContain('\nnexus_cluster_partitions{state="claiming"} 0\n');
});

test('a node that is killed is unreachable for whoever looks, and then gone', { timeout: 120_000 }, async () => {
  const ports = await freePorts(3);
  const nodes = ports.map((port, index) => startNode(`n${index + 1}`, port, ports));
  await allJoined(nodes);
  const url = (await (nodes[0] as (typeof nodes)[0]).line(({ url: served }) => served !== undefined)).url as string;
  expect(await nodesOf(url)).toMatch(
    /^n1 is a member of nexus, view \d+, coordinator n\d, keepMajority, lease [\d.]+m?s(, local health \d of 8)?, runs \d+ ids, owns \d+(, \d+ partitions wait for reports of [n\d ]+)?\n/,
  );
  nodes[2]?.child.kill('SIGKILL');
  await until(async () => /^n3 +unreachable +/m.test(await nodesOf(url)), 30_000);
  await until(async () => !/^n3 /m.test(await nodesOf(url)), 60_000);
  const left = JSON.parse(await nodesOf(url, '--json')) as ClusterSnapshot;
  expect([left.members.map(({ name }) => name), left.partitions, left.standing]).toEqual([['n1', 'n2'], [['n1', 'n2']], 'member']);
});

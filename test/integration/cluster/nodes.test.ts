/** Nodes of a cluster in one process, each with its own threads and a membership thread: how they find each other, what they say of themselves, what keeps one from joining, and how one ends. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AnyAgent, createNexus, defineAgent, type Nexus, type NexusOptions } from 'nexus-agents';
import type { Cluster, ClusterOptions } from 'nexus-agents/cluster';
import { expect, onTestFinished, test } from 'vitest';
import { membershipOf } from '../../../dist/ts-src/cluster/cluster.js';
import { Ticking } from '../../fixtures/ticking.mjs';
import { codeOf, failureOf, fixture, recorder } from '../../start-nexus.js';
import { until } from '../../until.js';
import { freePort } from '../free-port.js';
import { freePorts } from './node-process.js';

const Counter = defineAgent({ kind: 'counter', state: () => ({ n: 0 }), actions: { add: (state, by: number) => (state.n += by) } });

/** Short enough for a test, and long enough for a machine that does something else as well. */
const timing = { probeIntervalMs: 200, probeTimeoutMs: 100, leaseMs: 1500, stopMarginMs: 300, stalledAfterMs: 300 };

async function startNode(cluster: ClusterOptions, options: Partial<NexusOptions> = {}): Promise<Nexus & { readonly cluster: Cluster }> {
  const nexus = await createNexus({ agents: [Counter], threads: 0, logger: recorder(), ...options, cluster: { name: 'shop', timing, ...cluster } });
  onTestFinished(async () => void (await nexus.stop({ deadlineMs: 1000 })));
  return nexus as Nexus & { readonly cluster: Cluster };
}

/** Nodes `n1`, `n2`... that have joined; each knows the ones before it. */
async function startCluster(count: number, more: (index: number) => ClusterOptions = () => ({})): Promise<(Nexus & { readonly cluster: Cluster })[]> {
  const nodes: (Nexus & { readonly cluster: Cluster })[] = [];
  for (let index = 0; index < count; index++) {
    const seeds = nodes.slice(0, 1).map(({ cluster: { address } }) => `${address.host}:${address.port}`);
    const node = await startNode({ node: `n${index + 1}`, listen: { port: 0 }, join: seeds, ...more(index) });
    await node.cluster.joined();
    nodes.push(node);
  }
  await until(() => nodes.every(({ cluster }) => cluster.members().length === count));
  return nodes;
}

const file = (name: string): string => fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));
const tls = (name: string, authority = 'authority'): NonNullable<ClusterOptions['tls']> => ({
  ...{ certificateFile: file(name), keyFile: file(`${name}-test-key`), authorityFile: file(authority) },
  ...(authority === 'authority' ? { revocationListFile: file('revocations-none') } : {}),
});

test('a nexus without the option is no node, and a node without seeds founds a cluster of its own at once', async () => {
  const alone = await createNexus({ agents: [Counter], threads: 0 });
  expect(alone.cluster).toBeUndefined();
  await alone.stop();
  const [{ cluster }] = (await startCluster(1)) as [Nexus & { readonly cluster: Cluster }];
  expect(cluster.standing).toBe('member');
  expect(cluster.members().map(({ name }) => name)).toEqual(['n1']);
  expect(cluster.view).toBe(1);
});

test('nodes know each other, what they say of themselves, and send each other messages', async () => {
  const [a, b] = (await startCluster(2, (index) => ({ metadata: { zone: `z${index}` } }))) as [
    Nexus & { readonly cluster: Cluster },
    Nexus & { readonly cluster: Cluster },
  ];
  await until(() => a.cluster.member('n2')?.metadata['zone'] === 'z1' && b.cluster.member('n1')?.metadata['zone'] === 'z0');
  b.cluster.describe({ zone: 'moved' });
  await until(() => a.cluster.member('n2')?.metadata['zone'] === 'moved');
  expect(await codeOf(() => b.cluster.describe({ zone: 1 } as never))).toBe('NEXUS_OPTION_INVALID');
  const received: unknown[] = [];
  b.cluster.transport?.listen(9, ({ from, value }) => received.push([from.name, value]));
  await until(() => a.cluster.transport?.send(b.cluster.self, 'normal', { channel: 9, value: { n: received.length } }) === 'accepted');
  await until(() => received.length > 0);
  expect(received[0]).toEqual(['n1', { n: 0 }]);
  await until(() => (a.cluster.snapshot().links[0]?.roundTripMs?.mean ?? 0) > 0 && (a.cluster.snapshot().links[0]?.sentMessages ?? 0) > 0);
  expect(a.cluster.snapshot()).toMatchObject({ cluster: 'shop', standing: 'member', self: { name: 'n1' }, partitions: [['n1', 'n2']] });
});

test('a node that stops leaves: the others know it at once, and it is not removed', async () => {
  const [a, b] = (await startCluster(2)) as [Nexus & { readonly cluster: Cluster }, Nexus & { readonly cluster: Cluster }];
  const happened: string[] = [];
  a.cluster.on('memberLeft', ({ name }) => happened.push(`left ${name}`)).on('memberRemoved', ({ name }) => happened.push(`removed ${name}`));
  const startedMs = performance.now();
  const report = await b.stop({ deadlineMs: 5000 });
  await until(() => happened.length > 0);
  console.log(`known to have left ${Math.round(performance.now() - startedMs)} ms after the stop was called`);
  expect([report.complete, happened, b.cluster.standing]).toEqual([true, ['left n2'], 'left']);
  expect(a.cluster.members().map(({ name }) => name)).toEqual(['n1']);
  expect(await codeOf(b.cluster.joined())).toBe('NEXUS_NODE_FENCED');
});

test('leave is the stop of the nexus', async () => {
  const [a, b] = (await startCluster(2)) as [Nexus & { readonly cluster: Cluster }, Nexus & { readonly cluster: Cluster }];
  await b.cluster.leave({ deadlineMs: 5000 });
  expect([b.isStopping, b.cluster.standing]).toEqual([true, 'left']);
  await until(() => a.cluster.members().length === 1);
});

test('a node whose seeds do not answer says so in time, goes on trying, and can be stopped', async () => {
  const node = await startNode({ node: 'n1', listen: { port: 0 }, join: [`127.0.0.1:${await freePort()}`] });
  const failure = await failureOf(node.cluster.joined({ timeoutMs: 300 }));
  expect(failure?.code).toBe('NEXUS_JOIN_TIMEOUT');
  expect(failure?.message).toMatch(/node n1 is not a member of shop after 300 ms; it looks for others by static/);
  expect(node.cluster.standing).toBe('joining');
  // Its agents run meanwhile.
  expect(await (await node.spawn(Counter)).ask('add', 2)).toBe(2);
  const startedMs = performance.now();
  await node.stop({ deadlineMs: 1000 });
  expect(performance.now() - startedMs).toBeLessThan(5000);
});

test('a node of another cluster is not let in, and told why in its log', async () => {
  const [a] = (await startCluster(1)) as [Nexus & { readonly cluster: Cluster }];
  const { host, port } = a.cluster.address;
  const logger = recorder();
  const stranger = await startNode({ name: 'other', node: 'n2', listen: { port: 0 }, join: [`${host}:${port}`] }, { logger });
  expect(await codeOf(stranger.cluster.joined({ timeoutMs: 1500 }))).toBe('NEXUS_JOIN_TIMEOUT');
  const warning = (): string | undefined => logger.lines.map(({ message }) => message).find((message) => message.startsWith('no cluster was found'));
  await until(() => warning() !== undefined);
  expect(warning()).toContain(`${host}:${port} does not answer`);
  expect(warning()).toContain("a node of cluster 'other' meets one of 'shop'");
  expect(a.cluster.members().map(({ name }) => name)).toEqual(['n1']);
});

test('a second node of a name does not join while the first is there', async () => {
  const [a] = (await startCluster(1)) as [Nexus & { readonly cluster: Cluster }];
  const { host, port } = a.cluster.address;
  const double = await startNode({ node: 'n1', listen: { port: 0 }, join: [`${host}:${port}`] });
  expect(await codeOf(double.cluster.joined({ timeoutMs: 2500 }))).toBe('NEXUS_JOIN_TIMEOUT');
  expect([a.cluster.standing, a.cluster.members().length]).toEqual(['member', 1]);
});

test('a port that is taken is an error of createNexus, and nothing is left behind', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)));
  onTestFinished(() => void server.close());
  for (const listen of [{ port }, { port: 0, dataPort: port }]) {
    const failure = await failureOf(startNode({ listen }));
    expect([failure?.code, failure?.message]).toEqual(['NEXUS_LISTEN_FAILED', expect.stringContaining(String(port))]);
  }
});

test('nodes with certificates of one authority are a cluster, and one without is not let in', async () => {
  const [a] = (await startCluster(2, (index) => ({ node: index === 0 ? 'node-a' : 'node-b', tls: tls(index === 0 ? 'node-a' : 'node-b') }))) as [
    Nexus & { readonly cluster: Cluster },
  ];
  const { host, port } = a.cluster.address;
  const plain = await startNode({ node: 'n3', listen: { port: 0 }, join: [`${host}:${port}`] });
  expect(await codeOf(plain.cluster.joined({ timeoutMs: 1500 }))).toBe('NEXUS_JOIN_TIMEOUT');
  expect(a.cluster.members()).toHaveLength(2);
});

test.each([
  [
    'has no TLS, where the others have',
    'node-a',
    undefined,
    /127\.0\.0\.1:\d+ uses TLS, and this node does not: give all nodes of the cluster the option tls, or none$/,
  ],
  ['has TLS, where the others have none', undefined, tls('node-b'), /127\.0\.0\.1:\d+ does not use TLS, and this node does: give all nodes/],
  [
    'has another authority',
    'node-a',
    tls('node-b', 'other-authority'),
    /the certificate of 127\.0\.0\.1:\d+ was not signed by the right authority.*: sign the/,
  ],
  ['has a certificate of another authority', 'node-a', tls('stranger'), /127\.0\.0\.1:\d+ refuses the certificate of this node: it was not signed.*: sign the/],
] as const)('a node that %s is told at once what keeps it from joining, and where', async (_what, certificate, joining, message) => {
  const seed = await startNode({ node: 'node-a', listen: { port: 0 }, ...(certificate === undefined ? {} : { tls: tls(certificate) }) });
  await seed.cluster.joined();
  const { host, port } = seed.cluster.address;
  const logger = recorder();
  const node = await startNode(
    { node: 'node-b', listen: { port: 0 }, join: [`${host}:${port}`], ...(joining === undefined ? {} : { tls: joining }) },
    { logger },
  );
  await until(() => logger.lines.some((line) => line.level === 'warn' && message.test(line.message)));
  const failure = await failureOf(node.cluster.joined({ timeoutMs: 10 }));
  expect([failure?.code, failure?.message]).toEqual(['NEXUS_JOIN_TIMEOUT', expect.stringMatching(message)]);
});

test('a node that is given the address of something else than a node is told so at once', async () => {
  const server = createHttpServer((_request, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const logger = recorder();
  await startNode({ node: 'n1', listen: { port: 0 }, join: [`127.0.0.1:${port}`] }, { logger });
  await until(() => logger.lines.some((line) => line.message.includes(`127.0.0.1:${port} refuses the connection with status 404: it is no node of a cluster`)));
});

test('files of TLS that are not there are an error of createNexus', async () => {
  const failure = await failureOf(
    startNode({ listen: { port: 0 }, tls: { certificateFile: '/nowhere/a', keyFile: '/nowhere/b', authorityFile: '/nowhere/c' } }),
  );
  expect([failure?.code, failure?.message]).toEqual(['NEXUS_TLS_FILES', expect.stringContaining('/nowhere/a')]);
});

test('the incarnation of a node is kept in its directory, and grows from one start to the next', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-state-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const incarnations: number[] = [];
  for (let start = 0; start < 2; start++) {
    const node = await startNode({ node: 'n1', listen: { port: 0 }, stateDirectory: folder });
    await node.cluster.joined();
    incarnations.push(node.cluster.self.incarnation);
    await node.stop();
  }
  expect(incarnations[1]).toBeGreaterThan(incarnations[0] as number);
  expect(readdirSync(folder)).toEqual(['shop.n1.state']);
});

test('a node with a store remembers there how far views have come: the cluster that it founds when it starts again has greater ones, and greater tokens', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-views-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const Kept = defineAgent({ kind: 'kept', state: () => ({}), durable: {}, actions: { token: (_state, _input, ctx) => ctx.fencingToken } });
  const views: number[] = [];
  const tokens: number[] = [];
  for (let start = 0; start < 3; start++) {
    const node = await startNode({ node: 'n1', listen: { port: 0 } }, { agents: [Kept], storage: { path: join(folder, 'store') } });
    await node.cluster.joined();
    views.push(node.cluster.view);
    // Of an agent that the store knows nothing of: what it has seen of others has to be enough.
    tokens.push((await (await node.getOrSpawn(Kept, `kept-${start}`)).ask('token')) as number);
    await node.stop();
  }
  for (const growing of [views, tokens]) {
    expect(growing[1]).toBeGreaterThan(growing[0] as number);
    expect(growing[2]).toBeGreaterThan(growing[1] as number);
  }
  expect(readdirSync(join(folder, 'store', 'node'))).toEqual(['shop.n1.state']);
});

test('nodes of one network find each other by multicast', async () => {
  const port = await freePort();
  const find = (): ClusterOptions => ({ join: { type: 'multicast', port, intervalMs: 200 } });
  const nodes = await Promise.all(['n1', 'n2'].map((node) => startNode({ node, listen: { port: 0 }, ...find() })));
  await Promise.all(nodes.map(({ cluster }) => cluster.joined()));
  await until(() => nodes.every(({ cluster }) => cluster.members().length === 2));
});

test('nodes that are each other’s seeds found one cluster together', async () => {
  const ports = await freePorts(3);
  const seeds = ports.map((port) => `localhost:${port}`);
  const nodes = await Promise.all(ports.map((port, index) => startNode({ node: `n${index}`, listen: { port }, join: seeds })));
  await Promise.all(nodes.map(({ cluster }) => cluster.joined()));
  await until(() => nodes.every(({ cluster }) => cluster.members().length === 3));
  expect(new Set(nodes.map(({ cluster }) => cluster.view)).size).toBe(1);
});

test('a node whose membership thread has ended is fenced: it stops, says why, and the others remove it', async () => {
  const [a, b] = (await startCluster(3)) as [Nexus & { readonly cluster: Cluster }, Nexus & { readonly cluster: Cluster }];
  const fenced: string[] = [];
  b.on('fenced', ({ because }) => fenced.push(because));
  const agent = await b.spawn(Counter, { id: 'c' });
  const { worker } = membershipOf(b.cluster as never) as unknown as { worker: { terminate(): Promise<number> } };
  void worker.terminate();
  await until(() => fenced.length > 0);
  expect(fenced[0]).toMatch(/the membership of this node has ended: the membership thread ended with exit code 1/);
  expect([b.cluster.standing, b.isStopping]).toEqual(['fenced', true]);
  await b.stop();
  expect(await codeOf(agent.ask('add', 1))).toMatch(/NEXUS_(STOPPED|AGENT_NOT_FOUND|AGENT_STOPPED)/);
  expect(b.cluster.snapshot()).toMatchObject({ standing: 'fenced', fencedBecause: expect.stringContaining('membership thread') });
  await until(() => a.cluster.members().length === 2);
});

test('when the membership thread ends while the calling thread is blocked, the other threads stop by themselves when lease and margin have passed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-lease-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [a] = (await startCluster(2)) as [Nexus & { readonly cluster: Cluster }];
  const seeds = [`127.0.0.1:${a.cluster.address.port}`];
  const node = await startNode({ node: 'n3', listen: { port: 0 }, join: seeds }, { agents: [fixture('ticking.mjs')], threads: 1 });
  await node.cluster.joined();
  const file = join(folder, 'ticks');
  await node.spawn(Ticking as AnyAgent, { id: 't', thread: 1, init: { file } } as never);
  const times = (): readonly number[] => readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number.parseFloat);
  await until(() => existsSync(file) && times().length > 10);
  const { worker } = membershipOf(node.cluster as never) as unknown as { worker: { terminate(): Promise<number> } };
  void worker.terminate();
  const endedMs = performance.now();
  // Before the calling thread has heard of it: what would stop the agents cannot.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timing.leaseMs + timing.stopMarginMs + 700);
  const last = times().at(-1) as number;
  expect(last - endedMs).toBeGreaterThan(timing.stopMarginMs);
  expect(last - endedMs).toBeLessThan(timing.leaseMs + timing.stopMarginMs + 100);
  await node.stop({ deadlineMs: 500 });
  expect(node.cluster.standing).toBe('fenced');
});

test('a listener of the cluster that throws is logged, and an event that there is not is refused', async () => {
  const logger = recorder();
  const node = await startNode({ node: 'n1', listen: { port: 0 } }, { logger });
  const joined: string[] = [];
  node.cluster
    .on('memberJoined', () => {
      throw new Error('listener');
    })
    .on('memberJoined', ({ name }) => joined.push(name));
  await node.cluster.joined();
  const second = await startNode({ node: 'n2', listen: { port: 0 }, join: [`127.0.0.1:${node.cluster.address.port}`] });
  await second.cluster.joined();
  await until(() => joined.includes('n2'));
  expect(logger.lines.some(({ message }) => message === 'a listener of the cluster failed')).toBe(true);
  expect((await failureOf(() => node.cluster.on('memberJoind' as never, () => undefined)))?.message).toContain("did you mean 'memberJoined'?");
});

test('what keeps a node from joining is in its log, once', async () => {
  const [founder] = (await startCluster(1)) as [Nexus & { readonly cluster: Cluster }];
  const logger = recorder();
  const { host, port } = founder.cluster.address;
  await startNode({ node: 'n2', listen: { port: 0 }, join: [`${host}:${port}`], timing: { ...timing, leaseMs: 2000 } }, { logger });
  const said = (): readonly string[] =>
    logger.lines.flatMap(({ level, message }) => (level === 'warn' && message.includes('all nodes need the same') ? [message] : []));
  await until(() => said().length > 0);
  await until(() => (founder.cluster.snapshot().refusals?.NEXUS_CLUSTER_SETTINGS ?? 0) > 2);
  expect(said()).toHaveLength(1);
});

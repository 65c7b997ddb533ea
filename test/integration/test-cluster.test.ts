/** A whole cluster in one thread: nodes that run agents, on a network, disks and clocks that do what the test says. */
import { defineAgent } from 'nexus-agents';
import { createTestCluster, type TestCluster, type TestClusterOptions, type TestNode, withCluster } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';
import { codeOf, failureOf } from '../start-nexus.js';

const Counter = defineAgent({
  kind: 'counter',
  state: (init?: { readonly count: number }) => ({ count: init?.count ?? 0 }),
  onStart: (_state, ctx) => void ctx.timers.after(500, 'tick'),
  actions: {
    tick: async (state, _input: undefined, ctx) => {
      for (let turn = 0; turn < 3; turn++) await undefined;
      state.count += 1;
      ctx.timers.after(300 + ctx.random() * 400, 'tick');
    },
    read: (state) => state.count,
  },
});

const Account = defineAgent({
  kind: 'account',
  state: () => ({ cents: 0 }),
  durable: { writes: 'through' },
  actions: {
    pay: (state, cents: number) => (state.cents += cents),
    read: (state) => state.cents,
  },
});

async function clusterOf(options: Partial<TestClusterOptions>): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Counter], seed: 1, ...options });
  onTestFinished(() => cluster.close());
  return cluster;
}

const membersOf = (node: TestNode): string =>
  node.nexus.cluster
    ?.members()
    .map(({ name, reachability }) => `${name} ${reachability}`)
    .join(', ') ?? '';

test('nodes form a cluster, run agents, and leave it one after the other', async () => {
  const cluster = await clusterOf({ nodes: 5, threads: 2, cluster: { name: 'shop', metadata: { zone: 'a' } } });
  for (const node of cluster.nodes) {
    expect(membersOf(node)).toBe('n1 reachable, n2 reachable, n3 reachable, n4 reachable, n5 reachable');
    expect(node.nexus.cluster?.snapshot()).toMatchObject({ cluster: 'shop', standing: 'member', self: { name: node.name } });
    expect(node.nexus.threads()).toHaveLength(3);
  }
  const counters = await Promise.all(cluster.nodes.map(({ nexus }) => nexus.spawn(Counter, { thread: 2 })));
  await cluster.advance(10_000);
  for (const counter of counters) expect(await counter.ask('read')).toBeGreaterThanOrEqual(10);
  const left: string[] = [];
  cluster.node('n5').nexus.cluster?.on('memberLeft', ({ name }) => left.push(name));
  await cluster.stop();
  expect(left).toEqual(['n1', 'n2', 'n3', 'n4']);
  expect(cluster.nodes.map(({ status, exitCode }) => `${status} ${exitCode}`)).toEqual(new Array(5).fill('down 0'));
});

test('one seed gives one trace, with agents that await, faults and restarts; another seed gives another one', async () => {
  const run = async (seed: number): Promise<string> => {
    const cluster = await clusterOf({ nodes: 3, seed, storage: 'disk', agents: [Counter, Account] });
    for (const { nexus, name } of cluster.nodes) {
      await nexus.spawn(Counter, { thread: 1 });
      await cluster.settle((await cluster.settle(nexus.spawn(Account, { id: `a of ${name}`, thread: 1 }))).ask('pay', 5));
    }
    cluster.links({ loss: 0.1, duplication: 0.1, reordering: 0.2 });
    cluster.partition([['n1'], ['n2', 'n3']]);
    await cluster.advance(20_000);
    cluster.heal();
    cluster.node('n2').restart();
    cluster.node('n3').drift(0.01);
    await cluster.advance(20_000);
    return `${cluster.traceHash} ${cluster.trace.length} ${cluster.nowMs}`;
  };
  const first = await run(11);
  expect(await run(11)).toBe(first);
  expect(await run(12)).not.toBe(first);
});

test('nodes that have dialed each other at once keep what they have: an idle cluster dials nobody', async () => {
  const cluster = await clusterOf({ nodes: 5, agents: [] });
  await cluster.advance(5000);
  const before = cluster.nowMs;
  await cluster.advance(60_000);
  expect(cluster.trace.filter(({ mark, text, atMs }) => mark === 'send' && text === 'dial' && atMs > before)).toEqual([]);
});

test('a node that crashes is removed by the others, and joins again as another incarnation', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [first, , third] = cluster.nodes as readonly [TestNode, TestNode, TestNode];
  const before = third.nexus.cluster?.self.incarnation as number;
  const removed: string[] = [];
  first.nexus.cluster?.on('memberRemoved', ({ name, incarnation }) => removed.push(`${name} ${incarnation === before}`));
  third.crash({ isSilent: true });
  expect(await codeOf(() => third.nexus)).toBe('NEXUS_NODE_STATE');
  await cluster.formed();
  expect(removed).toEqual(['n3 true']);
  expect(membersOf(first)).toBe('n1 reachable, n2 reachable');
  third.start();
  await cluster.formed();
  expect(third.nexus.cluster?.self.incarnation).toBeGreaterThan(before);
});

test('of a partition the side without a quorum is fenced: its agents stop before anybody may take them over, and it ends', async () => {
  const cluster = await clusterOf({ nodes: 5 });
  const alone = cluster.node('n2');
  const counter = await cluster.settle(alone.nexus.spawn(Counter, { id: 'c', thread: 1 }));
  const { nexus } = alone;
  let stoppedAtMs = 0;
  nexus.on('fenced', () => {
    stoppedAtMs = cluster.nowMs;
  });
  let removedAtMs = 0;
  cluster.node('n1').nexus.cluster?.on('memberRemoved', () => {
    removedAtMs = cluster.nowMs;
  });
  const others = ['n1', 'n3', 'n4', 'n5'];
  cluster.partition([['n2'], others]);
  expect(await cluster.until(() => removedAtMs > 0, 30_000)).toBe(true);
  expect(stoppedAtMs).toBeGreaterThan(0);
  expect(stoppedAtMs).toBeLessThan(removedAtMs);
  expect(await cluster.until(() => !alone.isUp, 10_000)).toBe(true);
  expect(alone.exitCode).toBe(3);
  expect(await codeOf(counter.ask('read'))).toBe('NEXUS_STOPPED');
  // Its agent goes on elsewhere.
  const again = await cluster.settle(cluster.node('n1').nexus.getOrSpawn(Counter, 'c'));
  expect(await cluster.settle(again.ask('read'))).toBeGreaterThanOrEqual(0);
  cluster.heal();
  alone.start();
  await cluster.formed();
  expect(cluster.nodes.map(membersOf)).toEqual(new Array(5).fill(membersOf(cluster.node('n1'))));
});

test('a process that stood still for a minute knows that it was removed the moment it goes on', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const node = cluster.node('n3');
  const counter = await node.nexus.spawn(Counter, { thread: 0 });
  await cluster.advance(5000);
  const count = await counter.ask('read');
  node.pause();
  await cluster.advance(60_000);
  expect(membersOf(cluster.node('n1'))).toBe('n1 reachable, n2 reachable');
  const { nexus } = node;
  node.resume();
  await cluster.run();
  expect(nexus.cluster?.standing).toBe('fenced');
  expect(await cluster.until(() => !node.isUp, 5000)).toBe(true);
  expect(node.exitCode).toBe(3);
  // A minute of ticks was due, and none of them ran.
  expect(cluster.trace.filter(({ mark, text, atMs }) => mark === 'agent' && text.endsWith('tick') && atMs > 20_000 && atMs < 90_000).length).toBeLessThan(
    count + 10,
  );
});

test('durable agents are on the disk of their node after a crash, and gone when the node loses it', async () => {
  // No other node has a copy.
  const cluster = await clusterOf({ nodes: 3, agents: [Account], storage: 'disk', cluster: { copies: 0 } });
  const node = cluster.node('n1');
  const account = await cluster.settle(node.nexus.spawn(Account, { id: 'a' }));
  expect(await cluster.settle(account.ask('pay', 500))).toBe(500);
  node.restart();
  await cluster.until(() => node.hasStarted, 10_000);
  expect(await cluster.settle((await cluster.settle(node.nexus.getOrSpawn(Account, 'a'))).ask('read'))).toBe(500);
  node.restart({ disk: 'lost' });
  await cluster.until(() => node.hasStarted, 10_000);
  expect(await cluster.settle((await cluster.settle(node.nexus.getOrSpawn(Account, 'a'))).ask('read'))).toBe(0);
});

test('a disk that is full refuses what is to be kept, with its code, and takes it again when there is room', async () => {
  const cluster = await clusterOf({ nodes: 1, agents: [Account], storage: 'disk' });
  const node = cluster.node('n1');
  const account = await cluster.settle(node.nexus.spawn(Account, { id: 'a' }));
  node.disk({ full: true });
  expect(await codeOf(cluster.settle(account.ask('pay', 1)))).toBe('NEXUS_STORE_FULL');
  node.disk({ full: false });
  expect(await cluster.settle(account.ask('pay', 1))).toBeGreaterThan(0);
});

test('a worker thread of a node can be killed, and comes back', async () => {
  const cluster = await clusterOf({ nodes: 2, threads: 2 });
  const node = cluster.node('n1');
  await cluster.settle(node.nexus.spawn(Counter, { id: 'c', thread: 2 }));
  const lost: number[] = [];
  node.nexus.on('threadLost', ({ thread }) => lost.push(thread));
  node.killThread(2);
  await cluster.advance(1000);
  expect(lost).toEqual([2]);
  expect(node.nexus.find('c', Counter)).toBeDefined();
  expect(await codeOf(() => node.killThread(7))).toBe('NEXUS_THREAD_UNKNOWN');
  expect(node.nexus.cluster?.standing).toBe('member');
});

test('clocks of nodes are skewed, drift and jump, and the cluster does not mind', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  cluster.node('n1').drift(0.02);
  cluster.node('n2').drift(-0.02);
  cluster.node('n3').jump(-86_400_000);
  await cluster.advance(120_000);
  for (const node of cluster.nodes) expect(membersOf(node)).toBe('n1 reachable, n2 reachable, n3 reachable');
});

test('a failure names its seed, and what happened last', async () => {
  const failure = await failureOf(
    withCluster({ agents: [], nodes: 1, seed: 99 }, () => {
      throw new Error('mine');
    }),
  );
  expect(failure?.message).toContain('mine\nNEXUS_TEST_SEED=99 runs it again');
  expect(failure?.message).toContain('n1#');
  const never = await failureOf(withCluster({ agents: [], nodes: 1, seed: 98 }, (cluster) => cluster.settle(new Promise(() => undefined))));
  expect([never?.code, never?.message.includes('NEXUS_TEST_SEED=98')]).toEqual(['NEXUS_NEVER_QUIET', true]);
});

test('options are checked', async () => {
  const wrong: readonly [object | null, string][] = [
    [null, 'NEXUS_OPTION_INVALID'],
    [{ agents: [], nodes: 0 }, 'NEXUS_OPTION_INVALID'],
    [{ agents: [], nodes: 101 }, 'NEXUS_OPTION_INVALID'],
    [{ agents: [], nodes: ['a', 'a'] }, 'NEXUS_OPTION_INVALID'],
    [{ agents: [], nodes: ['a b'] }, 'NEXUS_OPTION_INVALID'],
    [{ agents: [], engine: {} }, 'NEXUS_OPTION_UNKNOWN'],
    [{ agents: [], cluster: { node: 'x' } }, 'NEXUS_OPTION_UNKNOWN'],
    [{ agents: [], storage: 'memory' }, 'NEXUS_OPTION_INVALID'],
    [{ agents: [], network: { loss: 2 } }, 'NEXUS_OPTION_INVALID'],
    [{ agents: [], network: { lost: 1 } }, 'NEXUS_OPTION_UNKNOWN'],
    [{ agents: [], thread: 1 }, 'NEXUS_OPTION_UNKNOWN'],
  ];
  for (const [options, code] of wrong) expect(await codeOf(createTestCluster(options as TestClusterOptions)), JSON.stringify(options)).toBe(code);
  const cluster = await clusterOf({ agents: [], nodes: ['eu', 'us'] });
  expect(cluster.nodes.map(({ name }) => name)).toEqual(['eu', 'us']);
  expect(await codeOf(() => cluster.node('asia'))).toBe('NEXUS_NODE_UNKNOWN');
  expect(await codeOf(() => cluster.partition([['eu'], ['asia']]))).toBe('NEXUS_NODE_UNKNOWN');
  expect(await codeOf(() => cluster.link('eu', 'us', { latency: -1 }))).toBe('NEXUS_OPTION_INVALID');
});

test('of a node that was started again the end of its former start is said before the new one', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const said: string[] = [];
  const watched = cluster.node('n1').nexus.cluster;
  watched?.on('memberJoined', ({ name }) => said.push(`${name} joined`));
  watched?.on('memberRemoved', ({ name }) => said.push(`${name} removed`));
  cluster.node('n3').crash();
  cluster.node('n3').start();
  await cluster.until(() => said.length === 2, 30_000);
  expect(said).toEqual(['n3 removed', 'n3 joined']);
});

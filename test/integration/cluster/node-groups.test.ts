/** Groups over the nodes of a cluster, in the simulation: members of all nodes, chosen by every routing; members of lost nodes go, those of nodes that do not answer are passed over. */
import { type AgentRef, defineAgent, type Nexus } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Worker = defineAgent({
  kind: 'worker',
  // Lost with their nodes.
  scope: 'node',
  state: () => ({ done: 0, isBusy: false }),
  groups: ['workers'],
  actions: {
    work(state) {
      state.done++;
    },
    async toil(state) {
      state.done++;
      await new Promise<void>((resolve) => toiling.push(resolve));
    },
    count: (state) => state.done,
    who: (_state, _input, ctx) => ctx.id,
  },
});

/** What ends the handlers that toil. */
const toiling: (() => void)[] = [];

const nexusOf = (cluster: TestCluster, name: string): Nexus => cluster.node(name).nexus;
const NAMES = ['n1', 'n2', 'n3'];

/** Those of a lost node are not started again elsewhere. */
const NodeWorker = defineAgent({
  kind: 'node-worker',
  scope: 'node',
  state: () => ({}),
  groups: ['workers'],
  actions: { who: (_state, _input, ctx) => ctx.id },
});

/** Two members on each node, one on each thread. */
async function withWorkers(cluster: TestCluster, kind = Worker): Promise<Map<string, AgentRef<typeof Worker>>> {
  const workers = new Map<string, AgentRef<typeof Worker>>();
  for (const name of NAMES) {
    for (const thread of [0, 1]) {
      const id = `${name}-${thread}`;
      workers.set(id, await cluster.settle(nexusOf(cluster, name).spawn(kind, { id, thread })));
    }
  }
  expect(await cluster.until(() => NAMES.every((name) => nexusOf(cluster, name).group('workers').size === 6), 5000)).toBe(true);
  return workers;
}

async function counts(cluster: TestCluster, workers: ReadonlyMap<string, AgentRef<typeof Worker>>): Promise<Record<string, number>> {
  const counted: Record<string, number> = {};
  for (const [id, ref] of workers) counted[id] = await cluster.settle(ref.ask('count'));
  return counted;
}

test('a group has the members of all nodes, and turns go round among them', async () => {
  await withCluster({ agents: [Worker], threads: 1 }, async (cluster) => {
    const workers = await withWorkers(cluster);
    const group = nexusOf(cluster, 'n2').group('workers', Worker);
    expect(
      group
        .members()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...workers.keys()].sort());
    for (let turn = 0; turn < 12; turn++) expect(group.tell('work')).toBe('accepted');
    await cluster.advance(100);
    expect(await counts(cluster, workers)).toEqual(Object.fromEntries([...workers.keys()].map((id) => [id, 2])));
  });
});

test('a key belongs to the same member on all nodes and threads', async () => {
  await withCluster({ agents: [Worker], threads: 1 }, async (cluster) => {
    await withWorkers(cluster);
    const owners = new Map<string, Set<string>>();
    for (const name of NAMES) {
      for (let key = 0; key < 30; key++) {
        const reply = nexusOf(cluster, name).group('workers', Worker).ask('who', undefined, { routing: 'consistentHash', key });
        const known = owners.get(String(key)) ?? new Set();
        owners.set(String(key), known.add(await cluster.settle(reply)));
      }
    }
    expect([...owners.values()].every((owner) => owner.size === 1)).toBe(true);
    expect(new Set([...owners.values()].flatMap((owner) => [...owner])).size).toBeGreaterThan(3);
  });
});

test('a broadcast and a gathering reach every member of every node once', async () => {
  await withCluster({ agents: [Worker], threads: 1 }, async (cluster) => {
    const workers = await withWorkers(cluster);
    const group = nexusOf(cluster, 'n3').group('workers', Worker);
    expect(group.broadcast('work')).toMatchObject({ members: 6, accepted: 6 });
    const { replies, missing } = await cluster.settle(group.gather('who', undefined, { quorum: 'all' }));
    expect(replies.map(({ value }) => value).sort()).toEqual([...workers.keys()].sort());
    expect(missing).toEqual([]);
    expect(await counts(cluster, workers)).toEqual(Object.fromEntries([...workers.keys()].map((id) => [id, 1])));
  });
});

test('a broadcast goes to a node in one frame, however many members it has there', async () => {
  await withCluster({ agents: [Worker], threads: 0, nodes: 2 }, async (cluster) => {
    for (let index = 0; index < 50; index++) await cluster.settle(nexusOf(cluster, 'n2').spawn(Worker));
    expect(await cluster.until(() => nexusOf(cluster, 'n1').group('workers').size === 50, 5000)).toBe(true);
    // To a moment at which nothing is due, and nothing is left to be answered: what the nodes say to each other besides has times of its own.
    await cluster.advance(503.7);
    await cluster.advance(0);
    const { nowMs } = cluster;
    const packets = (): number =>
      cluster.trace.filter(
        ({ mark, node, peer, text, atMs }) => mark === 'send' && node === 1 && peer === 2 && text.includes('ordered') && Math.abs(atMs - nowMs) < 0.01,
      ).length;
    const before = packets();
    nexusOf(cluster, 'n1').group('workers', Worker).broadcast('work');
    await cluster.advance(1);
    expect(packets() - before).toBe(1);
  });
});

test('members of this node are preferred where that is said, and others are chosen when there are none', async () => {
  await withCluster({ agents: [Worker], threads: 1 }, async (cluster) => {
    const workers = await withWorkers(cluster);
    const group = nexusOf(cluster, 'n1').group('workers', Worker, { prefer: 'node' });
    for (const routing of ['roundRobin', 'leastLoaded', 'powerOfTwoChoices', 'optimized'] as const)
      for (let turn = 0; turn < 4; turn++) group.tell('work', undefined, { routing });
    for (let key = 0; key < 4; key++) group.tell('work', undefined, { routing: 'consistentHash', key });
    await cluster.advance(100);
    const counted = await counts(cluster, workers);
    expect((counted['n1-0'] as number) + (counted['n1-1'] as number)).toBe(20);
    for (const thread of [0, 1]) await cluster.settle((workers.get(`n1-${thread}`) as AgentRef).stop());
    expect(group.tell('work')).toBe('accepted');
    expect(group.tell('work', undefined, { prefer: 'none' })).toBe('accepted');
    expect(() => nexusOf(cluster, 'n1').group('workers', Worker, { prefer: 'local' as never })).toThrow(/prefer/);
  });
});

test('the load of members of other nodes is known after a moment, and what was sent since is counted in', async () => {
  await withCluster({ agents: [Worker], threads: 0, nodes: 2 }, async (cluster) => {
    const busy = await cluster.settle(nexusOf(cluster, 'n1').spawn(Worker, { id: 'busy' }));
    const idle = await cluster.settle(nexusOf(cluster, 'n1').spawn(Worker, { id: 'idle' }));
    const group = nexusOf(cluster, 'n2').group('workers', Worker);
    expect(await cluster.until(() => group.size === 2, 5000)).toBe(true);
    for (let index = 0; index < 10; index++) busy.tell('toil');
    await cluster.advance(500);
    for (let index = 0; index < 5; index++) group.tell('work', undefined, { routing: 'leastLoaded' });
    await cluster.advance(100);
    expect(await cluster.settle(idle.ask('count'))).toBe(5);
    // Nobody was told yet that they have anything to do: they share it all the same.
    const third = await cluster.settle(nexusOf(cluster, 'n1').spawn(Worker, { id: 'third' }));
    expect(await cluster.until(() => group.size === 3, 5000)).toBe(true);
    await cluster.advance(300);
    for (let index = 0; index < 8; index++) group.tell('work', undefined, { routing: 'leastLoaded' });
    await cluster.advance(100);
    expect([await cluster.settle(idle.ask('count')), await cluster.settle(third.ask('count'))].sort()).toEqual([4, 9]);
  });
});

test('members of a node that does not answer are passed over, and gone when the node is removed', async () => {
  await withCluster({ agents: [NodeWorker], threads: 1 }, async (cluster) => {
    await withWorkers(cluster, NodeWorker as unknown as typeof Worker);
    const nexus = nexusOf(cluster, 'n1');
    const group = nexus.group('workers', Worker);
    cluster.node('n3').crash();
    expect(await cluster.until(() => nexus.cluster?.member('n3')?.reachability !== 'reachable', 30_000)).toBe(true);
    expect(group.size).toBe(6);
    const asked: Promise<string>[] = [];
    for (let turn = 0; turn < 12; turn++) asked.push(group.ask('who'));
    for (const who of await cluster.settle(Promise.all(asked))) expect(who).not.toMatch(/^n3/);
    expect(await cluster.until(() => group.size === 4, 60_000)).toBe(true);
    expect(nexus.cluster?.member('n3')).toBeUndefined();
  });
});

test('an agent that is to end gets nothing through its groups any more, from any node', async () => {
  await withCluster({ agents: [Worker], threads: 1, nodes: 2 }, async (cluster) => {
    const ending = await cluster.settle(nexusOf(cluster, 'n1').spawn(Worker, { id: 'ending', thread: 1 }));
    const staying = await cluster.settle(nexusOf(cluster, 'n1').spawn(Worker, { id: 'staying', thread: 1 }));
    const group = nexusOf(cluster, 'n2').group('workers', Worker);
    expect(await cluster.until(() => group.size === 2, 5000)).toBe(true);
    const stopped = ending.stop();
    const asked: Promise<string>[] = [];
    for (let turn = 0; turn < 50; turn++) {
      asked.push(group.ask('who'));
      await cluster.advance(0.1);
    }
    await cluster.settle(stopped);
    const who = await cluster.settle(Promise.all(asked));
    expect(new Set(who.slice(-20))).toEqual(new Set(['staying']));
    expect(await cluster.settle(staying.ask('who'))).toBe('staying');
  });
});

test('an agent sends to members of other nodes in its own name, by the name of the group', async () => {
  const Sender = defineAgent({
    kind: 'sender',
    state: () => ({ who: '' }),
    actions: {
      send: (_state, _input, ctx) => ctx.send('workers', 'work'),
      ask: (_state, _input, ctx) => ctx.group('workers', Worker).ask('who'),
    },
  });
  await withCluster({ agents: [Worker, Sender], threads: 1, nodes: 2 }, async (cluster) => {
    const worker = await cluster.settle(nexusOf(cluster, 'n1').spawn(Worker, { id: 'far', thread: 1 }));
    const sender = await cluster.settle(nexusOf(cluster, 'n2').spawn(Sender, { thread: 1 }));
    expect(await cluster.until(() => nexusOf(cluster, 'n2').group('workers').size === 1, 5000)).toBe(true);
    expect(await cluster.settle(sender.ask('send'))).toBe('accepted');
    expect(await cluster.settle(sender.ask('ask'))).toBe('far');
    expect(await cluster.settle(worker.ask('count'))).toBe(1);
  });
});

/** Watches of agents that move between the nodes of a simulated cluster, step by step: whatever happens to the other end meanwhile, the watcher is told once, and how it has ended. */
import { type AgentRef, defineAgent, type Nexus, type StopReason } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { partsOf } from '../../../dist/ts-src/nexus.js';

const Watcher = defineAgent({
  kind: 'watcher',
  state: () => ({ ended: [] as StopReason['type'][] }),
  supervision: { onFailure: 'stop' },
  actions: {
    watch: (_state, ref: AgentRef, ctx) => ctx.watch(ref),
    ended: (state) => state.ended,
  },
  onTerminated(state, { reason }) {
    state.ended.push(reason.type);
  },
});
const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ ended: [] as StopReason['type'][] }),
  durable: { writes: 'behind' },
  actions: {
    watch: (_state, ref: AgentRef, ctx) => ctx.watch(ref),
    ended: { durable: 'none', handler: (state) => state.ended },
  },
  onTerminated(state, { reason }) {
    state.ended.push(reason.type);
  },
});
const Watched = defineAgent({
  kind: 'watched',
  state: () => ({}),
  groups: ['watched'],
  supervision: { onFailure: 'stop' },
  actions: {
    link: (_state, ref: AgentRef, ctx) => ctx.link(ref),
    unlink: (_state, ref: AgentRef, ctx) => ctx.unlink(ref),
    end: (_state, _input, ctx) => ctx.stop(),
    fail() {
      throw new Error('on purpose');
    },
  },
});
const NODES = ['n1', 'n2', 'n3'];

const nexusOf = (cluster: TestCluster, name: string): Nexus => cluster.node(name).nexus;

/** As a node knows it. */
async function known(cluster: TestCluster, node: string, id: string): Promise<AgentRef> {
  const find = (): AgentRef | undefined =>
    nexusOf(cluster, node)
      .group('watched')
      .members()
      .find((ref) => ref.id === id);
  await cluster.until(() => find() !== undefined, 5000);
  return find() as AgentRef;
}

const STEPS_MS = [0, 50, 150, 250, 350, 450, 550, 650, 750, 850];

test.each([
  ['n1', 0, 0],
  ['n1', 1, 1],
  ['n1', 2, 1],
  ['n1', 1, 0],
  ['n1', 0, 1],
  ['n2', 0, 1],
  ['n2', 1, 0],
  ['n3', 1, 1],
] as const)(
  'a watcher that is on its way to another node is told once how the agent has ended that it watches (on %s, thread %s, the watcher on %s)',
  async (node, thread, threadOfWatcher) => {
    await withCluster({ agents: [Watcher, Watched], threads: 2, nodes: NODES }, async (cluster) => {
      const results: unknown[] = [];
      const expected: unknown[] = [];
      for (const afterMs of STEPS_MS) {
        const pairs: { readonly name: string; readonly watcher: AgentRef<typeof Watcher>; readonly watched: AgentRef<typeof Watched> }[] = [];
        for (const act of ['end', 'fail']) {
          const name = `${act} after ${afterMs} ms`;
          const watcher = await cluster.settle(nexusOf(cluster, 'n1').spawn(Watcher, { id: name, thread: threadOfWatcher }));
          const watched = await cluster.settle(nexusOf(cluster, node).spawn(Watched, { id: `watched: ${name}`, thread }));
          await cluster.settle(watcher.ask('watch', await known(cluster, 'n1', watched.id)));
          pairs.push({ name, watcher, watched });
        }
        await cluster.advance(100);
        cluster.links({ latency: 100 });
        const moved = Promise.all(pairs.map(({ watcher }) => nexusOf(cluster, 'n1').migrate(watcher, { node: 'n2' })));
        await cluster.advance(afterMs);
        for (const { name, watched } of pairs) watched.tell(name.startsWith('end') ? 'end' : 'fail');
        await cluster.settle(moved);
        cluster.links({ latency: 1 });
        await cluster.advance(2000);
        for (const { name, watcher } of pairs) {
          results.push([name, await cluster.settle(watcher.ask('ended'))]);
          expected.push([name, [name.startsWith('end') ? 'stopped' : 'failed']]);
        }
      }
      expect(results).toEqual(expected);
    });
  },
);

test('a durable watcher that is on its way to another node is told once how the agent has ended that it watches, also while it is stored', async () => {
  await withCluster({ agents: [Ledger, Watched], storage: 'disk', threads: 1, nodes: NODES }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    for (const afterMs of [0, 20, 50, 100, 150, 250, 350, 450, 550, 650, 750]) {
      const watcher = await cluster.settle(n1.spawn(Ledger, { id: `ledger ${afterMs}`, thread: 1 }));
      const watched = await cluster.settle(n1.spawn(Watched, { id: `watched ${afterMs}`, thread: 1 }));
      await cluster.settle(watcher.ask('watch', watched));
      cluster.links({ latency: 100 });
      // What it has done is on its way to its copies as yet.
      const asked = watcher.ask('watch', watched);
      const moved = n1.migrate(watcher, { node: 'n2' });
      await cluster.advance(afterMs);
      watched.tell('fail');
      await cluster.settle(Promise.all([moved, asked]));
      cluster.links({ latency: 1 });
      await cluster.advance(2000);
      expect([afterMs, await cluster.settle(watcher.ask('ended'))]).toEqual([afterMs, ['failed']]);
    }
  });
});

test('a watcher that stays, because the other node is lost before it has it, learns then how the agent has ended that it watches', async () => {
  await withCluster({ agents: [Watcher, Watched], threads: 2, nodes: NODES }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    const watcher = await cluster.settle(n1.spawn(Watcher, { thread: 1, id: 'watcher' }));
    const others = await cluster.settle(Promise.all([1, 2].map((thread) => n1.spawn(Watched, { thread }))));
    for (const other of others) await cluster.settle(watcher.ask('watch', other));
    cluster.links({ latency: 100 });
    const moved = n1.migrate(watcher, { node: 'n2' }).catch(() => undefined);
    await cluster.advance(50);
    cluster.node('n2').crash({ isSilent: true });
    others[0]?.tell('fail');
    others[1]?.tell('end');
    await cluster.settle(moved);
    expect((await cluster.settle(watcher.ask('ended'))).sort()).toEqual(['failed', 'stopped']);
  });
});

test('word of an end, or of an unlink, that is on its way within the node when its agent leaves for another one comes to it there', async () => {
  await withCluster({ agents: [Watcher, Watched], threads: 3, nodes: NODES }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    const registry = partsOf(n1 as unknown as Parameters<typeof partsOf>[0]).node?.registry;
    if (registry === undefined) throw new Error('n1 is no node');
    const pairs: { readonly mover: AgentRef<typeof Watcher>; readonly other: AgentRef<typeof Watched> }[] = [];
    for (let count = 0; count < 120; count++) {
      const act = ['end', 'fail', 'unlink'][count % 3];
      const mover = await cluster.settle(n1.spawn(Watcher, { id: `${count}: ${act}`, thread: 1 }));
      const other = await cluster.settle(n1.spawn(Watched, { id: `other: ${mover.id}`, thread: 2 }));
      await cluster.settle(mover.ask('watch', other));
      await cluster.settle(other.ask('link', mover));
      pairs.push({ mover, other });
    }
    // The owner has said that another node has it: what is said next is behind that, or before it, as the threads happen to read.
    const handOver = registry.handOver.bind(registry);
    let handed = 0;
    registry.handOver = async (id, ...rest) => {
      const there = await handOver(id, ...rest);
      const pair = pairs.find(({ mover }) => mover.id === id);
      const act = id.split(' ')[1];
      handed++;
      if (act === 'unlink') pair?.other.tell('unlink', pair.mover);
      else pair?.other.tell(act as 'end' | 'fail');
      return there;
    };
    await cluster.settle(Promise.all(pairs.map(({ mover }) => n1.migrate(mover, { node: 'n2' }))));
    expect(handed).toBe(pairs.length);
    await cluster.advance(5000);
    const isThere = (id: string): boolean => [...nexusOf(cluster, 'n2').agents()].some((agent) => agent.id === id);
    const results: unknown[] = [];
    for (const { mover } of pairs) results.push([mover.id, isThere(mover.id), isThere(mover.id) ? await cluster.settle(mover.ask('ended')) : []]);
    expect(results).toEqual(pairs.map(({ mover: { id } }) => [id, !id.endsWith('fail'), id.endsWith('end') ? ['stopped'] : []]));
    // Who has unlinked itself takes nobody along.
    for (const { mover, other } of pairs) if (mover.id.endsWith('unlink')) other.tell('fail');
    await cluster.advance(20_000);
    expect(pairs.filter(({ mover: { id } }) => isThere(id) !== !id.endsWith('fail')).map(({ mover }) => mover.id)).toEqual([]);
  });
});

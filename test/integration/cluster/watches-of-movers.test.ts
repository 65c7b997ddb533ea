/** Watches of agents that move between the nodes of a simulated cluster, step by step: whatever happens to the other end meanwhile, the watcher is told once, and how it has ended. */
import { type AgentRef, defineAgent, type Nexus, type StopReason } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Watcher = defineAgent({
  kind: 'watcher',
  state: () => ({ ended: [] as StopReason['type'][] }),
  groups: ['watchers'],
  actions: {
    watch: (_state, ref: AgentRef, ctx) => ctx.watch(ref),
    ended: (state) => state.ended,
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

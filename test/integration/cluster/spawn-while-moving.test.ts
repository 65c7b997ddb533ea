/** Whoever starts an agent of an id while the agent that has it moves to this very node, in a simulated cluster: there is one agent, and it is the one that has moved. */
import { defineAgent, type NexusError } from 'nexus-agents';
import { withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { partsOf } from '../../../dist/ts-src/nexus.js';

const Counter = defineAgent({
  kind: 'counter',
  state: () => ({ count: 0 }),
  actions: { add: (state, by: number) => (state.count += by), read: (state) => state.count },
});

test.each(['spawn', 'getOrSpawn'] as const)(
  'an agent that moves here keeps its state whoever starts one of its id here meanwhile, and spawn refuses the id (%s)',
  async (way) => {
    await withCluster({ agents: [Counter], threads: 1 }, async (cluster) => {
      const [n1, n2] = [cluster.node('n1').nexus, cluster.node('n2').nexus];
      const registry = partsOf(n2 as unknown as Parameters<typeof partsOf>[0]).node?.registry;
      if (registry === undefined) throw new Error('n2 is no node');
      const ref = await cluster.settle(n1.spawn(Counter, { id: 'c', thread: 1 }));
      await cluster.settle(ref.ask('add', 7));
      const started: Promise<unknown>[] = [];
      const start = (): void => {
        started.push(
          (way === 'spawn' ? n2.spawn(Counter, { id: 'c', thread: 0 }) : n2.getOrSpawn(Counter, 'c', { thread: 0 })).catch((error: NexusError) => error),
        );
      };
      // From here on the id is this node's, and its agent is not in the table yet.
      const accept = registry.accept.bind(registry);
      registry.accept = (registration) => {
        start();
        return accept(registration).then((own) => {
          start();
          return own;
        });
      };
      await cluster.settle(n1.migrate(ref, { node: 'n2' }));
      const results = await cluster.settle(Promise.all(started));
      expect(results).toHaveLength(2);
      if (way === 'spawn') expect(results).toMatchObject([{ code: 'NEXUS_ID_DUPLICATE' }, { code: 'NEXUS_ID_DUPLICATE' }]);
      else expect(results).toMatchObject([{ id: 'c' }, { id: 'c' }]);
      expect(await cluster.settle(ref.ask('read'))).toBe(7);
      expect([...n2.agents()].map(({ id }) => id)).toEqual(['c']);
    });
  },
);

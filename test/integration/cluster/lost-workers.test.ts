/** Workers of a node that are lost while their agents are with other nodes, or on their way there: an agent is active once all the same. In the simulation. */
import { defineAgent } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Counter = defineAgent({
  kind: 'counter',
  state: (init: { from?: number } | undefined) => ({ count: init?.from ?? 0 }),
  actions: {
    add: (state, by: number) => {
      state.count += by;
      return state.count;
    },
    read: (state) => state.count,
  },
});
const OPTIONS = { agents: [Counter], threads: 1 } as const;
const holders = (cluster: TestCluster, id: string): string[] =>
  cluster.nodes.filter((node) => node.isUp && [...node.nexus.agents()].some((agent) => agent.id === id)).map(({ name }) => name);

test('the loss of a worker does not bring back agents that have moved from it to another node', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const { nexus } = cluster.node('n1');
    const ref = await cluster.settle(nexus.spawn(Counter, { id: 'c', thread: 1, init: { from: 1 } }));
    const stays = await cluster.settle(nexus.spawn(Counter, { id: 'stays', thread: 1, init: { from: 1 } }));
    await cluster.settle(ref.ask('add', 1));
    expect(await cluster.settle(nexus.migrate(ref, { node: 'n2' }))).toMatchObject({});
    expect(holders(cluster, 'c')).toEqual(['n2']);
    cluster.node('n1').killThread(1);
    await cluster.advance(3000);
    expect(await cluster.settle(stays.ask('read'))).toBe(1);
    expect(holders(cluster, 'c')).toEqual(['n2']);
    expect(await cluster.settle(ref.ask('read'))).toBe(2);
    const again = await cluster.settle(nexus.getOrSpawn(Counter, 'c'));
    expect(await cluster.settle(again.ask('add', 1))).toBe(3);
  });
});

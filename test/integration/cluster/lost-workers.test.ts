/** Agents that have moved to another node, or are to: what the loss of their worker there does, what a node refuses to take, and what they leave behind. In the simulation. */
import { defineAgent, type NexusError } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { partsOf } from '../../../dist/ts-src/nexus.js';

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
const Local = defineAgent({ kind: 'local', scope: 'node', state: () => 0, actions: { read: (state) => state } });
const OPTIONS = { agents: [Counter, Local], threads: 1 } as const;
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

test('a node does not take an agent that it could not put together: it goes on where it is', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const [n1, n2] = [cluster.node('n1').nexus, cluster.node('n2').nexus];
    await cluster.settle(n2.spawn(Local, { id: 'c' }));
    const ref = await cluster.settle(n1.spawn(Counter, { id: 'c', thread: 1, init: { from: 1 } }));
    await cluster.settle(ref.ask('add', 1));
    const refusal = await cluster.settle(n1.migrate(ref, { node: 'n2' }).catch((error: NexusError) => error));
    expect(refusal).toMatchObject({ code: 'NEXUS_MIGRATION_REFUSED', data: { id: 'c', node: 'n1' } });
    expect(await cluster.settle(ref.ask('add', 1))).toBe(3);
  });
});

test('addresses of agents that have left take up a small part of the table only', async () => {
  await withCluster({ ...OPTIONS, memory: { agentsMax: 4096 } }, async (cluster) => {
    const { nexus } = cluster.node('n1');
    const refs = await cluster.settle(Promise.all(Array.from({ length: 600 }, (_, index) => nexus.spawn(Counter, { id: `c${index}` }))));
    await cluster.settle(nexus.migrateMany(refs, { node: 'n2' }));
    const { live } = partsOf(nexus as never).host.engine.table.statistics();
    expect(live).toBeLessThanOrEqual(4096 / 8);
    expect(live).toBeGreaterThan(100);
    expect(await cluster.settle((refs[0] as (typeof refs)[number]).ask('read'))).toBe(0);
  });
});

/** Ids that users give and that look like those which nodes make up (`n1/order#0.0.1`), but are none: they are of the cluster as all others, unique, found and copied. */
import { defineAgent } from 'nexus-agents';
import { createTestCluster, type TestCluster } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';

const Order = defineAgent({
  kind: 'order',
  state: () => ({ n: 0 }),
  durable: { writes: 'through' },
  actions: { add: (state, by: number) => (state.n += by) },
});
const Cart = defineAgent({ kind: 'cart', state: () => ({ n: 0 }), actions: { add: (state, by: number) => (state.n += by) } });
const IDS = ['n1/order#42', 'n1/order#0.1', 'eu/order#42', 'n1/cart#42', 'n1/a#b', 'eu/order#4.2'];

async function clusterOf(nodes: number): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Order, Cart], nodes, storage: 'disk' });
  onTestFinished(() => cluster.close());
  return cluster;
}

test.each(IDS)('%s is an id of the cluster: active once, and found where it has moved', async (id) => {
  const cluster = await clusterOf(3);
  const [n1, n2, n3] = ['n1', 'n2', 'n3'].map((name) => cluster.node(name).nexus) as [TestNexus, TestNexus, TestNexus];
  const cart = await cluster.settle(n1.spawn(Cart, { id }));
  await expect(cluster.settle(n2.spawn(Cart, { id }))).rejects.toMatchObject({ code: 'NEXUS_ID_DUPLICATE' });
  await cluster.settle(n1.migrate(cart, { node: 'n2' }));
  expect((await cluster.settle(n3.locate(id)))?.node?.name).toBe('n2');
  expect((await cluster.settle(n1.locate(id)))?.node?.name).toBe('n2');
});

test.each(IDS)('what %s has stored outlives its node, and then the next one', async (id) => {
  const cluster = await clusterOf(5);
  const { nexus } = cluster.node('n1');
  const order = await cluster.settle(nexus.spawn(Order, { id, node: 'n1' }));
  await cluster.settle(order.ask('add', 5));
  const copies = nexus.cluster?.where(id);
  // The two that have it: whoever runs it, and then, when others have been given it, whoever held it for that one.
  const first = 'n1';
  const second = [copies?.owner, ...(copies?.copies ?? [])].find((name) => name !== undefined && name !== first) as string;
  const rest = ['n2', 'n3', 'n4', 'n5'].filter((name) => name !== second);
  for (const [name, left] of [
    [first, [second, ...rest]],
    [second, rest],
  ] as const) {
    cluster.node(name).crash();
    await cluster.until(() =>
      left.every((each) => {
        const { cluster: seen } = cluster.node(each).nexus;
        return seen?.members().length === left.length && seen.snapshot().copies?.waitingFor.length === 0;
      }),
    );
  }
  const again = await cluster.settle(cluster.node(rest[0] as string).nexus.getOrSpawn(Order, id));
  expect(await cluster.settle(again.ask('add', 1))).toBe(6);
});

type TestNexus = ReturnType<TestCluster['node']>['nexus'];

/** Signals between the nodes of a cluster, in the simulation: once to each node that wants them, in order, and to each subscriber once. */
import { defineAgent, defineSensor, defineTopic, type Nexus } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Collector = defineAgent({
  kind: 'collector',
  state: () => ({ got: [] as string[] }),
  subscriptions: { 'orders.*': 'take' },
  actions: {
    take(state, signal: { readonly topic: string; readonly data: unknown }) {
      state.got.push(`${signal.topic} ${String(signal.data)}`);
    },
    read: (state) => state.got,
  },
});

const nexusOf = (cluster: TestCluster, name: string): Nexus => cluster.node(name).nexus;

async function subscribedOn(cluster: TestCluster, ...names: string[]): Promise<void> {
  for (const name of names) await cluster.settle(nexusOf(cluster, name).subscribed());
}

test('a signal reaches the subscribers of all nodes once, on whichever threads they are', async () => {
  await withCluster({ agents: [Collector], threads: 1 }, async (cluster) => {
    const collectors = [];
    for (const name of ['n1', 'n2', 'n3']) {
      for (const thread of [0, 1])
        collectors.push({ name, ref: await cluster.settle(nexusOf(cluster, name).spawn(Collector, { id: `${name}-${thread}`, thread })) });
    }
    const heard: string[] = [];
    nexusOf(cluster, 'n2').subscribe('orders.>', ({ data }) => heard.push(String(data)));
    await subscribedOn(cluster, 'n1', 'n2', 'n3');
    nexusOf(cluster, 'n1').publish('orders.new', 'a');
    nexusOf(cluster, 'n3').publish('orders.new', 'b');
    nexusOf(cluster, 'n3').publish('invoices.new', 'c');
    await cluster.advance(200);
    for (const { ref } of collectors) expect([...(await cluster.settle(ref.ask('read')))].sort()).toEqual(['orders.new a', 'orders.new b']);
    expect(heard.sort()).toEqual(['a', 'b']);
  });
});

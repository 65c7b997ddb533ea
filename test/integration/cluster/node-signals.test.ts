/** Signals between the nodes of a cluster, in the simulation: once to each node that wants them, in order, and to each subscriber once. */
import { type AgentRef, defineAgent, defineSensor, defineTopic, type Nexus } from 'nexus-agents';
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

test('a signal of an agent names it as its source, also on other nodes, where it can be asked', async () => {
  const Emitter = defineAgent({
    kind: 'emitter',
    state: () => ({}),
    actions: { say: (_state, text: string, ctx) => ctx.emit('orders.said', text), name: (_state, _input, ctx) => ctx.id },
  });
  await withCluster({ agents: [Emitter, Collector], threads: 1 }, async (cluster) => {
    const sources: (string | undefined)[] = [];
    const names: Promise<unknown>[] = [];
    nexusOf(cluster, 'n2').subscribe('orders.>', ({ source }) => {
      sources.push(source?.id);
      names.push((source as AgentRef<typeof Emitter>).ask('name'));
    });
    await subscribedOn(cluster, 'n2');
    for (const thread of [0, 1]) (await cluster.settle(nexusOf(cluster, 'n1').spawn(Emitter, { id: `on-${thread}`, thread }))).tell('say', 'hello');
    await cluster.until(() => names.length === 2);
    expect(sources.sort()).toEqual(['on-0', 'on-1']);
    expect((await cluster.settle(Promise.all(names))).sort()).toEqual(['on-0', 'on-1']);
  });
});

test('signals of one publisher reach a subscriber on another node in their order', async () => {
  const Burst = defineAgent({
    kind: 'burst',
    state: () => ({}),
    actions: {
      go(_state, count: number, ctx) {
        for (let index = 0; index < count; index++) ctx.emit('orders.many', index);
      },
    },
  });
  await withCluster({ agents: [Burst, Collector], threads: 1, nodes: 2 }, async (cluster) => {
    const collector = await cluster.settle(nexusOf(cluster, 'n2').spawn(Collector, { thread: 1 }));
    await subscribedOn(cluster, 'n2');
    const burst = await cluster.settle(nexusOf(cluster, 'n1').spawn(Burst, { thread: 1 }));
    burst.tell('go', 200);
    burst.tell('go', 200);
    await cluster.advance(500);
    const counted = Array.from({ length: 200 }, (_, index) => `orders.many ${index}`);
    expect(await cluster.settle(collector.ask('read'))).toEqual([...counted, ...counted]);
  });
});

test('a signal goes to another node in one message, however many subscribers it has there', async () => {
  await withCluster({ agents: [Collector], threads: 1, nodes: 2 }, async (cluster) => {
    for (const thread of [0, 0, 1, 1, 1]) await cluster.settle(nexusOf(cluster, 'n2').spawn(Collector, { thread }));
    await subscribedOn(cluster, 'n2');
    // Until the nodes have nothing to say to each other any more about who owns what.
    await cluster.advance(3000);
    const sent = (): number =>
      nexusOf(cluster, 'n1')
        .cluster?.snapshot()
        .links.find(({ node }) => node === 'n2')?.sentMessages ?? 0;
    const before = sent();
    nexusOf(cluster, 'n1').publish('orders.new', 1);
    nexusOf(cluster, 'n1').publish('invoices.new', 1);
    await cluster.advance(20);
    expect(sent() - before).toBe(1);
  });
});

test('a signal stays on its node if its publisher, its topic or its sensor says so', async () => {
  const Kept = defineTopic<string>('orders.kept', undefined, { scope: 'node' });
  const KeptSensor = defineSensor({ kind: 'kept-sensor', scope: 'node', periodMs: 10, sense: () => [{ topic: 'orders.sensed', data: 'sensed' }] });
  const Sensor = defineSensor({ kind: 'sensor', periodMs: 10, sense: () => [{ topic: 'orders.wide', data: 'wide' }] });
  const Emitter = defineAgent({
    kind: 'emitter',
    state: () => ({}),
    actions: { say: (_state, text: string, ctx) => ctx.emit('orders.emitted', text, { scope: 'node' }) },
  });
  await withCluster({ agents: [KeptSensor, Sensor, Emitter], threads: 0, nodes: 2 }, async (cluster) => {
    const heard: Record<string, Set<string>> = { n1: new Set(), n2: new Set() };
    for (const name of ['n1', 'n2']) nexusOf(cluster, name).subscribe('orders.>', ({ topic }) => heard[name]?.add(topic));
    await subscribedOn(cluster, 'n1', 'n2');
    const nexus = nexusOf(cluster, 'n1');
    nexus.publish('orders.published', 1, { scope: 'node' });
    nexus.publish(Kept, 'kept');
    nexus.publish('orders.all', 1);
    await cluster.settle(nexus.spawn(KeptSensor));
    await cluster.settle(nexus.spawn(Sensor));
    (await cluster.settle(nexus.spawn(Emitter))).tell('say', 'x');
    await cluster.advance(200);
    expect([...(heard['n1'] ?? [])].sort()).toEqual(['orders.all', 'orders.emitted', 'orders.kept', 'orders.published', 'orders.sensed', 'orders.wide']);
    expect([...(heard['n2'] ?? [])].sort()).toEqual(['orders.all', 'orders.wide']);
    expect(() => nexus.publish('orders.new', 1, { scope: 'world' as never })).toThrow(/scope/);
  });
});

test('subscribed waits for every member, and no longer for one that was removed', async () => {
  await withCluster({ agents: [Collector], threads: 0 }, async (cluster) => {
    cluster.partition([['n1', 'n2'], ['n3']]);
    nexusOf(cluster, 'n1').subscribe('orders.>', () => undefined);
    let isSubscribed = false;
    const subscribed = nexusOf(cluster, 'n1')
      .subscribed()
      .then(() => {
        isSubscribed = true;
      });
    await cluster.advance(1000);
    expect(isSubscribed).toBe(false);
    await cluster.settle(subscribed);
    expect(nexusOf(cluster, 'n1').cluster?.member('n3')).toBeUndefined();
  });
});

test('a node that starts again is told what the others want, and they are told what it wants', async () => {
  await withCluster({ agents: [Collector], threads: 1 }, async (cluster) => {
    const heard: string[] = [];
    nexusOf(cluster, 'n1').subscribe('orders.>', ({ data }) => heard.push(`n1 ${String(data)}`));
    nexusOf(cluster, 'n2').subscribe('orders.>', () => undefined);
    await subscribedOn(cluster, 'n1', 'n2');
    cluster.node('n2').crash();
    await cluster.advance(60_000);
    expect(nexusOf(cluster, 'n1').cluster?.members()).toHaveLength(2);
    cluster.node('n2').start();
    await cluster.formed();
    nexusOf(cluster, 'n2').subscribe('orders.>', ({ data }) => heard.push(`n2 ${String(data)}`));
    await subscribedOn(cluster, 'n1', 'n2');
    nexusOf(cluster, 'n1').publish('orders.new', 'from n1');
    nexusOf(cluster, 'n2').publish('orders.new', 'from n2');
    await cluster.advance(200);
    expect(heard.sort()).toEqual(['n1 from n1', 'n1 from n2', 'n2 from n1', 'n2 from n2']);
  });
});

test('what a worker subscribes to stays known to the other nodes while the worker is replaced', async () => {
  await withCluster({ agents: [Collector], threads: 1, nodes: 2 }, async (cluster) => {
    const collector = await cluster.settle(nexusOf(cluster, 'n2').spawn(Collector, { id: 'kept', thread: 1 }));
    await subscribedOn(cluster, 'n2');
    let restored = 0;
    nexusOf(cluster, 'n2').on('threadRestored', () => restored++);
    cluster.node('n2').killThread(1);
    await cluster.until(() => restored > 0);
    // In the moment: what waits for the new worker must not be lost.
    nexusOf(cluster, 'n1').publish('orders.new', 'after');
    await cluster.advance(500);
    expect(await cluster.settle(collector.ask('read'))).toEqual(['orders.new after']);
  });
});

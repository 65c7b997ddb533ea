/** Durable agents that move to another node while they are reminded or forgotten, and what nodes that have heard of one make of its end. */
import { defineAgent, type NexusError } from 'nexus-agents';
import { createTestCluster, type TestCluster } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';

let gate: Promise<void> = Promise.resolve();
const Bell = defineAgent({
  kind: 'bell',
  state: () => ({ rings: 0 }),
  durable: { writes: 'through' },
  actions: {
    remind: async (_state, delayMs: number, ctx) => ctx.reminders.after('ring', delayMs, 'ring', undefined),
    ring: (state) => void ++state.rings,
    slow: async () => gate,
    rings: { durable: 'none', handler: (state) => state.rings },
  },
});

async function clusterOfThree(): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Bell], storage: 'disk', nodes: 3, threads: 1 });
  onTestFinished(() => cluster.close());
  return cluster;
}

async function homeOf(cluster: TestCluster, id: string): Promise<string> {
  return (await cluster.settle(cluster.node('n1').nexus.locate(id)))?.node?.name as string;
}

test('a reminder that waits for an agent while it moves is handled once', async () => {
  const cluster = await clusterOfThree();
  const n1 = cluster.node('n1').nexus;
  const bell = await cluster.settle(n1.getOrSpawn(Bell, 'bell'));
  const home = await homeOf(cluster, 'bell');
  const other = cluster.nodes.find(({ name }) => name !== home)?.name as string;
  await cluster.settle(bell.ask('remind', 1000));
  let open = (): void => undefined;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const slow = bell.ask('slow');
  await cluster.advance(1500);
  const moving = n1.migrate(bell, { node: other });
  await cluster.advance(300);
  open();
  await cluster.settle(slow);
  await cluster.settle(moving);
  expect(await homeOf(cluster, 'bell')).toBe(other);
  await cluster.advance(10_000);
  expect(await cluster.settle(bell.ask('rings'))).toBe(1);
});

test('a durable agent that is forgotten while it moves is forgotten, wherever it is by then', async () => {
  const cluster = await clusterOfThree();
  const n1 = cluster.node('n1').nexus;
  for (let delayMs = 0; delayMs < 12; delayMs++) {
    const id = `b${delayMs}`;
    const bell = await cluster.settle(n1.getOrSpawn(Bell, id));
    await cluster.settle(bell.ask('ring'));
    const home = await homeOf(cluster, id);
    const other = cluster.nodes.find(({ name }) => name !== home)?.name as string;
    const moving = n1.migrate(bell, { node: other }).catch(() => undefined);
    await cluster.advance(delayMs);
    await cluster.settle(cluster.node(home).nexus.forget(Bell, id));
    await cluster.settle(moving);
    await cluster.advance(200);
    const fresh = cluster.node(home).nexus;
    await cluster.settle(fresh.getOrSpawn(Bell, id).then((again) => again.ask('rings'))).catch(() => undefined);
    const again = await cluster.settle(fresh.getOrSpawn(Bell, id));
    expect(await cluster.settle(again.ask('rings'))).toBe(0);
  }
});

test('a durable agent that was forgotten is made again by getOrSpawn also on a node that had heard of it', async () => {
  const cluster = await clusterOfThree();
  const n1 = cluster.node('n1').nexus;
  const ids = Array.from({ length: 24 }, (_, at) => `b${at}`);
  const bells = await cluster.settle(Promise.all(ids.map((id) => n1.getOrSpawn(Bell, id))));
  await cluster.settle(Promise.all(bells.map((bell) => bell.ask('ring'))));
  for (const id of ids) await cluster.settle(cluster.node(await homeOf(cluster, id)).nexus.forget(Bell, id));
  await cluster.advance(1000);
  // That what this node has heard is wrong is found out when it is used.
  const heard = await cluster.settle(Promise.all(ids.map((id) => n1.getOrSpawn(Bell, id))));
  const told = heard.filter((_, at) => at % 2 === 0);
  const asked = heard.filter((_, at) => at % 2 === 1);
  for (const bell of told) bell.tell('ring');
  const answers = await cluster.settle(Promise.allSettled(asked.map((bell) => bell.ask('rings'))));
  const codes = answers.map((answer) => (answer.status === 'rejected' ? (answer.reason as NexusError).code : answer.value));
  expect(codes.every((code) => code === 'NEXUS_AGENT_NOT_FOUND' || code === 0)).toBe(true);
  expect(codes).toContain('NEXUS_AGENT_NOT_FOUND');
  await cluster.advance(1000);
  const again = await cluster.settle(Promise.all(ids.map((id) => n1.getOrSpawn(Bell, id))));
  const rings = await cluster.settle(Promise.all(again.map((bell) => bell.ask('rings'))));
  // Those that had to be made anew in the meantime were rung once.
  expect(rings.every((count, at) => count === 0 || (at % 2 === 0 && count === 1))).toBe(true);
});

/** Durable agents in a simulated cluster: what was acknowledged outlives the nodes that had it, whatever the network and the disks do. */
import { defineAgent } from 'nexus-agents';
import { createTestCluster, type TestCluster, type TestClusterOptions } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';

const Account = defineAgent({
  kind: 'account',
  state: () => ({ cents: 0 }),
  durable: { writes: 'through' },
  actions: {
    pay: (state, cents: number) => {
      state.cents += cents;
      return state.cents;
    },
    read: { durable: 'none', handler: (state) => state.cents },
    where: { durable: 'none', handler: (_state, _input, ctx) => ctx.thread },
  },
});

async function clusterOf(options: Partial<TestClusterOptions> = {}): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Account], storage: 'disk', seed: 1, ...options });
  onTestFinished(() => cluster.close());
  return cluster;
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `account-${index}`);

test('what was acknowledged is there when the node that had it is lost, and the agent comes back with its next message', async () => {
  const cluster = await clusterOf();
  const n1 = cluster.node('n1').nexus;
  for (const id of ids(20)) {
    const account = await cluster.settle(n1.getOrSpawn(Account, id));
    expect(await cluster.settle(account.ask('pay', 5))).toBe(5);
  }
  cluster.node('n2').crash();
  const started = cluster.nowMs;
  const refs = await cluster.settle(Promise.all(ids(20).map((id) => n1.getOrSpawn(Account, id))));
  console.log('recovered after', cluster.nowMs - started);
  for (const ref of refs) expect(await cluster.settle(ref.ask('pay', 1))).toBe(6);
  console.log(n1.cluster && JSON.stringify((n1 as unknown as {parts:any}).parts?.copies?.snapshot()));
});

/** The end of a node beside others that do not answer. */
import { defineAgent } from 'nexus-agents';
import { withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Idle = defineAgent({ kind: 'idle', state: () => 0, actions: { read: (state) => state } });

test.each([
  [100, 2100],
  [4000, 5100],
])('beside a node that is cut off, stop with %i ms takes no longer than %i', async (deadlineMs, mostMs) => {
  await withCluster({ agents: [Idle], nodes: 3, threads: 1, seed: 3, storage: 'disk' }, async (cluster) => {
    const { nexus } = cluster.node('n1');
    const there = await cluster.settle(nexus.spawn(Idle, { node: 'n2' }));
    await cluster.settle(there.ask('read'));
    cluster.partition([['n2'], ['n1', 'n3']]);
    const fromMs = cluster.nowMs;
    await cluster.settle(nexus.stop({ deadlineMs }));
    expect(cluster.nowMs - fromMs).toBeLessThan(mostMs);
  });
});

/** A drain that does not come to its end: the nexus is stopped meanwhile, or there is nobody to go to. It ends at once, and its report says what has become of the agents. */
import { defineAgent } from 'nexus-agents';
import { createTestCluster, type TestCluster } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';

const AGENTS = 40;
const Counter = defineAgent({ kind: 'counter', state: () => ({ count: 0 }), actions: { add: (state, by: number) => (state.count += by) } });

async function clusterOf(nodes: number): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Counter], nodes, threads: 0 });
  onTestFinished(() => cluster.close());
  for (let at = 0; at < AGENTS; at++) await cluster.settle(cluster.node('n1').nexus.spawn(Counter, { id: `c${at}` }));
  return cluster;
}

test.each([0, 20, 60, 150])('a drain ends when the nexus is stopped %i ms after it began, and says what ended with the node', async (afterMs) => {
  const cluster = await clusterOf(3);
  const { nexus } = cluster.node('n1');
  const beganMs = cluster.nowMs;
  const draining = nexus.drain();
  if (afterMs > 0) await cluster.advance(afterMs);
  const stopping = nexus.stop();
  const report = await cluster.settle(draining);
  await cluster.settle(stopping);
  expect(cluster.nowMs - beganMs).toBeLessThan(15_000); // The deadline is 60 s.
  const found = await cluster.settle(cluster.node('n2').nexus.locateMany(Array.from({ length: AGENTS }, (_, at) => `c${at}`)), { withinMs: 30_000 });
  const live = [...found.values()].filter((location) => location !== undefined).length;
  expect(report).toMatchObject({ moved: live, left: AGENTS - live, complete: live === AGENTS });
  expect(report.reasons.map(({ reason }) => reason)).toEqual(Array.from({ length: AGENTS - live }, () => 'the nexus was stopped while it was drained'));
});

test('the last node says that nobody takes its agents', async () => {
  const cluster = await clusterOf(1);
  const { complete, moved, left, reasons } = await cluster.settle(cluster.node('n1').nexus.drain());
  expect({ complete, moved, left }).toEqual({ complete: false, moved: 0, left: AGENTS });
  expect(new Set(reasons.map(({ reason }) => reason))).toEqual(new Set(['no other node takes agents']));
});

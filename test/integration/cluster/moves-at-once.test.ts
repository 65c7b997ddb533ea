/** Several nodes that want an agent moved at once: one of them gets its way, and the others hear that, and not that there is no such agent. */
import type { NexusError } from 'nexus-agents';
import type { TestNode } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { clusterOf, Probe } from './remote-world.js';

test('who wants an agent moved while another move of it is under way hears that, from every node, and the agent lives', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const nodes = cluster.nodes as unknown as readonly TestNode[];
  const first = nodes[0] as TestNode;
  await cluster.settle(first.nexus.spawn(Probe, { id: 'wanted', thread: 1 }));
  const refused: NexusError[] = [];
  let moved = 0;
  const mover = async (node: TestNode, index: number): Promise<void> => {
    const wanted = await node.nexus.getOrSpawn(Probe, 'wanted');
    for (let turn = 0; turn < 60; turn++)
      await node.nexus.migrate(wanted, { node: (nodes[(turn + index) % 3] as TestNode).name }).then(
        () => moved++,
        (error: NexusError) => refused.push(error),
      );
  };
  await cluster.settle(Promise.all(nodes.map(mover)));
  expect([moved > 20, refused.length > 20]).toEqual([true, true]);
  for (const { code, message } of refused)
    expect([code, message]).toEqual(['NEXUS_MIGRATION_REFUSED', expect.stringMatching(/another move of it is under way|still on its way/)]);
  expect(await cluster.settle((await cluster.settle(first.nexus.getOrSpawn(Probe, 'wanted'))).ask('see', 'here'))).toBe('here');
});

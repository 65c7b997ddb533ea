/** References that nobody has used while their agent was on another node: they hold its address of before, whose place in the table may be that of the agent again. */
import type { AgentRef } from 'nexus-agents';
import type { TestNode } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { clusterOf, Probe } from './remote-world.js';

test.each([
  ['ask', 0],
  ['tell', 0],
  ['ask', 1],
  ['tell', 1],
] as const)('a reference that was not used while its agent was on another node leads to it at home: the first %s from thread %i', async (how, thread) => {
  const cluster = await clusterOf();
  const [first] = cluster.nodes as unknown as readonly [TestNode, TestNode];
  const { nexus } = first;
  const mover = await cluster.settle(nexus.spawn(Probe, { id: 'mover', thread: 1 }));
  const holders: AgentRef<typeof Probe>[] = [];
  for (let index = 0; index < 3; index++) {
    const holder = await cluster.settle(nexus.spawn(Probe, { id: `holder-${index}`, thread }));
    await cluster.settle(holder.ask('meet', mover as AgentRef));
    holders.push(holder);
  }
  for (const [index, holder] of holders.entries()) {
    for (const node of ['n2', 'n1']) await cluster.settle(nexus.migrate(mover, { node }));
    // The way from the other node has been drained, and its threads send straight to it.
    await cluster.advance(2000);
    if (how === 'ask') expect(await cluster.settle(holder.ask('ask', { action: 'see', what: index }))).toBe(index);
    else holder.tell('tell', index);
    await cluster.advance(100);
  }
  const seen = await cluster.settle(mover.ask('seen'));
  expect(seen.map(({ what }) => what)).toEqual([0, 1, 2]);
});

/** What a node has heard of agents of others, and what becomes of it when that is not so any more. */
import { expect, test } from 'vitest';
import type { TestNode } from 'nexus-agents/testing';
import { clusterOf, partOf, Probe } from './remote-world.js';

/** n1 runs it, n2 owns the id, and n3 has heard of it. */
async function heardOf(): Promise<{ readonly cluster: Awaited<ReturnType<typeof clusterOf>>; readonly id: string }> {
  const cluster = await clusterOf({ nodes: 3 });
  const [first, , third] = cluster.nodes as unknown as readonly [TestNode, TestNode, TestNode];
  const id = Array.from({ length: 100 }, (_, index) => `p${index}`).find((each) => partOf(third).registry.ownerOf(each)?.name === 'n2') as string;
  await cluster.settle(first.nexus.spawn(Probe, { id }));
  expect(await cluster.settle(third.nexus.locate(id))).toMatchObject({ node: { name: 'n1' } });
  return { cluster, id };
}

const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    (error: { code: unknown }) => error.code,
  );

test('what a node has heard of an agent that has ended is forgotten when a message finds nobody', async () => {
  for (const how of ['ask', 'tell', 'stop', 'tellMany'] as const) {
    const { cluster, id } = await heardOf();
    const [first, second, third] = cluster.nodes as unknown as readonly [TestNode, TestNode, TestNode];
    const old = third.nexus.find(id, Probe);
    if (old === undefined) throw new Error('n3 has heard of it');
    await cluster.settle(first.nexus.find(id, Probe)?.stop() as Promise<void>);
    await cluster.settle(second.nexus.getOrSpawn(Probe, id));
    // It cannot know, and asks nobody.
    expect(third.nexus.find(id, Probe)?.equals(old)).toBe(true);
    if (how === 'ask') expect(await cluster.settle(codeOf(old.ask('see', 1)))).toBe('NEXUS_AGENT_NOT_FOUND');
    else if (how === 'tell') old.tell('see', 1);
    else if (how === 'stop') await cluster.settle(old.stop());
    else third.nexus.tellMany([old], 'see', 1);
    await cluster.advance(3000);

    const now = await cluster.settle(third.nexus.getOrSpawn(Probe, id));
    expect({ how, answer: await cluster.settle(codeOf(now.ask('see', 2))) }).toEqual({ how, answer: 'answered' });
    await cluster.close();
  }
});

test('locate asks the node that was heard to have an agent, and the owner if it has it no more', async () => {
  const { cluster, id } = await heardOf();
  const [first, second, third] = cluster.nodes as unknown as readonly [TestNode, TestNode, TestNode];
  await cluster.settle(first.nexus.find(id, Probe)?.stop() as Promise<void>);
  expect(await cluster.settle(third.nexus.locate(id))).toBeUndefined();
  expect(third.nexus.find(id)).toBeUndefined();
  await cluster.settle(second.nexus.spawn(Probe, { id }));
  expect(await cluster.settle(third.nexus.locate(id))).toMatchObject({ node: { name: 'n2' } });
  // Nobody says anything on the other side: what was heard is all there is.
  cluster.partition([['n1', 'n3'], ['n2']]);
  expect(await cluster.settle(third.nexus.locate(id))).toMatchObject({ node: { name: 'n2' } });
});

/** Where an agent is while it moves, in a simulated cluster: on one node or the other, never nowhere. */
import type { TestNode } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { clusterOf, partOf, Probe } from './remote-world.js';

test('an agent that moves is located on the one node or the other all the while, again and again, whoever looks', async () => {
  const cluster = await clusterOf({ nodes: 4 });
  const [first, second, third, fourth] = cluster.nodes as unknown as readonly [TestNode, TestNode, TestNode, TestNode];
  // n4 owns the id, and n3 has heard of it.
  const id = Array.from({ length: 100 }, (_, index) => `p${index}`).find((each) => partOf(first).registry.ownerOf(each)?.name === 'n4') as string;
  const agent = await cluster.settle(first.nexus.spawn(Probe, { id }));
  const seen: string[] = [];
  const look = async (): Promise<void> => {
    for (const { name, nexus } of [first, second, third, fourth]) seen.push(`${name}: ${(await nexus.locate(id))?.node?.name}`);
  };
  await cluster.settle(look());

  // The owner has said that it is n2's, where it does not come into the table before it may: as where that is full, or the thread is busy.
  const { registry } = partOf(second);
  const accept = registry.accept.bind(registry);
  let come = (): void => undefined;
  const mayCome = new Promise<void>((resolve) => {
    come = resolve;
  });
  const accepted = new Promise<void>((resolve) => {
    registry.accept = async (registration) => {
      const own = await accept(registration);
      resolve();
      await mayCome;
      return own;
    };
  });
  const moved = first.nexus.migrate(agent, { node: 'n2' });
  await cluster.settle(accepted);
  // n1 knows that it has gone.
  await cluster.advance(100);
  for (let times = 0; times < 2; times++) await cluster.settle(look());
  come();
  await cluster.settle(moved);
  await cluster.settle(look());
  const fromAll = (node: string): string[] => ['n1', 'n2', 'n3', 'n4'].map((name) => `${name}: ${node}`);
  expect(seen).toEqual([...fromAll('n1'), ...fromAll('n2'), ...fromAll('n2'), ...fromAll('n2')]);
});

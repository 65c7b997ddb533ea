/** Durable agents that move while they are asked, by clients of all nodes: none of the asks fails, and each is handled once. */
import { defineAgent, type NexusError } from 'nexus-agents';
import { createTestCluster } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';

const AGENTS = 12;
const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ entries: [] as number[] }),
  durable: { writes: 'through' },
  actions: {
    append: (state, entry: number) => state.entries.push(entry),
    all: { durable: 'none', handler: (state) => state.entries },
  },
});

test.each(Array.from({ length: Number(process.env['SEEDS'] ?? 5) }, (_, at) => 6 + at))(
  'no ask of a durable agent fails while its node drains (seed %i)',
  async (seed) => {
    const cluster = await createTestCluster({ agents: [Ledger], storage: 'disk', nodes: 3, threads: 1, seed });
    onTestFinished(() => cluster.close());
    const failed: string[] = [];
    const acknowledged: number[] = [];
    let hasDrained = false;
    let isDraining = false;
    let entry = 0;
    const client = async (index: number): Promise<void> => {
      const { nexus, name } = cluster.node(`n${(index % 3) + 1}`);
      // The node that drains waits for its own.
      for (let more = 10, turn = 0; name === 'n1' ? more > 0 : !hasDrained; turn++) {
        if (isDraining) more--;
        const value = ++entry;
        try {
          const ledger = await nexus.getOrSpawn(Ledger, `led${(index * 7 + turn) % AGENTS}`);
          await ledger.ask('append', value);
          acknowledged.push(value);
        } catch (error) {
          failed.push(`${(error as NexusError).code} ${(error as Error).message}`);
        }
      }
    };
    const clients = Promise.all(Array.from({ length: 24 }, (_, index) => client(index)));
    await cluster.until(() => acknowledged.length > 100);
    isDraining = true;
    expect(await cluster.settle(cluster.node('n1').nexus.drain())).toMatchObject({ left: 0 });
    hasDrained = true;
    await cluster.settle(clients);
    expect(failed).toEqual([]);
    const { nexus } = cluster.node('n2');
    const all = Array.from({ length: AGENTS }, (_, at) => nexus.getOrSpawn(Ledger, `led${at}`).then((ledger) => ledger.ask('all')));
    expect((await cluster.settle(Promise.all(all))).flat().sort((a, b) => a - b)).toEqual(acknowledged.sort((a, b) => a - b));
  },
);

/** Durable agents whose copies cannot be stored, in a simulated cluster: they are tried again, and again later each time, whoever asks for them however often. */
import { defineAgent } from 'nexus-agents';
import { withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { partsOf } from '../../../dist/ts-src/nexus.js';

const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ entries: 0 }),
  durable: { writes: 'through' },
  actions: { add: (state) => ++state.entries, read: { durable: 'none', handler: (state) => state.entries } },
});

test('a durable agent whose copies cannot be stored is started again later each time, also when it has ended and is sent more, and goes on when it can be stored', async () => {
  await withCluster({ agents: [Ledger], storage: 'disk', nodes: 3, threads: 1, cluster: { copies: 2 } }, async (cluster) => {
    const n1 = cluster.node('n1').nexus;
    const ledger = await cluster.settle(n1.getOrSpawn(Ledger, 'ledger'));
    await cluster.settle(ledger.ask('add'));
    const home = (await cluster.settle(n1.locate('ledger')))?.node?.name as string;
    const parts = partsOf(cluster.node(home).nexus as unknown as Parameters<typeof partsOf>[0]);
    const registry = parts.node?.registry;
    if (registry === undefined) throw new Error('it is no node');
    const starts: number[] = [];
    const { register } = registry;
    registry.register = (input, timeoutMs) => {
      starts.push(cluster.nowMs);
      return register.call(registry, input, timeoutMs);
    };
    const sick = cluster.nodes.filter(({ name }) => name !== home);
    for (const node of sick) node.disk({ full: true });
    // Whoever asks does so all the time, and a message that has to wait waits with those before it.
    const fromMs = cluster.nowMs;
    while (cluster.nowMs < fromMs + 60_000) {
      void ledger.ask('add', undefined, { timeoutMs: 1000 }).catch(() => undefined);
      await cluster.advance(20);
    }
    const late = starts.filter((atMs) => atMs >= fromMs + 30_000).length;
    expect(starts.length).toBeLessThan(20);
    expect(late).toBeGreaterThanOrEqual(2);
    expect(late).toBeLessThanOrEqual(4);
    expect(cluster.node(home).log.filter(({ message }) => message.includes('could not be brought back')).length).toBeLessThanOrEqual(starts.length);
    for (const node of sick) node.disk({ full: false });
    // No later than the longest wait, and then nothing waits any more.
    expect(await cluster.settle(ledger.ask('add', undefined, { timeoutMs: 15_000 }))).toBeGreaterThan(1);
    const askedMs = cluster.nowMs;
    await cluster.settle(ledger.ask('add'));
    expect(cluster.nowMs - askedMs).toBeLessThan(1000);
  });
});

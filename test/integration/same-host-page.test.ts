/** `docs/same-host.md` is true: two nexuses of one machine share memory without being told to, its example says so, and the option keeps a node from it. */
import { readFileSync } from 'node:fs';
import { type AnyAgent, createNexus, defineAgent, type Nexus } from 'nexus-agents';
import type { Cluster, ClusterOptions } from 'nexus-agents/cluster';
import { expect, onTestFinished, test } from 'vitest';
import { recorder } from '../start-nexus.js';
import { until } from '../until.js';
import { unavailableBecause } from './transport/same-host-peers.js';

const page = readFileSync(new URL('../../docs/same-host.md', import.meta.url), 'utf8');
const Counter = defineAgent({ kind: 'counter', state: () => ({ n: 0 }), actions: { add: (state, by: number) => (state.n += by) } });
const timing = { probeIntervalMs: 200, probeTimeoutMs: 100, leaseMs: 1500, stopMarginMs: 300, stalledAfterMs: 300 };
type Node = Nexus & { readonly cluster: Cluster };

async function twoNodes(first: ClusterOptions, second: ClusterOptions): Promise<[Node, Node]> {
  const nodes: Node[] = [];
  for (const [index, more] of [first, second].entries()) {
    const join = nodes.map(({ cluster: { address } }) => `${address.host}:${address.port}`);
    const nexus = (await createNexus({
      ...{ agents: [Counter as AnyAgent], threads: 0, logger: recorder() },
      cluster: { name: 'one-machine', timing, node: `n${index + 1}`, listen: { port: 0 }, join, ...more },
    })) as Node;
    onTestFinished(async () => void (await nexus.stop({ deadlineMs: 1000 })));
    await nexus.cluster.joined();
    nodes.push(nexus);
  }
  const [a, b] = nodes as [Node, Node];
  b.cluster.transport?.listen(200, () => undefined);
  await until(() => a.cluster.transport?.send(b.cluster.self, 'normal', { channel: 200, value: 1 }) === 'accepted');
  await until(() => (a.cluster.snapshot().links[0]?.sentMessages ?? 0) > 0);
  return [a, b];
}

test.skipIf(unavailableBecause !== undefined)('two nodes of one machine share memory without being told to, and the example of the page shows it', async () => {
  const [a, b] = await twoNodes({}, {});
  await until(() => [a, b].every(({ cluster }) => cluster.snapshot().links[0]?.sharedMemory === true));
  const line = /^for \(const link of .*$/m.exec(page)?.[0] ?? '';
  const shown: unknown[][] = [];
  new Function('nexus', 'console', line)(a, { log: (...values: unknown[]) => shown.push(values) });
  expect(shown).toEqual([['n2', true, undefined]]);
});

test('a node with sameHost set to false is talked to over the network, and both know why', async () => {
  const [a, b] = await twoNodes({ sameHost: false }, {});
  expect(a.cluster.snapshot().links[0]).toMatchObject({ sharedMemory: false, notSharedBecause: 'the option cluster.sameHost is false' });
  await until(() => b.cluster.snapshot().links[0]?.notSharedBecause !== undefined);
  expect(b.cluster.snapshot().links[0]?.sharedMemory).toBe(false);
});

test('a node whose engine is another one is talked to over the network, and says why', async () => {
  const nexus = (await createNexus({
    ...{ agents: [Counter as AnyAgent], threads: 0, logger: recorder(), engine: { force: 'portable' } },
    cluster: { name: 'alone', timing, node: 'n1', listen: { port: 0 } },
  })) as Node;
  onTestFinished(async () => void (await nexus.stop({ deadlineMs: 1000 })));
  nexus.cluster.transport?.admit({ name: 'nobody', incarnation: 1 }, { host: '127.0.0.1', port: 9 });
  expect(nexus.cluster.transport?.statistics()[0]?.notSharedBecause).toMatch(/needs the native engine, and the portable one runs: /);
});

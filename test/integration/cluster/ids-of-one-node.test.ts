/** Agents of one node only (scope `node`, children of supervisors) beside ids of the cluster, in the simulation: they have no part in those, and what has the same id is neither lost nor kept from others by them. */
import { type Nexus as PublicNexus, defineAgent, defineSupervisor, type NexusError } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { type Nexus, partsOf } from '../../../dist/ts-src/nexus.js';
import type { Registry } from '../../../dist/ts-src/ports/registry.js';

const Counter = defineAgent({
  kind: 'counter',
  state: () => ({ count: 0 }),
  actions: { add: (state, by: number) => (state.count += by), read: (state) => state.count },
});
const Local = defineAgent({ kind: 'local', scope: 'node', state: () => 0, actions: { read: (state) => state } });
const Top = defineSupervisor({ kind: 'top', strategy: 'oneForOne', children: () => [{ id: 'child', agent: Counter }] });
const OPTIONS = { agents: [Counter, Local, Top], threads: 1 } as const;

const registryOf = (nexus: PublicNexus): Registry => partsOf(nexus as unknown as Nexus).node?.registry as Registry;
const nexusOf = (cluster: TestCluster, name: string): PublicNexus => cluster.node(name).nexus;
const codeOf = (error: NexusError): string => error.code;

test('an agent that moves to a node that has given its id to an agent of its own since it was prepared there goes on where it is', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const ref = await cluster.settle(n1.spawn(Counter, { id: 'c', thread: 1 }));
    await cluster.settle(ref.ask('add', 7));
    const registry = registryOf(n1);
    const handOver = registry.handOver.bind(registry);
    registry.handOver = async (id, token, to) => {
      await n2.spawn(Local, { id: 'c', thread: 0 });
      return handOver(id, token, to);
    };
    expect(await cluster.settle(n1.migrate(ref, { node: 'n2' }).catch(codeOf))).toBe('NEXUS_MIGRATION_REFUSED');
    expect(await cluster.settle(ref.ask('add', 1))).toBe(8);
    expect(registryOf(n2).own('c')).toBeUndefined();
  });
});

test('an agent that another node has accepted, and whose id an agent of that node has taken at that moment, is there when that has ended', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const ref = await cluster.settle(n1.spawn(Counter, { id: 'c', thread: 1 }));
    await cluster.settle(ref.ask('add', 7));
    const registry = registryOf(n2);
    const accept = registry.accept.bind(registry);
    registry.accept = async (registration) => {
      const own = await accept(registration);
      await n2.spawn(Local, { id: 'c', thread: 0 });
      return own;
    };
    const moved = n1.migrate(ref, { node: 'n2' });
    await cluster.advance(1000);
    const local = n2.find('c', Local);
    if (local === undefined) throw new Error('it is not there');
    // The agent of the node is not the one that has moved, whatever its id.
    expect(await cluster.settle(n2.migrate(local, { node: 'n1' }).catch(codeOf))).toBe('NEXUS_MIGRATION_REFUSED');
    expect(await cluster.settle(local.ask('read'))).toBe(0);
    const asked = ref.ask('read');
    await cluster.settle(local.stop());
    expect(await cluster.settle(asked)).toBe(7);
    await cluster.settle(moved);
    expect(registryOf(n2).own('c')?.kind).toBe('counter');
  });
});

test('an id of the cluster that an agent of the node keeps from being started there is free on other nodes', async () => {
  await withCluster({ ...OPTIONS, nodes: ['n1', 'n2', 'n3'] }, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    await cluster.settle(n1.spawn(Local, { id: 'c' }));
    await cluster.settle(n1.spawn(Top, { id: 'top' }));
    await cluster.until(() => n1.find('child') !== undefined, 1000);
    // Both begin at once: neither knows of the other when it asks for the id.
    const both = Promise.all([n1.spawn(Counter, { id: 'd', thread: 1 }).catch(codeOf), n1.spawn(Local, { id: 'd', thread: 0 }).then(({ kind }) => kind)]);
    expect(await cluster.settle(both)).toEqual(['NEXUS_ID_DUPLICATE', 'local']);
    for (const id of ['c', 'child']) expect(await cluster.settle(n1.spawn(Counter, { id }).catch(codeOf))).toBe('NEXUS_ID_DUPLICATE');
    for (const id of ['c', 'd', 'child']) expect(registryOf(n1).own(id)).toBeUndefined();
    const there = await cluster.settle(n2.spawn(Counter, { id: 'c' }));
    expect(await cluster.settle(there.ask('add', 1))).toBe(1);
    // Nobody has started the others.
    cluster.node('n1').crash();
    await cluster.until(() => n2.cluster?.members().length === 2);
    await cluster.advance(5000);
    expect(cluster.nodes.filter(({ isUp }) => isUp).flatMap(({ nexus }) => [...nexus.agents()].map(({ id }) => id))).toEqual(['c']);
  });
});

test('an agent of its node stays one also where it is spawned with the name of that node', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    for (const [name, nexus] of [
      ['n1', n1],
      ['n2', n2],
    ] as const)
      expect((await cluster.settle(nexus.spawn(Local, { id: 'c', node: name }))).id).toBe('c');
    const made = await cluster.settle(n1.spawn(Counter, { node: 'n1' }));
    expect(['c', made.id].map((id) => registryOf(n1).own(id))).toEqual([undefined, undefined]);
    await cluster.settle(made.stop());
    expect(registryOf(n1).own(made.id)).toBeUndefined();
  });
});

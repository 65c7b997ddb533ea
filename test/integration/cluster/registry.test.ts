/** The registry on whole nodes of a simulated cluster: messages over the transport, views of the membership. The rules are tested in `test/unit/protocols/registry/`. */
import { defineAgent, type NexusError } from 'nexus-agents';
import { createTestCluster, type TestCluster, type TestClusterOptions, type TestNode } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';
import { type Nexus, partsOf } from '../../../dist/ts-src/nexus.js';
import type { Registration } from '../../../dist/ts-src/model/registration.js';
import type { Registry } from '../../../dist/ts-src/ports/registry.js';

async function clusterOf(options: Partial<TestClusterOptions>): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [], seed: 1, ...options });
  onTestFinished(() => cluster.close());
  return cluster;
}

const registryOf = (node: TestNode): Registry => partsOf(node.nexus as unknown as Nexus).node?.registry as Registry;
const request = (id: string): Parameters<Registry['register']>[0] => ({ id, kind: 'counter', placement: 'pinned', init: new Uint8Array([1]) });
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `agent-${index}`);

test('an id that one node has registered is known to all, and refused to all others', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [first, second, third] = cluster.nodes.map(registryOf) as [Registry, Registry, Registry];
  const registered = await cluster.settle(Promise.all(ids(60).map((id) => first.register(request(id), 5000))));
  expect(new Set(registered.map(({ id }) => first.ownerOf(id)?.name)).size).toBe(3);
  for (const registry of [second, third]) expect(await cluster.settle(registry.lookupMany(ids(60), 5000))).toEqual(registered);
  const refused = await cluster.settle(Promise.allSettled(ids(60).map((id) => second.register(request(id), 5000))));
  expect(refused.every((each) => each.status === 'rejected' && each.reason.code === 'NEXUS_ID_DUPLICATE')).toBe(true);
  for (const { id, token } of registered) first.release(id, token);
  await cluster.advance(1000);
  const again = await cluster.settle(Promise.all(ids(60).map((id) => third.register(request(id), 5000))));
  again.forEach(({ token }, index) => {
    expect(token).toBeGreaterThan((registered[index] as Registration).token);
  });
});

const Counter = defineAgent({ kind: 'counter', state: () => 0, actions: { read: (state) => state } });

test('what is handed over is active on the other node alone, and what a lost node ran is an orphan of the owner', async () => {
  const cluster = await clusterOf({ nodes: 4, agents: [Counter] });
  const nodes = cluster.nodes.map(registryOf);
  const [first, second] = nodes as [Registry, Registry];
  const orphans: string[] = [];
  for (const registry of nodes) registry.listen({ orphaned: ({ id }) => void orphans.push(id) });
  const { nexus } = cluster.node('n1');
  const agents = await cluster.settle(Promise.all(ids(40).map((id) => nexus.spawn(Counter, { id }))));
  const registered = ids(40).map((id) => first.own(id) as Registration);
  expect(await cluster.settle(nexus.migrateMany(agents, { node: 'n2' }))).toEqual({ moved: 40, failures: [] });
  registered.forEach(({ id, life, token }) => {
    const moved = second.own(id) as Registration;
    expect([first.own(id), moved.host, moved.life]).toEqual([undefined, second.self, life]);
    expect(moved.token).toBeGreaterThan(token);
  });
  cluster.node('n2').crash();
  await cluster.advance(30_000);
  expect(orphans.sort()).toEqual(ids(40).sort());
  for (const id of ids(40)) expect([first, ...nodes.slice(2)].filter((registry) => registry.own(id) !== undefined)).toHaveLength(1);
});

test('a registration that waits for what a node runs that does not answer says so, and goes on when that is removed', async () => {
  const cluster = await clusterOf({ nodes: 4 });
  const [first, second, third] = cluster.nodes.map(registryOf) as [Registry, Registry, Registry];
  const before = new Map(ids(200).map((id) => [id, first.ownerOf(id)?.name]));
  // One cannot be reached, and another one leaves before that is removed.
  cluster.partition([['n1', 'n2', 'n4'], ['n3']]);
  // It waits for its connection to that one to be closed, and is gone before.
  const stopped = cluster.node('n4').nexus.stop({ deadlineMs: 100 });
  expect(await cluster.until(() => cluster.node('n1').nexus.cluster?.members().length === 3)).toBe(true);
  await cluster.advance(500);
  const id = ids(200).find((each) => before.get(each) === 'n4' && first.ownerOf(each)?.name === 'n1') as string;
  const refused = await cluster.settle(first.register(request(id), 500).catch((error: unknown) => error));
  expect(refused).toMatchObject({ code: 'NEXUS_REGISTRY_TIMEOUT', data: { id, owner: 'n1', waitingFor: ['n3'] } });
  expect((refused as Error).message).toBe(`'${id}' was not registered after 500 ms: this node owns it, and waits until n3 has said what it runs`);
  expect(first.snapshot()).toMatchObject({ waitingFor: ['n3'] });
  expect(first.snapshot().claiming).toBeGreaterThan(0);
  expect(await cluster.settle(second.register(request(id), 30_000))).toMatchObject({ id, host: second.self });
  await cluster.advance(3000);
  await cluster.settle(stopped);
  expect([first.snapshot().claiming, first.snapshot().waitingFor, third.self.name]).toEqual([0, [], 'n3']);
});

test('an id whose spawn was given up stays with its node until the worker has come to it, and is free when the agent has ended', async () => {
  const begun: string[] = [];
  const Late = defineAgent({
    kind: 'late',
    state: () => 0,
    onStart: (_state, { id }) => void begun.push(`${id} by ${registryOf(cluster.node('n1')).own(id)?.host.name}`),
    actions: {
      spawn: (_state, id: string, ctx) => ctx.spawn(Counter, { id, thread: 1, timeoutMs: 50 }).then(({ id }) => id, codeOf),
    },
  });
  const codeOf = (error: NexusError): string => error.code;
  const cluster = await clusterOf({ nodes: 2, agents: [Late, Counter], workers: { restart: { initialDelayMs: 500 } } });
  const [n1, n2] = [cluster.node('n1'), cluster.node('n2')];
  const parent = await cluster.settle(n1.nexus.spawn(Late, { id: 'parent', thread: 0 }));
  // What is for a worker that is being replaced waits for the next one.
  let isLost = false;
  n1.nexus.on('threadLost', () => {
    isLost = true;
  });
  n1.killThread(1);
  await cluster.until(() => isLost, 5000);
  const ofParent = parent.ask('spawn', 'child');
  expect(await cluster.settle(n1.nexus.spawn(Late, { id: 'a', thread: 1, timeoutMs: 50 }).catch(codeOf))).toBe('NEXUS_SPAWN_TIMEOUT');
  expect(await cluster.settle(ofParent)).toBe('NEXUS_SPAWN_TIMEOUT');
  expect(begun).toEqual(['parent by n1']);
  for (const id of ['a', 'child']) expect(await cluster.settle(n2.nexus.spawn(Late, { id }).catch(codeOf))).toBe('NEXUS_ID_DUPLICATE');
  expect(await cluster.until(() => begun.length > 1, 5000)).toBe(true);
  expect(await cluster.until(() => registryOf(n1).own('a') === undefined && registryOf(n1).own('child') === undefined, 5000)).toBe(true);
  for (const id of ['a', 'child']) expect((await cluster.settle(n2.nexus.spawn(Late, { id }))).id).toBe(id);
  expect(begun).toEqual(['parent by n1', 'a by n1', 'a by undefined', 'child by undefined']);
});

test('an id whose spawn was given up is never said to be that of an agent that another spawn starts meanwhile', async () => {
  const seen: string[] = [];
  const kindOf = (): string | undefined => registryOf(cluster.node('n1')).own('a')?.kind;
  const agentOf = (kind: string) => defineAgent({ kind, state: () => 0, onStart: () => void seen.push(`${kind} as ${kindOf()}`), actions: {} });
  const [First, Second] = [agentOf('first'), agentOf('second')];
  const cluster = await clusterOf({ nodes: 2, agents: [First, Second, Counter], threads: 2, workers: { restart: { initialDelayMs: 500 } } });
  const { nexus } = cluster.node('n1');
  // The registry answers.
  await cluster.settle(nexus.spawn(Counter, { id: 'counter' }));
  let isLost = false;
  nexus.on('threadLost', () => {
    isLost = true;
  });
  cluster.node('n1').killThread(1);
  await cluster.until(() => isLost, 5000);
  const codeOf = (error: NexusError): string => error.code;
  expect(await cluster.settle(nexus.spawn(First, { id: 'a', thread: 1, timeoutMs: 50 }).catch(codeOf))).toBe('NEXUS_SPAWN_TIMEOUT');
  // There is time enough for the one that was given up to start and to end.
  await cluster.settle(nexus.spawn(Second, { id: 'a', thread: 2 }).catch(codeOf));
  await cluster.until(() => kindOf() !== 'first', 5000);
  if (kindOf() === undefined) await cluster.settle(nexus.spawn(Second, { id: 'a', thread: 2 }));
  expect(seen).toEqual(['first as first', 'second as second']);
});

test('what a worker that is lost has told another one to start begins with its id', async () => {
  const begun: string[] = [];
  const Child = defineAgent({
    kind: 'child',
    state: () => 0,
    onStart: (_state, { id }) => void begun.push(`${id} by ${registryOf(cluster.node('n1')).own(id)?.host.name}`),
    actions: {},
  });
  const Parent = defineAgent({
    kind: 'parent',
    state: () => 0,
    actions: { spawn: (_state, id: string, ctx) => void ctx.spawn(Child, { id, thread: 2 }).catch(() => undefined) },
  });
  const cluster = await clusterOf({ nodes: 2, agents: [Parent, Child], threads: 2, workers: { restart: { initialDelayMs: 500 } } });
  const n1 = cluster.node('n1');
  const parent = await cluster.settle(n1.nexus.spawn(Parent, { id: 'parent', thread: 1 }));
  const lost: number[] = [];
  n1.nexus.on('threadLost', ({ thread }) => void lost.push(thread));
  // What is for a worker that is being replaced waits for the next one.
  n1.killThread(2);
  await cluster.until(() => lost.length === 1, 5000);
  parent.tell('spawn', 'a');
  expect(await cluster.until(() => registryOf(n1).own('a') !== undefined, 1000)).toBe(true);
  await cluster.advance(10);
  n1.killThread(1);
  expect(await cluster.until(() => begun.length > 0, 5000)).toBe(true);
  expect([begun, lost]).toEqual([['a by n1'], [2, 1]]);
  // Its parent is another one by now.
  expect(await cluster.until(() => registryOf(n1).own('a') === undefined, 5000)).toBe(true);
});

/** Messages to agents of other nodes behave as messages to agents of other threads, on nodes of the testing kit: what the references are, order, errors, deadlines, limits, and what is said when the outcome cannot be known. */
import { type AgentRef, defineAgent, type NexusError } from 'nexus-agents';
import type { TestCluster, TestNode } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { codeOf, failureOf } from '../../start-nexus.js';
import { carried, clusterOf, partOf, Probe, type Seen } from './remote-world.js';

type Nodes = readonly [TestNode, TestNode];

/** Two nodes that both dial have two connections, and find out of each by itself that it is dead. */
async function unconnected(cluster: TestCluster, from: TestNode, to: TestNode): Promise<void> {
  const linkOf = () => from.nexus.cluster?.snapshot().links.find(({ node }) => node === to.name);
  expect(await cluster.until(() => linkOf()?.connections === 0)).toBe(true);
}

test('a reference travels to another node and back: kind, id, text and equality are the same, and one that comes home is local again', async () => {
  const cluster = await clusterOf();
  const [a, b] = cluster.nodes as Nodes;
  const there = await cluster.settle(b.nexus.spawn(Probe, { id: 'there' }));
  const ref = carried(there, b, a);
  expect({ id: ref.id, kind: ref.kind, text: String(ref), json: JSON.stringify(ref) }).toEqual({
    id: 'there',
    kind: 'probe',
    text: "AgentRef(probe 'there')",
    json: '{"kind":"probe","id":"there"}',
  });
  expect(ref.equals(carried(there, b, a))).toBe(true);
  const here = await cluster.settle(a.nexus.spawn(Probe, { id: 'here', thread: 1 }));
  expect(ref.equals(here)).toBe(false);
  // Through the other node and back: into its state, and out of it.
  ref.tell('meet', here);
  const back = await cluster.settle(ref.ask('met'));
  expect(back?.equals(here)).toBe(true);
  expect((back as { remote?: unknown } | undefined)?.remote).toBeUndefined();
  // On a worker of this node, and from there.
  here.tell('meet', ref);
  expect((await cluster.settle(here.ask('met')))?.equals(ref)).toBe(true);
});

test('a message between agents of two nodes has its sender, whatever threads they are on, and the answer goes back', async () => {
  for (const [from, to] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]) {
    const cluster = await clusterOf({ threads: 1 });
    const [a, b] = cluster.nodes as Nodes;
    const there = await cluster.settle(b.nexus.spawn(Probe, { id: 'there', thread: to as number }));
    const here = await cluster.settle(a.nexus.spawn(Probe, { id: 'here', thread: from as number }));
    here.tell('meet', carried(there, b, a));
    expect(await cluster.settle(here.ask('tell', 'told'))).toBe('accepted');
    expect(await cluster.settle(here.ask('ask', { action: 'see', what: { deep: [1n, new Date(5)] } }))).toEqual({ deep: [1n, new Date(5)] });
    const seen = await cluster.settle(there.ask('seen'));
    expect(seen.map(({ what, sender, senderKind }) => [what, sender, senderKind])).toEqual([
      ['told', 'here', 'probe'],
      [{ deep: [1n, new Date(5)] }, 'here', 'probe'],
    ]);
    cluster.close();
  }
});

test('what one sender says to an agent of another node arrives in its order, from every thread', async () => {
  const cluster = await clusterOf({ threads: 2 });
  const [a, b] = cluster.nodes as Nodes;
  cluster.links({ latency: { type: 'uniform', fromMs: 0, toMs: 30 } });
  const there = await cluster.settle(b.nexus.spawn(Probe, { thread: 1 }));
  const senders = await cluster.settle(Promise.all([0, 1, 2].map((thread) => a.nexus.spawn(Probe, { id: `s${thread}`, thread }))));
  for (const sender of senders) sender.tell('meet', carried(there, b, a));
  for (let number = 0; number < 300; number++) {
    for (const sender of senders) sender.tell('tell', number);
    if (number % 7 === 0) await cluster.advance(3);
  }
  await cluster.advance(2000);
  const seen = await cluster.settle(there.ask('seen'));
  for (const sender of senders)
    expect(seen.filter((each) => each.sender === sender.id).map(({ what }) => what)).toEqual(Array.from({ length: 300 }, (_, number) => number));
});

test('what a handler throws on another node arrives with its class, code, properties and cause; what cannot be sent back says so', async () => {
  const cluster = await clusterOf();
  const [a, b] = cluster.nodes as Nodes;
  const ref = carried(await cluster.settle(b.nexus.spawn(Probe)), b, a);
  const failure = await failureOf(cluster.settle(ref.ask('fail', 'out of range')));
  expect(failure).toMatchObject({ name: 'RangeError', message: 'out of range', code: 'MY_CODE' });
  expect(failure?.error).toBeInstanceOf(RangeError);
  expect(failure?.error.cause).toBeInstanceOf(TypeError);
  expect(await codeOf(cluster.settle(ref.ask('unsendable')))).toBe('NEXUS_NOT_CLONEABLE');
  expect(await codeOf(() => ref.tell('see', () => 1))).toBe('NEXUS_NOT_CLONEABLE');
  expect(await codeOf(() => (ref as AgentRef).tell('sea'))).toBe('NEXUS_ACTION_UNKNOWN');
});

test('a declared shape is checked before a message leaves its node and where it arrives, and agents of any node fit a declared agent', async () => {
  const Declared = defineAgent({
    kind: 'declared',
    state: () => ({ who: undefined as AgentRef | undefined }),
    actions: {
      meet: {
        input: { type: 'object', fields: { who: { type: 'agentRef' }, age: { type: 'uint8' } } },
        handler: (state: { who?: AgentRef }, input: { who: AgentRef; age: number }) => void (state.who = input.who),
      },
      wrong: { reply: { type: 'uint8' }, handler: () => 'text' as never },
      met: (state: { who?: AgentRef }) => state.who,
    },
  } as never) as never as typeof Probe;
  const cluster = await clusterOf({ agents: [Declared, Probe], threads: 1 });
  const [a, b] = cluster.nodes as Nodes;
  for (const thread of [0, 1]) {
    const there = await cluster.settle(b.nexus.spawn(Declared, { thread }));
    const ref = carried(there, b, a) as AgentRef;
    expect(await codeOf(() => ref.tell('meet', { who: ref, age: 256 }))).toBe('NEXUS_SHAPE_MISMATCH');
    expect(await codeOf(cluster.settle(ref.ask('meet', { who: 'nobody', age: 1 })))).toBe('NEXUS_SHAPE_MISMATCH');
    const here = await cluster.settle(a.nexus.spawn(Probe, { thread }));
    await cluster.settle(ref.ask('meet', { who: here, age: 3 }));
    expect(((await cluster.settle(ref.ask('met'))) as unknown as AgentRef).equals(here)).toBe(true);
    expect(await codeOf(cluster.settle(ref.ask('wrong')))).toBe('NEXUS_SHAPE_MISMATCH');
  }
});

test('an ask of an agent of another node ends by its time, its signal, or the deadline of the message that is handled', async () => {
  const cluster = await clusterOf();
  const [a, b] = cluster.nodes as Nodes;
  const there = await cluster.settle(b.nexus.spawn(Probe, { thread: 1 }));
  const ref = carried(there, b, a);
  expect(await codeOf(cluster.settle(ref.ask('hold', undefined as never, { timeoutMs: 100 })))).toBe('NEXUS_ASK_TIMEOUT');
  const abort = new AbortController();
  const aborted = codeOf(ref.ask('hold', undefined as never, { signal: abort.signal }));
  await cluster.advance(50);
  abort.abort();
  expect(await aborted).toBe('NEXUS_ASK_ABORTED');
  // A reply that comes late is dropped: what is asked next gets its own.
  ref.tell('release', 'late');
  expect(await cluster.settle(ref.ask('see', 'next'))).toBe('next');
  // What is left of the first ask is what the second one has.
  const here = await cluster.settle(a.nexus.spawn(Probe, { thread: 1 }));
  here.tell('meet', ref);
  await cluster.settle(here.ask('ask', { action: 'see', what: 'x', timeoutMs: 60_000 }, { timeoutMs: 700 }));
  const [last] = (await cluster.settle(there.ask('seen'))).slice(-1) as [Seen];
  expect(last.leftMs).toBeGreaterThan(600);
  expect(last.leftMs).toBeLessThan(701);
});

test('an agent of another node that has ended is not found: asks fail, tells are dead letters there', async () => {
  const cluster = await clusterOf();
  const [a, b] = cluster.nodes as Nodes;
  const there = await cluster.settle(b.nexus.spawn(Probe, { id: 'x', thread: 1 }));
  const ref = carried(there, b, a);
  await cluster.settle(ref.stop());
  expect(b.nexus.find('x')).toBeUndefined();
  const letters: unknown[] = [];
  b.nexus.on('deadLetter', ({ reason, id, kind, action }) => letters.push([reason, id, kind, action]));
  expect(ref.tell('see', 1)).toBe('accepted');
  const failure = await failureOf(cluster.settle(ref.ask('see', 2)));
  expect(failure?.code).toBe('NEXUS_AGENT_NOT_FOUND');
  expect(failure?.message).toContain("probe agent 'x' has ended");
  expect(letters).toEqual([
    ['noAgent', 'x', 'probe', 'see'],
    ['noAgent', 'x', 'probe', 'see'],
  ]);
  // Another one of the same id is another agent.
  await cluster.settle(b.nexus.spawn(Probe, { id: 'x' }));
  expect(await codeOf(cluster.settle(ref.ask('see', 3)))).toBe('NEXUS_AGENT_NOT_FOUND');
  // It has ended already.
  await cluster.settle(ref.stop());
});

test('an ask whose node is lost has an outcome that is not known, and what is asked of it later is surely not sent', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b] = cluster.nodes as Nodes;
  const ref = carried(await cluster.settle(b.nexus.spawn(Probe)), b, a);
  const held = failureOf(ref.ask('hold', undefined as never, { timeoutMs: 80_000 }));
  await cluster.advance(1000);
  b.crash({ isSilent: true });
  await cluster.settle(held);
  expect((await held)?.code).toBe('NEXUS_OUTCOME_UNKNOWN');
  expect((await held)?.message).toContain("'hold' of probe");
  await cluster.formed();
  // It is known to be gone.
  expect(await codeOf(ref.ask('see', 1))).toBe('NEXUS_NODE_UNREACHABLE');
  expect(ref.tell('see', 1)).toBe('noAgent');
});

test('a reference that names an earlier start of a node, its own or another, finds where the agent is now', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b] = cluster.nodes as Nodes;
  const id = Array.from({ length: 100 }, (_, index) => `k-${index}`).find((each) => partOf(a).registry.ownerOf(each)?.name === 'n2') as string;
  const before = await cluster.settle(a.nexus.getOrSpawn(Probe, id));
  const { remote } = partOf(a).references.describe(before);
  expect(remote?.node).toBe('n2');
  // Another node knows of it, to start it again.
  await cluster.advance(2000);
  b.crash();
  b.start();
  await cluster.formed();
  expect(b.nexus.cluster?.self.incarnation).toBeGreaterThan(remote?.incarnation as number);
  expect(await cluster.until(() => cluster.nodes.some(({ nexus }) => [...nexus.agents()].some((agent) => agent.id === id)), 30_000)).toBe(true);
  // Nobody on this start of the node has ever seen the one before as a member.
  const restored = partOf(b).references.restoreRemote(remote as NonNullable<typeof remote>) as unknown as AgentRef<typeof Probe>;
  expect(await cluster.settle(restored.ask('see', 1))).toBe(1);
  expect(await cluster.settle(before.ask('see', 2))).toBe(2);
});

test('a node that nobody here has seen is waited for until a view says that it has departed', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b] = cluster.nodes as Nodes;
  const { remote } = partOf(b).references.describe(await cluster.settle(b.nexus.spawn(Probe, { id: 'k' })));
  const third = cluster.node('n3');
  const unseen = { ...(remote as NonNullable<typeof remote>), node: 'n9', incarnation: (third.nexus.cluster?.self.incarnation as number) - 1 };
  const ref = partOf(a).references.restoreRemote(unseen) as unknown as AgentRef<typeof Probe>;
  const waiting = codeOf(ref.ask('see', 1, { timeoutMs: 60_000 }));
  await cluster.advance(100);
  // Its incarnation is greater than that of the node that was unseen: whoever comes now has a greater one still.
  await cluster.settle(third.stop());
  // All it waited for was an address: it may be asked again.
  expect(await cluster.settle(waiting, { withinMs: 5000 })).toBe('NEXUS_NODE_UNREACHABLE');
  expect(await cluster.settle(ref.ask('see', 2))).toBe(2);
});

test('an ask that waits for a connection to a node that is lost before there is one was surely not sent', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b] = cluster.nodes as Nodes;
  const ref = carried(await cluster.settle(b.nexus.spawn(Probe)), b, a);
  const sent = codeOf(ref.ask('hold', undefined as never, { timeoutMs: 80_000 }));
  await cluster.advance(100);
  cluster.partition([['n1'], ['n2']]);
  expect(await cluster.settle(sent, { withinMs: 30_000 })).toBe('NEXUS_OUTCOME_UNKNOWN');
  await unconnected(cluster, a, b);
  // The third one still reaches both: it is a member, and what is asked waits.
  const unsent = failureOf(ref.ask('hold', undefined as never, { timeoutMs: 80_000 }));
  await cluster.advance(500);
  expect(a.nexus.cluster?.member('n2')).toBeDefined();
  b.crash({ isSilent: true });
  await cluster.settle(unsent, { withinMs: 60_000 });
  expect((await unsent)?.code).toBe('NEXUS_NODE_UNREACHABLE');
  expect(((await unsent)?.error as NexusError).data).toMatchObject({ node: 'n2', kind: 'probe', action: 'hold' });
});

test('an ask whose connection is lost after it was sent has an outcome that is not known, although its node goes on', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b] = cluster.nodes as Nodes;
  const there = await cluster.settle(b.nexus.spawn(Probe));
  const ref = carried(there, b, a);
  await cluster.settle(ref.ask('see', 0));
  const held = failureOf(ref.ask('hold', undefined as never, { timeoutMs: 80_000 }));
  await cluster.advance(100);
  // The third one still reaches both: nobody is removed.
  cluster.partition([['n1'], ['n2']]);
  await cluster.settle(held, { withinMs: 30_000 });
  expect((await held)?.code).toBe('NEXUS_OUTCOME_UNKNOWN');
  await unconnected(cluster, a, b);
  cluster.heal();
  expect(await cluster.settle(ref.ask('see', 1, { timeoutMs: 60_000 }))).toBe(1);
});

test('where too much waits for a node a tell is full, an ask fails, and an offer waits until there is room', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b] = cluster.nodes as Nodes;
  const ref = carried(await cluster.settle(b.nexus.spawn(Probe)), b, a);
  await cluster.settle(ref.ask('see', 0));
  cluster.partition([['n1'], ['n2']]);
  const large = new Uint8Array(1_000_000);
  let accepted = 0;
  // What the system takes of it is gone from here.
  for (let turn = 0; turn < 20; turn++) {
    while (ref.tell('see', large) === 'accepted') accepted++;
    await cluster.advance(10);
  }
  expect(accepted).toBeGreaterThan(10);
  expect(accepted).toBeLessThan(40);
  const failure = await failureOf(ref.ask('see', large));
  expect(failure?.code).toBe('NEXUS_BACKPRESSURE');
  expect(await cluster.settle(ref.offer('see', large, { timeoutMs: 50 }))).toBe('full');
  const offered = ref.offer('see', 'waited', { timeoutMs: 60_000 });
  await cluster.advance(100);
  cluster.heal();
  expect(await cluster.settle(offered)).toBe('accepted');
});

test('a message that is too large for the way between nodes is refused where it is sent, and the next one goes', async () => {
  const cluster = await clusterOf();
  const [a, b] = cluster.nodes as Nodes;
  const ref = carried(await cluster.settle(b.nexus.spawn(Probe)), b, a);
  expect(await codeOf(() => ref.tell('see', new Uint8Array(70_000_000)))).toBe('NEXUS_MESSAGE_TOO_LARGE');
  expect(await codeOf(ref.ask('see', new Uint8Array(70_000_000)))).toBe('NEXUS_MESSAGE_TOO_LARGE');
  expect(await cluster.settle(ref.ask('see', 'small'))).toBe('small');
});

test('rubbish on the channel of agents is refused and counted, comes to no agent, and nothing else suffers', async () => {
  const cluster = await clusterOf();
  const [a, b] = cluster.nodes as Nodes;
  const there = await cluster.settle(b.nexus.spawn(Probe, { id: 'x' }));
  const ref = carried(there, b, a);
  const { life } = partOf(b).references.describe(there).remote as { life: number };
  const self = b.nexus.cluster?.self as never;
  const send = (value: unknown): void => void a.nexus.cluster?.transport?.send(self, 'normal', { channel: 2, value });
  const rubbish: unknown[] = [
    ...[null, 1, 'text', {}, [], [99], [-1], [{}], [[]], new Map(), new Error('x')],
    ...[
      [0],
      [0, 'x'],
      [0, '', life, 'probe', 'see', 1, null],
      [0, 7, life, 'probe', 'see', 1, null],
      [0, 'x', 'y', 'probe', 'see', 1, null],
      [0, 'x', life, 'probe', 7, 1, null],
    ],
    ...[
      [0, 'x', life, 'probe', 'see', 1, 'no sender'],
      [1, 'x', life, 'probe', 'see', 1],
      [1, 'x', life, 'probe', 'see', 1, 1.5, 2, 3],
      [1, 'x', life, 'probe', 'see', 1, 1, 2, -3],
      [1, 'x', life, 'probe', 'see', 1, 1, 2, Number.NaN],
    ],
    ...[[2], [2, 'a', 1, 1], [3, 1], [4, 'x', life, 'probe', 7, {}], [4, null, 0], [5, 'x', life, 'probe', 'stopAgent', {}]],
    ...[
      [6, 'x', life],
      [6, 'x', life, 'not a node!', 1, 1],
      [7, 'x'],
      [8, 'x', life, 1],
      [9, 'n1', 1, ['n1'], 'no frame'],
      [9, 'n1', 1, [5], [0]],
      [9, 'n1', 1, ['n1'], [9, 'n1', 1, ['n1'], [0]]],
      [9, 'n1', 1, ['n1'], [2, 1, 1, 1]],
    ],
    ...[
      [10, 'probe', 'see', 1, 5, null, 'x', life],
      [10, 'probe', 'see', 1, null, null, 7, life],
      [11, [2, 1, 1, 1]],
      [11, 5],
      [12, 'x'],
      [12, 7, life],
      [15, 'x', life, 1],
    ],
  ];
  for (const value of rubbish) send(value);
  // Of another agent of the id, of another kind, of no action, and calls that nodes do not make.
  for (const value of [
    [0, 'x', life + 1, 'probe', 'see', 'other life'],
    [0, 'x', life, 'other', 'see', 'other kind'],
    [0, 'x', life, 'probe', 'sea', 'no action'],
    [4, null, 0, '', 'shutdown', undefined],
    [4, null, 0, '', 'installAgent', {}],
    [4, 'x', life, 'probe', 'terminated', { watcher: 1 }],
    [4, 'x', life, 'probe', '__proto__', {}],
  ])
    send(value);
  await cluster.advance(1000);
  expect(await cluster.settle(ref.ask('seen'))).toEqual([]);
  const refused = partOf(b).agents.refusals.get('NEXUS_MESSAGE_CORRUPT') ?? 0;
  expect(refused).toBe(rubbish.length + 4);
  expect(partOf(b).agents.refusals.get('NEXUS_ACTION_UNKNOWN')).toBe(1);
  expect(await cluster.settle(ref.ask('see', 'sound'))).toBe('sound');
});

test('asks that a node has never sent are not answered by what another node makes up', async () => {
  const cluster = await clusterOf({ threads: 1 });
  const [a, b] = cluster.nodes as Nodes;
  // An ask between threads of the first node, with whatever numbers it has.
  const here = await cluster.settle(a.nexus.spawn(Probe, { thread: 1 }));
  const held = here.ask('hold', undefined as never, { timeoutMs: 30_000 });
  await cluster.advance(10);
  const self = a.nexus.cluster?.self as never;
  for (let slot = 0; slot < 4; slot++)
    for (let sequence = -2; sequence < 40; sequence++) b.nexus.cluster?.transport?.send(self, 'normal', { channel: 2, value: [2, slot, sequence, 'forged'] });
  await cluster.advance(1000);
  here.tell('release', 'true');
  expect(await cluster.settle(held)).toBe('true');
});

test('one message to many agents goes to each node in one frame, and what becomes of each is said', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b, c] = cluster.nodes as readonly [TestNode, TestNode, TestNode];
  const refs: AgentRef<typeof Probe>[] = [];
  for (let number = 0; number < 60; number++) {
    const node = [a, b, c][number % 3] as TestNode;
    refs.push(carried(await cluster.settle(node.nexus.spawn(Probe, { thread: (number >> 2) % 2 })), node, a));
  }
  await cluster.settle(Promise.all(refs.slice(0, 3).map((ref) => ref.ask('see', 0))));
  const sentBefore = partOf(a).agents.statistics.sent;
  expect(a.nexus.tellMany(refs, 'see', { to: 'all' })).toEqual(refs.map(() => 'accepted'));
  expect(partOf(a).agents.statistics.sent - sentBefore).toBe(2);
  await cluster.advance(100);
  const all = await cluster.settle(Promise.all(refs.map((ref) => ref.ask('seen'))));
  expect(all.map((seen) => seen.slice(-1)[0]?.what)).toEqual(refs.map(() => ({ to: 'all' })));
  expect(await codeOf(() => a.nexus.tellMany([...refs, 'no reference' as never], 'see', 1))).toBe('NEXUS_OPTION_INVALID');
});

test('an agent is located on whichever node it is, by ids of the cluster and by ids that a runtime made up', async () => {
  const cluster = await clusterOf({ nodes: 3 });
  const [a, b, c] = cluster.nodes as readonly [TestNode, TestNode, TestNode];
  await cluster.settle(b.nexus.spawn(Probe, { id: 'named', thread: 1 }));
  const unnamed = await cluster.settle(b.nexus.spawn(Probe));
  const local = await cluster.settle(a.nexus.spawn(Probe, { id: 'local', thread: 1 }));
  const there = { kind: 'probe', node: b.nexus.cluster?.self, isHere: false, thread: undefined };
  expect(await cluster.settle(a.nexus.locateMany(['named', unnamed.id, local.id, 'nobody', 'n2/probe#nobody']))).toEqual([
    { id: 'named', ...there },
    { id: unnamed.id, ...there },
    { id: 'local', kind: 'probe', node: a.nexus.cluster?.self, isHere: true, thread: 1 },
    undefined,
    undefined,
  ]);
  expect(await cluster.settle(b.nexus.locate('named'))).toEqual({ id: 'named', kind: 'probe', node: b.nexus.cluster?.self, isHere: true, thread: 1 });
  // What was heard of is found without asking anybody, and told and asked.
  const found = a.nexus.find('named', Probe);
  expect(await cluster.settle((found as AgentRef<typeof Probe>).ask('see', 'found'))).toBe('found');
  expect(await codeOf(cluster.settle(a.nexus.locate('named', { timeoutMs: 0 })))).toBe('NEXUS_OPTION_INVALID');
  // By its address, from a third node.
  expect(c.nexus.send('named', 'see', 'sent')).toBe('accepted');
  expect(c.nexus.send('nobody', 'see', 'sent')).toBe('accepted');
  await cluster.advance(1000);
  const seen = await cluster.settle((found as AgentRef<typeof Probe>).ask('seen'));
  expect(seen.map(({ what }) => what)).toEqual(['found', 'sent']);
});

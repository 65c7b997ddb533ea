/**
 * Order per pair of agents where an agent leaves its node for another one and comes home, or is started again where its senders are because its node was lost, and senders on every thread of every node hold references of all ages to it: those of before, those that came in messages from
 * where it was, and the one that is found by its name. In the simulation, where the threads of all nodes take turns in another order for every seed.
 */
import { type AgentRef, defineAgent, type Nexus } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const THREADS = 2;
const SEEDS = 2;
/** Where it goes, one after the other. */
const JOURNEY = ['n2', 'n1', 'n3', 'n2', 'n1', 'n2', 'n1'];

interface Numbered {
  readonly from: string;
  readonly number: number;
}

const Log = defineAgent({
  kind: 'log',
  state: () => ({ last: {} as Record<string, number>, wrong: [] as string[] }),
  actions: {
    numbered(state, { from, number }: Numbered) {
      const last = state.last[from] ?? 0;
      if (number !== last + 1) state.wrong.push(`${number} of ${from} after ${last}`);
      state.last[from] = number;
    },
    read: (state) => state,
    /** Has another one hear of it, by a reference of its own. */
    greet: (_state, other: AgentRef, ctx) => void ctx.tell(other as AgentRef<typeof Sender>, 'hear', ctx.self as never),
  },
});

type Ref = AgentRef<typeof Log>;

/** Numbers what it sends, by every reference it has in turn. */
const Sender = defineAgent({
  kind: 'sender',
  state: () => ({ refs: [] as Ref[], number: 0 }),
  actions: {
    hear: (state, ref: AgentRef) => void state.refs.push(ref as Ref),
    count: (state) => state.number,
    send(state, _input: undefined, ctx) {
      const found = ctx.find('x', Log);
      const refs = found === undefined ? state.refs : [...state.refs, found as Ref, ...state.refs];
      for (const ref of refs) {
        const message = { from: ctx.id, number: ++state.number };
        if (state.number % 5 === 0) void ctx.ask(ref, 'numbered', message);
        else if (state.number % 7 === 0) ctx.tellMany([ref], 'numbered', message);
        else ctx.tell(ref, 'numbered', message);
      }
    },
  },
});

async function comesAndGoes(cluster: TestCluster, home: number): Promise<void> {
  const [n1] = cluster.nodes.map(({ nexus }) => nexus) as [Nexus];
  const log = await cluster.settle(n1.spawn(Log, { id: 'x', thread: home }));
  const onEach = cluster.nodes.flatMap(({ nexus, name }) =>
    Array.from({ length: THREADS + 1 }, (_, thread) => nexus.spawn(Sender, { id: `of thread ${thread} of ${name}`, thread })),
  );
  const senders = await cluster.settle(Promise.all(onEach));
  const greet = async (): Promise<void> => {
    for (const sender of senders) log.tell('greet', (await n1.getOrSpawn(Sender, sender.id)) as never);
  };
  let isOver = false;
  const moving = (async () => {
    await greet();
    for (const node of JOURNEY) {
      await n1.migrate(log, { node });
      await greet();
    }
  })().finally(() => {
    isOver = true;
  });
  moving.catch(() => undefined);
  while (!isOver) {
    for (const sender of senders) sender.tell('send');
    await cluster.advance(0.5);
  }
  await cluster.settle(moving);
  await cluster.advance(1000);
  for (const sender of senders) sender.tell('send');
  await cluster.advance(1000);
  const { last, wrong } = await cluster.settle(log.ask('read'));
  const sent = await cluster.settle(Promise.all(senders.map(async (sender) => [sender.id, await sender.ask('count')])));
  expect(wrong).toEqual([]);
  expect(last).toEqual(Object.fromEntries(sent));
  expect(Math.min(...Object.values(last))).toBeGreaterThan(20);
}

test.each([0, 1, 2])(
  'what an agent is told is in order while it goes to other nodes and comes home, whichever references its senders have (from thread %i)',
  async (home) => {
    for (let seed = 1; seed <= SEEDS; seed++)
      await withCluster({ agents: [Log, Sender], nodes: 3, threads: THREADS, seed: 10 * home + seed }, (cluster) => comesAndGoes(cluster, home));
  },
);

/** With what it has handled before. */
const Restarted = defineAgent({
  kind: 'log',
  state: () => ({ last: {} as Record<string, number>, wrong: [] as string[] }),
  actions: {
    numbered(state, { from, number }: Numbered) {
      const last = state.last[from] ?? 0;
      // What was lost with its node is not missed.
      if (number <= last) state.wrong.push(`${number} of ${from} after ${last}`);
      state.last[from] = number;
    },
    read: (state) => state,
    greet: (_state, other: AgentRef, ctx) => void ctx.tell(other as AgentRef<typeof Sender>, 'hear', ctx.self as never),
  },
});

async function isLostWithItsNode(cluster: TestCluster): Promise<void> {
  const [n1, , n3] = cluster.nodes.map(({ nexus }) => nexus) as [Nexus, Nexus, Nexus];
  const lost = cluster.node('n2');
  const log = await cluster.settle(n1.spawn(Restarted, { id: 'x', node: 'n2' }));
  const onEach = [n1, n3].flatMap((nexus, index) =>
    Array.from({ length: THREADS + 1 }, (_, thread) => nexus.spawn(Sender, { id: `of thread ${thread} of ${index}`, thread })),
  );
  const senders = await cluster.settle(Promise.all(onEach));
  for (const { id } of senders) log.tell('greet', (await cluster.settle(n1.getOrSpawn(Sender, id))) as never);
  await cluster.advance(10);
  for (const sender of senders) sender.tell('send');
  await cluster.advance(0.5);
  lost.crash();
  while ([n1, n3].some((nexus) => nexus.cluster?.members().length !== 2)) await cluster.advance(1);
  for (let ms = 0; ms < 200; ms++) {
    for (const sender of senders) sender.tell('send');
    await cluster.advance(1);
  }
  await cluster.advance(1000);
  const counted = await cluster.settle(Promise.all(senders.map((sender) => sender.ask('count'))));
  const { last, wrong } = await cluster.settle(log.ask('read'));
  expect(wrong).toEqual([]);
  expect(last).toEqual(Object.fromEntries(senders.map((sender, index) => [sender.id, counted[index]])));
}

test('what an agent is told that is started again where its senders are, because its node was lost, is in order, whichever references they have', async () => {
  for (let seed = 1; seed <= 4; seed++)
    await withCluster({ agents: [Restarted, Sender], nodes: 3, threads: THREADS, seed }, (cluster) => isLostWithItsNode(cluster));
});

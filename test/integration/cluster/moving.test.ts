/** Agents that start on other nodes, move there, and come back when their node is lost: in the simulation, where any step can be cut off. */
import { type AgentRef, defineAgent, type Nexus, type NexusError } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import type { NodeParts } from '../../../dist/ts-src/cluster/node-parts.js';
import { partsOf } from '../../../dist/ts-src/nexus.js';

const Counter = defineAgent({
  kind: 'counter',
  state: (init: { from?: number } | undefined) => ({ count: init?.from ?? 0, ticks: 0, signals: 0, starts: 0 }),
  onStart(state) {
    state.starts++;
  },
  actions: {
    add: (state, by: number) => {
      state.count += by;
      return state.count;
    },
    read: (state) => state.count,
    starts: (state) => state.starts,
    where: (_state, _input, ctx) => ctx.id,
    tick: (state) => void state.ticks++,
    ticks: (state) => state.ticks,
    signalled: (state) => void state.signals++,
    signals: (state) => state.signals,
    begin(_state, _input, ctx) {
      ctx.timers.every(100, 'tick');
      ctx.subscribe('news.*', 'signalled');
      ctx.join('readers');
    },
  },
});
const Local = defineAgent({ kind: 'local', scope: 'node', state: () => 0, actions: { read: (state) => state } });

const nexusOf = (cluster: TestCluster, name: string): Nexus => cluster.node(name).nexus;
const OPTIONS = { agents: [Counter, Local], threads: 1 } as const;
/** Nodes on which an agent of this id is live. */
const holders = (cluster: TestCluster, id: string): string[] =>
  cluster.nodes.filter((node) => node.isUp && [...node.nexus.agents()].some((agent) => agent.id === id)).map(({ name }) => name);

test('getOrSpawn makes one agent in the whole cluster, whichever node is asked and however often', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const refs = await cluster.settle(
      Promise.all(cluster.nodes.flatMap(({ nexus }) => Array.from({ length: 10 }, () => nexus.getOrSpawn(Counter, 'c', { init: { from: 5 } })))),
    );
    for (const ref of refs) await cluster.settle(ref.ask('add', 1));
    expect(await cluster.settle((refs[0] as AgentRef<typeof Counter>).ask('read'))).toBe(35);
    expect(holders(cluster, 'c')).toHaveLength(1);
  });
});

test('spawn starts an agent on the node that is asked for, and its id is taken in the whole cluster', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const there = await cluster.settle(n1.spawn(Counter, { id: 'a', node: 'n3', init: { from: 7 } }));
    expect(holders(cluster, 'a')).toEqual(['n3']);
    expect(await cluster.settle(there.ask('read'))).toBe(7);
    const error = await cluster.settle(n2.spawn(Counter, { id: 'a' }).catch((thrown: NexusError) => thrown));
    expect(error).toMatchObject({ code: 'NEXUS_ID_DUPLICATE', data: { id: 'a', node: 'n3' } });
    await cluster.settle(there.stop());
    await cluster.settle(n2.spawn(Counter, { id: 'a' }));
    expect(holders(cluster, 'a')).toEqual(['n2']);
  });
});

test('agents of scope node and generated ids are of each node', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    for (const { nexus } of cluster.nodes) await cluster.settle(nexus.spawn(Local, { id: 'watch' }));
    expect(holders(cluster, 'watch')).toEqual(['n1', 'n2', 'n3']);
    const ids = await cluster.settle(Promise.all(cluster.nodes.map(({ nexus }) => nexus.spawn(Counter)))).then((refs) => refs.map(({ id }) => id));
    expect(new Set(ids).size).toBe(3);
    expect(ids.map((id) => id.split('/')[0])).toEqual(['n1', 'n2', 'n3']);
  });
});

test('an agent moves to another node with its state, timers, subscriptions and groups, and references to it stay valid', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const ref = await cluster.settle(n1.spawn(Counter, { id: 'c', thread: 1, init: { from: 1 } }));
    const other = await cluster.settle(n2.getOrSpawn(Counter, 'c'));
    ref.tell('begin');
    await cluster.advance(1000);
    const before = await cluster.settle(other.ask('ticks'));
    expect(before).toBeGreaterThan(5);
    await cluster.settle(n1.migrate(ref, { node: 'n3' }));
    expect(holders(cluster, 'c')).toEqual(['n3']);
    await cluster.advance(1000);
    expect(await cluster.settle(ref.ask('ticks'))).toBeGreaterThan(before + 5);
    expect(await cluster.settle(other.ask('add', 1))).toBe(2);
    expect(await cluster.settle(ref.ask('starts'))).toBe(1);
    n2.publish('news.now');
    expect(await cluster.until(() => n1.group('readers').size === 1, 5000)).toBe(true);
    await cluster.advance(200);
    expect(await cluster.settle(other.ask('signals'))).toBe(1);
    // And home again, asked from a node that has nothing to do with it.
    await cluster.settle(n2.migrate(other, { node: 'n1' }));
    expect(holders(cluster, 'c')).toEqual(['n1']);
    expect(await cluster.settle(ref.ask('add', 1))).toBe(3);
  });
});

test('messages that are sent while an agent moves arrive once and in their order', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const Log = Counter;
    const [n1, n2, n3] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2'), nexusOf(cluster, 'n3')];
    const ref = await cluster.settle(n1.spawn(Log, { id: 'c' }));
    const seen = await cluster.settle(Promise.all([n2, n3].map((nexus) => nexus.getOrSpawn(Log, 'c'))));
    let expected = 0;
    const asked: Promise<unknown>[] = [];
    const targets = ['n2', 'n3', 'n1', 'n2'];
    let isOver = false;
    const moving = (async () => {
      for (const node of targets) await n1.migrate(ref, { node });
      isOver = true;
    })();
    for (let turn = 0; turn < 400 && !isOver; turn++) {
      for (const each of [ref, ...seen]) {
        asked.push(each.ask('add', 1));
        expected++;
      }
      await cluster.advance(5);
    }
    await cluster.settle(moving);
    await cluster.settle(Promise.all(asked));
    expect(await cluster.settle(ref.ask('read'))).toBe(expected);
    expect(holders(cluster, 'c')).toEqual(['n2']);
  });
});

test('a reference that is given away while its agent is handed over leads to where it is then', async () => {
  const Keeper = defineAgent({
    kind: 'keeper',
    state: () => ({ kept: undefined as AgentRef<typeof Counter> | undefined }),
    actions: {
      keep: (state, ref: AgentRef<typeof Counter>) => void (state.kept = ref),
      add: (state, by: number, ctx) => ctx.ask(state.kept as AgentRef<typeof Counter>, 'add', by, { timeoutMs: 2000 }),
    },
  });
  await withCluster({ agents: [Counter, Keeper], threads: 1 }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    const registry = partsOf(n1 as unknown as Parameters<typeof partsOf>[0]).node?.registry;
    const ref = await cluster.settle(n1.spawn(Counter, { id: 'c', thread: 1 }));
    const keeper = await cluster.settle(n1.spawn(Keeper, { id: 'k', node: 'n3' }));
    const moving = n1.migrate(ref, { node: 'n2' });
    // The registry is asked, and the agent is here as yet.
    expect(await cluster.until(() => registry?.own('c') === undefined, 1000)).toBe(true);
    expect(holders(cluster, 'c')).toEqual(['n1']);
    keeper.tell('keep', n1.find('c', Counter) as AgentRef<typeof Counter>);
    const added = keeper.ask('add', 1);
    await cluster.settle(moving);
    expect(await cluster.settle(added)).toBe(1);
    expect(await cluster.settle(keeper.ask('add', 1))).toBe(2);
    expect(holders(cluster, 'c')).toEqual(['n2']);
  });
});

test('what an agent sends to one that moves to its node arrives in its order: what waited in the mailbox goes before what was sent while it left', async () => {
  const Writer = defineAgent({
    kind: 'writer',
    state: () => 0,
    actions: { write: (_state, { to, value }: { to: AgentRef; value: number }, ctx) => ctx.tell(to, 'append', value as never) },
  });
  const gates: (() => void)[] = [];
  const Slow = defineAgent({
    kind: 'slow',
    state: () => [] as number[],
    actions: {
      append: (state, value: number) => void state.push(value),
      all: (state) => state,
      wait: () => new Promise<void>((resolve) => gates.push(resolve)),
    },
  });
  await withCluster({ ...OPTIONS, agents: [Writer, Slow] }, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const slow = await cluster.settle(n1.spawn(Slow, { id: 'slow', thread: 0 }));
    const writer = await cluster.settle(n2.spawn(Writer, { id: 'writer', thread: 0 }));
    const there = await cluster.settle(n2.getOrSpawn(Slow, 'slow'));
    const waited = slow.ask('wait', undefined, { timeoutMs: 60_000 });
    expect(await cluster.until(() => gates.length === 1, 5000)).toBe(true);
    writer.tell('write', { to: there, value: 1 });
    await cluster.advance(200);
    const moved = n1.migrate(slow, { node: 'n2' });
    await cluster.advance(200);
    writer.tell('write', { to: there, value: 2 });
    await cluster.advance(200);
    gates[0]?.();
    writer.tell('write', { to: there, value: 3 });
    await cluster.settle(Promise.all([moved, waited]));
    writer.tell('write', { to: there, value: 4 });
    await cluster.advance(1000);
    expect(holders(cluster, 'slow')).toEqual(['n2']);
    expect(await cluster.settle(slow.ask('all'))).toEqual([1, 2, 3, 4]);
  });
});

test.each([true, false])('a timer that is due while its agent moves to another node fires once (it moves: %s)', async (moves) => {
  const Timed = defineAgent({
    kind: 'timed',
    state: () => ({ once: 0, ticks: 0 }),
    actions: {
      begin(_state, _input, ctx) {
        ctx.timers.after(100, 'once');
        ctx.timers.every(1000, 'tick');
      },
      once: (state) => void state.once++,
      tick: (state) => void state.ticks++,
      read: (state) => ({ ...state }),
    },
  });
  await withCluster({ agents: [Timed], threads: 1 }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    const ref = await cluster.settle(n1.spawn(Timed, { id: 't', thread: 1 }));
    await cluster.settle(ref.ask('begin'));
    // What it is made of is on its way when it is due.
    for (const [from, to] of [
      ['n1', 'n2'],
      ['n2', 'n1'],
    ] as const)
      cluster.link(from, to, { latency: 300 });
    const moving = n1.migrate(ref, { node: 'n2' }, { timeoutMs: 30_000 }).catch((error: NexusError) => error.code);
    if (!moves) {
      await cluster.advance(50);
      cluster.node('n2').crash({ isSilent: true });
    }
    const outcome = await cluster.settle(moving);
    expect([outcome, holders(cluster, 't')]).toEqual(moves ? [undefined, ['n2']] : ['NEXUS_MIGRATION_REFUSED', ['n1']]);
    const before = await cluster.settle(ref.ask('read'));
    await cluster.advance(1500);
    const after = await cluster.settle(ref.ask('read'));
    expect(after.once).toBe(1);
    expect(after.ticks - before.ticks).toBeGreaterThanOrEqual(1);
    expect(after.ticks - before.ticks).toBeLessThanOrEqual(2);
  });
});

test('an agent that leaves a node which is about to stop takes its timers along', async () => {
  const gates: (() => void)[] = [];
  const Ticking = defineAgent({
    kind: 'ticking',
    state: () => ({ ticks: 0 }),
    onStart: (_state, ctx) => void ctx.timers.every(100, 'tick'),
    actions: {
      tick: (state) => void state.ticks++,
      ticks: (state) => state.ticks,
      wait: () => new Promise<void>((resolve) => gates.push(resolve)),
    },
  });
  await withCluster({ ...OPTIONS, agents: [Ticking] }, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const here = await cluster.settle(n1.spawn(Ticking, { id: 't', thread: 1 }));
    const there = await cluster.settle(n2.getOrSpawn(Ticking, 't'));
    void here.ask('wait', undefined, { timeoutMs: 60_000 }).catch(() => undefined);
    expect(await cluster.until(() => gates.length === 1, 5000)).toBe(true);
    const moved = n1.migrate(here, { node: 'n2' });
    const stopped = n1.stop({ deadlineMs: 20_000 });
    await cluster.advance(50);
    gates[0]?.();
    await cluster.settle(Promise.all([moved, stopped]));
    expect(holders(cluster, 't')).toEqual(['n2']);
    const before = await cluster.settle(there.ask('ticks'));
    await cluster.advance(1000);
    expect(await cluster.settle(there.ask('ticks'))).toBeGreaterThan(before + 5);
  });
});

test('agents of a node that is lost are started again elsewhere with their init, and old references find them', async () => {
  await withCluster({ ...OPTIONS, nodes: 5 }, async (cluster) => {
    const [n1] = [nexusOf(cluster, 'n1')];
    const refs: AgentRef<typeof Counter>[] = [];
    for (let index = 0; index < 20; index++) refs.push(await cluster.settle(n1.spawn(Counter, { id: `c${index}`, node: 'n4', init: { from: index } })));
    await cluster.settle(Promise.all(refs.map((ref) => ref.ask('add', 100))));
    cluster.node('n4').crash({ isSilent: true });
    const everybody = (): boolean => refs.every(({ id }) => holders(cluster, id).length === 1);
    expect(await cluster.until(everybody, 15_000)).toBe(true);
    expect(await cluster.settle(Promise.all(refs.map((ref) => ref.ask('read'))))).toEqual(refs.map((_, index) => index));
  });
});

test('getOrSpawn finds an agent that was made anew after its node was lost, though it had been heard of on another node', async () => {
  await withCluster({ ...OPTIONS, nodes: 4, cluster: { copies: 0 } }, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const owned = (id: string): boolean => (partsOf as (nexus: unknown) => { node: NodeParts })(n1).node.registry.ownerOf(id)?.name === 'n1';
    const id = Array.from({ length: 100 }, (_, index) => `c-${index}`).find(owned) as string;
    const ref = await cluster.settle(n1.spawn(Counter, { id, node: 'n3' }));
    // n2 hears of it there, and of nothing since.
    const heard = await cluster.settle(n2.getOrSpawn(Counter, id));
    expect(await cluster.settle(heard.ask('add', 1))).toBe(1);
    await cluster.settle(n1.migrate(ref, { node: 'n4' }));
    cluster.node('n4').crash();
    expect(await cluster.until(() => n1.cluster?.members().length === 3 && n2.cluster?.members().length === 3, 30_000)).toBe(true);
    expect(await cluster.until(() => holders(cluster, id).length === 1, 30_000)).toBe(true);
    await cluster.settle((await cluster.settle(n1.getOrSpawn(Counter, id))).stop());
    await cluster.settle(n1.spawn(Counter, { id }));
    // Told once, with nobody to say that it came to nothing.
    (await cluster.settle(n2.getOrSpawn(Counter, id))).tell('add', 5);
    await cluster.advance(1000);
    expect(await cluster.settle((n1.find(id) as AgentRef<typeof Counter>).ask('read'))).toBe(5);
  });
});

test('a node that drains gives all its agents to the others, answers what is asked meanwhile, and leaves', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const [n1, n2] = [nexusOf(cluster, 'n1'), nexusOf(cluster, 'n2')];
    const refs: AgentRef<typeof Counter>[] = [];
    for (let index = 0; index < 30; index++)
      refs.push(await cluster.settle(n1.spawn(Counter, { id: `c${index}`, node: index < 20 ? 'n3' : 'n1', init: { from: index } })));
    await cluster.settle(nexusOf(cluster, 'n3').spawn(Local, { id: 'here' }));
    let report: unknown;
    const drained = nexusOf(cluster, 'n3')
      .drain()
      .then((value) => {
        report = value;
      });
    const asked: Promise<unknown>[] = [];
    let rounds = 0;
    while (report === undefined && rounds < 2000) {
      rounds++;
      for (const ref of refs) asked.push(ref.ask('add', 1));
      await cluster.advance(20);
    }
    await cluster.settle(drained);
    await cluster.settle(Promise.all(asked));
    expect(report).toMatchObject({ complete: true, moved: 20, left: 0 });
    expect(n2.cluster?.member('n3')).toBeUndefined();
    expect(await cluster.settle(Promise.all(refs.map((ref) => ref.ask('read'))))).toEqual(refs.map((_, index) => index + rounds));
  });
});

test('all nodes may drain at once: they do not wait for each other', async () => {
  await withCluster(OPTIONS, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    for (let index = 0; index < 30; index++) await cluster.settle(n1.getOrSpawn(Counter, `c${index}`));
    let drained = 0;
    let left = 0;
    for (const name of ['n1', 'n2', 'n3'])
      void nexusOf(cluster, name)
        .drain()
        .then((report) => {
          drained++;
          left += report.left;
        });
    // Their deadline is 60 s.
    expect(await cluster.until(() => drained === 3, 20_000)).toBe(true);
    // Those that nobody has taken are said to be left.
    expect(left).toBe(30);
  });
});

test('agents of the ring move to a node that joins, those that were started somewhere stay', async () => {
  await withCluster({ ...OPTIONS, nodes: ['n1', 'n2', 'n3'] }, async (cluster) => {
    cluster.node('n3').crash();
    expect(await cluster.until(() => nexusOf(cluster, 'n1').cluster?.members().length === 2, 60_000)).toBe(true);
    const n1 = nexusOf(cluster, 'n1');
    const refs = await cluster.settle(Promise.all(Array.from({ length: 90 }, (_, index) => n1.getOrSpawn(Counter, `ring${index}`, { init: { from: index } }))));
    const pinned = await cluster.settle(Promise.all(Array.from({ length: 20 }, (_, index) => n1.spawn(Counter, { id: `pin${index}` }))));
    await cluster.settle(Promise.all(refs.map((ref) => ref.ask('add', 1000))));
    await cluster.node('n3').start();
    const there = (): number => (cluster.node('n3').isUp && cluster.node('n3').hasStarted ? [...nexusOf(cluster, 'n3').agents('counter')].length : 0);
    expect(await cluster.until(() => there() > 15, 60_000)).toBe(true);
    await cluster.advance(5000);
    expect(there()).toBeLessThan(50);
    expect(await cluster.settle(Promise.all(refs.map((ref) => ref.ask('read'))))).toEqual(refs.map((_, index) => index + 1000));
    for (const { id } of pinned) expect(holders(cluster, id)).toEqual(['n1']);
  });
});

test('whichever node is lost at whatever step of a move, one agent is left', { timeout: 240_000 }, async () => {
  // The steps of a move follow each other by fractions of a millisecond: each delay cuts it off at another one.
  for (const victim of ['n1', 'n2', 'owner']) {
    for (const delayMs of [0, 0.7, 1.3, 2, 3]) {
      await withCluster({ ...OPTIONS, nodes: 4, seed: Math.round(delayMs * 10) + 1 }, async (cluster) => {
        const n4 = nexusOf(cluster, 'n4');
        const ref = await cluster.settle(n4.spawn(Counter, { id: 'c', node: 'n1', init: { from: 3 } }));
        await cluster.settle(ref.ask('add', 1));
        const owner = partsOf(n4 as unknown as never).node?.registry.ownerOf('c')?.name as string;
        const lost = victim === 'owner' ? owner : victim;
        if (lost === 'n4') return;
        const moved = nexusOf(cluster, 'n1')
          .migrate(ref, { node: 'n2' })
          .then(
            () => true,
            () => false,
          );
        await cluster.advance(delayMs);
        cluster.node(lost).crash({ isSilent: true });
        expect(await cluster.until(() => n4.cluster?.members().length === 3 && holders(cluster, 'c').length === 1, 30_000)).toBe(true);
        await cluster.advance(15_000);
        expect(holders(cluster, 'c')).toHaveLength(1);
        // Its state if it was not lost with its node, its init if it was.
        expect([3, 4]).toContain(await cluster.settle(ref.ask('read')));
        void moved;
      });
    }
  }
});

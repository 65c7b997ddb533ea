/** Watches, links, parents and supervisors over the nodes of a cluster, in the simulation: everybody learns of an end, whatever is lost on the way, and at the latest when the node is removed. */
import { type AgentRef, defineAgent, defineSupervisor, type Nexus, type NexusError, type StopReason } from 'nexus-agents';
import { type TestCluster, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Watched = defineAgent({
  kind: 'watched',
  state: () => ({}),
  supervision: { onFailure: 'stop' },
  actions: {
    end: (_state, _input, ctx) => ctx.stop(),
    fail() {
      throw new Error('on purpose');
    },
    link: (_state, ref: AgentRef, ctx) => ctx.link(ref),
    unlink: (_state, ref: AgentRef, ctx) => ctx.unlink(ref),
    ping: () => 'pong',
  },
});

const Watcher = defineAgent({
  kind: 'watcher',
  state: () => ({ ended: [] as { id: string; reason: StopReason }[] }),
  actions: {
    watch: (_state, ref: AgentRef, ctx) => ctx.watch(ref),
    unwatch: (_state, ref: AgentRef, ctx) => ctx.unwatch(ref),
    ended: (state) => state.ended,
  },
  onTerminated(state, { id, reason }) {
    state.ended.push({ id, reason });
  },
});

const nexusOf = (cluster: TestCluster, name: string): Nexus => cluster.node(name).nexus;

type Ended = readonly { readonly id: string; readonly reason: StopReason }[];

async function endedOf(cluster: TestCluster, watcher: AgentRef<typeof Watcher>): Promise<Ended> {
  return cluster.settle(watcher.ask('ended'));
}

/** A watched agent on `n1`, which `n2` has found, and a watcher there; on workers or calling threads. */
async function watching(
  cluster: TestCluster,
  thread: number,
  id = 'watched',
): Promise<{ watched: AgentRef<typeof Watched>; watcher: AgentRef<typeof Watcher> }> {
  const watched = await cluster.settle(nexusOf(cluster, 'n1').spawn(Watched, { id, thread }));
  const watcher = await cluster.settle(nexusOf(cluster, 'n2').spawn(Watcher, { thread }));
  await cluster.settle(watcher.ask('watch', (await remoteTo(cluster, 'n2', id)) as AgentRef));
  await cluster.advance(50);
  return { watched, watcher };
}

/** As another node has it: a reference that came in a signal. */
async function remoteTo(cluster: TestCluster, node: string, id: string): Promise<AgentRef<typeof Watched>> {
  let found: AgentRef | undefined;
  const nexus = nexusOf(cluster, node);
  const end = nexus.subscribe('here.is', ({ data }) => {
    found = data as AgentRef;
  });
  await cluster.settle(nexus.subscribed());
  const home = cluster.nodes.find((each) => each.isUp && each.hasStarted && each.name !== node && each.nexus.find(id)?.id === id);
  home?.nexus.publish('here.is', home.nexus.find(id));
  await cluster.until(() => found !== undefined, 5000);
  end();
  return found as AgentRef<typeof Watched>;
}

test.each([0, 1])('a watcher on another node is told how an agent has ended (thread %s)', async (thread) => {
  await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
    const { watched, watcher } = await watching(cluster, thread);
    watched.tell('end');
    await cluster.advance(100);
    expect(await endedOf(cluster, watcher)).toEqual([{ id: 'watched', reason: { type: 'stopped' } }]);
    const failing = await watching(cluster, thread, 'failing');
    failing.watched.tell('fail');
    await cluster.advance(100);
    expect(await endedOf(cluster, failing.watcher)).toMatchObject([{ id: 'failing', reason: { type: 'failed', error: { message: 'on purpose' } } }]);
  });
});

test.each([0, 1])(
  'a watcher is told that an agent is gone with its node, and one of an agent that had ended before that it is not there (thread %s)',
  async (thread) => {
    await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
      const { watcher } = await watching(cluster, thread);
      const other = await cluster.settle(nexusOf(cluster, 'n1').spawn(Watched, { id: 'gone', thread }));
      const remote = await remoteTo(cluster, 'n2', 'gone');
      await cluster.settle(other.stop());
      await cluster.settle(watcher.ask('watch', remote as AgentRef));
      await cluster.advance(500);
      expect(await endedOf(cluster, watcher)).toEqual([{ id: 'gone', reason: { type: 'notFound' } }]);
      cluster.node('n1').crash();
      await cluster.advance(1000);
      expect(await endedOf(cluster, watcher)).toHaveLength(1);
      await cluster.advance(60_000);
      expect(await endedOf(cluster, watcher)).toMatchObject([{ id: 'gone' }, { id: 'watched', reason: { type: 'nodeLost', node: 'n1' } }]);
    });
  },
);

test.each([0, 1])('links reach over nodes: a failure of one is one of the other, a normal end is not (thread %s)', async (thread) => {
  await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
    const linked = async (id: string): Promise<AgentRef<typeof Watched>[]> => {
      const one = await cluster.settle(nexusOf(cluster, 'n1').spawn(Watched, { id: `${id}1`, thread }));
      const two = await cluster.settle(nexusOf(cluster, 'n2').spawn(Watched, { id: `${id}2`, thread }));
      await cluster.settle(two.ask('link', (await remoteTo(cluster, 'n2', `${id}1`)) as AgentRef));
      await cluster.advance(50);
      return [one, two];
    };
    const isThere = (name: string, id: string): boolean => nexusOf(cluster, name).find(id) !== undefined && nexusOf(cluster, name).find(id)?.kind === 'watched';
    const failures: string[] = [];
    for (const name of ['n1', 'n2']) nexusOf(cluster, name).on('agentFailed', ({ id, error }) => failures.push(`${id} ${(error as { code?: string }).code}`));
    const [a1] = await linked('a');
    const [, b2] = await linked('b');
    const [c1] = await linked('c');
    const [d1, d2] = await linked('d');
    a1?.tell('fail');
    b2?.tell('fail');
    c1?.tell('end');
    d2?.tell('unlink', (await remoteTo(cluster, 'n2', 'd1')) as AgentRef);
    await cluster.advance(100);
    d1?.tell('fail');
    await cluster.advance(200);
    expect(failures.sort()).toEqual(['a1 undefined', 'a2 NEXUS_LINK_FAILED', 'b1 NEXUS_LINK_FAILED', 'b2 undefined', 'd1 undefined']);
    expect(['a2', 'b2', 'c2', 'd2'].map((id) => isThere('n2', id))).toEqual([false, false, true, true]);
  });
});

test('a link to an agent whose node is lost has failed', async () => {
  await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
    await cluster.settle(nexusOf(cluster, 'n1').spawn(Watched, { id: 'far', thread: 1 }));
    const near = await cluster.settle(nexusOf(cluster, 'n2').spawn(Watched, { id: 'near', thread: 0 }));
    await cluster.settle(near.ask('link', (await remoteTo(cluster, 'n2', 'far')) as AgentRef));
    const errors: unknown[] = [];
    nexusOf(cluster, 'n2').on('agentFailed', ({ error }) => {
      const { code, cause } = error as NexusError;
      errors.push([code, (cause as NexusError).code, (cause as NexusError).data?.['node']]);
    });
    cluster.node('n1').crash();
    await cluster.advance(60_000);
    expect(errors).toEqual([['NEXUS_LINK_FAILED', 'NEXUS_NODE_LOST', 'n1']]);
  });
});

test('a link of which a node could not tell another one before it was lost is none there', async () => {
  await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
    const far = await cluster.settle(nexusOf(cluster, 'n1').spawn(Watched, { id: 'far', thread: 0 }));
    for (const id of ['told', 'untold']) await cluster.settle(nexusOf(cluster, 'n2').spawn(Watched, { id, thread: 1 }));
    const [told, untold] = [await remoteTo(cluster, 'n1', 'told'), await remoteTo(cluster, 'n1', 'untold')];
    await cluster.settle(far.ask('link', told as AgentRef));
    await cluster.advance(50);
    cluster.partition([['n1'], ['n2', 'n3']]);
    await cluster.settle(far.ask('link', untold as AgentRef));
    cluster.node('n1').crash();
    cluster.heal();
    await cluster.advance(60_000);
    expect(['told', 'untold'].map((id) => isOn(cluster, 'n2', id))).toEqual([false, true]);
  });
});

test('an end that happens while the nodes do not reach each other becomes known when they do again', async () => {
  await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
    const { watched, watcher } = await watching(cluster, 1);
    cluster.partition([['n1'], ['n2']]);
    watched.tell('end');
    // Longer than a call waits: both reach the third, so that both stay members.
    await cluster.advance(12_000);
    expect(nexusOf(cluster, 'n2').cluster?.members()).toHaveLength(3);
    expect(await endedOf(cluster, watcher)).toEqual([]);
    cluster.heal();
    await cluster.advance(20_000);
    expect(await endedOf(cluster, watcher)).toEqual([{ id: 'watched', reason: { type: 'stopped' } }]);
  });
});

test('watches outlive the loss of the thread of the watched agent, and go with the watcher', async () => {
  await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
    const { watched, watcher } = await watching(cluster, 1);
    let restored = 0;
    nexusOf(cluster, 'n1').on('threadRestored', () => restored++);
    cluster.node('n1').killThread(1);
    await cluster.until(() => restored > 0);
    await cluster.advance(1000);
    expect(await endedOf(cluster, watcher)).toEqual([]);
    await cluster.settle(watched.ask('ping'));
    watched.tell('end');
    await cluster.advance(200);
    expect(await endedOf(cluster, watcher)).toEqual([{ id: 'watched', reason: { type: 'stopped' } }]);
    const again = await watching(cluster, 1, 'again');
    await cluster.settle(again.watcher.ask('unwatch', (await remoteTo(cluster, 'n2', 'again')) as AgentRef));
    await cluster.advance(100);
    again.watched.tell('end');
    await cluster.advance(200);
    expect(await endedOf(cluster, again.watcher)).toEqual([]);
  });
});

const Child = defineAgent({
  kind: 'child',
  state: () => ({}),
  actions: {
    fail() {
      throw new Error('on purpose');
    },
    end: (_state, _input, ctx) => ctx.stop(),
    where: () => 'here',
  },
});

const Parent = defineAgent({
  kind: 'parent',
  state: () => ({}),
  actions: {
    spawn: async (_state, { id, node }: { readonly id: string; readonly node: string }, ctx) => {
      await ctx.spawn(Child, { id, node });
    },
    end: (_state, _input, ctx) => ctx.stop(),
  },
});

const isOn = (cluster: TestCluster, name: string, id: string): boolean => [...nexusOf(cluster, name).agents()].some((agent) => agent.id === id);

test('a child on another node ends with its parent, and when the node of its parent is lost', async () => {
  await withCluster({ agents: [Parent, Child], threads: 1 }, async (cluster) => {
    const parents = [];
    for (const index of [0, 1]) {
      const parent = await cluster.settle(nexusOf(cluster, 'n1').spawn(Parent, { id: `parent ${index}`, thread: index }));
      await cluster.settle(parent.ask('spawn', { id: `child ${index}`, node: 'n2' }));
      parents.push(parent);
    }
    await cluster.advance(100);
    expect([isOn(cluster, 'n2', 'child 0'), isOn(cluster, 'n2', 'child 1')]).toEqual([true, true]);
    const tree = await cluster.settle(nexusOf(cluster, 'n1').supervisionTree());
    const shown = tree.threads.flatMap(({ agents }) => agents).find(({ id }) => id === 'parent 1');
    expect(shown?.children).toMatchObject([{ id: 'child 1', kind: 'child', node: 'n2', status: 'ready' }]);
    parents[0]?.tell('end');
    await cluster.advance(500);
    expect([isOn(cluster, 'n2', 'child 0'), isOn(cluster, 'n2', 'child 1')]).toEqual([false, true]);
    cluster.node('n1').crash();
    await cluster.advance(60_000);
    expect(isOn(cluster, 'n2', 'child 1')).toBe(false);
  });
});

const Root = defineSupervisor({
  kind: 'root',
  strategy: 'oneForOne',
  backoff: { initialMs: 10, maxMs: 100 },
  children: () => [
    { id: 'far', agent: Child, node: 'n2' },
    { id: 'roaming', agent: Child, node: 'auto' },
    { id: 'near', agent: Child },
  ],
});

test('a supervisor starts its children on other nodes again when they fail, end, or are lost with their node', async () => {
  await withCluster({ agents: [Root, Child], threads: 1 }, async (cluster) => {
    const root = await cluster.settle(nexusOf(cluster, 'n1').spawn(Root, { id: 'root', thread: 1 }));
    const statuses = async (): Promise<Record<string, string>> =>
      Object.fromEntries((await cluster.settle(root.ask('children'))).map(({ id, status, restarts }) => [id, `${status} ${restarts}`]));
    expect(await statuses()).toEqual({ far: 'running 0', roaming: 'running 0', near: 'running 0' });
    expect(isOn(cluster, 'n2', 'far')).toBe(true);
    const far = nexusOf(cluster, 'n2').find('far', Child) as AgentRef<typeof Child>;
    far.tell('fail');
    await cluster.advance(500);
    expect(await statuses()).toEqual({ far: 'running 1', roaming: 'running 0', near: 'running 0' });
    expect(await cluster.settle(far.ask('where'))).toBe('here');
    far.tell('end');
    await cluster.advance(1000);
    expect(await statuses()).toEqual({ far: 'running 2', roaming: 'running 0', near: 'running 0' });
    const tree = await cluster.settle(nexusOf(cluster, 'n1').agentTree('root'));
    expect(tree?.children.find(({ id }) => id === 'far')).toMatchObject({ node: 'n2', status: 'ready', restart: 'permanent', restarts: 2 });
    cluster.node('n2').crash();
    await cluster.advance(3000);
    const before = cluster.nowMs;
    const shown = await cluster.settle(nexusOf(cluster, 'n1').agentTree('root'));
    expect(shown?.children.find(({ id }) => id === 'far')).toMatchObject({ status: 'unknown', node: 'n2' });
    expect(cluster.nowMs - before).toBeLessThan(3000);
    cluster.node('n2').start();
    await cluster.formed();
    await cluster.advance(30_000);
    expect((await statuses())['far']).toMatch(/^running [3-9]/);
    expect(isOn(cluster, 'n2', 'far')).toBe(true);
    await cluster.settle(root.stop());
    await cluster.advance(1000);
    for (const name of ['n1', 'n2', 'n3']) for (const id of ['far', 'roaming', 'near']) expect([name, id, isOn(cluster, name, id)]).toEqual([name, id, false]);
  });
});

test('a move to another node is no end: watchers, links and children go along, and the node that it has left may go', async () => {
  await withCluster({ agents: [Watched, Watcher, Parent, Child], threads: 1 }, async (cluster) => {
    const { watcher } = await watching(cluster, 1);
    const linked = await cluster.settle(nexusOf(cluster, 'n2').spawn(Watched, { id: 'linked', thread: 1 }));
    await cluster.settle(linked.ask('link', (await remoteTo(cluster, 'n2', 'watched')) as AgentRef));
    const parent = await cluster.settle(nexusOf(cluster, 'n1').spawn(Parent, { id: 'parent', thread: 1 }));
    await cluster.settle(parent.ask('spawn', { id: 'child', node: 'n2' }));
    // One that watches moves too.
    const mover = await cluster.settle(nexusOf(cluster, 'n1').spawn(Watcher, { id: 'mover', thread: 0 }));
    await cluster.settle(mover.ask('watch', nexusOf(cluster, 'n1').find('watched') as AgentRef));
    await cluster.advance(200);
    const n1 = nexusOf(cluster, 'n1');
    for (const id of ['watched', 'parent', 'mover']) await cluster.settle(n1.migrate(n1.find(id) as AgentRef, { node: 'n3' }));
    await cluster.advance(1000);
    await cluster.settle(cluster.node('n1').stop());
    await cluster.advance(20_000);
    expect(['watched', 'parent', 'mover'].map((id) => isOn(cluster, 'n3', id))).toEqual([true, true, true]);
    expect([await endedOf(cluster, watcher), isOn(cluster, 'n2', 'linked'), isOn(cluster, 'n2', 'child')]).toEqual([[], true, true]);
    (nexusOf(cluster, 'n3').find('watched', Watched) as AgentRef<typeof Watched>).tell('fail');
    (nexusOf(cluster, 'n3').find('parent', Parent) as AgentRef<typeof Parent>).tell('end');
    await cluster.advance(1000);
    expect(await endedOf(cluster, watcher)).toMatchObject([{ id: 'watched', reason: { type: 'failed' } }]);
    expect(await endedOf(cluster, nexusOf(cluster, 'n3').find('mover', Watcher) as AgentRef<typeof Watcher>)).toMatchObject([
      { id: 'watched', reason: { type: 'failed' } },
    ]);
    expect([isOn(cluster, 'n2', 'linked'), isOn(cluster, 'n2', 'child')]).toEqual([false, false]);
  });
});

test.each([
  [0, 0],
  [1, 1],
  [1, 2],
  [2, 0],
])('an agent that has left its node and come home is the one that agents there watch (watcher on thread %s, watched on %s)', async (ofWatchers, ofWatched) => {
  await withCluster({ agents: [Watched, Watcher], threads: 2 }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    const watched = await cluster.settle(n1.spawn(Watched, { id: 'watched', thread: ofWatched }));
    const spawn = (): Promise<AgentRef<typeof Watcher>> => cluster.settle(n1.spawn(Watcher, { thread: ofWatchers }));
    const [told, toldOnce, notTold] = [await spawn(), await spawn(), await spawn()];
    for (const watcher of [told, toldOnce, notTold]) await cluster.settle(watcher.ask('watch', watched));
    await cluster.settle(n1.migrate(watched, { node: 'n2' }));
    await cluster.advance(1000);
    await cluster.settle(n1.migrate(n1.find('watched') ?? watched, { node: 'n1' }));
    await cluster.advance(1000);
    const home = n1.find('watched', Watched) as AgentRef<typeof Watched>;
    expect(isOn(cluster, 'n1', 'watched')).toBe(true);
    await cluster.settle(toldOnce.ask('watch', home));
    await cluster.settle(notTold.ask('unwatch', home));
    await cluster.advance(100);
    home.tell('fail');
    await cluster.advance(1000);
    expect(await endedOf(cluster, told)).toMatchObject([{ id: 'watched', reason: { type: 'failed' } }]);
    expect(await endedOf(cluster, toldOnce)).toMatchObject([{ id: 'watched', reason: { type: 'failed' } }]);
    expect(await endedOf(cluster, notTold)).toEqual([]);
    // Nothing is left of the watches that could be told of later.
    cluster.node('n2').crash({ isSilent: true });
    await cluster.advance(30_000);
    expect(await endedOf(cluster, told)).toHaveLength(1);
    expect(await endedOf(cluster, toldOnce)).toHaveLength(1);
  });
});

test.each([0, 1])('agents that move together, away and home again, go on watching and being linked (thread %s)', async (thread) => {
  await withCluster({ agents: [Watched, Watcher], threads: 1 }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    const watched = await cluster.settle(n1.spawn(Watched, { id: 'watched', thread }));
    const watcher = await cluster.settle(n1.spawn(Watcher, { id: 'watcher', thread }));
    const linked = await cluster.settle(n1.spawn(Watched, { id: 'linked', thread }));
    await cluster.settle(watcher.ask('watch', watched));
    await cluster.settle(linked.ask('link', watched));
    for (const node of ['n2', 'n1', 'n3', 'n1']) {
      await cluster.settle(Promise.all([watcher, watched, linked].map((agent) => n1.migrate(agent, { node }))));
      await cluster.advance(1000);
      expect(['watcher', 'watched', 'linked'].map((id) => isOn(cluster, node, id))).toEqual([true, true, true]);
      expect(await endedOf(cluster, watcher)).toEqual([]);
    }
    watched.tell('fail');
    await cluster.advance(1000);
    expect(await endedOf(cluster, watcher)).toMatchObject([{ id: 'watched', reason: { type: 'failed' } }]);
    expect(isOn(cluster, 'n1', 'linked')).toBe(false);
  });
});

test.each([
  [0, 0],
  [1, 1],
  [2, 1],
  [0, 1],
])('a watcher that has left the node of the agent that it watches is told of its end (watcher on thread %s, watched on %s)', async (ofWatcher, ofWatched) => {
  await withCluster({ agents: [Watched, Watcher], threads: 2 }, async (cluster) => {
    const n1 = nexusOf(cluster, 'n1');
    const watched = await cluster.settle(n1.spawn(Watched, { id: 'watched', thread: ofWatched }));
    const watcher = await cluster.settle(n1.spawn(Watcher, { id: 'watcher', thread: ofWatcher }));
    const linked = await cluster.settle(n1.spawn(Watched, { id: 'linked', thread: ofWatcher }));
    await cluster.settle(watcher.ask('watch', watched));
    await cluster.settle(linked.ask('link', watched));
    for (const agent of [watcher, linked]) await cluster.settle(n1.migrate(agent, { node: 'n2' }));
    await cluster.advance(1000);
    watched.tell('fail');
    await cluster.advance(1000);
    expect(await endedOf(cluster, watcher)).toMatchObject([{ id: 'watched', reason: { type: 'failed' } }]);
    expect(isOn(cluster, 'n2', 'linked')).toBe(false);
  });
});

test.each([0, 1])(
  'a watcher is told that an agent is gone with the node to which it has moved, which nobody there has heard of (thread %s)',
  async (thread) => {
    await withCluster({ agents: [Watched, Watcher], threads: 1, nodes: 5 }, async (cluster) => {
      const { watched, watcher } = await watching(cluster, thread);
      await cluster.settle(nexusOf(cluster, 'n1').migrate(watched, { node: 'n3' }));
      cluster.node('n3').crash({ isSilent: true });
      await cluster.advance(30_000);
      expect(await endedOf(cluster, watcher)).toMatchObject([{ id: 'watched', reason: { type: 'nodeLost', node: 'n3' } }]);
    });
  },
);

test.each([
  [0, 0],
  [1, 1],
  [2, 1],
  [0, 1],
])(
  'who ties itself to an agent of its node, or unties itself, while that is on its way to another one is tied to it there (on thread %s, watched on %s)',
  async (ofWatcher, ofWatched) => {
    await withCluster({ agents: [Watched, Watcher], threads: 2 }, async (cluster) => {
      const n1 = nexusOf(cluster, 'n1');
      const watched = await cluster.settle(n1.spawn(Watched, { id: 'watched', thread: ofWatched }));
      const [early, late, former] = (await cluster.settle(
        Promise.all(['early', 'late', 'former'].map((id) => n1.spawn(Watcher, { id, thread: ofWatcher }))),
      )) as [AgentRef<typeof Watcher>, AgentRef<typeof Watcher>, AgentRef<typeof Watcher>];
      const linked = await cluster.settle(n1.spawn(Watched, { id: 'linked', thread: ofWatcher }));
      for (const each of [early, former]) await cluster.settle(each.ask('watch', watched));
      cluster.links({ latency: 100 });
      const moved = n1.migrate(watched, { node: 'n2' });
      // It is packed, and no other node has it yet.
      await cluster.advance(150);
      expect(isOn(cluster, 'n1', 'watched')).toBe(true);
      late.tell('watch', watched);
      linked.tell('link', watched);
      former.tell('unwatch', watched);
      await cluster.settle(moved);
      expect(isOn(cluster, 'n2', 'watched')).toBe(true);
      await cluster.advance(1000);
      watched.tell('fail');
      await cluster.advance(2000);
      for (const each of [early, late]) expect(await endedOf(cluster, each)).toMatchObject([{ id: 'watched', reason: { type: 'failed' } }]);
      expect(await endedOf(cluster, former)).toEqual([]);
      expect(isOn(cluster, 'n1', 'linked')).toBe(false);
    });
  },
);

test.each(['failure', 'parent'] as const)(
  'who watches, is linked to, or is the parent of an agent that has come home stays so when another agent gets the place that it had (ended by its %s)',
  async (endedBy) => {
    const Parent = defineAgent({
      kind: 'parent',
      state: () => 0,
      actions: { spawn: async (_state, id: string, ctx) => void (await ctx.spawn(Watched, { id })) },
    });
    await withCluster({ agents: [Watched, Watcher, Parent], threads: 2 }, async (cluster) => {
      const n1 = nexusOf(cluster, 'n1');
      const parent = await cluster.settle(n1.spawn(Parent, { id: 'parent', thread: 1 }));
      const watcher = await cluster.settle(n1.spawn(Watcher, { id: 'watcher', thread: 1 }));
      const linked = await cluster.settle(n1.spawn(Watched, { id: 'linked', thread: 1 }));
      await cluster.settle(parent.ask('spawn', 'first'));
      const first = n1.find('first') as AgentRef<typeof Watched>;
      await cluster.settle(watcher.ask('watch', first));
      await cluster.settle(linked.ask('link', first));
      const { slot } = first as unknown as { readonly slot: number };
      await cluster.settle(n1.migrate(first, { node: 'n2' }));
      // Then it comes to the other thread, where there are fewer.
      for (let count = 0; count < 6; count++) await cluster.settle(n1.spawn(Watched, { thread: 2 }));
      await cluster.settle(n1.migrate(first, { node: 'n1' }));
      await cluster.advance(1000);
      expect(isOn(cluster, 'n1', 'first')).toBe(true);
      const others = Array.from({ length: 12 }, (_, index) => `other-${index}`);
      for (const id of others) {
        await cluster.settle(parent.ask('spawn', id));
        await cluster.settle(watcher.ask('watch', n1.find(id) as AgentRef));
        await cluster.settle(linked.ask('link', n1.find(id) as AgentRef));
      }
      expect(others.map((id) => (n1.find(id) as unknown as { readonly slot: number }).slot)).toContain(slot);
      // One that is linked to all of them fails with it, and so do they; an end with the parent is no failure.
      if (endedBy === 'failure') (n1.find('first') as AgentRef<typeof Watched>).tell('fail');
      else await cluster.settle(parent.stop());
      await cluster.advance(1000);
      expect((await endedOf(cluster, watcher)).map(({ id }) => id).sort()).toEqual(['first', ...others].sort());
      expect(isOn(cluster, 'n1', 'linked')).toBe(endedBy === 'parent');
    });
  },
);

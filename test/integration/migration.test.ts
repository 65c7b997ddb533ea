/** An agent that moves to another thread while it lives: what goes with it, what does not move, and who is told. */
import { type AgentRef, defineAgent, defineSupervisor, type NexusError } from 'nexus-agents';
import { expect, it } from 'vitest';
import { Migrant } from '../fixtures/migrants.mjs';
import { codeOf, describeEngines, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const agents = [fixture('migrants.mjs')];

describeEngines((engine) => {
  const start = (threads = 2) => startNexus({ agents, threads, engine: { force: engine } });

  it.each([
    [0, 1],
    [1, 0],
    [1, 2],
  ])('an agent that moves from thread %i to thread %i keeps its state, its id, and every reference to it', async (from, to) => {
    const nexus = await start();
    const id = freshId();
    const agent = await nexus.spawn(Migrant, { id, thread: from, init: { n: 7 } });
    agent.tell('put', 'before');
    const other = await nexus.spawn(Migrant, { thread: from });
    const third = await nexus.spawn(Migrant, { thread: 2 });
    await other.ask('tellTo', { ref: agent, action: 'put', input: 'of a neighbour' });
    await nexus.migrate(agent, to);
    expect(nexus.summary(id)).toMatchObject({ thread: to });
    expect(await agent.ask('where')).toBe(to);
    // What different senders send has no order.
    for (const [index, sender] of [other, third].entries()) {
      await sender.ask('tellTo', { ref: agent, action: 'put', input: index === 0 ? 'of its old neighbour' : 'of another thread' });
      await until(async () => (await agent.ask('read')).received.length === 3 + index);
    }
    const state = await agent.ask('read');
    expect(state).toEqual({
      thread: to,
      id,
      init: { n: 7 },
      received: ['before', 'of a neighbour', 'of its old neighbour', 'of another thread'],
      ended: [],
      nested: { list: [1, 2], map: new Map([['a', new Set([1])]]) },
    });
    expect(nexus.find(id)?.equals(agent)).toBe(true);
    // And back, and to where it is.
    await nexus.migrate(agent, from);
    await nexus.migrate(agent, from);
    expect(await agent.ask('where')).toBe(from);
    expect(nexus.threads().reduce((sum, thread) => sum + thread.agents, 0)).toBe(3);
  });

  it('its mailbox goes with it: messages and asks that waited are handled there, in order, and answered', async () => {
    const nexus = await start();
    for (const [from, to] of [
      [1, 2],
      [0, 1],
      [1, 0],
    ] as const) {
      const agent = await nexus.spawn(Migrant, { thread: from });
      const asker = await nexus.spawn(Migrant, { thread: 2 });
      const neighbour = await nexus.spawn(Migrant, { thread: from });
      const busy = agent.ask('busyFor', 30);
      const asks = Array.from({ length: 20 }, (_, number) => agent.ask('add', number));
      const ofAsker = asker.ask('askTo', { ref: agent, action: 'where' });
      const ofNeighbour = neighbour.ask('askTo', { ref: agent, action: 'where' });
      await nexus.migrate(agent, to);
      expect(await busy).toBe('done');
      expect(await Promise.all(asks)).toEqual(Array.from({ length: 20 }, (_, number) => number + 1));
      expect([await ofAsker, await ofNeighbour]).toEqual([to, to]);
      expect((await agent.ask('read')).received).toEqual(Array.from({ length: 20 }, (_, number) => number));
    }
  });

  it('its timers go with it, with the time they have left, and fire once', async () => {
    const nexus = await start();
    const agent = await nexus.spawn(Migrant, { thread: 1 });
    const started = performance.now();
    await agent.ask('timers', { delayMs: 300 });
    for (const to of [2, 0, 1]) await nexus.migrate(agent, to);
    await until(async () => (await agent.ask('read')).received.length > 0);
    expect(performance.now() - started).toBeGreaterThanOrEqual(295);
    expect((await agent.ask('read')).received).toEqual(['timer']);
    await agent.ask('timers', { periodMs: 5 });
    await nexus.migrate(agent, 2);
    const { length } = (await agent.ask('read')).received;
    await until(async () => (await agent.ask('read')).received.length > length + 3);
    await agent.stop();
  });

  it('watches hold in both directions, and each watcher is told once', async () => {
    const nexus = await start();
    const [watcher, target, bystander] = await Promise.all([1, 2, 1].map((thread) => nexus.spawn(Migrant, { thread })));
    await watcher!.ask('watch', target);
    await watcher!.ask('watch', bystander);
    await nexus.migrate(target!, 1);
    await nexus.migrate(watcher!, 2);
    await target!.stop();
    await until(async () => (await watcher!.ask('read')).ended.length === 1);
    await nexus.migrate(watcher!, 0);
    await bystander!.stop();
    await until(async () => (await watcher!.ask('read')).ended.length === 2);
    expect((await watcher!.ask('read')).ended).toEqual([
      [expect.any(String), 'stopped'],
      [bystander!.id, 'stopped'],
    ]);
  });

  it('parent and children stay what they are to each other', async () => {
    const nexus = await start();
    const parent = await nexus.spawn(Migrant, { thread: 1 });
    const [moves, stays] = [freshId(), freshId()];
    await parent.ask('child', { id: moves, thread: 1 });
    await parent.ask('child', { id: stays, thread: 1 });
    await nexus.migrate(nexus.find(moves)!, 2);
    await nexus.migrate(parent, 0);
    expect([nexus.summary(moves)?.thread, nexus.summary(stays)?.thread]).toEqual([2, 1]);
    await parent.stop();
    expect([nexus.find(moves), nexus.find(stays)]).toEqual([undefined, undefined]);
  });

  it('its random numbers go on where they were', async () => {
    const [still, moving] = await Promise.all([startNexus({ agents, threads: 2, seed: 5 }), startNexus({ agents, threads: 2, seed: 5 })]);
    const numbers = async (nexus: typeof still, moves: boolean) => {
      const agent = await nexus.spawn(Migrant, { id: 'same', thread: 1 });
      const first = await agent.ask('random', 5);
      if (moves) await nexus.migrate(agent, 2);
      return [...first, ...(await agent.ask('random', 5))];
    };
    expect(await numbers(moving!, true)).toEqual(await numbers(still!, false));
  });

  it('an object that the state reaches in two ways is still one', async () => {
    const nexus = await start();
    const agent = await nexus.spawn(Migrant, { thread: 1 });
    await agent.ask('alias');
    await nexus.migrate(agent, 2);
    expect([await agent.ask('bumpAlias'), await agent.ask('bumpAlias')]).toEqual([1, 2]);
  });

  it('it restarts on its new thread with the init it was spawned with', async () => {
    const nexus = await start();
    for (const [from, to] of [
      [0, 1],
      [1, 0],
      [1, 2],
    ] as const) {
      const agent = await nexus.spawn(Migrant, { thread: from, init: { from } });
      await agent.ask('add', 1);
      await nexus.migrate(agent, to);
      expect(await codeOf(agent.ask('fail'))).toBe('boom');
      expect(await agent.ask('read')).toMatchObject({ thread: to, init: { from }, received: [] });
    }
  });

  it('running handlers, concurrent ones too, are waited for', async () => {
    const nexus = await start();
    const agent = await nexus.spawn(Migrant, { thread: 1 });
    agent.tell('putLater', 80);
    const [late, busy] = [agent.ask('background', 60), agent.ask('busyFor', 30)];
    await nexus.migrate(agent, 2);
    expect([await late, await busy, await agent.ask('where')]).toEqual(['late', 'done', 2]);
    // What it did to the state at its end has come along.
    expect((await agent.ask('read')).received).toEqual(['late']);
  });

  it('an agent that stays busy is not moved, says so, and goes on', async () => {
    const nexus = await start();
    const agent = await nexus.spawn(Migrant, { thread: 1 });
    const hanging = agent.ask('background', 400);
    const failure = await failureOf(nexus.migrate(agent, 2, { timeoutMs: 40 }));
    expect(failure).toMatchObject({ code: 'NEXUS_MIGRATION_REFUSED', message: expect.stringMatching(/stays on thread 1: it was busy for \d+/) });
    expect((failure?.error as NexusError).data).toMatchObject({ thread: 1 });
    expect(await agent.ask('add', 'goes on')).toBe(1);
    expect(await hanging).toBe('late');
    await nexus.migrate(agent, 2);
    expect(await agent.ask('where')).toBe(2);
  });

  it.each([
    ['keepInstance', 'state.kept.inner[0] is an instance of Wallet'],
    ['keepFunction', 'kept.inner'],
  ])('a state that cannot be sent keeps the agent where it is, and the error names the path: %s', async (action, path) => {
    const nexus = await start();
    const agent = await nexus.spawn(Migrant, { thread: 1 });
    await agent.ask(action as 'keepInstance');
    const [asked, failure] = [agent.ask('busyFor', 5), await failureOf(nexus.migrate(agent, 2))];
    expect(failure).toMatchObject({ code: 'NEXUS_MIGRATION_REFUSED', message: expect.stringContaining(path) });
    expect([await asked, await agent.ask('where'), await agent.ask('add', 1)]).toEqual(['done', 1, 1]);
  });

  it('agents that cannot move say why; wrong arguments are refused', async () => {
    const Local = defineAgent({ kind: 'local', state: () => 0, actions: { where: (_state, _input: undefined, ctx) => ctx.thread } });
    const nexus = await startNexus({ agents: [...agents, Local], threads: 1, engine: { force: engine } });
    const local = await nexus.spawn(Local, { thread: 'local' });
    expect(await failureOf(nexus.migrate(local, 1))).toMatchObject({
      code: 'NEXUS_MIGRATION_REFUSED',
      message: expect.stringContaining('only the calling thread'),
    });
    expect(await local.ask('where')).toBe(0);
    const ended = await nexus.spawn(Migrant, { thread: 1 });
    await ended.stop();
    expect(await codeOf(nexus.migrate(ended, 0))).toBe('NEXUS_AGENT_NOT_FOUND');
    for (const thread of [-1, 2, 0.5, Number.NaN, '1' as never]) expect(await codeOf(nexus.migrate(local, thread))).toBe('NEXUS_THREAD_UNKNOWN');
    expect(await codeOf(nexus.migrate('x' as never, 1))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.migrate(local, 1, { timeoutMs: 0 }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.migrate(local, 1, { timeoutMS: 5 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
  });

  it('an agent that is stopped while it waits to move ends, once', async () => {
    const nexus = await start();
    const agent = await nexus.spawn(Migrant, { thread: 1 });
    const busy = agent.ask('busyFor', 50);
    const [stopped, moved] = await Promise.all([agent.stop(), codeOf(nexus.migrate(agent, 2)), busy]);
    expect(stopped).toBeUndefined();
    expect(['NEXUS_AGENT_NOT_FOUND', 'NEXUS_MIGRATION_REFUSED']).toContain(moved);
    expect(nexus.agentCount).toBe(0);
  });

  it('many agents of several threads move together; concurrent moves of one agent do not harm it', async () => {
    const nexus = await start(3);
    const refs = await Promise.all(Array.from({ length: 600 }, (_, index) => nexus.spawn(Migrant, { thread: index % 4 })));
    refs.forEach((ref, index) => ref.tell('put', index));
    expect(await nexus.migrateMany(refs, 2)).toEqual({ moved: 600, failures: [] });
    expect(await Promise.all(refs.map((ref) => ref.ask('where')))).toEqual(refs.map(() => 2));
    const reports = await Promise.all([nexus.migrateMany(refs, 1), nexus.migrateMany(refs, 3), nexus.migrateMany([...refs].reverse(), 0)]);
    expect(reports.flatMap((report) => report.failures.map(({ error }) => error.code))).toEqual([]);
    const states = await Promise.all(refs.map((ref) => ref.ask('read')));
    expect(states.map((state) => state.received)).toEqual(refs.map((_, index) => [index]));
    expect(nexus.agentCount).toBe(600);
    expect(nexus.tableStatistics()).toMatchObject({ live: 600, staleEntries: 0 });
  });

  it('a handler may move its own agent, if it does not wait for it', async () => {
    const nexus = await start();
    const agent = await nexus.spawn(Migrant, { thread: 0 });
    const moves: Promise<void>[] = [];
    (globalThis as { migrantHook?: () => void }).migrantHook = () => void moves.push(nexus.migrate(agent, 1));
    agent.tell('put', 1);
    agent.tell('hook');
    agent.tell('put', 2);
    await until(() => moves.length === 1);
    await moves[0];
    agent.tell('put', 3);
    expect(await agent.ask('read')).toMatchObject({ thread: 1, received: [1, 2, 3] });
  });

  it.each([0, 1])(
    'an agent of thread %i that ends while its move waits for it ends the move',
    async (thread) => {
      const nexus = await start();
      const agent = await nexus.spawn(Migrant, { thread });
      void codeOf(agent.ask('hang'));
      const moving = codeOf(nexus.migrate(agent, 2, { timeoutMs: 60_000 }));
      const begun = performance.now();
      expect((await nexus.stop({ deadlineMs: 300 })).complete).toBe(false);
      expect(['NEXUS_AGENT_NOT_FOUND', 'NEXUS_STOPPED']).toContain(await moving);
      expect(performance.now() - begun).toBeLessThan(10_000);
    },
    20_000,
  );

  it('a child that is on its way when its supervisor starts all anew begins a new life where it arrives', async () => {
    const all = defineSupervisor({
      kind: 'all',
      strategy: 'oneForAll',
      children: () => [1, 2].map((thread) => ({ id: `child-${thread}`, agent: 'migrant', thread, init: {} })),
      backoff: { initialMs: 0, jitter: 0 },
    });
    const nexus = await startNexus({ agents: [...agents, all], threads: 3, engine: { force: engine } });
    await nexus.spawn(all);
    const [failing, moving] = [1, 2].map((thread) => nexus.find(`child-${thread}`)) as [AgentRef<typeof Migrant>, AgentRef<typeof Migrant>];
    const blocking = await nexus.spawn(Migrant, { thread: 3 });
    await moving.ask('timers', { periodMs: 20 });
    await until(async () => (await moving.ask('read')).received.length > 0);
    // It is on its way until every thread has answered, and this one does not for a while.
    blocking.tell('block', 400);
    const arrived = nexus.migrate(moving, 1);
    await until(() => nexus.summary('child-2')?.thread === 1);
    expect(await codeOf(failing.ask('fail'))).toBe('boom');
    await arrived;
    await until(async () => (await moving.ask('read')).received.length === 0);
    await moving.ask('add', 'only this');
    await blocking.ask('busyFor', 100);
    expect(await moving.ask('read')).toMatchObject({ thread: 1, received: ['only this'] });
  });
});

/** Where agents are started, and under which names. */
import { type AgentRef, createNexus, defineAgent, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Deciding, Probe } from '../fixtures/probe.mjs';
import { codeOf, describeEngines, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';

type ProbeRef = AgentRef<typeof Probe>;

const Local = defineAgent({ kind: 'local-only', state: () => 0, actions: { where: (_state, _input: undefined, ctx) => ctx.thread } });

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs'), Local], threads: 3, engine: { force: engine }, logger: recorder() });
  });
  afterAll(() => nexus.stop());

  test('an agent is placed on the worker with the fewest agents unless told', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 3, engine: { force: engine } });
    for (const thread of [1, 1, 1, 2]) await own.spawn(Probe, { thread });
    const placed: number[] = [];
    for (let count = 0; count < 5; count++) placed.push(await (await own.spawn(Probe)).ask('where'));
    expect(placed.sort()).toEqual([2, 2, 3, 3, 3]);
    await Promise.all(Array.from({ length: 300 }, () => own.spawn(Probe)));
    const counts = own.threads().map(({ agents }) => agents);
    expect(counts[0]).toBe(0);
    // What is under way is counted too, and sometimes twice.
    for (const count of counts.slice(1)) expect(count).toBeGreaterThan(50);
    expect(own.agentCount).toBe(309);
  });

  test('agents that many workers place at once are spread', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 3, engine: { force: engine } });
    const callers = await Promise.all([0, 1, 2, 3].map((thread) => own.spawn(Probe, { thread })));
    await Promise.all(callers.flatMap((caller) => Array.from({ length: 100 }, () => caller.ask('spawn', {}))));
    const counts = own.threads().map(({ agents }) => agents);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(404);
    for (const count of counts.slice(1)) expect(count).toBeGreaterThan(40);
  });

  test("thread 'local' places an agent on the thread that spawns", async () => {
    expect(await (await nexus.spawn(Probe, { thread: 'local' })).ask('where')).toBe(0);
    const probe = await nexus.spawn(Probe, { thread: 2 });
    const child = (await probe.ask('spawn', { thread: 'local' })) as ProbeRef;
    expect(await child.ask('where')).toBe(2);
  });

  test.each([0, 1, 2, 3])('thread %i places an agent on that thread, from any thread', async (thread) => {
    expect(await (await nexus.spawn(Probe, { thread })).ask('where')).toBe(thread);
    const caller = await nexus.spawn(Probe, { thread: 1 });
    const child = (await caller.ask('spawn', { thread })) as ProbeRef;
    expect(await child.ask('where')).toBe(thread);
  });

  test.each([-1, 4, 1.5, Number.NaN, 1e9, '1', 'locale', null])('thread %s is refused with NEXUS_THREAD_UNKNOWN', async (thread) => {
    const failure = await failureOf(nexus.spawn(Probe, { thread: thread as never }));
    // null is as good as not given.
    if (thread !== null) expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_THREAD_UNKNOWN' });
    else expect(failure).toBeUndefined();
  });

  test('with no workers agents run on the calling thread', async () => {
    const alone = await startNexus({ agents: [fixture('probe.mjs')], threads: 0, engine: { force: engine } });
    const probe = await alone.spawn(Probe, { init: { start: 1 } });
    expect(await probe.ask('where')).toBe(0);
    expect(alone.threadCount).toBe(1);
  });

  test('a kind given as a definition runs on the calling thread and is reached from every thread', async () => {
    const local = await nexus.spawn(Local, { id: freshId('local') });
    expect(await local.ask('where')).toBe(0);
    const far = await nexus.spawn(Probe, { thread: 2 });
    expect(await far.ask('askOf', { ref: local, action: 'where' })).toBe(0);
    const child = (await far.ask('spawnKind', { kind: 'local-only' })) as AgentRef<typeof Local>;
    expect(await child.ask('where')).toBe(0);
    const failure = await failureOf(nexus.spawn(Local, { thread: 1 }));
    expect(failure).toMatchObject({ code: 'NEXUS_KIND_UNKNOWN' });
    expect(failure?.message).toContain("export it from a module in 'agents'");
    expect(await codeOf(far.ask('spawnKind', { kind: 'local-only', thread: 'local' }))).toBe('NEXUS_KIND_UNKNOWN');
  });

  test('an agent without an id gets one nobody has', async () => {
    const own = await Promise.all(Array.from({ length: 100 }, (_, index) => nexus.spawn(Probe, { thread: index % 4 })));
    const caller = await nexus.spawn(Probe, { thread: 1 });
    const theirs = (await Promise.all(Array.from({ length: 100 }, () => caller.ask('spawn', {})))) as ProbeRef[];
    expect(new Set([...own, ...theirs].map(({ id }) => id)).size).toBe(200);
  });

  test('an id is taken for as long as its agent lives', async () => {
    const id = freshId();
    const first = await nexus.spawn(Probe, { id, thread: 1 });
    for (const thread of [0, 1, 2]) {
      const failure = await failureOf(nexus.spawn(Probe, { id, thread }));
      expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_ID_DUPLICATE' });
      expect(failure?.message).toContain(id);
    }
    await first.stop();
    await nexus.spawn(Probe, { id, thread: 2 });
  });

  test('of many spawns of one id from all threads exactly one succeeds', async () => {
    const callers = await Promise.all([0, 1, 2, 3].map((thread) => nexus.spawn(Probe, { thread })));
    for (let round = 0; round < 30; round++) {
      const id = freshId('raced');
      const codes = await Promise.all(
        callers.flatMap((caller, index) => [caller.ask('codeOfSpawn', { id, thread: index }), caller.ask('codeOfSpawn', { id })]),
      );
      expect(codes.filter((code) => code === 'spawned').length).toBe(1);
      expect(codes.filter((code) => code === 'NEXUS_ID_DUPLICATE').length).toBe(7);
    }
  });

  test('getOrSpawn from many callers on all threads gives one agent', async () => {
    const callers = await Promise.all([0, 0, 1, 1, 2, 2, 3, 3].map((thread) => nexus.spawn(Probe, { thread })));
    for (let round = 0; round < 30; round++) {
      const id = freshId('shared');
      const refs = (await Promise.all([
        ...callers.map((caller) => caller.ask('getOrSpawn', { id, init: { start: 5 } })),
        ...callers.map((caller) => caller.ask('getOrSpawn', { id, init: { start: 5 }, thread: 'local' })),
        nexus.getOrSpawn(Probe, id, { init: { start: 5 } }),
      ])) as ProbeRef[];
      for (const ref of refs) expect(ref.equals(refs[0] as ProbeRef)).toBe(true);
      expect(await Promise.all(refs.map((ref) => ref.ask('add', 1)))).toContain(5 + refs.length);
      expect([...nexus.agents('probe')].filter((agent) => agent.id === id).length).toBe(1);
    }
  });

  test('getOrSpawn of an id that an agent of another kind has rejects with NEXUS_KIND_MISMATCH', async () => {
    const probe = await nexus.spawn(Probe, { id: freshId() });
    expect(await codeOf(nexus.getOrSpawn(Deciding, probe.id))).toBe('NEXUS_KIND_MISMATCH');
    expect(await codeOf(() => nexus.find(probe.id, Deciding))).toBe('NEXUS_KIND_MISMATCH');
    expect(nexus.find(probe.id, Probe)?.equals(probe)).toBe(true);
  });

  test('a kind that is not registered is refused with NEXUS_KIND_UNKNOWN', async () => {
    const Stranger = defineAgent({ kind: 'stranger', state: () => 0, actions: {} });
    const failure = await failureOf(nexus.spawn(Stranger));
    expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_KIND_UNKNOWN' });
    expect(failure?.message).toContain("kind 'stranger' is not registered");
    expect(await codeOf(nexus.getOrSpawn(Stranger, 'x'))).toBe('NEXUS_KIND_UNKNOWN');
    expect(await codeOf(() => [...nexus.agents('stranger')])).toBe('NEXUS_KIND_UNKNOWN');
    const caller = await nexus.spawn(Probe, { thread: 1 });
    expect(await codeOf(caller.ask('spawnKind', { kind: 'stranger' }))).toBe('NEXUS_KIND_UNKNOWN');
    for (const wrong of [undefined, null, 'probe', {}, { kind: 5 }])
      expect(await codeOf(nexus.spawn(wrong as never, undefined as never))).toBe('NEXUS_DEFINITION_INVALID');
  });

  test.each([
    ['an empty id', ''],
    ['an id of 1,025 bytes', 'x'.repeat(1025)],
    ['an id of 1,026 bytes in 513 characters', 'é'.repeat(513)],
    ['a number', 7],
    ['an object', {}],
    ['a symbol', Symbol('id')],
  ])('%s is refused with NEXUS_OPTION_INVALID everywhere', async (_what, id) => {
    const live = nexus.agentCount;
    for (const thread of [0, 1])
      expect(await failureOf(nexus.spawn(Probe, { id: id as string, thread }))).toMatchObject({ name: 'TypeError', code: 'NEXUS_OPTION_INVALID' });
    for (const thread of [0, 1]) expect(await codeOf(nexus.getOrSpawn(Probe, id as string, { thread }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.find(id as string))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(() => nexus.send(id as string, 'read'))).toBe('NEXUS_OPTION_INVALID');
    expect(nexus.agentCount).toBe(live);
  });

  test('ids of 1 to 1,024 bytes in any script are kept as they are', async () => {
    for (const id of ['x', 'x'.repeat(1024), 'é'.repeat(512), '日本語', '😀', 'a b/c?d#e', '__proto__', '\u0000']) {
      const probe = await nexus.spawn(Probe, { id, thread: 1 });
      expect(probe.id).toBe(id);
      expect(nexus.find(id)?.equals(probe)).toBe(true);
      expect([...nexus.agents()].filter((agent) => agent.id === id)).toEqual([{ id, kind: 'probe', thread: 1 }]);
      await probe.stop();
      expect(nexus.find(id)).toBeUndefined();
    }
  });

  test('an init of more than 64 KiB is refused on a worker', async () => {
    expect(await codeOf(nexus.spawn(Probe, { thread: 1, init: { text: 'x'.repeat(70_000) } }))).toBe('NEXUS_MESSAGE_TOO_LARGE');
    const probe = await nexus.spawn(Probe, { thread: 1, init: { text: 'x'.repeat(65_000) } });
    expect(((await probe.ask('init')) as { text: string }).text.length).toBe(65_000);
  });

  test('a spawn beyond memory.agentsMax is refused with NEXUS_TABLE_FULL, and there is room again when agents end', async () => {
    const small = await startNexus({ agents: [fixture('probe.mjs')], threads: 1, memory: { agentsMax: 4096 }, engine: { force: engine } });
    const agents: ProbeRef[] = [];
    let failure = await failureOf(async () => {
      for (let count = 0; count <= 8192; count++) agents.push(await small.spawn(Probe, { thread: 0 }));
    });
    expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_TABLE_FULL' });
    expect(agents.length).toBeGreaterThanOrEqual(3584);
    await Promise.all(agents.splice(0, 1000).map((agent) => agent.stop()));
    failure = await failureOf(async () => {
      for (let count = 0; count < 1000; count++) await small.spawn(Probe, { thread: 0 });
    });
    expect(failure).toBeUndefined();
  });

  test('nexus.agents lists the live agents of one kind or of all', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 1, engine: { force: engine } });
    await own.spawn(Probe, { id: 'a', thread: 0 });
    await own.spawn(Probe, { id: 'b', thread: 1 });
    await own.spawn(Deciding, { id: 'c', thread: 1 });
    const list = (kind?: string): unknown[] => [...own.agents(kind)].sort((x, y) => (x.id < y.id ? -1 : 1));
    expect(list()).toEqual([
      { id: 'a', kind: 'probe', thread: 0 },
      { id: 'b', kind: 'probe', thread: 1 },
      { id: 'c', kind: 'deciding', thread: 1 },
    ]);
    expect(list('deciding')).toEqual([{ id: 'c', kind: 'deciding', thread: 1 }]);
    expect(own.kinds().find(({ kind }) => kind === 'desk')).toEqual({ kind: 'desk', actions: ['open', 'journal', 'aborted', 'live'] });
  });
});

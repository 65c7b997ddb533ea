/** What happens to agents, asks and messages when a worker thread ends. */
import type { AgentRef, Nexus, NexusOptions } from 'nexus-agents';
import { expect, test } from 'vitest';
import { Desk, FailsLater, Hooked, Parent, Probe, Saying } from '../fixtures/probe.mjs';
import { codeOf, describeEngines, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type ProbeRef = AgentRef<typeof Probe>;

describeEngines((engine) => {
  const start = (options: Partial<NexusOptions> = {}): Promise<Nexus> =>
    startNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine }, ...options });
  const event = (nexus: Nexus, name: 'threadLost' | 'threadRestored' | 'threadFailed'): Promise<unknown> => new Promise((resolve) => nexus.on(name, resolve));
  const counter = (nexus: Nexus, thread: number, name: string): number => nexus.threads()[thread]?.counters[name] as number;

  test.each([
    ['process.exit in a handler', 'exit', 7, undefined],
    ['an exception outside of any handler', 'crash', 1, 'outside of any handler'],
  ])('agents come back with their ids and a new state after %s', async (_how, action, exitCode, message) => {
    const nexus = await start();
    const survivors = await Promise.all([0, 2].map((thread) => nexus.spawn(Probe, { thread, init: { start: 1 } })));
    const agents = await Promise.all(Array.from({ length: 100 }, (_, index) => nexus.spawn(Probe, { thread: 1, id: `agent${index}`, init: { start: index } })));
    await Promise.all([...agents, ...survivors].map((agent) => agent.ask('add', 1000)));
    const [lost, restored] = [event(nexus, 'threadLost'), event(nexus, 'threadRestored')];
    agents[0]?.tell(action as 'exit', exitCode);
    expect(await lost).toMatchObject({ thread: 1, exitCode, error: message === undefined ? undefined : { message } });
    expect(await restored).toEqual({ thread: 1, restored: 100, failed: 0 });
    for (const [index, agent] of agents.entries()) {
      expect(await agent.ask('read')).toBe(index);
      expect(nexus.find(`agent${index}`)?.equals(agent)).toBe(true);
    }
    for (const survivor of survivors) expect(await survivor.ask('read')).toBe(1001);
    expect(nexus.threads()[1]).toMatchObject({ state: 'ready', incarnation: 1, agents: 100 });
    expect(nexus.tableStatistics().live).toBe(102);
  });

  test('asks that wait for a lost thread fail at once with NEXUS_THREAD_LOST, on every thread', async () => {
    const nexus = await start();
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const far = await nexus.spawn(Probe, { thread: 2 });
    const timeoutMs = 3_600_000;
    const waiting = [
      codeOf(probe.ask('hold', 'never', { timeoutMs })),
      codeOf(probe.ask('read', undefined, { timeoutMs })),
      far.ask('codeOfAsk', { ref: probe, action: 'read', options: { timeoutMs } }, { timeoutMs }) as Promise<string>,
      codeOf(probe.stop({ timeoutMs })),
    ];
    const other = await nexus.spawn(Probe, { thread: 1 });
    // All of them are there: also the one by way of thread 2, which its successor would answer.
    await until(() => (nexus.threads()[1]?.queueDepth ?? 0) >= 3);
    const failure = failureOf(other.ask('exit', 0, { timeoutMs }));
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => 'NEXUS_THREAD_LOST'));
    expect((await failure)?.message).toContain("thread 1 ended while 'exit' of probe");
  });

  test('messages sent after the loss wait for the successor', async () => {
    const nexus = await start({ workers: { restart: { initialDelayMs: 100 } } });
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const far = await nexus.spawn(Probe, { thread: 2 });
    const lost = event(nexus, 'threadLost');
    probe.tell('exit');
    await lost;
    expect(nexus.threads()[1]?.state).toBe('lost');
    for (let value = 0; value < 100; value++) expect(probe.tell('append', value)).toBe('accepted');
    // The loss has reached thread 2 before what the calling thread says now.
    expect(await far.ask('tellMany', { ref: probe, action: 'append', from: 100, to: 200 })).toBe(100);
    const spawned = nexus.spawn(Probe, { thread: 1, id: 'late' });
    const log: number[] = await probe.ask('log');
    await until(async () => (await probe.ask('log')).length === 200);
    expect(log.filter((value) => value < 100)).toEqual(Array.from({ length: 100 }, (_, value) => value));
    expect(await (await spawned).ask('where')).toBe(1);
  });

  test('what was queued in the ring to a lost thread is discarded and counted', async () => {
    const nexus = await start({ threads: 1, workers: { restart: { initialDelayMs: 50 } } });
    const probe = await nexus.spawn(Probe, { thread: 1 });
    await probe.ask('read');
    const restored = event(nexus, 'threadRestored');
    // The thread is busy until it ends, so that what follows stays in the ring.
    probe.tell('block', 100);
    probe.tell('exit');
    await probe.ask('read', undefined, { timeoutMs: 30 }).catch(() => undefined);
    const asked = codeOf(probe.ask('read'));
    for (let value = 0; value < 100; value++) expect(probe.tell('append', value)).toBe('accepted');
    expect(await asked).toBe('NEXUS_THREAD_LOST');
    await restored;
    expect(await probe.ask('log')).toEqual([]);
    await until(async () => (await probe.ask('read')) === 0 && counter(nexus, 1, 'dead_thread_lost') >= 101);
    expect(counter(nexus, 1, 'dead_thread_lost')).toBeLessThanOrEqual(103);
  });

  test('a thread that is lost again and again is given up, with its agents', async () => {
    const nexus = await start({ workers: { restart: { intensity: 2 } } });
    const failed = event(nexus, 'threadFailed');
    let losses = 0;
    nexus.on('threadLost', () => losses++);
    const probe = await nexus.spawn(Probe, { thread: 1, id: 'doomed' });
    const far = await nexus.spawn(Probe, { thread: 2 });
    for (let count = 0; count < 3; count++) await codeOf(probe.ask('exit', 3));
    expect(await failed).toMatchObject({ thread: 1, exitCode: 3 });
    expect(losses).toBe(2);
    expect(nexus.threads()[1]).toMatchObject({ state: 'failed', agents: 0 });
    expect(nexus.find('doomed')).toBeUndefined();
    expect(probe.tell('read')).toBe('noAgent');
    expect(await codeOf(probe.ask('read'))).toBe('NEXUS_AGENT_NOT_FOUND');
    expect(await codeOf(nexus.spawn(Probe, { thread: 1 }))).toBe('NEXUS_THREAD_UNKNOWN');
    // The others go on, and take what is placed automatically.
    await until(async () => (await far.ask('codeOfAsk', { ref: probe, action: 'read' })) === 'NEXUS_AGENT_NOT_FOUND');
    expect(await (await nexus.spawn(Probe, { id: 'doomed' })).ask('where')).toBe(2);
    // Also one that did not live when that happened.
    const restored = event(nexus, 'threadRestored');
    far.tell('exit');
    await restored;
    expect(await codeOf(far.ask('spawn', { thread: 1 }))).toBe('NEXUS_THREAD_UNKNOWN');
    expect(((await far.ask('spawn', {})) as ProbeRef).kind).toBe('probe');
  });

  test('the asks that wait for a thread that is given up fail with NEXUS_THREAD_FAILED', async () => {
    const nexus = await start({ workers: { restart: { intensity: 0 } } });
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const waiting = codeOf(probe.ask('hold', 'never'));
    const other = await nexus.spawn(Probe, { thread: 1 });
    other.tell('exit');
    expect(await waiting).toBe('NEXUS_THREAD_FAILED');
  });

  test('an agent whose start fails after the loss of its thread is supervised as at any restart', async () => {
    const nexus = await start();
    const children = (id: string): { kind: string; id: string; thread: number }[] => [{ kind: 'probe', id, thread: 0 }];
    const fussy = await nexus.spawn(Parent, { thread: 1, id: 'fussy', init: { children: children('child') } });
    const gone = await nexus.spawn(FailsLater, { thread: 1, id: 'gone', init: 'squatter' });
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const restored = event(nexus, 'threadRestored');
    // The id of its child is taken when it starts again, for a while.
    await nexus.find('child')?.stop();
    const squatter = await nexus.spawn(Probe, { thread: 2, id: 'child' });
    await nexus.spawn(Probe, { id: 'squatter' });
    probe.tell('exit');
    expect(await restored).toEqual({ thread: 1, restored: 1, failed: 2 });
    expect(nexus.find('gone')).toBeUndefined();
    expect(await codeOf(gone.ask('read'))).toBe('NEXUS_AGENT_NOT_FOUND');
    const waiting = fussy.ask('read', undefined, { timeoutMs: 60_000 });
    await squatter.stop();
    expect(await waiting).toBe(0);
    expect(await nexus.find('child', Probe)?.ask('where')).toBe(0);
  });

  test('a parent comes back although the stop hook of a child of its earlier life still runs', async () => {
    const nexus = await start();
    const gate = freshId('gate');
    const desk = await nexus.spawn(Desk, { thread: 2 });
    const parent = await nexus.spawn(Parent, {
      thread: 1,
      init: { start: 4, children: [{ kind: 'hooked', id: 'child', thread: 2, init: { stopGate: gate } }] },
    });
    const restored = event(nexus, 'threadRestored');
    parent.tell('exit');
    await restored;
    const waiting = parent.ask('read', undefined, { timeoutMs: 60_000 });
    desk.tell('open', gate);
    expect(await waiting).toBe(4);
    expect(await (nexus.find('child') as ProbeRef).ask('read')).toBe(0);
  });

  test('children of a lost parent end, and come again with its start hook', async () => {
    const nexus = await start();
    const children = [0, 1, 2].map((thread) => ({ kind: 'probe', id: `child${thread}`, thread, init: { start: thread } }));
    const parent = await nexus.spawn(Parent, { thread: 1, id: 'parent', init: { children } });
    const before = children.map(({ id }) => nexus.find(id, Probe) as ProbeRef);
    await Promise.all(before.map((child) => child.ask('add', 100)));
    for (let round = 0; round < 5; round++) {
      const restored = event(nexus, 'threadRestored');
      parent.tell('exit');
      expect(await restored).toEqual({ thread: 1, restored: 1, failed: 0 });
      for (const [index, { id, start }] of children.map(({ id, init }) => ({ id, start: init.start })).entries()) {
        const child = nexus.find(id, Probe) as ProbeRef;
        expect(child.equals(before[index] as ProbeRef)).toBe(false);
        expect(await child.ask('read')).toBe(start);
      }
    }
    await parent.stop();
    for (const { id } of children) expect(nexus.find(id)).toBeUndefined();
  });

  test('a start hook that spawns at once finds the ids of its lost children free', async () => {
    const nexus = await start({ threads: 1 });
    const children = [0, 1, 2].map((index) => ({ kind: 'probe', id: `own${index}`, thread: 1, init: { start: index } }));
    // Their records come before and after that of the parent.
    const parents = await Promise.all([0, 1, 2].map(() => nexus.spawn(Probe, { thread: 1 })));
    const parent = await nexus.spawn(Parent, { thread: 1, init: { children } });
    await Promise.all(parents.map((each) => each.stop()));
    for (let round = 0; round < 3; round++) {
      const restored = event(nexus, 'threadRestored');
      parent.tell('exit');
      expect(await restored).toEqual({ thread: 1, restored: 1, failed: 0 });
      expect(
        await Promise.all(
          nexus
            .findMany(
              children.map(({ id }) => id),
              Probe,
            )
            .map((child) => child?.ask('read')),
        ),
      ).toEqual([0, 1, 2]);
      expect(nexus.tableStatistics().live).toBe(4);
    }
  });

  test('a child of a parent that lives comes back as its child', async () => {
    const nexus = await start();
    const parent = await nexus.spawn(Probe, { thread: 2, id: 'parent' });
    const child = (await parent.ask('spawn', { id: 'child', thread: 1, init: { start: 3 } })) as ProbeRef;
    const restored = event(nexus, 'threadRestored');
    child.tell('exit');
    expect(await restored).toEqual({ thread: 1, restored: 1, failed: 0 });
    expect(await child.ask('read')).toBe(3);
    await parent.stop();
    expect(nexus.find('child')).toBeUndefined();
  });

  // Independent of the engine, and slow.
  test.skipIf(engine === 'native')('a message that ends the thread that reads it does not end the successor too', async () => {
    const nexus = await start({
      threads: 1,
      memory: { ringBytes: 67_108_864 },
      workers: { restart: { intensity: 5 }, resourceLimits: { maxOldGenerationSizeMb: 24 } },
    });
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const lost = event(nexus, 'threadLost');
    probe.tell('exit');
    await lost;
    // Three megabytes that take a hundred when they are read. The successor finds them in the ring when it starts, together with what tells it where its
    // own messages begin; it has no memory for them.
    const asked = codeOf(
      probe.ask(
        'echo',
        Array.from({ length: 3_000_000 }, () => []),
        { timeoutMs: 60_000 },
      ),
    );
    expect(await asked).toBe('NEXUS_THREAD_LOST');
    await until(() => nexus.threads()[1]?.state === 'ready' && nexus.threads()[1]?.incarnation === 2);
    expect(await probe.ask('read')).toBe(0);
  });

  test('the timers and the desk of a lost thread are gone with it', async () => {
    const nexus = await start({ threads: 1 });
    const desk = await nexus.spawn(Desk, { thread: 1 });
    const probe = await nexus.spawn(Probe, { thread: 1 });
    await probe.ask('every', { ms: 1, action: 'append', input: 'tick' });
    const restored = event(nexus, 'threadRestored');
    probe.tell('exit');
    await restored;
    expect(await desk.ask('journal')).toEqual([]);
    expect(await probe.ask('log')).toEqual([]);
  });

  test('an async start of an agent that comes back may take longer than workers.startTimeoutMs', async () => {
    const startTimeoutMs = 1500;
    const nexus = await start({ threads: 1, workers: { startTimeoutMs } });
    const [gate, desk] = [freshId('gate'), await nexus.spawn(Desk, { thread: 1 })];
    desk.tell('open', gate);
    const slow = await nexus.spawn(Hooked, { thread: 1, init: { start: 5, startGate: gate } });
    const lost = event(nexus, 'threadLost');
    let [losses, restored] = [0, [] as unknown[]];
    nexus.on('threadLost', () => losses++);
    nexus.on('threadRestored', (news) => restored.push(news));
    slow.tell('exit');
    await lost;
    const waiting = slow.ask('read', undefined, { timeoutMs: 60_000 });
    // The thread serves, its other agents too.
    expect(await desk.ask('live')).toBe(1);
    const readyAtMs = performance.now();
    await until(() => performance.now() - readyAtMs > startTimeoutMs + 200);
    expect({ losses, state: nexus.threads()[1]?.state }).toEqual({ losses: 1, state: 'ready' });
    // Whoever waits for the news does not wait for ever.
    await until(() => restored.length > 0);
    expect(restored).toEqual([{ thread: 1, restored: 1, failed: 0 }]);
    desk.tell('open', gate);
    expect(await waiting).toBe(5);
    expect(losses).toBe(1);
  });

  test('stop waits for a thread that is being replaced, delivers what waits for it and runs the stop hooks of its agents', async () => {
    const nexus = await start({ workers: { restart: { initialDelayMs: 60_000, maxDelayMs: 60_000 } } });
    const ends: unknown[] = [];
    nexus.on('signal', ({ data }) => ends.push(data));
    const saying = await nexus.spawn(Saying, { thread: 1 });
    const lost = event(nexus, 'threadLost');
    saying.tell('exit');
    await lost;
    const asked = Array.from({ length: 100 }, () => saying.ask('add', 1, { timeoutMs: 60_000 }));
    expect(await nexus.stop({ deadlineMs: 30_000 })).toEqual({ complete: true, discarded: 0 });
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(ends).toEqual([{ reason: 'shutdown', n: 100 }]);
    expect(nexus.threads().map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  test('a stop whose deadline passes while a thread is being replaced says so', async () => {
    const nexus = await start({ workers: { restart: { initialDelayMs: 60_000, maxDelayMs: 60_000 } } });
    const probe = await nexus.spawn(Probe, { thread: 1 });
    const lost = event(nexus, 'threadLost');
    probe.tell('exit');
    await lost;
    expect((await nexus.stop({ deadlineMs: 0 })).complete).toBe(false);
    expect(nexus.threads().map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  });
});

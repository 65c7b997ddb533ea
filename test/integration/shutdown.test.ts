/** What stop does with agents, messages and threads. */
import { type AgentRef, createNexus, defineAgent, type Nexus, type NexusOptions } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { Desk, Hooked, Patient, Probe, Ticking } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, fixture, freshId, recorder } from '../start-nexus.js';
import { until } from '../until.js';

type ProbeRef = AgentRef<typeof Probe>;

describeEngines((engine) => {
  const start = (options: Partial<NexusOptions> = {}): Promise<Nexus> =>
    createNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine }, logger: recorder(), ...options });

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('stop lets agents handle what is in their mailboxes', async () => {
      const nexus = await start();
      const probe = await nexus.spawn(Probe, { thread });
      const far = await nexus.spawn(Probe, { thread: 2 });
      const asked = Array.from({ length: 1000 }, () => probe.ask('add', 1));
      // What handlers send while the nexus stops is handled too.
      const relayed = far.ask('tellMany', { ref: probe, action: 'add', from: 0, to: 1000 });
      const report = nexus.stop();
      await Promise.all(asked);
      expect(await relayed).toBe(1000);
      expect(await report).toEqual({ complete: true, discarded: 0 });
      expect(nexus.threads().reduce((sum, { counters }) => sum + (counters['handled'] as number), 0)).toBe(2001);
    });

    test('stop waits for async handlers and for stop hooks', async () => {
      const nexus = await start();
      const desk = await nexus.spawn(Desk, { thread });
      const [gate, stopGate] = [freshId('gate'), freshId('gate')];
      const probe = await nexus.spawn(Hooked, { thread, init: { stopGate } });
      const held = probe.ask('hold', gate);
      const report = nexus.stop();
      expect(await Promise.race([report, desk.ask('live')])).toBe(thread);
      desk.tell('open', gate);
      desk.tell('open', stopGate);
      expect(await held).toBe(gate);
      expect(await report).toEqual({ complete: true, discarded: 0 });
    });

    test('a stop whose deadline passes discards what waits and says so', async () => {
      const nexus = await start();
      const probe = await nexus.spawn(Probe, { thread });
      const held = codeOf(probe.ask('hold', freshId('never')));
      const waiting = [codeOf(probe.ask('read')), codeOf(probe.ask('read'))];
      probe.tell('append', 1);
      const report = await nexus.stop({ deadlineMs: 100 });
      expect(report).toEqual({ complete: false, discarded: 3 });
      for (const code of await Promise.all(waiting)) expect(['NEXUS_AGENT_STOPPED', 'NEXUS_STOPPED']).toContain(code);
      expect(await held).toBe('NEXUS_STOPPED');
    });

    test('timers do not keep a nexus from stopping', async () => {
      const nexus = await start();
      const ticking = await nexus.spawn(Ticking, { thread });
      const chain = await nexus.spawn(Probe, { thread });
      await chain.ask('after', { ms: 0, action: 'after', input: { ms: 0, action: 'read' } });
      await until(async () => (await ticking.ask('log')).length > 3);
      expect(await nexus.stop({ deadlineMs: 5000 })).toEqual({ complete: true, discarded: 0 });
    });

    test('an agent that waits for its restart holds the stop up until the deadline', async () => {
      const nexus = await start();
      const probe = await nexus.spawn(Patient, { thread });
      await codeOf(probe.ask('fail'));
      const waiting = codeOf(probe.ask('read'));
      expect(await nexus.stop({ deadlineMs: 50 })).toEqual({ complete: false, discarded: 1 });
      expect(['NEXUS_AGENT_STOPPED', 'NEXUS_STOPPED']).toContain(await waiting);
    });

    test('after stop tells and asks are refused', async () => {
      const nexus = await start();
      const probe = await nexus.spawn(Probe, { thread, id: 'probe' });
      await nexus.stop();
      expect(['noAgent', 'stopped']).toContain(probe.tell('add', 1));
      expect(['NEXUS_AGENT_NOT_FOUND', 'NEXUS_STOPPED']).toContain(await codeOf(probe.ask('read')));
      await probe.stop();
      expect(nexus.send('probe', 'read')).toBe('stopped');
      expect(nexus.find('probe')).toBeUndefined();
      expect([...nexus.agents()]).toEqual([]);
      expect(nexus.agentCount).toBe(0);
      expect(nexus.threads().map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
    });

    test('a thread that ends by itself while the nexus stops does not hold it up', async () => {
      const nexus = await start();
      const gate = freshId('gate');
      const desk = await nexus.spawn(Desk, { thread });
      const holding = await nexus.spawn(Probe, { thread });
      const probe = await nexus.spawn(Probe, { thread: 2 });
      const held = holding.ask('hold', gate);
      await probe.ask('after', { ms: 3_600_000, action: 'read' });
      const stopping = nexus.stop({ deadlineMs: 3_600_000 });
      const ended = codeOf(probe.ask('exit', 0, { timeoutMs: 3_600_000 }));
      expect(['NEXUS_THREAD_FAILED', 'NEXUS_THREAD_LOST']).toContain(await ended);
      desk.tell('open', gate);
      expect(await held).toBe(gate);
      expect(await stopping).toEqual({ complete: false, discarded: 0 });
      expect(nexus.threads()[2]?.state).toBe('stopped');
    });
  });

  test('once stop was called no agent is spawned from outside', async () => {
    const nexus = await start();
    await nexus.spawn(Probe, { id: 'before' });
    expect(nexus.isStopping).toBe(false);
    const report = nexus.stop();
    expect(nexus.isStopping).toBe(true);
    expect(await codeOf(nexus.spawn(Probe))).toBe('NEXUS_STOPPED');
    expect(await codeOf(nexus.getOrSpawn(Probe, 'new'))).toBe('NEXUS_STOPPED');
    await report;
    expect(await codeOf(nexus.spawn(Probe))).toBe('NEXUS_STOPPED');
    expect(await codeOf(nexus.getOrSpawn(Probe, 'before'))).toBe('NEXUS_STOPPED');
  });

  test('a handler that awaits stop waits for itself until the deadline, and the log says so', async () => {
    const logger = recorder();
    const Ending = defineAgent({ kind: 'ending', state: () => 0, actions: { end: async () => await nexus.stop({ deadlineMs: 50 }) } });
    const nexus: Nexus = await createNexus({ agents: [Ending], threads: 0, engine: { force: engine }, logger });
    const ending = await nexus.spawn(Ending, { id: 'ending' });
    const asked = codeOf(ending.ask('end'));
    await until(() => nexus.isStopping);
    expect(await nexus.stop()).toEqual({ complete: false, discarded: 0 });
    expect(await asked).toBe('NEXUS_STOPPED');
    expect(logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { data: { agents: ['ending'], deadlineMs: 50 }, message: expect.stringContaining('a handler that awaits stop waits for itself') },
    ]);
  });

  test('a second stop returns the promise of the first', async () => {
    const nexus = await start();
    const first = nexus.stop();
    expect(nexus.stop({ deadlineMs: 1 })).toBe(first);
    await first;
    expect(nexus.stop()).toBe(first);
  });

  test('await using stops the nexus at the end of the block', async () => {
    let outside: Nexus;
    let probe: ProbeRef;
    {
      await using nexus = await start();
      outside = nexus;
      probe = await nexus.spawn(Probe);
      expect(await probe.ask('read')).toBe(0);
    }
    expect(outside.isStopping).toBe(true);
    expect(outside.threads().map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  test('children stop before their parents when the nexus stops', async () => {
    const nexus = await start({ threads: 1 });
    const lines: string[] = [];
    nexus.on('signal', ({ topic }) => lines.push(topic));
    const parent = await nexus.spawn(Hooked, { thread: 0, id: 'parent' });
    await parent.ask('spawnKind', { kind: 'hooked', id: 'child', thread: 0 });
    expect((await nexus.stop()).complete).toBe(true);
    const desk = await createNexus({ agents: [fixture('probe.mjs')], threads: 0, engine: { force: engine }, logger: recorder() });
    // The fixture's journal of the calling thread is the same one.
    const journal = ((await (await desk.spawn(Desk)).ask('journal')) as string[]).filter((entry) => / (parent|child)( |$)/.test(entry)).slice(-6);
    expect(journal.filter((entry) => entry.startsWith('stopped'))).toEqual(['stopped child', 'stopped parent']);
    await desk.stop();
  });

  test('an agent that ends while it waits for its restart leaves no timer that keeps the process alive', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const nexus = await start();
    const before = timers();
    const many = await Promise.all(Array.from({ length: 50 }, () => nexus.spawn(Patient, { thread: 0 })));
    for (const probe of many) await codeOf(probe.ask('fail'));
    expect(timers()).toBeGreaterThanOrEqual(before + 50);
    for (const probe of many.slice(25)) await probe.stop();
    expect(timers()).toBeLessThan(before + 40);
    await nexus.stop({ deadlineMs: 50 });
    await until(() => timers() < before + 10);
  });

  test('nothing of a stopped nexus keeps the process alive', async () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout' && kind !== 'Immediate').length;
    for (let round = 0; round < 5; round++) {
      const nexus = await start();
      const probe = await nexus.spawn(Probe, { thread: 1 });
      await probe.ask('read');
      await nexus.stop();
    }
    await until(() => process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout' && kind !== 'Immediate').length <= before);
  });
});

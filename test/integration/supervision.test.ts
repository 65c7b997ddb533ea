/** What a failed handler leads to. */
import { type AgentFailure, createNexus, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Deciding, Desk, Escalating, Hooked, Limited, Patient, Probe, Resuming, StartsOnce, Stopping, Unstartable } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, failureOf, fixture, freshId, type LogLine, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  let nexus: Nexus;
  const logger = recorder();
  const failures: AgentFailure[] = [];

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 1, engine: { force: engine }, logger });
    for (const thread of [0, 1]) await nexus.spawn(Desk, { id: `desk${thread}`, thread });
    nexus.on('agentFailed', (failure) => failures.push(failure));
  });
  afterAll(() => nexus.stop());

  const open = (thread: number, gate: string): void => void nexus.send(`desk${thread}`, 'open', gate);
  const journal = async (thread: number, id: string): Promise<string[]> =>
    ((await nexus.find(`desk${thread}`, Desk)?.ask('journal')) as string[]).filter((entry) => entry.includes(id));

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('a failed handler rejects its ask and the agent restarts with a new state', async () => {
      const probe = await nexus.spawn(Probe, { thread, init: { start: 10 } });
      await probe.ask('add', 5);
      expect(await codeOf(probe.ask('fail', 'broken'))).toBe('broken');
      expect(await probe.ask('read')).toBe(10);
    });

    test('a failed tell restarts the agent too', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      probe.tell('add', 5);
      probe.tell('fail');
      expect(await probe.ask('read')).toBe(0);
    });

    test('a failed handler is published as agentFailed and logged', async () => {
      const probe = await nexus.spawn(Probe, { thread, id: freshId() });
      await codeOf(probe.ask('fail', 'for the log'));
      await until(() => failures.some(({ id }) => id === probe.id));
      expect(failures.find(({ id }) => id === probe.id)).toMatchObject({ kind: 'probe', action: 'fail', thread, error: { message: 'for the log' } });
      const line = logger.lines.find(({ data }) => data['agent'] === probe.id) as LogLine;
      expect(line).toMatchObject({ level: 'warn', message: 'an agent failed', data: { kind: 'probe', action: 'fail', thread } });
    });

    test('messages queued before a failure are handled after the restart, in order', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const failing = codeOf(probe.ask('failLater', name));
      for (let value = 0; value < 100; value++) probe.tell('append', value);
      const log = probe.ask('log');
      open(thread, name);
      expect(await failing).toBe(`late ${name}`);
      expect(await log).toEqual(Array.from({ length: 100 }, (_, index) => index));
    });

    test('a failure of a concurrent handler restarts the agent', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const failing = codeOf(probe.ask('failConcurrent', name));
      await probe.ask('add', 5);
      open(thread, name);
      expect(await failing).toBe(`late ${name}`);
      expect(await probe.ask('read')).toBe(0);
    });

    test('a handler that fails after its agent was restarted rejects its ask and changes nothing', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const failing = codeOf(probe.ask('failConcurrent', name));
      await codeOf(probe.ask('fail'));
      await probe.ask('add', 5);
      open(thread, name);
      expect(await failing).toBe(`late ${name}`);
      expect(await probe.ask('read')).toBe(5);
    });

    test('a handler that ends after its agent was restarted answers its ask', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const held = probe.ask('holdConcurrent', name);
      await codeOf(probe.ask('fail'));
      open(thread, name);
      expect(await held).toBe(name);
      // It wrote into the state of the earlier life.
      expect(await probe.ask('log')).toEqual([]);
    });

    test('resume keeps the state', async () => {
      const probe = await nexus.spawn(Resuming, { thread });
      await probe.ask('add', 5);
      expect(await codeOf(probe.ask('fail'))).toBe('boom');
      expect(await probe.ask('read')).toBe(5);
    });

    test('stop ends the agent', async () => {
      const probe = await nexus.spawn(Stopping, { thread, id: freshId() });
      expect(await codeOf(probe.ask('fail'))).toBe('boom');
      await until(() => nexus.find(probe.id) === undefined);
      expect(await codeOf(probe.ask('read'))).toBe('NEXUS_AGENT_NOT_FOUND');
    });

    test('onFailure as a function decides by the error', async () => {
      const probe = await nexus.spawn(Deciding, { thread, id: freshId() });
      await probe.ask('add', 5);
      await codeOf(probe.ask('fail', 'resume'));
      expect(await probe.ask('read')).toBe(5);
      await codeOf(probe.ask('fail', 'restart'));
      expect(await probe.ask('read')).toBe(0);
      await codeOf(probe.ask('fail', 'stop'));
      await until(() => nexus.find(probe.id) === undefined);
    });

    test.each(['throw', 'something else', 'escalade'])('onFailure that answers or throws nonsense (%s) stops the agent', async (message) => {
      const probe = await nexus.spawn(Deciding, { thread, id: freshId() });
      await codeOf(probe.ask('fail', message));
      await until(() => nexus.find(probe.id) === undefined);
    });

    test('an agent that fails more often than its intensity allows ends', async () => {
      const probe = await nexus.spawn(Limited, { thread, id: freshId() });
      for (let count = 0; count < 2; count++) {
        await codeOf(probe.ask('fail'));
        expect(await probe.ask('read')).toBe(0);
      }
      const last = codeOf(probe.ask('fail'));
      const waiting = codeOf(probe.ask('read'));
      expect(await last).toBe('boom');
      expect(['NEXUS_AGENT_STOPPED', 'NEXUS_AGENT_NOT_FOUND']).toContain(await waiting);
      await until(() => nexus.find(probe.id) === undefined);
    });

    test('an agent that waits for its restart keeps its id and its messages, and can be stopped', async () => {
      const probe = await nexus.spawn(Patient, { thread, id: freshId() });
      await codeOf(probe.ask('fail'));
      const waiting = codeOf(probe.ask('read'));
      expect(nexus.find(probe.id)?.equals(probe)).toBe(true);
      expect(await codeOf(nexus.spawn(Patient, { id: probe.id }))).toBe('NEXUS_ID_DUPLICATE');
      await probe.stop();
      expect(await waiting).toBe('NEXUS_AGENT_STOPPED');
      expect(nexus.find(probe.id)).toBeUndefined();
    });

    test('a restart runs the stop hook with the old state and then the start hook', async () => {
      const hooked = await nexus.spawn(Hooked, { thread, id: freshId() });
      await hooked.ask('add', 3);
      await codeOf(hooked.ask('fail'));
      expect(await hooked.ask('read')).toBe(0);
      await hooked.stop();
      const { id } = hooked;
      expect(await journal(thread, id)).toEqual([
        `start ${id}`,
        `stop ${id} restart n=3`,
        `stopped ${id}`,
        `start ${id}`,
        `stop ${id} stopped n=0`,
        `stopped ${id}`,
      ]);
    });

    test('an async start hook holds messages back until it is done', async () => {
      const gate = freshId('gate');
      const id = freshId();
      const spawned = nexus.spawn(Hooked, { thread, id, init: { startGate: gate, start: 4 } });
      await until(async () => (await journal(thread, id)).length === 1);
      const early = nexus.find(id, Hooked)?.ask('read') as Promise<number>;
      open(thread, gate);
      expect((await spawned).id).toBe(id);
      expect(await early).toBe(4);
    });

    test('a stop hook that fails is logged and the agent ends', async () => {
      const hooked = await nexus.spawn(Hooked, { thread, id: freshId(), init: { stopFails: true } });
      await hooked.stop();
      expect(nexus.find(hooked.id)).toBeUndefined();
      await until(() => logger.lines.some(({ message, data }) => message === 'the stop hook of an agent failed' && data['kind'] === 'hooked'));
    });

    test('the id of an agent is taken until its stop hook has run', async () => {
      const gate = freshId('gate');
      const hooked = await nexus.spawn(Hooked, { thread, id: freshId(), init: { stopGate: gate } });
      const stopped = hooked.stop();
      await until(async () => (await journal(thread, hooked.id)).length === 2);
      expect(await codeOf(nexus.spawn(Hooked, { id: hooked.id }))).toBe('NEXUS_ID_DUPLICATE');
      open(thread, gate);
      await stopped;
      await (await nexus.spawn(Hooked, { thread, id: hooked.id })).stop();
    });

    test('an agent whose state factory or start hook fails is not started', async () => {
      const id = freshId();
      const failure = await failureOf(nexus.spawn(Unstartable, { thread, id, init: 'my reason' }));
      expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_START_FAILED' });
      expect(failure?.message).toContain(`agent '${id}' of kind 'unstartable' did not start: my reason`);
      expect((failure?.error.cause as Error).message).toBe('my reason');
      expect(await codeOf(nexus.spawn(Hooked, { thread, id, init: { startFails: true } }))).toBe('NEXUS_START_FAILED');
      expect(nexus.find(id)).toBeUndefined();
      await (await nexus.spawn(Probe, { thread, id })).stop();
    });

    test('a start that fails at a restart is a failure like any other, and runs no second stop hook', async () => {
      const name = freshId('starts');
      const probe = await nexus.spawn(StartsOnce, { thread, init: { name, failures: 3, message: 'restart', start: 2 } });
      await codeOf(probe.ask('fail', 'restart'));
      expect(await probe.ask('read')).toBe(2);
      expect(await journal(thread, name)).toEqual([`stop ${name} restart`]);
      await probe.stop();
      expect(await journal(thread, name)).toEqual([`stop ${name} restart`, `stop ${name} stopped`]);
    });

    test('an agent whose start failed at a restart cannot be resumed: it ends', async () => {
      const name = freshId('starts');
      const probe = await nexus.spawn(StartsOnce, { thread, init: { name, failures: 1, message: 'resume' } });
      const failed = codeOf(probe.ask('fail', 'restart'));
      const waiting = codeOf(probe.ask('read'));
      expect(await failed).toBe('restart');
      expect(await waiting).toBe('NEXUS_AGENT_STOPPED');
      expect(await journal(thread, name)).toEqual([`stop ${name} restart`]);
    });

    test('an agent that is stopped while it waits for its restart has run its stop hook once', async () => {
      const name = freshId('starts');
      const probe = await nexus.spawn(StartsOnce, { thread, init: { name, failures: 0, message: '' } });
      // The stop is asked for while the agent is suspended, or queued behind the failure.
      const failed = codeOf(probe.ask('fail', 'restart'));
      await failed;
      await probe.stop();
      const stops = await journal(thread, name);
      expect(stops[0]).toBe(`stop ${name} restart`);
      expect(stops.filter((entry) => entry.endsWith('restart')).length).toBe(1);
    });
  });

  test('an agent of the calling thread that escalates is published as escalated', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 0, engine: { force: engine } });
    const escalated: AgentFailure[] = [];
    own.on('escalated', (failure) => escalated.push(failure));
    const probe = await own.spawn(Escalating, { id: 'top' });
    expect(await codeOf(probe.ask('fail', 'too much'))).toBe('too much');
    await until(() => escalated.length === 1);
    expect(escalated).toMatchObject([{ id: 'top', kind: 'escalating', thread: 0, error: { message: 'too much' } }]);
    expect(own.find('top')).toBeUndefined();
  });

  test('an agent of a worker that escalates without a parent ends its thread, which comes back without it', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 1, engine: { force: engine } });
    const restored = new Promise((resolve) => own.on('threadRestored', resolve));
    const losses: { readonly error: unknown }[] = [];
    own.on('threadLost', (loss) => losses.push(loss));
    const bystander = await own.spawn(Probe, { id: 'bystander', thread: 1 });
    const probe = await own.spawn(Escalating, { id: 'top', thread: 1 });
    await codeOf(probe.ask('fail', 'too much'));
    expect(await restored).toMatchObject({ thread: 1, restored: 1, failed: 0 });
    expect(losses).toMatchObject([{ error: { code: 'NEXUS_ESCALATED', message: "escalating 'top' escalated: too much" } }]);
    expect(await bystander.ask('read')).toBe(0);
    expect(own.find('top')).toBeUndefined();
  });
});

/** Agents that are paused and go on: what waits, what ends, what goes with them. On real threads. */
import fc from 'fast-check';
import type { AgentRef, FollowEvent } from 'nexus-agents';
import { describe, expect, it } from 'vitest';
import { SETUPS } from '../durable-setups.js';
import { Brief } from '../fixtures/durable.mjs';
import { Watched } from '../fixtures/observed.mjs';
import { codeOf, DISTANCES, describeEngines, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const modules = { agents: [fixture('observed.mjs')] };
type Ref = AgentRef<typeof Watched>;

describe.each(DISTANCES)('a paused agent $distance', ({ thread }) => {
  it('handles nothing until it goes on, and then what waited in its order; pausing twice is pausing once', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    await nexus.pause(agent);
    await nexus.pause('agent');
    for (let number = 0; number < 20; number++) agent.tell('add', number);
    const asked = agent.ask('read');
    await until(async () => (await nexus.inspect('agent')).mailbox.waiting === 21);
    expect(await nexus.inspect('agent')).toMatchObject({ status: 'paused', state: { text: expect.stringContaining('handled: []') } });
    await nexus.resume('agent');
    await nexus.resume(agent);
    expect((await asked).handled).toEqual(Array.from({ length: 20 }, (_, number) => number));
    expect((await nexus.inspect('agent')).status).toBe('ready');
  });

  it('keeps the limits of its mailbox', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    await nexus.pause(agent);
    for (let number = 0; number < 100; number++) agent.tell('add', number);
    expect(await codeOf(agent.ask('read'))).toBe('NEXUS_MAILBOX_FULL');
    await nexus.resume(agent);
    expect((await agent.ask('read')).handled.length).toBe(100);
  });

  it('lets a handler that runs finish, and answer', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    const waiting = [agent.ask('waitConcurrently', 60), agent.ask('wait', 60)];
    await until(async () => (await nexus.inspect('agent')).status === 'busy');
    await nexus.pause(agent);
    agent.tell('add', 1);
    expect(await Promise.all(waiting)).toEqual(['waited', 'waited']);
    expect(await nexus.inspect('agent')).toMatchObject({ status: 'paused', mailbox: { waiting: 1 } });
    await nexus.resume(agent);
    expect((await agent.ask('read')).handled).toEqual([1]);
  });

  it('stays paused when it restarts, and when it moves', async () => {
    const nexus = await startNexus({ ...modules, threads: 2 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    const failing = agent.ask('failLater').catch((error: Error) => error.message);
    await nexus.pause(agent);
    expect(await failing).toBe('later');
    agent.tell('add', 1);
    await until(async () => {
      const { restarts, mailbox } = await nexus.inspect('agent');
      return restarts + mailbox.waiting >= 1;
    });
    await nexus.migrate(agent, 2);
    agent.tell('add', 2);
    await until(async () => (await nexus.inspect('agent')).mailbox.waiting === 2);
    expect(await nexus.inspect('agent')).toMatchObject({ status: 'paused', thread: 2 });
    await nexus.migrate(agent, thread);
    expect(await nexus.inspect('agent')).toMatchObject({ status: 'paused', thread, mailbox: { waiting: 2 } });
    await nexus.resume(agent);
    expect(await agent.ask('read')).toEqual({ thread, handled: [1, 2] });
  });

  it('ends at once when it is stopped: what waits becomes dead letters', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    await nexus.pause(agent);
    const asked = codeOf(agent.ask('read'));
    await agent.stop({ timeoutMs: 2000 });
    expect(await asked).toBe('NEXUS_AGENT_STOPPED');
    expect(nexus.find('agent')).toBeUndefined();
    expect(await codeOf(nexus.pause(agent))).toBe('NEXUS_AGENT_NOT_FOUND');
    expect(await codeOf(nexus.resume('agent'))).toBe('NEXUS_AGENT_NOT_FOUND');
  });

  it('that was to end before it was paused ends', async () => {
    const nexus = await startNexus({ ...modules, threads: 1 });
    const agent = await nexus.spawn(Watched, { id: 'agent', thread });
    agent.tell('wait', 100);
    const stopped = agent.stop({ timeoutMs: 2000 });
    await nexus.pause(agent);
    await stopped;
  });
});

it('a handler may pause its own agent: it is paused after that message', async () => {
  const { defineAgent } = await import('nexus-agents');
  const Own = defineAgent({
    kind: 'own',
    state: () => ({ count: 0 }),
    actions: {
      pause: (_state, _input: undefined, ctx) => void nexus.pause(ctx.id),
      later: async (_state, _input: undefined, ctx) => {
        await nexus.pause(ctx.id);
        throw new Error('after the pause');
      },
      add: (state) => ++state.count,
    },
  });
  const nexus = await startNexus({ agents: [Own], threads: 0 });
  const agent = await nexus.spawn(Own, { id: 'own' });
  for (const action of ['pause', 'later'] as const) {
    agent.tell(action);
    await until(async () => (await nexus.inspect('own')).status === 'paused');
    const asked = agent.ask('add');
    await until(async () => (await nexus.inspect('own')).mailbox.waiting === 1);
    await nexus.resume('own');
    expect(await asked).toBe(1);
    // A failure after it was paused is one like any other.
    await failureOf(agent.ask('later'));
    await nexus.resume('own');
    await until(async () => (await nexus.inspect('own')).status === 'ready');
  }
});

it('a thread that is lost comes back with its agents, and none of them is paused', async () => {
  const nexus = await startNexus({ ...modules, threads: 1 });
  const agent = await nexus.spawn(Watched, { id: 'agent', thread: 1 });
  const other = await nexus.spawn(Watched, { thread: 1 });
  await nexus.pause(agent);
  const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
  other.tell('exit');
  await restored;
  expect((await agent.ask('read')).handled).toEqual([]);
});

it('the end of a nexus does not wait for what waits for paused agents, and says whose it was', async () => {
  const logger = recorder();
  const nexus = await startNexus({ ...modules, threads: 1, logger });
  for (const thread of [0, 1]) {
    const agent = await nexus.spawn(Watched, { id: `paused ${thread}`, thread });
    await nexus.pause(agent);
    agent.tell('add', 1);
    agent.tell('add', 2);
  }
  await nexus.pause(await nexus.spawn(Watched, { id: 'nothing waits', thread: 0 }));
  const startedMs = performance.now();
  expect(await nexus.stop({ deadlineMs: 20_000 })).toEqual({ complete: false, discarded: 4 });
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  const said = logger.lines.find(({ message }) => message.includes('while agents are paused'));
  expect([...(said?.data['agents'] as string[])].sort()).toEqual(['paused 0', 'paused 1']);
});

describe.each(SETUPS)('$where', ({ setup }) => {
  it('a durable agent that is paused stays in memory; one that is not in memory is shown so, stays so, and cannot be paused', async () => {
    const nexus = await setup().start();
    const paused = await nexus.spawn(Brief, { id: 'paused' });
    await nexus.pause(paused);
    // Others come and go meanwhile.
    for (let round = 0; round < 3; round++) {
      await nexus.spawn(Brief, { id: `other ${round}` });
      await until(() => nexus.agentCount === 1);
    }
    expect(await nexus.inspect(paused)).toMatchObject({ id: 'paused', status: 'paused', isDurable: true });
    await nexus.resume('paused');
    await until(() => nexus.agentCount === 0);
    const seen: FollowEvent[] = [];
    await nexus.follow('paused', (event) => void seen.push(event));
    for (const agent of ['paused', paused]) {
      expect(await nexus.inspect(agent)).toMatchObject({ id: 'paused', status: 'passivated', isDurable: true });
      expect(await codeOf(nexus.pause(agent))).toBe('NEXUS_AGENT_NOT_FOUND');
    }
    expect(nexus.agentCount).toBe(0);
    // Who is followed is followed when it has come back.
    await until(async () => {
      await paused.ask('add', 1);
      return seen.some(({ type }) => type === 'message');
    });
    expect(seen.every(({ type }) => type === 'message')).toBe(true);
  });
});

/** The state of an agent that has just started. */
const EMPTY = '{ init: undefined, handled: [], starts: 1 }';

/** What is done to one agent, one after the other: what it has handled must be what a list that is paused and goes on would hold. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('tell' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('pause' as const) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('resume' as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('move' as const), to: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('fail' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(3), concurrent: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('breathe' as const) }) },
);

describeEngines((engine) => {
  it('whatever is paused, let go on, restarted, moved and stopped: a paused agent handles nothing, and nothing is lost, doubled or out of order', {
    timeout: 120_000,
  }, async () => {
    const nexus = await startNexus({ ...modules, threads: 2, engine: { force: engine } });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.boolean(), async (steps, endsPaused) => {
        const agent: Ref = await nexus.spawn(Watched, { id: freshId('p'), thread: 1 });
        /** The twin: a list of what was sent and what it leads to, and how many of them may have been handled. */
        const sent: (number | 'fail')[] = [];
        let isPaused = false;
        let number = 0;
        const settled: Promise<unknown>[] = [];
        for (const each of steps) {
          if (each.type === 'tell') {
            for (let count = 0; count < each.count && sent.length < 90; count++) {
              expect(agent.tell('add', number)).toBe('accepted');
              sent.push(number++);
            }
          } else if (each.type === 'pause' || each.type === 'resume') {
            await nexus[each.type](agent);
            isPaused = each.type === 'pause';
            if (isPaused) {
              // Nothing is handled from now on, but for what runs.
              await Promise.allSettled(settled.splice(0).map((promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 10))])));
              const before = await nexus.inspect(agent);
              await new Promise((resolve) => setImmediate(resolve));
              const after = await nexus.inspect(agent);
              expect(after.status).toBe('paused');
              // A restart that had begun begins with nothing.
              expect([before.state.text, EMPTY]).toContain(after.state.text);
              expect(after.mailbox.waiting).toBe(before.mailbox.waiting);
            }
          } else if (each.type === 'move') await nexus.migrate(agent, each.to);
          else if (each.type === 'fail' && sent.length < 90) {
            settled.push(codeOf(agent.ask('fail')));
            sent.push('fail');
          } else if (each.type === 'wait') settled.push(agent.ask(each.concurrent ? 'waitConcurrently' : 'wait', each.ms).catch(() => undefined));
          else await new Promise((resolve) => setImmediate(resolve));
        }
        if (endsPaused) {
          await nexus.pause(agent);
          const asked = codeOf(agent.ask('read'));
          await agent.stop({ timeoutMs: 5000 });
          expect(await asked).toBe('NEXUS_AGENT_STOPPED');
        } else {
          await nexus.resume(agent);
          // A restart begins with nothing.
          const expected = sent.slice(sent.lastIndexOf('fail') + 1);
          expect((await agent.ask('read')).handled).toEqual(expected);
          await agent.stop();
        }
        await Promise.all(settled);
        expect(nexus.tableStatistics()).toMatchObject({ live: 0, staleEntries: 0 });
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});

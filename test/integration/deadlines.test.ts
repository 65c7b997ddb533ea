/** The deadline of an ask, seen by whoever handles it, and kept by the asks that are made meanwhile. */
import type { Nexus } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { Loner } from '../fixtures/grouped.mjs';
import { DISTANCES, describeEngines, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  const start = (): Promise<Nexus> => startNexus({ agents: [fixture('grouped.mjs')], threads: 3, engine: { force: engine } });

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('a handler sees when its asker gives up, and nothing for a message that was told', async () => {
      const nexus = await start();
      const agent = await nexus.spawn(Loner, { thread });
      const before = performance.now();
      const deadline = (await agent.ask('deadline', undefined, { timeoutMs: 7000 })) as number;
      const after = performance.now();
      expect(deadline).toBeGreaterThanOrEqual(before + 7000);
      expect(deadline).toBeLessThanOrEqual(after + 7000.01);
      agent.tell('noteDeadline');
      await agent.ask('noteDeadline', undefined, { timeoutMs: 1000 });
      agent.tell('noteDeadline');
      const [first, second, third] = (await agent.ask('noted')) as unknown[];
      expect([first, typeof second, third]).toEqual(['none', 'number', 'none']);
    });

    test('handlers that run at once each see the deadline of their own message', async () => {
      const nexus = await start();
      const agent = await nexus.spawn(Loner, { thread });
      const gate = freshId('gate');
      const times = [10_000, 20_000, 30_000];
      const before = performance.now();
      const asks = times.map((timeoutMs) => agent.ask('deadlineAround', gate, { timeoutMs }));
      await until(async () => (await agent.ask('entered')) === 3);
      agent.tell('noteDeadline');
      await agent.ask('deadline', undefined, { timeoutMs: 60_000 });
      agent.tell('open', gate);
      for (const [index, pair] of ((await Promise.all(asks)) as [number, number][]).entries()) {
        expect(pair[0]).toBe(pair[1]);
        expect(Math.abs(pair[0] - before - (times[index] as number))).toBeLessThan(5000);
      }
      expect(await agent.ask('noted')).toEqual(['none']);
    });

    test('an ask in a handler ends when the asker of the handler gives up, and says so', async () => {
      const nexus = await start();
      const asking = await nexus.spawn(Loner, { thread });
      const silent = await nexus.spawn(Loner, { thread: 2 });
      const gate = freshId('gate');
      // Its reply comes at the same moment as its time is over.
      await failureOf(asking.ask('noteFailure', { ref: silent, action: 'hold', input: gate }, { timeoutMs: 80 }));
      await until(async () => (await asking.ask('failure')) !== undefined);
      const nested = (await asking.ask('failure')) as { code: string; data: { timeoutMs: number; deadline: string }; message: string; late: number };
      expect(nested).toMatchObject({ code: 'NEXUS_ASK_TIMEOUT', data: { deadline: 'caller' } });
      expect(nested.data.timeoutMs).toBeLessThanOrEqual(80);
      expect(nested.message).toContain('ctx.deadlineMs');
      expect(nested.late).toBeGreaterThanOrEqual(0);
      // Not the minute that it asked for.
      expect(nested.late).toBeLessThan(10_000);
    });

    test('an ask that is made when the deadline has passed asks nobody', async () => {
      const nexus = await start();
      const asking = await nexus.spawn(Loner, { thread });
      const other = await nexus.spawn(Loner, { thread: 2 });
      const gate = freshId('gate');
      expect(await failureOf(asking.ask('askOutOfTime', { ref: other, gate }, { timeoutMs: 30 }))).toMatchObject({ code: 'NEXUS_ASK_TIMEOUT' });
      await asking.ask('open', gate);
      await until(async () => (await asking.ask('failure')) !== undefined);
      expect(await asking.ask('failure')).toMatchObject({ code: 'NEXUS_ASK_TIMEOUT', data: { deadline: 'caller', timeoutMs: 0 } });
      expect(await other.ask('read')).toBe(0);
    });
  });

  test('a deadline goes along a chain of asks over three threads, and each ask may only shorten it', async () => {
    const nexus = await start();
    const [first, second, third] = await Promise.all([1, 2, 3].map((thread) => nexus.spawn(Loner, { thread })));
    const deadlines = (await first?.ask('chain', { refs: [second, third] }, { timeoutMs: 4000 })) as number[];
    expect(deadlines.length).toBe(3);
    // To the microsecond, rounded up once for each thread it goes to.
    for (const deadline of deadlines.slice(1)) expect(Math.abs(deadline - (deadlines[0] as number))).toBeLessThan(0.01);
    const shorter = (await first?.ask('chain', { refs: [second, third], options: { timeoutMs: 1000 } }, { timeoutMs: 60_000 })) as number[];
    expect((shorter[0] as number) - (shorter[1] as number)).toBeGreaterThan(50_000);
    expect(shorter[2] as number).toBeLessThanOrEqual((shorter[1] as number) + 0.01);
    // The last one does not answer: everybody gives up at the time of the first.
    const gate = freshId('gate');
    const failure = await failureOf(
      first?.ask('chain', { refs: [second, third], last: { action: 'hold', input: gate } }, { timeoutMs: 100 }) as Promise<unknown>,
    );
    expect(failure?.code).toBe('NEXUS_ASK_TIMEOUT');
  });

  test('a message that waits for a restart, or in a ring in fragments, keeps its deadline', async () => {
    const nexus = await startNexus({ agents: [fixture('grouped.mjs')], threads: 1, engine: { force: engine }, memory: { ringBytes: 16_384 } });
    const agent = await nexus.spawn(Loner, { thread: 1 });
    const before = performance.now();
    const failing = failureOf(agent.ask('fail'));
    const waiting = agent.ask('deadline', undefined, { timeoutMs: 9000 });
    const large = agent.ask('deadline', 'x'.repeat(100_000), { timeoutMs: 8000 });
    await failing;
    for (const [deadline, timeoutMs] of [
      [await waiting, 9000],
      [await large, 8000],
    ] as const) {
      expect(deadline).toBeGreaterThanOrEqual(before + timeoutMs);
      expect(deadline).toBeLessThan(performance.now() + timeoutMs);
    }
  });

  test('a message whose asker has given up is handled all the same, and can see that', async () => {
    const nexus = await start();
    const agent = await nexus.spawn(Loner, { thread: 1 });
    const gate = freshId('gate');
    const holding = agent.ask('hold', gate, { timeoutMs: 60_000 });
    const before = performance.now();
    expect(await failureOf(agent.ask('noteDeadline', undefined, { timeoutMs: 20 }))).toMatchObject({ code: 'NEXUS_ASK_TIMEOUT' });
    const opener = await nexus.spawn(Loner, { thread: 1 });
    opener.tell('open', gate);
    await holding;
    const [deadline] = (await agent.ask('noted')) as [number];
    expect(deadline).toBeGreaterThanOrEqual(before + 20);
    expect(deadline).toBeLessThan(performance.now());
  });
});

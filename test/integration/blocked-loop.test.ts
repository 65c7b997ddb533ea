/** A thread whose event loop is blocked concerns its own agents only. */
import { expect, test } from 'vitest';
import { Worker } from '../fixtures/crowd.mjs';
import { Probe } from '../fixtures/probe.mjs';
import { describeEngines, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';

const BLOCKED_MS = 2000;
const ASKS_MIN = 500;

describeEngines((engine) => {
  test('while one thread is blocked the others go on answering each other', async () => {
    const nexus = await startNexus({ agents: [fixture('crowd.mjs')], threads: 3, engine: { force: engine } });
    const [home, blocked, second, third] = await Promise.all([0, 1, 2, 3].map((thread) => nexus.spawn(Worker, { thread })));
    if (home === undefined || blocked === undefined || second === undefined || third === undefined) throw new Error('four agents were spawned');
    const order: string[] = [];
    const unblocked = blocked.ask('block', BLOCKED_MS).then(() => order.push('unblocked'));
    const waiting = blocked.ask('echo', 1).then(() => order.push('waiting'));
    // Until shortly before the block ends.
    const until = performance.timeOrigin + performance.now() + BLOCKED_MS - 300;
    const pairs = [second.ask('askUntil', { ref: third, until }), third.ask('askUntil', { ref: home, until }), home.ask('askUntil', { ref: second, until })];
    for (const answered of await Promise.all(pairs)) expect(answered).toBeGreaterThan(ASKS_MIN);
    expect(order).toEqual([]);
    await Promise.all([unblocked, waiting]);
    expect(order).toEqual(['unblocked', 'waiting']);
  });

  test('a reply that came in time is not thrown away because the thread that asked was held up beyond the deadline', async () => {
    const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 1, engine: { force: engine } });
    const [held, probe] = [await nexus.spawn(Probe, { thread: 1 }), await nexus.spawn(Probe, { thread: 1 })];
    const gate = freshId('gate');
    const never = failureOf(held.ask('hold', gate, { timeoutMs: 50 }));
    // More than is read from a ring in one visit of the event loop.
    const asked = Array.from({ length: 3000 }, () => probe.ask('add', 1, { timeoutMs: 50 }));
    // After the microtask that publishes them.
    await new Promise<void>((resolve) => setTimeout(resolve));
    const end = performance.now() + 500;
    while (performance.now() < end);
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1));
    // What did not come is not waited for any longer.
    expect((await never)?.code).toBe('NEXUS_ASK_TIMEOUT');
  });
});

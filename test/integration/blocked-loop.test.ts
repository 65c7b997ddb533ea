/** A thread whose event loop is blocked concerns its own agents only. */
import { expect, test } from 'vitest';
import { Worker } from '../fixtures/crowd.mjs';
import { describeEngines, fixture, startNexus } from '../start-nexus.js';

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
});

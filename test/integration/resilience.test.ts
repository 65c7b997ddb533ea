/** Policies around asks of real agents, on the same thread and on another. */
import { defineAgent } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { bulkhead, circuitBreaker, deadlineIn, fallback, retry, timeout, wrap } from 'nexus-agents/resilience';
import { codeOf, DISTANCES, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';
import { ManualClock } from '../unit/runtime/manual-clock.js';
import { until } from '../until.js';
import { Flaky } from '../fixtures/flaky.mjs';

const start = async (thread: number) => {
  const nexus = await startNexus({ agents: [fixture('flaky.mjs')], threads: 1 });
  return nexus.spawn(Flaky, { id: freshId(), thread });
};

describe.each(DISTANCES)('an agent $distance', ({ thread }) => {
  test('replies through a policy as it does without', async () => {
    const ref = await start(thread);
    const policy = wrap(retry(), circuitBreaker(), bulkhead(), timeout({ ms: 10_000 }));
    expect(await policy.ask(ref, 'read')).toBe(0);
    expect(await policy.ask(ref, 'add', 5, { timeoutMs: 5000 })).toBe(5);
    expect(await policy.ask(ref, 'add', 5, { deadline: deadlineIn(5000), signal: new AbortController().signal })).toBe(10);
    const failure = await failureOf(policy.ask(ref, 'nothing' as 'read'));
    expect([failure?.code, failure?.name]).toEqual(['NEXUS_ACTION_UNKNOWN', 'TypeError']);
    expect(await codeOf(policy.ask(ref, 'read', undefined, { timeout: 5 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
    expect(await codeOf(policy.ask(ref, 'read', undefined, { timeoutMs: -1 }))).toBe('NEXUS_OPTION_INVALID');
  });

  test('that fails is asked again until it replies', async () => {
    const ref = await start(thread);
    await ref.ask('failNext', 2);
    const policy = retry({ attemptsMax: 3, backoff: { initialMs: 1 } });
    expect(await policy.ask(ref, 'add', 1)).toBe(1);
    expect(policy.statistics.retries).toBe(2);
  });

  test('that keeps failing opens the breaker, which closes again when it replies', async () => {
    const ref = await start(thread);
    await ref.ask('failNext', 2);
    const clock = new ManualClock();
    const breaker = circuitBreaker({ failures: 2, successesToClose: 1, openMs: 40 }, { clock });
    for (let call = 0; call < 2; call++) expect(await codeOf(breaker.ask(ref, 'add', 1))).toBe('down');
    expect(await codeOf(breaker.ask(ref, 'add', 1))).toBe('NEXUS_CIRCUIT_OPEN');
    expect(await ref.ask('read')).toBe(0);
    clock.advance(40);
    expect(await breaker.ask(ref, 'add', 1)).toBe(1);
    expect(breaker.state.type).toBe('closed');
    // A mistake of the caller says nothing about the agent.
    for (let call = 0; call < 3; call++) await codeOf(breaker.ask(ref, 'nothing' as 'read'));
    expect(breaker.state.type).toBe('closed');
  });

  test('that does not reply: the ask ends with the time of the policy, whatever its own', async () => {
    const ref = await start(thread);
    for (const timeoutMs of [undefined, 60_000]) {
      const limit = timeout({ ms: 30 });
      const failure = await failureOf(limit.ask(ref, 'hang', undefined, timeoutMs === undefined ? {} : { timeoutMs }));
      expect([failure?.code, limit.statistics.timeouts]).toEqual(['NEXUS_TIMEOUT', 1]);
    }
    // The time of the ask, where that is shorter.
    expect(await codeOf(timeout({ ms: 60_000 }).ask(ref, 'hang', undefined, { timeoutMs: 20 }))).toBe('NEXUS_ASK_TIMEOUT');
    // A deadline alone is enough.
    const begunMs = performance.now();
    expect(await codeOf(circuitBreaker().ask(ref, 'hang', undefined, { deadline: deadlineIn(20) }))).toBe('NEXUS_ASK_TIMEOUT');
    expect(performance.now() - begunMs).toBeLessThan(4000);
    expect(await fallback('nobody').ask(ref, 'hang', undefined, { timeoutMs: 20 })).toBe('nobody');
  });

  test('that does not reply: the ask ends when its caller gives up, also through policies', async () => {
    const ref = await start(thread);
    const controller = new AbortController();
    const asked = wrap(retry(), timeout({ ms: 60_000 })).ask(ref, 'hang', undefined, { signal: controller.signal });
    controller.abort('enough');
    expect(await codeOf(asked)).toBe('NEXUS_ABORTED');
    const direct = new AbortController();
    const alone = circuitBreaker().ask(ref, 'hang', undefined, { signal: direct.signal });
    direct.abort('enough');
    expect(await codeOf(alone)).toBe('NEXUS_ASK_ABORTED');
  });

  test('is never asked more than a bulkhead allows at once', async () => {
    const ref = await start(thread);
    const policy = bulkhead({ concurrencyMax: 2, queueMax: 100 });
    await Promise.all(Array.from({ length: 50 }, () => policy.ask(ref, 'overlap')));
    expect(await ref.ask('overlapMax')).toBe(2);
  });
});

test('a deadline goes through agents on both threads: what is left of it is what the last one has', async () => {
  const nexus = await startNexus({ agents: [fixture('flaky.mjs')], threads: 1 });
  const last = await nexus.spawn(Flaky, { thread: 0 });
  const middle = await nexus.spawn(Flaky, { thread: 1 });
  const first = await nexus.spawn(Flaky, { thread: 0 });
  const policy = timeout({ ms: 20_000 });
  const remaining: number[] = await policy.execute((context) =>
    first.ask('remainingAt', { remainingMs: context.remainingMs, through: [middle, last] }, context.askOptions),
  );
  expect(remaining).toHaveLength(3);
  expect(remaining.every((ms, index) => ms > 0 && ms <= (index === 0 ? 20_000 : (remaining[index - 1] as number)))).toBe(true);
  // The agents have no time of their own: it is the deadline of the caller that ends the asks between them.
  const limit = timeout({ ms: 50 });
  const failure = await failureOf(
    limit.execute((context) => first.ask('hangAt', { remainingMs: context.remainingMs, through: [middle, last] }, context.askOptions)),
  );
  expect(failure?.code).toBe('NEXUS_TIMEOUT');
  await until(async () => (await first.ask('ended')) === 'NEXUS_ASK_TIMEOUT' || (await first.ask('ended')) === 'NEXUS_TIMEOUT');
  await until(async () => (await middle.ask('ended')) === 'NEXUS_ASK_TIMEOUT' || (await middle.ask('ended')) === 'NEXUS_TIMEOUT');
});

test('an agent uses policies for what it calls', async () => {
  const breaker = circuitBreaker({ failures: 1 });
  const Caller = defineAgent({
    kind: `caller-${process.pid}`,
    state: () => ({ senders: [] as (string | undefined)[] }),
    actions: {
      heard: (state, _input: undefined, ctx) => void state.senders.push(ctx.sender?.id),
      senders: (state) => state.senders,
      call: async (_state, other: string, ctx) => {
        const ref = ctx.find(other);
        if (ref === undefined) throw new Error('nobody');
        await breaker.execute((context) => ctx.ask(ref, 'heard', undefined, context.askOptions), { signal: ctx.signal });
      },
    },
  });
  const nexus = await startNexus({ agents: [Caller], threads: 0 });
  const [a, b] = [await nexus.spawn(Caller, { id: 'a' }), await nexus.spawn(Caller, { id: 'b' })];
  await a.ask('call', 'b');
  expect([await b.ask('senders'), breaker.statistics.successes]).toEqual([['a'], 1]);
});

import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { NexusError, NexusTypeError } from '../../../dist/ts-src/errors.js';
import { bulkhead, circuitBreaker, deadlineIn, fallback, retry, timeout, type PolicyContext, wrap } from '../../../dist/ts-src/resilience/index.js';
import { codeOf, failureOf } from '../../start-nexus.js';
import { fateOf, Gate, turn, Workbench } from './workbench.js';

const failing =
  (message = 'down') =>
  (): never => {
    throw new Error(message);
  };

describe('timeout', () => {
  test('a call that is not done in time rejects, and its operation is told', async () => {
    const { clock, surroundings } = new Workbench();
    const gate = new Gate();
    const policy = timeout({ ms: 100 }, surroundings);
    const call = policy.execute(gate.operation);
    clock.advance(99);
    expect(gate.signal?.aborted).toBe(false);
    clock.advance(1);
    const failure = await failureOf(call);
    expect([failure?.code, failure?.message]).toEqual(['NEXUS_TIMEOUT', 'not done within 100 ms']);
    expect(gate.signal?.reason).toBe(failure?.error);
    gate.reject(new Error('too late: nobody hears this'));
    await turn();
    expect([clock.timers, policy.statistics]).toEqual([0, { calls: 1, timeouts: 1 }]);
  });

  test('a call that is done in time leaves no timer and no listener', async () => {
    const { clock, surroundings } = new Workbench();
    const { signal } = new AbortController();
    const policy = timeout({ ms: 100 }, surroundings);
    expect(await policy.execute(({ remainingMs }) => remainingMs, { signal })).toBe(100);
    expect(await codeOf(policy.execute(failing(), { signal }))).toBe('down');
    expect([clock.timers, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });

  test('a call that its caller gives up rejects at once with the reason', async () => {
    const { clock, surroundings } = new Workbench();
    const controller = new AbortController();
    const gate = new Gate();
    const call = timeout({ ms: 100 }, surroundings).execute(gate.operation, { signal: controller.signal });
    controller.abort('enough');
    const failure = await failureOf(call);
    expect([failure?.code, failure?.error.cause, gate.signal?.aborted, clock.timers]).toEqual(['NEXUS_ABORTED', 'enough', true, 0]);
  });

  test('the shorter of its own time and the deadline from outside counts, at any depth', async () => {
    const { clock, surroundings } = new Workbench();
    const remaining: number[] = [];
    const outer = timeout({ ms: 100 }, surroundings);
    const inner = timeout({ ms: 80 }, surroundings);
    await outer.execute((context) => {
      clock.advance(30);
      return inner.execute((within) => void remaining.push(context.remainingMs, within.remainingMs), context);
    });
    await wrap(outer, timeout({ ms: 500 }, surroundings)).execute((context) => void remaining.push(context.remainingMs), {
      deadline: deadlineIn(40, { clock }),
    });
    expect(remaining).toEqual([70, 70, 40]);
    expect(clock.timers).toBe(0);
  });

  test('an operation that asks for its signal late finds it as it is, and an ask within has one only if it needs one', async () => {
    const { clock, surroundings } = new Workbench();
    const policy = timeout({ ms: 100 }, surroundings);
    const contexts: PolicyContext[] = [];
    const keep = (context: PolicyContext): Promise<never> => (contexts.push(context), new Promise(() => undefined));
    const controller = new AbortController();
    const calls = [policy.execute(keep), policy.execute(keep, { signal: controller.signal }), wrap(policy, policy).execute(keep)].map((each) => codeOf(each));
    clock.advance(40);
    const [alone, withSignal, nested] = contexts as [PolicyContext, PolicyContext, PolicyContext];
    expect(alone.askOptions).toEqual({ timeoutMs: 60 });
    expect(alone.askOptionsFor(5)).toEqual({ timeoutMs: 5 });
    expect(nested.askOptions).toEqual({ timeoutMs: 60 });
    expect(withSignal.askOptions).toEqual({ timeoutMs: 60, signal: withSignal.signal });
    controller.abort('enough');
    clock.advance(60);
    expect(await Promise.all(calls)).toEqual(['NEXUS_TIMEOUT', 'NEXUS_ABORTED', 'NEXUS_TIMEOUT']);
    expect([alone, withSignal, nested].map(({ signal }) => signal?.aborted && signal.reason.code)).toEqual(['NEXUS_TIMEOUT', 'NEXUS_ABORTED', 'NEXUS_TIMEOUT']);
  });

  test('an ask that notices first that the deadline has passed is a timeout all the same; one of its own time is not', async () => {
    const { clock, surroundings } = new Workbench();
    let lateMs = 0;
    const late = { nowMs: () => clock.nowMs() + lateMs, epochMs: () => 0, after: clock.after.bind(clock) };
    const policy = timeout({ ms: 100 }, { ...surroundings, clock: late });
    const unanswered = new NexusError('NEXUS_ASK_TIMEOUT', 'no reply');
    expect(await codeOf(policy.execute(() => Promise.reject(unanswered)))).toBe('NEXUS_ASK_TIMEOUT');
    const failure = await failureOf(policy.execute(() => ((lateMs = 100), Promise.reject(unanswered))));
    expect([failure?.code, failure?.error.cause === unanswered, policy.statistics, clock.timers]).toEqual([
      'NEXUS_TIMEOUT',
      true,
      { calls: 2, timeouts: 1 },
      0,
    ]);
  });

  test('what is done is not aborted by what happens around it later', async () => {
    const { clock, surroundings } = new Workbench();
    let done: PolicyContext | undefined;
    const outer = timeout({ ms: 100 }, surroundings).execute(async (context) => {
      await timeout({ ms: 50 }, surroundings).execute((within) => void (done = within), context);
      return new Gate().operation(context);
    });
    await turn();
    clock.advance(100);
    expect([await codeOf(outer), done?.signal?.aborted]).toEqual(['NEXUS_TIMEOUT', false]);
  });

  test('a deadline that has passed, or a signal that is aborted already: nothing is called', async () => {
    const { clock, surroundings } = new Workbench();
    const deadline = deadlineIn(10, { clock });
    clock.advance(25);
    expect([deadline.remainingMs, deadline.hasPassed]).toEqual([0, true]);
    const signal = AbortSignal.abort();
    const gate = new Gate();
    const breaker = circuitBreaker({ failures: 1 }, surroundings);
    const all = [timeout({ ms: 5 }, surroundings), retry({}, surroundings), breaker, bulkhead({}, surroundings), wrap(breaker)];
    for (const policy of all) {
      expect(await codeOf(policy.execute(gate.operation, { deadline }))).toBe('NEXUS_TIMEOUT');
      expect(await codeOf(policy.execute(gate.operation, { signal }))).toBe('NEXUS_ABORTED');
    }
    expect(await fallback('instead', {}, surroundings).execute(gate.operation, { deadline })).toBe('instead');
    expect([gate.calls, breaker.state.type, clock.timers]).toEqual([0, 'closed', 0]);
  });
});

describe('retry', () => {
  test('tries again after delays that grow, and rejects with the last error as it is', async () => {
    const bench = new Workbench();
    const { clock, surroundings } = bench;
    const policy = retry({ attemptsMax: 3, backoff: { jitter: 'none' } }, surroundings);
    const events: unknown[] = [];
    policy.on((event) => events.push(event.type === 'retrying' ? [event.attempt, event.delayMs] : [event.attempt, event.reason]));
    const begunMs: number[] = [];
    const call = fateOf(
      policy.execute(({ attempt }) => {
        begunMs.push(clock.nowMs() - 1000);
        throw new Error(`failure ${attempt}`);
      }),
    );
    await bench.pass(400);
    expect(call.fate).toBe('failure 3');
    expect(begunMs).toEqual([0, 100, 300]);
    expect(events).toEqual([
      [1, 100],
      [2, 200],
      [3, 'attempts'],
    ]);
    expect(policy.statistics).toEqual({ calls: 1, retries: 2, gaveUp: { attempts: 1, deadline: 0, budget: 0 }, budgetTokens: 8 });
    expect(clock.timers).toBe(0);
  });

  test('resolves with the first success', async () => {
    const bench = new Workbench();
    const call = fateOf(
      retry({ backoff: { initialMs: 5 } }, bench.surroundings).execute(({ attempt }) => {
        if (attempt < 3) throw new Error('not yet');
        return attempt;
      }),
    );
    await bench.pass(20);
    expect(call.fate).toBe(3);
  });

  test('what all calls may try again is limited together', async () => {
    const bench = new Workbench();
    const policy = retry({ attemptsMax: 10, backoff: { initialMs: 1, maxMs: 1, jitter: 'none' }, budget: { ratio: 0.5, burst: 4 } }, bench.surroundings);
    let attempts = 0;
    const calls = Array.from({ length: 20 }, () => codeOf(policy.execute(() => (attempts++, failing()()))));
    await bench.pass(30);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['down']));
    // All twenty begin while the bucket is full: they add nothing to it.
    expect([attempts, policy.statistics.retries]).toEqual([24, 4]);
    expect(policy.statistics.gaveUp).toEqual({ attempts: 0, deadline: 0, budget: 20 });
  });

  test('a caller who gives up ends the wait; mistakes and refusals are not tried again', async () => {
    const { clock, surroundings } = new Workbench();
    const policy = retry({ backoff: { jitter: 'none' } }, surroundings);
    const controller = new AbortController();
    const call = policy.execute(failing(), { signal: controller.signal });
    await turn();
    expect(clock.timers).toBe(1);
    controller.abort();
    expect([await codeOf(call), clock.timers, getEventListeners(controller.signal, 'abort').length]).toEqual(['NEXUS_ABORTED', 0, 0]);
    // Given up while an attempt is under way: its error is rejected, and nothing was given up by the policy.
    const during = new AbortController();
    const failed = policy.execute(() => (during.abort(), failing('stopped')()), { signal: during.signal });
    expect([await codeOf(failed), policy.statistics.gaveUp]).toEqual(['stopped', { attempts: 0, deadline: 0, budget: 0 }]);
    for (const error of [
      new NexusTypeError('NEXUS_ACTION_UNKNOWN', 'x'),
      new NexusError('NEXUS_CIRCUIT_OPEN', 'x'),
      new NexusError('NEXUS_BULKHEAD_FULL', 'x'),
    ]) {
      let calls = 0;
      await codeOf(policy.execute(() => (calls++, Promise.reject(error))));
      expect([calls, clock.timers], error.code).toEqual([1, 0]);
    }
    // The mistake of a handler about its reply is not one of the caller.
    const reply = fateOf(policy.execute(() => Promise.reject(new NexusTypeError('NEXUS_SHAPE_MISMATCH', 'x', { part: 'reply' }))));
    await turn();
    expect([reply.fate, clock.timers]).toEqual([undefined, 1]);
  });

  test('a decorrelated delay follows from the one before', async () => {
    const { clock, surroundings } = new Workbench();
    const policy = retry({ attemptsMax: 9, backoff: { initialMs: 8, maxMs: 1e6, jitter: 'decorrelated' } }, surroundings);
    const delays: number[] = [];
    policy.on((event) => void (event.type === 'retrying' && delays.push(event.delayMs)));
    const call = fateOf(policy.execute(failing()));
    while (call.fate === undefined) {
      clock.advance(50);
      await turn();
    }
    expect(delays).toHaveLength(8);
    expect(Math.max(...delays)).toBeGreaterThan(3 * 8);
    delays.forEach((delay, index) => expect(delay).toBeLessThanOrEqual(3 * Math.max(8, delays[index - 1] ?? 0)));
  });

  test('two policies of one seed wait equally long, of two seeds not', async () => {
    const delays = async (seed?: number): Promise<string> => {
      const { clock, surroundings } = new Workbench();
      const { seed: _seed, ...others } = surroundings;
      const policy = retry({ attemptsMax: 6, backoff: { initialMs: 8, maxMs: 64 } }, seed === undefined ? others : { ...others, seed });
      const seen: number[] = [];
      policy.on((event) => void (event.type === 'retrying' && seen.push(event.delayMs)));
      const call = fateOf(policy.execute(failing()));
      while (call.fate === undefined) {
        clock.advance(10);
        await turn();
      }
      expect(seen).toHaveLength(5);
      return seen.join();
    };
    expect(await delays(1)).toBe(await delays(1));
    expect(new Set([await delays(1), await delays(2), await delays(), await delays()]).size).toBe(4);
  });
});

describe('circuitBreaker', () => {
  test('opens after five consecutive failures for a minute, lets one probe through at a time, and closes after three', async () => {
    const { clock, surroundings } = new Workbench();
    const breaker = circuitBreaker({}, surroundings);
    const changes: string[] = [];
    breaker.on((event) => void (event.type === 'stateChanged' && changes.push(`${event.from} → ${event.to}`)));
    for (let call = 0; call < 4; call++) expect(await codeOf(breaker.execute(failing()))).toBe('down');
    await breaker.execute(() => 'up');
    for (let call = 0; call < 5; call++) expect(await codeOf(breaker.execute(failing()))).toBe('down');
    clock.advance(59_999);
    const refusal = await failureOf(breaker.execute(() => 'not called'));
    expect([refusal?.code, (refusal?.error as unknown as NexusError).data]).toEqual(['NEXUS_CIRCUIT_OPEN', { state: 'open', retryAfterMs: 1 }]);
    clock.advance(1);
    for (let probe = 0; probe < 3; probe++) {
      const gate = new Gate();
      const first = breaker.execute(gate.operation);
      expect(await codeOf(breaker.execute(gate.operation))).toBe('NEXUS_CIRCUIT_OPEN');
      gate.resolve('up');
      expect([await first, gate.calls]).toEqual(['up', 1]);
    }
    expect(breaker.state).toEqual({ type: 'closed', failures: 0 });
    expect(changes).toEqual(['closed → open', 'open → halfOpen', 'halfOpen → closed']);
    expect(breaker.statistics).toEqual({ successes: 4, failures: 9, ignored: 0, refused: 4, opened: 1 });
  });

  test('calls that began before it opened say nothing later', async () => {
    const { clock, surroundings } = new Workbench();
    const breaker = circuitBreaker({ failures: 1, successesToClose: 1, openMs: 10 }, surroundings);
    const slow = new Gate();
    const calls = [0, 1].map(() => fateOf(breaker.execute(slow.operation)));
    await codeOf(breaker.execute(failing()));
    clock.advance(10);
    const probe = new Gate();
    const probing = breaker.execute(probe.operation);
    slow.resolve('late');
    slow.reject(new Error('late'));
    await turn();
    expect(calls.map(({ fate }) => fate)).toEqual(['late', 'late']);
    expect(breaker.state.type).toBe('halfOpen');
    probe.resolve('up');
    await probing;
    expect(breaker.state.type).toBe('closed');
  });

  test('what the caller gave up or did wrong does not count, what a timeout ended does', async () => {
    const { clock, surroundings } = new Workbench();
    const breaker = circuitBreaker({ failures: 1 }, surroundings);
    const controller = new AbortController();
    const gate = new Gate();
    const call = breaker.execute(gate.operation, { signal: controller.signal });
    controller.abort();
    gate.reject(new Error('given up'));
    expect(await codeOf(call)).toBe('given up');
    await codeOf(breaker.execute(() => Promise.reject(new NexusTypeError('NEXUS_OPTION_INVALID', 'x'))));
    expect([breaker.state.type, breaker.statistics.ignored]).toEqual(['closed', 2]);
    // A probe that was given up makes room for the next.
    const half = circuitBreaker({ failures: 1, successesToClose: 1, openMs: 10 }, surroundings);
    await codeOf(half.execute(failing()));
    clock.advance(10);
    await codeOf(half.execute(() => Promise.reject(new NexusTypeError('NEXUS_OPTION_INVALID', 'x'))));
    expect([half.state.type, await half.execute(() => 'up'), half.state.type]).toEqual(['halfOpen', 'up', 'closed']);
    const limited = wrap(timeout({ ms: 10 }, surroundings), breaker).execute(
      ({ signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('as told')))),
    );
    clock.advance(10);
    expect(await codeOf(limited)).toBe('NEXUS_TIMEOUT');
    await turn();
    expect(breaker.state.type).toBe('open');
  });

  test('a signal of AbortSignal.timeout is a deadline: what it ends counts, and is not tried again', async () => {
    const { clock, surroundings } = new Workbench();
    const breaker = circuitBreaker({ failures: 1 }, surroundings);
    const attempts = retry({}, surroundings);
    const gate = new Gate();
    const controller = new AbortController();
    const call = wrap(attempts, breaker).execute(gate.operation, { signal: controller.signal });
    await turn();
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    gate.reject(new Error('as told'));
    expect(await codeOf(call)).toBe('as told');
    expect([breaker.state.type, attempts.statistics.gaveUp.deadline, clock.timers]).toEqual(['open', 1, 0]);
  });

  test('isFailure decides; one that throws is reported, and the rejection counts', async () => {
    const { surroundings, reported } = new Workbench();
    const breaker = circuitBreaker({ failures: 1, isFailure: (error) => (error as Error).message === 'down' }, surroundings);
    await codeOf(breaker.execute(failing('not found')));
    expect(breaker.state.type).toBe('closed');
    await codeOf(breaker.execute(failing('down')));
    expect(breaker.state.type).toBe('open');
    const mistaken = circuitBreaker({ failures: 1, isFailure: failing('in isFailure') }, surroundings);
    expect(await codeOf(mistaken.execute(failing('down')))).toBe('down');
    expect([mistaken.state.type, (reported[0] as Error).message]).toEqual(['open', 'in isFailure']);
  });

  test('can be isolated and reset by hand', async () => {
    const { clock, surroundings } = new Workbench();
    const breaker = circuitBreaker({}, surroundings);
    breaker.isolate();
    clock.advance(1e9);
    const refusal = await failureOf(breaker.execute(() => 'up'));
    expect([refusal?.code, refusal?.message]).toEqual(['NEXUS_CIRCUIT_OPEN', 'the circuit is isolated']);
    breaker.reset();
    expect(await breaker.execute(() => 'up')).toBe('up');
  });

  test('by rate: opens when half of at least four calls within a second failed', async () => {
    const { clock, surroundings } = new Workbench();
    const breaker = circuitBreaker({ failures: { rate: 0.5, windowMs: 1000, callsMin: 4 } }, surroundings);
    for (let call = 0; call < 3; call++) await codeOf(breaker.execute(failing()));
    clock.advance(1100);
    for (const operation of [failing(), () => 'up', () => 'up']) await codeOf(breaker.execute<unknown>(operation));
    expect(breaker.state.type).toBe('closed');
    await codeOf(breaker.execute(failing()));
    expect(breaker.state.type).toBe('open');
  });
});

describe('bulkhead', () => {
  test('so many run, so many wait in order, the rest are refused', async () => {
    const { clock, surroundings } = new Workbench();
    const policy = bulkhead({ concurrencyMax: 2, queueMax: 2 }, surroundings);
    const gate = new Gate();
    const order: number[] = [];
    const { signal } = new AbortController();
    const calls = [0, 1, 2, 3, 4].map((index) => fateOf(policy.execute((context) => (order.push(index), gate.operation(context)), { signal })));
    await turn();
    expect([order, policy.state, calls[4]?.fate]).toEqual([[0, 1], { running: 2, queued: 2 }, 'NEXUS_BULKHEAD_FULL']);
    gate.reject(new Error('first failed'));
    await turn();
    gate.resolve('second');
    await turn();
    expect(order).toEqual([0, 1, 2, 3]);
    gate.resolve('third');
    gate.resolve('fourth');
    await turn();
    expect(calls.map(({ fate }) => fate)).toEqual(['first failed', 'second', 'third', 'fourth', 'NEXUS_BULKHEAD_FULL']);
    expect([policy.state, clock.timers, getEventListeners(signal, 'abort').length]).toEqual([{ running: 0, queued: 0 }, 0, 0]);
    expect(policy.statistics).toEqual({ admitted: 4, queued: 2, refused: { queueFull: 1, queueTimeout: 0 } });
  });

  test('who waits leaves when its time, its deadline or its caller says so', async () => {
    const { clock, surroundings } = new Workbench();
    const policy = bulkhead({ concurrencyMax: 1, queueMax: 9, queueTimeoutMs: 50 }, surroundings);
    const gate = new Gate();
    const running = policy.execute(gate.operation);
    const controller = new AbortController();
    const late = failureOf(policy.execute(gate.operation));
    const due = codeOf(policy.execute(gate.operation, { deadline: deadlineIn(20, { clock }) }));
    const givenUp = codeOf(policy.execute(gate.operation, { signal: controller.signal }));
    const limited = codeOf(wrap(timeout({ ms: 30 }, surroundings), policy).execute(gate.operation));
    controller.abort();
    expect(await givenUp).toBe('NEXUS_ABORTED');
    clock.advance(30);
    expect([await due, await limited]).toEqual(['NEXUS_TIMEOUT', 'NEXUS_TIMEOUT']);
    expect(policy.state).toEqual({ running: 1, queued: 1 });
    clock.advance(20);
    const failure = await late;
    expect([failure?.code, (failure?.error as unknown as NexusError).data]).toEqual(['NEXUS_BULKHEAD_FULL', { reason: 'queueTimeout' }]);
    gate.resolve('done');
    expect(await running).toBe('done');
    expect([gate.calls, policy.state, clock.timers, getEventListeners(controller.signal, 'abort').length]).toEqual([1, { running: 0, queued: 0 }, 0, 0]);
  });

  test('a call that is given up between its turn and its beginning is not made, and its slot is free again', async () => {
    const { surroundings } = new Workbench();
    const policy = bulkhead({ concurrencyMax: 1, queueMax: 1 }, surroundings);
    const gate = new Gate();
    const controller = new AbortController();
    const first = policy.execute(gate.operation);
    const second = codeOf(policy.execute(gate.operation, { signal: controller.signal }));
    gate.resolve('done');
    while (policy.state.queued > 0) await Promise.resolve();
    controller.abort();
    expect([await first, await second, gate.calls]).toEqual(['done', 'NEXUS_ABORTED', 1]);
    await turn();
    expect(policy.state).toEqual({ running: 0, queued: 0 });
  });
});

describe('fallback', () => {
  test('answers for what fails, by a value or a function, also for refusals, and not for mistakes', async () => {
    const { surroundings } = new Workbench();
    const policy = fallback((error, { attempt }) => Promise.resolve([(error as Error).message, attempt]), {}, surroundings);
    expect(await policy.execute(failing())).toEqual(['down', 1]);
    expect(await policy.execute(() => 'up')).toBe('up');
    const breaker = circuitBreaker({}, surroundings);
    breaker.isolate();
    expect(await wrap(fallback(0, {}, surroundings), breaker).execute(() => 5)).toBe(0);
    expect(await codeOf(policy.execute(() => Promise.reject(new NexusTypeError('NEXUS_ACTION_UNKNOWN', 'x'))))).toBe('NEXUS_ACTION_UNKNOWN');
    expect(await codeOf(fallback(failing('of its own'), {}, surroundings).execute(failing()))).toBe('of its own');
    expect(await codeOf(fallback(0, { handles: () => false }, surroundings).execute(failing()))).toBe('down');
    expect(policy.statistics).toEqual({ calls: 3, fallbacks: 1 });
  });

  test('does not answer for a call that its caller gave up', async () => {
    const { surroundings } = new Workbench();
    const controller = new AbortController();
    const gate = new Gate();
    const call = wrap(fallback('instead', {}, surroundings), timeout({ ms: 10 }, surroundings)).execute(gate.operation, { signal: controller.signal });
    controller.abort();
    expect(await codeOf(call)).toBe('NEXUS_ABORTED');
  });
});

describe('wrap', () => {
  test('the first is the outermost', async () => {
    const bench = new Workbench();
    const { surroundings } = bench;
    const order: string[] = [];
    const attempts = retry({ attemptsMax: 2, backoff: { initialMs: 0 } }, surroundings);
    attempts.on(({ type }) => void order.push(type));
    const answer = fallback(() => (order.push('fallback'), 'instead'), {}, surroundings);
    const outside = fateOf(wrap(answer, attempts).execute(() => (order.push('call'), failing()())));
    await bench.pass(2);
    const inside = fateOf(wrap(attempts, wrap(answer)).execute(() => (order.push('call'), failing()())));
    await bench.pass(2);
    expect([outside.fate, inside.fate]).toEqual(['instead', 'instead']);
    expect(order).toEqual(['call', 'retrying', 'call', 'gaveUp', 'fallback', 'call', 'fallback']);
  });
});

describe('listeners', () => {
  test('one that fails, at once or later, is reported and harms nobody; one that has left hears nothing', async () => {
    const { surroundings, reported } = new Workbench();
    const policy = fallback('instead', {}, surroundings);
    const heard: string[] = [];
    policy.on(failing('in a listener'));
    policy.on(() => Promise.reject(new Error('in an async listener')) as never);
    const leave = policy.on(({ type }) => void heard.push(type));
    expect(await policy.execute(failing())).toBe('instead');
    leave();
    leave();
    expect(await policy.execute(failing())).toBe('instead');
    await turn();
    expect(heard).toEqual(['fellBack']);
    expect(reported.map((error) => (error as Error).message).sort()).toEqual([
      'in a listener',
      'in a listener',
      'in an async listener',
      'in an async listener',
    ]);
  });
});

describe('mistakes', () => {
  test.each([
    ['ms: is missing', () => timeout({} as never)],
    ['ms: is 0', () => timeout({ ms: 0 })],
    ['ms: is Infinity', () => timeout({ ms: Number.POSITIVE_INFINITY })],
    ["timeout: unknown option 'timeoutMs'", () => timeout({ timeoutMs: 5 } as never)],
    ["retry: unknown option 'attemptMax'; did you mean 'attemptsMax'?", () => retry({ attemptMax: 3 } as never)],
    ['attemptsMax: is 0', () => retry({ attemptsMax: 0 })],
    ['backoff.jitter: is', () => retry({ backoff: { jitter: 'some' as never } })],
    ['backoff.maxMs: is 5, less than initialMs (6)', () => retry({ backoff: { initialMs: 6, maxMs: 5 } })],
    ['budget.ratio: is -1', () => retry({ budget: { ratio: -1 } })],
    ['retryOn: must be a function', () => retry({ retryOn: true as never })],
    ['failures: is 0', () => circuitBreaker({ failures: 0 })],
    ['failures: is 1.5', () => circuitBreaker({ failures: 1.5 })],
    ['failures.rate: is undefined', () => circuitBreaker({ failures: {} as never })],
    ["failures: unknown option 'window'; did you mean 'windowMs'?", () => circuitBreaker({ failures: { rate: 1, window: 5 } as never })],
    ["circuitBreaker: unknown option 'openMS'; did you mean 'openMs'?", () => circuitBreaker({ openMS: 5 } as never)],
    ['concurrencyMax: is NaN', () => bulkhead({ concurrencyMax: Number.NaN })],
    ['queueMax: is 2000000', () => bulkhead({ queueMax: 2_000_000 })],
    ['fallback: expected an object', () => fallback(0, null as never)],
    ['wrap, policy 2: is not a policy', () => wrap(retry(), {} as never)],
    ['wrap: takes at least one policy', () => (wrap as () => void)()],
    ['ms: is -1', () => deadlineIn(-1)],
    ['surroundings: unknown option', () => retry({}, { random: Math.random } as never)],
    ['seed: is 0.5', () => retry({}, { seed: 0.5 })],
    ['listener: must be a function', () => retry().on(undefined as never)],
  ])('%s', (message, attempt) => {
    let thrown: unknown;
    try {
      attempt();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect((thrown as NexusTypeError).code).toMatch(/^NEXUS_OPTION_(INVALID|UNKNOWN)$/);
    expect((thrown as Error).message).toContain(message);
  });

  test('in the arguments of a call reject it', async () => {
    const policy = retry();
    expect(await codeOf(policy.execute(5 as never))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(policy.execute(() => 1, { timeoutMs: 5 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
    expect(await codeOf(policy.execute(() => 1, { signal: 5 as never }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(policy.execute(() => 1, { deadline: 500 as never }))).toBe('NEXUS_OPTION_INVALID');
  });
});

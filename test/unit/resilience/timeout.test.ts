import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { bulkhead, circuitBreaker, deadlineIn, fallback, retry, timeout, type PolicyContext, wrap } from '../../../dist/ts-src/resilience/index.js';
import { codeOf, failureOf } from '../../start-nexus.js';
import { Gate, turn, Workbench } from './workbench.js';

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
    expect([failure?.code, failure?.message]).toEqual(['NEXUS_TIMEOUT', 'the call was not done within 100 ms, the limit of its timeout policy']);
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

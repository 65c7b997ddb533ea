import { describe, expect, test } from 'vitest';
import { NexusTypeError } from '../../../dist/ts-src/errors.js';
import { bulkhead, circuitBreaker, deadlineIn, fallback, retry, timeout, wrap } from '../../../dist/ts-src/resilience/index.js';
import { codeOf } from '../../start-nexus.js';
import { fateOf, Gate, turn, Workbench } from './workbench.js';

const failing =
  (message = 'down') =>
  (): never => {
    throw new Error(message);
  };

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

import { describe, expect, test } from 'vitest';
import { type NexusError, NexusTypeError } from '../../../dist/ts-src/errors.js';
import { circuitBreaker, retry, timeout, wrap } from '../../../dist/ts-src/resilience/index.js';
import { codeOf, failureOf } from '../../start-nexus.js';
import { fateOf, Gate, turn, Workbench } from './workbench.js';

const failing =
  (message = 'down') =>
  (): never => {
    throw new Error(message);
  };

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
    expect([refusal?.code, refusal?.message]).toEqual([
      'NEXUS_CIRCUIT_OPEN',
      'the circuit is isolated (isolate was called): nothing is called until it is reset',
    ]);
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

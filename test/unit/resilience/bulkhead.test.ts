import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { NexusError } from '../../../dist/ts-src/errors.js';
import { bulkhead, deadlineIn, timeout, wrap } from '../../../dist/ts-src/resilience/index.js';
import { codeOf, failureOf } from '../../start-nexus.js';
import { fateOf, Gate, turn, Workbench } from './workbench.js';

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

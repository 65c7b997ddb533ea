import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { NexusError, NexusTypeError } from '../../../dist/ts-src/errors.js';
import { retry } from '../../../dist/ts-src/resilience/index.js';
import { codeOf } from '../../start-nexus.js';
import { fateOf, turn, Workbench } from './workbench.js';

const failing =
  (message = 'down') =>
  (): never => {
    throw new Error(message);
  };

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

/** Whatever policies are nested and whatever the operation does: every call settles once, limits hold, and nothing is left behind. */
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AnyPolicy, type Bulkhead, bulkhead, circuitBreaker, deadlineIn, fallback, retry, timeout, wrap } from '../../../dist/ts-src/resilience/index.js';
import { turn, Workbench } from './workbench.js';

const LIMITS = { concurrencyMax: 2, queueMax: 3 };

const kinds = fc.uniqueArray(fc.constantFrom('timeout', 'retry', 'breaker', 'bulkhead', 'fallback', 'timeout within', 'retry within'), { minLength: 1 });
const call = fc.record({
  atMs: fc.nat(120),
  takesMs: fc.nat(60),
  fails: fc.boolean(),
  heedsSignal: fc.boolean(),
  throws: fc.boolean(),
  giveUpAfterMs: fc.option(fc.nat(80), { nil: undefined }),
  deadlineMs: fc.option(fc.nat(100), { nil: undefined }),
});

function policyOf(kind: string, { surroundings }: Workbench): AnyPolicy {
  if (kind === 'breaker') return circuitBreaker({ failures: 2, successesToClose: 2, openMs: 25 }, surroundings);
  if (kind === 'bulkhead') return bulkhead({ ...LIMITS, queueTimeoutMs: 30 }, surroundings);
  if (kind === 'fallback') return fallback('instead', {}, surroundings);
  return kind.startsWith('timeout')
    ? timeout({ ms: 40 }, surroundings)
    : retry({ attemptsMax: 3, backoff: { initialMs: 7 }, budget: { ratio: 1 } }, surroundings);
}

test('every call settles once, limits hold, and no timer, listener, slot or place in a queue is left', async () => {
  await fc.assert(
    fc.asyncProperty(kinds, fc.array(call, { minLength: 1, maxLength: 12 }), async (names, calls) => {
      const bench = new Workbench();
      const { clock } = bench;
      const policies = names.map((name) => policyOf(name, bench)) as [AnyPolicy, ...AnyPolicy[]];
      const policy = wrap(...policies);
      const slots = policies[names.indexOf('bulkhead')] as Bulkhead | undefined;
      const settled = calls.map(() => 0);
      const signals: AbortSignal[] = [];
      // An expectation that fails inside the operation would be one more failure for the policies.
      const violations: string[] = [];
      let inside = 0;

      const begin = (index: number): void => {
        const { takesMs, fails, heedsSignal, throws, giveUpAfterMs, deadlineMs } = calls[index] as (typeof calls)[number];
        const controller = new AbortController();
        signals.push(controller.signal);
        const count = (): void => void (settled[index] = (settled[index] as number) + 1);
        policy
          .execute(
            ({ signal, remainingMs }) => {
              if (signal?.aborted === true) violations.push('called with a signal that is aborted');
              if (!(remainingMs > 0)) violations.push('called with no time left');
              if (remainingMs > Math.min(deadlineMs ?? Number.POSITIVE_INFINITY, names.includes('timeout') ? 40 : Number.POSITIVE_INFINITY))
                violations.push(`has ${remainingMs} ms`);
              if (throws) throw new Error('at once');
              inside++;
              if (slots !== undefined && slots.state.running > LIMITS.concurrencyMax) violations.push(`${slots.state.running} run`);
              return new Promise<string>((resolve, reject) => {
                const end = (): void => {
                  inside--;
                  cancel();
                  signal?.removeEventListener('abort', end);
                  if (fails || signal?.aborted === true) reject(new Error('failed'));
                  else resolve('done');
                };
                const cancel = clock.after(takesMs, end);
                if (heedsSignal) signal?.addEventListener('abort', end, { once: true });
              });
            },
            { signal: controller.signal, ...(deadlineMs === undefined ? {} : { deadline: deadlineIn(deadlineMs, { clock }) }) },
          )
          .then(count, count);
        if (giveUpAfterMs !== undefined) clock.after(giveUpAfterMs, () => controller.abort());
      };

      calls.forEach(({ atMs }, index) => void clock.after(atMs, () => begin(index)));
      // The longest: three attempts three times, queues and delays between them.
      for (let ms = 0; ms < 2000 && (clock.timers > 0 || ms < 130); ms += 5) {
        clock.advance(5);
        await turn();
        if (slots !== undefined) {
          const { running, queued } = slots.state;
          expect(running).toBeLessThanOrEqual(LIMITS.concurrencyMax);
          expect(queued).toBeLessThanOrEqual(LIMITS.queueMax);
        }
      }
      expect(violations).toEqual([]);
      expect(settled).toEqual(calls.map(() => 1));
      expect(clock.timers).toBe(0);
      expect(inside).toBe(0);
      if (slots !== undefined) expect(slots.state).toEqual({ running: 0, queued: 0 });
      for (const signal of signals) expect(getEventListeners(signal, 'abort')).toEqual([]);
      expect(bench.reported).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

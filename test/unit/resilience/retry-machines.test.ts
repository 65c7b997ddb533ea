import fc from 'fast-check';
import { expect, test } from 'vitest';
import { delayMs, type Jitter } from '../../../dist/ts-src/resilience/machines/backoff.js';
import { RetryBudget } from '../../../dist/ts-src/resilience/machines/retry-budget.js';
import { decideRetry } from '../../../dist/ts-src/resilience/machines/retry-decision.js';

const backoff = fc
  .record({
    initialMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e6, noNaN: true })),
    extraMs: fc.double({ min: 0, max: 8e7, noNaN: true }),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    jitter: fc.constantFrom<Jitter>('none', 'full', 'decorrelated'),
  })
  .map(({ initialMs, extraMs, factor, jitter }) => ({ initialMs, maxMs: initialMs + extraMs, factor, jitter }));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('no delay is negative, endless or longer than allowed, whatever the attempt', () => {
  fc.assert(
    fc.property(backoff, fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1e8, noNaN: true }), chance, (settings, retry, previousMs, random) => {
      const delay = delayMs(settings, retry, previousMs, random);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(settings.maxMs);
      if (settings.jitter === 'decorrelated') expect(delay).toBeGreaterThanOrEqual(Math.min(settings.maxMs, settings.initialMs) * (1 - 1e-9));
    }),
  );
});

test('delays grow by their factor, and jitter takes its share of them', () => {
  const settings = { initialMs: 100, maxMs: 1000, factor: 2 };
  const delays = (jitter: Jitter, random: number): number[] => [1, 2, 3, 4, 5].map((retry) => delayMs({ ...settings, jitter }, retry, 0, random));
  expect(delays('none', 0.5)).toEqual([100, 200, 400, 800, 1000]);
  expect(delays('full', 0)).toEqual([0, 0, 0, 0, 0]);
  expect(delays('full', 0.5)).toEqual([50, 100, 200, 400, 500]);
  let previousMs = 0;
  const decorrelated = [1, 2, 3, 4].map((retry) => (previousMs = delayMs({ ...settings, jitter: 'decorrelated' }, retry, previousMs, 0.5)));
  expect(decorrelated).toEqual([200, 350, 575, 912.5]);
});

test('retries never exceed the burst and the share of the calls, and are refused only when they would', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3000 }),
      fc.integer({ min: 0, max: 20 }),
      fc.array(fc.constantFrom('call', 'retry', 'retry'), { maxLength: 300, size: 'max' }),
      (thousandths, burst, events) => {
        const budget = new RetryBudget({ ratio: thousandths / 1000, burst });
        let calls = 0;
        let retries = 0;
        // What has been earned since the bucket was last full.
        let earned = BigInt(burst) * 1000n;
        for (const event of events) {
          if (event === 'call') {
            calls++;
            budget.deposit();
            earned = earned + BigInt(thousandths) > BigInt(burst) * 1000n ? BigInt(burst) * 1000n : earned + BigInt(thousandths);
          } else {
            const allowed = budget.withdraw();
            expect(allowed).toBe(earned >= 1000n);
            if (allowed) {
              retries++;
              earned -= 1000n;
            }
          }
          expect(retries * 1000).toBeLessThanOrEqual(burst * 1000 + thousandths * calls);
        }
      },
    ),
  );
});

test('a retry takes a token only if nothing else is against it', () => {
  const settings = { attemptsMax: 3, backoff: { initialMs: 100, maxMs: 1000, factor: 2, jitter: 'none' as const } };
  const budget = new RetryBudget({ ratio: 0, burst: 1 });
  const decide = (attempt: number, remainingMs: number) => decideRetry(settings, { attempt, previousMs: 0, remainingMs }, budget, () => 0);
  expect(decide(3, Number.POSITIVE_INFINITY)).toEqual({ type: 'giveUp', reason: 'attempts' });
  expect(decide(1, 100)).toEqual({ type: 'giveUp', reason: 'deadline' });
  expect(budget.tokens).toBe(1);
  expect(decide(2, 200.5)).toEqual({ type: 'retry', delayMs: 200 });
  expect(decide(1, Number.POSITIVE_INFINITY)).toEqual({ type: 'giveUp', reason: 'budget' });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextDueEpochMs, retryDelayMs } from '../../../dist/ts-src/model/reminder-grid.js';

test('a periodic reminder is next due at the first point of its grid after now', () => {
  const ms = fc.integer({ min: 0, max: 4e12 });
  fc.assert(
    fc.property(ms, fc.integer({ min: 10, max: 1e9 }), ms, (due, period, now) => {
      const next = nextDueEpochMs(due, period, now);
      expect((next - due) % period).toBe(0);
      // Never the time that was just handled, also when the calendar went back.
      expect(next).toBeGreaterThan(due);
      expect(next).toBeGreaterThan(now);
      expect(next === due + period || next - period <= now).toBe(true);
    }),
  );
  expect([nextDueEpochMs(1000, 100, 1000), nextDueEpochMs(1000, 100, 1099), nextDueEpochMs(1000, 100, 1100), nextDueEpochMs(1000, 100, 0)]).toEqual([
    1100, 1100, 1200, 1100,
  ]);
});

test('a reminder is tried again later each time, up to a minute', () => {
  expect([1, 2, 3, 6, 7, 8, 1000].map(retryDelayMs)).toEqual([1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Directive } from 'nexus-agents';
import { backoffMs, decide, type ResolvedSupervision, resolveSupervision } from '../../../dist/ts-src/model/supervision.js';

const half = (): number => 0.5;
const resolved = (supervision: Partial<ResolvedSupervision>): ResolvedSupervision => ({ ...resolveSupervision(), ...supervision });

test('what is not given has the documented defaults', () => {
  expect(resolveSupervision()).toEqual({ onFailure: 'restart', intensity: 10, periodMs: 30_000, initialMs: 10, maxMs: 10_000, factor: 2, jitter: 0.2 });
  expect(resolveSupervision({ intensity: 3, backoff: { factor: 5 } })).toMatchObject({ intensity: 3, periodMs: 30_000, initialMs: 10, factor: 5 });
});

test.each<Directive>(['resume', 'restart', 'stop', 'escalate'])('the directive %s is carried out, given or returned', (directive) => {
  expect(decide(resolved({ onFailure: directive }), [], new Error('x'), 0, half).type).toBe(directive);
  expect(decide(resolved({ onFailure: () => directive }), [], new Error('x'), 0, half).type).toBe(directive);
});

test('a policy sees the error, and one that fails or answers nonsense stops the agent', () => {
  const error = new Error('x');
  const seen: unknown[] = [];
  decide(resolved({ onFailure: (given) => (seen.push(given), 'resume') }), [], error, 0, half);
  expect(seen).toEqual([error]);
  for (const answer of ['retry', undefined, null, 5, {}]) {
    expect(decide(resolved({ onFailure: () => answer as Directive }), [], error, 0, half)).toEqual({ type: 'stop', intensityExceeded: false });
  }
  const throwing = (): Directive => {
    throw new Error('policy');
  };
  expect(decide(resolved({ onFailure: throwing }), [], error, 0, half)).toEqual({ type: 'stop', intensityExceeded: false });
});

test('an agent restarts as often as its intensity allows within any period, like a list of all failures says', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60, size: 'max' }),
      (intensity, periodMs, gaps) => {
        const supervision = resolved({ intensity, periodMs, initialMs: 1, factor: 1, jitter: 0 });
        let history: readonly number[] = [];
        const restarts: number[] = [];
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          const decision = decide(supervision, history, new Error('x'), nowMs, half);
          const recent = restarts.filter((at) => nowMs - at < periodMs).length;
          if (recent >= intensity) {
            expect(decision).toEqual({ type: 'stop', intensityExceeded: true });
            return;
          }
          expect(decision.type).toBe('restart');
          if (decision.type !== 'restart') return;
          history = decision.history;
          restarts.push(nowMs);
          // The history does not grow for ever.
          expect(history.length).toBeLessThanOrEqual(Math.max(1, intensity));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test.each([0, 0.999])('with the defaults what fails at every start ends with the eleventh failure, whatever the jitter draws (%s)', (drawn) => {
  let history: readonly number[] = [];
  let nowMs = 0;
  for (let failures = 1; ; failures++) {
    const decision = decide(resolveSupervision(), history, new Error('x'), nowMs, () => drawn);
    if (decision.type === 'stop') {
      expect({ failures, ...decision }).toEqual({ failures: 11, type: 'stop', intensityExceeded: true });
      return;
    }
    if (decision.type !== 'restart' || failures > 100) throw new Error(`${decision.type} after ${failures} failures`);
    history = decision.history;
    nowMs += decision.delayMs;
  }
});

test('the delay grows with the factor up to its limit, less a share for jitter', () => {
  const policy = { initialMs: 10, maxMs: 1000, factor: 2, jitter: 0 };
  expect([0, 1, 2, 3, 6, 7, 100, 10_000].map((restarts) => backoffMs(policy, restarts, half))).toEqual([10, 20, 40, 80, 640, 1000, 1000, 1000]);
  expect(backoffMs({ ...policy, jitter: 0.2 }, 0, () => 0)).toBe(10);
  expect(backoffMs({ ...policy, jitter: 0.2 }, 0, () => 1)).toBe(8);
  expect(backoffMs({ ...policy, initialMs: 0 }, 5000, half)).toBe(0);
  fc.assert(
    fc.property(
      fc.record({
        initialMs: fc.integer({ min: 0, max: 10_000 }),
        maxMs: fc.integer({ min: 0, max: 10_000 }),
        factor: fc.double({ min: 1, max: 1000, noNaN: true }),
        jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (any, restarts, drawn) => {
        const delay = backoffMs(any, restarts, () => drawn);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(any.maxMs);
      },
    ),
    { numRuns: 1000 },
  );
});

test('restarts within the period make the next delay longer, earlier ones do not', () => {
  const supervision = resolved({ initialMs: 10, factor: 2, jitter: 0, periodMs: 100 });
  const delays: number[] = [];
  let history: readonly number[] = [];
  for (const nowMs of [0, 10, 20, 200]) {
    const decision = decide(supervision, history, undefined, nowMs, half);
    if (decision.type !== 'restart') throw new Error(decision.type);
    history = decision.history;
    delays.push(decision.delayMs);
  }
  expect(delays).toEqual([10, 20, 40, 10]);
});

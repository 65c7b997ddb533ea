import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Admission, admit, isForgettable, newAdmission } from '../../../examples/rate-limiter/admission.mjs';
import { DEFAULT_POLICY, type Policy, resolvePolicy } from '../../../examples/rate-limiter/policy.mjs';
import { refill, waitMs } from '../../../examples/rate-limiter/token-bucket.mjs';

interface Request {
  readonly atMs: number;
  readonly status?: number;
}

/** The same rules, told without cleverness: a bucket that gets its drops every millisecond, and a list of everything bad that ever happened. */
function simulate(policy: Policy, requests: readonly Request[]): { admitted: boolean; remaining: number; blocked: boolean; score: number }[] {
  const { rate, burst, abuse } = policy;
  let drops = burst * 1000;
  let burstMs = -Infinity;
  let nowMs: number | undefined;
  let blockedUntilMs = -Infinity;
  const offences: { atMs: number; points: number }[] = [];
  return requests.map(({ atMs, status }) => {
    nowMs ??= atMs;
    for (; nowMs < atMs; nowMs++) drops = Math.min(burst * 1000, drops + rate);
    const now = nowMs;
    const wasBlocked = now < blockedUntilMs;
    const admitted = !wasBlocked && drops >= 1000;
    if (admitted) drops -= 1000;
    let points = 0;
    if (!wasBlocked && !admitted) points += abuse.refusalPoints;
    if (admitted && drops < 1000 && burst > 1 && now - burstMs >= abuse.halfLifeMs) {
      points += abuse.burstPoints;
      burstMs = now;
    }
    if (admitted && (status === 401 || status === 403 || status === 404)) points += abuse.errorPoints;
    offences.push({ atMs: now, points });
    const score = offences.reduce((sum, offence) => sum + offence.points * 0.5 ** ((now - offence.atMs) / abuse.halfLifeMs), 0);
    if (points > 0 && score >= abuse.threshold - 1e-9) blockedUntilMs = now + abuse.blockMs;
    return { admitted, remaining: Math.floor(drops / 1000), blocked: now < blockedUntilMs, score };
  });
}

const policies = fc
  .record({
    rate: fc.integer({ min: 1, max: 400 }),
    burst: fc.integer({ min: 1, max: 12 }),
    abuse: fc.record({
      refusalPoints: fc.integer({ min: 0, max: 40 }),
      burstPoints: fc.integer({ min: 0, max: 24 }),
      errorPoints: fc.integer({ min: 0, max: 40 }),
      threshold: fc.integer({ min: 50, max: 200 }),
      halfLifeMs: fc.integer({ min: 1, max: 3000 }),
      blockMs: fc.integer({ min: 1, max: 2000 }),
    }),
  })
  .map((changes) => resolvePolicy(changes));

const steps = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.integer({ min: -5, max: 20 }), fc.integer({ min: 0, max: 900 })),
    status: fc.constantFrom(undefined, 200, 401, 404),
  }),
  { maxLength: 80 },
);

function requestsOf(gaps: readonly { gapMs: number; status: number | undefined }[]): Request[] {
  let atMs = 1000;
  return gaps.map(({ gapMs, status }) => {
    atMs += gapMs;
    return status === undefined ? { atMs } : { atMs, status };
  });
}

function run(policy: Policy, requests: readonly Request[], from: Admission = newAdmission(policy)) {
  let admission = from;
  const decisions = requests.map((request) => {
    const next = admit(admission, policy, request);
    admission = next.admission;
    return next.decision;
  });
  return { admission, decisions };
}

describe('admission', () => {
  test('decides as a simulation that counts drops millisecond by millisecond', () => {
    fc.assert(
      fc.property(policies, steps, (policy, gaps) => {
        const requests = requestsOf(gaps);
        const { decisions } = run(policy, requests);
        const expected = simulate(policy, requests);
        decisions.forEach((decision, index) => {
          const { score, ...rest } = expected[index]!;
          expect(decision).toMatchObject(rest);
          expect(Math.abs(decision.score - score)).toBeLessThan(0.051);
        });
      }),
      { numRuns: 400 },
    );
  });

  test('admits in no stretch of time more than burst + rate × elapsed', () => {
    fc.assert(
      fc.property(policies, steps, (policy, gaps) => {
        let latestMs = -Infinity;
        const requests = requestsOf(gaps);
        const { decisions } = run(policy, requests);
        const times = requests.flatMap(({ atMs }, index) => {
          latestMs = Math.max(latestMs, atMs);
          return decisions[index]!.admitted ? [latestMs] : [];
        });
        for (let from = 0; from < times.length; from++)
          for (let to = from; to < times.length; to++)
            expect((to - from + 1) * 1000).toBeLessThanOrEqual(policy.burst * 1000 + policy.rate * (times[to]! - times[from]!));
      }),
    );
  });

  test('admits a refused client that waits as long as it was told', () => {
    fc.assert(
      fc.property(policies, steps, (policy, gaps) => {
        const { admission, decisions } = run(policy, requestsOf(gaps));
        const last = decisions.at(-1);
        fc.pre(last !== undefined && !last.admitted);
        expect(last!.retryAfterMs).toBeGreaterThanOrEqual(1);
        expect(admit(admission, policy, { atMs: admission.atMs + last!.retryAfterMs }).decision.admitted).toBe(true);
        expect(admit(admission, policy, { atMs: admission.atMs + last!.retryAfterMs - 1 }).decision.admitted).toBe(false);
      }),
    );
  });

  test('never refuses a client that stays within its limits, however long it does', () => {
    fc.assert(
      fc.property(policies, fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 300 }), (policy, gaps) => {
        let drops = policy.burst * 1000;
        let atMs = 0;
        let admission = newAdmission(policy);
        for (const gapMs of gaps) {
          const neededMs = Math.max(0, Math.ceil((1000 - drops) / policy.rate));
          const waitedMs = Math.max(gapMs % 7 === 0 ? gapMs : 0, neededMs);
          atMs += waitedMs;
          drops = Math.min(policy.burst * 1000, drops + waitedMs * policy.rate) - 1000;
          const next = admit(admission, policy, { atMs });
          expect(next.decision).toMatchObject({ admitted: true, blocked: false });
          admission = next.admission;
        }
      }),
    );
  });

  test('forgets a client only when a new one would be treated the same', () => {
    fc.assert(
      fc.property(policies, steps, steps, fc.integer({ min: 0, max: 40_000 }), (policy, gaps, later, pauseMs) => {
        // Up to one point may be forgotten: it must not decide.
        const { admission } = run(policy, requestsOf(gaps));
        const nowMs = admission.atMs === -Infinity ? pauseMs : admission.atMs + pauseMs;
        fc.pre(isForgettable(admission, policy, nowMs));
        const shifted = requestsOf(later).map((request) => ({ ...request, status: 200, atMs: nowMs + Math.max(0, request.atMs - 900) }));
        const calm = { ...policy, abuse: { ...policy.abuse, threshold: 1e9 } };
        const remembered = run(calm, shifted, admission).decisions.map(({ score: _, ...decision }) => decision);
        const forgotten = run(calm, shifted).decisions.map(({ score: _, ...decision }) => decision);
        expect(remembered).toEqual(forgotten);
      }),
    );
  });

  test('takes a time that goes back for the last one', () => {
    const { decisions } = run(resolvePolicy({ burst: 2, rate: 1 }), [{ atMs: 5000 }, { atMs: 1000 }, { atMs: 4999 }, { atMs: 6000 }]);
    expect(decisions.map(({ admitted }) => admitted)).toEqual([true, true, false, true]);
  });

  test('blocks after ten refusals, for as long as the policy says, and counts nothing meanwhile', () => {
    const policy = resolvePolicy({ burst: 1, rate: 0.001, abuse: { halfLifeMs: 86_400_000 } });
    const burst = Array.from({ length: 13 }, () => ({ atMs: 0 }));
    const { decisions } = run(policy, burst);
    expect(decisions.map(({ blocked }) => blocked)).toEqual([...Array(10).fill(false), true, true, true]);
    expect(decisions.at(-1)!.score).toBe(100);
  });

  test('raises the score by 401, 403 and 404 of admitted requests only', () => {
    const statuses = [200, 301, 400, 401, 403, 404, 500];
    const scores = statuses.map((status) => run(DEFAULT_POLICY, [{ atMs: 0, status }]).decisions[0]!.score);
    expect(scores).toEqual([0, 0, 0, 5, 5, 5, 0]);
  });
});

describe('token bucket', () => {
  test('is full after any long time, and never more than full', () => {
    expect(refill(0, Infinity, { rate: 0.001, burst: 3 })).toBe(3000);
    expect(refill(2999, 2, { rate: 5, burst: 3 })).toBe(3000);
  });

  test('waits for whole milliseconds, at least one', () => {
    expect(waitMs(1000, { rate: 5 })).toBe(0);
    expect(waitMs(999.999_999, { rate: 1000 })).toBe(1);
    expect(waitMs(0, { rate: 5 })).toBe(200);
    expect(waitMs(1, { rate: 3 })).toBe(333);
  });
});

describe('policy', () => {
  test.each([
    [{ rate: 0 }, /rate is 0/],
    [{ rate: Number.NaN }, /rate is NaN/],
    [{ burst: 1.5 }, /whole number/],
    [{ burst: 0 }, /burst is 0/],
    [{ bursts: 3 } as object, /no policy value 'bursts'/],
    [{ abuse: { halfLife: 3 } } as object, /no policy value 'abuse.halfLife'/],
    [{ abuse: { threshold: '5' } } as object, /abuse.threshold is 5/],
  ])('refuses %j', (changes, message) => {
    expect(() => resolvePolicy(changes)).toThrow(message);
  });

  test('refuses points for bursts that would block a client within its rate', () => {
    expect(() => resolvePolicy({ abuse: { burstPoints: 50 } })).toThrow(/within its rate could be blocked/);
  });
});

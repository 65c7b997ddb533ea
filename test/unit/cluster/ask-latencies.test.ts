/** How long asks of another node take: what is recorded is what is said, of the time that is meant, in all places where it is shown. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AskLatencies } from '../../../dist/ts-src/cluster/agents/ask-latencies.js';
import { ASK_BOUNDS_NS, type LinkAsks } from '../../../dist/ts-src/model/cluster-snapshot.js';

test('counts are exact and quantiles at most a hundredth off, of whatever was recorded in the time that is called recent', () => {
  const durations = fc.array(fc.oneof(fc.double({ min: 0.001, max: 80_000, noNaN: true }), fc.double({ min: 0.2, max: 3, noNaN: true })), { maxLength: 80 });
  fc.assert(
    fc.property(fc.array(fc.tuple(durations, fc.integer({ min: 1, max: 15_000 })), { maxLength: 12 }), (steps) => {
      const latencies = new AskLatencies(1000);
      const all: { readonly atMs: number; readonly tookMs: number }[] = [];
      let nowMs = 1000;
      // The dumb twin: when somebody looked that counts.
      let marks = [1000, 1000];
      for (const [recorded, waitMs] of steps) {
        for (const tookMs of recorded) {
          latencies.record(tookMs);
          all.push({ atMs: nowMs, tookMs });
        }
        nowMs += waitMs;
        const asks = latencies.read(nowMs);
        if (all.length === 0) {
          expect(asks).toBeUndefined();
          continue;
        }
        if (nowMs - (marks[1] as number) >= 10_000) marks = [marks[1] as number, nowMs];
        const since = marks[0] as number;
        const recent = all
          .filter(({ atMs }) => atMs >= since)
          .map(({ tookMs }) => tookMs)
          .sort((a, b) => a - b);
        const { answered, totalMs, counts, perSecond, p50Ms, p99Ms } = asks as LinkAsks;
        expect(answered).toBe(all.length);
        expect(totalMs).toBeCloseTo(
          all.reduce((sum, { tookMs }) => sum + tookMs, 0),
          2,
        );
        expect(counts).toEqual(ASK_BOUNDS_NS.map((bound) => all.filter(({ tookMs }) => Math.round(tookMs * 1e6) <= bound).length));
        expect(perSecond).toBeCloseTo((recent.length * 1000) / (nowMs - since), 6);
        for (const [q, said] of [
          [0.5, p50Ms],
          [0.99, p99Ms],
        ] as const) {
          const exact = recent[Math.ceil(q * recent.length) - 1];
          if (exact === undefined) expect(said).toBeUndefined();
          else expect(Math.abs((said as number) - exact)).toBeLessThanOrEqual(exact / 100 + 1e-6);
        }
      }
    }),
  );
});

test('what was slow a while ago is not recent any more', () => {
  const latencies = new AskLatencies(0);
  for (let ask = 0; ask < 100; ask++) latencies.record(900);
  expect(latencies.read(5000)).toMatchObject({ answered: 100, perSecond: 20, p50Ms: expect.closeTo(900, -1) });
  latencies.read(10_000);
  latencies.read(20_000);
  expect(latencies.read(21_000)).toMatchObject({ answered: 100, perSecond: 0 });
  expect(latencies.read(21_000)?.p99Ms).toBeUndefined();
  latencies.record(2);
  expect(latencies.read(22_000)?.p99Ms).toBeCloseTo(2, 1);
});

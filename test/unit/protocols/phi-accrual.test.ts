import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEVIATION_MS_MIN, PHI_MAX, PhiAccrual, phiOf, WAITS_MAX, WAITS_MIN } from '../../../dist/ts-src/protocols/phi-accrual.js';

/** -log10 of the tail of the normal distribution, by adding up its density: the dumb twin. */
function phiByAddingUp(deviations: number): number {
  let tail = 0;
  const step = 0.001;
  for (let at = deviations; at < deviations + 12; at += step) tail += (Math.exp((-at * at) / 2) / Math.sqrt(2 * Math.PI)) * step;
  return -Math.log10(tail);
}

test('phi is the tail of the normal distribution, to a tenth up to three deviations', () => {
  for (const deviations of [-2, -1, 0, 0.5, 1, 2, 3]) expect(Math.abs(phiOf(deviations) - phiByAddingUp(deviations))).toBeLessThan(0.1);
  expect(phiOf(0)).toBeCloseTo(Math.log10(2), 5);
  expect([phiOf(1000), phiOf(Number.POSITIVE_INFINITY), phiOf(-1000)]).toEqual([PHI_MAX, PHI_MAX, 0]);
});

function afterWaits(waitsMs: readonly number[]): { readonly phi: PhiAccrual; readonly nowMs: number } {
  const phi = new PhiAccrual();
  let nowMs = 0;
  for (const waitMs of waitsMs) {
    phi.asked(nowMs);
    nowMs += waitMs;
    phi.answered(nowMs);
    nowMs += 1000;
  }
  return { phi, nowMs };
}

test('before there are enough answers there is no phi, and nobody is suspected for not having been asked', () => {
  const few = afterWaits(Array.from({ length: WAITS_MIN - 1 }, () => 10));
  few.phi.asked(few.nowMs);
  expect(few.phi.phi(few.nowMs + 60_000)).toBeUndefined();
  const enough = afterWaits(Array.from({ length: WAITS_MIN }, () => 10));
  expect(enough.phi.phi(enough.nowMs + 60_000)).toBe(0);
});

test('phi grows for as long as an answer is due, counted from the first ping that has none', () => {
  const { phi, nowMs } = afterWaits([10, 12, 9, 11, 10, 10]);
  phi.asked(nowMs);
  const early = phi.phi(nowMs + 10) as number;
  phi.asked(nowMs + 500);
  const later = [100, 300, 600, 2000, 10_000].map((ms) => phi.phi(nowMs + ms) as number);
  expect(early).toBeLessThan(0.5);
  expect([...later].sort((a, b) => a - b)).toEqual(later);
  expect(later[2]).toBeGreaterThan(8);
  expect(later[4]).toBe(PHI_MAX);
  phi.answered(nowMs + 10_000);
  expect(phi.phi(nowMs + 10_001)).toBe(0);
});

test('a link that loses pings now and then is given more time than one that never has', () => {
  const [even, uneven] = [
    afterWaits(Array.from({ length: 40 }, () => 10)),
    afterWaits(Array.from({ length: 40 }, (_, index) => (index % 10 === 0 ? 1010 : 10))),
  ];
  for (const { phi, nowMs } of [even, uneven]) phi.asked(nowMs);
  expect(even.phi.phi(even.nowMs + 1000)).toBeGreaterThan(20);
  expect(uneven.phi.phi(uneven.nowMs + 1000)).toBeLessThan(4);
});

test('mean and deviation are those of the last waits', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: WAITS_MIN, maxLength: 3 * WAITS_MAX }), fc.nat(20_000), (waitsMs, silenceMs) => {
      const { phi, nowMs } = afterWaits(waitsMs);
      phi.asked(nowMs);
      const last = waitsMs.slice(-WAITS_MAX);
      const mean = last.reduce((sum, ms) => sum + ms, 0) / last.length;
      const deviation = Math.max(DEVIATION_MS_MIN, Math.sqrt(last.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / last.length));
      expect(phi.phi(nowMs + silenceMs)).toBeCloseTo(phiOf((silenceMs - mean) / deviation), 5);
    }),
  );
});

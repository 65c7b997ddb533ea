/** How long something takes in a simulation: the distributions have the shapes that they say. */
import { expect, test } from 'vitest';
import { checkDistribution, type Distribution, sampleMs } from '../../../../dist/ts-src/testing/simulation/distribution.js';
import { drawAt, drawKey } from '../../../../dist/ts-src/testing/simulation/draws.js';

const COUNT = 20_000;

function samples(distribution: Distribution): number[] {
  const key = drawKey(7, 'a link');
  return Array.from({ length: COUNT }, (_, index) => sampleMs(distribution, drawAt(key, 1, index))).sort((a, b) => a - b);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const quantile = (values: readonly number[], share: number): number => values[Math.floor(share * values.length)] as number;

test('each distribution has its mean, its median and its tail', () => {
  expect(new Set(samples(3))).toEqual(new Set([3]));
  const uniform = samples({ type: 'uniform', fromMs: 10, toMs: 20 });
  expect([uniform[0], uniform.at(-1)].map((value) => Math.round(value as number))).toEqual([10, 20]);
  expect(mean(uniform)).toBeCloseTo(15, 0);
  const exponential = samples({ type: 'exponential', meanMs: 10, minMs: 2 });
  expect(exponential[0]).toBeGreaterThanOrEqual(2);
  expect(mean(exponential)).toBeGreaterThan(9.8);
  expect(mean(exponential)).toBeLessThan(10.2);
  expect(quantile(exponential, 0.5)).toBeCloseTo(2 + 8 * Math.LN2, 0);
  const logNormal = samples({ type: 'logNormal', medianMs: 10, sigma: 0.5 });
  expect(quantile(logNormal, 0.5)).toBeGreaterThan(9.8);
  expect(quantile(logNormal, 0.5)).toBeLessThan(10.2);
  expect(quantile(logNormal, 0.99)).toBeGreaterThan(30);
  expect(quantile(logNormal, 0.99)).toBeLessThan(34);
  const pareto = samples({ type: 'pareto', minMs: 1, alpha: 1.5, maxMs: 500 });
  expect(pareto[0]).toBeGreaterThanOrEqual(1);
  expect(pareto.at(-1)).toBeLessThanOrEqual(500);
  // P(X > 10) = 10^-1.5.
  expect(pareto.filter((value) => value > 10).length / COUNT).toBeCloseTo(10 ** -1.5, 2);
});

test('draws are even, and those of other purposes, links and seeds have nothing to do with them', () => {
  const draws = (key: number, purpose: number): number[] => Array.from({ length: COUNT }, (_, index) => drawAt(key, purpose, index));
  const first = draws(drawKey(1, '1>2'), 1);
  const buckets = new Array<number>(16).fill(0);
  for (const draw of first) buckets[Math.floor(draw * 16)] = (buckets[Math.floor(draw * 16)] as number) + 1;
  for (const count of buckets) expect(Math.abs(count - COUNT / 16)).toBeLessThan(5 * Math.sqrt(COUNT / 16));
  for (const other of [draws(drawKey(1, '1>2'), 2), draws(drawKey(1, '2>1'), 1), draws(drawKey(2, '1>2'), 1), first.slice(1)]) {
    const correlation = mean(other.map((draw, index) => (draw - 0.5) * ((first[index] as number) - 0.5))) * 12;
    expect(Math.abs(correlation)).toBeLessThan(0.03);
  }
});

test('what is no distribution is refused, with what is wrong', () => {
  const wrong: readonly unknown[] = [
    -1,
    Number.NaN,
    'fast',
    undefined,
    { type: 'normal' },
    { type: 'uniform', fromMs: 2, toMs: 1 },
    { type: 'exponential', meanMs: 1, minMs: 2 },
    { type: 'logNormal', medianMs: 1, sigma: 9 },
    { type: 'pareto', minMs: 1, maxMs: 2, alpha: 0 },
  ];
  for (const each of wrong)
    expect(() => checkDistribution('latency', each as Distribution), JSON.stringify(each)).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
});

import { expect, test } from 'vitest';
import { ACCUSERS_MAX, Suspicion } from '../../../../dist/ts-src/protocols/swim/suspicion.js';

const TIMES = { minMs: 3000, maxMs: 18_000, confirmations: 3 };

test('the time of a suspicion shrinks with the logarithm of the independent confirmations, down to the least', () => {
  const suspicion = new Suspicion(0, 'a');
  const times = [suspicion.timeoutMs(TIMES)];
  for (const accuser of ['a', 'b', 'b', 'c', 'd', 'e']) {
    suspicion.confirm(accuser);
    times.push(suspicion.timeoutMs(TIMES));
  }
  // max - (max - min) · log(c + 1) / log(4), of c = 0, 0, 1, 1, 2, 3, 4
  expect(times.map(Math.round)).toEqual([18_000, 18_000, 10_500, 10_500, 6113, 3000, 3000]);
});

test('without anybody who could confirm it, a suspicion has the least time', () => {
  expect(new Suspicion(0, 'a').timeoutMs({ ...TIMES, confirmations: 0 })).toBe(3000);
  expect(new Suspicion(0, 'a').timeoutMs({ ...TIMES, confirmations: 1 })).toBe(18_000);
});

test('a refused connection makes it three times as short', () => {
  const suspicion = new Suspicion(0, 'a');
  suspicion.isRefused = true;
  expect(suspicion.timeoutMs(TIMES)).toBe(6000);
});

test('no more accusers are remembered than a limit', () => {
  const suspicion = new Suspicion(0, 'n0');
  const news = Array.from({ length: 20 }, (_, index) => suspicion.confirm(`n${index}`));
  expect([news.filter(Boolean).length, suspicion.accusers.size]).toEqual([ACCUSERS_MAX - 1, ACCUSERS_MAX]);
});

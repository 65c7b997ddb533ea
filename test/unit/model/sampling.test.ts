import { expect, test } from 'vitest';
import { Sampling } from '../../../dist/ts-src/model/sampling.js';

test('the first of every period is taken', () => {
  const sampling = new Sampling(7);
  const taken = Array.from({ length: 30 }, () => sampling.take()).flatMap((isTaken, index) => (isTaken ? [index] : []));
  expect(taken).toEqual([0, 7, 14, 21, 28]);
});

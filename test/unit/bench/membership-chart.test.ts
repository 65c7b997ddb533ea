import { expect, test } from 'vitest';
import { membershipChart } from '../../../bench/membership-chart.mjs';
import { busyCase, idleCase, METADATA } from '../../../bench/suites/membership/case-names.mjs';

const row = (name: string, median: number) => ({
  suite: 'membership',
  case: name,
  peer: 'nexus',
  unit: 'messages/node/s',
  median,
  min: median,
  max: median,
  n: 1,
});

test('the chart has a point for every size, where its value belongs, and nothing of other cases', () => {
  const svg = membershipChart([row(idleCase(10), 2), row(idleCase(100), 4), row(idleCase(1000), 4), row(busyCase(10), 1), row(METADATA, 900)]);
  const places = [...svg.matchAll(/<circle class="fill-(\d)" cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, index, x, y]) => [Number(index), Number(x), Number(y)]);
  // 4 is the highest, so the top; 2 is half of it.
  expect(places).toEqual([
    [0, 64, 222],
    [0, 382, 64],
    [0, 700, 64],
    [1, 64, 301],
  ]);
  expect(svg).not.toContain('900');
});

test('without rows of the suite there is no chart', () => {
  expect(() => membershipChart([])).toThrow(/no rows of the suite 'membership'/);
});

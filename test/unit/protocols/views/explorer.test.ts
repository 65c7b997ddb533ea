/** Runs of the explorer: as many as EXPLORE_RUNS says, from EXPLORE_SEED on. Each is a cluster of 2 to 9 nodes for some two and a half minutes of its time. */
import { expect, test } from 'vitest';
import { explore } from './explorer.js';

const RUNS = Number(process.env.EXPLORE_RUNS ?? 100);
const FIRST = Number(process.env.EXPLORE_SEED ?? 1);

test('whatever goes wrong, at most one side runs, who is removed has stopped, and all agree when all is mended', { timeout: 600_000 }, () => {
  const startedMs = process.cpuUsage().user;
  let removals = 0;
  let fencings = 0;
  let worst = 0;
  let views = 0;
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const run = explore(seed);
    expect(run.wrong, `seed ${seed}`).toBeUndefined();
    removals += run.removals;
    fencings += run.fencings;
    views += run.views;
    worst = Math.max(worst, run.healedInMs);
  }
  if (process.env.EXPLORE_RUNS !== undefined) console.log({ RUNS, removals, fencings, views, worst, cpuSeconds: (process.cpuUsage().user - startedMs) / 1e6 });
  expect(removals).toBeGreaterThan(0);
  expect(fencings).toBeGreaterThan(0);
});

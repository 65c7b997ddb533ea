/** Runs of the adversary: as many as ATTACK_RUNS says, from ATTACK_SEED on. Each is a cluster of 3 to 6 nodes for two minutes of its time. */
import { expect, test } from 'vitest';
import { attack } from './adversary.js';

const RUNS = Number(process.env.ATTACK_RUNS ?? 200);
const FIRST = Number(process.env.ATTACK_SEED ?? 1);

test('whatever an adversary does with datagrams, clocks, processes and the word of the failure detector, who is removed has stopped and one side runs at most', {
  timeout: 300_000,
}, () => {
  const startedMs = process.cpuUsage().user;
  let views = 0;
  let removals = 0;
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const outcome = attack(seed);
    expect(outcome.wrong, `seed ${seed}`).toBeUndefined();
    views += outcome.views;
    removals += outcome.removals;
  }
  if (process.env.ATTACK_RUNS !== undefined) console.log({ RUNS, views, removals, cpuSeconds: (process.cpuUsage().user - startedMs) / 1e6 });
  expect(views).toBeGreaterThan(5 * RUNS);
  expect(removals).toBeGreaterThan(RUNS);
});

/**
 * Mistakes in the membership, each made in a copy of the build: some seed of the simulation must find each. A simulation that finds nothing wrong with a broken protocol proves nothing of the real one.
 */
import { afterEach, expect, test } from 'vitest';
import { changedBuild } from '../faults/changed-build.mjs';
import { MISTAKES } from './mistakes-list.js';

const SEEDS_MAX = 200;
const SWARM = { nodes: { min: 3, max: 6 }, durationMs: 20_000 };
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

test.each(MISTAKES)('the simulation finds that $mistake', { timeout: 120_000 }, async ({ file, from, to, more, foundBy }) => {
  const { dist, remove } = changedBuild([{ file, from, to }, ...(more === undefined ? [] : [{ file, ...more }])]);
  cleanUps.push(remove);
  const load = async (name: string): Promise<unknown> => import(`${dist}ts-src/testing/simulation/${name}.js`);
  const { builtInMembership } = (await load('built-in')) as typeof import('../../dist/ts-src/testing/simulation/built-in.js');
  const { runSeeds } = (await load('run-seeds')) as typeof import('../../dist/ts-src/testing/simulation/run-seeds.js');
  const { failures } = await runSeeds(builtInMembership({ swarm: SWARM }), { first: 1, count: SEEDS_MAX });
  expect(failures[0]?.failure?.what).toMatch(foundBy);
});

/**
 * Mistakes in what makes one system of many nodes, each made in a copy of the build: some cluster of agents with all faults must find it, by what its agents and clients see. Begins with a seed that is known to find it;
 * `MISTAKE_CLUSTERS=200` begins with the first one and says which does.
 */
import { expect, test } from 'vitest';
import { AGENTS_MISTAKES } from './agents-mistakes-list.js';
import { changedSimulation } from './few-partitions.js';

/** Where what is drawn for a seed has changed, another one finds it. */
const CLUSTERS_MAX = 150;
const wanted = Number(process.env.MISTAKE_CLUSTERS ?? 0);

test.each(AGENTS_MISTAKES)('simulated clusters of agents find that $mistake', { timeout: 1_200_000 }, async ({ file, from, to, foundBy, seed }) => {
  const { builtInAgents, runSeeds, remove } = await changedSimulation([{ file, from, to }]);
  try {
    const range = wanted > 0 ? { first: 1, count: wanted } : { first: seed, count: CLUSTERS_MAX };
    const { failures } = await runSeeds(builtInAgents(), range);
    const [found] = failures;
    if (wanted > 0) console.log(found?.plan.seed, found?.failure?.what);
    expect(found?.failure?.what).toMatch(foundBy);
  } finally {
    remove();
  }
});

test('the clusters by which mistakes are found have nothing wrong without them', { timeout: 600_000 }, async ({ onTestFinished }) => {
  const { builtInAgents, runSeeds, reportText, remove } = await changedSimulation();
  onTestFinished(remove);
  for (const seed of new Set(AGENTS_MISTAKES.map((mistake) => mistake.seed))) {
    const { failures } = await runSeeds(builtInAgents(), { first: seed, count: 1 });
    expect(failures.map((failure) => reportText(failure))).toEqual([]);
  }
});

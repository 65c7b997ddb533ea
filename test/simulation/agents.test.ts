/** Clusters of agents, with all faults on: a short run of what `test/long/simulation.mjs --agents` does by the ten thousand. */
import { expect, test } from 'vitest';
import { changedSimulation } from './few-partitions.js';

const FIRST = 6;
const CLUSTERS = 8;

test('in clusters of agents with all faults no id is active twice, asks settle with what is true, order holds, and all agree in the end', {
  timeout: 600_000,
}, async ({ onTestFinished }) => {
  const { builtInAgents, runSeeds, reportText, remove } = await changedSimulation();
  onTestFinished(remove);
  const { failures, coverage } = await runSeeds(builtInAgents(), { first: FIRST, count: CLUSTERS, goesOn: true });
  // Each with its seed.
  expect(failures.map((failure) => reportText(failure))).toEqual([]);
  for (const mark of [
    'ask answered',
    'agent moved by request',
    'handled in a later activation',
    'write acknowledged',
    'order kept over a move',
    'history judged',
  ])
    expect((coverage.counts as Record<string, number>)[mark], mark).toBeGreaterThan(0);
});

test('a cluster of agents does the same to the byte when its seed is run again', { timeout: 300_000 }, async ({ onTestFinished }) => {
  const { builtInAgents, runSeeds, reportText, remove } = await changedSimulation();
  onTestFinished(remove);
  const { failures } = await runSeeds(builtInAgents(), { first: 1, count: 3, isTwice: true });
  expect(failures.map((failure) => reportText(failure))).toEqual([]);
});

/** Clusters of agents, with all faults on: a short run of what `test/long/simulation.mjs --agents` does by the ten thousand. */
import { expect, test } from 'vitest';
import { changedSimulation } from './few-partitions.js';

/** The others are drawn anew each time. */
const FIXED = 12;
const DRAWN = 6;

test('in clusters of agents with all faults no id is active twice, asks settle with what is true, order holds, and all agree in the end', {
  timeout: 240_000,
}, async ({ onTestFinished }) => {
  const { builtInAgents, runSeeds, reportText, remove } = await changedSimulation();
  onTestFinished(remove);
  const simulation = builtInAgents();
  const drawn = Math.floor(Math.random() * 2 ** 31);
  const reports = [
    await runSeeds(simulation, { first: 1, count: FIXED, goesOn: true }),
    await runSeeds(simulation, { first: drawn, count: DRAWN, goesOn: true }),
  ];
  // Each with its seed.
  expect(reports.flatMap(({ failures }) => failures).map((failure) => reportText(failure))).toEqual([]);
  const seen = (mark: string): number => reports.reduce((sum, { coverage }) => sum + ((coverage.counts as Record<string, number>)[mark] ?? 0), 0);
  for (const mark of [
    'ask answered',
    'agent moved by request',
    'handled in a later activation',
    'write acknowledged',
    'order kept over a move',
    'history judged',
  ])
    expect(seen(mark), mark).toBeGreaterThan(0);
});

test('a cluster of agents does the same to the byte when its seed is run again', { timeout: 120_000 }, async ({ onTestFinished }) => {
  const { builtInAgents, runSeeds, reportText, remove } = await changedSimulation();
  onTestFinished(remove);
  const { failures } = await runSeeds(builtInAgents(), { first: 100, count: 3, isTwice: true });
  expect(failures.map((failure) => reportText(failure))).toEqual([]);
});

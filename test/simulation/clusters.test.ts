/** Clusters of the membership, with all faults on: a short run of what `test/long/simulation.mjs` does by the ten thousand. */
import { describe, expect, test } from 'vitest';
import { builtInMembership } from '../../dist/ts-src/testing/simulation/built-in.js';
import { FAULT_KINDS } from '../../dist/ts-src/testing/simulation/fault.js';
import { MEMBERSHIP_KINDS } from '../../dist/ts-src/testing/simulation/membership-simulation.js';
import { reportText, simulationFailed } from '../../dist/ts-src/testing/simulation/failure-report.js';
import { checkedPlan } from '../../dist/ts-src/testing/simulation/plan-check.js';
import { runSeeds } from '../../dist/ts-src/testing/simulation/run-seeds.js';

const CLUSTERS = Number(process.env['SIMULATED_CLUSTERS'] ?? 200);
const TWICE = 20;
const simulation = builtInMembership({ swarm: { nodes: { min: 3, max: 9 }, durationMs: 20_000 } });

describe('simulated clusters', () => {
  test('in 200 clusters of 3 to 9 nodes with all faults no invariant is violated, all agree in the end, and every kind of fault is seen', {
    timeout: 60_000 + CLUSTERS * 2000,
  }, async () => {
    const report = await runSeeds(simulation, { first: 1, count: CLUSTERS });
    const failed = report.failures[0];
    if (failed !== undefined) throw simulationFailed(failed);
    expect(report.runs).toBe(CLUSTERS);
    expect(report.coverage.missing.filter((mark) => (MEMBERSHIP_KINDS as readonly string[]).includes(mark))).toEqual([]);
    for (const mark of [
      'founded',
      'joined',
      'joined again',
      'left',
      'removed',
      'fenced',
      'suspicion refuted',
      'unreachable',
      'message lost',
      'message not understood',
    ] as const)
      expect(report.coverage.of(mark), mark).toBeGreaterThan(0);
    expect(MEMBERSHIP_KINDS).toHaveLength(FAULT_KINDS.length - 1);
  });

  test('a node that both sides of a static quorum count as theirs does not go over to the other one', { timeout: 60_000 }, async () => {
    const resolver = { strategy: 'staticQuorum', quorum: 2 } as const;
    const split = builtInMembership({ swarm: { nodes: { min: 4, max: 8 }, durationMs: 40_000, resolver } });
    const report = await runSeeds(split, { first: 98, count: 5 });
    expect(report.failures.map((failure) => reportText(failure))).toEqual([]);
  });

  test('a node that is fenced before its lease has ended, and is late with its exit, is not taken to run on', { timeout: 60_000 }, async () => {
    const report = await runSeeds(builtInMembership(), { first: 4_137_872_780, count: 1 });
    expect(report.failures.map((failure) => reportText(failure))).toEqual([]);
  });

  test('the same seed does the same to the byte, and another seed something else', { timeout: 120_000 }, async () => {
    const report = await runSeeds(simulation, { first: 5000, count: TWICE, isTwice: true });
    expect(report.failures.map((failure) => reportText(failure))).toEqual([]);
    const plan = checkedPlan({ seed: 1, nodes: 3, durationMs: 1000 });
    const [once, again, other] = [await simulation.run(plan), await simulation.run(plan, { entriesMax: 0 }), await simulation.run({ ...plan, seed: 2 })];
    expect(again.trace.hash).toBe(once.trace.hash);
    expect(other.trace.hash).not.toBe(once.trace.hash);
  });

  test('a run that fails says the seed, the commit, the faults, the last that happened and how to see it again', async () => {
    const broken = builtInMembership();
    const failed = {
      ...(await broken.run(checkedPlan({ seed: 7, nodes: 3, durationMs: 1000, faults: [{ kind: 'pause', nodes: [2], atMs: 10, forMs: 500 }] }))),
    };
    const error = simulationFailed(
      { ...failed, failure: { what: 'planted', error: new Error('planted'), atMs: 1234 } },
      { command: 'nexus sim x.mjs --seed 7' },
    );
    expect(error).toMatchObject({ code: 'NEXUS_SIMULATION_FAILED', data: { seed: 7, what: 'planted', hash: failed.trace.hash } });
    expect(error.message).toMatch(
      /a simulation failed after 1\.234 s: planted\n {2}seed 7: 3 nodes, keepMajority, 1 s, 1 fault\n {4}pause of 2 at 0\.010 s for 0\.500 s\nthe last that happened:\n/,
    );
    expect(error.message).toMatch(/commit ([0-9a-f]{40}|none)/);
    expect(error.message).toContain('again:\n  nexus sim x.mjs --seed 7');
    expect(error.message.split('\n').length).toBeGreaterThan(20);
  });
});

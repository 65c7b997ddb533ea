/** Plans: drawn from seeds, and checked when they were written by hand. */
import { describe, expect, test } from 'vitest';
import { FAULT_KINDS, type Fault, faultText } from '../../dist/ts-src/testing/simulation/fault.js';
import { mayBothRun, planText } from '../../dist/ts-src/testing/simulation/plan.js';
import { checkedPlan } from '../../dist/ts-src/testing/simulation/plan-check.js';
import { drawPlan } from '../../dist/ts-src/testing/simulation/swarm.js';

const OPTIONS = { nodes: { min: 3, max: 9 }, durationMs: 120_000, threads: 3 };
const plans = Array.from({ length: 400 }, (_, seed) => drawPlan(seed, OPTIONS));
const kindsOf = ({ faults }: { readonly faults: readonly Fault[] }): Set<string> => new Set(faults.map(({ kind }) => kind));

describe('swarm testing', () => {
  test('over 400 seeds every kind of fault, every resolver and every number of nodes is drawn', () => {
    expect([...new Set(plans.flatMap((plan) => [...kindsOf(plan)]))].sort()).toEqual([...FAULT_KINDS].sort());
    expect(new Set(plans.map(({ resolver }) => resolver.strategy)).size).toBe(5);
    expect(new Set(plans.map(({ nodes }) => nodes)).size).toBe(7);
    expect(plans.some(mayBothRun)).toBe(true);
  });

  test('each run leaves kinds out: any two kinds are together in some run, and apart in another', () => {
    const seen = plans.map(kindsOf);
    for (const a of FAULT_KINDS)
      for (const b of FAULT_KINDS) {
        if (a === b) continue;
        expect(
          seen.some((kinds) => kinds.has(a) && kinds.has(b)),
          `${a} with ${b}`,
        ).toBe(true);
        expect(
          seen.some((kinds) => kinds.has(a) && !kinds.has(b)),
          `${a} without ${b}`,
        ).toBe(true);
      }
    // Half of them on the average; a kind that is on does not always come.
    const mean = seen.reduce((sum, { size }) => sum + size, 0) / seen.length;
    expect(mean).toBeGreaterThan(FAULT_KINDS.length * 0.25);
    expect(mean).toBeLessThan(FAULT_KINDS.length * 0.55);
  });

  test('the same seed draws the same plan, and every drawn plan passes the check of those written by hand, also as JSON', () => {
    for (const plan of plans) {
      expect(drawPlan(plan.seed, OPTIONS)).toEqual(plan);
      expect(checkedPlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
      expect(planText(plan).split('\n')).toHaveLength(plan.faults.length + 1);
    }
  });

  test('leaving a kind out changes nothing about the others', () => {
    for (const plan of plans.slice(0, 50)) {
      const without = drawPlan(plan.seed, { ...OPTIONS, kinds: FAULT_KINDS.filter((kind) => kind !== 'crash') });
      expect(without.faults).toEqual(plan.faults.filter(({ kind }) => kind !== 'crash'));
    }
    expect(drawPlan(1, { ...OPTIONS, kinds: [] }).faults).toEqual([]);
    expect(plans.every(({ seed }) => !kindsOf(drawPlan(seed, { ...OPTIONS, threads: 0 })).has('killThread'))).toBe(true);
  });
});

describe('a plan that was written by hand', () => {
  const plan = { seed: 1, nodes: 3, durationMs: 1000, resolver: { strategy: 'keepMajority' }, faults: [] as unknown[] };
  const withFault = (fault: unknown) => ({ ...plan, faults: [{ kind: 'restart', atMs: 900, nodes: [1] }, fault] });
  test.each([
    [null, 'plan: expected an object of options, not null'],
    [{ ...plan, nodez: 3 }, "plan: unknown option 'nodez'; did you mean 'nodes'? Options are seed, nodes, durationMs, resolver, faults"],
    [{ ...plan, seed: -1 }, 'plan.seed: is -1; it must be a whole number from 0 to 4294967295'],
    [{ ...plan, nodes: 0 }, 'plan.nodes: is 0; it must be a whole number from 1 to 1000'],
    [{ ...plan, durationMs: '1 s' }, "plan.durationMs: is '1 s'; it must be a number from 0 to 86400000"],
    [
      { ...plan, resolver: { strategy: 'keepMajorty' } },
      "plan.resolver.strategy: is 'keepMajorty'; did you mean 'keepMajority'? It must be one of keepMajority, staticQuorum, keepOldest, keepReferee, downAll",
    ],
    [{ ...plan, resolver: { strategy: 'staticQuorum', quorum: 4 } }, 'plan.resolver.quorum: is 4; it must be a whole number from 1 to 3'],
    [{ ...plan, faults: {} }, 'plan.faults: is an object; it must be a list of faults'],
    [withFault(7), 'plan.faults[1]: is 7; it must be an object with kind, atMs and forMs'],
    [withFault({ kind: 'partiton', atMs: 0, forMs: 1 }), "plan.faults[1].kind: is 'partiton'; did you mean 'partition'?"],
    [withFault({ kind: 'loss', atMs: 0, forMs: 1, rat: 0.5 }), "plan.faults[1]: unknown option 'rat'; did you mean 'rate'?"],
    [withFault({ kind: 'loss', atMs: 0, forMs: 1, rate: 1 }), 'plan.faults[1].rate: is 1; it must be a number from 0 to 0.9'],
    [withFault({ kind: 'loss', atMs: -1, forMs: 1, rate: 0.1 }), 'plan.faults[1].atMs: is -1'],
    [withFault({ kind: 'pause', atMs: 0, nodes: [1] }), 'plan.faults[1].forMs: is undefined'],
    [withFault({ kind: 'pause', atMs: 0, forMs: 1, nodes: [4] }), 'plan.faults[1].nodes[0]: is 4; it must be the number of a node, 1 to 3'],
    [withFault({ kind: 'pause', atMs: 0, forMs: 1, nodes: [2, 2] }), 'plan.faults[1].nodes: has node 2 twice'],
    [
      withFault({ kind: 'partition', atMs: 0, forMs: 1, groups: [[1]] }),
      'plan.faults[1].groups: has 1 elements; it must be a list of groups of nodes, with at least 2',
    ],
    [withFault({ kind: 'nonTransitivePartition', atMs: 0, forMs: 1, pairs: [[1, 1]] }), 'plan.faults[1].pairs[0]: must be two different nodes'],
    [withFault({ kind: 'crash', atMs: 0, forMs: 1, nodes: [1], disk: 'gone', ending: 'reset' }), "plan.faults[1].disk: is 'gone'"],
    [withFault({ kind: 'clockDrift', atMs: 0, forMs: 1, nodes: [1], rate: 0.5 }), 'plan.faults[1].rate: is 0.5; it must be a number from -0.01 to 0.01'],
  ])('%j is refused with the path of what is wrong', (value, text) => {
    let error: unknown;
    try {
      checkedPlan(value);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ message: expect.stringContaining(text), code: expect.stringMatching(/^NEXUS_OPTION_(INVALID|UNKNOWN)$/) });
  });

  test('gets its faults in order, a majority to keep, and no faults, where it says nothing', () => {
    expect(checkedPlan({ seed: 1, nodes: 3, durationMs: 1000 })).toEqual(plan);
    expect(checkedPlan(withFault({ kind: 'loss', atMs: 5, forMs: 1, rate: 0.1 })).faults.map(faultText)).toEqual([
      'loss everywhere 10 % at 0.005 s for 0.001 s',
      'restart of 1 at 0.900 s',
    ]);
  });
});

/** Plans are made smaller as far as they fail in the same way. */
import { describe, expect, test } from 'vitest';
import { checkedPlan } from '../../dist/ts-src/testing/simulation/plan-check.js';
import type { Plan } from '../../dist/ts-src/testing/simulation/plan.js';
import { shrink, withoutNode } from '../../dist/ts-src/testing/simulation/shrink.js';
import { drawPlan } from '../../dist/ts-src/testing/simulation/swarm.js';

/** Fails when a pause of at least 3 s is within a loss of at least 5 %. */
async function failureOf(plan: Plan): Promise<string | undefined> {
  checkedPlan(plan);
  const { faults } = plan;
  const pauses = faults.filter((fault) => fault.kind === 'pause' && fault.forMs >= 3000);
  const isMet = faults.some(
    (loss) => loss.kind === 'loss' && loss.rate >= 0.05 && pauses.some((pause) => pause.atMs >= loss.atMs && pause.atMs < loss.atMs + loss.forMs),
  );
  return isMet ? 'pause in loss' : faults.some(({ kind }) => kind === 'crash') ? 'another failure' : undefined;
}

describe('shrinking', () => {
  test('every plan among 2,000 that fails becomes one of two faults, few nodes and a short run, which is a plan and fails in the same way', async () => {
    let shrunk = 0;
    for (let seed = 0; seed < 2000; seed++) {
      const plan = drawPlan(seed, { nodes: { min: 3, max: 9 }, durationMs: 300_000 });
      if ((await failureOf(plan)) !== 'pause in loss') continue;
      shrunk++;
      const smaller = await shrink(plan, 'pause in loss', { failureOf, nodesMin: 2 });
      expect(await failureOf(smaller.plan)).toBe('pause in loss');
      expect(smaller.isComplete, `seed ${seed}`).toBe(true);
      expect(smaller.plan.faults.map(({ kind }) => kind).sort()).toEqual(['loss', 'pause']);
      expect(smaller.plan.durationMs).toBeLessThanOrEqual(plan.durationMs);
      expect(smaller.plan.faults.find(({ kind }) => kind === 'pause')?.forMs).toBeLessThan(6200);
      expect(smaller.plan.nodes).toBeLessThanOrEqual(
        smaller.plan.resolver.strategy === 'keepReferee' || smaller.plan.resolver.strategy === 'staticQuorum' ? 9 : 2,
      );
    }
    expect(shrunk).toBeGreaterThan(20);
  });

  test('it stops when its runs, or its time, are used up, with the smallest so far', async () => {
    const seed = (
      await Promise.all(
        Array.from({ length: 500 }, async (_, each) => ({ each, fails: await failureOf(drawPlan(each, { nodes: { min: 9, max: 9 }, durationMs: 300_000 })) })),
      )
    ).find(({ fails }) => fails === 'pause in loss')?.each as number;
    const plan = drawPlan(seed, { nodes: { min: 9, max: 9 }, durationMs: 300_000 });
    const few = await shrink(plan, 'pause in loss', { failureOf, runsMax: 5 });
    expect(few).toMatchObject({ runs: 5, isComplete: false });
    expect(await failureOf(few.plan)).toBe('pause in loss');
    expect(await shrink(plan, 'pause in loss', { failureOf, hasTime: () => false })).toEqual({ plan, runs: 0, isComplete: false });
  });

  test('a node is left out of every fault, the higher ones count down, and a plan that would allow something else is none', () => {
    const plan = checkedPlan({
      seed: 1,
      nodes: 4,
      durationMs: 1000,
      resolver: { strategy: 'keepReferee', referee: 'n3' },
      faults: [
        {
          kind: 'partition',
          atMs: 0,
          forMs: 1,
          groups: [
            [1, 2],
            [3, 4],
          ],
        },
        { kind: 'partition', atMs: 1, forMs: 1, groups: [[2], [3, 4]] },
        { kind: 'oneWayPartition', atMs: 2, forMs: 1, from: [2], to: [4] },
        {
          kind: 'nonTransitivePartition',
          atMs: 3,
          forMs: 1,
          pairs: [
            [1, 2],
            [1, 4],
          ],
        },
        { kind: 'cloggedLink', atMs: 4, forMs: 1, from: 1, to: 4 },
        { kind: 'pause', atMs: 5, forMs: 1, nodes: [2, 3] },
        { kind: 'pause', atMs: 6, forMs: 1, nodes: [2] },
        { kind: 'loss', atMs: 7, forMs: 1, rate: 0.1 },
      ],
    });
    expect(withoutNode(plan, 2)).toEqual({
      ...plan,
      nodes: 3,
      resolver: { strategy: 'keepReferee', referee: 'n2' },
      faults: [
        { kind: 'partition', atMs: 0, forMs: 1, groups: [[1], [2, 3]] },
        { kind: 'nonTransitivePartition', atMs: 3, forMs: 1, pairs: [[1, 3]] },
        { kind: 'cloggedLink', atMs: 4, forMs: 1, from: 1, to: 3 },
        { kind: 'pause', atMs: 5, forMs: 1, nodes: [2] },
        { kind: 'loss', atMs: 7, forMs: 1, rate: 0.1 },
      ],
    });
    expect(withoutNode(plan, 3)).toBeUndefined();
    // Three of five is a majority, and three of six is none.
    expect(withoutNode({ ...plan, nodes: 6, resolver: { strategy: 'staticQuorum', quorum: 3 } }, 6)).toBeUndefined();
  });
});

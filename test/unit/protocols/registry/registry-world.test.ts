/** Thousands of small worlds of registries: what must never be is asked after every step, and everything comes to its end when all is mended. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changedBuild } from '../../../faults/changed-build.mjs';
import { type RegistryModules, registryModules, SMALL_RING } from './registry-modules.js';
import { runWorld } from './registry-world.js';

const RUNS = Number(process.env.REGISTRY_RUNS ?? 400);
const FIRST = Number(process.env.REGISTRY_SEED ?? 1);
let small: RegistryModules;
let remove = (): void => undefined;

beforeAll(async () => {
  const build = changedBuild(SMALL_RING);
  remove = build.remove;
  small = await registryModules(build.dist);
});
afterAll(() => remove());

/** What must have been seen, or the worlds show less than they seem to. */
const SEEN = [
  ...[
    'orphan',
    'adopted',
    'voidGrant',
    'unwantedGrant',
    'gap',
    'differs',
    'fullState',
    'conflict',
    'returned',
    'declined',
    'later',
    'retry',
    'resent',
    'timeout',
  ],
  ...[
    'viewsMissed',
    'earlyClaim',
    'lateReport',
    'claimAgain',
    'claimWithoutMember',
    'sameReport',
    'reportInParts',
    'tombstonesCollected',
    'copyDropped',
    'copyForgotten',
    'takeWritten',
  ],
  ...['voidAnswer', 'voidOffer', 'superseded', 'handOver:done', 'handOver:returned', 'accept:granted', 'accept:stale', 'movedToTheLost'],
];

test('an id is never active on two nodes, tokens grow, every request is settled, and when all is mended directories, copies and hosts agree', {
  timeout: 600_000,
}, () => {
  const marks = new Map<string, number>();
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const result = runWorld(seed, small);
    for (const [what, count] of result.marks) marks.set(what, (marks.get(what) ?? 0) + count);
    if (result.wrong !== undefined) throw new Error(`REGISTRY_SEED=${seed} REGISTRY_RUNS=1: ${result.wrong}\n${result.log.slice(-60).join('\n')}`);
  }
  if (process.env.REGISTRY_RUNS !== undefined) console.log(Object.fromEntries([...marks].sort()));
  else expect(SEEN.filter((what) => !marks.has(what))).toEqual([]);
});

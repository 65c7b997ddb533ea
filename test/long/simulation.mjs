/**
 * Simulated clusters by the ten thousand: the membership of 3 to 9 nodes with all faults on, a plan for each seed, the invariants asked all the while.
 *
 *   node test/long/simulation.mjs --clusters 10000 [--seed 1] [--twice 100] [--agents]
 *
 * With `--agents` they are whole nexuses with agents, of a copy of the build in which the directory has 64 partitions, which makes them three times as fast.
 * The first `--twice` of them run twice, and must do the same to the byte. It prints its progress, every failure with its seed, and at the end what was seen to happen; exit code 1 if anything failed.
 */
import { parseArgs } from 'node:util';
import { Coverage, CLUSTER_MARKS } from '../../dist/ts-src/testing/simulation/coverage.js';
import { changedBuild } from '../faults/changed-build.mjs';

const { values } = parseArgs({
  options: {
    clusters: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    twice: { type: 'string', default: '100' },
    agents: { type: 'boolean', default: false },
  },
});
const { dist, remove } = values.agents
  ? changedBuild([{ file: 'ts-src/protocols/registry/partition.js', from: 'PARTITIONS = 4096', to: 'PARTITIONS = 64' }])
  : { dist: new URL('../../dist/', import.meta.url).href, remove: () => undefined };
process.on('exit', remove);
const load = (name) => import(`${dist}ts-src/testing/simulation/${name}.js`);
const [{ builtInAgents, builtInMembership }, { reportText }, { runSeeds }] = await Promise.all(['built-in', 'failure-report', 'run-seeds'].map(load));
const flag = values.agents ? '--agents' : '--membership';
const [clusters, seed, twice] = [values.clusters, values.seed, values.twice].map(Number);
const PROGRESS_EVERY = 250;

const simulation = values.agents ? builtInAgents() : builtInMembership();
const coverage = new Coverage([...simulation.kinds, ...CLUSTER_MARKS, ...(simulation.marks ?? [])]);
const failures = new Map();
let [runs, simulatedMs] = [0, 0];
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1000);
};

function progress({ last }) {
  runs++;
  simulatedMs += last.simulatedMs;
  coverage.add(last.coverage);
  if (last.failure !== undefined) {
    const { what } = last.failure;
    failures.set(what, [...(failures.get(what) ?? []), last.plan.seed]);
    process.stdout.write(`${reportText(last, { command: `nexus sim ${flag} --seed ${last.plan.seed}` })}\n`);
  }
  if (runs % PROGRESS_EVERY === 0)
    process.stdout.write(
      `${runs} clusters, ${(simulatedMs / 3.6e6).toFixed(1)} h simulated in ${(cpuMs() / 1000).toFixed(0)} s of CPU time, ${[...failures.values()].flat().length} failed\n`,
    );
}

await runSeeds(simulation, { first: seed, count: Math.min(twice, clusters), isTwice: true, goesOn: true, progress });
if (clusters > twice) await runSeeds(simulation, { first: seed + twice, count: clusters - twice, goesOn: true, progress });
process.stdout.write(
  `${JSON.stringify({ runs, simulatedHours: Math.round(simulatedMs / 36_000) / 100, cpuSeconds: Math.round(cpuMs() / 1000), failures: Object.fromEntries(failures), seen: coverage.counts, notSeen: coverage.missing }, undefined, 2)}\n`,
);
process.exitCode = failures.size === 0 ? 0 : 1;

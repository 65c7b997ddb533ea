/**
 * Simulated clusters by the ten thousand: the membership of 3 to 9 nodes with all faults on, a plan for each seed, the invariants asked all the while.
 *
 *   node test/long/simulation.mjs --clusters 10000 [--seed 1] [--twice 100] [--agents [--partitions 64]]
 *   node test/long/simulation.mjs --agents [--partitions 64] -- --seed 7 --trace FILE
 *
 * With `--agents` they are whole nexuses with agents, of a copy of the build in which the directory has so many partitions, a power of two: with 64 they are three times as fast as with 4,096, which is the build as it is.
 * The first `--twice` of them run twice, and must do the same to the byte. It prints its progress and every failure with its seed, goes on after it, and prints at the end which seeds failed and what was seen to happen;
 * exit code 1 if anything failed. What is behind `--` is for `nexus sim` of the same build: what a seed does in another one is not the same. More processors are used by more of them, with other seeds.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Coverage, CLUSTER_MARKS } from '../../dist/ts-src/testing/simulation/coverage.js';
import { changedBuild } from '../faults/changed-build.mjs';

const PARTITIONS = 4096;
const PROGRESS_EVERY = 250;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clusters: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    twice: { type: 'string', default: '100' },
    agents: { type: 'boolean', default: false },
    partitions: { type: 'string', default: '64' },
  },
});
const [clusters, firstSeed, twice, partitions] = [values.clusters, values.seed, values.twice, values.partitions].map(Number);
if (![clusters, firstSeed, twice].every((value) => Number.isSafeInteger(value) && value >= 0))
  throw new Error('--clusters, --seed and --twice are whole numbers from 0 on');
if (!Number.isInteger(Math.log2(partitions)) || partitions < 2 || partitions > PARTITIONS)
  throw new Error(`--partitions is a power of two from 2 to ${PARTITIONS}`);
const { dist, remove } =
  values.agents && partitions !== PARTITIONS
    ? changedBuild([{ file: 'ts-src/protocols/registry/partition.js', from: `PARTITIONS = ${PARTITIONS}`, to: `PARTITIONS = ${partitions}` }])
    : { dist: new URL('../../dist/', import.meta.url).href, remove: () => undefined };
process.on('exit', remove);
const flag = values.agents ? '--agents' : '--membership';
if (positionals.length > 0) {
  const { status } = spawnSync(process.execPath, [fileURLToPath(`${dist}ts-src/cli/nexus.js`), 'sim', flag, ...positionals], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

const load = (name) => import(`${dist}ts-src/testing/simulation/${name}.js`);
const [{ builtInAgents, builtInMembership }, { reportText }, { runSeeds }] = await Promise.all(['built-in', 'failure-report', 'run-seeds'].map(load));
const simulation = values.agents ? builtInAgents() : builtInMembership();
const coverage = new Coverage([...simulation.kinds, ...CLUSTER_MARKS, ...(simulation.marks ?? [])]);
const failures = new Map();
let [runs, simulatedMs] = [0, 0];
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1000);
};
const failed = (what, seed) => failures.set(what, [...(failures.get(what) ?? []), seed]);
const again = (seed) => `node test/long/simulation.mjs ${values.agents ? `--agents --partitions ${partitions} ` : ''}-- --seed ${seed}`;

// Of the code that is simulated: on a real node it would be the end of the process.
process.on('uncaughtException', (error) => {
  const seed = (firstSeed + runs) >>> 0;
  failed('what is thrown is caught', seed);
  process.stdout.write(`seed ${seed}: nobody caught ${error?.stack ?? String(error)}\nagain:\n  ${again(seed)}\n`);
});

function progress({ last }) {
  runs++;
  simulatedMs += last.simulatedMs;
  coverage.add(last.coverage);
  if (last.failure !== undefined) {
    failed(last.failure.what, last.plan.seed);
    process.stdout.write(`${reportText(last, { command: again(last.plan.seed) })}\n`);
  }
  if (runs % PROGRESS_EVERY === 0)
    process.stdout.write(
      `${runs} clusters, to seed ${last.plan.seed}, ${(simulatedMs / 3.6e6).toFixed(1)} h simulated in ${(cpuMs() / 1000).toFixed(0)} s of CPU time, ${[...failures.values()].flat().length} failed\n`,
    );
}

/** What failed at its end, where it is not missed. */
function summary() {
  const ran = { runs, simulatedHours: Math.round(simulatedMs / 36_000) / 100, cpuSeconds: Math.round(cpuMs() / 1000) };
  const seen = { seen: coverage.counts, notSeen: coverage.missing };
  process.stdout.write(`${JSON.stringify({ ...ran, ...seen, failures: Object.fromEntries(failures) }, undefined, 2)}\n`);
}
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    summary();
    process.exit(1);
  });

process.stdout.write(`${clusters} clusters from seed ${firstSeed}, the first ${Math.min(twice, clusters)} twice\n`);
await runSeeds(simulation, { first: firstSeed, count: Math.min(twice, clusters), isTwice: true, goesOn: true, progress });
if (clusters > twice) await runSeeds(simulation, { first: firstSeed + twice, count: clusters - twice, goesOn: true, progress });
summary();
process.exitCode = failures.size === 0 ? 0 : 1;

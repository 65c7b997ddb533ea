/**
 * Where each nanosecond goes: `node bench/stages.mjs [rounds]` times the parts of tell, ask, find and spawn one by one, as the build has them, beside the real thing.
 * It is an analysis, not a benchmark: everything is warm and in one process, and no peer takes part. What it found is in docs/performance.md.
 */
import { environment } from './harness/environment.mjs';
import { crossThreadPaths } from './stages/cross-thread.mjs';
import { openLoopback } from './stages/loopback.mjs';
import { EMPTY, formatPaths, measurePaths } from './stages/measure.mjs';
import { sameThreadPaths } from './stages/same-thread.mjs';
import { Counter } from './suites/counter.mjs';
import { Sink } from './suites/cross-thread/sink.mjs';

const ROUNDS = 400;
const ROUNDS_MAX = 100_000;

const rounds = process.argv[2] === undefined ? ROUNDS : Number(process.argv[2]);
if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= ROUNDS_MAX)) {
  process.stderr.write(`Usage: node bench/stages.mjs [rounds]     1 to ${ROUNDS_MAX}, default ${ROUNDS}\n`);
  process.exitCode = 2;
} else await report(rounds);

async function report(rounds) {
  const here = openLoopback(Counter);
  const between = openLoopback(Sink);
  const same = sameThreadPaths(here, Counter);
  const cross = await crossThreadPaths(between);
  const paths = [...(await measurePaths([EMPTY, ...same.paths], rounds)), ...(await measurePaths(cross.paths, rounds))];
  await cross.close();
  const facts = [['engine', here.engine], ...environment(), ['rounds', `${rounds}, medians of 1,000 operations each (of 8 for 64 kB)`]];
  process.stdout.write(`${facts.map(([name, value]) => `  ${name.padEnd(6)}  ${value}`).join('\n')}\n\n${formatPaths(paths)}\n`);
  for (const host of [...here.hosts, ...between.hosts]) host.close();
  if (!Number.isFinite(same.check())) process.exitCode = 1;
}

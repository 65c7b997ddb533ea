/**
 * The long runs, by hand: `node test/long/mixed-engines.mjs --operations 100000000 --cycles 10000000 [--seed N] [--engine native|portable]`, after `npm run build`.
 * Operations of four threads with different engines on one routing table, compared with a model; then cycles of parking and waking, half of them natively. A small
 * one runs in `npm test`. Exit code 0: nothing was wrong; 1: something was; 2: it was called wrongly. The seed repeats what the threads do, not how they meet.
 */
import { parseArgs } from 'node:util';
import { loadNativeAddon } from '../../dist/bindings/native-addon.js';
import { changedBuild, IMPATIENT } from '../faults/changed-build.mjs';
import { runCycles } from './park-run.mjs';
import { runOperations } from './table-run.mjs';

const LINE_MS = 5000;
const startMs = performance.now();
const { values } = parseArgs({
  options: { operations: { type: 'string', default: '0' }, cycles: { type: 'string', default: '0' }, seed: { type: 'string' }, engine: { type: 'string' } },
});
const operations = wholeNumber('operations');
const cycles = wholeNumber('cycles');
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : wholeNumber('seed');
const hasNative = loadNativeAddon().addon !== undefined;
const failures = [];
console.log(`seed ${seed}, Node ${process.version}, native engine ${hasNative ? 'loads' : 'does not load'}`);

if (operations > 0) {
  const engines = hasNative ? ['portable', 'wasm', 'native', 'fastest'] : ['portable', 'wasm', 'portable', 'wasm'];
  await measured(`operations on ${engines.join(', ')}`, operations, async (progress) => {
    const { counts, wrong } = await runOperations({ operations, engines, seed, progress });
    failures.push(...wrong);
    return JSON.stringify(counts);
  });
}
const waiting = values.engine === undefined ? (hasNative ? ['native', 'portable'] : ['portable']) : [values.engine];
for (const engine of cycles > 0 ? waiting : []) {
  // As it is, the portable one parks so seldom that this would take an hour.
  const impatient = changedBuild(IMPATIENT);
  try {
    await measured(`cycles of ${engine} waiters`, Math.ceil(cycles / waiting.length), async (progress) =>
      JSON.stringify(
        await runCycles({ cycles: Math.ceil(cycles / waiting.length), engine, seed, progress, ...(engine === 'portable' ? { dist: impatient.dist } : {}) }),
      ),
    );
  } finally {
    impatient.remove();
  }
}
for (const failure of failures) console.log(`wrong: ${failure}`);
console.log(`${failures.length === 0 ? 'nothing was wrong' : 'FAILED'}, ${((performance.now() - startMs) / 1000).toFixed(1)} s, seed ${seed}`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function measured(what, total, run) {
  const beganMs = performance.now();
  let lineMs = beganMs;
  const progress = (done, more) => {
    if (performance.now() - lineMs < LINE_MS) return;
    lineMs = performance.now();
    console.log(`${Math.floor((done / total) * 100)} % of ${total} ${what}: ${more}, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB`);
  };
  try {
    const result = await run(progress);
    const seconds = (performance.now() - beganMs) / 1000;
    console.log(
      `${total} ${what} in ${seconds.toFixed(1)} s (${Math.round(total / seconds)}/s, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB): ${result}`,
    );
  } catch (error) {
    failures.push(`${what}: ${error.message}`);
  }
}

function wholeNumber(name) {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${name} ${values[name]} is not a whole number`);
  process.exit(2);
}

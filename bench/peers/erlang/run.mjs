/** Compiles `nexus_bench.erl` into a temporary directory, runs one suite of it in a virtual machine of its own, and reports the lines it prints. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as sameThread from '../../suites/same-thread/case-names.mjs';
import { titles } from '../../suites/lookup/names.mjs';
import { caseNames as tableCaseNames } from '../../suites/table/case-names.mjs';

const SOURCE = fileURLToPath(new URL('./nexus_bench.erl', import.meta.url));
const OUTPUT_BYTES_MAX = 1 << 20;

export async function run(size, report, { suite, agents = suite === 'scale' ? size.scaleAgents : size.lookupAgents }) {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-bench-'));
  try {
    execute('erlc', ['-o', folder, SOURCE]);
    const schedulers = suite === 'scale' ? '2:2' : '1:1';
    const numbers = [suite.replace('-', '_'), size.warmMs, size.runMs, size.latencySamplesMax, agents].map(String);
    const output = execute('erl', ['+S', schedulers, '+P', '4194304', '-noshell', '-pa', folder, '-run', 'nexus_bench', 'main', ...numbers]);
    const cases = caseNames(agents);
    let reported = 0;
    for (const line of output.split('\n')) {
      const [key, unit, value] = line.split('\t');
      if (value === undefined) continue;
      if (cases[key] === undefined) throw new Error(`the program printed an unknown case: ${line}`);
      report.value(cases[key], unit, Number(value));
      reported++;
    }
    if (reported === 0) throw new Error(`the program printed no case: ${output}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function caseNames(agents) {
  const count = agents.toLocaleString('en-US');
  const lookup = titles(agents);
  const table = tableCaseNames(agents);
  return {
    tell: sameThread.TELL,
    tell_many: sameThread.TELL_MANY,
    ask_p50: sameThread.ASK_P50,
    ask_mean: sameThread.ASK_MEAN,
    spawn: sameThread.SPAWN,
    spawn_batch: sameThread.SPAWN_BATCH,
    resident: `idle agent, ${count} of them, resident`,
    find_random: lookup.random,
    find_hot: lookup.hot,
    table_find_random: table.findRandom,
    table_find_hot: table.findHot,
    table_reference_hot: table.referenceHot,
    table_insert: table.insert,
    table_remove: table.remove,
    table_insert_hot: table.insertHot,
    scale_seconds: `${count} agents on 2 threads, spawned and sent one message each`,
    scale_spawned: `${count} agents on 2 threads, spawned`,
    scale_told: `${count} agents on 2 threads, one message each`,
  };
}

function execute(program, args) {
  const { status, stdout, stderr, error, signal } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${signal ?? `code ${status}`}: ${stdout}${stderr}`);
  return stdout;
}

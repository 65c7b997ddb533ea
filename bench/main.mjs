/**
 * `npm run bench`: runs the suites of the catalogue, peers interleaved, every peer and round in a fresh process, and prints a table. Exit codes: 0, 1 if
 * a task failed, 2 for a mistake on the command line.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { formatRatiosAndBars } from './bars.mjs';
import { SUITES, tasksOf } from './catalogue.mjs';
import { curveChart } from './curve-chart.mjs';
import { curvePoints, formatCurveTable } from './curve-table.mjs';
import { parseCommandLine, usage } from './harness/command-line.mjs';
import { environment } from './harness/environment.mjs';
import { FULL, SMOKE } from './harness/sizes.mjs';
import { summary } from './harness/statistics.mjs';
import { formatTable } from './harness/table.mjs';
import { runTask } from './harness/task.mjs';

const names = SUITES.map(({ suite }) => suite);
const command = parseCommandLine(process.argv.slice(2), names);
if (command.kind === 'help') process.stdout.write(usage(names));
else if (command.kind === 'mistake') {
  process.stderr.write(`${command.message}\n\n${usage(names)}`);
  process.exitCode = 2;
} else process.exitCode = await bench(command);

async function bench({ json, chart, suites, runs, smoke }) {
  const size = smoke ? SMOKE : FULL;
  const facts = environment();
  const startedMs = performance.now();
  const rows = [];
  /** What went wrong, and how often. */
  const failures = new Map();
  const jobs = [];
  const absent = new Map();
  const roles = new Map();
  const engines = new Set();
  for (const suite of suites) {
    const { tasks, missing, roundsMax } = tasksOf(suite, size);
    const rounds = Math.min(runs, roundsMax);
    for (const { peer, reason } of missing) absent.set(peer, reason);
    for (const peer of new Set(tasks.map((task) => task.peer))) {
      const { job, role } = tasks.find((task) => task.peer === peer);
      if (role !== undefined) roles.set(peer, role);
      jobs.push(`  ${suite} / ${peer}: ${job}`);
    }
    const measured = new Map();
    for (let round = 0; round < rounds; round++) {
      for (const task of rotated(tasks, round)) {
        progress(`${suite} ${round + 1}/${rounds} ${task.peer}`);
        const { values, notes, error } = await runTask(task, size);
        if (error !== undefined) {
          const failure = `${suite} / ${task.peer}: ${error}`;
          failures.set(failure, (failures.get(failure) ?? 0) + 1);
        }
        if (notes.engine !== undefined) engines.add(notes.engine);
        for (const { case: name, unit, value } of values) remember(measured, { suite, case: name, peer: task.peer, unit }, value);
      }
    }
    rows.push(...inOrder(measured, tasks));
  }
  progress('');
  const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
  const about = [
    ['engine', [...engines].join('; ALSO ') || 'unknown'],
    ...facts,
    [
      'runs',
      `${runs} (at most 3 of memory and curve), each peer in a fresh process, interleaved; ${((performance.now() - startedMs) / 1000).toFixed(0)} s in all`,
    ],
    ['sha256', `${hash} of the rows as JSON`],
  ];
  if (chart !== undefined && curvePoints(rows).length > 0) writeFileSync(chart, curveChart(rows, about));
  const lines = [
    `nexus-agents benchmarks${smoke ? ', SMOKE SIZE: these figures say nothing about speed' : ''}`,
    ...about.map(([name, value]) => `  ${name.padEnd(6)}  ${value}`),
    '',
    'median of the rounds, least … greatest',
    formatTable(rows, roles),
    '',
    formatRatiosAndBars(rows),
    formatCurveTable(rows),
    '',
    'the job of each peer',
    ...jobs,
    ...[...absent].map(([peer, reason]) => `\nwithout ${peer}: ${reason}`),
    ...[...failures].map(([failure, times]) => `\nFAILED in ${times} of the rounds: ${failure}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failures.size === 0 ? 0 : 1;
}

/** Another peer is first in each round, so that none always follows the same one. */
function rotated(tasks, round) {
  const by = round % tasks.length;
  return [...tasks.slice(by), ...tasks.slice(0, by)];
}

function remember(measured, row, value) {
  const key = JSON.stringify(row);
  const entry = measured.get(key);
  if (entry === undefined) measured.set(key, { row, values: [value] });
  else entry.values.push(value);
}

/** Cases in the order in which nexus measured them first, then what only peers have; in a case the peers as the catalogue has them. */
function inOrder(measured, tasks) {
  const peers = [...new Set(tasks.map((task) => task.peer))];
  const entries = [...measured.values()];
  const cases = [...new Set([...entries.filter(({ row }) => row.peer === 'nexus'), ...entries].map(({ row }) => row.case))];
  const place = ({ row }) => cases.indexOf(row.case) * peers.length + peers.indexOf(row.peer);
  return entries.sort((a, b) => place(a) - place(b)).map(({ row, values }) => ({ ...row, ...summary(values) }));
}

/** On a terminal only. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** `nexus sim`: runs simulated clusters by the thousand, says which seed fails and how to see it again, and looks into one: saves its trace, draws it, makes its plan smaller, replays it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { NexusTypeError } from '../../errors.js';
import { drawDiagram } from '../../testing/simulation/run-diagram.js';
import { reportText } from '../../testing/simulation/failure-report.js';
import { isSimulated } from '../../testing/simulation/fault.js';
import type { Plan } from '../../testing/simulation/plan.js';
import { checkedPlan } from '../../testing/simulation/plan-check.js';
import { planText } from '../../testing/simulation/plan.js';
import { runSeeds, type SeedsProgress } from '../../testing/simulation/run-seeds.js';
import { shrink } from '../../testing/simulation/shrink.js';
import type { RunResult, Simulation } from '../../testing/simulation/simulation.js';
import { differenceText, firstDifference, readTraceFile, TRACE_FILE_ENTRIES_MAX } from '../../testing/simulation/trace-file.js';
import { CommandFailure } from '../command-failure.js';
import { type CommandLine, parseCommandLine, UsageError } from '../command-line.js';
import { isAsciiOnly } from '../standard-output.js';
import { coverageText, progressText, summaryText } from './sim-text.js';
import { kindsOf, type Loaded, loadSimulation, SIM_COMMAND } from './load-simulation.js';
import { savedTrace } from './saved-trace.js';

const SEEDS_MAX = 1_000_000_000;
const PROGRESS_MS = 500;
const DAY_MS = 86_400_000;

export const SIM_HELP = `nexus sim MODULE [options]
nexus sim --membership [options]
nexus sim --agents [options]

Runs a simulation for many seeds: a whole cluster in one thread, with its own time, network and disks, in which things go wrong. The module exports what
defineSimulation of nexus-agents/testing returns, by default; --membership runs clusters of Nexus that are nothing but their membership, --agents whole
ones with agents that are told, asked, moved, stopped, drained and kept on disks.
What a seed does is the same each time. A failure says its seed, and how to see it again.

  --seeds N                 seeds to run (default 100)
  --seed S                  the first one, the others count up from it (default: another one each time)
  --nodes N                 nodes of each cluster, 1 to 1000 (default: drawn, as the module says)
  --duration MS             how long things go wrong, in simulated time
  --faults KINDS            kinds of faults that may be drawn, with commas between; none for none (default: as the module says, or all)
  --plan FILE               run this plan, in the place of what seeds draw
  --twice                   run each seed twice: both must do the same, to the byte
  --go-on                   go on after a failure
  --trace FILE              save all that happened in the run that failed, or else the last one
  --diagram FILE            draw it as a sequence diagram, SVG
  --from MS, --to MS        the part that is drawn (default: the last five seconds)
  --shrink FILE             make the plan of a failure as small as it goes, and save it: JSON for --plan
  --shrink-runs N           runs that this may take (default 300)
  --replay FILE             run what a trace was saved of, and say where it first differs
  --json                    print the summary as JSON
  --help                    print this

Exit code: 0 when nothing failed, 1 when something did, 2 for a mistake in the command line.
`;

export async function sim(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(SIM_COMMAND, args, {
    membership: 'flag',
    agents: 'flag',
    seeds: { min: 1, max: SEEDS_MAX },
    seed: { min: 0, max: 2 ** 32 - 1 },
    nodes: { min: 1, max: 1000 },
    duration: { min: 0, max: DAY_MS },
    faults: 'text',
    plan: 'text',
    twice: 'flag',
    'go-on': 'flag',
    trace: 'text',
    diagram: 'text',
    from: { min: 0, max: DAY_MS * 2 },
    to: { min: 0, max: DAY_MS * 2 },
    shrink: 'text',
    'shrink-runs': { min: 1, max: 1_000_000 },
    replay: 'text',
    json: 'flag',
    help: 'flag',
  });
  if (line.flag('help')) {
    process.stdout.write(SIM_HELP);
    return;
  }
  const [module, unexpected] = line.positionals;
  if (unexpected !== undefined) throw new UsageError(SIM_COMMAND, `'${unexpected}' is not expected: one module has the simulation`);
  const which = whichOf(line, module);
  const isOk = await quietly(() => perform(line, which));
  if (!isOk) process.exitCode = 1;
}

/** Mistakes in plans, traces and definitions are told without a stack of ours. */
async function quietly(run: () => Promise<boolean>): Promise<boolean> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof NexusTypeError) throw new CommandFailure(error.message);
    throw error;
  }
}

/** @throws UsageError */
function whichOf(line: CommandLine, module: string | undefined): string | undefined {
  const given = [module, line.flag('membership') ? '--membership' : undefined, line.flag('agents') ? '--agents' : undefined].filter(
    (each) => each !== undefined,
  );
  if (given.length > 1) throw new UsageError(SIM_COMMAND, 'a module, --membership or --agents: one of them');
  return given[0];
}

async function perform(line: CommandLine, module: string | undefined): Promise<boolean> {
  const file = line.text('replay');
  if (file !== undefined) return replay(line, module, file);
  if (module === undefined) throw new UsageError(SIM_COMMAND, 'which simulation? Give a module, --membership or --agents');
  const loaded = await loadSimulation(module, settingsOf(line));
  const planFile = line.text('plan');
  const report = planFile === undefined ? await seeds(line, loaded) : await planned(loaded.simulation, planFile);
  const shown = report.failures[0] ?? report.last;
  for (const failure of report.failures) process.stderr.write(`${reportText(failure, { command: again(line, loaded, failure.plan) })}\n`);
  await lookInto(line, loaded, shown);
  const summary = {
    runs: report.runs,
    failed: report.failures.map(({ plan }) => plan.seed),
    simulatedMs: report.simulatedMs,
    first: report.first,
    hash: shown.trace.hash,
  };
  if (line.flag('json')) process.stdout.write(`${JSON.stringify({ ...summary, coverage: report.coverage.counts, notSeen: report.coverage.missing })}\n`);
  else process.stdout.write(`${summaryText(summary)}\n${coverageText(report.coverage)}`);
  return report.failures.length === 0;
}

interface Ran extends Omit<Awaited<ReturnType<typeof runSeeds>>, never> {
  readonly first: number;
  readonly last: RunResult;
}

async function seeds(line: CommandLine, { simulation }: Loaded): Promise<Ran> {
  // Another one each time, unless it is given: what is not drawn twice is seen sooner.
  const first = line.number('seed') ?? Math.floor(Math.random() * 2 ** 32);
  const count = line.number('seeds') ?? (line.number('seed') === undefined ? 100 : 1);
  let last: RunResult | undefined;
  let shownAtMs = 0;
  const progress = (done: SeedsProgress): undefined => {
    last = done.last;
    if (!process.stderr.isTTY || performance.now() - shownAtMs < PROGRESS_MS) return;
    shownAtMs = performance.now();
    process.stderr.write(`\r${progressText(done, count, isAsciiOnly(process.env, process.platform))}\u001b[K`);
  };
  const report = await runSeeds(simulation, { first, count, isTwice: line.flag('twice'), goesOn: line.flag('go-on'), progress });
  if (shownAtMs > 0) process.stderr.write('\r\u001b[K');
  return { ...report, first, last: last as RunResult };
}

async function planned(simulation: Simulation, file: string): Promise<Ran> {
  const plan = checkedPlan(jsonOf(file), file);
  const left = [...new Set(plan.faults.filter((fault) => !isSimulated(fault)).map(({ kind }) => kind))];
  if (left.length > 0) process.stderr.write(`nexus sim: skipped, as only real processes have it (nexus chaos): ${left.join(', ')}\n`);
  let last: RunResult | undefined;
  const keep = (done: SeedsProgress): undefined => {
    last = done.last;
  };
  const report = await runSeeds({ ...simulation, run: (_drawn, options) => simulation.run(plan, options) }, { first: plan.seed, count: 1, progress: keep });
  return { ...report, first: plan.seed, last: last as RunResult };
}

/** What was asked for of one run: its trace, its picture, a smaller plan. */
async function lookInto(line: CommandLine, { simulation, module }: Loaded, shown: RunResult): Promise<void> {
  const [trace, diagram, smaller] = [line.text('trace'), line.text('diagram'), line.text('shrink')];
  if (trace !== undefined || diagram !== undefined) {
    const whole = await simulation.run(shown.plan, { entriesMax: TRACE_FILE_ENTRIES_MAX });
    if (trace !== undefined) written(trace, savedTrace(whole, module));
    if (diagram !== undefined) written(diagram, drawDiagram(whole, { fromMs: line.number('from'), toMs: line.number('to') }));
  }
  if (smaller === undefined) return;
  if (shown.failure === undefined) {
    process.stderr.write('nexus sim: nothing failed, so that there is nothing to make smaller\n');
    return;
  }
  const failureOf = async (plan: Plan): Promise<string | undefined> => (await simulation.run(plan, { entriesMax: 0 })).failure?.what;
  const { plan, runs, isComplete } = await shrink(shown.plan, shown.failure.what, { failureOf, nodesMin: 1, runsMax: line.number('shrink-runs') ?? 300 });
  written(smaller, `${JSON.stringify(plan, undefined, 2)}\n`);
  const how = isComplete ? 'nothing more can be left out' : 'more may be left out: there were no more runs to try it';
  process.stderr.write(`after ${runs} runs it fails still with this plan, and ${how}:\n${planText(plan)}\n`);
}

async function replay(line: CommandLine, given: string | undefined, file: string): Promise<boolean> {
  const recorded = readTraceFile(textOf(file), file);
  const { header } = recorded;
  // Traces of the membership are older than its name in them.
  const { simulation } = await loadSimulation(given ?? header.module ?? '--membership', {});
  const now = await simulation.run(header.plan, { entriesMax: TRACE_FILE_ENTRIES_MAX });
  const difference = firstDifference(recorded.entries, now.trace.entries);
  const isSame = difference === undefined && header.hash === now.trace.hash;
  const outcome = now.failure === undefined ? 'it passes' : `it fails: ${now.failure.error.message}`;
  if (line.flag('json'))
    process.stdout.write(
      `${JSON.stringify({ same: isSame, entries: now.trace.count, hash: now.trace.hash, recordedHash: header.hash, failure: now.failure?.what, difference })}\n`,
    );
  else if (isSame) process.stdout.write(`the same ${now.trace.count} entries, ${now.trace.hash}; ${outcome}\n`);
  else {
    const where = difference === undefined ? 'the entries that the file holds are the same; the others are not' : differenceText(difference);
    process.stdout.write(`not the same as was recorded by version ${header.version}; ${outcome}\n${where}\n`);
  }
  const diagram = line.text('diagram');
  if (diagram !== undefined) written(diagram, drawDiagram(now, { fromMs: line.number('from'), toMs: line.number('to') }));
  return isSame;
}

function settingsOf(line: CommandLine): Parameters<typeof loadSimulation>[1] {
  const faults = line.text('faults');
  return { nodes: line.number('nodes'), durationMs: line.number('duration'), kinds: faults === undefined ? undefined : kindsOf(faults) };
}

/** The command line that runs one seed again. */
function again(line: CommandLine, { module }: Loaded, plan: Plan): string {
  const options = ['nodes', 'duration'].flatMap((name) => (line.number(name) === undefined ? [] : [`--${name} ${line.number(name)}`]));
  const faults = line.text('faults');
  const file = line.text('plan');
  const what = file === undefined ? `--seed ${plan.seed}` : `--plan ${file}`;
  return ['nexus sim', module, what, ...options, ...(faults === undefined ? [] : [`--faults ${faults}`])].join(' ');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandFailure(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function jsonOf(file: string): unknown {
  try {
    return JSON.parse(textOf(file));
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(`${file} is no JSON: ${(error as Error).message}`);
  }
}

function written(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CommandFailure(`${file} cannot be written: ${(error as Error).message}`);
  }
}

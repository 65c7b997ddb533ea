/** `nexus chaos`: a cluster of real processes in which things go wrong as a plan says, judged by what its clients have seen; and the report of it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NexusTypeError } from '../../errors.js';
import { nearest } from '../../model/nearest-name.js';
import { packageVersion } from '../../testing/simulation/failure-report.js';
import { historyText } from '../../testing/linearizability/history-log.js';
import { drawFailure } from '../../testing/linearizability/history-picture.js';
import { keyValueModel } from '../../testing/linearizability/sequential-model.js';
import type { FaultKind } from '../../testing/simulation/fault.js';
import { type Plan, planText } from '../../testing/simulation/plan.js';
import { checkedPlan } from '../../testing/simulation/plan-check.js';
import { drawPlan } from '../../testing/simulation/swarm.js';
import { CommandFailure } from '../command-failure.js';
import { type CommandLine, parseCommandLine, UsageError } from '../command-line.js';
import { kindsOf } from '../sim/load-simulation.js';
import { type ChaosResult, runChaos } from './chaos-run.js';
import { INSIDE_VARIABLE, runInside, whyNoNamespaces } from './isolation.js';
import { reportText } from './report/report-text.js';
import { type Verdict, verdictOf } from './report/run-report.js';
import { timelinePicture } from './report/timeline-picture.js';

const COMMAND = 'chaos';
const DAY_MS = 86_400_000;
const NODES_MAX = 64;
const NETWORKS = ['auto', 'namespaces', 'proxy'] as const;
const EXIT: Readonly<Record<Verdict, number>> = { held: 0, violated: 1, undecided: 3 };
const INTERRUPTED = 130;
const OWN_MODULE = fileURLToPath(new URL('./register-agents.js', import.meta.url));
const OWN_KIND = 'chaosRegister';
/** Of drawn plans: what real processes can have, and what is over soon enough to see the cluster mend. */
const DRAWN_KINDS: readonly FaultKind[] = [
  ...(['partition', 'oneWayPartition', 'nonTransitivePartition', 'cloggedLink', 'loss', 'corruption', 'latency', 'bandwidth'] as const),
  ...(['pause', 'crash', 'restart', 'leave', 'slowNode', 'fullDisk'] as const),
];

export const CHAOS_HELP = `nexus chaos [PLAN] [options]

Starts a cluster of real processes, makes go wrong what the plan says while clients use it, mends it, and judges what they have seen.
PLAN is a file with a plan as of nexus sim (JSON); without one, a plan is drawn.

  --seed S                  draw the plan from this seed, and all chance (default: another one each time)
  --nodes N                 of a drawn plan (default 3)
  --duration MS             of a drawn plan (default 60000)
  --faults KINDS            that may be drawn, with commas between, or none
  --network KIND            namespaces: network namespaces of the kernel (Linux; as root, or where users may make them);
                            proxy: a proxy on this host; auto: what there is (default)
  --out DIR                 where report, pictures, history and logs go (default chaos-report)
  --module FILE             agents to use instead of the built-in registers, of the kind --kind, with the actions read, write and cas
  --kind KIND               see --module (default chaosRegister)
  --clients N               that do one operation after the other (default 6)
  --keys N                  registers that are used at a time (default 8)
  --operations N            on a register, until another one takes its place (default 400)
  --pause MS                of a client between two operations, on average (default 25)
  --json                    print the outcome as JSON
  --help                    print this

Exit code: 0 if everything that must hold held, 1 if something did not, or the run could not be made, 2 for a mistake in the command
line, 3 if it was not decided, 130 if it was interrupted.
`;

export async function chaos(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, {
    seed: { min: 0, max: 2 ** 32 - 1 },
    nodes: { min: 1, max: NODES_MAX },
    duration: { min: 1000, max: DAY_MS },
    faults: 'text',
    network: 'text',
    out: 'text',
    module: 'text',
    kind: 'text',
    clients: { min: 1, max: 1000 },
    keys: { min: 1, max: 10_000 },
    operations: { min: 1, max: 100_000 },
    pause: { min: 0, max: DAY_MS },
    json: 'flag',
    help: 'flag',
  });
  if (line.flag('help')) {
    process.stdout.write(CHAOS_HELP);
    return;
  }
  const plan = planOf(line);
  const { network, whyProxy } = networkOf(line.text('network') ?? 'auto');
  if (network === 'namespaces' && process.env[INSIDE_VARIABLE] === undefined) {
    // What was drawn here is drawn again inside.
    process.exitCode = await runInside([
      COMMAND,
      ...args,
      '--network',
      'namespaces',
      ...(line.positionals[0] === undefined ? ['--seed', String(plan.seed)] : []),
    ]);
    return;
  }
  await perform(line, plan, network, whyProxy);
}

async function perform(line: CommandLine, plan: Plan, network: 'namespaces' | 'proxy', whyProxy: string | undefined): Promise<void> {
  const folder = resolve(line.text('out') ?? 'chaos-report');
  mkdirSync(folder, { recursive: true });
  written(folder, 'plan.json', `${JSON.stringify(plan, undefined, 2)}\n`);
  const module = line.text('module');
  const interrupted = interruption();
  const say = (text: string): void => void process.stderr.write(`nexus chaos: ${text}\n`);
  say(planText(plan).split('\n')[0] as string);
  say(`network: ${network}${whyProxy === undefined ? '' : ` (no namespaces: ${whyProxy})`}; everything goes to ${folder}`);
  try {
    const result = await runChaos({
      ...{ plan, network, whyProxy, say, signal: interrupted.signal, logFolder: folder, version: packageVersion() },
      modules: [module === undefined ? OWN_MODULE : resolve(module)],
      moduleName: module ?? 'built-in registers: an agent for each, durable, every change written through',
      kind: line.text('kind') ?? OWN_KIND,
      clients: line.number('clients') ?? 6,
      keys: line.number('keys') ?? 8,
      operationsPerKey: line.number('operations') ?? 400,
      pauseMs: line.number('pause') ?? 25,
    });
    save(folder, result);
    tell(line, folder, result);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    say('interrupted; everything is taken away');
    process.exitCode = INTERRUPTED;
  } finally {
    interrupted.close();
  }
  // With this process everything inside of its namespaces ends, whatever may still be open.
  if (process.env[INSIDE_VARIABLE] !== undefined) process.stdout.write('', () => process.exit());
}

function save(folder: string, { report, history, judged }: ChaosResult): void {
  const failure = judged.verdict === 'notLinearizable' ? judged.failures[0] : undefined;
  if (failure !== undefined) written(folder, 'failure.svg', drawFailure(keyValueModel(), failure));
  written(
    folder,
    'timeline.svg',
    timelinePicture(report, `${report.plan.nodes} nodes in ${report.network === 'namespaces' ? 'network namespaces' : 'processes behind a proxy'}`),
  );
  written(folder, 'report.md', reportText(report, { timeline: 'timeline.svg', failure: failure === undefined ? undefined : 'failure.svg' }));
  written(folder, 'report.json', `${JSON.stringify({ verdict: verdictOf(report), ...report }, undefined, 1)}\n`);
  written(folder, 'history.edn', historyText(history));
}

function tell(line: CommandLine, folder: string, { report }: ChaosResult): void {
  const verdict = verdictOf(report);
  process.exitCode = EXIT[verdict];
  const { checks, operations, network } = report;
  if (line.flag('json')) {
    process.stdout.write(
      `${JSON.stringify({ verdict, network, seed: report.plan.seed, operations, checks, skipped: report.skipped.length, report: join(folder, 'report.md') })}\n`,
    );
    return;
  }
  for (const { name, outcome, text } of checks) process.stdout.write(`${outcome}: ${name}\n${outcome === 'held' ? '' : `  ${text.replace(/\n/g, '\n  ')}\n`}`);
  process.stdout.write(
    `${operations.ok} operations answered, ${operations.failed} certainly not done, ${operations.unknown} of unknown outcome; ${join(folder, 'report.md')}\n`,
  );
}

function planOf(line: CommandLine): Plan {
  const [file, unexpected] = line.positionals;
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: one plan at a time`);
  if (file !== undefined) {
    const drawn = ['seed', 'nodes', 'duration', 'faults'].find((name) => line.flag(name));
    if (drawn !== undefined && !(drawn === 'seed' && process.env[INSIDE_VARIABLE] !== undefined))
      throw new UsageError(COMMAND, `--${drawn} is of a drawn plan, and a plan was given`);
    const plan = planIn(file);
    if (plan.nodes > NODES_MAX) throw new CommandFailure(`${file}: nodes is ${plan.nodes}; at most ${NODES_MAX} real processes are started`);
    return plan;
  }
  const nodes = line.number('nodes') ?? 3;
  const faults = line.text('faults');
  const kinds = faults === undefined ? DRAWN_KINDS : kindsOf(faults);
  const seed = line.number('seed') ?? Math.floor(Math.random() * 2 ** 32);
  return drawPlan(seed, { nodes: { min: nodes, max: nodes }, durationMs: line.number('duration') ?? 60_000, kinds, resolver: { strategy: 'keepMajority' } });
}

function planIn(file: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CommandFailure(`${file} is no plan: ${(error as Error).message}`);
  }
  try {
    return checkedPlan(value, file);
  } catch (error) {
    throw error instanceof NexusTypeError ? new CommandFailure(error.message) : error;
  }
}

function networkOf(text: string): { readonly network: 'namespaces' | 'proxy'; readonly whyProxy: string | undefined } {
  if (!(NETWORKS as readonly string[]).includes(text)) {
    const meant = nearest(text, NETWORKS);
    throw new UsageError(COMMAND, `--network is '${text}'${meant === undefined ? '' : `; did you mean '${meant}'?`}; it must be auto, namespaces or proxy`);
  }
  if (text === 'proxy') return { network: 'proxy', whyProxy: undefined };
  if (process.env[INSIDE_VARIABLE] !== undefined) return { network: 'namespaces', whyProxy: undefined };
  const why = whyNoNamespaces();
  if (why === undefined) return { network: 'namespaces', whyProxy: undefined };
  if (text === 'namespaces') throw new CommandFailure(`network namespaces cannot be made here: ${why}; --network proxy works everywhere`);
  return { network: 'proxy', whyProxy: why };
}

/** Signals, and inside of namespaces the standard input, which ends with whoever has made them. A second signal ends the process at once, and with it, inside, everything. */
function interruption(): { readonly signal: AbortSignal; close(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const isInside = process.env[INSIDE_VARIABLE] !== undefined;
  if (isInside) process.stdin.on('data', stop).once('end', stop).resume();
  return {
    signal: controller.signal,
    close() {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (isInside) process.stdin.removeAllListeners().pause().unref();
    },
  };
}

function written(folder: string, name: string, text: string): void {
  try {
    writeFileSync(join(folder, name), text);
  } catch (error) {
    throw new CommandFailure(`${join(folder, name)} cannot be written: ${(error as Error).message}`);
  }
}

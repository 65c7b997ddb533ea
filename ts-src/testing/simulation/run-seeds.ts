/** Runs a simulation for many seeds, one after the other: each with the plan that its seed draws, twice if asked for, until one fails or all are done. */
import { CLUSTER_MARKS, Coverage } from './coverage.js';
import type { Plan } from './plan.js';
import type { RunResult, Simulation } from './simulation.js';
import { drawPlan } from './swarm.js';
import { differenceText, firstDifference, TRACE_FILE_ENTRIES_MAX } from './trace-file.js';

export interface SeedsOptions {
  readonly first: number;
  readonly count: number;
  /** Runs each seed twice, and fails when the two traces are not the same to the byte. */
  readonly isTwice?: boolean;
  /** Goes on after a failure. Default false. */
  readonly goesOn?: boolean;
  /** Told after each seed; when it returns false no more are run. */
  readonly progress?: (done: SeedsProgress) => boolean | undefined;
}

export interface SeedsProgress {
  readonly runs: number;
  readonly failures: number;
  readonly simulatedMs: number;
  readonly last: RunResult;
}

export interface SeedsReport {
  readonly runs: number;
  readonly failures: readonly RunResult[];
  readonly simulatedMs: number;
  readonly coverage: Coverage;
}

export function planOf(simulation: Simulation, seed: number): Plan {
  const plan = drawPlan(seed, simulation.swarm);
  if (simulation.faults !== undefined) return { ...plan, faults: simulation.faults };
  return simulation.within?.(plan) ?? plan;
}

export async function runSeeds(
  simulation: Simulation,
  { first, count, isTwice = false, goesOn = false, progress = () => true }: SeedsOptions,
): Promise<SeedsReport> {
  const coverage = new Coverage([...simulation.kinds, ...CLUSTER_MARKS, ...(simulation.marks ?? [])]);
  const failures: RunResult[] = [];
  let [runs, simulatedMs] = [0, 0];
  for (let index = 0; index < count; index++) {
    const plan = planOf(simulation, (first + index) >>> 0);
    const once = await simulation.run(plan);
    const result = isTwice ? await comparedWithAnother(simulation, once) : once;
    runs++;
    simulatedMs += result.simulatedMs;
    coverage.add(result.coverage);
    if (result.failure !== undefined) failures.push(result);
    const mayGoOn = progress({ runs, failures: failures.length, simulatedMs, last: result });
    if (mayGoOn === false || (failures.length > 0 && !goesOn)) break;
  }
  return { runs, failures, simulatedMs, coverage };
}

/** The result, which has failed if another run of the same plan did something else. */
async function comparedWithAnother(simulation: Simulation, once: RunResult): Promise<RunResult> {
  const again = await simulation.run(once.plan);
  if (again.trace.hash === once.trace.hash) return once;
  // Once more with all entries, to say where.
  const [a, b] = [
    await simulation.run(once.plan, { entriesMax: TRACE_FILE_ENTRIES_MAX }),
    await simulation.run(once.plan, { entriesMax: TRACE_FILE_ENTRIES_MAX }),
  ];
  const difference = firstDifference(a.trace.entries, b.trace.entries);
  const where = difference === undefined ? 'two further runs were the same' : differenceText(difference);
  const error = new Error(`two runs of seed ${once.plan.seed} were not the same: hashes ${once.trace.hash} and ${again.trace.hash}; ${where}`);
  return { ...once, failure: { what: 'two runs are the same', error, atMs: once.simulatedMs } };
}

/**
 * What runs one simulated cluster by a plan, and what comes of it: a value, also when it fails. Of this kind are the simulation of the membership alone (`membership-simulation.ts`) and those that
 * users define (`define-simulation.ts`); run by the thousand in `run-seeds.ts`.
 */
import type { CoverageMark } from './coverage.js';
import type { FaultKind } from './fault.js';
import type { Plan } from './plan.js';
import type { SwarmOptions } from './swarm.js';
import type { Trace } from './trace.js';

export interface RunOptions {
  /** Entries of the trace that are kept. Default 200. */
  readonly entriesMax?: number;
}

/** Why a run has failed. */
export interface RunFailure {
  /** The same for the same failure: the invariant, or the code of an error. */
  readonly what: string;
  readonly error: Error;
  /** Of the simulation. */
  readonly atMs: number;
}

export interface RunResult {
  readonly plan: Plan;
  readonly failure: RunFailure | undefined;
  readonly trace: Trace;
  readonly coverage: Readonly<Partial<Record<CoverageMark, number>>>;
  /** Time that passed in the simulation. */
  readonly simulatedMs: number;
}

export interface Simulation {
  /** What plans for it are drawn with. */
  readonly swarm: SwarmOptions;
  /** Kinds of faults that have been asked for by name, if any: those are expected to be seen. */
  readonly kinds: readonly FaultKind[];
  /** Faults that every run has, in the place of drawn ones. */
  readonly faults?: Plan['faults'];
  /** What is expected to be seen besides faults and what every cluster does. */
  readonly marks?: readonly CoverageMark[];
  /** The plan that was drawn, without what goes beyond what is promised. */
  within?(plan: Plan): Plan;
  run(plan: Plan, options?: RunOptions): Promise<RunResult>;
}

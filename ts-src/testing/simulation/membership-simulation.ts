/**
 * Clusters that are nothing but their membership, by the thousand: the machines and drivers of production (`membership-program.ts`) through set-up, faults, healing and agreement
 * (`cluster-run.ts`). Reached with `nexus sim --membership`.
 */
import type { ClusterTimingOptions } from '../../model/cluster-options.js';
import type { MembershipConfiguration, MembershipMachine } from '../../protocols/membership/membership.js';
import { messageName } from '../../protocols/membership/membership-codec.js';
import { ClusterRun, InvariantViolated } from './cluster-run.js';
import { FAULT_KINDS, type FaultKind } from './fault.js';
import { MEMBERSHIP_PORT, type MembershipStart, membershipProgram } from './membership-program.js';
import { nameOfNode, type Plan } from './plan.js';
import { CountedTrace } from './protocol-marks.js';
import type { RunFailure, RunOptions, RunResult, Simulation } from './simulation.js';
import type { SwarmOptions } from './swarm.js';
import { Trace } from './trace.js';
import { SimulatedWorld } from './world.js';

/** Those of production. */
export const DEFAULT_TIMING: Required<ClusterTimingOptions> = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  leaseMs: 5000,
  stopMarginMs: 1000,
  stalledAfterMs: 500,
};
export const MEMBERSHIP_SWARM: SwarmOptions = { nodes: { min: 3, max: 9 }, durationMs: 40_000 };
/** There are no threads to be ended. */
export const MEMBERSHIP_KINDS: readonly FaultKind[] = FAULT_KINDS.filter((kind) => kind !== 'killThread');

export interface MembershipSimulationOptions {
  machine(configuration: MembershipConfiguration): MembershipMachine;
  readonly timing?: Required<ClusterTimingOptions>;
  readonly swarm?: SwarmOptions;
}

export function membershipSimulation({ machine, timing = DEFAULT_TIMING, swarm = MEMBERSHIP_SWARM }: MembershipSimulationOptions): Simulation {
  return { swarm, kinds: swarm.kinds ?? MEMBERSHIP_KINDS, run: (plan, options) => runMembership(plan, { machine, timing }, options) };
}

async function runMembership(
  plan: Plan,
  { machine, timing }: Required<Omit<MembershipSimulationOptions, 'swarm'>>,
  { entriesMax }: RunOptions = {},
): Promise<RunResult> {
  const trace = new Trace(entriesMax === undefined ? {} : { entriesMax });
  const counted = new CountedTrace(trace);
  const world = new SimulatedWorld({ seed: plan.seed, trace: counted, nameOf: messageName });
  const numbers = Array.from({ length: plan.nodes }, (_, index) => index + 1);
  const seeds = numbers.map((number) => ({ host: nameOfNode(number), port: MEMBERSHIP_PORT }));
  const run: ClusterRun = new ClusterRun({ world, plan, observed: (node) => node.program as MembershipStart | undefined });
  const program = membershipProgram({ machine, timing, seeds, resolver: plan.resolver, happened: (start, event) => run.happened(start, event) });
  for (const number of numbers) world.add(nameOfNode(number), program);
  let failure: RunFailure | undefined;
  try {
    await run.setUp();
    await run.suffer();
    await run.heal();
  } catch (error) {
    failure = failureOf(error, world.nowMs);
  }
  const simulatedMs = world.nowMs;
  world.close();
  run.coverage.add(counted.counts);
  return { plan, failure, trace, coverage: run.coverage.counts, simulatedMs };
}

export function failureOf(thrown: unknown, atMs: number): RunFailure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error instanceof InvariantViolated) return { what: error.violation.invariant, error, atMs };
  // Of what else was thrown the first line, without what differs from one run to the next.
  const code = (error as { code?: unknown }).code;
  return { what: typeof code === 'string' ? code : `${error.name}: ${(error.message.split('\n')[0] as string).replace(/\d+/g, 'N')}`, error, atMs };
}

/**
 * Simulations of users: their agents on the nodes of clusters, in which things go wrong as the seed says. What is defined here is checked and run by `nexus sim` and by `simulate`; how one cluster is
 * run is in `nexus-simulation.ts`.
 */
import { NexusTypeError, optionError, valueText } from '../../errors.js';
import type { ResolverOptions } from '../../model/cluster-options.js';
import { checkNames } from '../../model/nearest-name.js';
import type { Nexus } from '../../nexus.js';
import type { TestClusterOptions } from '../test-cluster.js';
import { seedOf } from '../seed.js';
import { simulationFailed } from './failure-report.js';
import { FAULT_KINDS, type Fault, type FaultKind, isSimulated } from './fault.js';
import { type SimulatedCluster, simulationOfNexus } from './nexus-simulation.js';
import { PLAN_MS_MAX, type Plan } from './plan.js';
import { checkedFaults, checkedKinds, checkedPlan, checkResolver } from './plan-check.js';
import { runSeeds } from './run-seeds.js';
import type { Simulation } from './simulation.js';

/** Clusters of whole nexuses: at most so many nodes each. */
export const SIMULATED_NODES_MAX = 100;
const SEEDS_MAX = 1_000_000_000;

/** What `defineSimulation` takes: the options of `createTestCluster` for every node, and what happens. Everything but `agents` has a default. */
export interface SimulationDefinition extends Omit<TestClusterOptions, 'nodes' | 'seed' | 'isFormed' | 'epochMs' | 'cluster'> {
  /** How many nodes a cluster has, or between which numbers the seed draws it. At most 100. Default 3 to 5. */
  readonly nodes?: number | { readonly min: number; readonly max: number };
  /** Kinds of faults that may be drawn, or the faults themselves. Default: all kinds. */
  readonly faults?: readonly FaultKind[] | readonly Fault[];
  /** How long things go wrong, milliseconds of simulated time, at most a day. Default 60,000. */
  readonly durationMs?: number;
  /** Default: drawn. */
  readonly resolver?: ResolverOptions;
  /** On each start of a node, with its nexus, as `setup` of a module of `nexus run`. */
  start?(nexus: Nexus): unknown;
  /** Once, when all nodes are members and before anything goes wrong. */
  setup?(cluster: SimulatedCluster): unknown;
  /** While things go wrong: what goes on then. It ends when `cluster.isOver` says so. */
  during?(cluster: SimulatedCluster): unknown;
  /** When nothing goes wrong any more and all nodes are members again. What it throws is a failure. */
  check?(cluster: SimulatedCluster): unknown;
  /** What must hold at every moment, by name: false, or what it throws, is a failure. Asked every 200 ms of simulated time. */
  readonly invariants?: Readonly<Record<string, (cluster: SimulatedCluster) => unknown>>;
}

const simulations = new WeakMap<object, Simulation>();
const OWN_NAMES = ['nodes', 'faults', 'durationMs', 'resolver', 'start', 'setup', 'during', 'check', 'invariants'];
const NODES = { min: 3, max: 5 };
const DURATION_MS = 60_000;
const THREADS = 1;

/**
 * Checks a simulation, for `nexus sim` (as the default export of a module) and for `simulate`.
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export function defineSimulation<D extends SimulationDefinition>(definition: D): D {
  const cluster = ['agents', 'threads', 'memory', 'messages', 'workers', 'storage', 'network', 'balancing', 'flightRecorder', 'tracing'];
  checkNames('defineSimulation', definition, [...OWN_NAMES, ...cluster]);
  const { faults = FAULT_KINDS, durationMs = DURATION_MS, resolver, invariants = {}, threads = THREADS } = definition;
  const nodes = checkedNodes(definition.nodes ?? NODES);
  if (!(durationMs >= 0 && durationMs <= PLAN_MS_MAX))
    throw optionError('durationMs', `is ${valueText(durationMs)}; it must be a number from 0 to ${PLAN_MS_MAX}`);
  if (resolver !== undefined) checkResolver('resolver', resolver, nodes.min);
  for (const name of ['start', 'setup', 'during', 'check'] as const)
    if (definition[name] !== undefined && typeof definition[name] !== 'function')
      throw optionError(name, `is ${valueText(definition[name])}; it must be a function`);
  if (typeof invariants !== 'object' || invariants === null) throw optionError('invariants', `is ${valueText(invariants)}; it must be an object of functions`);
  for (const [name, holds] of Object.entries(invariants))
    if (typeof holds !== 'function') throw optionError(`invariants.${name}`, `is ${valueText(holds)}; it must be a function`);
  const own = faultsOf(faults, nodes.min);
  const swarm = { nodes, durationMs, threads, ...(own.kinds === undefined ? {} : { kinds: own.kinds }), ...(resolver === undefined ? {} : { resolver }) };
  const expected = own.kinds ?? own.faults?.filter(isSimulated).map(({ kind }) => kind) ?? [];
  simulations.set(definition, {
    swarm,
    kinds: [...new Set(expected)].filter((kind) => kind !== 'killThread' || threads > 0),
    ...(own.faults === undefined ? {} : { faults: own.faults }),
    run: simulationOfNexus(definition),
  });
  return definition;
}

/** What `defineSimulation` has made of a definition. @throws NexusTypeError NEXUS_OPTION_INVALID */
export function simulationOf(definition: unknown): Simulation {
  const simulation = typeof definition === 'object' && definition !== null ? simulations.get(definition) : undefined;
  if (simulation !== undefined) return simulation;
  throw new NexusTypeError(
    'NEXUS_OPTION_INVALID',
    `simulation: is ${valueText(definition)}; it must be what defineSimulation returns, as the default export of the module`,
    {
      option: 'simulation',
    },
  );
}

/** What `simulate` takes. */
export interface SimulateOptions {
  /** Of the first cluster; the others count up from it. Default: drawn at random. NEXUS_TEST_SEED takes its place, and that of `seeds`. */
  readonly seed?: number;
  /** How many clusters. Default 1. */
  readonly seeds?: number;
  /** Runs this plan, as `nexus sim --shrink` saves it, in the place of what a seed draws. */
  readonly plan?: Plan;
  /** Runs each seed twice, which must do the same to the byte. Default false. */
  readonly twice?: boolean;
}

/** What `simulate` resolves to when nothing has failed. */
export interface SimulateReport {
  readonly runs: number;
  /** Time that passed in the simulations. */
  readonly simulatedMs: number;
  /** How often each kind of fault, and what clusters do, was seen. */
  readonly coverage: Readonly<Record<string, number>>;
  /** What was expected and never seen. */
  readonly notSeen: readonly string[];
}

/**
 * Runs a simulation, in tests. Rejects with NexusError NEXUS_SIMULATION_FAILED at the first seed that fails; its message has the seed, the commit, the faults and the last that happened.
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export async function simulate(definition: SimulationDefinition, options: SimulateOptions = {}): Promise<SimulateReport> {
  checkNames('simulate', options, ['seed', 'seeds', 'plan', 'twice']);
  const simulation = simulationOf(definition);
  const { seeds = 1, twice = false } = options;
  if (!(Number.isInteger(seeds) && seeds >= 1 && seeds <= SEEDS_MAX))
    throw optionError('seeds', `is ${valueText(seeds)}; it must be a whole number from 1 to ${SEEDS_MAX}`);
  const plan = options.plan === undefined ? undefined : checkedPlan(options.plan);
  const { first, count } = plan === undefined ? seedsOf(options.seed, seeds) : { first: plan.seed, count: 1 };
  const run: Simulation = plan === undefined ? simulation : { ...simulation, run: (_drawn, given) => simulation.run(plan, given) };
  const report = await runSeeds(run, { first, count, isTwice: twice });
  const failed = report.failures[0];
  if (failed !== undefined) throw simulationFailed(failed, { command: `nexus sim MODULE --seed ${failed.plan.seed}, or NEXUS_TEST_SEED=${failed.plan.seed}` });
  return { runs: report.runs, simulatedMs: report.simulatedMs, coverage: report.coverage.counts as Record<string, number>, notSeen: report.coverage.missing };
}

function seedsOf(seed: number | undefined, count: number): { readonly first: number; readonly count: number } {
  const isFromEnvironment = (process.env['NEXUS_TEST_SEED'] ?? '') !== '';
  return { first: seedOf(seed) >>> 0, count: isFromEnvironment ? 1 : count };
}

function checkedNodes(nodes: number | { readonly min: number; readonly max: number }): { readonly min: number; readonly max: number } {
  const range = typeof nodes === 'number' ? { min: nodes, max: nodes } : nodes;
  if (typeof nodes !== 'number') checkNames('nodes', nodes, ['min', 'max']);
  const { min, max } = range;
  if (!(Number.isInteger(min) && Number.isInteger(max) && min >= 1 && max >= min && max <= SIMULATED_NODES_MAX))
    throw optionError(
      'nodes',
      `is ${typeof nodes === 'number' ? nodes : `from ${valueText(min)} to ${valueText(max)}`}; it must be whole numbers from 1 to ${SIMULATED_NODES_MAX}`,
    );
  return range;
}

/** Kinds, or faults: of one sort. */
function faultsOf(
  faults: readonly FaultKind[] | readonly Fault[],
  nodes: number,
): { readonly kinds?: readonly FaultKind[]; readonly faults?: readonly Fault[] } {
  if (Array.isArray(faults) && faults.length > 0 && typeof faults[0] === 'object')
    return { faults: [...checkedFaults(faults, nodes, 'faults')].sort((a, b) => a.atMs - b.atMs) };
  return { kinds: checkedKinds(faults, 'faults') };
}

/** The simulation that a command line names: of a module, or the built-in one of the membership. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NexusError, NexusTypeError } from '../../errors.js';
import { simulationOf } from '../../testing/simulation/define-simulation.js';
import type { FaultKind } from '../../testing/simulation/fault.js';
import { builtInAgents, builtInMembership } from '../../testing/simulation/built-in.js';
import { checkedKinds } from '../../testing/simulation/plan-check.js';
import type { Simulation } from '../../testing/simulation/simulation.js';
import { CommandFailure } from '../command-failure.js';
import { UsageError } from '../command-line.js';
import { moduleFailureText } from '../error-text.js';

export const SIM_COMMAND = 'sim';

export interface Loaded {
  readonly simulation: Simulation;
  /** As it was given, or which of the built-in ones. */
  readonly module: string | BuiltIn;
}

/** As on the command line, and in saved traces. */
export type BuiltIn = '--membership' | '--agents';

/** What the command line sets in the place of the module. */
export interface Settings {
  readonly nodes?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly kinds?: readonly FaultKind[] | undefined;
}

export async function loadSimulation(module: string | BuiltIn, settings: Settings): Promise<Loaded> {
  const simulation = module === '--membership' ? builtInMembership() : module === '--agents' ? builtInAgents() : simulationOf(await defaultExportOf(module));
  return { simulation: changed(simulation, settings), module };
}

/** @throws UsageError */
export function kindsOf(text: string): readonly FaultKind[] {
  if (text === 'none') return [];
  try {
    return checkedKinds(
      text.split(',').map((kind) => kind.trim()),
      '--faults',
    );
  } catch (error) {
    throw error instanceof NexusTypeError ? new UsageError(SIM_COMMAND, error.message) : error;
  }
}

function changed(simulation: Simulation, { nodes, durationMs, kinds }: Settings): Simulation {
  const swarm = {
    ...simulation.swarm,
    ...(nodes === undefined ? {} : { nodes: { min: nodes, max: nodes } }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(kinds === undefined ? {} : { kinds }),
  };
  if (kinds === undefined) return { ...simulation, swarm };
  const { faults: _faults, ...drawn } = simulation;
  return { ...drawn, swarm, kinds };
}

async function defaultExportOf(module: string): Promise<unknown> {
  const url = module.startsWith('file:') ? module : pathToFileURL(resolve(module)).href;
  try {
    return ((await import(url)) as { default?: unknown }).default;
  } catch (error) {
    const failed = new NexusError('NEXUS_MODULE_FAILED', `${module} could not be imported`, { cause: error, data: { module: url } });
    throw new CommandFailure(moduleFailureText(failed) ?? failed.message);
  }
}

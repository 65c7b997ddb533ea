/** What `nexus.migrate` is given and reports. Moving itself is `relocation.ts`. */
import { type NexusError, optionError, valueText } from '../errors.js';
import type { AgentRef } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import { AgentReference } from './agent-reference.js';

/** Agents of one `migrateMany`. */
const MIGRATED_MAX = 1_048_576;

/** Options of `nexus.migrate` and `nexus.migrateMany`. */
export interface MigrationOptions {
  /** How long an agent is waited for whose handlers, start or spawns run, in milliseconds; default 5,000. It goes on where it is after that. */
  readonly timeoutMs?: number;
}

/** Where to: a thread of this nexus, or the name of a member of its cluster. */
export type MigrationTarget = number | { readonly node: string };

/** An agent that `migrateMany` did not move, and why. It goes on where it is. */
export interface MigrationFailure {
  readonly agent: AgentRef;
  /** As `migrate` rejects. */
  readonly error: NexusError;
}

/** What became of the agents of `migrateMany`. */
export interface MigrationReport {
  /** Agents that are on the thread or node now, those included that were there before. */
  readonly moved: number;
  readonly failures: readonly MigrationFailure[];
}

/**
 * To a thread, or to another node. For each why not, or undefined.
 * @param nodes what moves agents between nodes; undefined in a nexus that is none
 * @param isOne it was called with one agent, not with a list
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, NEXUS_THREAD_UNKNOWN
 */
export function relocate(
  threads: { relocate(agents: readonly AgentReference[], thread: number, timeoutMs: number): Promise<(NexusError | undefined)[]> },
  nodes: { migrate(agents: readonly AgentReference[], node: string, timeoutMs: number): Promise<(NexusError | undefined)[]> } | undefined,
  agents: readonly AgentRef[],
  to: MigrationTarget,
  options: MigrationOptions,
  isOne: boolean,
): Promise<(NexusError | undefined)[]> {
  const { references, timeoutMs } = checkedMigration(agents, options, isOne);
  if (typeof to !== 'object' || to === null) return threads.relocate(references, to, timeoutMs);
  if (nodes === undefined) throw optionError('node', 'is given, and this nexus is no node of a cluster: give createNexus the option cluster');
  return nodes.migrate(references, checkedNode(to), timeoutMs);
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
function checkedNode(to: { readonly node: string }): string {
  checkNames('migrate', to, ['node']);
  if (typeof to.node !== 'string') throw optionError('node', `is ${valueText(to.node)}; it must be the name of a member of the cluster`);
  return to.node;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
function checkedMigration(
  agents: readonly AgentRef[],
  options: MigrationOptions,
  isOne: boolean,
): { readonly references: readonly AgentReference[]; readonly timeoutMs: number } {
  checkNames('migrate', options, ['timeoutMs']);
  const { timeoutMs = 5000 } = options;
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= 86_400_000))
    throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0 and at most 86,400,000`);
  const [agent] = agents;
  if (isOne && !(agent instanceof AgentReference))
    throw optionError('agent', `is ${valueText(agent)}; it must be a reference to an agent, such as spawn, getOrSpawn and find give`);
  if (!Array.isArray(agents) || agents.length > MIGRATED_MAX || !agents.every((agent) => agent instanceof AgentReference))
    throw optionError('agents', `must be an array of references to agents, at most ${MIGRATED_MAX}`);
  return { references: agents as unknown as readonly AgentReference[], timeoutMs };
}

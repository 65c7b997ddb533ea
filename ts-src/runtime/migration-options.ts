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

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkedNode(to: { readonly node: string }): string {
  checkNames('migrate', to, ['node']);
  if (typeof to.node !== 'string') throw optionError('node', `is ${valueText(to.node)}; it must be the name of a member of the cluster`);
  return to.node;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkedMigration(
  agents: readonly AgentRef[],
  options: MigrationOptions,
): { readonly references: readonly AgentReference[]; readonly timeoutMs: number } {
  checkNames('migrate', options, ['timeoutMs']);
  const { timeoutMs = 5000 } = options;
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= 86_400_000))
    throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0 and at most 86,400,000`);
  if (!Array.isArray(agents) || agents.length > MIGRATED_MAX || !agents.every((agent) => agent instanceof AgentReference))
    throw optionError('agents', `must be an array of references to agents, at most ${MIGRATED_MAX}`);
  return { references: agents as unknown as readonly AgentReference[], timeoutMs };
}

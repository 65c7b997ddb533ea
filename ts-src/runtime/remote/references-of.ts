/** Arguments that are to be many references. */
import { optionError, valueText } from '../../errors.js';
import type { AgentRef } from '../../model/agent-ref.js';
import { AgentReference } from '../agent-reference.js';

/** Agents of one call of `tellMany`. */
const AGENTS_MAX = 1_048_576;

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function referencesOf(agents: readonly AgentRef[] | readonly unknown[]): readonly AgentReference[] {
  if (!Array.isArray(agents) || agents.length > AGENTS_MAX)
    throw optionError(
      'agents',
      `must be an array of at most ${AGENTS_MAX} references to agents, not ${Array.isArray(agents) ? agents.length : valueText(agents)}`,
    );
  const wrong = agents.findIndex((agent) => !(agent instanceof AgentReference));
  if (wrong >= 0) throw optionError(`agents[${wrong}]`, `must be a reference to an agent, as spawn and find return one, not ${valueText(agents[wrong])}`);
  return agents as readonly AgentReference[];
}

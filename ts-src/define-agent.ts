/** `defineAgent` as users call it: a definition with the actions of its level. The definition itself is `model/agent-definition.ts`. */
import { levelOf } from './intelligence/levels.js';
import { type DefineAgent, makeDefinition } from './model/agent-definition.js';

/**
 * Declares a kind of agent. Nothing runs yet: give the module that exports it to `createNexus({ agents })` and spawn it.
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID
 */
export const defineAgent: DefineAgent = (specification) =>
  makeDefinition(specification as never, (kind) => levelOf(kind, specification.level).actionsOf(specification as never)) as never;

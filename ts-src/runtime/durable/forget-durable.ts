/** `nexus.forget`: the end of a durable agent, and of what is stored of it. */
import { optionError, valueText } from '../../errors.js';
import { type AnyAgent, isAgentDefinition } from '../../model/agent-definition.js';
import type { ThreadHost } from '../thread-host.js';

/** Rejects with NexusTypeError NEXUS_OPTION_INVALID, and with what deleting fails with. */
export async function forgetDurable({ durable }: ThreadHost, definition: AnyAgent, id: string): Promise<void> {
  if (durable === undefined) throw optionError('forget', 'this nexus has no storage: give createNexus storage: { path }');
  if (!isAgentDefinition(definition)) throw optionError('definition', `is ${valueText(definition)}; it must be made by defineAgent`);
  await durable.forgetById(definition, id);
}

/** One agent by its id, as the commands that are about one agent need it: looked into, or an error that names the nearest id there is. */
import type { AgentInspection } from '../model/observation.js';
import type { WhereAnswer } from '../console/protocol.js';
import { agentPath } from '../model/agent-path.js';
import { nearest } from '../model/nearest-name.js';
import { type AgentFilter, listAgents } from './agents-command.js';
import { CommandFailure } from './command-failure.js';
import { askConsole, ConsoleRefusal } from './console-client.js';
import type { ConsoleAddress } from './console-address.js';
import { harmless } from './terminal-text.js';

/** Ids that are compared with one that is not there. */
const COMPARED_MAX = 1000;

/** @throws CommandFailure; if there is no such agent, with the nearest id */
export async function inspectAgent(address: ConsoleAddress, id: string): Promise<AgentInspection> {
  let found: unknown;
  try {
    found = await askConsole(address, inspectionPath(id));
  } catch (error) {
    if (isNotThere(error)) throw await noSuchAgent(address, id);
    throw error;
  }
  const { id: foundId, state, mailbox } = found as Partial<AgentInspection>;
  if (typeof foundId !== 'string' || typeof state !== 'object' || typeof mailbox !== 'object')
    throw new CommandFailure(`what the gateway at ${address.url} sent is no inspection of an agent that this version reads`);
  return found as AgentInspection;
}

/** With the node that has it, or the nearest id that there is. */
export async function noSuchAgent(address: ConsoleAddress, id: string): Promise<CommandFailure> {
  const node = await nodeThatHas(address, id);
  if (node !== undefined) return new CommandFailure(`agent '${harmless(id)}' is on node ${harmless(node)}: give --url the gateway of that one`);
  return new CommandFailure(`there is no agent '${harmless(id)}'${await suggestion(address, id)}`);
}

/** Whether the service is there and says that it has no such agent. */
export function isNotThere(error: unknown): boolean {
  return error instanceof ConsoleRefusal && (error.refusal.code === 'NEXUS_AGENT_NOT_FOUND' || error.refusal.code === 'NEXUS_AGENT_STOPPED');
}

export function inspectionPath(id: string): string {
  return agentPath('/console/agents/', id);
}

/** In a cluster. What there is to say about the agent does not depend on the answer. */
async function nodeThatHas(address: ConsoleAddress, id: string): Promise<string | undefined> {
  const answer = await askConsole(address, agentPath('/console/where/', id)).catch(() => undefined);
  const { location } = (answer ?? {}) as Partial<WhereAnswer>;
  return location?.isHere === false ? location.node?.name : undefined;
}

async function suggestion(address: ConsoleAddress, id: string): Promise<string> {
  for (const filter of [{ prefix: id.slice(0, 2) }, {}] as AgentFilter[]) {
    // The error is about the agent; that the search for a better name failed is nothing the user asked about.
    const { listed } = await listAgents(address, filter, COMPARED_MAX).catch(() => ({ listed: [] }));
    const name = nearest(
      id,
      listed.map((each) => each.id),
    );
    if (name !== undefined) return `; did you mean '${harmless(name)}'?`;
  }
  return ': nexus agents lists those there are';
}

/**
 * By what an agent keeps those it is tied to: the slot of one of this node, which is a number and costs nothing to make; of one of another node what all nodes call it. An agent may move to another node, or come from one, while it is
 * tied: it stays under the key that it had, and is looked for among the others when it is not found under the one that it has now.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { AgentReference } from '../agent-reference.js';

export type AgentKey = number | string;

/** No name of a node and no number begins so. */
const FORMER = '@';

/** An agent as all nodes call it: what is said of one that has ended, to which there are no references any more. */
export interface NamedAgent {
  readonly kind: string;
  readonly id: string;
  /** As in `RemoteAgent`: below 0 for an agent that belongs to its node. */
  readonly life: number;
  readonly node: NodeIdentity;
}

export function keyOfAgent({ remote, slot, id }: AgentReference): AgentKey {
  return remote === undefined ? slot : keyOfName(id, remote.life, remote.node);
}

/** Keeps one that is not among them. Another one that had its slot before, and is elsewhere by now or has ended, stays among them under another key. */
export function addAmong(agents: Map<AgentKey, AgentReference>, agent: AgentReference): void {
  const key = keyOfAgent(agent);
  const before = agents.get(key);
  if (before !== undefined) agents.set(before.remote === undefined ? formerKeyOf(before) : keyOfAgent(before), before);
  agents.set(key, agent);
}

/** Of one whose slot is another's. */
function formerKeyOf({ slot, generation }: AgentReference): string {
  return `${FORMER}${slot}.${generation}`;
}

export function keyOfName(id: string, life: number, node: NodeIdentity): string {
  return life < 0 ? `${nodeKey(node)} ${life} ${id}` : `${life} ${id}`;
}

/** What is known of other nodes; where there are none nobody moves between them. */
export interface NodesOfAgents {
  readonly isNode: boolean;
  leads(agent: AgentReference): boolean;
}

/** The key that an agent is kept by; undefined if it is not among them. */
export function keyAmong(agents: ReadonlyMap<AgentKey, AgentReference> | undefined, agent: AgentReference, nodes: NodesOfAgents): AgentKey | undefined {
  if (agents === undefined || agents.size === 0) return undefined;
  const key = keyOfAgent(agent);
  const known = agents.get(key);
  if (known !== undefined && (typeof key === 'string' || (known.slot === agent.slot && known.generation === agent.generation))) return key;
  if (typeof key === 'number' && agents.has(formerKeyOf(agent))) return formerKeyOf(agent);
  if (!nodes.isNode) return undefined;
  for (const [each, other] of agents) if (isSameByName(other, agent, nodes)) return each;
  return undefined;
}

/** As `keyAmong`, for one of another node that has ended. */
export function keyOfNamed(agents: ReadonlyMap<AgentKey, AgentReference> | undefined, { id, life, node }: NamedAgent): AgentKey | undefined {
  if (agents === undefined || agents.size === 0) return undefined;
  const key = keyOfName(id, life, node);
  if (agents.has(key)) return key;
  if (life < 0) return undefined;
  // It was of this node when the tie was made.
  for (const [each, other] of agents) if ((typeof each === 'number' || each.startsWith(FORMER)) && other.id === id) return each;
  return undefined;
}

/** One of them is of another node, or was when it was kept: then its id is that of no other agent, but for those of one node, which never move. */
function isSameByName(kept: AgentReference, agent: AgentReference, nodes: NodesOfAgents): boolean {
  if (kept.id !== agent.id || kept.kind !== agent.kind) return false;
  // One that has left this node since it was kept may have come home, and has another address then; the reference leads there, or to where it went.
  if (kept.remote === undefined && agent.remote === undefined && !nodes.leads(kept)) return kept.slot === agent.slot && kept.generation === agent.generation;
  if ((kept.remote?.life ?? 0) < 0 || (agent.remote?.life ?? 0) < 0) return kept.equals(agent);
  return kept.remote === undefined || agent.remote === undefined || kept.remote.life === agent.remote.life;
}

/** Whether two references are to the same agent, where one of them at least is to one of another node. */
import { sameNode } from '../../model/node-identity.js';
import type { AgentReference } from '../agent-reference.js';
import { isOfNode } from './agent-life.js';
import type { RemoteAgents } from './remote-agents.js';

export function isSameAgent(a: AgentReference, b: AgentReference, remote: RemoteAgents | undefined): boolean {
  if (a.id !== b.id) return false;
  const [lifeOfA, lifeOfB] = [a.remote?.life ?? remote?.lifeOf(a), b.remote?.life ?? remote?.lifeOf(b)];
  if (lifeOfA === undefined || lifeOfA !== lifeOfB) return false;
  if (!isOfNode(lifeOfA)) return true;
  return a.remote !== undefined && b.remote !== undefined && sameNode(a.remote.node, b.remote.node);
}

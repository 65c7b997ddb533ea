/** What whoever has sent a message is told of it when its route ends nowhere. Values only; when that is so is decided in `routing.ts`. */
import { NexusError } from '../../errors.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { nodeUnreachable, waitingFull } from './ask-errors.js';
import { type Route, type UnderwayFrame, WAITING_MAX } from './route.js';

export function fullError(route: Route, frame: UnderwayFrame): NexusError {
  return waitingFull(askedOf(route, frame), route.id, WAITING_MAX);
}

export function askedOf(route: Route, frame: UnderwayFrame): { readonly description: string; readonly facts: object } {
  const what = frame.type === 'message' ? frame.action : frame.type === 'call' ? frame.name : 'mark';
  return { description: `'${what}' of ${frame.kind} '${route.id}'`, facts: { id: route.id, kind: frame.kind, action: what } };
}

export function goneWith(frame: UnderwayFrame, route: Route, node: NodeIdentity): NexusError {
  return nodeUnreachable(askedOf(route, frame), node, `${nodeKey(node)} is not a member of the cluster any more, and its agents have ended with it`);
}

export function asNexusError(error: unknown, route: Route): NexusError {
  return error instanceof NexusError ? error : new NexusError('NEXUS_AGENT_NOT_FOUND', `${route.id} could not be found`, { cause: error });
}

/** Why a message to an agent of another node has come to nothing: errors that are the same wherever it is found out. */
import { NexusError, quoted } from '../../errors.js';
import type { NodeIdentity } from '../../model/node-identity.js';

/** What an error says of its ask, or call. */
export interface Asked {
  /** Such as `'add' of counter "c1"`. */
  readonly description: string;
  readonly facts: object;
}

/** It was sent, and what became of it is not known. */
export function outcomeUnknown({ description, facts }: Asked, node: NodeIdentity, because: string): NexusError {
  return new NexusError(
    'NEXUS_OUTCOME_UNKNOWN',
    `${description} was sent to node ${node.name}, and ${because} before the reply came: it may or may not have been handled. Ask again what may be done twice`,
    { data: { ...facts, node: node.name } },
  );
}

/** It has surely not been sent. */
export function nodeUnreachable({ description, facts }: Asked, node: NodeIdentity, because: string): NexusError {
  return new NexusError('NEXUS_NODE_UNREACHABLE', `${description} was not sent to node ${node.name}: ${because}. Asking again is safe`, {
    data: { ...facts, node: node.name },
  });
}

export function nodeFull({ description, facts }: Asked, node: NodeIdentity): NexusError {
  return new NexusError(
    'NEXUS_BACKPRESSURE',
    `${description} was not sent: as much as may wait for node ${node.name} waits already. Messages are made faster than the connection or the node takes them: slow down (offer waits for room)`,
    { data: { ...facts, node: node.name } },
  );
}

/** Messages wait until it is known where their agent is, and no more of them are taken. */
export function waitingFull({ description, facts }: Asked, id: string, count: number): NexusError {
  return new NexusError(
    'NEXUS_BACKPRESSURE',
    `${description} was not sent: ${count} messages wait already until it is known on which node ${quoted(id)} is; slow down`,
    {
      data: { ...facts, id },
    },
  );
}

/** The other side has sent something that no node sends. */
export function frameRefused(what: string): NexusError {
  return new NexusError('NEXUS_MESSAGE_CORRUPT', `a message about agents has come from another node that is none: ${what}`, { data: { what } });
}

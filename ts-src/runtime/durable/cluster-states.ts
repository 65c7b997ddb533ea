/**
 * What the durable agents of one thread need where their nexus is a node of a cluster: the right to run an agent, with what is stored of it, and the copies of what it writes. On the calling thread it is
 * `cluster/copies/`, on a worker it passes everything on to that. Absent in a nexus that is no node, which pays nothing for it.
 */
import { NexusError, quoted } from '../../errors.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { StateVersion, StorageWrite } from '../../ports/storage.js';

/** `start`: somebody wants the agent on this node. `bringBack`: a message or a reminder wants it wherever it belongs. `forget`: it is to be deleted, wherever it belongs, and is not in memory there. */
export type ClaimIntent = 'start' | 'bringBack' | 'forget';

export interface ClusterStates {
  /**
   * Resolves when this node alone may run the agent and its store has the newest state of it, with the version after which its writes count. The same for an agent that this node runs already.
   * Rejects with NEXUS_ID_DUPLICATE if another node runs it, or is to run it (`elsewhereOf`), NEXUS_AGENT_NOT_FOUND if it is known that nothing is stored of what is to be brought back, NEXUS_REGISTRY_TIMEOUT, NEXUS_STOPPED.
   */
  claim(kind: string, id: string, intent: ClaimIntent, thread?: number): Promise<StateVersion>;
  /** The other node that the agent is on, or belongs to, as far as that is known without asking; undefined: this one, or nobody knows. */
  placeOf(id: string): NodeIdentity | undefined;
  /** Whether this node delivers the reminders of the agent. */
  delivers(kind: string, id: string): boolean;
  /** What was claimed has left memory, and nothing of it is under way. */
  release(kind: string, id: string, intent: ClaimIntent, thread?: number): void;
  /** On the calling thread: a worker releases nothing any more that it has claimed. */
  threadLost(thread: number): void;
  /**
   * Resolves when the writes, which have a version each, are on disk wherever copies belong; undefined if there is no such place. One at a time for each agent. Rejects with NEXUS_STORE_FULL, NEXUS_STORE_FAILED, NEXUS_TOKEN_STALE,
   * and it is not known then which copies have them: the next ones are made whole.
   */
  copy(kind: string, id: string, writes: readonly StorageWrite[]): Promise<void> | undefined;
  /** Resolves when all members that hold the agent have what the store of this node has of it. Rejects with why one has not: NEXUS_STORE_FULL, NEXUS_STORE_FAILED. `claim` does so, too. */
  confirm(kind: string, id: string): Promise<void>;
  /** What was given to `copy` last is not in the store of this node. */
  diverged(kind: string, id: string): void;
}

export function elsewhere(kind: string, id: string, node: NodeIdentity): NexusError {
  const { name, incarnation } = node;
  return new NexusError('NEXUS_ID_DUPLICATE', `${kind} ${quoted(id)} belongs to node ${name}; use getOrSpawn, or send to it`, {
    data: { id, kind, node: { name, incarnation } },
  });
}

/** The node that `claim` has named. */
export function elsewhereOf(error: unknown): NodeIdentity | undefined {
  if (!(error instanceof NexusError) || error.code !== 'NEXUS_ID_DUPLICATE') return undefined;
  const node = error.data?.['node'] as NodeIdentity | undefined;
  return typeof node?.name === 'string' ? node : undefined;
}

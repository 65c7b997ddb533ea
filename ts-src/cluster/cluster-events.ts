/** What listeners of `nexus.cluster` are told, on the calling thread. */
import { NexusTypeError, optionError, valueText } from '../errors.js';
import type { MemberSnapshot, NodeStanding, Reachability } from '../model/cluster-snapshot.js';
import { didYouMean, misspelt } from '../model/nearest-name.js';
import type { NodeIdentity } from '../model/node-identity.js';

/** The events of `nexus.cluster.on` by name, with what their listeners get. */
export interface ClusterEvents {
  /** A view was agreed on that has this member, and the one before had not. Also for this node itself. */
  memberJoined: [MemberSnapshot];
  /** It has left by itself. */
  memberLeft: [NodeIdentity];
  /** It could not be reached for so long that its lease has run out: it runs no agents any more. */
  memberRemoved: [NodeIdentity];
  /** The failure detector has changed its mind about a member. */
  reachability: [{ readonly node: NodeIdentity; readonly reachability: Reachability }];
  /** Of this node. */
  standing: [{ readonly standing: NodeStanding; readonly because: string | undefined }];
  /** Another view was agreed on. */
  view: [{ readonly number: number; readonly members: readonly NodeIdentity[] }];
  /** Threads of a node whose event loops are blocked now; an empty list when they go on again. */
  stalled: [{ readonly node: NodeIdentity; readonly threads: readonly number[] }];
}

const EVENTS: readonly (keyof ClusterEvents)[] = ['memberJoined', 'memberLeft', 'memberRemoved', 'reachability', 'standing', 'view', 'stalled'];

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkClusterEvent(event: string, listener: unknown): void {
  if ((EVENTS as readonly string[]).includes(event)) {
    if (typeof listener === 'function') return;
    throw optionError('listener', `of '${event}' must be a function, not ${typeof listener}`);
  }
  throw new NexusTypeError(
    'NEXUS_OPTION_UNKNOWN',
    `a cluster has no event ${valueText(event)}${didYouMean(event, EVENTS)} Events are ${EVENTS.join(', ')}`,
    misspelt(event, EVENTS),
  );
}

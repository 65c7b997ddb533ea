/** What makes a nexus a node of a cluster on the machine: its membership on a thread of its own, its transport on the calling one. */
import { systemClock } from '../adapters/system-clock.js';
import type { ClusterSurroundings } from './cluster-surroundings.js';
import { openMembershipThread } from './membership-thread.js';

export const nodeSurroundings: ClusterSurroundings = {
  clock: systemClock,
  watchesEventLoops: true,
  openMembership: openMembershipThread,
  openTransport: undefined,
};

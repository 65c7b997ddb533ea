/** A view: the members that have been agreed on, under a number that only grows. Every member that knows a view of this number knows the same one. */
import type { MemberStatus } from '../../model/cluster-snapshot.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';

export interface ViewMember extends NodeIdentity {
  readonly address: NodeAddress;
  readonly status: MemberStatus;
  /** Number of the view that it came with: the lower, the older. */
  readonly sinceView: number;
}

export interface View {
  /** Drawn when the cluster was founded: two clusters of one name never take each other for the same. */
  readonly clusterId: string;
  readonly number: number;
  /** In order of their age, then of their names. */
  readonly members: readonly ViewMember[];
}

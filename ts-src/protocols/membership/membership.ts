/**
 * The membership of one node, as a machine without time, chance or network: what it is told goes in, what is to be done comes out. It puts together the failure detector (`swim/`) and the agreed
 * views with their leases (`views/`). Its driver is `cluster/membership-service.ts`.
 */
import type { ClusterTimingOptions, ResolverOptions } from '../../model/cluster-options.js';
import type { ClusterSnapshot, LinkSnapshot, NodeStanding, Reachability } from '../../model/cluster-snapshot.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import type { ViewMember } from '../views/view.js';

/** What happens to a membership. Between two inputs the machine does nothing. */
export type MembershipInput =
  /** Time has come to `dueMs`. Early and late ones are harmless. */
  | { readonly type: 'tick' }
  /** A datagram: whatever its bytes are. */
  | { readonly type: 'received'; readonly from: NodeAddress; readonly bytes: Uint8Array; readonly sender?: string | undefined }
  /** Nobody listens at this address. `isToMend`: somebody refuses this node, or is refused by it, and will until options are changed. */
  | { readonly type: 'refused'; readonly address: NodeAddress; readonly because?: string; readonly isToMend?: boolean }
  /** No connection, and nobody has refused it: only of use to say what is in the way. */
  | { readonly type: 'undelivered'; readonly address: NodeAddress; readonly because: string }
  /** All addresses that discovery knows. */
  | { readonly type: 'discovered'; readonly addresses: readonly NodeAddress[]; readonly isStatic: boolean }
  /** This node is to leave; `left` comes when nobody counts on it any more. */
  | { readonly type: 'leave' }
  /** This node wants to have this weight. */
  | { readonly type: 'weigh'; readonly weight: number }
  /** What this node says of itself has changed. */
  | { readonly type: 'described'; readonly description: NodeDescription }
  /** What was asked for by the effect `persist` is on disk. */
  | { readonly type: 'persisted' };

export type MembershipEffect =
  | { readonly type: 'send'; readonly to: NodeAddress; readonly bytes: Uint8Array }
  | { readonly type: 'persist'; readonly bytes: Uint8Array }
  | { readonly type: 'event'; readonly event: MembershipEvent };

/** What others want to know. */
export type MembershipEvent =
  /** `fenced`: stop all agents, now. */
  | { readonly type: 'standing'; readonly standing: NodeStanding; readonly because: string | undefined }
  /** Agreed. `removed` are those that may not run any more and do not: their agents may be started elsewhere. `left` went by themselves. */
  | {
      readonly type: 'view';
      /** Drawn when the cluster was founded: views of another one have nothing to do with these. */
      readonly clusterId: string;
      readonly number: number;
      readonly members: readonly ViewMember[];
      /** A node that is no member and has no greater incarnation than this has departed: who joins has a greater one. */
      readonly incarnationFloor: number;
      readonly joined: readonly NodeIdentity[];
      readonly left: readonly NodeIdentity[];
      readonly removed: readonly NodeIdentity[];
    }
  | { readonly type: 'reachability'; readonly node: NodeIdentity; readonly reachability: Reachability }
  /** Threads of that node stall, or do not any more. */
  | { readonly type: 'stalled'; readonly node: NodeIdentity; readonly threads: readonly number[] }
  /** What a member says of itself has changed. */
  | { readonly type: 'described'; readonly node: NodeIdentity; readonly description: NodeDescription }
  /** Somebody should look: what is configured may lead to two clusters, a seed does not answer, another cluster of this name is there. Said once for each cause. */
  | { readonly type: 'warning'; readonly because: string }
  /** A message that was not one, or of another cluster: counted, with the code of why. */
  | { readonly type: 'refusedMessage'; readonly from: NodeAddress; readonly code: string; readonly because: string };

/** What a node says of itself; others may show it, and route by it. */
export interface NodeDescription {
  readonly dataAddress: NodeAddress | undefined;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly stalledThreads: readonly number[];
}

/** What the failure detector has measured on the way to one member. */
export type ProbeStatistics = Pick<LinkSnapshot, 'node' | 'roundTripMs' | 'loss'>;

/** What the membership knows; what the transport knows is added elsewhere. */
export interface MembershipSnapshot extends Omit<ClusterSnapshot, 'links'> {
  readonly probes: readonly ProbeStatistics[];
}

/** What the machine of a node is made with. */
export interface MembershipConfiguration {
  /** Name of the cluster. */
  readonly cluster: string;
  /** Name of this node. */
  readonly node: string;
  /** The least that the incarnation may be, from the wall clock: what was kept on disk and what the cluster remembers may make it greater. */
  readonly incarnation: number;
  /** Where the others send to. */
  readonly address: NodeAddress;
  readonly description: NodeDescription;
  /** That it joins with: 0 to 1,000. */
  readonly weight: number;
  readonly resolver: ResolverOptions;
  readonly timing: Required<ClusterTimingOptions>;
  /** What the last `persist` of an earlier start has left; undefined if there is nothing. */
  readonly state: Uint8Array | undefined;
  /** 0 ≤ x < 1. */
  random(): number;
}

export interface MembershipMachine {
  /** Of the cluster that it is or was in; empty before. */
  readonly clusterId: string;
  /** Its incarnation is final when `standing` is `member`. */
  readonly self: NodeIdentity;
  /** Until when agents may run if nothing is heard any more, in the time of `nowMs`: the end of the lease; -infinity for a node that is no member. Changes with every step. */
  readonly leaseEndMs: number;
  /** When the next tick is wanted, in the time of `nowMs`; infinity for never. Changes with every step. */
  readonly dueMs: number;
  readonly standing: NodeStanding;
  /** Whether agents may run at this moment, whether or not a tick has been late. */
  mayRun(nowMs: number): boolean;
  step(nowMs: number, input: MembershipInput): readonly MembershipEffect[];
  snapshot(nowMs: number): MembershipSnapshot;
}

/**
 * What one node knows of its cluster, as values for whoever looks: the API, the page, `nexus top`, metrics. Nothing here decides anything.
 */
import type { CopiesSnapshot } from './copies-snapshot.js';
import type { NodeAddress, NodeIdentity } from './node-identity.js';
import type { RegistrySnapshot } from './registry-snapshot.js';

/** Where this node stands in its cluster. Agents run from the start, also while it is `joining`. `fenced`: it has lost touch with the cluster, or was removed from it, and has stopped its agents. */
export type NodeStanding = 'joining' | 'member' | 'leaving' | 'left' | 'fenced';

/** Of a member of the agreed view. */
export type MemberStatus = 'up' | 'leaving';

/** What the failure detector says. `suspect`: it did not answer, and may still refute that; `unreachable`: it has not in time. */
export type Reachability = 'reachable' | 'suspect' | 'unreachable';

/** A member, as this node sees it. */
export interface MemberSnapshot extends NodeIdentity {
  readonly status: MemberStatus;
  readonly reachability: Reachability;
  /** Whether it is among the voters that agree on the next view. */
  readonly isVoter: boolean;
  /** How much it takes of what is spread over the members, compared to the others. 0 for one that drains. */
  readonly weight: number;
  /** The view that it came with: the lower, the older a member. */
  readonly sinceView: number;
  /** Where its membership thread listens. */
  readonly address: NodeAddress;
  /** Where its transport listens for messages of agents; undefined if it has none. */
  readonly dataAddress: NodeAddress | undefined;
  /** Version of the package it runs. */
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Threads of it whose event loops have been blocked for longer than `stalledAfterMs`. */
  readonly stalledThreads: readonly number[];
  /** Suspicion by the accrual detector, of this node: -log10 of the probability that it is alive and late; undefined for itself and before there are enough answers. At most 100. */
  readonly phi: number | undefined;
  /** Members that cannot reach it, by name. */
  readonly unreachableFrom: readonly string[];
}

/** Bounds by which asks of other nodes are counted: powers of four from 16.4 µs to 68.7 s. */
export const ASK_BOUNDS_NS: readonly number[] = Array.from({ length: 12 }, (_, index) => 2 ** (14 + 2 * index));

/** Asks of agents of another node, as the calling thread of this one sees them: from when it has them until their answers, which may be errors. */
export interface LinkAsks {
  /** Asks that were answered since the node is known, and how long they took together. */
  readonly answered: number;
  readonly totalMs: number;
  /** How many of them took at most 2^14 ns, 2^16 ns and so on, to 2^36 ns. */
  readonly counts: readonly number[];
  /** Of the last 10 to 20 seconds, or since somebody looked last where that is longer. */
  readonly perSecond: number;
  /** Of the same time; absent where nothing was answered in it. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** The connection of this node to another one. */
export interface LinkSnapshot {
  readonly node: string;
  /** Of the last probes that were answered, milliseconds; undefined before the first. */
  readonly roundTripMs: { readonly mean: number; readonly last: number } | undefined;
  /** Share of the last 100 direct probes that were not answered in time, 0 to 1; undefined before the first. */
  readonly loss: number | undefined;
  /** Of the transport. */
  readonly connections: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sentMessages: number;
  readonly receivedMessages: number;
  /** Messages and bytes that wait for room. */
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** Messages that were accepted and then lost with their connection. Absent where nothing counts them. */
  readonly lostMessages?: number;
  /** Absent before the first answer to an ask. */
  readonly asks?: LinkAsks;
  /** Whether messages go through memory that is shared with the node, which runs on this machine. `connections` are those over the network. */
  readonly sharedMemory?: boolean;
  /** Why they do not; absent while that is not known. */
  readonly notSharedBecause?: string;
}

/** What one node knows of its cluster at a moment. */
export interface ClusterSnapshot {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly self: NodeIdentity;
  readonly standing: NodeStanding;
  /** Why it is fenced. */
  readonly fencedBecause: string | undefined;
  /** Number of the agreed view; 0 before the first. */
  readonly view: number;
  /** Name of the member that proposes changes. */
  readonly coordinator: string | undefined;
  readonly resolver: string;
  /** Milliseconds until this node stops its agents if nobody of the voters answers any more; undefined when it is no member. */
  readonly leaseMs: number | undefined;
  /** In order of their names; this node is one of them. */
  readonly members: readonly MemberSnapshot[];
  readonly links: readonly LinkSnapshot[];
  /** Groups of members that reach each other, as far as this node knows: more than one is a partition. */
  readonly partitions: readonly (readonly string[])[];
  /** Probes that are answered late count against this node itself: 0 is healthy, 8 the worst. */
  readonly localHealth: number;
  /** What this node has refused of what others sent, since it started, by the code of the error. Absent where nothing counts it. */
  readonly refusals?: Readonly<Record<string, number>>;
  /** Who runs which id, as far as this node knows and decides it. Absent before the node is complete, and where there are no connections between nodes. */
  readonly registry?: RegistrySnapshot;
  /** Copies of durable state; absent where no agent is durable. */
  readonly copies?: CopiesSnapshot | undefined;
}

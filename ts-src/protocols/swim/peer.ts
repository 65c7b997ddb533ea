/** What the failure detector of this node knows of one other member. Values for `swim.ts`, which alone changes them. */
import type { Reachability } from '../../model/cluster-snapshot.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import { PhiAccrual } from '../phi-accrual.js';
import { LinkStatistics } from './link-statistics.js';
import type { Suspicion } from './suspicion.js';
import type { SwimMember } from './swim-steps.js';

/** A try to get an answer of a member, directly and then through relays. */
export interface Probe {
  /** Only what was sent since then answers it. */
  readonly startedAtMs: number;
  /** When relays are asked; infinity when they have been. */
  relaysAtMs: number;
  /** When it has failed. */
  deadlineMs: number;
  /** Nobody listens at its address, as far as this node can see. */
  isRefused: boolean;
  /** Members that were asked and have not said anything yet. */
  readonly silentRelays: Set<string>;
  relaysAsked: number;
}

export class Peer {
  readonly identity: NodeIdentity;
  readonly address: NodeAddress;
  /** Of the last claim that won. */
  refutation = 0;
  state: Reachability = 'reachable';
  /** While the state is `suspect`. */
  suspicion: Suspicion | undefined;
  /** Who says that it is unreachable, while it is. */
  accusers: readonly string[] = [];
  /** The last thing that it said of itself, and with which refutation; -1 before that. */
  metadata: Uint8Array | undefined;
  metadataRefutation = -1;
  /** Since when it is known to have said something that this node has not heard. */
  lacksMetadataSinceMs: number | undefined;
  probe: Probe | undefined;
  /** When the last ping that was answered directly was sent. */
  answeredSentAtMs = Number.NEGATIVE_INFINITY;
  /** Sequence number of the last ping of it. */
  lastPing = 0;
  /** When its address last refused, as a reason for a probe. */
  refusedAtMs = Number.NEGATIVE_INFINITY;
  readonly link = new LinkStatistics();
  readonly phi = new PhiAccrual();

  constructor({ name, incarnation, address }: SwimMember) {
    this.identity = { name, incarnation };
    this.address = address;
  }

  /** Members that cannot reach it, by name. */
  get unreachableFrom(): readonly string[] {
    return this.suspicion === undefined ? this.accusers : [...this.suspicion.accusers].sort();
  }
}

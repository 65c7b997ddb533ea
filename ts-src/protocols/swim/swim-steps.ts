/** What goes into the failure detector and what comes out of it: `swim.ts` decides, `membership/` performs. */
import type { Reachability } from '../../model/cluster-snapshot.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import type { SwimMessage } from './swim-messages.js';

/** A member, as far as it concerns the failure detector: `ViewMember` is one. */
export interface SwimMember extends NodeIdentity {
  readonly address: NodeAddress;
}

export type SwimInput =
  /** Time has come to `dueMs`. Early ones are harmless; a late one says that this node did not run. */
  | { readonly type: 'tick' }
  /** A message of `from`, who is to be answered at `address`. Whoever calls has refused what is of another cluster, or of a removed incarnation. */
  | { readonly type: 'received'; readonly from: NodeIdentity; readonly address: NodeAddress; readonly message: SwimMessage }
  /** Nobody listens at this address. */
  | { readonly type: 'refused'; readonly address: NodeAddress }
  /** These are members from now on; those that are already, and this node itself, change nothing. Another incarnation of a name takes the place of the one before. */
  | { readonly type: 'admit'; readonly members: readonly SwimMember[] }
  /** These are not any more: nothing is said of them, and nothing heard. */
  | { readonly type: 'forget'; readonly nodes: readonly NodeIdentity[] }
  /** What this node says of itself, at most METADATA_BYTES_MAX. The bytes must not change any more. */
  | { readonly type: 'describe'; readonly metadata: Uint8Array }
  /** Ping this member now, out of turn. */
  | { readonly type: 'probe'; readonly node: NodeIdentity };

export type SwimEffect =
  | { readonly type: 'send'; readonly to: NodeIdentity; readonly address: NodeAddress; readonly message: SwimMessage }
  /** What is known of a member has changed. */
  | { readonly type: 'reachability'; readonly node: NodeIdentity; readonly state: Reachability }
  /** What a member says of itself, for the first time or anew. */
  | { readonly type: 'metadata'; readonly node: NodeIdentity; readonly metadata: Uint8Array }
  /**
   * A ping of this node was answered, for the first time directly or through a relay. `sentAtMs` is when this node sent what was answered (the request to the relay, if `relayed`): `grant` was
   * given after it.
   */
  | {
      readonly type: 'acked';
      readonly node: NodeIdentity;
      readonly grant: number;
      readonly sentAtMs: number;
      readonly roundTripMs: number;
      readonly relayed: boolean;
    };

/** What the failure detector asks its surroundings, in the middle of a step. */
export interface SwimNeeds {
  /** 0 ≤ x < 1. */
  random(): number;
  /**
   * A ping of this node came, directly or through a relay, and is about to be answered: the number goes into the ack. Undefined: it is not answered. What is returned has been promised, whether
   * or not the ack arrives.
   */
  grantFor(node: NodeIdentity): number | undefined;
}

/** What the failure detectors of two nodes say to each other, as values. Bytes are made of them in `membership/membership-codec.ts`. */
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import type { Reachability } from '../../model/cluster-snapshot.js';

/** Rumours that one message carries at most. */
export const RUMOURS_MAX = 64;
/** Encoded metadata of a node. */
export const METADATA_BYTES_MAX = 4096;

/**
 * What is told on about a member. `refutation` grows when the member refutes a suspicion or changes what it says of itself; with the incarnation before it, it is the incarnation number of the
 * paper: of two rumours the greater pair wins, and of the same pair the worse state.
 */
export interface Rumour {
  readonly about: NodeIdentity;
  readonly refutation: number;
  readonly state: Reachability;
  /** Who says so: a suspicion needs others that confirm it. */
  readonly by: string;
  /** What the member says of itself (`reachable` only): opaque here. */
  readonly metadata: Uint8Array | undefined;
}

/** Every message is of one exchange, numbered by whoever began it. */
export type SwimMessage =
  | { readonly type: 'ping'; readonly sequence: number; readonly rumours: readonly Rumour[] }
  /** Ping `target` for me: I am the sender of this message. */
  | {
      readonly type: 'pingRequest';
      readonly sequence: number;
      readonly target: NodeIdentity;
      readonly targetAddress: NodeAddress;
      readonly rumours: readonly Rumour[];
    }
  /** The ping of a relay, for `origin`, who is to have the answer. */
  | { readonly type: 'relayedPing'; readonly sequence: number; readonly origin: NodeIdentity; readonly rumours: readonly Rumour[] }
  /** `grant`: see `views/lease.ts`; opaque here. From the one that was pinged, to whoever pinged it. */
  | { readonly type: 'ack'; readonly sequence: number; readonly grant: number; readonly rumours: readonly Rumour[] }
  /** A relay passes on the answer of `target`. */
  | { readonly type: 'relayedAck'; readonly sequence: number; readonly target: NodeIdentity; readonly grant: number; readonly rumours: readonly Rumour[] }
  /** The relay has had no answer in time, but is there itself (Lifeguard). */
  | { readonly type: 'nack'; readonly sequence: number; readonly target: NodeIdentity }
  /** Nothing but rumours. */
  | { readonly type: 'gossip'; readonly rumours: readonly Rumour[] };

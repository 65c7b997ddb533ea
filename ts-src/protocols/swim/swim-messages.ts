/** What the failure detectors of two nodes say to each other, as values. Bytes are made of them in `membership/membership-codec.ts`. */
import type { Reachability } from '../../model/cluster-snapshot.js';
import type { NodeIdentity } from '../../model/node-identity.js';

/** Rumours that one message carries at most, and members that one request asks about. */
export const RUMOURS_MAX = 64;
/** Encoded metadata of a node. */
export const METADATA_BYTES_MAX = 4096;
/** Rumours beyond it are no rumours: nobody refutes that often, and so a member can always refute. */
export const REFUTATION_MAX = 2 ** 40;
/** How long a relay may be asked to wait for an answer. */
export const RELAY_MS_MAX = 60_000;

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

/**
 * Every message is of one exchange, numbered by whoever began it. `refutation` is that of the node that the message is from (of `target`, in a relayed ack): who has missed a rumour
 * about it sees that.
 */
export type SwimMessage =
  | { readonly type: 'ping'; readonly sequence: number; readonly refutation: number; readonly rumours: readonly Rumour[] }
  /** Ping `target` for me: I am the sender of this message. A nack is of use to me for `withinMs`, 1 to RELAY_MS_MAX. */
  | {
      readonly type: 'pingRequest';
      readonly sequence: number;
      readonly target: NodeIdentity;
      readonly withinMs: number;
      readonly rumours: readonly Rumour[];
    }
  /** The ping of a relay, for `origin`, who is to have the answer. */
  | { readonly type: 'relayedPing'; readonly sequence: number; readonly origin: NodeIdentity; readonly rumours: readonly Rumour[] }
  /** `grant`: see `views/lease.ts`; opaque here. From the one that was pinged, to whoever pinged it. */
  | { readonly type: 'ack'; readonly sequence: number; readonly refutation: number; readonly grant: number; readonly rumours: readonly Rumour[] }
  /** A relay passes on the answer of `target`. */
  | {
      readonly type: 'relayedAck';
      readonly sequence: number;
      readonly target: NodeIdentity;
      readonly refutation: number;
      readonly grant: number;
      readonly rumours: readonly Rumour[];
    }
  /** The relay has had no answer in time, but is there itself (Lifeguard). */
  | { readonly type: 'nack'; readonly sequence: number; readonly target: NodeIdentity }
  /** Tell me what these say of themselves: at most RUMOURS_MAX. */
  | { readonly type: 'rumourRequest'; readonly about: readonly NodeIdentity[] }
  /** The answer, as far as it is known. It is not told on: everybody else has heard of it. */
  | { readonly type: 'descriptions'; readonly rumours: readonly Rumour[] }
  /** Nothing but rumours. */
  | { readonly type: 'gossip'; readonly rumours: readonly Rumour[] };

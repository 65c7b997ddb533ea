/**
 * Messages between nodes, for whoever coordinates or carries messages of agents: to a node, by its identity. Implemented once, over any `Wire` (`cluster/transport/`), and proven by the
 * conformance suite in `testing/conformance/`.
 */
import type { NodeAddress, NodeIdentity } from '../model/node-identity.js';
import type { Shape } from '../model/shape.js';

/** What goes first: `control` before `normal` before `bulk`, on every connection; a large message of one never delays a small one of another by more than a fragment. */
export type Lane = 'control' | 'normal' | 'bulk';
export const LANES: readonly Lane[] = ['control', 'normal', 'bulk'];

/**
 * What became of a message. `accepted`: it waits, or is on its way; it arrives once, or not at all. `full`: the limit of what may wait for that node is reached. `unknown`: no such node is
 * known, or it was removed. `closed`: this transport has ended.
 */
export type SendOutcome = 'accepted' | 'full' | 'unknown' | 'closed';

export interface OutgoingMessage {
  /** Which part of the receiver it is for, 0 to 255: who listens there gets it. */
  readonly channel: number;
  /** Anything that can be cloned but agents: encoded before the call returns. */
  readonly value: unknown;
  /** Encoded by the codec of this shape; the receiver must have registered the same one. */
  readonly shape?: Shape;
  /** Messages of one stream to one node arrive in order; of different streams in any order. Any whole number from 0. Default 0. */
  readonly stream?: number;
}

/** Where a message that was accepted is among those of its connection: while `sent.sentMessages` is less than `number` it has not been given to the network. */
export interface LastAccepted {
  /** Of one lane of a connection: live. */
  readonly sent: { readonly sentMessages: number; readonly waitingMessages: number };
  readonly number: number;
}

export interface IncomingMessage {
  readonly from: NodeIdentity;
  readonly lane: Lane;
  readonly value: unknown;
}

export interface TransportEvents {
  /** A node can be reached, has gone, or refuses this one (with the reason). */
  opened(node: NodeIdentity): void;
  closed(node: NodeIdentity, error: Error | undefined): void;
  /** A connection that had been open has ended with an error: what was on its way on it in both directions, and what waited for it, may be lost. Others of that node may go on. */
  lost?(node: NodeIdentity, lane: Lane | 'any', error: Error): void;
}

/** Of one node, since it is known. */
export interface TransportStatistics {
  readonly node: NodeIdentity;
  readonly connections: number;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** Messages that were accepted and then lost with their connection. */
  readonly lostMessages: number;
  /** Of the fastest connection, smoothed; absent until it was measured. */
  readonly roundTripMs?: number;
  /** Whether messages go through memory that is shared with the node, which runs on this machine. `connections` counts those over the network. */
  readonly sharedMemory?: boolean;
  /** Why they do not, when that is known. */
  readonly notSharedBecause?: string;
}

export interface Transport {
  readonly self: NodeIdentity;
  /** Where it listens. */
  readonly address: NodeAddress;
  /** From now on this node may be sent to, and may connect; another incarnation of the name is forgotten. */
  admit(node: NodeIdentity, address: NodeAddress): void;
  /** Closes its connections; it is refused from now on. */
  forget(node: NodeIdentity): void;
  /** @throws NexusTypeError NEXUS_NOT_CLONEABLE, NEXUS_SHAPE_MISMATCH; NexusError NEXUS_MESSAGE_TOO_LARGE */
  send(to: NodeIdentity, lane: Lane, message: OutgoingMessage): SendOutcome;
  /** One listener a channel. A listener that throws is logged. */
  /** Of the last `send` that was accepted: the same object, changed by the next one. Absent where nobody can know. */
  readonly lastAccepted?: LastAccepted | undefined;
  listen(channel: number, listener: (message: IncomingMessage) => void): void;
  /** Messages of this shape can be understood from now on. */
  register(shape: Shape): void;
  statistics(): readonly TransportStatistics[];
  /** What was refused since the start, by the code of the error: strangers, floods, certificates, handshakes, frames and messages that cannot be understood. */
  refusals(): ReadonlyMap<string, number>;
  /** Sends what waits, for at most that long, and ends. */
  close(deadlineMs?: number): Promise<void>;
}

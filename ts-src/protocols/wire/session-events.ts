/** What a session is told, and what it tells: the types between `session.ts` and whoever puts it on a connection. */
import type { NexusError } from '../../errors.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import type { Lane } from '../../ports/transport.js';
import type { CompressionOptions } from './compression.js';
import type { Role } from './handshake.js';
import type { Introduction, Purpose } from './handshake-messages.js';
import type { MessageCodec } from './message-codec.js';
import type { ReassemblyBudget } from './reassembly-budget.js';
import type { Refusal } from './refusal.js';
import type { SessionLimits } from './wire-limits.js';

export interface SessionOptions {
  readonly purpose: Purpose;
  readonly self: NodeIdentity;
  /** Where this node listens: what the peer is told. */
  readonly address: NodeAddress;
  readonly cluster: string;
  readonly clusterId?: string | undefined;
  /** Made by `sessionLimits`. */
  readonly limits: SessionLimits;
  /** Shared by all sessions of a transport. */
  readonly codec: MessageCodec;
  /** Shared by all sessions that are to share it. */
  readonly budget: ReassemblyBudget;
  /** Undefined: nothing is compressed, and nothing compressed is taken. */
  readonly compression?: CompressionOptions | undefined;
  /** The name that every certificate has. Default: the name of the node it belongs to. */
  readonly serverName?: string | undefined;
  /** What processes of this machine are told, to meet this one there: see `SAME_HOST_BYTES`. */
  readonly sameHost?: Uint8Array | undefined;
  /** Whether a node that says who it is may connect; undefined: yes. */
  readonly accept: (peer: Introduction) => Refusal | undefined;
  /** For tests of other versions. Default: those of this build. */
  readonly versions?: { readonly min: number; readonly max: number } | undefined;
}

/** What is known when there is a connection. */
export interface SessionStart {
  readonly role: Role;
  /** 16 bytes from a good source, never used before. */
  readonly nonce: Uint8Array;
  /** Of the connection. */
  readonly certifiedNames: readonly string[] | undefined;
  /** Whom the dialler means to reach, if it knows. */
  readonly expected?: NodeIdentity | undefined;
}

/** What the handshake has found out. */
export interface SessionPeer {
  readonly identity: NodeIdentity;
  /** Where it listens, as it says itself. */
  readonly address: NodeAddress;
  readonly clusterId: string | undefined;
  readonly version: number;
  readonly compresses: boolean;
  /**
   * What it says to processes of its machine, with both nonces of the handshake, that of the dialler first: what the two sides of this session know, and whoever can read what is between them.
   * Absent if it says nothing.
   */
  readonly sameHost?: { readonly said: Uint8Array; readonly nonces: Uint8Array };
}

export interface ReceivedMessage {
  readonly lane: Lane;
  readonly channel: number;
  readonly value: unknown;
}

/** Why the sender of a goodbye says it. The index is what travels; a number that is not known is shown as `aborted`. */
export const GOODBYE_REASONS = [
  /** All that waited was sent, and nothing more comes. The other reasons end the session at once. */
  'finished',
  'aborted',
  /** The other side broke the protocol. */
  'violation',
  /** The other side was removed from the cluster, or this one. */
  'removed',
  /** Another connection takes its place. */
  'superseded',
  /** Nothing was heard for too long, or the end was not done in time. */
  'timeout',
] as const;
export type GoodbyeReason = (typeof GOODBYE_REASONS)[number];

/** What became of the messages that had been sent into the session. */
export interface LostMessages {
  /** Never left: certainly not delivered. */
  readonly unsent: number;
  /** Left, and not receipted: may or may not have been delivered. */
  readonly uncertain: number;
}

/** How a session ended. */
export interface SessionEnd {
  /** Whether its handshake had been done. If not, it may be started again on another connection, with what waits in it. */
  readonly opened: boolean;
  readonly byPeer: boolean;
  /**
   * Undefined for a graceful end. NEXUS_HANDSHAKE_REFUSED, NEXUS_VERSION_UNSUPPORTED (with the reason in `data.reason`), NEXUS_FRAME_INVALID (with the kind of violation in `data.violation`),
   * NEXUS_CONNECTION_LOST (with `data.reason`).
   */
  readonly error: NexusError | undefined;
  readonly lost: LostMessages;
}

/** Called within calls of the session; they must not throw. They may call the session. */
export interface SessionEvents {
  /** Messages and datagrams may come. */
  opened(peer: SessionPeer): void;
  message(message: ReceivedMessage): void;
  /** The bytes are the receiver's until the call returns. */
  datagram(bytes: Uint8Array): void;
  /** One message or datagram was refused, received or waiting; the session goes on. */
  refused(error: NexusError): void;
  /** `send` said `full`, and there is room again. */
  drained(lane: Lane): void;
  /** The other side has consumed some of what was sent. */
  receipted?(): void;
  /**
   * The other side has ended these sessions, however much of them is still to come here: what comes after this must not be followed by anything of them. Whoever has it ends them at once. Where it is
   * absent the other side is told that it need not say so.
   */
  superseded?(sessions: readonly Uint8Array[]): void;
  /** Once for every start. What is still to be sent (the reason) is given by `nextFrame`; then the connection is to be closed. */
  closed(end: SessionEnd): void;
}

/** Since the session was made. */
export interface SessionStatistics {
  readonly sentMessages: number;
  readonly sentFrames: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedFrames: number;
  readonly receivedBytes: number;
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** Sent and not receipted. */
  readonly unreceiptedMessages: number;
  readonly refusedMessages: number;
  readonly droppedDatagrams: number;
  readonly assemblyBytes: number;
  readonly roundTripMs: number | undefined;
  readonly smoothedRoundTripMs: number | undefined;
}

/** Of one lane: messages are delivered in the order in which they were sent into it. */
export interface LaneProgress {
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** Given to the connection. With those that wait: all that were accepted. */
  readonly sentMessages: number;
  /** Of these, consumed by the other side, as it says. */
  readonly deliveredMessages: number;
}

/** What the cluster parts of a node are put together over: the machine, or a simulation of it. */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import type { Logger } from '../model/agent-context.js';
import type { NodeAddress, NodeIdentity } from '../model/node-identity.js';
import type { Clock } from '../ports/clock.js';
import type { Datagrams, DatagramEvents } from '../ports/datagrams.js';
import type { Discovery } from '../ports/discovery.js';
import type { NodeStateStore } from '../ports/node-state.js';
import type { ProcessLinks } from '../ports/process-links.js';
import type { Transport, TransportEvents } from '../ports/transport.js';
import type { Wire } from '../ports/wire.js';
import type { MembershipEvent, MembershipSnapshot } from '../protocols/membership/membership.js';
import type { NodeParts, NodePartsNeeds } from './node-parts.js';
import type { ResolvedCluster } from './resolve-cluster-options.js';

export interface MembershipSurroundings {
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  /** Listens, and calls back; rejects with NexusError NEXUS_LISTEN_FAILED. */
  openDatagrams(events: DatagramEvents): Promise<Datagrams>;
  readonly discovery: Discovery;
  readonly state: NodeStateStore | undefined;
  happened(event: MembershipEvent): void;
  /** Something did not work that is tried again, or done without: for the log. */
  failed?(error: Error, what: string): void;
}

export interface TransportSurroundings {
  readonly clock: Clock;
  random(): number;
  readonly wire: Wire;
  /** 16 bytes that were never used before. Default: of the machine's good source; a simulation has its own. */
  readonly nonce?: () => Uint8Array;
  /** Default: no memory is shared, and nobody is told. */
  readonly sameHost?: SameHostSurroundings;
}

/** Shared memory with other processes of this machine, which the transport closes when it ends; or why there is none, and whether that is what was asked for. */
export type SameHostSurroundings =
  | { readonly links: ProcessLinks; readonly reason?: undefined }
  | { readonly links?: undefined; readonly reason: string; readonly isWanted?: false };

/** What the membership of a nexus is opened with, wherever it runs. */
export interface MembershipNeeds {
  readonly options: ResolvedCluster;
  /** Of the nexus: whose event loops are watched, and where its threads read until when they may run. */
  readonly shared: SharedMemory;
  readonly logger: Logger;
}

/** What the calling thread is told. Never from within a call. */
export interface MembershipListener {
  happened(event: MembershipEvent): void;
  /** It has ended by itself, and with it what kept this node a member. Nothing comes after it. */
  lost(error: Error): void;
}

/** The membership of a nexus as its calling thread has it. */
export interface RunningMembership {
  readonly self: NodeIdentity;
  readonly address: NodeAddress;
  /** As it is now, or as it was when the membership thread last said so: at most a second ago. */
  snapshot(): MembershipSnapshot;
  /** What the calling thread knows of what the node says of itself. */
  describe(own: OwnDescription): void;
  leave(): void;
  /** Asks for another weight in the agreed view: a view event says when it has it. @param weight 0 to 1,000 */
  weigh(weight: number): void;
  close(): Promise<void>;
}

export interface OwnDescription {
  readonly dataAddress: NodeAddress | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface TransportNeeds {
  readonly options: ResolvedCluster;
  /** Its incarnation may still grow before this node is a member; nobody is talked to before that. */
  self(): NodeIdentity;
  /** The host that the others know this node under. */
  readonly advertise: string;
  readonly logger: Logger;
  readonly events: TransportEvents;
  /** How references to agents travel. */
  readonly references: ReferenceCodec;
}

/** A transport with what is below it. */
export interface OpenTransport {
  readonly transport: Transport;
  /** Sends what waits, for at most that long, and closes it and the wire. */
  close(deadlineMs: number): Promise<void>;
}

/** What makes a nexus a node: of the machine (`node-surroundings.ts`), or of a simulation. */
export interface ClusterSurroundings {
  readonly clock: Clock;
  /** Whether the threads are to show that their event loops turn. In a simulation there is one event loop. */
  readonly watchesEventLoops: boolean;
  /** Rejects with NexusError NEXUS_LISTEN_FAILED and what else keeps it from starting; nothing is left open then. */
  openMembership(needs: MembershipNeeds, listener: MembershipListener): Promise<RunningMembership>;
  /** Undefined where no messages are sent between nodes. Rejects with NexusError NEXUS_LISTEN_FAILED. */
  readonly openTransport: ((needs: TransportNeeds) => Promise<OpenTransport>) | undefined;
  /** What the nexus does as a node. Not called where there is no transport. */
  openParts(needs: Omit<NodePartsNeeds, 'clock' | 'random'>): NodeParts;
}

/** What the cluster parts of a node are put together over: the machine, or a simulation of it. */
import type { MembershipEvent } from '../protocols/membership/membership.js';
import type { Clock } from '../ports/clock.js';
import type { Datagrams, DatagramEvents } from '../ports/datagrams.js';
import type { Discovery } from '../ports/discovery.js';
import type { NodeStateStore } from '../ports/node-state.js';
import type { Wire } from '../ports/wire.js';

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
}

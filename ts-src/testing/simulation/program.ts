/** What runs on the nodes of a simulated world, and what it is given. */
import type { Logger } from '../../model/agent-context.js';
import type { NodeAddress } from '../../model/node-identity.js';
import type { SeededRandom } from '../../model/seeded-random.js';
import type { Clock } from '../../ports/clock.js';
import type { DatagramEvents, Datagrams } from '../../ports/datagrams.js';
import type { Discovery } from '../../ports/discovery.js';
import type { NodeStateStore } from '../../ports/node-state.js';
import type { Wire } from '../../ports/wire.js';
import type { ThreadGroup, ThreadLife } from '../schedule.js';
import type { SimulatedDisk } from './simulated-disk.js';

/** Everything that a simulated process has of the world. */
export interface ProgramSurroundings {
  /** Of the node: from 1. */
  readonly number: number;
  /** Of the node, and of its machine in addresses. */
  readonly name: string;
  /** How often the node was started before. */
  readonly restarts: number;
  readonly clock: Clock;
  /** 0 ≤ x < 1, of this process alone. */
  random(): number;
  /** A sequence for a purpose of its own. */
  randomOf(purpose: string): SeededRandom;
  readonly wire: Wire;
  /** Listens for datagrams; a port of 0 is chosen. Rejects with NexusError NEXUS_LISTEN_FAILED. */
  openDatagrams(port: number, events: DatagramEvents): Promise<Datagrams>;
  /** Of the machine. */
  readonly disk: SimulatedDisk;
  /** On that disk. */
  readonly state: NodeStateStore;
  /** Knows these addresses from the beginning, the same on all nodes. */
  staticDiscovery(addresses: readonly NodeAddress[]): Discovery;
  /** Knows the addresses of all nodes that run, at this port, as of when it asks again and again. */
  changingDiscovery(port: number, intervalMs: number): Discovery;
  readonly logger: Logger;
  /** The thread it begins on. */
  readonly life: ThreadLife;
  /** Another thread of the process, or another life of one that has ended. */
  beginThread(thread: number): ThreadLife;
  readonly threads: ThreadGroup;
  /** For the trace: what the node knows, or an agent does. Default `event`. */
  note(text: string, mark?: 'event' | 'agent'): void;
  /** Ends the process, as `process.exit` would. */
  exit(code: number): void;
}

/** A program that has been started. */
export interface RunningProgram {
  /** Ends it as it should; the process ends when that is done. */
  stop?(): Promise<void> | void;
}

/** What runs on a node: started with each of its processes. */
export interface Program<R extends RunningProgram = RunningProgram> {
  /** Whether it waits for promises. One that does not is faster to simulate, once it has started. Default true. */
  readonly hasPromises?: boolean;
  start(surroundings: ProgramSurroundings): R | Promise<R>;
}

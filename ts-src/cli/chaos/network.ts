/** What a network is on which a cluster of processes goes through chaos: where its nodes listen, how a process gets there, and what is done to its links. Two kinds: `namespaces.ts` and `proxied-network.ts`. */
import type { LinkConditions } from '../../testing/simulation/link.js';

/** Ports of every node; each has addresses of its own. */
export const CONTROL_PORT = 7400;
export const DATA_PORT = 7401;
export const GATEWAY_PORT = 8080;

export interface NodePlace {
  /** What it listens on for others. */
  readonly listenHost: string;
  /** What others are told to connect to. */
  readonly advertisedHost: string;
  /** Where clients, and hostile peers, find it: no fault is between them and the node. */
  readonly directHost: string;
  /** What goes before a command so that it runs where the node runs. */
  readonly command: readonly string[];
}

export interface ChaosNetwork {
  readonly kind: 'namespaces' | 'proxy';
  place(node: number): NodePlace;
  /** What is sent from one node to another goes through this from now on. Done soon; in the order of the calls. */
  set(from: number, to: number, conditions: LinkConditions): void;
  close(): Promise<void>;
}

/** Faults of links that work on a stream of bytes, and so need a proxy in the way. */
export const STREAM_FAULTS: ReadonlySet<string> = new Set(['latency', 'bandwidth', 'corruption', 'cloggedLink']);

/** What a proxy is told of a link: what it does to the bytes that are sent over it. */
export interface StreamConditions {
  /** Nothing comes through; what is sent meanwhile comes later, as with retransmissions. */
  readonly isHeld: boolean;
  readonly loss: number;
  readonly corruption: number;
  readonly delayMs: { readonly from: number; readonly to: number };
  readonly bytesPerSecond: number | undefined;
}

export const GOOD_STREAM: StreamConditions = { isHeld: false, loss: 0, corruption: 0, delayMs: { from: 0, to: 0 }, bytesPerSecond: undefined };

/** @param isPacketNetwork what is cut and lost is cut and lost by the kernel */
export function streamConditions(
  { isCut, isClogged, loss, corruption, addedLatency, bytesPerSecond }: LinkConditions,
  isPacketNetwork: boolean,
): StreamConditions {
  const delayMs =
    typeof addedLatency === 'object' && addedLatency.type === 'uniform' ? { from: addedLatency.fromMs, to: addedLatency.toMs } : { from: 0, to: 0 };
  return { isHeld: isClogged || (isCut && !isPacketNetwork), loss: isPacketNetwork ? 0 : loss, corruption, delayMs, bytesPerSecond };
}

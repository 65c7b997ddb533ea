/** Options and limits of the WebSocket wire, with their defaults. Checked by whoever offers them to users. */
import type { Logger } from '../../model/agent-context.js';
import type { ClusterTlsOptions } from '../../model/cluster-options.js';
import type { Clock } from '../../ports/clock.js';

/** What a node says it speaks, in the WebSocket handshake. The version of the protocol between nodes is in the handshake of its sessions. */
export const SUBPROTOCOL = 'nexus';
/** Where the nodes of a cluster listen. */
export const PATH = '/nexus';
/** In the answer to a dial that is refused: the code of the reason. */
export const REFUSAL_HEADER = 'x-nexus-refusal';

export interface WebsocketWireLimits {
  /** A frame, and the most memory that bytes of one take which has not arrived as a whole. */
  readonly frameBytesMax: number;
  /** Above it a connection has no room: datagrams are dropped, and whoever sends waits until it is drained. */
  readonly roomBytes: number;
  /** Accepted by one wire at a time. */
  readonly connectionsMax: number;
  /** Of these, how many may be on their way to become connections. Who has been on the way for longest gives way to the next. */
  readonly pendingMax: number;
  /** From the first byte of TCP to the end of the WebSocket handshake, for those who connect to this node. */
  readonly upgradeTimeoutMs: number;
  /** A frame that has begun and does not arrive in this time, or at most twice of it, ends its connection. */
  readonly frameTimeoutMs: number;
  /** How long a goodbye may take before the connection ends by force. */
  readonly closeTimeoutMs: number;
  /** The files of certificates are looked at this often. */
  readonly reloadIntervalMs: number;
}

export const WIRE_LIMITS: WebsocketWireLimits = {
  frameBytesMax: 2_097_152,
  roomBytes: 131_072,
  connectionsMax: 65_536,
  pendingMax: 1_024,
  upgradeTimeoutMs: 5_000,
  frameTimeoutMs: 30_000,
  closeTimeoutMs: 2_000,
  reloadIntervalMs: 10_000,
};

export interface WebsocketWireOptions {
  readonly tls?: ClusterTlsOptions;
  readonly limits?: Partial<WebsocketWireLimits>;
  readonly logger: Logger;
  readonly clock: Clock;
}

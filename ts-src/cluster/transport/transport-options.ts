/** Options and limits of the transport, with their defaults. */
import type { ReferenceCodec } from '../../codec/reference-codec.js';
import type { Logger } from '../../model/agent-context.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { TransportEvents } from '../../ports/transport.js';
import type { CompressionOptions } from '../../protocols/wire/compression.js';
import type { SessionLimits } from '../../protocols/wire/wire-limits.js';

export interface TransportLimits {
  /** Connections to one node that stay open. Default 10. */
  readonly poolSize: number;
  /** More of them, while there is too much to send; closed when they are idle. Default 50. */
  readonly poolOverflow: number;
  /** A connection with so much waiting is congested: streams that are free to move go elsewhere, to a new connection if need be. Default 1 MiB. */
  readonly congestedBytes: number;
  /** An overflowing connection that nothing was sent on for so long is closed. Default 10,000. */
  readonly idleMs: number;
  /** For one attempt to connect. Default 5,000. */
  readonly dialTimeoutMs: number;
  /** Connections whose handshake is not done; the oldest gives way to the next. Default 1,024. */
  readonly handshakingMax: number;
  /** Nodes that were forgotten and are remembered as such, so that they are told. Default 1,024. */
  readonly forgottenMax: number;
}

export const TRANSPORT_LIMITS: TransportLimits = {
  poolSize: 10,
  poolOverflow: 50,
  congestedBytes: 1_048_576,
  idleMs: 10_000,
  dialTimeoutMs: 5_000,
  handshakingMax: 1_024,
  forgottenMax: 1_024,
};

export interface TransportOptions {
  /** Asked for each session: until it is a member, a node may still get a greater incarnation. */
  self(): NodeIdentity;
  readonly cluster: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** What other nodes are told to connect to, if not `listen.host`. */
  readonly advertise?: string | undefined;
  /** The name that all certificates have. */
  readonly serverName?: string | undefined;
  readonly logger: Logger;
  readonly events: TransportEvents;
  /** How references to agents travel. Default: `isReference` says what is one, and none does. */
  readonly references?: ReferenceCodec | undefined;
  /** Whether a value is a reference to an agent, which cannot be sent. Default: none is. */
  readonly isReference?: (value: object) => boolean;
  /** Payloads from that size on are compressed, where both sides do. Default: nothing is. */
  readonly compression?: CompressionOptions | undefined;
  readonly limits?: Partial<TransportLimits>;
  /** Of each session; `waiting` is also what may wait for a node on a lane, over all its connections. */
  readonly sessionLimits?: Partial<SessionLimits>;
}

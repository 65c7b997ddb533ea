/**
 * What the cluster needs of a network: connections that carry frames, whole and in order, each at most once. WebSockets in production (`adapters/websocket/`), a simulated network in
 * tests. What the frames mean, who the peer is, and what is too large is the business of `protocols/wire/`. Callbacks, never promises: a simulation runs them in one order.
 */
import type { NodeAddress } from '../model/node-identity.js';
import type { RefusalCounts } from '../model/refusals.js';

/** How a frame is to travel. A datagram may be dropped, by whoever has no room for it; ordered frames may not, short of the end of the connection. */
export type Delivery = 'ordered' | 'datagram';

/** Why a connection ended. */
export type CloseReason =
  /** One of the two sides has closed it, with this code of RFC 6455 and this text. */
  | { readonly type: 'closed'; readonly byPeer: boolean; readonly code: number; readonly text: string }
  /** The network did: reset, timed out. */
  | { readonly type: 'failed'; readonly error: Error };

/** Calls of a connection to its user, never from within a call of the user to it. */
export interface WireEvents {
  /** The bytes are the user's, until the call returns: who keeps them copies them. */
  received(bytes: Uint8Array): void;
  /** `waitingBytes` was above `roomBytes`, and is not any more. */
  drained(): void;
  /** Once. Nothing comes after it. */
  closed(reason: CloseReason): void;
}

export interface WireConnection {
  /** For messages and logs, such as `10.0.0.7:51234`. */
  readonly remote: string;
  /** Names in the certificate that the peer has shown, if it was checked; undefined without one. */
  readonly certifiedNames: readonly string[] | undefined;
  /** Given to `send`, and not yet to the network. */
  readonly waitingBytes: number;
  /** Above it `drained` will be called. */
  readonly roomBytes: number;
  /** Before anything is received: at once in `accept` or `opened`. */
  listen(events: WireEvents): void;
  /** The bytes must not change any more. Nothing happens on a connection that has ended. @param moreFollows another frame is sent before this turn is over, and may go to the network with this one; default false */
  send(bytes: Uint8Array, delivery: Delivery, moreFollows?: boolean): void;
  /** Sends what waits, says goodbye, and ends; by force when that takes too long. @param text at most 123 bytes of UTF-8 */
  close(code: number, text: string): void;
  /** At once. */
  terminate(): void;
}

export interface WireListener {
  /** With the port that was chosen, if 0 was asked for. */
  readonly address: NodeAddress;
  /** Accepts no more, and resolves when the port is free; connections stay. */
  close(): Promise<void>;
}

export interface DialEvents {
  /** One of the two is called, once. */
  opened(connection: WireConnection): void;
  /** `isRefused`: there was an answer, and it was no: nobody listens at that address, or whoever does refuses us. */
  failed(error: Error, isRefused: boolean): void;
}

export interface Wire {
  /** What it has refused itself since the start, by the code of the error: who has not become a connection, and frames that it could not take. Absent where everybody becomes one. */
  readonly refusals?: RefusalCounts;
  /** Rejects with NexusError NEXUS_LISTEN_FAILED. */
  listen(address: { readonly host: string; readonly port: number }, accept: (connection: WireConnection) => void): Promise<WireListener>;
  /** Returns what gives up: nothing is called then. */
  dial(address: NodeAddress, timeoutMs: number, events: DialEvents): () => void;
  /** Ends listeners and connections. */
  close(): Promise<void>;
}

/**
 * How the membership of a cluster talks: small messages to an address, each of which may be lost, come twice, late, or in another order. In production they go over connections that are
 * opened when needed (`cluster/control-connections.ts`); a simulation of very many nodes carries them itself.
 */
import type { NodeAddress } from '../model/node-identity.js';

/** Larger ones are refused by whoever sends: a programming mistake. */
export const DATAGRAM_BYTES_MAX = 1_048_576;

export interface DatagramEvents {
  /**
   * `from` is where an answer goes to: the address at which its sender listens, which the sender has said itself. The bytes are the receiver's until the call returns.
   * @param sender name of the node at the other end, where there is one that was checked: nobody else's words come from there
   */
  received(from: NodeAddress, bytes: Uint8Array, sender?: string): void;
  /** Nobody listens there, or whoever does refuses us: sooner known than by silence. */
  refused(address: NodeAddress, error: Error): void;
  /** No connection could be made for another reason: silence, a name that nobody knows. */
  failed?(address: NodeAddress, error: Error): void;
}

export interface Datagrams {
  readonly address: NodeAddress;
  send(to: NodeAddress, bytes: Uint8Array): void;
  /** What was refused since the start, by the code of the error. Absent where nothing is looked at before it is received. */
  refusals?(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** The other nodes as messages of agents know them, by identity: those that are members, those that will be, and those that were, so that nothing is sent to them any more. */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { Peer, type PeerNeeds } from './peer.js';

export interface PeersNeeds extends PeerNeeds {
  /** Whether it has departed, as the view of this node says: also one that was never seen as a member. */
  isGone(node: NodeIdentity): boolean;
}

/** In the place of a thread; -1 is the thread itself. */
const NUMBER_FIRST = -2;
/** Nodes that have gone and are remembered. */
const GONE_MAX = 4096;

export class Peers {
  readonly #needs: PeersNeeds;
  readonly #byKey = new Map<string, Peer>();
  /** The one that was asked for last: a caller mostly has one object for a node. */
  #asked: { readonly node: NodeIdentity; readonly peer: Peer } | undefined;
  #number = NUMBER_FIRST;
  #isClosed = false;
  /** To those that are not remembered any more. */
  #sentBefore = 0;

  constructor(needs: PeersNeeds) {
    this.#needs = needs;
  }

  get sent(): number {
    let sent = this.#sentBefore;
    for (const peer of this.#byKey.values()) sent += peer.sent;
    return sent;
  }

  /** Frames that wait here, of all nodes. */
  get waiting(): number {
    let waiting = 0;
    for (const peer of this.#byKey.values()) waiting += peer.waiting;
    return waiting;
  }

  of(node: NodeIdentity): Peer {
    if (this.#asked?.node === node) return this.#asked.peer;
    const key = nodeKey(node);
    let peer = this.#byKey.get(key);
    if (peer === undefined) {
      peer = new Peer({ name: node.name, incarnation: node.incarnation }, this.#number--, this.#needs);
      if (this.#isClosed) peer.close();
      else if (this.#needs.isGone(node)) peer.depart();
      this.#byKey.set(key, peer);
      this.#forgetGone();
    }
    this.#asked = { node, peer };
    return peer;
  }

  /** Without making one. */
  known(node: NodeIdentity): Peer | undefined {
    return this.#byKey.get(nodeKey(node));
  }

  /** Those that are taken to be there, and have departed. */
  departed(): NodeIdentity[] {
    return [...this.#byKey.values()].filter((peer) => !peer.isGone && this.#needs.isGone(peer.node)).map(({ node }) => node);
  }

  /** Addresses may be known now. */
  retry(): void {
    for (const peer of [...this.#byKey.values()]) if (peer.waiting > 0) peer.retry();
  }

  close(): void {
    this.#isClosed = true;
    for (const peer of this.#byKey.values()) peer.close();
  }

  #forgetGone(): void {
    if (this.#byKey.size <= GONE_MAX) return;
    for (const [key, peer] of this.#byKey) {
      if (!peer.isGone) continue;
      this.#byKey.delete(key);
      this.#sentBefore += peer.sent;
      return;
    }
  }
}

/** The other nodes as messages of agents know them, by identity: those that are members, those that will be, and those that were, so that nothing is sent to them any more. */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { Peer, type PeerNeeds } from './peer.js';

/** In the place of a thread; -1 is the thread itself. */
const NUMBER_FIRST = -2;
/** Nodes that have gone and are remembered. */
const GONE_MAX = 4096;

export class Peers {
  readonly #needs: PeerNeeds;
  readonly #byKey = new Map<string, Peer>();
  /** The one that was asked for last: a caller mostly has one object for a node. */
  #asked: { readonly node: NodeIdentity; readonly peer: Peer } | undefined;
  #number = NUMBER_FIRST;
  #isClosed = false;
  /** Incarnations of the members of the last view, by name; and the greatest of all that have departed, so that also one that was never seen as a member is known to be gone. */
  #members: ReadonlyMap<string, number> = new Map();
  #incarnationFloor = -1;
  /** To those that are not remembered any more. */
  #sentBefore = 0;

  constructor(needs: PeerNeeds) {
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
      else if (this.#hasDeparted(node)) peer.depart();
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

  /** Another view was agreed on. Returns those that are taken to be there, and have departed. */
  viewed(members: readonly NodeIdentity[], incarnationFloor: number): NodeIdentity[] {
    this.#members = new Map(members.map(({ name, incarnation }) => [name, incarnation]));
    this.#incarnationFloor = incarnationFloor;
    return [...this.#byKey.values()].filter((peer) => !peer.isGone && this.#hasDeparted(peer.node)).map(({ node }) => node);
  }

  /** Addresses may be known now. */
  retry(): void {
    for (const peer of [...this.#byKey.values()]) if (peer.waiting > 0) peer.retry();
  }

  close(): void {
    this.#isClosed = true;
    for (const peer of this.#byKey.values()) peer.close();
  }

  #hasDeparted({ name, incarnation }: NodeIdentity): boolean {
    return incarnation <= this.#incarnationFloor && this.#members.get(name) !== incarnation;
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

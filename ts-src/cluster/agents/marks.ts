/** Marks on the ways to agents: one that has come to its agent says that everything has come that was sent that way before. When one is sent, and what follows when it has come, is decided in `routing.ts`. */
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Peer, PostOutcome } from './peer.js';
import { NO_TRAIL, type Route, type UnderwayFrame } from './route.js';

/** Of one way that count: any that comes will do. */
const MARKS_MAX = 8;

export interface MarksNeeds {
  self(): NodeIdentity;
  /** Also for one that has gone. */
  peerOf(node: NodeIdentity): Peer;
  /** Not refused for want of room. */
  transmit(route: Route, peer: Peer, frame: UnderwayFrame): PostOutcome;
  /** Has that node send a mark on when it knows the view that this node knows. */
  markAfterView(route: Route, peer: Peer, number: number): void;
}

export class Marks {
  readonly #needs: MarksNeeds;
  #last = 0;

  constructor(needs: MarksNeeds) {
    this.#needs = needs;
  }

  send(route: Route, peer: Peer): void {
    const number = ++this.#last;
    route.mark(number, { via: peer.node, isAfterView: false });
    this.#needs.transmit(route, peer, { type: 'mark', kind: '', origin: undefined, trail: NO_TRAIL, number });
  }

  /** What a node that is gone has sent on to `via` has come there when that knows that it is gone. */
  sendAfterView(route: Route, via: NodeIdentity): void {
    const peer = this.#needs.peerOf(via);
    if (peer.isGone || sameNode(via, this.#needs.self())) return;
    const number = ++this.#last;
    route.mark(number, { via: peer.node, isAfterView: true });
    this.#needs.markAfterView(route, peer, number);
  }

  /** What was on its way to that node may be lost, marks too: another one goes there. Those of before may have come, and their answers be on their way: the last few of them count still. */
  again(route: Route, node: NodeIdentity): void {
    for (const isAfterView of [false, true]) {
      const numbers = [...route.marks].filter(([, mark]) => mark.isAfterView === isAfterView && sameNode(mark.via, node)).map(([number]) => number);
      if (numbers.length === 0) continue;
      for (const number of numbers.slice(0, 1 - MARKS_MAX)) route.unmark(number);
      if (isAfterView) this.sendAfterView(route, node);
      else this.send(route, this.#needs.peerOf(node));
    }
  }
}

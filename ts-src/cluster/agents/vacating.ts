/**
 * A node that has given its agents away and is about to leave has the others send it nothing more about agents: what is on its way to a node that leaves would be lost, or its outcome unknown. Each of the others sends marks
 * the old way, so that what it has sent there comes to the agents before what it sends elsewhere from now on, and says when the marks have come. Both sides, on the calling thread; where messages go meanwhile is decided
 * in `routing.ts`.
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import { Frame } from './agent-frames.js';
import type { Peer } from './peer.js';
import type { Routing } from './routing.js';

const LOOK_MS = 5;
/** A node on which routes do not come to rest says so all the same: whoever leaves waits no longer. */
const CLEAR_MS_MAX = 10_000;

export interface VacatingNeeds {
  readonly clock: Clock;
  readonly routing: Pick<Routing, 'vacated' | 'isClearOf' | 'waitingCount'>;
  peerOf(node: NodeIdentity): Peer;
  /** Other members. */
  others(): readonly NodeIdentity[];
}

export class Vacating {
  readonly #needs: VacatingNeeds;
  #isUnderway = false;
  /** Nodes that may still send. */
  readonly #awaited = new Map<string, NodeIdentity>();

  constructor(needs: VacatingNeeds) {
    this.#needs = needs;
  }

  /** Resolves when nothing comes any more that is for an agent that was here, and all that came has been sent on; or soon after it is over, with false. */
  async vacate(isOver: () => boolean): Promise<boolean> {
    const { routing } = this.#needs;
    this.#isUnderway = true;
    for (const node of this.#needs.others()) this.#ask(node);
    while (this.#awaited.size > 0 || routing.waitingCount > 0) {
      if (isOver()) return false;
      await this.#pause();
    }
    return true;
  }

  /** Another member is about to leave. */
  async asked(node: NodeIdentity): Promise<void> {
    const { clock, routing } = this.#needs;
    const peer = this.#needs.peerOf(node);
    peer.vacate();
    routing.vacated(peer);
    const untilMs = clock.nowMs() + CLEAR_MS_MAX;
    while (!peer.isGone && !routing.isClearOf(node) && clock.nowMs() < untilMs) await this.#pause();
    peer.post([Frame.vacated]);
  }

  answered(from: NodeIdentity): void {
    this.#awaited.delete(nodeKey(from));
  }

  viewed(members: readonly NodeIdentity[]): void {
    for (const [key, node] of this.#awaited) if (!members.some((member) => sameNode(member, node))) this.#awaited.delete(key);
  }

  joined(node: NodeIdentity): void {
    if (this.#isUnderway) this.#ask(node);
  }

  #ask(node: NodeIdentity): void {
    if (this.#needs.peerOf(node).post([Frame.vacating]) === 'accepted') this.#awaited.set(nodeKey(node), node);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#needs.clock.after(LOOK_MS, resolve);
    });
  }
}

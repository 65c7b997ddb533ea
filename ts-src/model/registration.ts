/**
 * What a cluster knows of an id: which agent has it, and which node may run it. Written by the owner of the id alone (the node that the ring names), held by it, by its successors on the ring, and by
 * the node that runs the agent. Values; what becomes of them is decided in `protocols/registry/`.
 */
import type { NodeIdentity } from './node-identity.js';

/** Where an agent belongs. `ring`: with the owner of its id, and moves with that. `pinned`: where it was started, until its node drains or is lost. */
export type Placement = 'ring' | 'pinned';

export interface Registration {
  readonly id: string;
  /** Name of its kind. */
  readonly kind: string;
  /** The only node that may run it. */
  readonly host: NodeIdentity;
  /**
   * Fencing token of this activation (Kleppmann 2016; sequencers in Burrows 2006): greater than that of every activation of this id before it, anywhere. Whatever must see only one activation compares it
   * and refuses a lower one. `view * 2^24 + number`: an owner counts within a partition and a view, and the next owner has a later one. At most 2^53 - 1.
   */
  readonly token: number;
  /** The token of the first activation: what references tell one agent of an id from another by. */
  readonly life: number;
  readonly placement: Placement;
  /** `init`, encoded, of agents that are started again when their node is lost: top-level ones of kinds that are not durable, whose `init` can be sent. */
  readonly init: Uint8Array | undefined;
}

/** What each member says of itself, as last heard; and what this node says, as bytes. */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { decodeDescription, encodeDescription } from './description-codec.js';
import type { MembershipEvent, NodeDescription } from './membership.js';

export class Descriptions {
  #own: NodeDescription;
  #ownBytes: Uint8Array;
  readonly #others = new Map<string, NodeDescription>();

  /** Throws NEXUS_MESSAGE_TOO_LARGE. */
  constructor(own: NodeDescription) {
    this.#own = own;
    this.#ownBytes = encodeDescription(own);
  }

  get own(): NodeDescription {
    return this.#own;
  }

  get ownBytes(): Uint8Array {
    return this.#ownBytes;
  }

  /** Throws NEXUS_MESSAGE_TOO_LARGE; nothing has changed then. */
  describe(own: NodeDescription): void {
    this.#ownBytes = encodeDescription(own);
    this.#own = own;
  }

  of(node: NodeIdentity): NodeDescription | undefined {
    return this.#others.get(nodeKey(node));
  }

  forget(node: NodeIdentity): void {
    this.#others.delete(nodeKey(node));
  }

  /** What is new in it. Bytes that say nothing are no description: that of before stays. */
  heard(node: NodeIdentity, bytes: Uint8Array): readonly MembershipEvent[] {
    let description: NodeDescription;
    try {
      description = decodeDescription(bytes);
    } catch (error) {
      return [{ type: 'warning', because: `what ${node.name} says of itself cannot be read: ${(error as Error).message}` }];
    }
    const stalledBefore = this.of(node)?.stalledThreads ?? [];
    this.#others.set(nodeKey(node), description);
    const { name, incarnation } = node;
    const events: MembershipEvent[] = [{ type: 'described', node: { name, incarnation }, description }];
    const { stalledThreads: threads } = description;
    if (threads.join() !== stalledBefore.join()) events.push({ type: 'stalled', node: { name, incarnation }, threads });
    return events;
  }
}

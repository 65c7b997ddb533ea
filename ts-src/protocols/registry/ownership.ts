/**
 * Who owns which partition in the view that this node knows, and since when, as far as it can tell. From it follows what of others may still be acted upon: the rule that everything else rests on
 * (`docs/decisions/0006-registry.md`).
 */
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import { PARTITIONS } from './partition.js';
import { Ring, type RingMember } from './ring.js';

export interface RegistryView {
  readonly number: number;
  readonly members: readonly RingMember[];
  /** Of these members, if whoever gives the view has it already. */
  readonly ring?: Ring;
}

export class Ownership {
  /** Final with the first view. */
  self: NodeIdentity;
  /** 0 before the first view. */
  number = 0;
  ring = new Ring([]);
  /** By name, of which there is one incarnation in a view: asked for every registration of a partition. */
  #members = new Map<string, RingMember>();
  /** Of each partition, the view from which on its owner is the present one without a break that this node could not see. */
  readonly #since = new Float64Array(PARTITIONS);

  constructor(self: NodeIdentity) {
    this.self = self;
  }

  get members(): Iterable<RingMember> {
    return this.#members.values();
  }

  /** Whoever was a member and is none any more. */
  install({ number, members, ring }: RegistryView): NodeIdentity[] {
    const before = this.ring;
    const isNext = number === this.number + 1;
    const membersBefore = [...this.#members.values()];
    this.#members = new Map(members.map((member) => [member.name, member]));
    this.number = number;
    this.ring = ring ?? new Ring(members, before);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const owner = this.ring.ownerOf(partition) as RingMember;
      const last = before.ownerOf(partition);
      if (!isNext || last === undefined || !sameNode(last, owner)) this.#since[partition] = number;
    }
    return membersBefore.filter((member) => !this.isMember(member));
  }

  isMember({ name, incarnation }: NodeIdentity): boolean {
    return this.#members.get(name)?.incarnation === incarnation;
  }

  ownerOf(partition: number): RingMember | undefined {
    return this.ring.ownerOf(partition);
  }

  isOwn(partition: number): boolean {
    const owner = this.ring.ownerOf(partition);
    return owner !== undefined && sameNode(owner, this.self);
  }

  /** The view from which on nothing has come between. */
  since(partition: number): number {
    return this.#since[partition] as number;
  }

  /** Whether what a node has written as the owner in that view is still so: it has owned the partition from then on until the view that this node knows. */
  isInForce(partition: number, from: NodeIdentity, view: number): boolean {
    const owner = this.ring.ownerOf(partition);
    return owner !== undefined && sameNode(owner, from) && view >= (this.#since[partition] as number);
  }

  /** This node has said to the owner of that view what it runs: what the owner gave before, and was not accepted until now, is void. */
  voidBefore(partition: number, view: number): void {
    if (view > (this.#since[partition] as number)) this.#since[partition] = view;
  }
}

/**
 * One group as one thread sees it: its members on all threads and nodes, and what the routings keep about them, each made when it is first used. Decides who is next; sends nothing.
 */
import type { GroupRouting } from '../model/group.js';
import { HashRing } from '../routing/hash-ring.js';
import { type LoadEntry, LeastLoaded } from '../routing/least-loaded.js';
import { PeakEwma } from '../routing/peak-ewma.js';
import { betterOfTwo } from '../routing/two-choices.js';
import type { AgentReference } from './agent-reference.js';
import type { Rotation } from './group-rotations.js';

/** An agent in a group. */
export class GroupMember {
  readonly ref: AgentReference;
  /** That says so: where the agent is, or the calling thread for one of another node. */
  readonly thread: number;
  /** Of the agent; below 0 for one of another node, where it is a number that the calling thread has given it. */
  readonly slot: number;
  /** Members stand in this order on every thread: one that has nothing to do with the threads they are on, so that turns go to and fro between those. */
  readonly order: number;
  readonly latency = new PeakEwma();
  /** Asks of this thread through the group that it has not answered. */
  asked = 0;
  entry: LoadEntry<GroupMember> | undefined = undefined;
  readonly #ringId: string | undefined;

  /** @param ringId where the id of the agent is not unique among all nodes */
  constructor(ref: AgentReference, thread: number, slot = ref.slot, ringId: string | undefined = undefined) {
    this.ref = ref;
    this.thread = thread;
    this.slot = slot;
    this.#ringId = ringId;
    this.order = orderOf(slot);
  }

  /** What keys belong to: the same on all nodes. */
  get id(): string {
    return this.#ringId ?? this.ref.id;
  }

  get isOfThisNode(): boolean {
    return this.slot >= 0;
  }
}

/** Multiplied by an odd number, so that no two slots have the same; those of other nodes stand between. */
function orderOf(slot: number): number {
  return slot >= 0 ? Math.imul(slot, 0x9e3779b1) >>> 0 : (Math.imul(-slot, 0x9e3779b1) >>> 0) + 0.5;
}

export interface GroupViewNeeds {
  readonly rotation: () => Rotation;
  readonly random: () => number;
  readonly nowMs: () => number;
  /** Counts the turns of the thread. */
  readonly turn: () => number;
  readonly loadOf: (member: GroupMember) => number;
}

export class GroupView {
  readonly members: GroupMember[] = [];
  readonly #needs: GroupViewNeeds;
  /** Those of this node, in the same order; made when they are asked for. */
  #own: readonly GroupMember[] | undefined;
  #rotation: Rotation | undefined;
  #loads: LeastLoaded<GroupMember> | undefined;
  #ring: HashRing<GroupMember> | undefined;
  readonly #coming = new Set<GroupMember>();
  readonly #going = new Set<GroupMember>();
  readonly #cost = (member: GroupMember): number => member.latency.cost(Math.max(member.asked, this.#needs.loadOf(member)), this.#nowMs);
  #nowMs = 0;

  constructor(needs: GroupViewNeeds) {
    this.#needs = needs;
  }

  add(member: GroupMember): void {
    this.#own = undefined;
    this.members.splice(this.#placeOf(member), 0, member);
    if (this.#loads !== undefined) member.entry = this.#loads.add(member);
    if (this.#ring !== undefined) this.#coming.add(member);
  }

  /** Nothing happens if another thread has said since that the agent is there. */
  remove(slot: number, thread: number): void {
    const member = this.#memberOf(slot);
    if (member !== undefined && member.thread === thread) this.#remove(member);
  }

  /** An agent that has moved, or come back: the same one, or another one in the same slot. */
  replace(member: GroupMember): void {
    const before = this.#memberOf(member.slot);
    if (before !== undefined) this.#remove(before);
    this.add(member);
  }

  /** Who of this node gets the next message. */
  chooseOwn(routing: GroupRouting, key: string, accepts: (member: GroupMember) => boolean): GroupMember | undefined {
    this.#own ??= this.members.filter(({ isOfThisNode }) => isOfThisNode);
    if (this.#own.length === this.members.length) return this.choose(routing, key, accepts);
    const isOwn = (member: GroupMember): boolean => member.isOfThisNode && accepts(member);
    return this.#own.length === 0 ? undefined : this.#chooseAmong(this.#own, routing, key, isOwn);
  }

  /** Who gets the next message. Undefined if there is nobody, or `accepts` accepts nobody. */
  choose(routing: GroupRouting, key: string, accepts: ((member: GroupMember) => boolean) | undefined): GroupMember | undefined {
    return this.members.length === 0 ? undefined : this.#chooseAmong(this.members, routing, key, accepts);
  }

  /** `accepts` accepts nobody but those. */
  #chooseAmong(
    members: readonly GroupMember[],
    routing: GroupRouting,
    key: string,
    accepts: ((member: GroupMember) => boolean) | undefined,
  ): GroupMember | undefined {
    switch (routing) {
      case 'roundRobin':
        return this.#nextInTurn(members, accepts);
      case 'leastLoaded':
        this.#loads ??= this.#loadsOfAll();
        return this.#loads.choose(this.#needs.turn(), accepts);
      case 'powerOfTwoChoices':
      case 'optimized':
        this.#nowMs = this.#needs.nowMs();
        return betterOfTwo(members, this.#needs.random, this.#cost, accepts);
      case 'consistentHash':
        return this.#ringNow().pick(key, accepts ?? everybody);
    }
  }

  #nextInTurn(members: readonly GroupMember[], accepts: ((member: GroupMember) => boolean) | undefined): GroupMember | undefined {
    this.#rotation ??= this.#needs.rotation();
    const first = this.#rotation.next() % members.length;
    if (accepts === undefined) return members[first];
    for (let step = 0; step < members.length; step++) {
      const member = members[(first + step) % members.length] as GroupMember;
      if (accepts(member)) return member;
    }
    return undefined;
  }

  #loadsOfAll(): LeastLoaded<GroupMember> {
    const loads = new LeastLoaded(this.#needs.loadOf);
    for (const member of this.members) member.entry = loads.add(member);
    return loads;
  }

  /** The ring is brought up to date here, so that many changes together cost one pass over it. */
  #ringNow(): HashRing<GroupMember> {
    if (this.#ring === undefined) {
      this.#ring = new HashRing();
      this.#ring.change(this.members, this.#going);
    } else if (this.#coming.size > 0 || this.#going.size > 0) this.#ring.change([...this.#coming], this.#going);
    this.#coming.clear();
    this.#going.clear();
    return this.#ring;
  }

  #remove(member: GroupMember): void {
    this.#own = undefined;
    this.members.splice(this.#placeOf(member), 1);
    if (member.entry !== undefined) this.#loads?.remove(member.entry);
    if (this.#ring !== undefined && !this.#coming.delete(member)) this.#going.add(member);
  }

  #memberOf(slot: number): GroupMember | undefined {
    const order = orderOf(slot);
    const member = this.members[this.#placeAt(order)];
    return member?.order === order ? member : undefined;
  }

  #placeOf(member: GroupMember): number {
    return this.#placeAt(member.order);
  }

  /** Of the first member that does not stand before this place. */
  #placeAt(order: number): number {
    let low = 0;
    let high = this.members.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.members[middle] as GroupMember).order < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const everybody = (): boolean => true;

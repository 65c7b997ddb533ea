/**
 * Which nodes hold the copies of which partitions, and who knows that it has all of one: the rules on which rests that a node may start an agent without asking anybody. Pure.
 *
 * The holders of a partition are its owner and the k members that follow on the ring, whoever runs the agents. Whoever has stored something of a partition that another node has come to hold gives it what is newer
 * there, and then says so (`settled`); what it writes later goes to that node too, because it knows the view. So a node has all of a partition when it has held it from some view on without a break that it could not see, and every
 * member has said so in that view or a later one. Where views were missed there may have been a break.
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import { PARTITIONS } from '../registry/partition.js';
import { Ring, type RingMember } from '../registry/ring.js';

export interface HoldingView {
  readonly number: number;
  readonly members: readonly RingMember[];
}

export class Holders {
  /** 0 before the first. */
  readonly view: number;
  readonly members: readonly RingMember[];
  readonly #ring: Ring;
  readonly #copies: number;
  readonly #known = new Map<number, readonly RingMember[]>();

  constructor({ number, members }: HoldingView, copies: number) {
    this.view = number;
    this.members = members;
    this.#ring = new Ring(members);
    this.#copies = copies;
  }

  /** The owner first. Without any that may own something there are none. */
  of(partition: number): readonly RingMember[] {
    let known = this.#known.get(partition);
    if (known === undefined) {
      const owner = this.#ring.ownerOf(partition);
      known = owner === undefined ? [] : [owner, ...this.#ring.successorsOf(partition, this.#copies)];
      this.#known.set(partition, known);
    }
    return known;
  }

  isHolder(partition: number, node: NodeIdentity): boolean {
    return this.of(partition).some((each) => sameNode(each, node));
  }

  isMember(node: NodeIdentity): boolean {
    return this.members.some((each) => sameNode(each, node));
  }
}

/** Since when those that hold a partition have held it, all of them, as far as this node could see: one that held it before, did not for a while and does again may have missed writes, and have removed what it had. */
export class Continuity {
  readonly #since = new Float64Array(PARTITIONS);
  #before: Holders | undefined;

  install(holders: Holders): void {
    const before = this.#before;
    this.#before = holders;
    const isNext = before !== undefined && holders.view === before.view + 1;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (!isNext || !before.of(partition).every((node) => holders.isHolder(partition, node))) this.#since[partition] = holders.view;
    }
  }

  /** The view from which on nobody has stopped holding it. */
  since(partition: number): number {
    return this.#since[partition] as number;
  }
}

/** What this node has been given. */
export class Receiving {
  readonly #self: NodeIdentity;
  /** Of each partition, the view from which on this node holds it without a break; infinite: it does not. */
  readonly #since = new Float64Array(PARTITIONS).fill(Number.POSITIVE_INFINITY);
  /** Of each other member, the latest view for which it has said that it has given all. */
  readonly #settled = new Map<string, number>();
  /** The earliest of those. */
  #settledByAll = -1;
  #view = 0;

  constructor(self: NodeIdentity) {
    this.#self = self;
  }

  install(holders: Holders): void {
    const isNext = holders.view === this.#view + 1;
    this.#view = holders.view;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (!holders.isHolder(partition, this.#self)) this.#since[partition] = Number.POSITIVE_INFINITY;
      else if (!isNext || this.#since[partition] === Number.POSITIVE_INFINITY) this.#since[partition] = holders.view;
    }
    const others = new Set(holders.members.filter((member) => !sameNode(member, this.#self)).map(nodeKey));
    for (const key of this.#settled.keys()) if (!others.has(key)) this.#settled.delete(key);
    for (const key of others) if (!this.#settled.has(key)) this.#settled.set(key, -1);
    this.#count();
  }

  settled(from: NodeIdentity, view: number): void {
    const key = nodeKey(from);
    const before = this.#settled.get(key);
    if (before === undefined || before >= view) return;
    this.#settled.set(key, view);
    this.#count();
  }

  /** Whether this node has all that any member has stored of the partition, and gets all that is written. */
  isSynchronised(partition: number): boolean {
    return this.#settledByAll >= (this.#since[partition] as number);
  }

  /** Who has not said so yet for all that this node holds. */
  get waitingFor(): readonly string[] {
    let latest = 0;
    for (const since of this.#since) if (since !== Number.POSITIVE_INFINITY && since > latest) latest = since;
    return [...this.#settled].filter(([, view]) => view < latest).map(([key]) => key);
  }

  #count(): void {
    this.#settledByAll = Math.min(Number.MAX_SAFE_INTEGER, ...this.#settled.values());
  }
}

/** What this node has given to another one. */
export class Giving {
  readonly to: NodeIdentity;
  /** For which it was told last that it has been given all. */
  saidView = 0;
  /** 1: all that this node has stored of the partition is there, too. */
  readonly #given = new Uint8Array(PARTITIONS);
  #view = 0;

  constructor(to: NodeIdentity) {
    this.to = to;
  }

  /** Partitions that the other node holds and has not been given. */
  install(holders: Holders): Set<number> {
    if (holders.view !== this.#view + 1) this.#given.fill(0);
    this.#view = holders.view;
    const missing = new Set<number>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (!holders.isHolder(partition, this.to)) this.#given[partition] = 0;
      else if (this.#given[partition] === 0) missing.add(partition);
    }
    return missing;
  }

  given(partition: number): void {
    this.#given[partition] = 1;
  }

  isGiven(partition: number): boolean {
    return this.#given[partition] === 1;
  }
}

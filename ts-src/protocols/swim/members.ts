/**
 * What this node believes of all members, and the rumours that come of it: merges what is heard, keeps the time of suspicions, refutes what is said of this node itself. It sends nothing; what it
 * wants told is in its `queue`. Used by `swim.ts` and `probes.ts`.
 */
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { LocalHealth } from './local-health.js';
import { Peer } from './peer.js';
import { ProbeOrder } from './probe-order.js';
import { compareClaims } from './rumour-order.js';
import { RumourQueue } from './rumour-queue.js';
import { Suspicion, type SuspicionTimes } from './suspicion.js';
import { REFUTATION_MAX, type Rumour } from './swim-messages.js';
import { type SwimOptions, suspicionMinMs } from './swim-options.js';
import type { SwimEffect, SwimMember } from './swim-steps.js';

/** What a rumour was to this node. `accused`: news, by which a member became suspect. `stale`: whoever tells it should know better. */
export type Hearing = 'news' | 'accused' | 'known' | 'stale';

export class Members {
  readonly self: NodeIdentity;
  readonly queue = new RumourQueue();
  readonly order: ProbeOrder<Peer>;
  /** Those that have said something which this node has not heard. */
  readonly lacking = new Set<Peer>();
  readonly #options: SwimOptions;
  readonly #health: LocalHealth;
  readonly #peers = new Map<string, Peer>();
  readonly #suspects = new Set<Peer>();
  #reachable = 0;
  /** That of a member of which nothing has been heard is 0: its first words are news. */
  #refutation = 1;
  #metadata: Uint8Array;
  /** Whether this node was among those admitted. */
  #isMember = false;

  constructor(self: NodeIdentity, metadata: Uint8Array, options: SwimOptions, health: LocalHealth, random: () => number) {
    this.self = { name: self.name, incarnation: self.incarnation };
    this.#metadata = metadata;
    this.#options = options;
    this.#health = health;
    this.order = new ProbeOrder(random);
  }

  /** With this node. */
  get size(): number {
    return this.#peers.size + 1;
  }

  /** Others that are neither suspect nor unreachable. */
  get reachable(): number {
    return this.#reachable;
  }

  get refutation(): number {
    return this.#refutation;
  }

  get peers(): Iterable<Peer> {
    return this.#peers.values();
  }

  find(node: NodeIdentity): Peer | undefined {
    const peer = this.#peers.get(node.name);
    return peer?.identity.incarnation === node.incarnation ? peer : undefined;
  }

  /** Whatever its incarnation. */
  findName(name: string): Peer | undefined {
    return this.#peers.get(name);
  }

  /** Returns those that are new. Nobody of them is there under another incarnation. */
  admit(nowMs: number, members: readonly SwimMember[]): readonly Peer[] {
    const admitted: Peer[] = [];
    for (const member of members) {
      if (sameNode(member, this.self)) {
        if (!this.#isMember) this.queue.put(this.#selfRumour());
        this.#isMember = true;
      } else if (!this.#peers.has(member.name)) {
        const peer = new Peer(member);
        this.#peers.set(member.name, peer);
        this.#reachable += 1;
        this.order.add(peer);
        this.#noteLack(nowMs, peer);
        admitted.push(peer);
      }
    }
    return admitted;
  }

  /** Returns those that were there. */
  forget(nodes: readonly NodeIdentity[]): readonly Peer[] {
    const peers = nodes.flatMap((node) => this.find(node) ?? []);
    for (const peer of peers) this.#forget(peer);
    return peers;
  }

  describe(metadata: Uint8Array): void {
    this.#metadata = metadata;
    this.#refutation += 1;
    if (this.#isMember) this.queue.put(this.#selfRumour());
  }

  /** @param isToldOn whether it is told on if it is news */
  hear(nowMs: number, rumour: Rumour, effects: SwimEffect[], isToldOn = true): Hearing {
    if (sameNode(rumour.about, this.self)) return this.#hearOfSelf(rumour);
    const peer = this.find(rumour.about);
    if (peer === undefined || rumour.refutation > REFUTATION_MAX) return 'known';
    this.#takeMetadata(peer, rumour, effects);
    const order = compareClaims(rumour, peer);
    const hearing = order > 0 ? this.#adopt(nowMs, peer, rumour, isToldOn, effects) : order === 0 ? this.#confirm(peer, rumour) : this.#weigh(rumour);
    this.#noteLack(nowMs, peer);
    return hearing;
  }

  /** A message of this member says that it has come to this refutation: it can only have said of itself that it is there. */
  hearRefutation(nowMs: number, peer: Peer, refutation: number, effects: SwimEffect[]): void {
    if (refutation <= peer.refutation) return;
    this.hear(nowMs, { about: peer.identity, refutation, state: 'reachable', by: peer.identity.name, metadata: undefined }, effects);
  }

  /** This node itself could not reach it. */
  accuse(nowMs: number, peer: Peer, isRefused: boolean, effects: SwimEffect[]): void {
    if (peer.state === 'unreachable') return;
    this.hear(nowMs, { about: peer.identity, refutation: peer.refutation, state: 'suspect', by: this.self.name, metadata: undefined }, effects);
    if (isRefused && peer.suspicion !== undefined) peer.suspicion.isRefused = true;
  }

  /** Suspicions whose time is over. */
  conclude(nowMs: number, effects: SwimEffect[]): void {
    if (this.#suspects.size === 0) return;
    for (const peer of [...this.#suspects]) {
      const { suspicion } = peer;
      if (suspicion === undefined || nowMs < suspicion.sinceMs + suspicion.timeoutMs(this.#times())) continue;
      this.hear(nowMs, { about: peer.identity, refutation: peer.refutation, state: 'unreachable', by: this.self.name, metadata: undefined }, effects);
    }
  }

  /** When `conclude` has something to do. */
  get dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    if (this.#suspects.size === 0) return dueMs;
    const times = this.#times();
    for (const { suspicion } of this.#suspects) if (suspicion !== undefined) dueMs = Math.min(dueMs, suspicion.sinceMs + suspicion.timeoutMs(times));
    return dueMs;
  }

  /** This node did not run for so long: that is no reason against others. */
  postpone(lateMs: number): void {
    for (const { suspicion } of this.#suspects) if (suspicion !== undefined) suspicion.sinceMs += lateMs;
  }

  /** What this node knows of one of the members; undefined if it is none. */
  rumourAbout(node: NodeIdentity): Rumour | undefined {
    if (sameNode(node, this.self)) return this.#selfRumour();
    const peer = this.find(node);
    if (peer === undefined) return undefined;
    const { identity, refutation, state, metadataRefutation, metadata } = peer;
    if (state !== 'reachable') return { about: identity, refutation, state, by: peer.unreachableFrom[0] ?? this.self.name, metadata: undefined };
    return { about: identity, refutation, state, by: identity.name, metadata: metadataRefutation === refutation ? metadata : undefined };
  }

  /** What one of the members last said of itself, as far as it is known here. */
  descriptionOf(node: NodeIdentity): Rumour | undefined {
    if (sameNode(node, this.self)) return this.#selfRumour();
    const peer = this.find(node);
    if (peer?.metadata === undefined) return undefined;
    return { about: peer.identity, refutation: peer.metadataRefutation, state: 'reachable', by: peer.identity.name, metadata: peer.metadata };
  }

  #hearOfSelf(rumour: Rumour): Hearing {
    if (rumour.refutation > REFUTATION_MAX) return 'known';
    const isAccusation = rumour.state !== 'reachable';
    if (rumour.refutation < this.#refutation) return isAccusation ? 'stale' : 'known';
    if (!isAccusation && rumour.refutation === this.#refutation) return 'known';
    // Also of a claim to be reachable that this node has not made: its own words must win.
    this.#refutation = rumour.refutation + 1;
    if (isAccusation) this.#health.worsened();
    this.queue.put(this.#selfRumour());
    return 'stale';
  }

  #adopt(nowMs: number, peer: Peer, rumour: Rumour, isToldOn: boolean, effects: SwimEffect[]): Hearing {
    const { state, by } = rumour;
    const before = peer.state;
    const accusers = peer.unreachableFrom;
    peer.refutation = rumour.refutation;
    peer.state = state;
    peer.suspicion = state === 'suspect' ? new Suspicion(nowMs, by) : undefined;
    peer.accusers = state === 'unreachable' ? (accusers.length > 0 ? accusers : [by]) : [];
    if (state === 'suspect') this.#suspects.add(peer);
    else this.#suspects.delete(peer);
    this.#reachable += Number(state === 'reachable') - Number(before === 'reachable');
    // That a member is there without what it says of itself is told by itself.
    if (!isToldOn || (state === 'reachable' && rumour.metadata === undefined)) this.queue.remove(peer.identity);
    else this.queue.put({ ...rumour, about: peer.identity });
    if (state !== before) effects.push({ type: 'reachability', node: peer.identity, state });
    return state === 'suspect' ? 'accused' : 'news';
  }

  /** The same claim again: of a suspicion it matters who says so. */
  #confirm(peer: Peer, rumour: Rumour): Hearing {
    const isConfirmed = peer.suspicion !== undefined && this.#isKnown(rumour.by) && peer.suspicion.confirm(rumour.by);
    if (!isConfirmed) return 'known';
    this.queue.put({ ...rumour, about: peer.identity });
    return 'news';
  }

  #weigh(rumour: Rumour): Hearing {
    return rumour.state === 'reachable' ? 'known' : 'stale';
  }

  #takeMetadata(peer: Peer, { state, refutation, metadata }: Rumour, effects: SwimEffect[]): void {
    if (state !== 'reachable' || metadata === undefined || refutation <= peer.metadataRefutation) return;
    peer.metadataRefutation = refutation;
    if (peer.metadata !== undefined && sameBytes(peer.metadata, metadata)) return;
    peer.metadata = metadata;
    effects.push({ type: 'metadata', node: peer.identity, metadata });
  }

  #noteLack(nowMs: number, peer: Peer): void {
    if (peer.metadataRefutation >= peer.refutation || peer.state === 'unreachable') {
      peer.lacksMetadataSinceMs = undefined;
      this.lacking.delete(peer);
    } else if (peer.lacksMetadataSinceMs === undefined) {
      peer.lacksMetadataSinceMs = nowMs;
      this.lacking.add(peer);
    }
  }

  #times(): SuspicionTimes {
    const minMs = suspicionMinMs(this.#options, this.size);
    return { minMs, maxMs: minMs * this.#options.suspicionMaxFactor, confirmations: Math.min(this.#options.confirmations, this.#reachable) };
  }

  #isKnown(name: string): boolean {
    return name === this.self.name || this.#peers.has(name);
  }

  #forget(peer: Peer): void {
    this.#peers.delete(peer.identity.name);
    this.#suspects.delete(peer);
    this.lacking.delete(peer);
    this.order.remove(peer);
    this.queue.remove(peer.identity);
    if (peer.state === 'reachable') this.#reachable -= 1;
  }

  #selfRumour(): Rumour {
    return { about: this.self, refutation: this.#refutation, state: 'reachable', by: this.self.name, metadata: this.#metadata };
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

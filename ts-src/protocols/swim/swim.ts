/**
 * The failure detector of one node: SWIM (Das, Gupta, Motivala 2002) with suspicion and the extensions of Lifeguard (Dadgar, Phillips, Currey 2018), as a machine without time, chance or network. It
 * says which members can be reached, by round trips alone, and spreads what members say of themselves. It does not decide who is a member: that is `views/`, whose driver is the same
 * (`membership/`). `docs/membership.md` has the rules in prose.
 */
import type { Reachability } from '../../model/cluster-snapshot.js';
import { addressText, type NodeAddress, type NodeIdentity, sameNode } from '../../model/node-identity.js';
import { LocalHealth } from './local-health.js';
import { Members } from './members.js';
import type { Peer } from './peer.js';
import { buddyRumours, Probes } from './probes.js';
import { Relaying } from './relaying.js';
import { RELAY_MS_MAX, type Rumour, RUMOURS_MAX, type SwimMessage } from './swim-messages.js';
import { SWIM_DEFAULTS, type SwimOptions, tellings } from './swim-options.js';
import type { SwimEffect, SwimInput, SwimNeeds } from './swim-steps.js';

/** Rumours by which one message is answered because its sender should know better. */
const CORRECTIONS_MAX = 8;
/** Intervals that a rumour is waited for before it is asked for: the first words of a member, which others need to talk to it, and later ones. */
const FIRST_LACK_INTERVALS = 0.5;
const LACK_INTERVALS = 2;
/** So often while there is something to ask for. */
const ASK_INTERVALS = 0.5;
/** All that an answer to a request tells. */
const ANSWER_BYTES_MAX = 65_536;
/** How much longer than its time an answer to a relay is passed on. */
const ERRAND_FACTOR = 4;

/** A member, for snapshots. */
export interface PeerSnapshot extends NodeIdentity {
  readonly reachability: Reachability;
  readonly unreachableFrom: readonly string[];
  readonly phi: number | undefined;
  readonly roundTripMs: { readonly mean: number; readonly last: number } | undefined;
  readonly loss: number | undefined;
  readonly metadata: Uint8Array | undefined;
}

export class Swim {
  readonly #options: SwimOptions;
  readonly #needs: SwimNeeds;
  readonly #health: LocalHealth;
  readonly #members: Members;
  readonly #probes: Probes;
  readonly #relaying = new Relaying();
  readonly #byAddress = new Map<string, Set<Peer>>();
  readonly #tell = (first: readonly Rumour[]): readonly Rumour[] => this.#members.queue.take(tellings(this.#options, this.#members.size), first);
  #nextProbeMs = Number.POSITIVE_INFINITY;
  #lastGossipMs = Number.NEGATIVE_INFINITY;
  #lastAskMs = Number.NEGATIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;

  /** @param metadata what this node says of itself, at most METADATA_BYTES_MAX */
  constructor(self: NodeIdentity, metadata: Uint8Array, needs: SwimNeeds, options: Partial<SwimOptions> = {}) {
    this.#options = { ...SWIM_DEFAULTS, ...options };
    this.#needs = needs;
    this.#health = new LocalHealth(this.#options.localHealth);
    this.#members = new Members(self, metadata, this.#options, this.#health, needs.random);
    this.#probes = new Probes(this.#options, this.#members, this.#health, this.#tell);
  }

  /** When the next tick is wanted; infinity for never. Changes with every step. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** 0 is healthy, 8 the worst. */
  get localHealth(): number {
    return this.#health.score;
  }

  reachabilityOf(node: NodeIdentity): Reachability | undefined {
    return this.#members.find(node)?.state;
  }

  step(nowMs: number, input: SwimInput): readonly SwimEffect[] {
    const effects: SwimEffect[] = [];
    this.#notePause(nowMs);
    this.#take(nowMs, input, effects);
    this.#advance(nowMs, effects);
    this.#dueMs = Math.min(this.#nextProbeMs, this.#nextGossipMs(), this.#nextAskMs(), this.#probes.dueMs, this.#members.dueMs, this.#relaying.dueMs);
    return effects;
  }

  /** The other members, in no order. */
  snapshot(nowMs: number): readonly PeerSnapshot[] {
    return [...this.#members.peers].map(({ identity, state, unreachableFrom, phi, link, metadata }) => ({
      ...identity,
      reachability: state,
      unreachableFrom,
      phi: phi.phi(nowMs),
      roundTripMs: link.roundTripMs,
      loss: link.loss,
      metadata,
    }));
  }

  /** A step that comes much too late: the node did not run, or hardly. Nobody else is to blame for what it has missed. */
  #notePause(nowMs: number): void {
    const lateMs = nowMs - this.#dueMs;
    if (!this.#options.localHealth || !(lateMs > this.#options.probeTimeoutMs / 2)) return;
    this.#health.worsened();
    this.#probes.postpone(lateMs);
    this.#members.postpone(lateMs);
  }

  #take(nowMs: number, input: SwimInput, effects: SwimEffect[]): void {
    switch (input.type) {
      case 'tick':
        return;
      case 'received':
        return this.#receive(nowMs, input.from, input.address, input.message, effects);
      case 'refused': {
        const peers = [...(this.#byAddress.get(addressText(input.address)) ?? [])];
        for (const peer of peers) this.#probes.refused(nowMs, peer, effects);
        return this.#relaying.refused((target) => peers.some(({ identity }) => sameNode(identity, target)), nowMs);
      }
      case 'admit':
        return this.#admit(nowMs, input.members);
      case 'forget':
        return this.#forget(input.nodes);
      case 'describe':
        return this.#members.describe(input.metadata);
      case 'probe': {
        const peer = this.#members.find(input.node);
        if (peer !== undefined) this.#probes.ping(nowMs, peer, effects);
      }
    }
  }

  #admit(nowMs: number, members: Extract<SwimInput, { type: 'admit' }>['members']): void {
    // Whoever started anew is forgotten with all that is under way, as another incarnation.
    this.#forget(
      members.flatMap(({ name, incarnation }) => {
        const before = this.#members.findName(name);
        return before === undefined || before.identity.incarnation === incarnation ? [] : [before.identity];
      }),
    );
    for (const peer of this.#members.admit(nowMs, members)) {
      const key = addressText(peer.address);
      const there = this.#byAddress.get(key);
      if (there === undefined) this.#byAddress.set(key, new Set([peer]));
      else there.add(peer);
    }
    // Nodes that start together do not probe together.
    if (this.#members.size > 1 && this.#nextProbeMs === Number.POSITIVE_INFINITY)
      this.#nextProbeMs = nowMs + this.#options.probeIntervalMs * this.#needs.random();
  }

  #forget(nodes: readonly NodeIdentity[]): void {
    for (const peer of this.#members.forget(nodes)) {
      this.#probes.forget(peer);
      const key = addressText(peer.address);
      const there = this.#byAddress.get(key);
      there?.delete(peer);
      if (there?.size === 0) this.#byAddress.delete(key);
    }
    if (this.#members.size === 1) this.#nextProbeMs = Number.POSITIVE_INFINITY;
  }

  #receive(nowMs: number, from: NodeIdentity, address: NodeAddress, message: SwimMessage, effects: SwimEffect[]): void {
    const corrections = 'rumours' in message ? this.#hear(nowMs, message.rumours, message.type !== 'descriptions', effects) : [];
    const sender = this.#members.find(from);
    const reply = (answer: SwimMessage): void => void effects.push({ type: 'send', to: from, address, message: answer });
    if ('refutation' in message && message.type !== 'relayedAck' && sender !== undefined)
      this.#members.hearRefutation(nowMs, sender, message.refutation, effects);
    let isCorrected = corrections.length === 0;
    switch (message.type) {
      case 'ping':
      case 'relayedPing': {
        const grant = this.#needs.grantFor(message.type === 'ping' ? from : message.origin);
        if (grant === undefined) return;
        const { refutation } = this.#members;
        reply({ type: 'ack', sequence: message.sequence, refutation, grant, rumours: this.#tell(corrections) });
        isCorrected = true;
        break;
      }
      case 'pingRequest':
        this.#relay(nowMs, from, address, message, effects);
        break;
      case 'ack':
        this.#acked(nowMs, from, message, effects);
        break;
      case 'relayedAck': {
        const peer = this.#probes.relayAcked(nowMs, from, message.target, message.sequence, message.grant, effects);
        if (peer !== undefined) this.#members.hearRefutation(nowMs, peer, message.refutation, effects);
        break;
      }
      case 'nack':
        this.#probes.nacked(nowMs, from, message.target, message.sequence, effects);
        break;
      case 'rumourRequest':
        this.#describe(message.about, reply);
        break;
      case 'gossip':
      case 'descriptions':
        break;
    }
    if (!isCorrected && sender !== undefined) reply({ type: 'gossip', rumours: corrections });
  }

  /** Returns what the one who tells should know. */
  #hear(nowMs: number, rumours: readonly Rumour[], areToldOn: boolean, effects: SwimEffect[]): readonly Rumour[] {
    const corrections: Rumour[] = [];
    for (const rumour of rumours.slice(0, RUMOURS_MAX)) {
      const hearing = this.#members.hear(nowMs, rumour, effects, areToldOn);
      if (hearing === 'accused') this.#verify(nowMs, rumour.about, effects);
      if (hearing !== 'stale' || corrections.length >= CORRECTIONS_MAX) continue;
      const better = this.#members.rumourAbout(rumour.about);
      if (better !== undefined) corrections.push(better);
    }
    return corrections;
  }

  /**
   * Somebody suspects this member. Some of those who hear of it look for themselves, at once: as many in any cluster as can bring the suspicion to its least time, and twice so. If they reach it, it
   * learns that it is suspected; if not, they confirm it. Who is slow itself is no good witness.
   */
  #verify(nowMs: number, suspect: NodeIdentity, effects: SwimEffect[]): void {
    const peer = this.#members.find(suspect);
    const share = (2 * this.#options.confirmations) / Math.max(1, this.#members.reachable) / this.#health.patience;
    if (peer !== undefined && peer.probe === undefined && this.#needs.random() < share) this.#probes.ping(nowMs, peer, effects);
  }

  #relay(nowMs: number, origin: NodeIdentity, originAddress: NodeAddress, request: Extract<SwimMessage, { type: 'pingRequest' }>, effects: SwimEffect[]): void {
    const peer = this.#members.find(request.target);
    const withinMs = Math.min(RELAY_MS_MAX, Math.max(1, request.withinMs));
    const sequence = this.#probes.nextSequence();
    // A relay goes only to members: nobody makes it connect to an address of their choice.
    if (peer === undefined) {
      const message = { type: 'nack', sequence: request.sequence, target: request.target } as const;
      effects.push({ type: 'send', to: origin, address: originAddress, message });
      return;
    }
    const errand = { origin, originAddress, originSequence: request.sequence, target: peer.identity, nackAtMs: nowMs + withinMs };
    if (!this.#relaying.begin(sequence, { ...errand, endsAtMs: nowMs + ERRAND_FACTOR * withinMs })) return;
    const message = { type: 'relayedPing', sequence, origin, rumours: this.#tell(buddyRumours(this.#members, peer)) } as const;
    effects.push({ type: 'send', to: peer.identity, address: peer.address, message });
  }

  #acked(nowMs: number, from: NodeIdentity, ack: Extract<SwimMessage, { type: 'ack' }>, effects: SwimEffect[]): void {
    const { sequence, refutation, grant } = ack;
    if (this.#probes.acked(nowMs, from, sequence, grant, effects)) return;
    const errand = this.#relaying.answered(sequence, from);
    if (errand === undefined) return;
    const message = { type: 'relayedAck', sequence: errand.originSequence, target: errand.target, refutation, grant, rumours: this.#tell([]) } as const;
    effects.push({ type: 'send', to: errand.origin, address: errand.originAddress, message });
  }

  #advance(nowMs: number, effects: SwimEffect[]): void {
    for (const { origin, originAddress, originSequence, target } of this.#relaying.overdue(nowMs)) {
      effects.push({ type: 'send', to: origin, address: originAddress, message: { type: 'nack', sequence: originSequence, target } });
    }
    this.#probes.advance(nowMs, effects);
    this.#members.conclude(nowMs, effects);
    if (nowMs >= this.#nextProbeMs) {
      this.#nextProbeMs = nowMs + this.#options.probeIntervalMs * this.#health.patience;
      this.#probes.sweep(nowMs);
      this.#probeNext(nowMs, effects);
    }
    if (nowMs >= this.#nextAskMs()) this.#askForRumours(nowMs, effects);
    if (nowMs >= this.#nextGossipMs()) this.#gossip(nowMs, effects);
  }

  /** Whoever's turn it is; not those that have answered a moment ago, or are being probed, out of turn. */
  #probeNext(nowMs: number, effects: SwimEffect[]): void {
    const { order } = this.#members;
    for (let look = 0; look < order.size; look++) {
      const peer = order.next();
      if (peer === undefined) return;
      if (peer.probe !== undefined || peer.answeredSentAtMs > nowMs - this.#options.probeIntervalMs) continue;
      return this.#probes.ping(nowMs, peer, effects);
    }
  }

  #nextGossipMs(): number {
    return this.#members.queue.size === 0 || this.#members.size === 1 ? Number.POSITIVE_INFINITY : this.#lastGossipMs + this.#options.gossipIntervalMs;
  }

  #gossip(nowMs: number, effects: SwimEffect[]): void {
    this.#lastGossipMs = nowMs;
    for (const { identity: to, address } of this.#members.order.sample(this.#options.gossipFanout, ({ state }) => state !== 'unreachable')) {
      const rumours = this.#tell([]);
      if (rumours.length > 0) effects.push({ type: 'send', to, address, message: { type: 'gossip', rumours } });
    }
  }

  #nextAskMs(): number {
    const isLacking = this.#members.lacking.size > 0 && this.#members.reachable > 0;
    return isLacking ? this.#lastAskMs + ASK_INTERVALS * this.#options.probeIntervalMs : Number.POSITIVE_INFINITY;
  }

  /** A rumour that everybody has stopped telling before it came here: seen by the refutation in the messages of the member, or because nothing was ever heard of it. */
  #askForRumours(nowMs: number, effects: SwimEffect[]): void {
    this.#lastAskMs = nowMs;
    const about: NodeIdentity[] = [];
    for (const { identity, lacksMetadataSinceMs = nowMs, metadata } of this.#members.lacking) {
      if (about.length >= RUMOURS_MAX) break;
      const intervals = metadata === undefined ? FIRST_LACK_INTERVALS : LACK_INTERVALS;
      if (nowMs >= lacksMetadataSinceMs + intervals * this.#options.probeIntervalMs) about.push(identity);
    }
    const asked = this.#whomToAsk(about);
    if (asked !== undefined) effects.push({ type: 'send', to: asked.identity, address: asked.address, message: { type: 'rumourRequest', about } });
  }

  /** One of them, who knows at least of itself, or by turns somebody who has been there for longer than this node, and so knows of all that have. */
  #whomToAsk(about: readonly NodeIdentity[]): Peer | undefined {
    const one = about[Math.floor(this.#needs.random() * about.length)];
    if (one === undefined) return undefined;
    const candidates = this.#members.order.sample(4, ({ state }) => state === 'reachable');
    const known = this.#needs.random() < 0.5 ? candidates.find(({ metadata }) => metadata !== undefined) : undefined;
    return known ?? this.#members.find(one);
  }

  #describe(about: readonly NodeIdentity[], reply: (answer: SwimMessage) => void): void {
    const rumours: Rumour[] = [];
    let bytes = 0;
    for (const node of about.slice(0, RUMOURS_MAX)) {
      const rumour = this.#members.descriptionOf(node);
      bytes += rumour?.metadata?.length ?? 0;
      if (rumour !== undefined && bytes <= ANSWER_BYTES_MAX) rumours.push(rumour);
    }
    if (rumours.length > 0) reply({ type: 'descriptions', rumours });
  }
}

/**
 * The pings of this node and what becomes of them: an answer, an answer through relays, or none in time, which accuses the member. Whose turn it is is not decided here (`swim.ts`), nor what an
 * accusation means (`members.ts`).
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { LocalHealth } from './local-health.js';
import type { Members } from './members.js';
import type { Peer } from './peer.js';
import { RELAY_MS_MAX, type Rumour } from './swim-messages.js';
import type { SwimOptions } from './swim-options.js';
import type { SwimEffect } from './swim-steps.js';

/** Pings that wait for an answer, or for one that comes late; of more than that the oldest are given up. */
export const PINGS_MAX = 4096;
/** An answer that comes later than that many intervals is none. */
const LATE_INTERVALS = 10;
/** What a link of which nothing was lost has less of than any other: a tenth of the pings lost counts like φ = 1. */
const LOSS_WEIGHT = 10;

interface Ping {
  readonly peer: Peer;
  readonly sentAtMs: number;
  /** In time is before that. */
  inTimeMs: number;
  /** Of the time since it was sent, what this node did not run. */
  pausedMs: number;
  /** When relays were asked for it, and which. */
  requestedAtMs: number | undefined;
  relays: readonly NodeIdentity[];
  /** Whether the link has been told how it went. */
  isCounted: boolean;
  isAnsweredByRelay: boolean;
}

export class Probes {
  readonly #options: SwimOptions;
  readonly #members: Members;
  readonly #health: LocalHealth;
  /** The rumours for a message to this member, those of `first` before all. */
  readonly #tell: (first: readonly Rumour[]) => readonly Rumour[];
  readonly #pings = new Map<number, Ping>();
  readonly #probed = new Set<Peer>();
  #sequence = 0;

  constructor(options: SwimOptions, members: Members, health: LocalHealth, tell: (first: readonly Rumour[]) => readonly Rumour[]) {
    this.#options = options;
    this.#members = members;
    this.#health = health;
    this.#tell = tell;
  }

  /** Of a message that expects an answer. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  get dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { probe } of this.#probed) if (probe !== undefined) dueMs = Math.min(dueMs, probe.relaysAtMs, probe.deadlineMs);
    return dueMs;
  }

  /** Pings the member, as a probe of it if there is none under way, else as one more try of that. */
  ping(nowMs: number, peer: Peer, effects: SwimEffect[]): void {
    this.#begin(nowMs, peer);
    const sequence = this.nextSequence();
    const inTimeMs = nowMs + this.#options.probeIntervalMs * this.#health.patience;
    const ping = { peer, sentAtMs: nowMs, inTimeMs, pausedMs: 0, requestedAtMs: undefined, relays: [], isCounted: false, isAnsweredByRelay: false };
    this.#pings.set(sequence, ping);
    if (this.#pings.size > PINGS_MAX) this.#pings.delete(this.#pings.keys().next().value as number);
    peer.lastPing = sequence;
    peer.phi.asked(nowMs);
    const { identity: to, address } = peer;
    const message = { type: 'ping', sequence, refutation: this.#members.refutation, rumours: this.#tell(buddyRumours(this.#members, peer)) } as const;
    effects.push({ type: 'send', to, address, message });
  }

  /** Whether the answer was to a ping of this node. An answer that comes twice is to none. */
  acked(nowMs: number, from: NodeIdentity, sequence: number, grant: number, effects: SwimEffect[]): boolean {
    const ping = this.#pings.get(sequence);
    if (ping === undefined || !this.#isOf(ping, from)) return ping !== undefined;
    this.#pings.delete(sequence);
    const { peer, sentAtMs } = ping;
    const roundTripMs = nowMs - sentAtMs - ping.pausedMs;
    peer.link.measured(roundTripMs);
    if (!ping.isCounted) peer.link.counted(nowMs > ping.inTimeMs);
    peer.answeredSentAtMs = Math.max(peer.answeredSentAtMs, sentAtMs);
    effects.push({ type: 'acked', node: peer.identity, grant, sentAtMs, roundTripMs, relayed: false });
    this.#answered(nowMs, peer, sentAtMs);
    return true;
  }

  relayAcked(nowMs: number, relay: NodeIdentity, target: NodeIdentity, sequence: number, grant: number, effects: SwimEffect[]): Peer | undefined {
    const ping = this.#pings.get(sequence);
    if (ping?.requestedAtMs === undefined || !this.#isOf(ping, target) || !ping.relays.some((asked) => sameNode(asked, relay))) return undefined;
    const { peer, requestedAtMs } = ping;
    peer.probe?.silentRelays.delete(nodeKey(relay));
    if (ping.isAnsweredByRelay) return peer;
    ping.isAnsweredByRelay = true;
    effects.push({ type: 'acked', node: peer.identity, grant, sentAtMs: requestedAtMs, roundTripMs: nowMs - requestedAtMs, relayed: true });
    this.#answered(nowMs, peer, requestedAtMs);
    return peer;
  }

  nacked(nowMs: number, relay: NodeIdentity, target: NodeIdentity, sequence: number, effects: SwimEffect[]): void {
    const ping = this.#pings.get(sequence);
    if (ping === undefined || !this.#isOf(ping, target)) return;
    const { probe } = ping.peer;
    if (probe?.silentRelays.delete(nodeKey(relay)) !== true) return;
    // Where silence may still become an answer there is time for it; where nobody listens there is nothing to wait for.
    if (probe.isRefused && probe.silentRelays.size === 0) this.#fail(nowMs, ping.peer, effects);
  }

  /** Nobody listens at the address of this member: relays may see more, and if there are none it has failed. */
  refused(nowMs: number, peer: Peer, effects: SwimEffect[]): void {
    if (peer.probe === undefined) {
      // Each message to that address is refused: one probe for all of them.
      if (peer.state === 'unreachable' || peer.suspicion?.isRefused || nowMs < peer.refusedAtMs + this.#options.probeIntervalMs) return;
      this.ping(nowMs, peer, effects);
    }
    const { probe } = peer;
    if (probe === undefined || probe.isRefused) return;
    probe.isRefused = true;
    peer.refusedAtMs = nowMs;
    if (probe.relaysAtMs !== Number.POSITIVE_INFINITY) this.#askRelays(nowMs, peer, effects);
    if (probe.silentRelays.size === 0) this.#fail(nowMs, peer, effects);
  }

  /** What has become due. */
  advance(nowMs: number, effects: SwimEffect[]): void {
    for (const peer of [...this.#probed]) {
      const { probe } = peer;
      if (probe === undefined) continue;
      if (nowMs >= probe.deadlineMs) this.#fail(nowMs, peer, effects);
      else if (nowMs >= probe.relaysAtMs) this.#askRelays(nowMs, peer, effects);
    }
  }

  /** Counts what was not answered in time, and gives up what will not be. Now and then. */
  sweep(nowMs: number): void {
    for (const [sequence, ping] of this.#pings) {
      if (!ping.isCounted && nowMs > ping.inTimeMs) {
        ping.isCounted = true;
        ping.peer.link.counted(true);
      }
      if (nowMs > ping.inTimeMs + LATE_INTERVALS * this.#options.probeIntervalMs) this.#pings.delete(sequence);
    }
  }

  forget(peer: Peer): void {
    peer.probe = undefined;
    this.#probed.delete(peer);
  }

  postpone(lateMs: number): void {
    for (const { probe } of this.#probed) {
      if (probe === undefined) continue;
      probe.relaysAtMs += lateMs;
      probe.deadlineMs += lateMs;
    }
    const waiting = new Set<Peer>();
    for (const ping of this.#pings.values()) {
      ping.inTimeMs += lateMs;
      ping.pausedMs += lateMs;
      waiting.add(ping.peer);
    }
    for (const { phi } of waiting) phi.postpone(lateMs);
  }

  #begin(nowMs: number, peer: Peer): void {
    if (peer.probe !== undefined) return;
    const { probeIntervalMs, probeTimeoutMs } = this.#options;
    const timeoutMs = Math.min(probeIntervalMs * 0.8, Math.max(probeTimeoutMs, peer.link.patienceMs ?? 0)) * this.#health.patience;
    peer.probe = {
      startedAtMs: nowMs,
      // Who is unreachable was so for the relays too: it is pinged so that it can come back, and costs no more than that.
      relaysAtMs: peer.state === 'unreachable' ? Number.POSITIVE_INFINITY : nowMs + timeoutMs,
      deadlineMs: nowMs + probeIntervalMs * this.#health.patience,
      isRefused: false,
      silentRelays: new Set(),
      relaysAsked: 0,
    };
    this.#probed.add(peer);
  }

  #askRelays(nowMs: number, peer: Peer, effects: SwimEffect[]): void {
    const { probe } = peer;
    const ping = this.#pings.get(peer.lastPing);
    if (probe === undefined) return;
    probe.relaysAtMs = Number.POSITIVE_INFINITY;
    if (ping === undefined) return;
    const relays = this.#likelyRelays(nowMs, peer);
    ping.requestedAtMs = nowMs;
    ping.relays = relays.map(({ identity }) => identity);
    probe.relaysAsked = relays.length;
    for (const { identity: to, address, link } of relays) {
      probe.silentRelays.add(nodeKey(to));
      // The nack has to be here before the deadline.
      const withinMs = Math.floor((probe.deadlineMs - nowMs) * 0.8 - (link.roundTripMs?.mean ?? 0));
      const message = {
        type: 'pingRequest',
        sequence: peer.lastPing,
        target: peer.identity,
        withinMs: Math.min(RELAY_MS_MAX, Math.max(1, withinMs)),
        rumours: this.#tell([]),
      } as const;
      effects.push({ type: 'send', to, address, message });
    }
  }

  /** Of twice as many reachable members at random, those whose links are the best: answers that are not overdue, and little loss. */
  #likelyRelays(nowMs: number, target: Peer): readonly Peer[] {
    const { relays } = this.#options;
    const candidates = this.#members.order.sample(2 * relays, (peer) => peer !== target && peer.state === 'reachable' && peer.probe?.isRefused !== true);
    const doubts = new Map(candidates.map((peer) => [peer, (peer.phi.phi(nowMs) ?? 0) + LOSS_WEIGHT * (peer.link.loss ?? 0)]));
    return candidates.sort((a, b) => (doubts.get(a) as number) - (doubts.get(b) as number)).slice(0, relays);
  }

  /** @param sentAtMs what was answered: a probe is not ended by the late answer to an earlier ping */
  #answered(nowMs: number, peer: Peer, sentAtMs: number): void {
    peer.phi.answered(nowMs);
    if (peer.probe === undefined || sentAtMs < peer.probe.startedAtMs) return;
    this.forget(peer);
    this.#health.improved();
  }

  #fail(nowMs: number, peer: Peer, effects: SwimEffect[]): void {
    const { probe } = peer;
    this.forget(peer);
    if (probe === undefined || peer.state === 'unreachable') return;
    // Relays that say nothing at all are a sign that it is this node that does not hear.
    if (!probe.isRefused) this.#health.worsened(probe.relaysAsked > 0 ? probe.silentRelays.size : 1);
    this.#members.accuse(nowMs, peer, probe.isRefused, effects);
  }

  #isOf({ peer }: Ping, node: NodeIdentity): boolean {
    return sameNode(peer.identity, node) && this.#members.find(node) === peer;
  }
}

/** Lifeguard's buddy system: who is suspected hears of it from whoever pings it next, and can refute it in the answer. */
export function buddyRumours(members: Members, { state, identity }: Peer): readonly Rumour[] {
  const rumour = state === 'reachable' ? undefined : members.rumourAbout(identity);
  return rumour === undefined ? [] : [rumour];
}

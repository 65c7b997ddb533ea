/**
 * Durable state in a cluster, on the calling thread of a node: claims ids for durable agents and has the newest of what is stored of them when they start, copies what they write, keeps the copies of others, and brings all of it to
 * where it belongs when the ring changes. Puts the parts of this folder together. With a store that all nodes share nothing is copied, and the tokens of activations go to the store alone.
 */
import { type ErrorCode, NexusError, quoted } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import type { CopiesSnapshot } from '../../model/copies-snapshot.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import type { StateVersion, StorageWrite, ThreadStorage } from '../../ports/storage.js';
import type { Transport } from '../../ports/transport.js';
import type { CopyAnswer, CopyCall } from '../../protocols/copies/copy-messages.js';
import { Continuity, Holders, Receiving } from '../../protocols/copies/holding.js';
import { partitionOf } from '../../protocols/registry/partition.js';
import type { ViewMember } from '../../protocols/views/view.js';
import { type ClaimIntent, type ClusterStates, elsewhere } from '../../runtime/durable/cluster-states.js';
import type { NodePlacing } from '../../runtime/remote/node-placing.js';
import type { NodePart, NodeView } from '../node-parts.js';
import { confirm } from './confirming.js';
import { CopyPeers } from './copy-peers.js';
import { CopyStore } from './copy-store.js';
import { LiveCopies } from './live-copies.js';
import { StateFetching } from './state-fetching.js';
import { StateGiving } from './state-giving.js';

/** Until the id is this node's. */
const CLAIM_TIMEOUT_MS = 30_000;
/** Attempts to get ahead of tokens of a cluster that was there before. */
const FENCE_ATTEMPTS = 8;

export interface NodeCopiesNeeds {
  readonly registry: Registry;
  /** Undefined before it is there. */
  placing(): NodePlacing | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the node's store, for copies alone. */
  readonly storage: ThreadStorage;
  /** All nodes have the same store. */
  readonly isShared: boolean;
  /** How many members have what an agent writes beside its node: those that follow the owner of its id. */
  readonly copies: number;
  /** Ids that are unique in the cluster, and not on their node only. */
  isOfCluster(kind: string, id: string): boolean;
  /** From now on messages to that agent are for this node. */
  claimed(id: string, token: number): void;
  /** A reminder has come into the store of this node, or may have become its to deliver. */
  remindersChanged(dueEpochMs: number): void;
}

/** What a worker has claimed, and how often. */
interface Claimed {
  readonly kind: string;
  readonly id: string;
  readonly intent: ClaimIntent;
  readonly count: number;
}

export class NodeCopies implements NodePart, ClusterStates {
  readonly #needs: NodeCopiesNeeds;
  readonly #peers: CopyPeers;
  readonly #store: CopyStore;
  readonly #live: LiveCopies;
  readonly #fetching: StateFetching;
  readonly #continuity = new Continuity();
  #giving: StateGiving | undefined;
  #receiving: Receiving | undefined;
  #holders: Holders | undefined;
  /** Starts under way, and agents that run, by id. */
  readonly #held = new Map<string, number>();
  /** Of those, the ones that a worker has to release. */
  readonly #ofThreads = new Map<number, Map<string, Claimed>>();
  /** How often each worker was lost. */
  readonly #losses = new Map<number, number>();

  constructor(needs: NodeCopiesNeeds) {
    this.#needs = needs;
    const view = (): number => this.#holders?.view ?? 0;
    this.#store = new CopyStore({ storage: needs.storage, reminderStored: (dueEpochMs) => needs.remindersChanged(dueEpochMs) });
    this.#peers = new CopyPeers({
      ...{ transport: needs.transport, clock: needs.clock, logger: needs.logger, view },
      store: (_from, items) => this.#store.store(items),
      answer: (from, call) => this.#answer(from, call),
    });
    this.#live = new LiveCopies({
      peers: this.#peers,
      store: this.#store,
      targetsOf: (id) => this.#targetsOf(id),
      heldSince: (id) => this.#continuity.since(partitionOf(id)),
    });
    this.#fetching = new StateFetching({
      peers: this.#peers,
      store: this.#store,
      logger: needs.logger,
      view,
      isSynchronised: (id) => this.#isSynchronised(id),
    });
  }

  viewed({ number, members }: NodeView): void {
    const { registry, isShared, copies } = this.#needs;
    const { self } = registry;
    const holders = new Holders({ number, members: members.map(ringMember) }, copies);
    this.#holders = holders;
    if (isShared) return this.#needs.remindersChanged(0);
    const others = members.filter((member) => !sameNode(member, self));
    this.#receiving ??= new Receiving(self);
    this.#receiving.install(holders);
    this.#continuity.install(holders);
    this.#peers.admit(others);
    // Before those that are gone are, so that nothing is done that has to wait for whoever is there in their place.
    this.#live.ringChanged();
    this.#peers.retain(others);
    this.#fetching.ringChanged();
    this.#giving ??= this.#openGiving(self);
    this.#giving.install(holders);
    this.#needs.remindersChanged(0);
  }

  connected(node: NodeIdentity): void {
    this.#peers.connected(node);
  }

  /** What no other node has goes with it: a node that has just come has not been given all yet. */
  async leaving(): Promise<void> {
    await this.#giving?.elsewhere();
  }

  closed(): void {
    this.#giving?.close();
    this.#peers.close();
  }

  /** Whether reminders of this agent are this node's to deliver. */
  delivers(kind: string, id: string): boolean {
    const owner = this.#needs.registry.ownerOf(id);
    return !this.#needs.isOfCluster(kind, id) || (owner !== undefined && sameNode(owner, this.#needs.registry.self));
  }

  placeOf(id: string): NodeIdentity | undefined {
    const { registry } = this.#needs;
    if (registry.own(id) !== undefined) return undefined;
    const known = registry.cached(id);
    const isKnown = known !== undefined && this.#holders?.isMember(known.host) === true;
    const place = isKnown ? known.host : registry.ownerOf(id);
    return place === undefined || sameNode(place, registry.self) ? undefined : { name: place.name, incarnation: place.incarnation };
  }

  /** @param thread a worker, which may be lost before it releases it */
  async claim(kind: string, id: string, intent: ClaimIntent, thread = 0): Promise<StateVersion> {
    if (thread === 0) return this.#claim(kind, id, intent);
    const losses = this.#losses.get(thread);
    const version = await this.#claim(kind, id, intent);
    if (this.#losses.get(thread) !== losses) {
      this.release(kind, id, intent);
      return version;
    }
    const claims = this.#ofThreads.get(thread) ?? new Map<string, Claimed>();
    this.#ofThreads.set(thread, claims);
    const key = claimKey(kind, id, intent);
    claims.set(key, { kind, id, intent, count: (claims.get(key)?.count ?? 0) + 1 });
    return version;
  }

  async #claim(kind: string, id: string, intent: ClaimIntent): Promise<StateVersion> {
    const { registry } = this.#needs;
    this.#hold(id);
    try {
      if (registry.own(id) === undefined || intent === 'forget') {
        if (intent !== 'start') await this.#findPlace(kind, id, intent);
        await this.#register(kind, id);
        // Whoever forgets has no agent, and says when it is done.
        if (intent !== 'forget') this.#needs.placing()?.settled(id);
      }
      const token = registry.own(id)?.token;
      if (token === undefined) throw new NexusError('NEXUS_STOPPED', `${kind} ${quoted(id)} was not started: it was given back meanwhile`);
      this.#needs.claimed(id, token);
      await this.#giving?.settled(id);
      if (this.#needs.isShared) return await this.#fence(kind, id, token);
      await this.#fetching.fetch(kind, id);
      if (intent !== 'forget') await this.confirm(kind, id);
      return after(this.#store.versionOf(kind, id), token);
    } catch (error) {
      this.#letGo(id);
      throw error;
    }
  }

  /** What its agents have written may be here, and at copies, or not: their next lives begin with all that is stored. */
  threadLost(thread: number): void {
    this.#losses.set(thread, (this.#losses.get(thread) ?? 0) + 1);
    const claims = this.#ofThreads.get(thread);
    this.#ofThreads.delete(thread);
    for (const { kind, id, intent, count } of claims?.values() ?? []) for (let each = 0; each < count; each++) this.release(kind, id, intent);
  }

  release(kind: string, id: string, intent: ClaimIntent, thread = 0): void {
    const claims = this.#ofThreads.get(thread);
    const key = claimKey(kind, id, intent);
    const claimed = claims?.get(key);
    if (claimed !== undefined && claimed.count > 1) claims?.set(key, { ...claimed, count: claimed.count - 1 });
    else claims?.delete(key);
    this.#live.ended(kind, id);
    this.#letGo(id);
    if (intent === 'forget') this.#needs.placing()?.settled(id);
  }

  copy(kind: string, id: string, writes: readonly StorageWrite[]): Promise<void> | undefined {
    return this.#needs.isShared ? undefined : this.#live.copy(kind, id, writes);
  }

  async confirm(kind: string, id: string): Promise<void> {
    if (!this.#needs.isShared) await confirm({ peers: this.#peers, store: this.#store }, this.#targetsOf(id), kind, id);
  }

  diverged(kind: string, id: string): void {
    this.#live.diverged(kind, id);
    this.#store.missed(id);
  }

  snapshot(): CopiesSnapshot {
    const { acknowledged, refused, waiting } = this.#live;
    return {
      ...{ copies: this.#needs.copies, isShared: this.#needs.isShared, waiting, acknowledged, refused },
      given: this.#giving?.given ?? 0,
      fetched: this.#fetching.fetched,
      removed: this.#giving?.removed ?? 0,
      fetching: this.#fetching.waiting,
      waitingFor: this.#receiving?.waitingFor ?? [],
      isGiving: this.#giving?.isBusy ?? false,
    };
  }

  /** Goes on only where the agent belongs. */
  async #findPlace(kind: string, id: string, intent: ClaimIntent): Promise<void> {
    const { registry } = this.#needs;
    if (registry.own(id) !== undefined) return;
    const place = this.placeOf(id);
    if (place !== undefined) throw elsewhere(kind, id, place);
    if (intent === 'bringBack' && this.#isNowhere(kind, id))
      throw new NexusError('NEXUS_AGENT_NOT_FOUND', `nothing is stored of ${kind} ${quoted(id)}; getOrSpawn makes it`, { data: { id, kind } });
  }

  async #register(kind: string, id: string): Promise<void> {
    const { registry } = this.#needs;
    try {
      await this.#needs.placing()?.claim({ id, kind, placement: 'ring', init: undefined, timeoutMs: CLAIM_TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof NexusError) || error.code !== 'NEXUS_ID_DUPLICATE') throw error;
      const name = error.data?.['node'];
      const host = this.#holders?.members.find((member) => member.name === name);
      const other = host ?? registry.cached(id)?.host;
      throw other === undefined || sameNode(other, registry.self) ? error : elsewhere(kind, id, other);
    }
  }

  /** All that there is of it would be here, and nothing is. */
  #isNowhere(kind: string, id: string): boolean {
    if (this.#needs.isShared) return !this.#needs.storage.has(kind, id);
    if (!this.#isSynchronised(id)) return false;
    const version = this.#store.versionOf(kind, id);
    return version === undefined || version.deletedEpochMs !== undefined;
  }

  /** From now on the store refuses whatever had the agent before. */
  async #fence(kind: string, id: string, token: number): Promise<StateVersion> {
    const { storage } = this.#needs;
    for (let attempt = 1; ; attempt++) {
      const version = after(storage.versionOf(kind, id), token);
      try {
        await storage.write([{ type: 'fence', kind, id, token: version.token }]);
        return version;
      } catch (error) {
        if (attempt >= FENCE_ATTEMPTS || (error as { readonly code?: ErrorCode }).code !== 'NEXUS_TOKEN_STALE') throw error;
      }
    }
  }

  #answer(from: NodeIdentity, call: CopyCall): CopyAnswer | undefined {
    if (call.type === 'offer')
      return { type: 'wants', indices: [...call.offered.keys()].filter((at) => this.#store.wants(call.offered[at] as (typeof call.offered)[number])) };
    // What the other node says, and what it relies on, is of a view that this one does not know yet.
    if (call.view > (this.#holders?.view ?? 0)) return undefined;
    if (call.type === 'fetch') return this.#fetching.answer(call.wanted);
    this.#receiving?.settled(from, call.view);
    this.#fetching.ringChanged();
    return { type: 'heard' };
  }

  #openGiving(self: NodeIdentity): StateGiving {
    const { clock, logger } = this.#needs;
    return new StateGiving({
      ...{ self, clock, logger, peers: this.#peers, store: this.#store },
      isRunning: (id) => this.#held.has(id) || this.#needs.registry.own(id) !== undefined,
      isOfCluster: (kind, id) => this.#needs.isOfCluster(kind, id),
    });
  }

  #targetsOf(id: string): readonly NodeIdentity[] {
    const { self } = this.#needs.registry;
    return (this.#holders?.of(partitionOf(id)) ?? []).filter((node) => !sameNode(node, self));
  }

  #isSynchronised(id: string): boolean {
    return this.#receiving?.isSynchronised(partitionOf(id)) === true && !this.#store.isBehind(id);
  }

  #hold(id: string): void {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
  }

  #letGo(id: string): void {
    const left = (this.#held.get(id) ?? 1) - 1;
    if (left > 0) this.#held.set(id, left);
    else this.#held.delete(id);
  }
}

/**
 * After which the writes of an activation count. Its token is that of its registration, unless the store has seen a greater one: of a cluster that was there before, and that none of those who founded this one remembers.
 */
function after(known: { readonly token: number; readonly revision: number; readonly seenToken: number } | undefined, token: number): StateVersion {
  if (known === undefined || known.seenToken < token) return { token, revision: 0 };
  if (known.seenToken === token && known.token === token) return { token, revision: known.revision };
  return { token: known.seenToken === token ? token : known.seenToken + 1, revision: 0 };
}

function ringMember({ name, incarnation, weight }: ViewMember): { readonly name: string; readonly incarnation: number; readonly weight: number } {
  return { name, incarnation, weight };
}

/** Whether it was started or brought back makes no difference to who releases it. */
function claimKey(kind: string, id: string, intent: ClaimIntent): string {
  return `${intent === 'forget' ? intent : 'start'} ${kind}\0${id}`;
}

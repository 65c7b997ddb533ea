/**
 * `nexus.cluster`: the cluster as one of its nodes sees it, on the calling thread. It passes on what the membership says, tells the transport whom it may talk to, and stops the nexus when the node is fenced.
 * What a member is, is decided elsewhere (`protocols/membership/`), on another thread.
 */
import { EventEmitter } from 'node:events';
import { corrupt } from '../codec/primitive-reader.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import { NexusError, optionError, valueText } from '../errors.js';
import type { ClusterSnapshot, LinkSnapshot, MemberSnapshot, NodeStanding } from '../model/cluster-snapshot.js';
import type { IdSnapshot } from '../model/id-snapshot.js';
import { checkNames } from '../model/nearest-name.js';
import { type NodeAddress, type NodeIdentity, nodeKey, sameNode } from '../model/node-identity.js';
import type { Transport } from '../ports/transport.js';
import type { ViewMember } from '../protocols/views/view.js';
import type { MembershipEvent, MembershipSnapshot } from '../protocols/membership/membership.js';
import { AgentReference } from '../runtime/agent-reference.js';
import { checkClusterEvent, type ClusterEvents } from './cluster-events.js';
import type { ClusterSurroundings, MembershipListener, MembershipNeeds, OpenTransport, RunningMembership } from './cluster-surroundings.js';
import { ClusterTelling } from './cluster-telling.js';
import { idSnapshot } from './id-snapshot.js';
import type { NodeParts, NodeView } from './node-parts.js';
import { checkedMetadata } from './resolve-cluster-options.js';

const JOIN_TIMEOUT_MS = 30_000;
const TIMEOUT_MS_MAX = 86_400_000;
/** Leaving is given this long even when the deadline of the stop has passed: others would wait for the lease. */
const LEAVE_MS_MIN = 1000;

export interface ClusterNeeds extends MembershipNeeds {
  readonly surroundings: ClusterSurroundings;
}

/** What the nexus does for it. */
export interface ClusterOwner {
  /** The node is fenced: agents stop within that time. */
  fenced(because: string, deadlineMs: number): void;
  stop(options?: { readonly deadlineMs?: number }): Promise<unknown>;
}

/** For the composition of a nexus. Rejects with NexusError NEXUS_LISTEN_FAILED, and with what else keeps the node from starting; nothing is left open then. */
export let openCluster: (needs: ClusterNeeds) => Promise<Cluster>;
export let ownCluster: (cluster: Cluster, owner: ClusterOwner) => void;
/** For the stop of a nexus, when its agents have stopped: leaves, and closes everything. */
export let leaveCluster: (cluster: Cluster, deadlineMs: number) => Promise<void>;
/** For the composition of a nexus, before it is returned: they are told of the view that there is already. */
export let attachParts: (cluster: Cluster, parts: NodeParts) => void;
/** For tests: what the calling thread has of the membership. */
export let membershipOf: (cluster: Cluster) => RunningMembership;

/** The cluster that a nexus is a node of, as `nexus.cluster`: who is in it, what this node may do, and messages to other nodes. */
export class Cluster {
  static {
    openCluster = async (needs) => {
      const cluster = new Cluster(needs);
      await cluster.#open();
      return cluster;
    };
    ownCluster = (cluster, owner) => cluster.#ownedBy(owner);
    leaveCluster = (cluster, deadlineMs) => cluster.#leave(deadlineMs);
    attachParts = (cluster, parts) => cluster.#attach(parts);
    membershipOf = (cluster) => cluster.#running;
  }

  readonly #needs: ClusterNeeds;
  readonly #emitter = new EventEmitter();
  #membership: RunningMembership | undefined;
  #transport: OpenTransport | undefined;
  #owner: ClusterOwner | undefined;
  #parts: NodeParts | undefined;
  /** When the membership has said so: its snapshot may say it later, or never. */
  #standing: NodeStanding | undefined;
  #fencedBecause: string | undefined;
  /** What the membership has said last that is to be mended, while it joins. */
  #obstacle: string | undefined;
  #metadata: Readonly<Record<string, string>>;
  #isClosing = false;
  readonly #telling: ClusterTelling;
  /** Whom the transport may talk to: members of the view whose address is known. */
  readonly #admitted = new Map<string, { readonly node: NodeIdentity; readonly address: NodeAddress }>();
  #view: NodeView | undefined;
  /** The parts know how. Before they are there nothing is sent, and nobody has connected. */
  readonly #references: ReferenceCodec = {
    isReference: (value) => value instanceof AgentReference,
    describe: (value) => (this.#parts as NodeParts).references.describe(value),
    restore: () => {
      throw corrupt('it has an address of another nexus');
    },
    restoreRemote: (description) => (this.#parts as NodeParts).references.restoreRemote(description),
  };
  readonly #dataAddresses = new Map<string, NodeAddress>();

  private constructor(needs: ClusterNeeds) {
    this.#needs = needs;
    this.#metadata = needs.options.metadata;
    this.#telling = new ClusterTelling(needs.options.name, needs.logger, needs.surroundings.clock, () => this.self);
    this.#emitter.setMaxListeners(0);
  }

  /** Name of the cluster. */
  get name(): string {
    return this.#needs.options.name;
  }

  /** This start of this node. Its incarnation is final once it is a member. */
  get self(): NodeIdentity {
    return this.#running.self;
  }

  /** Where the others find its membership. */
  get address(): NodeAddress {
    return this.#running.address;
  }

  get standing(): NodeStanding {
    return this.#standing ?? 'joining';
  }

  /** Why it is fenced; undefined while it is not. */
  get fencedBecause(): string | undefined {
    return this.#fencedBecause;
  }

  /** Number of the agreed view; 0 before the first. */
  get view(): number {
    return this.#running.snapshot().view;
  }

  /** Messages between nodes; undefined in a simulation that has none. */
  get transport(): Transport | undefined {
    return this.#transport?.transport;
  }

  get viewMembers(): readonly ViewMember[] {
    return this.#view?.members ?? [];
  }

  /** All members of the agreed view with what this node knows of them, in order of their names. */
  members(): readonly MemberSnapshot[] {
    return this.#running.snapshot().members;
  }

  member(name: string): MemberSnapshot | undefined {
    return this.members().find((member) => member.name === name);
  }

  /** What this node knows of its cluster: asks nobody, and is at most a second old. */
  snapshot(): ClusterSnapshot {
    const { probes, ...known } = this.#running.snapshot();
    return {
      ...known,
      standing: this.standing,
      fencedBecause: this.#fencedBecause ?? known.fencedBecause,
      links: this.#links(known, probes),
      refusals: addedUp(known.refusals ?? {}, this.#telling.refusals, Object.fromEntries(this.#transport?.transport.refusals() ?? [])),
      ...(this.#parts === undefined ? {} : { registry: this.#parts.registry.snapshot() }),
      copies: this.#parts?.copies?.snapshot(),
    };
  }

  /** What this node knows of an id, without asking anybody: `nexus.locate` asks. Undefined where there are no connections between nodes. */
  where(id: string): IdSnapshot | undefined {
    return this.#parts === undefined ? undefined : idSnapshot(id, this.#parts.registry, this.#needs.options.copies);
  }

  /**
   * Resolves when this node is a member. Rejects with NexusError NEXUS_JOIN_TIMEOUT, or NEXUS_NODE_FENCED when it will not be one any more; NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN.
   * @param options.timeoutMs default 30,000; at most 86,400,000. The node goes on trying after it.
   */
  async joined(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    checkNames('joined', options, ['timeoutMs']);
    const { timeoutMs = JOIN_TIMEOUT_MS } = options;
    if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX))
      throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be more than 0, at most 86,400,000`);
    if (await this.#standingIn(timeoutMs, (standing) => standing !== 'joining')) {
      if (this.standing === 'member' || this.standing === 'leaving') return;
      throw new NexusError(
        'NEXUS_NODE_FENCED',
        `node ${this.self.name} is ${this.standing}${this.#fencedBecause === undefined ? '' : `: ${this.#fencedBecause}`}`,
        {
          data: { node: this.self.name, standing: this.standing },
        },
      );
    }
    const { join } = this.#needs.options;
    const obstacle = this.#obstacle === undefined ? '' : `: ${this.#obstacle}`;
    throw new NexusError(
      'NEXUS_JOIN_TIMEOUT',
      `node ${this.self.name} is not a member of ${this.name} after ${timeoutMs} ms; it looks for others by ${join.type}, and goes on trying${obstacle}`,
      { data: { node: this.self.name, cluster: this.name, timeoutMs } },
    );
  }

  /**
   * Tells all nodes other metadata of this one, in the place of what it had.
   * @param metadata at most 64 names, 2,048 characters together
   * @throws NexusTypeError NEXUS_OPTION_INVALID
   */
  describe(metadata: Readonly<Record<string, string>>): void {
    this.#metadata = checkedMetadata('metadata', metadata);
    this.#describe();
  }

  /** Stops the nexus, which leaves the cluster when its agents have stopped: a node that has left runs none. The same as `nexus.stop`. */
  async leave(options?: { readonly deadlineMs?: number }): Promise<void> {
    await this.#owner?.stop(options);
  }

  /** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
  on<E extends keyof ClusterEvents>(event: E, listener: (...values: ClusterEvents[E]) => void): this {
    checkClusterEvent(event, listener);
    this.#emitter.on(event, listener as (...values: unknown[]) => void);
    return this;
  }

  /** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
  off<E extends keyof ClusterEvents>(event: E, listener: (...values: ClusterEvents[E]) => void): this {
    checkClusterEvent(event, listener);
    this.#emitter.off(event, listener as (...values: unknown[]) => void);
    return this;
  }

  get #running(): RunningMembership {
    return this.#membership as RunningMembership;
  }

  async #open(): Promise<void> {
    const { surroundings, options, shared, logger } = this.#needs;
    const early: MembershipEvent[] = [];
    const listener: MembershipListener = {
      // In a simulation the membership founds a cluster before it has been returned.
      happened: (event) => void (this.#membership === undefined ? early.push(event) : this.#happened(event)),
      lost: (error) => this.#fence(`the membership of this node has ended: ${error.message}`),
    };
    this.#membership = await surroundings.openMembership({ options, shared, logger }, listener);
    for (const event of early) this.#happened(event);
    if (surroundings.openTransport === undefined) return;
    try {
      this.#transport = await surroundings.openTransport({
        ...{ options, logger },
        self: () => this.self,
        advertise: this.address.host,
        references: this.#references,
        events: {
          opened: (node) => this.#parts?.tell((part) => part.connected?.(node)),
          lost: (node, lane, error) => this.#parts?.tell((part) => part.lost?.(node, lane, error)),
          closed: (node, error) => {
            logger.debug({ node: node.name, error }, 'the connections to a node have ended');
            this.#parts?.tell((part) => part.disconnected?.(node, error));
          },
        },
      });
    } catch (error) {
      await this.#membership.close();
      throw error;
    }
    for (const { node, address } of this.#admitted.values()) this.transport?.admit(node, address);
    this.#describe();
  }

  #attach(parts: NodeParts): void {
    this.#parts = parts;
    const view = this.#view;
    if (view !== undefined) parts.tell((part) => part.viewed?.({ ...view, joined: view.members, left: [], removed: [] }));
  }

  #ownedBy(owner: ClusterOwner): void {
    this.#owner = owner;
    if (this.#standing === 'fenced') this.#stopFenced();
  }

  #describe(): void {
    this.#running.describe({ dataAddress: this.transport?.address, metadata: this.#metadata });
  }

  #happened(event: MembershipEvent): void {
    switch (event.type) {
      case 'standing':
        return event.standing === 'fenced' ? this.#fence(event.because ?? 'it has lost touch with the cluster') : this.#stand(event.standing, event.because);
      case 'view':
        return this.#viewed(event);
      case 'reachability':
        this.#emit('reachability', { node: event.node, reachability: event.reachability });
        return;
      case 'stalled':
        this.#emit('stalled', { node: event.node, threads: event.threads });
        return;
      case 'described':
        if (event.description.dataAddress !== undefined) this.#dataAddresses.set(nodeKey(event.node), event.description.dataAddress);
        this.#admitMembers();
        return;
      case 'refusedMessage':
        return this.#telling.refused(event.from, event.code, event.because);
      case 'warning':
        this.#obstacle = event.because;
        this.#telling.warned(event.because);
    }
  }

  #viewed(view: NodeView): void {
    const { number, members, joined, left, removed } = view;
    this.#view = view;
    for (const node of [...left, ...removed]) {
      this.#admitted.delete(nodeKey(node));
      this.#dataAddresses.delete(nodeKey(node));
      this.transport?.forget(node);
    }
    this.#admitMembers();
    this.#parts?.tell((part) => part.viewed?.(view));
    const known = this.members();
    // Who went is said first: another start of the same node may have come in its place.
    for (const node of left) this.#emit('memberLeft', identity(node));
    for (const node of removed) this.#emit('memberRemoved', identity(node));
    for (const node of joined) {
      const member = known.find((each) => sameNode(each, node));
      // It may be gone again by now, and that is said next.
      if (member !== undefined) this.#emit('memberJoined', member);
    }
    this.#emit('view', { number, members: members.map(identity) });
  }

  #admitMembers(): void {
    for (const node of this.#view?.members ?? []) {
      const key = nodeKey(node);
      const address = this.#dataAddresses.get(key);
      if (address === undefined || sameNode(node, this.self)) continue;
      const admitted = this.#admitted.get(key)?.address;
      if (admitted?.host === address.host && admitted.port === address.port) continue;
      this.#admitted.set(key, { node: identity(node), address });
      this.transport?.admit(identity(node), address);
    }
  }

  #stand(standing: NodeStanding, because: string | undefined): void {
    if (this.#standing === standing || this.#standing === 'fenced') return;
    this.#standing = standing;
    this.#emit('standing', { standing, because });
  }

  #fence(because: string): void {
    if (this.#standing === 'fenced' || this.#standing === 'left') return;
    this.#fencedBecause = because;
    this.#stand('fenced', because);
    // A nexus that stops already is on its way.
    if (!this.#isClosing) this.#stopFenced();
  }

  #stopFenced(): void {
    const { options, logger } = this.#needs;
    const because = this.#fencedBecause ?? '';
    logger.error({ event: 'fenced', cluster: options.name, node: this.self.name }, `this node is fenced and stops its agents: ${because}`);
    this.#owner?.fenced(because, options.timing.stopMarginMs);
  }

  async #leave(deadlineMs: number): Promise<void> {
    const { clock } = this.#needs.surroundings;
    const untilMs = clock.nowMs() + deadlineMs;
    const isGone = (standing: NodeStanding): boolean => standing === 'left' || standing === 'fenced';
    // What waits for a node that does not answer for longer than that waits in vain.
    const givingMs = Math.min(deadlineMs - LEAVE_MS_MIN, this.#needs.options.timing.leaseMs);
    const leaving = this.#parts?.leaving();
    if (leaving !== undefined && givingMs > 0) await this.#standingIn(givingMs, isGone, leaving);
    const waitMs = Math.max(LEAVE_MS_MIN, untilMs - clock.nowMs());
    if (!isGone(this.standing)) {
      this.#running.leave();
      if (!(await this.#standingIn(waitMs, isGone)))
        this.#needs.logger.warn({ cluster: this.name, waitMs }, 'the cluster was not left in time: the others wait until the lease of this node has run out');
    }
    this.#isClosing = true;
    this.#parts?.tell((part) => part.closed?.());
    // What waits for a node that does not answer for so long waits in vain.
    const closeMs = Math.min(Math.max(LEAVE_MS_MIN, untilMs - clock.nowMs()), this.#needs.options.timing.leaseMs);
    await Promise.all([this.#transport?.close(closeMs), this.#running.close()]);
    this.#telling.close();
    if (this.standing !== 'fenced') this.#stand('left', undefined);
  }

  /** Whether the standing becomes such a one in time. @param other is not waited for longer than this takes */
  #standingIn(timeoutMs: number, isSuch: (standing: NodeStanding) => boolean, other?: Promise<void>): Promise<boolean> {
    if (isSuch(this.standing)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const look = (): void => {
        if (isSuch(this.standing)) done(true);
      };
      const done = (isInTime: boolean): void => {
        cancel();
        this.#emitter.off('standing', look);
        resolve(isInTime);
      };
      const cancel = this.#needs.surroundings.clock.after(timeoutMs, () => done(false));
      this.#emitter.on('standing', look);
      void other?.finally(() => done(false));
    });
  }

  #links({ members, self }: Pick<MembershipSnapshot, 'members' | 'self'>, probes: MembershipSnapshot['probes']): readonly LinkSnapshot[] {
    const statistics = new Map(this.transport?.statistics().map((each) => [each.node.name, each]));
    return members
      .filter(({ name }) => name !== self.name)
      .map(({ name, incarnation }) => {
        const asks = this.#parts?.agents.asksOf({ name, incarnation });
        const probe = probes.find(({ node }) => node === name);
        const sent = statistics.get(name);
        return {
          node: name,
          roundTripMs: probe?.roundTripMs,
          loss: probe?.loss,
          connections: sent?.connections ?? 0,
          sentBytes: sent?.sentBytes ?? 0,
          receivedBytes: sent?.receivedBytes ?? 0,
          sentMessages: sent?.sentMessages ?? 0,
          receivedMessages: sent?.receivedMessages ?? 0,
          waitingMessages: sent?.waitingMessages ?? 0,
          waitingBytes: sent?.waitingBytes ?? 0,
          lostMessages: sent?.lostMessages ?? 0,
          sharedMemory: sent?.sharedMemory === true,
          ...(asks === undefined ? {} : { asks }),
          ...(sent?.notSharedBecause === undefined ? {} : { notSharedBecause: sent.notSharedBecause }),
        };
      });
  }

  #emit<E extends keyof ClusterEvents>(event: E, ...values: ClusterEvents[E]): void {
    this.#telling.happened(event, values[0]);
    // Each by itself: one that throws keeps the others from nothing.
    for (const listener of this.#emitter.listeners(event)) {
      try {
        listener(...values);
      } catch (error) {
        this.#needs.logger.error({ error, event }, 'a listener of the cluster failed');
      }
    }
  }
}

/** What was refused before it got to the membership, by the membership, and by the transport. */
function addedUp(...counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [code, count] of counts.flatMap((each) => Object.entries(each))) sums[code] = (sums[code] ?? 0) + count;
  return sums;
}

function identity({ name, incarnation }: NodeIdentity): NodeIdentity {
  return { name, incarnation };
}

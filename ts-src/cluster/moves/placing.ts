/**
 * Where agents with ids of the cluster start, on the calling thread of a node: takes an id in the registry before an agent starts, gives it back when the agent has ended on whichever thread, and starts agents on
 * other nodes. Whatever starts here passes by `claim`: an agent that does so in a life that it had on other nodes is told from any other there, and messages that are on their way to it by way of those are waited for. That an id is held is one fact (`registry.own`), that its agent is there another (the shared table); whenever either may have changed they are compared (`#compare`). Not here: agents of lost nodes
 * (`orphans.ts`), and agents that move (`moves.ts`).
 */
import { type ErrorCode, NexusError, quoted } from '../../errors.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import type { ViewMember } from '../../protocols/views/view.js';
import type { Routing } from '../agents/routing.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import { idDuplicate, spawnTimeout } from '../../runtime/failures.js';
import { type IdClaim, idElsewhere, type NodePlacing, type NodeSpawn } from '../../runtime/remote/node-placing.js';
import type { LocatedHere } from '../../runtime/remote/locate-here.js';
import type { MembersByName } from './members-by-name.js';

/** Until something is looked at again that another thread or node is about to change. */
const AGAIN_MS = 2;
const AGAIN_MS_MAX = 50;
/** How often an id that another node has is asked for once more: its agent may have ended a moment ago. */
const TAKEN_ATTEMPTS = 3;
/** What another node says of itself: of its kinds, its table, its store, and of how the agent has started there. */
const SAID_OF_NODE: readonly ErrorCode[] = ['NEXUS_KIND_UNKNOWN', 'NEXUS_START_FAILED', 'NEXUS_TABLE_FULL', 'NEXUS_STORE_FULL', 'NEXUS_STORE_FAILED'];
/** What is worth another look at who has the id. */
const RETRIED: readonly ErrorCode[] = ['NEXUS_ID_DUPLICATE', 'NEXUS_THREAD_LOST', 'NEXUS_NODE_UNREACHABLE', 'NEXUS_OUTCOME_UNKNOWN', 'NEXUS_REGISTRY_TIMEOUT'];

export interface PlacingNeeds {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly routing: Pick<Routing, 'coming' | 'came' | 'comesNot'>;
  isDurable(kind: string): boolean;
  readonly members: MembersByName;
  /** Whether this node is a member, and may run what it has taken: its first view comes before that. */
  isJoined(): boolean;
  /** Resolves when this node is a member. Rejects with NEXUS_JOIN_TIMEOUT, NEXUS_NODE_FENCED. */
  joined(timeoutMs: number): Promise<void>;
  /** The live agent of this id on any thread of this node. */
  find(id: string): AgentReference | undefined;
  /** As `find`, unless it is of a kind that is of its node only: nothing was registered for that. */
  findOfCluster(id: string): AgentReference | undefined;
  /** The agent that still has this id on this node, although its end has begun. */
  findEnding(id: string): AgentReference | undefined;
  /** Whether one of this id is moving here, from when its owner has said so until it is in the table or does not come. */
  isArriving(id: string): boolean;
  /** The kind of one that may move here: that it does may be known elsewhere first. */
  kindOfPrepared(id: string): string | undefined;
  whenEnded(agent: AgentReference, timeoutMs: number): Promise<void>;
  /** Starts it on this node, with the id taken. */
  spawnHere(spawn: NodeSpawn): Promise<AgentReference>;
  /** Asks another node to. */
  request(node: NodeIdentity, name: 'spawnOnNode' | 'getOrSpawnOnNode', spawn: NodeSpawn): Promise<AgentReference>;
  referenceTo(registration: Registration): AgentReference;
  move(id: string, to: NodeIdentity, timeoutMs: number): Promise<NexusError | undefined>;
  /** Resolves when the other workers have read all that a lost one has sent them; undefined if there are none. */
  readByWorkers(lost: number): Promise<unknown> | undefined;
  /** An agent of this id that was here and has moved away keeps nobody from the id. */
  clear(id: string): Promise<void>;
}

export class Placing implements NodePlacing {
  readonly #needs: PlacingNeeds;
  /** Claims that have not settled, by id. */
  readonly #underway = new Map<string, number>();
  /** Of ids of those, what they were registered for. */
  readonly #registered = new Map<string, IdClaim>();
  /** Of those, the ones that a worker has to settle: how many of each id. */
  readonly #ofThreads = new Map<number, Map<string, number>>();
  /** How often each worker was lost. */
  readonly #losses = new Map<number, number>();
  /** By `auto`, by name of the member. */
  readonly #placed = new Map<string, number>();
  #placedAmong = '';
  /** Claimed for agents that were on other nodes, and are not here yet. */
  readonly #coming = new Map<string, Registration>();
  /** Ids that are looked at again soon. */
  readonly #looking = new Set<string>();

  constructor(needs: PlacingNeeds) {
    this.#needs = needs;
  }

  get node(): string {
    return this.#needs.registry.self.name;
  }

  /** @param thread a worker, which may be lost before it settles it */
  async claim(claim: IdClaim, thread = 0): Promise<boolean> {
    if (thread === 0) return this.#claim(claim);
    const { id } = claim;
    const losses = this.#losses.get(thread);
    const isComing = await this.#claim(claim);
    if (this.#losses.get(thread) !== losses) this.settled(id);
    else {
      const claimed = this.#ofThreads.get(thread) ?? new Map<string, number>();
      this.#ofThreads.set(thread, claimed);
      claimed.set(id, (claimed.get(id) ?? 0) + 1);
    }
    return isComing;
  }

  async #claim(claim: IdClaim): Promise<boolean> {
    const { clock, registry } = this.#needs;
    const { id, kind, placement, init } = claim;
    const deadlineMs = clock.nowMs() + claim.timeoutMs;
    await this.#joined(claim.timeoutMs);
    for (let attempt = 1; ; attempt++) {
      const own = registry.own(id);
      if (own !== undefined && !this.#isArriving(id)) {
        const isThere = this.#isThere(id);
        const isUnderway = this.#underway.has(id);
        // It was registered for another one, which may come as yet and would be started again as this one.
        if (!isThere && isUnderway && (own.kind !== kind || !isSame(this.#registered.get(id) ?? claim, claim))) {
          if (clock.nowMs() >= deadlineMs) throw idDuplicate(kind, id);
          await this.#pause(attempt);
          continue;
        }
        // Whether it is free on this node is for the table to say.
        if (isThere || isUnderway) {
          this.hold(id);
          // It may have been here before, and have left.
          if (this.#needs.findEnding(id) !== undefined) await this.#needs.clear(id);
          return this.#isComing(own);
        }
        // Its agent has just ended: what comes is another one.
        registry.release(id, own.token);
      }
      // An agent of this node only has it: nothing can start with it here.
      else if (own === undefined && !this.#underway.has(id) && this.#hasOneOfNode(id)) throw idDuplicate(kind, id);
      this.hold(id);
      try {
        await registry.register({ id, kind, placement, init }, Math.max(1, deadlineMs - clock.nowMs()));
        this.#registered.set(id, claim);
        if (this.#needs.findEnding(id) !== undefined) await this.#needs.clear(id);
        return false;
      } catch (error) {
        this.settled(id);
        if (!hasCode(error, 'NEXUS_ID_DUPLICATE')) throw error;
        const holder = (error.data?.['registration'] as Registration | undefined)?.host;
        const isOwn = holder === undefined || sameNode(holder, registry.self);
        if (clock.nowMs() >= deadlineMs || (!isOwn && attempt >= TAKEN_ATTEMPTS)) throw isOwn ? error : idElsewhere(kind, id, holder.name);
      }
      await this.#pause(attempt);
    }
  }

  /** Whether the next agent of an id of this node has the life of one that other nodes had. Durable agents have all the same: what is sent to one by another reference than before may get ahead. */
  #isComing(own: Registration): boolean {
    const { id, life, kind } = own;
    if (this.#isThere(id) || this.#needs.isDurable(kind)) return false;
    this.#coming.set(id, own);
    this.#needs.routing.coming(id, life, undefined);
    return true;
  }

  /** Claims of it have settled. */
  #hasCome(id: string, isLast: boolean): void {
    const coming = this.#coming.get(id);
    if (coming === undefined) return;
    const isHere = this.#needs.findOfCluster(id) !== undefined;
    if (!isHere && !isLast) return;
    this.#coming.delete(id);
    if (isHere) this.#needs.routing.came(id, coming.life, coming.token);
    else this.#needs.routing.comesNot(id, coming.life, undefined);
  }

  /** From now on the id is not given back, until as many times `settled` was said. */
  hold(id: string): void {
    this.#underway.set(id, (this.#underway.get(id) ?? 0) + 1);
  }

  settled(id: string, thread = 0): void {
    const claimed = this.#ofThreads.get(thread);
    const ofThread = (claimed?.get(id) ?? 1) - 1;
    if (ofThread > 0) claimed?.set(id, ofThread);
    else claimed?.delete(id);
    const left = (this.#underway.get(id) ?? 1) - 1;
    if (left > 0) this.#underway.set(id, left);
    else {
      this.#underway.delete(id);
      this.#registered.delete(id);
    }
    this.#hasCome(id, left <= 0);
    this.#compare(id);
  }

  threadLost(thread: number): void {
    this.#losses.set(thread, (this.#losses.get(thread) ?? 0) + 1);
    const claimed = this.#ofThreads.get(thread);
    this.#ofThreads.delete(thread);
    if (claimed === undefined) return;
    const settle = (): void => {
      for (const [id, count] of claimed) for (let each = 0; each < count; each++) this.settled(id);
    };
    // What it has told another worker to start is not there yet.
    const read = this.#needs.readByWorkers(thread);
    if (read === undefined) settle();
    else void read.then(settle);
  }

  ended(id: string): void {
    // It is in the table until the end of the call, or of the turn of its thread.
    queueMicrotask(() => this.#compare(id));
  }

  coming(id: string): LocatedHere | undefined {
    const kind = this.#needs.kindOfPrepared(id) ?? (this.#isThere(id) ? undefined : this.#needs.registry.own(id)?.kind);
    return kind === undefined ? undefined : { kind, thread: -1 };
  }

  async moveToNode({ id, node, timeoutMs }: Parameters<NodePlacing['moveToNode']>[0]): Promise<void> {
    // Who wants it moved may have heard of this start of the node earlier than this one.
    await this.#needs.members.known(node, timeoutMs);
    const error = await this.#needs.move(id, node, timeoutMs);
    if (error !== undefined) throw error;
  }

  async spawn(spawn: NodeSpawn): Promise<AgentReference> {
    const remainingMs = this.#remaining(spawn);
    await this.#joined(spawn.timeoutMs);
    const target = await this.#nodeOf({ ...spawn, timeoutMs: remainingMs() });
    const call = { ...spawn, timeoutMs: remainingMs() };
    return sameNode(target, this.#needs.registry.self) ? this.#needs.spawnHere(call) : this.#request(target, 'spawnOnNode', call);
  }

  async getOrSpawn(spawn: NodeSpawn): Promise<AgentReference> {
    const { clock, registry } = this.#needs;
    const { id, kind } = spawn;
    const deadlineMs = clock.nowMs() + spawn.timeoutMs;
    const remainingMs = this.#remaining(spawn);
    await this.#joined(spawn.timeoutMs);
    for (let attempt = 1; ; attempt++) {
      const live = this.#needs.find(id);
      if (live !== undefined) return ofKind(live, kind);
      const ending = this.#needs.findEnding(id);
      if (ending !== undefined && registry.own(id) !== undefined) await this.#needs.whenEnded(ending, remainingMs()).catch(() => undefined);
      try {
        const registration = await registry.lookup(id, remainingMs());
        if (registration !== undefined && registration.kind !== kind) throw otherKind(id, registration.kind, kind);
        if (registration !== undefined && !sameNode(registration.host, registry.self)) return this.#needs.referenceTo(registration);
        // One of this node that is not in the table starts, ends or comes just now.
        if (registration === undefined || (!this.#underway.has(id) && !this.#isThere(id))) {
          const target = await this.#nodeOf({ ...spawn, timeoutMs: remainingMs() });
          const call = { ...spawn, timeoutMs: remainingMs() };
          return await (sameNode(target, registry.self) ? this.#needs.spawnHere(call) : this.#request(target, 'getOrSpawnOnNode', call));
        }
      } catch (error) {
        // Somebody else was faster, or who was asked is gone: looked at again, as long as there is time.
        if (!RETRIED.some((code) => hasCode(error, code)) || clock.nowMs() >= deadlineMs) throw error;
        const stale = registry.cached(id);
        if (stale !== undefined && !sameNode(stale.host, registry.self)) registry.forget(id, stale.token);
      }
      await this.#pause(attempt);
    }
  }

  /** What is left of its time. @throws NexusError NEXUS_SPAWN_TIMEOUT */
  #remaining({ kind, id, timeoutMs }: NodeSpawn): () => number {
    const { clock } = this.#needs;
    const deadlineMs = clock.nowMs() + timeoutMs;
    return () => {
      const left = deadlineMs - clock.nowMs();
      if (left <= 0) throw spawnTimeout(kind, id, timeoutMs);
      return left;
    };
  }

  /** What another node has said of its own kinds and threads is to be read as that. */
  async #request(target: NodeIdentity, name: 'spawnOnNode' | 'getOrSpawnOnNode', spawn: NodeSpawn): Promise<AgentReference> {
    try {
      return await this.#needs.request(target, name, { ...spawn, node: target.name });
    } catch (error) {
      if (!(error instanceof NexusError) || !SAID_OF_NODE.includes(error.code) || error.data?.['node'] !== undefined) throw error;
      throw new NexusError(error.code, `on node ${target.name}: ${error.message}`, { cause: error.cause, data: { ...error.data, node: target.name } });
    }
  }

  /** The member that a choice means now. Rejects with NexusTypeError NEXUS_OPTION_INVALID. */
  async #nodeOf({ node: choice, id, timeoutMs }: NodeSpawn): Promise<NodeIdentity> {
    const { registry, members } = this.#needs;
    if (choice === 'here' || choice === registry.self.name) return registry.self;
    if (choice === 'ring') return registry.ownerOf(id) ?? registry.self;
    if (choice === 'auto') return this.#leastPlaced(members.members);
    return members.find(choice) ?? members.named(choice, timeoutMs);
  }

  /** What this node places so goes round among the members, in the proportion of their weights. */
  #leastPlaced(members: readonly ViewMember[]): NodeIdentity {
    const names = members.map(({ name }) => name).join();
    // A member that has just come is not to get all until it has caught up.
    if (names !== this.#placedAmong) this.#placed.clear();
    this.#placedAmong = names;
    let best: ViewMember | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const member of members) {
      if (member.weight === 0 || member.status !== 'up') continue;
      const load = ((this.#placed.get(member.name) ?? 0) + 1) / member.weight;
      if (load < least) {
        least = load;
        best = member;
      }
    }
    if (best === undefined) return this.#needs.registry.self;
    this.#placed.set(best.name, (this.#placed.get(best.name) ?? 0) + 1);
    return { name: best.name, incarnation: best.incarnation };
  }

  /** Gives an id back whose agent is not there. */
  #compare(id: string): void {
    const { registry } = this.#needs;
    if (this.#underway.has(id)) return;
    const own = registry.own(id);
    if (own === undefined || this.#needs.findOfCluster(id) !== undefined) return;
    if (this.#needs.findEnding(id) === undefined) return registry.release(id, own.token);
    if (this.#looking.has(id)) return;
    this.#looking.add(id);
    this.#needs.clock.after(AGAIN_MS, () => {
      // One that has left keeps its address for as long as the id is not needed.
      void this.#needs.clear(id).finally(() => {
        this.#looking.delete(id);
        this.#compare(id);
      });
    });
  }

  /** It is about to take its place in the table. Whoever took it before would be the end of it. */
  #isArriving(id: string): boolean {
    return this.#needs.isArriving(id) && this.#needs.findOfCluster(id) === undefined;
  }

  /** For an id that is not this node's. Durable agents ask for theirs when they are in the table already. */
  #hasOneOfNode(id: string): boolean {
    const found = this.#needs.find(id);
    return found !== undefined && !this.#needs.isDurable(found.kind);
  }

  #isThere(id: string): boolean {
    return this.#needs.findOfCluster(id) !== undefined || this.#needs.findEnding(id) !== undefined;
  }

  async #joined(timeoutMs: number): Promise<void> {
    if (!this.#needs.isJoined()) await this.#needs.joined(timeoutMs);
  }

  #pause(attempt: number): Promise<void> {
    return new Promise((resolve) => {
      this.#needs.clock.after(Math.min(AGAIN_MS_MAX, AGAIN_MS * 2 ** Math.min(attempt, 8)), resolve);
    });
  }
}

/** Of one kind: whether the registry is to say the same of both. */
function isSame(one: IdClaim, other: IdClaim): boolean {
  if (one.placement !== other.placement) return false;
  return one.init === undefined || other.init === undefined ? one.init === other.init : Buffer.compare(one.init, other.init) === 0;
}

function ofKind(found: AgentReference, kind: string): AgentReference {
  if (found.kind !== kind) throw otherKind(found.id, found.kind, kind);
  return found;
}

function otherKind(id: string, kind: string, expected: string): NexusError {
  return new NexusError(
    'NEXUS_KIND_MISMATCH',
    `agent ${quoted(id)} is of kind '${kind}', not '${expected}'; ids are unique over all kinds: prefix them by kind`,
    {
      data: { id, kind, expected },
    },
  );
}

function hasCode(error: unknown, code: ErrorCode): error is NexusError {
  return error instanceof NexusError && error.code === code;
}

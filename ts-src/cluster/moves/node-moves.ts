/**
 * Where agents are in a cluster, and how they get elsewhere: the parts of this folder on the calling thread of a node, put together for `cluster/node-parts.ts`. Joins them to the registry, to the routes of messages, to
 * the threads of this node, and to the same part of the other nodes (`Channel.moves`).
 */
import { NexusError, quoted } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import type { Lane, Transport } from '../../ports/transport.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import { decodeInit } from '../../runtime/remote/kept-init.js';
import type { NodeSpawn } from '../../runtime/remote/node-placing.js';
import type { SystemCallName, SystemCalls } from '../../runtime/system-calls.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import type { NodeAgents } from '../agents/node-agents.js';
import { Channel } from '../channels.js';
import { surelyOnThread } from '../surely-on-thread.js';
import type { NodePart, NodeView } from '../node-parts.js';
import { AgentArrivals, type Prepare } from './agent-arrivals.js';
import { AgentMoves } from './agent-moves.js';
import { Drain, type DrainReport } from './drain.js';
import { framed, type MoveMessage, unframed } from './move-frames.js';
import { MembersByName } from './members-by-name.js';
import { Orphans } from './orphans.js';
import { Placing } from './placing.js';
import { Rebalancing } from './rebalancing.js';

/** Of a call to a thread of this node, or to another node about an agent: who waits has a time limit of its own. */
const CALL_TIMEOUT_MS = 86_400_000;
const START_TIMEOUT_MS = 30_000;
/** Until the successor of a lost thread is asked. */
const AGAIN_MS = 20;
/** Longer than any handler should run; one that runs longer keeps its agent here. */
const MOVE_TIMEOUT_MS = 10_000;

export interface NodeMovesNeeds {
  readonly host: ThreadHost;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly agents: NodeAgents;
  isJoined(): boolean;
  joined(timeoutMs: number): Promise<void>;
  /** Asks for another weight. */
  weigh(weight: number): void;
  /** Whether agents move by themselves when the ring changes. */
  readonly rebalances: boolean;
}

export class NodeMoves implements NodePart {
  readonly placing: Placing;
  readonly orphans: Orphans;
  readonly moves: AgentMoves;
  readonly arrivals: AgentArrivals;
  readonly rebalancing: Rebalancing;
  readonly #needs: NodeMovesNeeds;
  readonly #drain: Drain;
  readonly #members: MembersByName;

  constructor(needs: NodeMovesNeeds) {
    this.#needs = needs;
    this.#members = new MembersByName(needs.clock);
    const { host, clock, logger, registry, agents, transport } = needs;
    const { routing } = agents;
    const find = (id: string): AgentReference | undefined => host.directory.find(id, undefined);
    const findOfCluster = (id: string): AgentReference | undefined => {
      const found = find(id);
      return found?.kindEntry.isOfNode === true ? undefined : found;
    };
    this.placing = new Placing({
      ...{ clock, registry, routing, find, findOfCluster },
      isDurable: (kind) => this.#isDurable(kind),
      members: this.#members,
      ...{ isJoined: needs.isJoined, joined: needs.joined },
      findEnding: (id) => host.directory.findEnding(id),
      isArriving: (id) => this.arrivals.isArriving(id),
      kindOfPrepared: (id) => this.arrivals.kindOf(id),
      whenEnded: (agent, timeoutMs) => host.stopping.whenEnded(agent, timeoutMs),
      spawnHere: (spawn) => host.spawning.spawnForNode(this.placing, spawn),
      request: (node, name, spawn) => agents.request(node, undefined, name, spawn, spawn.timeoutMs),
      referenceTo: ({ id, kind, host: node, life }) =>
        agents.find(id, undefined) ?? agents.references.remoteReference(id, kind, node, this.#isDurable(kind) ? 0 : life),
      move: (id, to, timeoutMs) => this.moves.move(id, to, timeoutMs),
      readByWorkers: (lost) => this.#readByWorkers(lost),
      clear: (id) => this.#clear(id),
    });
    host.placing = this.placing;
    const hold = (id: string): void => this.placing.hold(id);
    const settled = (id: string): void => this.placing.settled(id);
    this.orphans = new Orphans({ ...{ registry, logger, hold, settled }, start: (registration) => this.#start(registration) });
    this.moves = new AgentMoves({
      ...{ clock, registry, logger, routing, hold, settled, find },
      isMember: (node) => this.#isMember(node),
      movedAway: ({ slot, generation, id }, remote) => agents.movedAway(slot, generation, id, remote),
      depart: (agent, timeoutMs) => {
        const { slot, generation } = agent;
        return this.#onThreadOf(agent, 'departToNode', { slot, generation, timeoutMs });
      },
      stay: ({ slot, generation, kind, id }) =>
        void this.#surelyOnThreadOf({ slot, generation, kind, id }, 'stayOnNode', { slot, generation }).catch(() => undefined),
      leave: ({ slot, generation, kind, id }, node, life, tied) =>
        this.#surelyOnThreadOf({ slot, generation, kind, id }, 'leaveToNode', { slot, generation, node, life, tied }),
      nameOf: (agent) => agents.references.nameOf(agent),
      tellName: (agent, { life }) => {
        const { slot, generation, remote } = agent;
        if (remote === undefined) void this.#onThreadOf(agent, 'nameForNodes', { slot, generation, life }).catch(() => undefined);
      },
      endSuperseded: (agent) => this.#endSuperseded(agent),
      send: (to, message) => this.#send(to, message),
      hasMoved: (agent, to) => logger.debug({ agent: agent.id, kind: agent.kind, node: to.name }, 'an agent has moved to another node'),
    });
    agents.local.leaving = (agent) => this.moves.lifeOf(agent);
    this.arrivals = new AgentArrivals({
      ...{ clock, registry, logger, routing, hold, settled },
      isDurable: (kind) => this.#isDurable(kind),
      refusalOf: (message) => this.#refusalOf(message),
      isHere: (id) => findOfCluster(id) !== undefined,
      arrive: async (arrival) => {
        if (!needs.isJoined()) await needs.joined(START_TIMEOUT_MS);
        await this.#clear(arrival.id);
        const thread = host.spawning.threadFor(arrival.kind, arrival.id);
        await this.#onThread(thread, 'arriveFromNode', arrival, arrival);
      },
      send: (to, message) => this.#send(to, message),
    });
    this.rebalancing = new Rebalancing({
      ...{ clock, registry, logger },
      move: (id, to) => this.moves.move(id, to, MOVE_TIMEOUT_MS),
      takers: () => this.#members.members.reduce((count, { weight }) => (weight > 0 ? count + 1 : count), 0),
      depth: () => this.#depth(),
    });
    this.rebalancing.isOn = needs.rebalances;
    this.#drain = new Drain({
      ...{ clock, registry, logger },
      weigh: () => needs.weigh(0),
      isWeighed: () => this.#members.members.find((member) => sameNode(member, registry.self))?.weight === 0,
      hasOthers: () => this.#members.members.some((member) => member.weight > 0 && !sameNode(member, registry.self)),
      ids: () => this.#ids(),
      vacate: (isOver) => agents.vacate(isOver),
      isStopping: () => host.isStopping,
      underway: () => host.asks.size + (host.durable?.activations.size ?? 0),
      move: (id, to, timeoutMs) => this.moves.move(id, to, timeoutMs),
    });
    registry.listen({
      orphaned: (registration) => this.orphans.orphaned(registration),
      superseded: ({ id }) => {
        const agent = findOfCluster(id);
        // One that moves finds out by itself.
        if (agent !== undefined && !this.moves.isMoving(id)) this.#endSuperseded(agent);
      },
      misplaced: (registrations) => {
        if (!this.#drain.isUnderway) this.rebalancing.misplaced(registrations);
      },
      handed: (registration, from) => (from === undefined ? this.orphans.handed(registration) : void this.arrivals.handed(registration, from)),
    });
    transport.listen(Channel.moves, ({ from, value }) => this.#received(from, value));
  }

  viewed(view: NodeView): void {
    this.#members.viewed(view.members);
    for (const node of [...view.left, ...view.removed]) this.moves.departed(node);
  }

  closed(): void {
    this.rebalancing.close();
    this.arrivals.close();
  }

  /** All agents leave: who asks stops the node then. */
  drain(deadlineMs: number): Promise<DrainReport> {
    return this.#drain.run(deadlineMs);
  }

  /**
   * Moves agents, wherever they are, to a member. For each why not, or undefined.
   * Rejects with NexusTypeError NEXUS_OPTION_INVALID: no such member.
   */
  async migrate(agents: readonly AgentReference[], nodeName: string, timeoutMs: number): Promise<(NexusError | undefined)[]> {
    const to = await this.#members.named(nodeName, timeoutMs);
    const results: (NexusError | undefined)[] = agents.map(() => undefined);
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < agents.length) {
        const at = next++;
        results[at] = await this.#migrate(agents[at] as AgentReference, to, timeoutMs);
      }
    };
    await Promise.all(Array.from({ length: Math.min(64, agents.length) }, one));
    return results;
  }

  async #migrate(agent: AgentReference, to: NodeIdentity, timeoutMs: number): Promise<NexusError | undefined> {
    const error = await this.#tryToMove(agent, to, timeoutMs);
    if (error?.code !== 'NEXUS_AGENT_NOT_FOUND') return error;
    // Between two nodes it is on neither: whether it has ended is for its owner to say.
    const { registry } = this.#needs;
    const { id, kind } = agent;
    const heard = registry.cached(id);
    if (heard !== undefined && !sameNode(heard.host, registry.self)) registry.forget(id, heard.token);
    const found = await registry.lookup(id, timeoutMs).catch(() => undefined);
    if (found === undefined) return error;
    const reason = 'another move of it is under way, or it is just about to start';
    return new NexusError('NEXUS_MIGRATION_REFUSED', `${kind} ${quoted(id)} does not move to node ${to.name}: ${reason}`, {
      data: { id, kind, node: found.host.name, reason },
    });
  }

  async #tryToMove(agent: AgentReference, to: NodeIdentity, timeoutMs: number): Promise<NexusError | undefined> {
    const { agents, registry } = this.#needs;
    const { id } = agent;
    if (!agents.leads(agent) && registry.own(id) !== undefined) return this.moves.move(id, to, timeoutMs);
    try {
      // What was heard of it before may be out of date: its owner knows.
      const heard = registry.cached(id);
      if (heard !== undefined) registry.forget(id, heard.token);
      const found = await registry.lookup(id, timeoutMs);
      if (found !== undefined && sameNode(found.host, to)) return undefined;
      if (found === undefined || sameNode(found.host, registry.self)) return this.moves.move(id, to, timeoutMs);
      await agents.request(found.host, undefined, 'moveToNode', { id, node: to, timeoutMs }, timeoutMs + START_TIMEOUT_MS);
      return undefined;
    } catch (error) {
      return error instanceof NexusError ? error : new NexusError('NEXUS_MIGRATION_REFUSED', String(error), { data: { id } });
    }
  }

  #received(from: NodeIdentity, value: unknown): void {
    const message = unframed(value);
    switch (message?.type) {
      case undefined:
        return this.#needs.logger.debug({ node: from.name }, 'a message about agents that move was none');
      case 'prepare':
        return this.arrivals.prepare(from, message);
      case 'prepared':
        return this.moves.prepared(from, message.number, message.refusal);
      case 'arrived':
        return this.moves.arrived(from, message.id, message.life, message.isHere);
      case 'cancel':
        return this.arrivals.cancel(from, message.id, message.token);
    }
  }

  #send(to: NodeIdentity, message: MoveMessage): boolean {
    const lane: Lane = message.type === 'prepare' ? 'bulk' : 'normal';
    return this.#needs.transport.send(to, lane, { channel: Channel.moves, value: framed(message) }) === 'accepted';
  }

  /** An orphan, with its id taken. */
  #start({ id, kind, init, placement }: Registration): Promise<AgentReference> {
    const spawn: NodeSpawn = {
      ...{ kind, id, placement, thread: 'auto', node: this.#needs.registry.self.name, parent: undefined, timeoutMs: START_TIMEOUT_MS },
      init: init === undefined ? undefined : decodeInit(init),
    };
    return this.#needs.host.spawning.spawnForNode(this.placing, spawn);
  }

  #readByWorkers(lost: number): Promise<unknown> | undefined {
    const { host } = this.#needs;
    const others: number[] = [];
    for (let thread = 1; thread < host.shared.threadCount; thread++) if (thread !== lost) others.push(thread);
    return others.length === 0 ? undefined : Promise.all(others.map((thread) => surelyOnThread(host, () => thread, 'readFrom', { thread: lost })));
  }

  /** An agent that had this id here and has moved away keeps a place in the table: that is given back. */
  async #clear(id: string): Promise<void> {
    const left = this.#needs.host.directory.findEnding(id);
    if (left !== undefined) await this.#onThreadOf(left, 'forgetLeft', { slot: left.slot, generation: left.generation }).catch(() => undefined);
  }

  #endSuperseded(agent: AgentReference): void {
    const { slot, generation } = agent;
    void this.#onThreadOf(agent, 'endSuperseded', { slot, generation }).catch(() => undefined);
  }

  /** All that can be said before it has been handed over: afterwards it has no other node. */
  #refusalOf({ kind: name, id, baggage }: Prepare): string | undefined {
    const { host, registry } = this.#needs;
    if (host.isStopping) return 'that node stops';
    if (this.#drain.isUnderway) return 'that node is being drained';
    const kind = host.kinds.find(name);
    if (kind === undefined) return `that node does not know the kind ${quoted(name)}`;
    if (registry.own(id) === undefined && host.directory.find(id, undefined) !== undefined)
      return this.moves.isMoving(id) ? 'another move of it is under way' : `that node has an agent of its own with the id ${quoted(id)}`;
    for (const action of [...baggage.timers.map((timer) => timer.action), ...baggage.subscriptions.map((subscription) => subscription[1])])
      if (!kind.actions.some((known) => known.name === action)) return `the kind ${quoted(name)} has no action ${quoted(action)} on that node`;
    return undefined;
  }

  #isDurable(kind: string): boolean {
    return this.#needs.host.kinds.find(kind)?.isDurable === true;
  }

  #isMember(node: NodeIdentity): boolean {
    return this.#members.members.some((member) => sameNode(member, node));
  }

  *#ids(): Iterable<string> {
    const { table } = this.#needs.host.engine;
    for (const { slot, generation } of table.entries()) {
      const id = table.keyOf(slot, generation);
      if (id !== undefined && this.#needs.host.directory.find(id, undefined) !== undefined) yield id;
    }
  }

  #depth(): number {
    return this.#needs.host.dispatcher.depth;
  }

  /** What a thread is told about an agent that leaves or stays: if the thread is lost, its successor is told. */
  async #surelyOnThreadOf<N extends 'stayOnNode' | 'leaveToNode'>(
    agent: { readonly slot: number; readonly generation: number; readonly kind: string; readonly id: string },
    name: N,
    input: Parameters<SystemCalls[N]>[0],
  ): Promise<void> {
    for (;;) {
      try {
        await this.#onThreadOf(agent, name, input);
        return;
      } catch (error) {
        if (!(error instanceof NexusError && error.code === 'NEXUS_THREAD_LOST') || this.#needs.host.isStopping) throw error;
        await new Promise<void>((resolve) => this.#needs.clock.after(AGAIN_MS, resolve));
      }
    }
  }

  #onThreadOf<N extends SystemCallName>(
    agent: { readonly slot: number; readonly generation: number; readonly kind: string; readonly id: string },
    name: N,
    input: Parameters<SystemCalls[N]>[0],
  ): Promise<Awaited<ReturnType<SystemCalls[N]>>> {
    const thread = this.#needs.host.engine.table.threadOf(agent.slot, agent.generation);
    return this.#onThread(Math.max(0, thread), name, input, agent);
  }

  /** On this thread at once: nothing more than the call is made for it. */
  #onThread<N extends SystemCallName>(
    thread: number,
    name: N,
    input: Parameters<SystemCalls[N]>[0],
    target: { readonly kind: string; readonly id: string },
  ): Promise<Awaited<ReturnType<SystemCalls[N]>>> {
    const { host } = this.#needs;
    if (thread !== 0) return host.router.request(thread, name, input, CALL_TIMEOUT_MS, target);
    type Result = Awaited<ReturnType<SystemCalls[N]>>;
    try {
      const result = (host.calls[name] as (call: unknown) => Result | Promise<Result>).call(host.calls, input);
      return result instanceof Promise ? result : Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

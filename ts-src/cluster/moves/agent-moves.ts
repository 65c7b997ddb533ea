/**
 * Agents that move from this node to another: each is held on its thread, packed and sent to the other node, which keeps it as a value; then its owner is asked to hand it over, and from that moment this node does not run
 * it any more unless the owner refuses. When the other node runs it, what waited here is sent on. Interrupted at any step, by the loss of whichever node or message, there is one activation: who may run an agent is
 * decided by its owner alone, and until it says so the agent waits here, whole. Not here: those that come (`agent-arrivals.ts`), and which agents move (`rebalancing.ts`, `drain.ts`).
 */
import { refusalWithin } from '../../codec/not-cloneable.js';
import { NexusError, quoted } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { RemoteAgent } from '../../model/remote-agent.js';
import type { Registration } from '../../model/registration.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import { agentNotFound } from '../../runtime/failures.js';
import type { AgentBaggage } from '../../runtime/remote/agent-baggage.js';
import type { NamedAgent } from '../../runtime/remote/agent-keys.js';
import { DURABLE_LIFE, lifeOf } from '../../runtime/remote/agent-life.js';
import type { NodeDeparture, TiedNames } from '../../runtime/remote/node-departures.js';
import type { Route } from '../agents/route.js';
import type { Routing } from '../agents/routing.js';
import { Deadlines } from './deadlines.js';
import type { MoveMessage } from './move-frames.js';

/** Of the answer of the other node, that it has room for the agent. */
const PREPARE_TIMEOUT_MS = 10_000;
const AGAIN_MS = 5;
/** Of its word that the agent handles messages there. */
const ARRIVAL_TIMEOUT_MS = 10_000;
const NOBODY: TiedNames = { watching: [], links: [] };

export interface AgentMovesNeeds {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly routing: Pick<Routing, 'leaving' | 'left' | 'stays'>;
  hold(id: string): void;
  settled(id: string): void;
  find(id: string): AgentReference | undefined;
  isMember(node: NodeIdentity): boolean;
  /** References of all threads to where it was lead there from now on. */
  movedAway(agent: AgentReference, remote: RemoteAgent): void;
  /** On the thread of the agent. */
  depart(agent: AgentReference, timeoutMs: number): Promise<NodeDeparture>;
  stay(agent: AgentReference): void;
  leave(agent: AgentReference, node: NodeIdentity, life: number, tied: TiedNames): Promise<void>;
  /** As other nodes know it when a reference to it is sent now. */
  nameOf(agent: AgentReference): NamedAgent;
  /** Its thread learns what other nodes call it. */
  tellName(agent: AgentReference, name: NamedAgent): void;
  endSuperseded(agent: AgentReference): void;
  /** False if it cannot be sent now. @throws what encoding throws */
  send(to: NodeIdentity, message: MoveMessage): boolean;
  hasMoved(agent: AgentReference, to: NodeIdentity): void;
}

export class AgentMoves {
  /** Since the start of this node. */
  moved = 0;
  readonly #needs: AgentMovesNeeds;
  readonly #moving = new Set<string>();
  /** By their address, which agents of their ids are held here: while one is handed over the registry does not call it this node's. */
  readonly #lives = new Map<number, number>();
  /** Handed over, while the other node has not said that it handles messages there. */
  readonly #arriving = new Map<string, { readonly to: NodeIdentity; readonly life: number; settle(isHere: boolean): void }>();
  readonly #preparing = new Map<number, { readonly to: NodeIdentity; settle(refusal: string | undefined): void }>();
  readonly #preparations: Deadlines;
  readonly #arrivals: Deadlines;
  #numbers = 0;

  constructor(needs: AgentMovesNeeds) {
    this.#needs = needs;
    this.#preparations = new Deadlines(needs.clock, PREPARE_TIMEOUT_MS);
    this.#arrivals = new Deadlines(needs.clock, ARRIVAL_TIMEOUT_MS);
  }

  /** Moves that have not come to an end. */
  get size(): number {
    return this.#moving.size;
  }

  isMoving(id: string): boolean {
    return this.#moving.has(id);
  }

  /** What all nodes know an agent by that is still here, and is about to move; undefined for any other. */
  lifeOf({ slot, generation }: AgentReference): number | undefined {
    return this.#lives.size === 0 ? undefined : this.#lives.get(lifeOf(slot, generation));
  }

  /** Resolves with undefined if it is on that node now, else with why not: NEXUS_MIGRATION_REFUSED (it goes on here), NEXUS_AGENT_NOT_FOUND, NEXUS_TOKEN_STALE, NEXUS_STOPPED. */
  async move(id: string, to: NodeIdentity, timeoutMs: number): Promise<NexusError | undefined> {
    const { registry } = this.#needs;
    const own = registry.own(id);
    const agent = this.#needs.find(id);
    if (agent === undefined) return agentNotFound(own?.kind, id);
    // While it is handed over the registry does not call it this node's.
    if (this.#moving.has(id) && !sameNode(to, registry.self)) return this.#refusal(agent, 'another move of it is under way');
    if (own === undefined || agent.kindEntry.isOfNode) return this.#refusal(agent, 'its id is one of its node only: such agents stay');
    if (sameNode(to, registry.self)) return undefined;
    if (!this.#needs.isMember(to)) return this.#refusal(agent, `${nodeKey(to)} is no member of the cluster`);
    const life = agent.kindEntry.isDurable ? DURABLE_LIFE : own.life;
    const address = lifeOf(agent.slot, agent.generation);
    this.#moving.add(id);
    this.#lives.set(address, life);
    this.#needs.hold(id);
    try {
      const route = await this.#stopped(id, life, timeoutMs);
      if (route === undefined) return this.#refusal(agent, 'it has just come, and something that was sent to it before is still on its way');
      return await this.#move(agent, own, life, to, timeoutMs, route);
    } catch (error) {
      // Only what nobody has thought of: it goes on here, if it may.
      this.#needs.logger.error({ error, agent: id }, 'an agent could not be moved');
      this.#stay(agent, id, life);
      return error instanceof NexusError ? error : this.#refusal(agent, error instanceof Error ? error.message : String(error));
    } finally {
      this.#moving.delete(id);
      this.#lives.delete(address);
      this.#needs.settled(id);
    }
  }

  prepared(from: NodeIdentity, number: number, refusal: string | undefined): void {
    const preparing = this.#preparing.get(number);
    if (preparing !== undefined && sameNode(preparing.to, from)) preparing.settle(refusal);
  }

  arrived(from: NodeIdentity, id: string, life: number, isHere: boolean): void {
    const waiting = this.#arriving.get(id);
    if (waiting !== undefined && waiting.life === life && sameNode(waiting.to, from)) waiting.settle(isHere);
  }

  /** That node answers nothing any more. */
  departed(node: NodeIdentity): void {
    for (const { to, settle } of [...this.#arriving.values()]) if (sameNode(to, node)) settle(true);
    for (const { to, settle } of [...this.#preparing.values()]) if (sameNode(to, node)) settle(`node ${node.name} has left the cluster`);
  }

  async #move(agent: AgentReference, own: Registration, life: number, to: NodeIdentity, timeoutMs: number, route: Route): Promise<NexusError | undefined> {
    const { registry, routing } = this.#needs;
    const { id } = agent;
    const departure = await this.#needs.depart(agent, timeoutMs);
    if (departure.type !== 'packed') {
      this.#stay(agent, id, life);
      return departure.type === 'refused' ? this.#refusal(agent, departure.reason) : agentNotFound(agent.kind, id);
    }
    // Now: one that has ended has no name any more, and its end is told to the other node by it.
    const { watching, links } = departure.baggage;
    const tied: TiedNames =
      watching.length + links.length === 0
        ? NOBODY
        : { watching: watching.map((other) => this.#named(other)), links: links.map((other) => this.#named(other)) };
    const refusal = await this.#prepare(to, own, departure.baggage);
    if (refusal !== undefined) {
      this.#needs.send(to, { type: 'cancel', id, token: own.token });
      this.#stay(agent, id, life);
      return this.#refusal(agent, refusal);
    }
    let there: Registration;
    const arrival = this.#arrival(id, own.life, to);
    try {
      there = await registry.handOver(id, own.token, to);
    } catch (error) {
      this.#arriving.delete(id);
      return await this.#notHandedOver(agent, life, error, route);
    }
    this.moved++;
    this.#lives.delete(lifeOf(agent.slot, agent.generation));
    // References first: what is sent from now on goes behind what waits.
    this.#needs.movedAway(agent, { node: to, life });
    await this.#sendOn(agent, to, life, route, tied);
    routing.left(id, life, to, there.token);
    this.#needs.hasMoved(agent, to);
    // Whoever has taken it over has it, also if it does not say so in time.
    const deadline = this.#arrivals.add(() => this.#arriving.get(id)?.settle(true));
    const isHere = await arrival;
    this.#arrivals.met(deadline);
    return isHere ? undefined : agentNotFound(agent.kind, id);
  }

  async #notHandedOver(agent: AgentReference, life: number, error: unknown, route: Route): Promise<NexusError> {
    const { id } = agent;
    const code = error instanceof NexusError ? error.code : undefined;
    if (life === DURABLE_LIFE && code === 'NEXUS_MIGRATION_REFUSED' && (error as NexusError).data?.['mayHaveRun'] === true) {
      // What is stored may be newer than what is in memory: its next message brings it back from there.
      await this.#sendOn(agent, this.#needs.registry.self, life, route, NOBODY);
      this.#needs.routing.stays(id, life);
      return error as NexusError;
    }
    if (code === 'NEXUS_TOKEN_STALE') {
      // Somebody else has it: what is here must not go on.
      this.#needs.endSuperseded(agent);
      this.#needs.routing.stays(id, life);
      return error as NexusError;
    }
    if (code !== 'NEXUS_MIGRATION_REFUSED') return error instanceof NexusError ? error : this.#refusal(agent, String(error));
    this.#stay(agent, id, life);
    return error as NexusError;
  }

  /** From now on what comes for it waits. One that has just come is waited for until all has come that was sent to it before. */
  async #stopped(id: string, life: number, timeoutMs: number): Promise<Route | undefined> {
    const { clock, routing } = this.#needs;
    const untilMs = clock.nowMs() + timeoutMs;
    for (;;) {
      const route = routing.leaving(id, life);
      if (route !== undefined || clock.nowMs() >= untilMs) return route;
      await new Promise<void>((resolve) => {
        clock.after(AGAIN_MS, resolve);
      });
    }
  }

  /** It is not here any more: what waited in its mailbox waits in its route. */
  async #sendOn(agent: AgentReference, to: NodeIdentity, life: number, route: Route, tied: TiedNames): Promise<void> {
    try {
      await this.#needs.leave(agent, to, life, tied);
    } catch (error) {
      this.#needs.logger.error({ error, agent: agent.id }, 'messages of an agent that has moved were lost');
    }
    inOrder(route);
  }

  /** What other nodes call what it is tied to, which it has to know itself by the time it ends. */
  #named(other: AgentReference): NamedAgent {
    const name = this.#needs.nameOf(other);
    this.#needs.tellName(other, name);
    return name;
  }

  #stay(agent: AgentReference, id: string, life: number): void {
    this.#needs.stay(agent);
    this.#needs.routing.stays(id, life);
  }

  #arrival(id: string, life: number, to: NodeIdentity): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isHere: boolean): void => {
        this.#arriving.delete(id);
        resolve(isHere);
      };
      this.#arriving.set(id, { to, life, settle });
    });
  }

  /** Resolves with why the other node does not take it, or undefined. */
  #prepare(to: NodeIdentity, { id, kind, life, token }: Registration, baggage: AgentBaggage): Promise<string | undefined> {
    this.#numbers += 1;
    const number = this.#numbers;
    return new Promise((resolve) => {
      const settle = (refusal: string | undefined): void => {
        this.#preparations.met(deadline);
        this.#preparing.delete(number);
        resolve(refusal);
      };
      const deadline = this.#preparations.add(() => settle(`node ${to.name} has not answered for ${PREPARE_TIMEOUT_MS} ms`));
      this.#preparing.set(number, { to, settle });
      try {
        if (!this.#needs.send(to, { type: 'prepare', number, id, kind, life, token, baggage }))
          settle(`node ${to.name} cannot be reached, or too much waits for it`);
      } catch (error) {
        const refusal = refusalWithin(error, 1, '');
        const what = refusal instanceof Error ? refusal.message : String(refusal);
        settle(`it cannot be sent: ${what.startsWith('.') ? `its ${what.slice(1)}` : what}`);
      }
    });
  }

  #refusal(agent: AgentReference, reason: string): NexusError {
    const { self } = this.#needs.registry;
    return new NexusError('NEXUS_MIGRATION_REFUSED', `${agent.kind} ${quoted(agent.id)} stays on node ${self.name}: ${reason}`, {
      data: { id: agent.id, kind: agent.kind, node: self.name, reason },
    });
  }
}

/** What was in its mailbox, and then what was sent on this node, came before what other nodes have sent since it is held. */
function inOrder(route: Route): void {
  const { waiting } = route;
  if (route.first.length === 0 && waiting.length === 0) return;
  route.waiting = [...route.first.splice(0), ...waiting.filter(({ origin }) => origin === undefined), ...waiting.filter(({ origin }) => origin !== undefined)];
}

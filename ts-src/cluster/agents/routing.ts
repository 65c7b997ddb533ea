/**
 * Where messages to agents go that are not, or not always, of this node, and what keeps their order when agents move. Messages of one node to one agent go one way; before they go another, a mark is sent the old way,
 * and they wait until it has come to the agent: then everything before it has come too. The node that an agent has left sends on what still comes for it, and says so; it is asked where an agent is only when nobody here
 * has heard of it. What is sent on is neither kept nor repeated: a message is lost at most with a node or connection it was on.
 *
 * Decides and keeps queues; how a frame is encoded is `outgoing-frames.ts`, how it gets into a mailbox `incoming-frames.ts`.
 */
import { NexusError } from '../../errors.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import { agentNotFound } from '../../runtime/failures.js';
import { DURABLE_LIFE, isOfNode } from '../../runtime/remote/agent-life.js';
import { nodeUnreachable, waitingFull } from './ask-errors.js';
import { HOPS_MAX } from './agent-frames.js';
import type { Peer, PostOutcome } from './peer.js';
import { Route, type UnderwayFrame, WAITING_MAX } from './route.js';

/** Ways that are remembered; the oldest on which nothing waits give way. Those that references hold stay valid. */
const ROUTES_MAX = 262_144;
const LOOKUP_TIMEOUT_MS = 10_000;
/** An activation that the registry knows and that is not here yet, or whose node is gone and not replaced yet: it is looked for again. */
const AGAIN_MS = 20;
const AGAIN_TIMES = 500;

export interface RoutingNeeds {
  readonly clock: Clock;
  self(): NodeIdentity;
  viewNumber(): number;
  registry(): Registry | undefined;
  /** Also for one that has gone. */
  peerOf(node: NodeIdentity): Peer;
  /** Not refused for want of room. */
  transmit(route: Route, peer: Peer, frame: UnderwayFrame): PostOutcome;
  /** To the agent here. False, with nothing done, if it is not. */
  deliver(route: Route, frame: UnderwayFrame): boolean;
  /** To a durable agent, which may be out of memory. */
  deliverDurable(route: Route, frame: UnderwayFrame): void;
  /** It comes to nothing. */
  refuse(route: Route, frame: UnderwayFrame, error: NexusError): void;
  /** Asks to be told when that node knows the view. */
  askAfterView(route: Route, peer: Peer, number: number, view: number): void;
}

export class Routing {
  readonly #needs: RoutingNeeds;
  readonly #routes = new Map<string, Route>();
  #marks = 0;
  /** On which something waits, for any reason. */
  waitingCount = 0;

  constructor(needs: RoutingNeeds) {
    this.#needs = needs;
  }

  get size(): number {
    return this.#routes.size;
  }

  /** @param node where it is, for one that nothing is known of */
  of(id: string, life: number, node: NodeIdentity): Route {
    const key = keyOf(id, life);
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const isHere = sameNode(node, this.#needs.self());
    const route = new Route(id, life, isHere ? this.#needs.self() : node, isHere ? undefined : this.#needs.peerOf(node));
    this.#routes.set(key, route);
    if (this.#routes.size > ROUTES_MAX) this.#forgetOldest();
    return route;
  }

  known(id: string, life: number): Route | undefined {
    return this.#routes.get(keyOf(id, life));
  }

  /** Whether messages for this agent wait, or go on to another node: then it is not to be given to the agent here, whether there is one or not. */
  isHeld(id: string, life: number): boolean {
    return this.waitingCount > 0 && this.known(id, life)?.waitingFor !== undefined;
  }

  /** On its way, or into the queue. @throws what encoding throws */
  dispatch(route: Route, frame: UnderwayFrame, isFromOldHost = false): PostOutcome {
    if (route.waitingFor !== undefined) return this.#wait(route, frame, isFromOldHost);
    return this.#go(route, frame);
  }

  /** The node has said that the agent is not there but on another one. */
  movedTo(id: string, life: number, from: NodeIdentity, to: NodeIdentity, token: number): void {
    const route = this.known(id, life);
    if (route === undefined || route.peer === undefined || !sameNode(route.node, from)) return;
    if (token > route.token) route.token = token;
    if (route.waitingFor !== undefined) return;
    if (!route.isUsed) return this.#at(route, to);
    this.#flush(route, route.peer);
  }

  /** The mark has come to where the agent is, or to where it should be. */
  flushed(id: string, life: number, number: number, from: NodeIdentity, isThere: boolean): void {
    const route = this.known(id, life);
    if (route === undefined || route.mark !== number || number === 0) return;
    route.mark = 0;
    if (route.waitingFor === 'coming') {
      if (route.hasCome) this.#open(route);
      return;
    }
    if (route.waitingFor !== 'flushing') return;
    route.isUsed = false;
    if (!isThere) return this.#resolve(route);
    this.#at(route, from);
    this.#open(route);
  }

  /** An agent of this node is about to move: from now on what comes for it waits. */
  leaving(id: string, life: number): Route {
    const route = this.of(id, life, this.#needs.self());
    this.#stop(route, 'leaving');
    return route;
  }

  /** It has moved: what waited goes there, and so does what comes. */
  left(id: string, life: number, to: NodeIdentity, token: number): void {
    const route = this.of(id, life, this.#needs.self());
    route.token = token;
    this.#at(route, to);
    this.#open(route);
  }

  /** It has not. */
  stays(id: string, life: number): void {
    const route = this.of(id, life, this.#needs.self());
    this.#at(route, this.#needs.self());
    this.#open(route);
  }

  /** An agent of another node is about to be here: what comes for it waits, what that node sends on before the rest. */
  coming(id: string, life: number, from: NodeIdentity): void {
    const route = this.of(id, life, from);
    const { isUsed, peer } = route;
    this.#stop(route, 'coming');
    route.hasCome = false;
    route.from = from;
    // What this node has sent there comes back before the mark does.
    if (isUsed && peer !== undefined && !peer.isGone) this.#mark(route, peer);
  }

  /** It is here, with all that it brought. What the other node has sent on is for it now, and the rest as soon as nothing can come from there that was sent before. */
  came(id: string, life: number, token: number): void {
    const route = this.known(id, life);
    if (route === undefined || route.waitingFor !== 'coming') return;
    route.token = token;
    route.hasCome = true;
    route.node = this.#needs.self();
    route.peer = undefined;
    route.isUsed = false;
    for (const frame of route.first.splice(0)) this.#here(route, frame);
    if (route.mark === 0) this.#open(route);
  }

  /** It does not come. */
  comesNot(id: string, life: number, where: NodeIdentity): void {
    const route = this.known(id, life);
    if (route === undefined || route.waitingFor !== 'coming') return;
    route.waiting = [...route.first.splice(0), ...route.waiting];
    route.mark = 0;
    this.#at(route, where);
    this.#open(route);
  }

  /** Nothing of that node comes any more. */
  departed(node: NodeIdentity): void {
    for (const route of this.#routes.values()) {
      if (route.waitingFor === 'flushing' && route.peer !== undefined && sameNode(route.node, node)) {
        route.mark = 0;
        this.#resolve(route);
      } else if (route.waitingFor === 'coming' && route.mark !== 0 && route.from !== undefined && sameNode(route.from, node)) {
        route.mark = 0;
        if (route.hasCome) this.#open(route);
      }
    }
  }

  /** Messages on their way to that node may be lost, and marks with them. */
  lost(node: NodeIdentity): void {
    for (const route of this.#routes.values()) {
      if (route.mark === 0 || route.peer === undefined || !sameNode(route.node, node) || route.peer.isGone) continue;
      if (route.waitingFor === 'flushing' || route.waitingFor === 'coming') this.#mark(route, route.peer);
    }
  }

  close(error: (route: Route) => NexusError): void {
    for (const route of this.#routes.values()) this.#giveUp(route, error(route));
    this.#routes.clear();
  }

  #wait(route: Route, frame: UnderwayFrame, isFromOldHost: boolean): PostOutcome {
    if (route.waitingFor === 'coming' && isFromOldHost) {
      if (route.hasCome) this.#here(route, frame);
      else route.first.push(frame);
      return 'accepted';
    }
    if (frame.type === 'message' && route.waiting.length >= WAITING_MAX) return 'full';
    route.waiting.push(frame);
    return 'accepted';
  }

  #go(route: Route, frame: UnderwayFrame): PostOutcome {
    const { peer } = route;
    if (peer === undefined) {
      this.#here(route, frame);
      return 'accepted';
    }
    if (frame.hops >= HOPS_MAX) {
      this.#needs.refuse(route, frame, agentNotFound(frame.kind, route.id));
      return 'accepted';
    }
    if (!peer.isGone) {
      route.isUsed = true;
      const outcome = this.#needs.transmit(route, peer, frame);
      if (outcome !== 'gone') return outcome;
    }
    if (isOfNode(route.life)) {
      this.#needs.refuse(route, frame, goneWith(frame, route, peer.node));
      return 'gone';
    }
    this.#resolve(route);
    return this.#wait(route, frame, false);
  }

  /** To the agent of this node; if it is not here, to where it is found. */
  #here(route: Route, frame: UnderwayFrame): void {
    if (this.#needs.deliver(route, frame)) return;
    if (isOfNode(route.life)) return this.#needs.refuse(route, frame, agentNotFound(frame.kind, route.id));
    const registry = this.#needs.registry();
    if (route.life === DURABLE_LIFE) {
      const isOwn = registry === undefined || registry.own(route.id) !== undefined;
      const owner = registry?.ownerOf(route.id);
      if (isOwn || owner === undefined || (registry?.cached(route.id) === undefined && sameNode(owner, this.#needs.self())))
        return this.#needs.deliverDurable(route, frame);
    }
    this.#resolve(route);
    void this.#wait(route, frame, false);
  }

  /** Asks the registry, while messages wait. */
  #resolve(route: Route): void {
    this.#stop(route, 'resolving');
    const registry = this.#needs.registry();
    if (registry === undefined) return this.#giveUp(route, agentNotFound(undefined, route.id));
    this.#look(route, registry, 1);
  }

  #look(route: Route, registry: Registry, attempt: number): void {
    const again = (): void => {
      if (attempt >= AGAIN_TIMES) return this.#giveUp(route, agentNotFound(undefined, route.id));
      this.#needs.clock.after(AGAIN_MS, () => route.waitingFor === 'resolving' && this.#look(route, registry, attempt + 1));
    };
    registry.lookup(route.id, LOOKUP_TIMEOUT_MS).then(
      (found) => {
        if (route.waitingFor !== 'resolving') return;
        const isDurable = route.life === DURABLE_LIFE;
        if (!isDurable && found?.life !== route.life) return this.#giveUp(route, agentNotFound(found?.kind, route.id));
        const node = found?.host ?? registry.ownerOf(route.id);
        if (node === undefined) return again();
        route.token = found?.token ?? 0;
        if (sameNode(node, this.#needs.self())) {
          this.#at(route, node);
          if (!this.#canGoHere(route)) return again();
          return this.#open(route);
        }
        if (this.#needs.peerOf(node).isGone) {
          if (found !== undefined) registry.forget(found.id, found.token);
          return again();
        }
        this.#goTo(route, node);
      },
      (error: unknown) => route.waitingFor === 'resolving' && this.#giveUp(route, asNexusError(error, route)),
    );
  }

  /** The first that waits tells whether the agent is here: if not it is looked for again. */
  #canGoHere(route: Route): boolean {
    const first = route.waiting[0];
    if (first === undefined || route.life === DURABLE_LIFE) return true;
    if (!this.#needs.deliver(route, first)) return false;
    route.waiting.shift();
    return true;
  }

  /** What went to a node that is gone may still be on its way from there to where the agent is now: that node has to know that it is gone. */
  #goTo(route: Route, node: NodeIdentity): void {
    const { isUsed } = route;
    this.#at(route, node);
    const { peer } = route;
    if (!isUsed || peer === undefined) return this.#open(route);
    route.waitingFor = 'flushing';
    route.mark = ++this.#marks;
    this.#needs.askAfterView(route, peer, route.mark, this.#needs.viewNumber());
  }

  #flush(route: Route, peer: Peer): void {
    this.#stop(route, 'flushing');
    this.#mark(route, peer);
  }

  #mark(route: Route, peer: Peer): void {
    route.mark = ++this.#marks;
    this.#needs.transmit(route, peer, { type: 'mark', kind: '', origin: undefined, hops: 0, number: route.mark });
  }

  #at(route: Route, node: NodeIdentity): void {
    const isHere = sameNode(node, this.#needs.self());
    route.node = node;
    route.peer = isHere ? undefined : this.#needs.peerOf(node);
    route.isUsed = false;
    route.told = undefined;
  }

  #stop(route: Route, why: NonNullable<Route['waitingFor']>): void {
    if (route.waitingFor === undefined) this.waitingCount++;
    route.waitingFor = why;
    // It may have been forgotten.
    this.#routes.set(keyOf(route.id, route.life), route);
  }

  #open(route: Route): void {
    if (route.waitingFor === undefined) return;
    this.waitingCount--;
    route.waitingFor = undefined;
    const waiting = route.waiting;
    route.waiting = [];
    for (let index = 0; index < waiting.length; index++) {
      // What was sent before may have made it wait again.
      if (route.waitingFor !== undefined) {
        route.waiting.push(...waiting.slice(index));
        return;
      }
      this.#tryGo(route, waiting[index] as UnderwayFrame);
    }
  }

  #tryGo(route: Route, frame: UnderwayFrame): void {
    try {
      this.#go(route, frame);
    } catch (error) {
      this.#needs.refuse(route, frame, asNexusError(error, route));
    }
  }

  #giveUp(route: Route, error: NexusError): void {
    const frames = [...route.first.splice(0), ...route.waiting.splice(0)];
    if (route.waitingFor !== undefined) this.waitingCount--;
    route.waitingFor = undefined;
    for (const frame of frames) this.#needs.refuse(route, frame, error);
  }

  #forgetOldest(): void {
    for (const [key, route] of this.#routes) {
      if (route.waitingFor !== undefined) continue;
      this.#routes.delete(key);
      return;
    }
  }
}

export function fullError(route: Route, frame: UnderwayFrame): NexusError {
  return waitingFull(askedOf(route, frame), route.id, WAITING_MAX);
}

export function askedOf(route: Route, frame: UnderwayFrame): { readonly description: string; readonly facts: object } {
  const what = frame.type === 'message' ? frame.action : frame.type === 'call' ? frame.name : 'mark';
  return { description: `'${what}' of ${frame.kind} '${route.id}'`, facts: { id: route.id, kind: frame.kind, action: what } };
}

function goneWith(frame: UnderwayFrame, route: Route, node: NodeIdentity): NexusError {
  return nodeUnreachable(askedOf(route, frame), node, `${nodeKey(node)} is not a member of the cluster any more, and its agents have ended with it`);
}

function asNexusError(error: unknown, route: Route): NexusError {
  return error instanceof NexusError ? error : new NexusError('NEXUS_AGENT_NOT_FOUND', `${route.id} could not be found`, { cause: error });
}

function keyOf(id: string, life: number): string {
  return `${life} ${id}`;
}

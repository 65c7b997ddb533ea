/**
 * Where messages to agents go that are not, or not always, of this node, and what keeps their order when agents move. Messages of one node to one agent go one way; before they go another, a mark is sent the old way,
 * and they wait until it has come to the agent: then everything before it has come too. The node that an agent has left sends on what still comes for it, and says so; it is asked where an agent is only when nobody here
 * has heard of it. What is sent on is neither kept nor repeated: a message is lost at most with a node or connection it was on.
 *
 * Decides and keeps queues; how a frame is encoded is `outgoing-frames.ts`, how it gets into a mailbox `incoming-frames.ts`.
 */
import type { NexusError } from '../../errors.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import { agentNotFound } from '../../runtime/failures.js';
import { DURABLE_LIFE, isOfNode } from '../../runtime/remote/agent-life.js';
import { HOPS_MAX } from './agent-frames.js';
import type { Peer, PostOutcome } from './peer.js';
import { Marks, type MarksNeeds } from './marks.js';
import { forgetVia, isBack, keyOf, NO_MARKS, Route, type UnderwayFrame, WAITING_MAX } from './route.js';
import { asNexusError, goneWith } from './route-errors.js';

/** Ways that are remembered; the oldest on which nothing waits give way. Those that references hold stay valid. */
const ROUTES_MAX = 262_144;
const LOOKUP_TIMEOUT_MS = 10_000;
/** An activation that the registry knows and that is not here yet, or whose node is gone and not replaced yet: it is looked for again. */
const AGAIN_MS = 20;
const AGAIN_TIMES = 500;
/** A message that so many nodes have sent on goes no further before the owner of the id has been asked, which takes longer each time. */
const HOPS_UNASKED = 4;
const ASKED_AGAIN_MS_MAX = 1000;
/** A mark that has not come by then is sent once more. */
const MARK_AGAIN_MS = 5000;

export interface RoutingNeeds extends MarksNeeds {
  readonly clock: Clock;
  registry(): Registry | undefined;
  /** To the agent here. False, with nothing done, if it is not. */
  deliver(route: Route, frame: UnderwayFrame): boolean;
  /** Whether it is, in memory. */
  isHere(route: Route): boolean;
  /** To a durable agent, which may be out of memory. */
  deliverDurable(route: Route, frame: UnderwayFrame): void;
  /** It comes to nothing. */
  refuse(route: Route, frame: UnderwayFrame, error: NexusError): void;
  /** An agent that has come here is sent what comes for it: nothing goes before it any more. */
  settled(route: Route): void;
}

export class Routing {
  readonly #needs: RoutingNeeds;
  readonly #routes = new Map<string, Route>();
  /** On which messages wait, for whatever reason. */
  readonly #waiting = new Set<Route>();
  readonly #marks: Marks;
  #cancelAgain: (() => void) | undefined;

  constructor(needs: RoutingNeeds) {
    this.#needs = needs;
    this.#marks = new Marks(needs);
  }

  get size(): number {
    return this.#routes.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
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

  /** On its way, or into the queue. @param isAhead it goes before what waits, where this node alone sends to an agent that leaves: it was here before, comes from where the agent does, or is a mark, behind which whatever its sender sends here will wait too, if the agent is coming @throws what encoding throws */
  dispatch(route: Route, frame: UnderwayFrame, isAhead = false): PostOutcome {
    if (route.waitingFor !== undefined) return this.#wait(route, frame, isAhead);
    return this.#go(route, frame);
  }

  /** The node has said that the agent is not there but on another one. */
  movedTo(id: string, life: number, from: NodeIdentity, to: NodeIdentity, token: number): void {
    const route = this.known(id, life);
    if (route === undefined || route.peer === undefined || !sameNode(route.node, from)) return;
    if (token > route.token) route.token = token;
    if (route.waitingFor !== undefined) return;
    if (!route.isUsed) return this.#at(route, to);
    this.#stop(route, 'flushing');
    this.#marks.send(route, route.peer);
  }

  /** A mark has come to where the agent is, or to where it should be. */
  flushed(id: string, life: number, number: number, from: NodeIdentity, isThere: boolean): void {
    const route = this.known(id, life);
    const mark = route?.marks.get(number);
    if (route === undefined || mark === undefined) return;
    route.marks = NO_MARKS;
    if (route.waitingFor === 'coming') return this.#settle(route);
    if (route.waitingFor !== 'flushing') return;
    route.isUsed = false;
    if (mark.isAfterView) return this.#open(route);
    if (!isThere) return this.#resolve(route);
    this.#at(route, from);
    // Also on a node that is about to leave: such an agent could not move, and ends with it.
    route.staysOn = route.peer;
    this.#open(route);
  }

  /** An agent of this node is about to move: from now on what comes for it waits. Undefined, with nothing done, while something that was sent before is still on its way, or waits for what is, or not all threads of this node send straight to it: it has to stay a moment longer. */
  leaving(id: string, life: number): Route | undefined {
    const route = this.of(id, life, this.#needs.self());
    if (route.waitingFor !== undefined || route.isHoming) return undefined;
    this.#stop(route, 'leaving');
    return route;
  }

  /** It has moved: what waited goes there, and so does what comes. */
  left(id: string, life: number, to: NodeIdentity, token: number): void {
    const route = this.of(id, life, this.#needs.self());
    if (route.waitingFor !== 'leaving') return;
    this.#at(route, to);
    route.token = token;
    this.#open(route);
  }

  /** It has not. */
  stays(id: string, life: number): void {
    const route = this.of(id, life, this.#needs.self());
    if (route.waitingFor !== 'leaving') return;
    this.#at(route, this.#needs.self());
    this.#open(route);
  }

  /**
   * An agent of other nodes is about to be here: what comes for it waits, behind what was sent from here to where it was, and comes back.
   * @param from whence it moves; undefined: it starts here, in the life that it had there
   */
  coming(id: string, life: number, from: NodeIdentity | undefined): void {
    const route = this.of(id, life, from ?? this.#needs.self());
    const { isUsed, peer } = route;
    // As long as it may still come from where it was.
    if (from === undefined && route.waitingFor === 'coming' && !route.hasCome) return;
    this.#stop(route, 'coming');
    route.hasCome = false;
    route.isHoming = true;
    route.isMove = from !== undefined;
    route.from = from;
    // What this node has sent there comes back before the mark does, and may be waited for already.
    if (route.marks.size > 0 || !isUsed || peer === undefined) return;
    if (!peer.isGone) this.#marks.send(route, peer);
    else if (from !== undefined) this.#marks.sendAfterView(route, from);
  }

  /** It is here, with all that it brought. What has come back is for it now, and the rest as soon as nothing can come back any more. */
  came(id: string, life: number, token: number): void {
    // Who was to come first may not have, and who comes now has not said so.
    if (this.known(id, life)?.waitingFor !== 'coming') this.coming(id, life, undefined);
    const route = this.of(id, life, this.#needs.self());
    if (route.hasCome) return;
    route.token = token;
    route.hasCome = true;
    route.node = this.#needs.self();
    route.peer = undefined;
    if (route.first.length > 0) for (const frame of route.first.splice(0)) this.#here(route, frame);
    if (route.marks.size === 0) this.#settle(route);
  }

  /** It does not come. @param where it is; undefined: nobody knows */
  comesNot(id: string, life: number, where: NodeIdentity | undefined): void {
    const route = this.known(id, life);
    if (route === undefined || route.waitingFor !== 'coming' || route.hasCome) return;
    route.from = undefined;
    route.isHoming = false;
    const marks = [...route.marks.values()];
    const isElsewhere = marks.some(({ via, isAfterView }) => !isAfterView && (where === undefined || !sameNode(via, where)));
    if (!isElsewhere && where !== undefined) this.#at(route, where);
    // What was sent another way must have come before.
    if (isElsewhere || marks.some(({ isAfterView }) => isAfterView)) return this.#stop(route, 'flushing');
    if (where === undefined) return this.#resolve(route);
    this.#open(route);
  }

  /** Nothing of that node comes any more. */
  departed(node: NodeIdentity): void {
    for (const route of [...this.#waiting]) {
      if (!forgetVia(route, node)) continue;
      if (route.waitingFor === 'coming') {
        // What it has sent on to where the agent came from is sent on from there.
        if (route.from !== undefined) this.#marks.sendAfterView(route, route.from);
        if (route.marks.size === 0) this.#settle(route);
      } else if (route.waitingFor === 'flushing') this.#resolve(route);
    }
  }

  /** Its agents are on other nodes by now, and nothing more is to go there. */
  vacated(peer: Peer): void {
    for (const route of this.#routes.values()) {
      // That it was there was said before it was to leave.
      if (route.staysOn === peer) route.staysOn = undefined;
      if (route.peer === peer && route.isUsed && !isOfNode(route.life) && route.waitingFor === undefined) this.#turnAway(route, peer);
    }
  }

  /** Whether nothing that was sent by way of that node is on its way. */
  isClearOf(node: NodeIdentity): boolean {
    for (const { marks } of this.#waiting) for (const { via } of marks.values()) if (sameNode(via, node)) return false;
    return true;
  }

  /** Messages on their way to that node may be lost, and marks with them. */
  lost(node: NodeIdentity): void {
    for (const route of this.#waiting) this.#marks.again(route, node);
  }

  close(error: (route: Route) => NexusError): void {
    this.#cancelAgain?.();
    for (const route of this.#routes.values()) this.#giveUp(route, error(route));
    this.#routes.clear();
  }

  #wait(route: Route, frame: UnderwayFrame, isAhead: boolean): PostOutcome {
    const { waitingFor } = route;
    if (waitingFor === 'coming' && isAhead && route.hasCome) {
      this.#here(route, frame);
      return 'accepted';
    }
    if (waitingFor === 'leaving' && frame.type === 'message' && frame.origin === undefined) {
      // It is here as yet, and whatever this node sends it by other references goes into its mailbox, which goes along.
      if (isAhead) route.first.push(frame);
      if (isAhead || (!route.isGiven && this.#needs.deliver(route, frame))) return 'accepted';
    }
    const queue = this.#queueOf(route, frame, isAhead);
    if (frame.type === 'message' && queue.length >= WAITING_MAX) return 'full';
    queue.push(frame);
    return 'accepted';
  }

  /** It was on its way already. */
  #waitAgain(route: Route, frame: UnderwayFrame): PostOutcome {
    this.#queueOf(route, frame, isBack(frame, this.#needs.self())).push(frame);
    return 'accepted';
  }

  #queueOf(route: Route, { type }: UnderwayFrame, isAhead: boolean): UnderwayFrame[] {
    // Where the agent does not come here, a mark says that what has gone before it has come to the agent: it goes before nothing.
    const isFirst = isAhead && (route.waitingFor === 'coming' || (route.waitingFor !== 'leaving' && type !== 'mark'));
    return isFirst ? route.first : route.waiting;
  }

  #go(route: Route, frame: UnderwayFrame): PostOutcome {
    const { peer } = route;
    if (peer === undefined) {
      this.#here(route, frame);
      return 'accepted';
    }
    if (frame.trail.length >= HOPS_MAX) {
      this.#needs.refuse(route, frame, agentNotFound(frame.kind, route.id, frame.type === 'message' ? frame.action : undefined));
      return 'accepted';
    }
    if (frame.trail.length >= HOPS_UNASKED && route.askedFor !== frame) {
      route.askedFor = frame;
      this.#askAgain(route, frame);
      return 'accepted';
    }
    route.askedFor = undefined;
    // What it was sent before has to come before what goes elsewhere now.
    if (peer.isShut && !peer.isGone && route.staysOn !== peer && !isOfNode(route.life) && frame.type !== 'mark') {
      this.#turnAway(route, peer);
      return this.#waitAgain(route, frame);
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
    return this.#waitAgain(route, frame);
  }

  /** To the agent of this node; if it is not here, to where it is found. */
  #here(route: Route, frame: UnderwayFrame): void {
    if (this.#needs.deliver(route, frame)) return;
    if (isOfNode(route.life)) return this.#needs.refuse(route, frame, agentNotFound(frame.kind, route.id, frame.type === 'message' ? frame.action : undefined));
    const registry = this.#needs.registry();
    if (this.#startsHere(route, registry)) return this.#needs.deliverDurable(route, frame);
    this.#resolve(route);
    this.#waitAgain(route, frame);
  }

  /** A durable agent that this node brings back, if anybody does now. */
  #startsHere(route: Route, registry: Registry | undefined): boolean {
    if (route.life !== DURABLE_LIFE) return false;
    const owner = registry?.ownerOf(route.id);
    if (registry === undefined || registry.own(route.id) !== undefined || owner === undefined) return true;
    return registry.cached(route.id) === undefined && sameNode(owner, this.#needs.self());
  }

  /** Nodes contradict each other about where it is: what was heard is forgotten, and its owner asked, later each time, so that they come to agree. */
  #askAgain(route: Route, frame: UnderwayFrame): void {
    const registry = this.#needs.registry();
    if (registry === undefined || isOfNode(route.life)) return void this.#go(route, frame);
    this.#stop(route, 'resolving');
    (isBack(frame, this.#needs.self()) ? route.first : route.waiting).unshift(frame);
    const waitMs = Math.min(ASKED_AGAIN_MS_MAX, AGAIN_MS * 2 ** (frame.trail.length - HOPS_UNASKED));
    this.#needs.clock.after(waitMs, () => {
      if (route.waitingFor !== 'resolving') return;
      const heard = registry.cached(route.id);
      if (heard !== undefined && !sameNode(heard.host, this.#needs.self())) registry.forget(heard.id, heard.token);
      this.#look(route, registry, 1);
    });
  }

  /** Asks the registry, while messages wait. */
  #resolve(route: Route): void {
    this.#stop(route, 'resolving');
    const registry = this.#needs.registry();
    if (registry === undefined) return this.#giveUp(route, undefined);
    this.#look(route, registry, 1);
  }

  #look(route: Route, registry: Registry, attempt: number): void {
    const again = (): void => {
      if (attempt >= AGAIN_TIMES) return this.#giveUp(route, undefined);
      this.#needs.clock.after(AGAIN_MS, () => route.waitingFor === 'resolving' && this.#look(route, registry, attempt + 1));
    };
    const isHeard = registry.cached(route.id) !== undefined && !this.#isSelf(registry.ownerOf(route.id));
    registry.lookup(route.id, LOOKUP_TIMEOUT_MS).then(
      (found) => {
        if (route.waitingFor !== 'resolving') return;
        const isDurable = route.life === DURABLE_LIFE;
        if (!isDurable && found?.life !== route.life) return this.#giveUp(route, undefined);
        const node = found?.host ?? registry.ownerOf(route.id);
        if (node === undefined) return again();
        route.token = found?.token ?? 0;
        if (sameNode(node, this.#needs.self())) {
          const { peer, isUsed } = route;
          this.#at(route, node);
          if (!this.#canGoHere(route)) return again();
          return isUsed && peer !== undefined ? this.#comesBack(route, peer) : this.#open(route);
        }
        const peer = this.#needs.peerOf(node);
        if (peer.isGone || (peer.isShut && (isHeard || found === undefined))) {
          if (found !== undefined) registry.forget(found.id, found.token);
          return again();
        }
        route.staysOn = peer;
        this.#goTo(route, node);
      },
      (error: unknown) => route.waitingFor === 'resolving' && this.#giveUp(route, asNexusError(error, route)),
    );
  }

  /** If not it is looked for again, after a while, as what is known of it may stay wrong for as long. */
  #canGoHere(route: Route): boolean {
    return route.first.length + route.waiting.length === 0 || this.#startsHere(route, this.#needs.registry()) || this.#needs.isHere(route);
  }

  /** A durable agent that was brought back elsewhere, or was thought to be: what this node has sent there comes back, and goes before the rest. */
  #comesBack(route: Route, peer: Peer): void {
    route.marks = NO_MARKS;
    this.#stop(route, 'coming');
    route.from = peer.node;
    route.isMove = false;
    route.hasCome = true;
    for (const frame of route.first.splice(0)) this.#here(route, frame);
    if (route.waitingFor !== 'coming') return;
    if (!peer.isGone) this.#marks.send(route, peer);
    if (route.marks.size === 0) this.#settle(route);
  }

  /** What went to a node that is gone may still be on its way from there. */
  #goTo(route: Route, node: NodeIdentity): void {
    const { isUsed } = route;
    this.#at(route, node);
    if (!isUsed) return this.#open(route);
    this.#stop(route, 'flushing');
    this.#marks.sendAfterView(route, node);
    if (route.marks.size === 0) this.#open(route);
  }

  /** From a node that is about to leave to where the agent is now. */
  #turnAway(route: Route, peer: Peer): void {
    if (!route.isUsed) return this.#resolve(route);
    this.#stop(route, 'flushing');
    this.#marks.send(route, peer);
  }

  /** A mark may be lost on a connection between two other nodes. */
  #arm(): void {
    this.#cancelAgain ??= this.#needs.clock.after(MARK_AGAIN_MS, () => {
      this.#cancelAgain = undefined;
      for (const route of this.#waiting) {
        const mark = [...route.marks.values()].at(-1);
        if (mark === undefined) continue;
        // Who was said to have the agent may have had it no more.
        if (route.waitingFor === 'flushing' && mark.isAfterView) this.#resolve(route);
        else this.#marks.again(route, mark.via);
      }
      if (this.#waiting.size > 0) this.#arm();
    });
  }

  /** What was sent before it came here has come too. */
  #settle(route: Route): void {
    if (!route.hasCome) return;
    route.from = undefined;
    route.isUsed = false;
    this.#open(route);
    if (route.isHoming) this.#needs.settled(route);
  }

  #isSelf(node: NodeIdentity | undefined): boolean {
    return node !== undefined && sameNode(node, this.#needs.self());
  }

  #at(route: Route, node: NodeIdentity): void {
    const isHere = sameNode(node, this.#needs.self());
    if (!sameNode(route.node, node)) route.isUsed = false;
    route.node = node;
    route.peer = isHere ? undefined : this.#needs.peerOf(node);
    route.told = undefined;
  }

  #stop(route: Route, why: NonNullable<Route['waitingFor']>): void {
    this.#waiting.add(route);
    route.waitingFor = why;
    this.#arm();
    // It may have been forgotten.
    this.#routes.set(keyOf(route.id, route.life), route);
  }

  #open(route: Route): void {
    if (route.waitingFor === undefined) return;
    this.#waiting.delete(route);
    route.rest();
    if (route.first.length === 0 && route.waiting.length === 0) return;
    const waiting = [...route.first.splice(0), ...route.waiting.splice(0)];
    for (let index = 0; index < waiting.length; index++) {
      // What was sent before may have made it wait again.
      if (route.waitingFor !== undefined) {
        for (const each of waiting.slice(index)) this.#waitAgain(route, each);
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

  /** @param error undefined: there is no such agent */
  #giveUp(route: Route, error: NexusError | undefined): void {
    const frames = [...route.first.splice(0), ...route.waiting.splice(0)];
    this.#waiting.delete(route);
    route.rest();
    route.isHoming = false;
    for (const frame of frames)
      this.#needs.refuse(route, frame, error ?? agentNotFound(frame.kind, route.id, frame.type === 'message' ? frame.action : undefined));
  }

  #forgetOldest(): void {
    for (const [key, route] of this.#routes) if (route.waitingFor === undefined) return void this.#routes.delete(key);
  }
}

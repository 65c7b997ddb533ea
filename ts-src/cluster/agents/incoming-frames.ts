/**
 * What comes from other nodes about agents, taken apart with distrust: into a mailbox, to an ask that waits, to the runtime, or on to where the agent is now. What is none of it is refused and counted, and nothing else
 * comes of it.
 */
import type { NexusError, NexusTypeError } from '../../errors.js';
import { MessageTrace } from '../../model/message-trace.js';
import { isNodeName, type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { IncomingMessage } from '../../ports/transport.js';
import { AgentReference } from '../../runtime/agent-reference.js';
import { agentNotFound } from '../../runtime/failures.js';
import { senderWith } from '../../runtime/mailbox.js';
import { DURABLE_LIFE, isOfNode } from '../../runtime/remote/agent-life.js';
import type { SystemCallName } from '../../runtime/system-calls.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import { AGENTS_MAX, Frame, HOPS_MAX, isAskNumber, isCount, isId, isLife, isName, isTimeLeft, nodeOf, traceValuesOf } from './agent-frames.js';
import { frameRefused, nodeUnreachable, outcomeUnknown } from './ask-errors.js';
import type { LocalAgents } from './local-agents.js';
import { callRefused, carryOut, isInputOf, isNodeCall } from './node-calls.js';
import type { Kind } from '../../runtime/kind.js';
import type { PendingAsk } from '../../runtime/pending-asks.js';
import { NodeReply, type ReplySender } from './node-reply.js';
import type { Peer, WaitingFrame } from './peer.js';
import { isBack, NO_TRAIL, type UnderwayCall, type UnderwayFrame } from './route.js';
import { fullError } from './route-errors.js';
import type { Routing } from './routing.js';

export interface IncomingFramesNeeds {
  readonly host: ThreadHost;
  readonly local: LocalAgents;
  readonly routing: Routing;
  readonly replies: ReplySender & { answered(ask: PendingAsk): void };
  self(): NodeIdentity;
  peerOf(node: NodeIdentity): Peer;
  viewNumber(): number;
  /** Another node says that there is no such agent; with the life of durable ones: nor anything stored of it. */
  ended(id: string, life: number): void;
  /** Another node is about to leave, or sends nothing any more to this one, which is. */
  vacating(node: NodeIdentity): void;
  vacated(node: NodeIdentity): void;
  /** A message was none, or named what is not there. */
  refused(error: NexusError | NexusTypeError, from: NodeIdentity): void;
}

/** Who waits for a view; more are not answered, and ask the registry again when their view changes. */
const AFTER_VIEW_MAX = 65_536;

type Parts = readonly unknown[];

export class IncomingFrames {
  received = 0;
  readonly #needs: IncomingFramesNeeds;
  /** Who waits for a view that this node does not know yet. */
  #afterView: { readonly view: number; answer(): void }[] = [];

  constructor(needs: IncomingFramesNeeds) {
    this.#needs = needs;
  }

  receive({ from, value }: IncomingMessage): void {
    const frame = value as Parts;
    if (Array.isArray(value)) {
      if (frame[0] === Frame.tell) {
        if (frame.length === 6 && this.#plain(from, frame, undefined)) return;
      } else if (frame[0] === Frame.ask) {
        if (frame.length === 9 && this.#plainAsk(from, frame)) return;
      } else if (frame[0] === Frame.reply && this.#reply(frame)) return;
    }
    if (!Array.isArray(value) || !this.#read(from, from, NO_TRAIL, value as Parts)) this.#needs.refused(frameRefused(shortText(value)), from);
  }

  viewed(number: number): void {
    const due = this.#afterView.filter(({ view }) => view <= number);
    if (due.length === 0) return;
    this.#afterView = this.#afterView.filter(({ view }) => view > number);
    for (const { answer } of due) answer();
  }

  #plainAsk(from: NodeIdentity, frame: Parts): boolean {
    const reply = this.#replyTo(from, frame[6], frame[7], frame[8]);
    return reply !== undefined && this.#plain(from, frame, reply);
  }

  /** The way of most messages: one for an agent that is here, without a sender or a trace. False, with nothing done, for any other. */
  #plain(from: NodeIdentity, frame: Parts, reply: NodeReply | undefined): boolean {
    const { local, routing, host } = this.#needs;
    const id = frame[1];
    const life = frame[2];
    if (typeof id !== 'string' || typeof life !== 'number' || typeof frame[4] !== 'string' || routing.waitingCount > 0) return false;
    if (life === DURABLE_LIFE && (host.durable?.activations.size ?? 0) > 0) return false;
    const agent = local.find(id, life);
    if (agent === undefined || agent.kindEntry.name !== frame[3]) return false;
    this.received++;
    try {
      const entry = agent.kindEntry.action(frame[4]);
      if (reply !== undefined) reply.codec = entry.reply;
      host.router.deliveries.deliver(agent, entry, frame[5], reply, undefined);
    } catch (error) {
      if (reply === undefined) this.#needs.refused(error as NexusError, from);
      else {
        const message = { kind: frame[3], action: frame[4], input: frame[5], reply, sender: undefined, trace: undefined };
        this.refuse(id, life, { type: 'message', origin: from, trail: NO_TRAIL, ...message }, error as NexusError, from);
      }
    }
    return true;
  }

  /**
   * False if it is no frame.
   * @param from the node that it comes from
   * @param origin the node that has sent it first
   */
  #read(from: NodeIdentity, origin: NodeIdentity, trail: readonly string[], frame: Parts): boolean {
    switch (frame[0]) {
      case Frame.tell:
      case Frame.ask:
        return this.#message(from, origin, trail, frame);
      case Frame.call:
      case Frame.request:
        return this.#call(from, origin, trail, frame);
      case Frame.flush:
        return this.#mark(from, origin, trail, frame);
      case Frame.forwarded:
        return trail.length === 0 && this.#forwarded(from, frame);
      default:
        return trail.length === 0 && this.#direct(from, frame);
    }
  }

  /** What no node sends on. */
  #direct(from: NodeIdentity, frame: Parts): boolean {
    switch (frame[0]) {
      case Frame.reply:
      case Frame.replyError:
        return this.#reply(frame);
      case Frame.moved:
        return this.#moved(from, frame);
      case Frame.flushed: {
        const [, id, life, number, isThere] = frame;
        if (!isId(id) || !isLife(life) || !isCount(number) || typeof isThere !== 'boolean') return false;
        this.#needs.routing.flushed(id, life, number, from, isThere);
        return true;
      }
      case Frame.afterView:
        return this.#askedAfterView(from, frame);
      case Frame.tellMany:
        return this.#tellMany(from, frame);
      case Frame.ended: {
        const [, id, life] = frame;
        if (!isId(id) || !isLife(life)) return false;
        this.#needs.ended(id, life);
        return true;
      }
      case Frame.vacating:
        this.#needs.vacating(from);
        return true;
      case Frame.vacated:
        this.#needs.vacated(from);
        return true;
      default:
        return false;
    }
  }

  #message(from: NodeIdentity, origin: NodeIdentity, trail: readonly string[], frame: Parts): boolean {
    const [type, id, life, kind, action, input] = frame;
    if (!isId(id) || !isLife(life) || !isName(kind) || !isName(action)) return false;
    const isAsk = type === Frame.ask;
    const at = isAsk ? 9 : 6;
    const sender = frame[at] ?? undefined;
    if (sender !== undefined && !(sender instanceof AgentReference)) return false;
    const trace = this.#traceOf(frame[at + 1]);
    let reply: NodeReply | undefined;
    if (isAsk) {
      reply = this.#replyTo(origin, frame[6], frame[7], frame[8]);
      if (reply === undefined) return false;
      reply.sender = sender;
      reply.trace = trace;
    }
    this.#dispatch(from, id, life, { type: 'message', origin, trail, kind, action, input, reply, sender, trace });
    return true;
  }

  #call(from: NodeIdentity, origin: NodeIdentity, trail: readonly string[], frame: Parts): boolean {
    const [type, id, life, kind, name, input] = frame;
    if (!(id === null || isId(id)) || !isLife(life) || typeof kind !== 'string') return false;
    let reply: NodeReply | undefined;
    if (type === Frame.request) {
      reply = this.#replyTo(origin, frame[6], frame[7], frame[8]);
      if (reply === undefined) return false;
    }
    if (!isNodeCall(name) || !isInputOf(name, input)) {
      const error = callRefused(name);
      reply?.fail(error);
      this.#needs.refused(error, from);
      return true;
    }
    if (id === null) {
      this.received++;
      carryOut(this.#needs.host, undefined, name, input, reply);
      return true;
    }
    this.#dispatch(from, id, life, { type: 'call', origin, trail, kind, name, input, reply });
    return true;
  }

  #mark(from: NodeIdentity, origin: NodeIdentity, trail: readonly string[], frame: Parts): boolean {
    const [, id, life, number] = frame;
    if (!isId(id) || !isLife(life) || !isCount(number)) return false;
    // One's own, come back because the agent has come here.
    if (sameNode(origin, this.#needs.self())) this.#needs.routing.flushed(id, life, number, this.#needs.self(), true);
    else this.#dispatch(from, id, life, { type: 'mark', origin, trail, kind: '', number });
    return true;
  }

  #forwarded(from: NodeIdentity, frame: Parts): boolean {
    const [, name, incarnation, trail, inner] = frame;
    const origin = nodeOf(name, incarnation);
    if (origin === undefined || !Array.isArray(trail) || trail.length < 1 || trail.length > HOPS_MAX || !trail.every(isNodeName) || !Array.isArray(inner))
      return false;
    return this.#read(from, origin, trail, inner);
  }

  #reply(frame: Parts): boolean {
    const slot = frame[1];
    const sequence = frame[2];
    if (!isAskNumber(slot) || !isAskNumber(sequence)) return false;
    const { asks } = this.#needs.host;
    const ask = asks.find(slot, sequence);
    if (ask === undefined) return true;
    // Of an ask to another thread: no node has been told its numbers.
    if (ask.thread >= -1) return false;
    this.received++;
    this.#needs.replies.answered(ask);
    if (frame[0] === Frame.reply) ask.reply(frame[3]);
    else {
      this.#forgetGone(frame[3]);
      ask.fail(frame[3]);
    }
    return true;
  }

  /** A durable agent of which nothing is stored any more: whoever looks for it again finds that it can be made. */
  #forgetGone(error: unknown): void {
    const { code, data } = (error ?? {}) as { readonly code?: unknown; readonly data?: { readonly id?: unknown; readonly kind?: unknown } };
    if (code !== 'NEXUS_AGENT_NOT_FOUND' || typeof data?.kind !== 'string' || !isId(data.id)) return;
    if (this.#needs.host.kinds.find(data.kind)?.isDurable === true) this.#needs.ended(data.id, DURABLE_LIFE);
  }

  #moved(from: NodeIdentity, frame: Parts): boolean {
    const [, id, life, name, incarnation, token, ...asks] = frame;
    const node = nodeOf(name, incarnation);
    if (!isId(id) || !isLife(life) || node === undefined || !isCount(token) || asks.length > 2 * AGENTS_MAX) return false;
    const { host, routing, peerOf } = this.#needs;
    const [there, before] = [peerOf(node), peerOf(from)];
    for (let at = 0; at + 1 < asks.length; at += 2) {
      const ask = isAskNumber(asks[at]) && isAskNumber(asks[at + 1]) ? host.asks.waiting(asks[at] as number, asks[at + 1] as number) : undefined;
      if (ask === undefined || ask.thread !== before.number) continue;
      ask.thread = there.number;
      if (there.isGone) ask.fail(outcomeUnknown(ask, node, 'it was lost'));
    }
    routing.movedTo(id, life, from, node, token);
    return true;
  }

  #askedAfterView(from: NodeIdentity, frame: Parts): boolean {
    const [, id, life, number, view] = frame;
    if (!isId(id) || !isLife(life) || !isCount(number) || !isCount(view)) return false;
    const mark: UnderwayFrame = { type: 'mark', origin: from, trail: NO_TRAIL, kind: '', number };
    const answer = (): void => this.#dispatch(from, id, life, mark);
    if (this.#needs.viewNumber() >= view) answer();
    else if (this.#afterView.length < AFTER_VIEW_MAX) this.#afterView.push({ view, answer });
    return true;
  }

  #tellMany(from: NodeIdentity, frame: Parts): boolean {
    const [, kind, action, input, sender, trace, ...agents] = frame;
    if (!isName(kind) || !isName(action) || !(sender === null || sender instanceof AgentReference) || agents.length > 2 * AGENTS_MAX) return false;
    for (let at = 0; at + 1 < agents.length; at += 2) {
      // As on another thread, each has its own.
      const own = at === 0 || typeof input !== 'object' || input === null ? input : this.#needs.host.standaloneCopy(input);
      if (!this.#message(from, from, NO_TRAIL, [Frame.tell, agents[at], agents[at + 1], kind, action, own, sender, trace])) return false;
    }
    return true;
  }

  #dispatch(from: NodeIdentity, id: string, life: number, underway: UnderwayFrame): void {
    this.received++;
    const { routing, local, self } = this.#needs;
    const known = routing.known(id, life);
    // Nothing is made for an agent that is simply here, nor for one of this node that has ended.
    if (known === undefined && this.deliver(id, life, underway)) return;
    const route = known ?? routing.of(id, life, self());
    if (route.peer !== undefined && sameNode(route.node, from) && route.waitingFor === undefined) {
      // It comes back from where this node would send it.
      if (local.find(id, life) !== undefined) return void this.deliver(id, life, underway);
    }
    try {
      const isAhead = underway.type === 'mark' || route.isMovingFrom(from) || (underway.trail.length > 0 && isBack(underway, self()));
      const outcome = routing.dispatch(route, underway, isAhead);
      if (outcome === 'full') this.refuse(id, life, underway, fullError(route, underway), from);
    } catch (error) {
      this.refuse(id, life, underway, error as NexusError, from);
    }
  }

  /** To the agent here. False, with nothing done, if it is not. */
  deliver(id: string, life: number, underway: UnderwayFrame): boolean {
    const { local, host, peerOf, self } = this.#needs;
    if (life === DURABLE_LIFE && underway.type === 'message' && this.#isBroughtBack(underway.kind, id)) {
      this.deliverDurable(id, underway);
      return true;
    }
    const agent = local.find(id, life);
    if (agent === undefined) return false;
    switch (underway.type) {
      case 'message': {
        const { kind, action, input, reply, sender, trace } = underway;
        try {
          if (agent.kindEntry.name !== kind) throw agentNotFound(kind, id, action);
          const entry = agent.kindEntry.action(action);
          if (reply instanceof NodeReply) reply.codec = entry.reply;
          host.router.deliveries.deliver(agent, entry, input, reply, senderWith(sender, trace));
        } catch (error) {
          this.refuse(id, life, underway, error as NexusError, underway.origin);
        }
        return true;
      }
      case 'call':
        carryOut(host, agent, underway.name, underway.input, underway.reply);
        return true;
      case 'mark':
        peerOf(underway.origin ?? self()).post([Frame.flushed, id, life, underway.number, true]);
        return true;
    }
  }

  /** Messages wait for it that came before: this one goes behind them, also where the agent is there already, and begins. */
  #isBroughtBack(kindName: string, id: string): boolean {
    const { kinds, durable } = this.#needs.host;
    if (durable === undefined || durable.activations.size === 0) return false;
    const kind = kinds.find(kindName);
    return kind !== undefined && durable.activations.isOpen(kind, id);
  }

  /** To a durable agent of this node, which may be out of memory. */
  deliverDurable(id: string, underway: UnderwayFrame): void {
    const { host } = this.#needs;
    const kind = host.kinds.find(underway.kind);
    if (underway.type === 'call' && isTieOf(underway) && kind?.isDurable === true && host.durable !== undefined) {
      const { name, input, reply } = underway;
      // Whoever it is tied to counts on its being in memory.
      host.durable.activations.bring(kind, id).then(
        // It was read when it was out of memory.
        (agent) => carryOut(host, agent, name, { ...(input as object), target: agent }, reply),
        () => this.refuse(id, DURABLE_LIFE, underway, agentNotFound(underway.kind, id), underway.origin),
      );
      return;
    }
    if (underway.type !== 'message' || kind === undefined || !kind.isDurable || host.durable === undefined)
      return this.refuse(id, DURABLE_LIFE, underway, agentNotFound(underway.kind, id), underway.origin);
    try {
      const { action, input, reply, sender, trace } = underway;
      const entry = kind.action(action);
      if (reply instanceof NodeReply) reply.codec = entry.reply;
      host.router.deliveries.deliver(new AgentReference(host, kind, 0, 0, undefined, id), entry, input, reply, senderWith(sender, trace));
      if (reply === undefined) this.#tellGone(kind, id, underway.origin);
    } catch (error) {
      this.refuse(id, DURABLE_LIFE, underway, error as NexusError, underway.origin);
    }
  }

  /** Nobody else tells the sender of a tell that there is no such agent any more: what its node has heard of it would stay wrong. */
  #tellGone(kind: Kind, id: string, origin: NodeIdentity | undefined): void {
    const { host, local, peerOf, self } = this.#needs;
    if (origin === undefined || sameNode(origin, self())) return;
    void host.durable?.activations.settled(kind, id)?.then(() => {
      if (local.find(id, DURABLE_LIFE) === undefined) peerOf(origin).post([Frame.ended, id, DURABLE_LIFE]);
    });
  }

  /** Frames that waited for a node that is gone: asks of this node fail, what nobody waits for is a dead letter. */
  undeliverable(peer: Peer, frames: readonly WaitingFrame[]): void {
    const { host } = this.#needs;
    for (const frame of frames) {
      if (frame[0] === Frame.tell) host.deadLetters.record('noAgent', frame[3] as string, () => frame[1] as string, frame[4] as string);
      if (frame[0] !== Frame.ask && frame[0] !== Frame.request) continue;
      const ask = host.asks.waiting(frame[6] as number, frame[7] as number);
      if (ask?.thread === peer.number) ask.fail(nodeUnreachable(ask, peer.node, 'it is not a member of the cluster'));
    }
  }

  /** It comes to nothing: whoever waits for it is told, and a message is a dead letter. */
  refuse(id: string, life: number, underway: UnderwayFrame, error: NexusError | NexusTypeError, from: NodeIdentity | undefined): void {
    const { host, peerOf } = this.#needs;
    // Before the answer, so that whoever looks again then does not find the same once more.
    if (error.code === 'NEXUS_AGENT_NOT_FOUND' && underway.type !== 'mark') this.#tellEnded(id, life, underway.origin);
    switch (underway.type) {
      case 'message':
        host.deadLetters.record(reasonOf(error), underway.kind, () => id, underway.action);
        underway.reply?.fail(error);
        if (underway.reply === undefined && from !== undefined && !isOrdinary(error)) this.#needs.refused(error, from);
        return;
      case 'call':
        // To the runtime an agent that has ended is an answer like any other.
        if (error.code === 'NEXUS_AGENT_NOT_FOUND') return carryOut(host, undefined, underway.name as SystemCallName, underway.input, underway.reply);
        return underway.reply?.fail(error);
      case 'mark':
        if (underway.origin !== undefined) peerOf(underway.origin).post([Frame.flushed, id, life, underway.number, false]);
    }
  }

  /** What the sender, or this node if that is it, has heard of the agent is wrong: it is looked for anew the next time. Agents of one node and durable ones are not found by their life. */
  #tellEnded(id: string, life: number, origin: NodeIdentity | undefined): void {
    if (life === DURABLE_LIFE || isOfNode(life)) return;
    if (origin === undefined || sameNode(origin, this.#needs.self())) this.#needs.ended(id, life);
    else this.#needs.peerOf(origin).post([Frame.ended, id, life]);
  }

  /** Since when it is on its way is not known: clocks of nodes have nothing to do with each other. */
  #traceOf(values: unknown): MessageTrace | undefined {
    const known = values === undefined ? undefined : traceValuesOf(values);
    if (known === undefined) return undefined;
    const [traceId, spanId, flags, hops] = known;
    return new MessageTrace(traceId, spanId, flags, hops, this.#needs.host.clock.nowMs(), true);
  }

  #replyTo(origin: NodeIdentity, slot: unknown, sequence: unknown, leftMs: unknown): NodeReply | undefined {
    if (!isAskNumber(slot) || !isAskNumber(sequence) || !isTimeLeft(leftMs)) return undefined;
    return new NodeReply(this.#needs.replies, origin, slot, sequence, this.#needs.host.clock.nowMs() + leftMs);
  }
}

function reasonOf({ code }: { readonly code: string }): 'noAgent' | 'mailboxFull' | 'refused' {
  if (code === 'NEXUS_BACKPRESSURE') return 'mailboxFull';
  return code === 'NEXUS_SHAPE_MISMATCH' || code === 'NEXUS_ACTION_UNKNOWN' ? 'refused' : 'noAgent';
}

/** A watch of it, or a link to it. */
function isTieOf({ name, input }: UnderwayCall): boolean {
  if (name !== 'tieFromNode') return false;
  const { tie, isNew } = input as { readonly tie: string; readonly isNew: boolean };
  return isNew && (tie === 'watch' || tie === 'link');
}

/** It happens, and nobody has made a mistake. */
function isOrdinary({ code }: { readonly code: string }): boolean {
  return code === 'NEXUS_AGENT_NOT_FOUND' || code === 'NEXUS_NODE_UNREACHABLE' || code === 'NEXUS_BACKPRESSURE';
}

function shortText(value: unknown): string {
  return Array.isArray(value) ? `an array of ${value.length} that begins with ${String(value[0]).slice(0, 40)}` : typeof value;
}

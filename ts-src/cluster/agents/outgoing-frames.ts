/** Makes frames of messages, calls and marks, and gives them to the peer they go to; asks get their numbers here. Where they go is decided in `routing.ts`. */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import { traceValues } from '../../model/message-trace.js';
import type { LastAccepted } from '../../ports/transport.js';
import type { Clock } from '../../ports/clock.js';
import { PendingAsk, type PendingAsks, type ReplyPort } from '../../runtime/pending-asks.js';
import { sendableError } from '../../runtime/remote-reply.js';
import { DEADLINE_MS_MAX, Frame } from './agent-frames.js';
import { NodeReply, type ReplySender } from './node-reply.js';
import type { Peer, PostOutcome } from './peer.js';
import type { Route, UnderwayFrame } from './route.js';

/** A node that goes on sending to where an agent was is told again after so many messages. */
const TOLD_AGAIN = 256;
/** Nodes of which it is counted for one agent, in the order in which they were told first: whoever is forgotten is told once more with its next message, which costs a frame and is as true as before. */
const TOLD_MAX = 256;

export interface OutgoingFramesNeeds {
  readonly clock: Clock;
  readonly asks: PendingAsks;
  self(): NodeIdentity;
  peerOf(node: NodeIdentity): Peer;
}

export class OutgoingFrames implements ReplySender {
  readonly #needs: OutgoingFramesNeeds;
  /** By the slot of an ask: what it was given to, where that is known. */
  readonly #sentOn: (LastAccepted['sent'] | undefined)[] = [];
  readonly #sentAt: number[] = [];
  /** By the slot of an ask of an agent: who is to answer it. */
  readonly #asked: (Peer | undefined)[] = [];

  constructor(needs: OutgoingFramesNeeds) {
    this.#needs = needs;
  }

  /** @param mustGo it was accepted before, and is not refused for want of room. @throws what encoding throws */
  transmit(route: Route, peer: Peer, underway: UnderwayFrame, mustGo: boolean): PostOutcome {
    let { origin } = underway;
    let reply = underway.type === 'mark' ? undefined : underway.reply;
    if (reply instanceof NodeReply && origin === undefined) {
      // It has waited in the mailbox of an agent of this thread: whoever has asked gets the answer, and is told where the agent is.
      const { node, slot, sequence } = reply;
      if (!sameNode(node, this.#needs.self())) origin = node;
      else reply = this.#needs.asks.waiting(slot, sequence);
      if (reply === undefined) return 'accepted';
    }
    if (reply instanceof PendingAsk && reply.isSettled) return 'accepted';
    const port =
      reply === undefined || reply instanceof NodeReply
        ? reply
        : this.askOf(reply, route, underway.kind, underway.type === 'message' ? underway.action : underway.type, peer);
    const frame = frameOf(route, underway, port, this.#leftMs(port));
    const sent = origin === undefined ? frame : [Frame.forwarded, origin.name, origin.incarnation, [...underway.trail, this.#needs.self().name], frame];
    const isTold = origin !== undefined && underway.type !== 'mark';
    const asked = port instanceof NodeReply ? port : undefined;
    // Who gets back what it has sent knows first that it does: else it sends that here once more, and what comes behind it gets ahead.
    const goesBack = isTold && sameNode(origin as NodeIdentity, peer.node) && !peer.isGone;
    if (goesBack) this.#tellMoved(route, origin as NodeIdentity, asked);
    const outcome = mustGo ? peer.post(sent) : peer.offer(sent);
    if (outcome !== 'accepted') return outcome;
    if (port instanceof PendingAsk) {
      this.sentAsk(port, peer);
      if (underway.type === 'message') this.#asked[port.slot] = peer;
    }
    if (isTold && !goesBack) this.#tellMoved(route, origin as NodeIdentity, asked);
    return outcome;
  }

  /** The ask under which a reply comes back here: of this thread, or one whose outcome is passed on. */
  askOf(reply: ReplyPort, { id }: Route, kind: string, action: string, peer: Peer): PendingAsk {
    const { asks } = this.#needs;
    const ask = reply instanceof PendingAsk ? reply : asks.passOn(reply, { kind, id }, action);
    if (ask.slot < 0) asks.sendTo(ask, peer.number);
    else ask.thread = peer.number;
    return ask;
  }

  /** It is on its way to the peer, as the last that was. */
  sentAsk(ask: PendingAsk, peer: Peer): void {
    const last = peer.lastAccepted;
    this.#sentOn[ask.slot] = last?.sent;
    this.#sentAt[ask.slot] = last?.number ?? 0;
    this.#asked[ask.slot] = undefined;
  }

  /** An answer has come, and is about to be given. */
  answered(ask: PendingAsk): void {
    const peer = this.#asked[ask.slot];
    // One whose agent has moved meanwhile was sent on by the one that was asked.
    if (peer?.number === ask.thread) peer.asks.record(this.#needs.clock.nowMs() - (ask.deadlineMs - ask.timeoutMs));
  }

  /** Whether an ask has surely not been given to the network, and is not going to be. */
  isUnsent(ask: PendingAsk): boolean {
    const sent = this.#sentOn[ask.slot];
    return sent !== undefined && sent.sentMessages < (this.#sentAt[ask.slot] as number) && sent.waitingMessages === 0;
  }

  /** Whether it waits for a connection that goes on. */
  isWaiting(ask: PendingAsk): boolean {
    const sent = this.#sentOn[ask.slot];
    return sent !== undefined && sent.sentMessages < (this.#sentAt[ask.slot] as number) && sent.waitingMessages > 0;
  }

  reply(to: NodeIdentity, slot: number, sequence: number, value: unknown): void {
    // What this node had sent to an agent of another one, which has come here meanwhile.
    if (sameNode(to, this.#needs.self())) return this.#needs.asks.find(slot, sequence)?.reply(value);
    try {
      this.#needs.peerOf(to).post([Frame.reply, slot, sequence, value]);
    } catch (error) {
      // A reply that cannot be sent: the caller is told why.
      this.replyError(to, slot, sequence, error);
    }
  }

  replyError(to: NodeIdentity, slot: number, sequence: number, error: unknown): void {
    if (sameNode(to, this.#needs.self())) return this.#needs.asks.find(slot, sequence)?.fail(error);
    const peer = this.#needs.peerOf(to);
    try {
      peer.post([Frame.replyError, slot, sequence, error]);
    } catch {
      // Neither can the error, with what hangs on it: its text can.
      peer.post([Frame.replyError, slot, sequence, sendableError(error)]);
    }
  }

  /** The agent is not here any more: who sent to it goes there from now on, and waits there for the answer. */
  #tellMoved(route: Route, origin: NodeIdentity, ask: NodeReply | undefined): void {
    route.told ??= new Map();
    const key = nodeKey(origin);
    const count = route.told.get(key) ?? 0;
    if (count === 0 && route.told.size >= TOLD_MAX) route.told.delete(route.told.keys().next().value as string);
    route.told.set(key, count + 1);
    if (ask === undefined && count % TOLD_AGAIN !== 0) return;
    const { id, life, node, token } = route;
    const asks = ask === undefined ? [] : [ask.slot, ask.sequence];
    this.#needs.peerOf(origin).post([Frame.moved, id, life, node.name, node.incarnation, token, ...asks]);
  }

  #leftMs(reply: ReplyPort | undefined): number {
    if (reply === undefined || reply.deadlineMs === 0) return DEADLINE_MS_MAX;
    // Whole ones, and none for less than one: fewer bytes, and numbers that are read without a view of the frame.
    const leftMs = reply.deadlineMs - this.#needs.clock.nowMs();
    return leftMs <= 0 ? 0 : Math.min(DEADLINE_MS_MAX, Math.max(1, Math.floor(leftMs)));
  }
}

function frameOf({ id, life }: Route, underway: UnderwayFrame, reply: PendingAsk | NodeReply | undefined, leftMs: number): unknown[] {
  switch (underway.type) {
    case 'mark':
      return [Frame.flush, id, life, underway.number];
    case 'call': {
      const { kind, name, input } = underway;
      return reply === undefined ? [Frame.call, id, life, kind, name, input] : [Frame.request, id, life, kind, name, input, reply.slot, reply.sequence, leftMs];
    }
    case 'message': {
      const { kind, action, input, sender, trace } = underway;
      const frame: unknown[] =
        reply === undefined ? [Frame.tell, id, life, kind, action, input] : [Frame.ask, id, life, kind, action, input, reply.slot, reply.sequence, leftMs];
      if (sender !== undefined || trace !== undefined) frame.push(sender ?? null);
      if (trace !== undefined) frame.push(traceValues(trace));
      return frame;
    }
  }
}

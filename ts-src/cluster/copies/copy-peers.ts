/**
 * The other members as this node talks to them about durable state: a stream of copies to each, what is asked of each until it answers, and what each sends. Over the transport, which loses what was on a connection that breaks;
 * nothing is lost here as long as both are members. What is said is decided elsewhere in this folder.
 */
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { Transport } from '../../ports/transport.js';
import type { CopyAnswer, CopyCall, CopyFrame, CopyItem, CopyMessage, CopyResult } from '../../protocols/copies/copy-messages.js';
import { CopyInbox, CopyOutbox, RESEND_MS } from '../../protocols/copies/copy-stream.js';
import { Channel } from '../channels.js';

/** Items of agents' writes go in order, and so do not share a stream with answers. */
const FRAMES = 1;
const REST = 2;
/** What is asked may have come too early: the other node did not know the view yet. */
const ASK_AGAIN_MS = 250;

export interface CopyPeersNeeds {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** That this node knows. */
  view(): number;
  /** Resolves with what became of each item, when all are on disk. Frames of one node come one after the other. */
  store(from: NodeIdentity, items: readonly CopyItem[]): Promise<readonly CopyResult[]>;
  /** Undefined: not yet; it will be asked again. */
  answer(from: NodeIdentity, call: CopyCall): CopyAnswer | undefined;
}

/** What became of an item; `gone`: the other node is no member any more; `closed`: this one is none, and whether the other has it is not known. */
export type CopyOutcome = CopyResult | 'gone' | 'closed';

interface OpenCall {
  readonly call: CopyCall;
  readonly answered: (answer: CopyAnswer | undefined) => void;
  sentMs: number;
}

interface Peer {
  readonly node: NodeIdentity;
  readonly outbox: CopyOutbox<(outcome: CopyOutcome) => void>;
  readonly inbox: CopyInbox;
  readonly frames: CopyFrame[];
  isStoring: boolean;
  readonly calls: Map<number, OpenCall>;
}

export class CopyPeers {
  readonly #needs: CopyPeersNeeds;
  readonly #peers = new Map<string, Peer>();
  #calls = 0;
  #isFlushScheduled = false;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(needs: CopyPeersNeeds) {
    this.#needs = needs;
    needs.transport.listen(Channel.copies, ({ from, value }) => this.#received(from, value as CopyMessage));
  }

  get nodes(): readonly NodeIdentity[] {
    return [...this.#peers.values()].map(({ node }) => node);
  }

  /** Members of a new view. What was not answered is sent again, with that view. */
  admit(others: readonly NodeIdentity[]): void {
    for (const node of others) {
      const key = nodeKey(node);
      if (this.#peers.has(key)) continue;
      const { name, incarnation } = node;
      this.#peers.set(key, { node: { name, incarnation }, outbox: new CopyOutbox(), inbox: new CopyInbox(), frames: [], isStoring: false, calls: new Map() });
    }
    for (const peer of this.#peers.values()) this.#again(peer, 0);
  }

  /** Whoever is no member any more: what was sent there has the outcome `gone`, and its calls have no answer. */
  retain(others: readonly NodeIdentity[]): void {
    const keys = new Set(others.map(nodeKey));
    for (const [key, peer] of this.#peers) if (!keys.has(key)) this.#forget(key, peer, 'gone');
  }

  connected(node: NodeIdentity): void {
    const peer = this.#peers.get(nodeKey(node));
    if (peer !== undefined) this.#again(peer, 0);
  }

  /** With all that is added in this turn. */
  send(to: NodeIdentity, item: CopyItem, done: (outcome: CopyOutcome) => void): void {
    const peer = this.#peers.get(nodeKey(to));
    if (this.#isClosed) return done('closed');
    if (peer === undefined) return done('gone');
    peer.outbox.add(item, done);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => {
      this.#isFlushScheduled = false;
      for (const each of this.#peers.values()) this.#flush(each);
    });
  }

  /** Resolves with undefined if the other node is no member any more. */
  call(to: NodeIdentity, call: CopyCall): Promise<CopyAnswer | undefined> {
    const peer = this.#peers.get(nodeKey(to));
    if (peer === undefined || this.#isClosed) return Promise.resolve(undefined);
    return new Promise((answered) => {
      const number = ++this.#calls;
      peer.calls.set(number, { call, answered, sentMs: this.#needs.clock.nowMs() });
      this.#say(peer, { type: 'call', number, call });
      this.#arm();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const [key, peer] of this.#peers) this.#forget(key, peer, 'closed');
  }

  #forget(key: string, peer: Peer, outcome: 'gone' | 'closed'): void {
    this.#peers.delete(key);
    peer.frames.length = 0;
    for (const done of peer.outbox.abandon()) done(outcome);
    for (const { answered } of peer.calls.values()) answered(undefined);
    peer.calls.clear();
  }

  #flush(peer: Peer): void {
    for (const frame of peer.outbox.take(this.#needs.clock.nowMs(), this.#needs.view())) this.#say(peer, frame);
    this.#arm();
  }

  #again(peer: Peer, afterMs = RESEND_MS, callsAfterMs = afterMs): void {
    const nowMs = this.#needs.clock.nowMs();
    for (const frame of peer.outbox.again(nowMs, afterMs, this.#needs.view())) this.#say(peer, frame);
    for (const [number, open] of peer.calls) {
      if (nowMs - open.sentMs < callsAfterMs) continue;
      open.sentMs = nowMs;
      this.#say(peer, { type: 'call', number, call: open.call });
    }
    this.#flush(peer);
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined || this.#isClosed) return;
    if (![...this.#peers.values()].some(({ outbox, calls }) => !outbox.isEmpty || calls.size > 0)) return;
    this.#cancelTimer = this.#needs.clock.after(ASK_AGAIN_MS, () => {
      this.#cancelTimer = undefined;
      for (const peer of this.#peers.values()) this.#again(peer, RESEND_MS, ASK_AGAIN_MS);
      this.#arm();
    });
  }

  /** Whatever is not accepted is as if it had been lost. */
  #say(peer: Peer, value: CopyMessage): void {
    const isFrame = value.type === 'frame';
    try {
      this.#needs.transport.send(peer.node, 'normal', { channel: Channel.copies, value, stream: isFrame ? FRAMES : REST });
    } catch (error) {
      this.#needs.logger.error({ error, node: peer.node.name, type: value.type }, 'what is stored cannot be sent to another node');
    }
  }

  #received(from: NodeIdentity, message: CopyMessage): void {
    const peer = this.#peers.get(nodeKey(from));
    // Of a view that this node does not know yet, or of a node that is none any more: it is sent again, or should be lost.
    if (peer === undefined || this.#isClosed) return;
    switch (message.type) {
      case 'frame': {
        const received = peer.inbox.received(message, this.#needs.view());
        if (received.type === 'answered') this.#say(peer, received.answer);
        if (received.type !== 'store') return;
        peer.frames.push(message);
        if (!peer.isStoring) void this.#store(peer);
        return;
      }
      case 'copied':
        for (const [done, result] of peer.outbox.answered(message)) done(result);
        return this.#flush(peer);
      case 'call': {
        const answer = this.#needs.answer(peer.node, message.call);
        if (answer !== undefined) this.#say(peer, { type: 'answer', number: message.number, answer });
        return;
      }
      case 'answer': {
        const open = peer.calls.get(message.number);
        peer.calls.delete(message.number);
        open?.answered(message.answer);
      }
    }
  }

  /** What has come while the last frames were stored is stored together. */
  async #store(peer: Peer): Promise<void> {
    peer.isStoring = true;
    while (peer.frames.length > 0) {
      const frames = peer.frames.splice(0);
      const results = await this.#needs.store(
        peer.node,
        frames.flatMap(({ items }) => items),
      );
      let at = 0;
      for (const { number, items } of frames) {
        const own = results.slice(at, at + items.length);
        at += items.length;
        const answer = peer.inbox.stored(number, own);
        if (this.#peers.get(nodeKey(peer.node)) === peer) this.#say(peer, answer);
      }
    }
    peer.isStoring = false;
  }
}

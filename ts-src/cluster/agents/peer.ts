/**
 * What is sent to one other node about agents. Messages of agents are refused when there is no room for them; what must not be refused (replies, calls of the runtime, news of agents that have moved) waits here, in order,
 * and while anything does messages are refused too, so that nothing is overtaken. So is everything while the node is a member whose address is not known yet. Who it is for is known elsewhere (`routes.ts`).
 */
import { refusalWithin } from '../../codec/not-cloneable.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { LastAccepted, Transport } from '../../ports/transport.js';
import { Channel } from '../channels.js';
import { Frame } from './agent-frames.js';
import { AskLatencies } from './ask-latencies.js';

/** Of what waits here: more is a mistake of whoever sends it, and is dropped. */
const WAITING_MAX = 262_144;
/** Of messages of agents for a node whose address is not known yet; more are refused. */
const UNADDRESSED_MAX = 16_384;
/** How long one that is not known as a member is waited for: its view may still come. */
const UNKNOWN_MS_MAX = 10_000;
const RETRY_MS_MIN = 1;
const RETRY_MS_MAX = 16;

/** What became of a frame: it goes, there is no room, or there is no such node. */
export type PostOutcome = 'accepted' | 'full' | 'gone';

export interface PeerNeeds {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Such as the other node would get. @throws NexusTypeError NEXUS_NOT_CLONEABLE; NexusError NEXUS_MESSAGE_TOO_LARGE */
  copy(frame: readonly unknown[]): readonly unknown[];
  /** Frames that wait go nowhere: the node is gone. */
  dropped(peer: Peer, frames: readonly WaitingFrame[]): void;
}

export type WaitingFrame = readonly unknown[];

export class Peer {
  readonly node: NodeIdentity;
  /** In the place of a thread, in asks that wait for a reply of this node. */
  readonly number: number;
  /** It has left or was removed: nothing goes to it any more, and nothing comes. */
  isGone = false;
  /** Nothing new about agents goes to it: it is gone, or about to leave. */
  isShut = false;
  sent = 0;
  readonly asks: AskLatencies;
  readonly #needs: PeerNeeds;
  /** All in one stream: whatever one node sends another about agents arrives in its order. */
  readonly #message: { readonly channel: number; value: unknown } = { channel: Channel.agents, value: undefined };
  #waiting: WaitingFrame[] = [];
  #cancelRetry: (() => void) | undefined;
  #retryMs = RETRY_MS_MIN;
  #unknownSinceMs: number | undefined;

  constructor(node: NodeIdentity, number: number, needs: PeerNeeds) {
    this.node = node;
    this.number = number;
    this.#needs = needs;
    this.asks = new AskLatencies(needs.clock.nowMs());
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Where the frame that was posted last is, if it is on its way and not among those that wait here. */
  get lastAccepted(): LastAccepted | undefined {
    return this.#waiting.length > 0 ? undefined : this.#needs.transport.lastAccepted;
  }

  /** Of a message of an agent. @throws what encoding throws */
  offer(frame: readonly unknown[]): PostOutcome {
    if (this.isGone) return 'gone';
    // Behind what waits for the same reason it has not been sent for; behind nothing else.
    if (this.#waiting.length > 0) return this.#unknownSinceMs === undefined || this.#waiting.length >= UNADDRESSED_MAX ? 'full' : this.#keep(frame, true);
    const outcome = this.#send(frame);
    if (outcome !== 'unknown') return outcome;
    return this.#keep(frame, true);
  }

  /** Of what is not refused for want of room. @throws what encoding throws, unless it waits */
  post(frame: readonly unknown[]): PostOutcome {
    if (this.isGone) return 'gone';
    const outcome = this.#waiting.length > 0 ? 'full' : this.#send(frame);
    return outcome === 'accepted' || outcome === 'gone' ? outcome : this.#keep(frame, outcome === 'unknown');
  }

  /** Its address may be known now, or there may be room. */
  retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const waiting = this.#waiting;
    let sent = 0;
    let outcome: PostOutcome | 'unknown' = 'accepted';
    while (sent < waiting.length && !this.isGone) {
      outcome = this.#trySend(waiting[sent] as WaitingFrame);
      if (outcome !== 'accepted') break;
      sent++;
    }
    if (sent > 0) this.#retryMs = RETRY_MS_MIN;
    waiting.splice(0, sent);
    if (outcome === 'gone') return this.depart();
    if (waiting.length === 0) this.#unknownSinceMs = undefined;
    else if (this.#unknownSinceMs !== undefined && this.#needs.clock.nowMs() - this.#unknownSinceMs > UNKNOWN_MS_MAX) this.#drop();
    else this.#arm();
  }

  /** It has no agents any more, and is about to leave. */
  vacate(): void {
    this.isShut = true;
  }

  depart(): void {
    this.isGone = true;
    this.isShut = true;
    this.#drop();
  }

  /** Nothing more is sent: without a word. */
  close(): void {
    this.isGone = true;
    this.isShut = true;
    this.#cancelRetry?.();
    this.#waiting = [];
  }

  #send(frame: readonly unknown[]): PostOutcome | 'unknown' {
    const message = this.#message;
    message.value = frame;
    let outcome: ReturnType<PeerNeeds['transport']['send']>;
    try {
      outcome = this.#needs.transport.send(this.node, 'normal', message);
    } catch (error) {
      throw refusalWithin(error, depthIn(frame));
    } finally {
      message.value = undefined;
    }
    if (outcome === 'accepted') this.sent++;
    return outcome === 'closed' ? 'gone' : outcome;
  }

  /** What cannot be encoded was looked at before it was kept, unless it has changed since: then it is not worth a crash. */
  #trySend(frame: readonly unknown[]): PostOutcome | 'unknown' {
    try {
      return this.#send(frame);
    } catch {
      this.#needs.dropped(this, [frame]);
      return 'accepted';
    }
  }

  #copyOf(frame: readonly unknown[]): readonly unknown[] {
    try {
      return this.#needs.copy(frame);
    } catch (error) {
      throw refusalWithin(error, depthIn(frame));
    }
  }

  /** A copy: the message is the sender's again. */
  #keep(frame: readonly unknown[], isUnknown: boolean): PostOutcome {
    if (this.#waiting.length >= WAITING_MAX) return 'full';
    const copy = this.#copyOf(frame);
    if (this.#waiting.length === 0 && isUnknown) this.#unknownSinceMs = this.#needs.clock.nowMs();
    this.#waiting.push(copy);
    this.#arm();
    return 'accepted';
  }

  #arm(): void {
    if (this.#cancelRetry !== undefined) return;
    this.#cancelRetry = this.#needs.clock.after(this.#retryMs, () => this.retry());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  #drop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#unknownSinceMs = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) this.#needs.dropped(this, waiting);
  }
}

/** Lists around what whoever sends has given. */
function depthIn(frame: readonly unknown[]): number {
  return frame[0] === Frame.forwarded ? 2 : 1;
}

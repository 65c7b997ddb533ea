/**
 * Shared memory with another process as connections of a wire (`ports/wire.ts`), one for each lane, so that sessions go over it as over a WebSocket: frames whole, in order, each at most once. A ring
 * that is full is a connection without room. Knows nothing of what the frames mean. Used by `shared-lanes.ts`.
 */
import type { Clock } from '../../ports/clock.js';
import type { ProcessLink, ProcessLinkEvents } from '../../ports/process-links.js';
import type { CloseReason, Delivery, WireConnection, WireEvents } from '../../ports/wire.js';

/** For what waits when a connection is closed, on a peer that does not read. */
const CLOSING_MS_MAX = 2_000;
const LANE_COUNT = 3;
const NORMAL_CLOSURE = 1000;

/** The three connections of a link. */
export class LinkConnections implements ProcessLinkEvents {
  readonly lanes: readonly LinkConnection[];
  readonly #link: ProcessLink;
  #isEnded = false;

  constructor(link: ProcessLink, remote: string, clock: Clock) {
    this.#link = link;
    this.lanes = Array.from({ length: LANE_COUNT }, (_, lane) => new LinkConnection(link, lane, remote, clock, () => this.#finished()));
    link.listen(this);
  }

  /** All of them, at once: they are told of it as if the network had failed. */
  end(error: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#link.end();
    for (const lane of this.lanes) lane.failed(error);
  }

  message(): void {
    // The handshake is over.
  }

  frame(lane: number, bytes: Uint8Array): void {
    this.lanes[lane]?.received(bytes);
  }

  room(lanes: number): void {
    for (const [lane, connection] of this.lanes.entries()) if ((lanes & (1 << lane)) !== 0) connection.hasRoom();
  }

  laneEnded(lane: number): void {
    this.lanes[lane]?.endedByPeer();
  }

  closed(error: Error | undefined): void {
    this.#isEnded = true;
    for (const lane of this.lanes) lane.failed(error ?? new Error('the other process has ended, or has let go of the shared memory'));
  }

  /** The last one takes the link with it. */
  #finished(): void {
    if (this.#isEnded || !this.lanes.every(({ isFinished }) => isFinished)) return;
    this.#isEnded = true;
    this.#link.end();
  }
}

/** One lane of a link. */
export class LinkConnection implements WireConnection {
  readonly remote: string;
  /** Who the other side is was checked where the secret comes from. */
  readonly certifiedNames = undefined;
  /** What does not go into the ring waits in the session, where what is more urgent can still go first. */
  readonly roomBytes = 0;
  readonly #link: ProcessLink;
  readonly #lane: number;
  readonly #clock: Clock;
  readonly #whenFinished: () => void;
  #events: WireEvents | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #isHeld = false;
  /** Nothing is sent or received any more. */
  #isOver = false;
  #isClosing = false;
  #cancelTimer: (() => void) | undefined;
  isFinished = false;

  constructor(link: ProcessLink, lane: number, remote: string, clock: Clock, whenFinished: () => void) {
    this.#link = link;
    this.#lane = lane;
    this.remote = remote;
    this.#clock = clock;
    this.#whenFinished = whenFinished;
  }

  get waitingBytes(): number {
    return this.#isHeld ? Number.POSITIVE_INFINITY : this.#pendingBytes;
  }

  listen(events: WireEvents): void {
    this.#events = events;
  }

  send(bytes: Uint8Array, delivery: Delivery, moreFollows = false): void {
    if (this.#isOver || this.#isClosing) return;
    if (this.#pending.length === 0 && this.#link.write(this.#lane, bytes, moreFollows) !== 'full') return;
    if (delivery === 'datagram') return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  close(code: number, text: string): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    if (this.#pending.length === 0) this.#finish({ type: 'closed', byPeer: false, code, text });
    else this.#cancelTimer = this.#clock.after(CLOSING_MS_MAX, () => this.#finish({ type: 'closed', byPeer: false, code, text }), false);
  }

  terminate(): void {
    if (!this.#isOver) this.#finish({ type: 'closed', byPeer: false, code: 1006, text: 'ended at once' });
  }

  /** There is no room, until `release`: what is sent elsewhere has to arrive first. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#pending.length === 0 && !this.#isOver) this.#events?.drained();
  }

  // What follows is told by the link.

  received(bytes: Uint8Array): void {
    if (!this.#isOver) this.#events?.received(bytes);
  }

  hasRoom(): void {
    if (this.#isOver) return;
    let sent = 0;
    for (const bytes of this.#pending) {
      if (this.#link.write(this.#lane, bytes, sent + 1 < this.#pending.length) === 'full') break;
      this.#pendingBytes -= bytes.length;
      sent++;
    }
    if (sent === 0) return;
    this.#pending = this.#pending.slice(sent);
    if (this.#pending.length > 0) return;
    if (this.#isClosing) this.#finish({ type: 'closed', byPeer: false, code: NORMAL_CLOSURE, text: '' });
    else if (!this.#isHeld) this.#events?.drained();
  }

  endedByPeer(): void {
    if (!this.#isOver) this.#finish({ type: 'closed', byPeer: true, code: NORMAL_CLOSURE, text: 'the other side has finished' });
  }

  failed(error: Error): void {
    if (!this.#isOver) this.#over({ type: 'failed', error });
  }

  #finish(reason: CloseReason): void {
    this.#link.finishLane(this.#lane);
    this.isFinished = true;
    this.#over(reason);
    this.#whenFinished();
  }

  #over(reason: CloseReason): void {
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#pending = [];
    this.#pendingBytes = 0;
    const events = this.#events;
    // Never from within a call of whoever is told.
    if (events !== undefined) queueMicrotask(() => events.closed(reason));
  }
}

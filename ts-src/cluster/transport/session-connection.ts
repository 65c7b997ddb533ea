/**
 * One session of `protocols/wire/` on one connection of a wire: gives it the frames that come and the time, and the network the frames that it makes. Frames are asked for as late as can be, and
 * few at a time, so that what is urgent does not stand behind what is not. Used by the transport and by the control connections; what the messages mean is theirs.
 */
import type { Clock } from '../../ports/clock.js';
import type { CloseReason, WireConnection } from '../../ports/wire.js';
import type { Session } from '../../protocols/wire/session.js';
import type { Role } from '../../protocols/wire/handshake.js';
import type { NodeIdentity } from '../../model/node-identity.js';

/** Messages of one turn that are not given on before its end. */
const UNGIVEN_MESSAGES_MAX = 256;
const NORMAL_CLOSURE = 1000;
/** `queueMicrotask` makes three objects for each call. */
const END_OF_TURN = Promise.resolve();

export interface SessionConnectionNeeds {
  readonly clock: Clock;
  readonly nonce: () => Uint8Array;
}

export class SessionConnection {
  readonly #session: Session;
  readonly #connection: WireConnection;
  readonly #clock: Clock;
  #isEnded = false;
  #isScheduled = false;
  /** A session may close while it makes its last frame. */
  #isGiving = false;
  #endText: string | undefined;
  #ungiven = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(
    session: Session,
    connection: WireConnection,
    start: { readonly role: Role; readonly expected?: NodeIdentity | undefined },
    needs: SessionConnectionNeeds,
  ) {
    this.#session = session;
    this.#connection = connection;
    this.#clock = needs.clock;
    connection.listen({
      received: (bytes) => this.#received(bytes),
      drained: () => this.give(),
      closed: (reason) => this.#closed(reason),
    });
    session.start({ ...start, nonce: needs.nonce(), certifiedNames: connection.certifiedNames }, this.#clock.nowMs());
    this.give();
  }

  get remote(): string {
    return this.#connection.remote;
  }

  /** A message was sent into the session: it goes at the end of this turn, with others. */
  schedule(): void {
    if (++this.#ungiven >= UNGIVEN_MESSAGES_MAX) return this.give();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void END_OF_TURN.then(this.#giveScheduled);
  }

  /** False if it was dropped: there is no room, or no session. */
  datagram(bytes: Uint8Array): boolean {
    if (this.#isEnded || this.#connection.waitingBytes > this.#connection.roomBytes) return false;
    const frame = this.#session.datagram(bytes);
    if (frame === undefined) return false;
    this.#connection.send(frame, 'datagram');
    return true;
  }

  /** Gives the connection what there is room for. */
  give(): void {
    this.#ungiven = 0;
    if (this.#isEnded) return;
    const connection = this.#connection;
    const nowMs = this.#clock.nowMs();
    this.#isGiving = true;
    // Until it says that there is no room: only then it says when there is again. A frame is given when it is known whether there is another, so that they may go in one write, and one alone at once.
    while (connection.waitingBytes <= connection.roomBytes) {
      let frame = this.#session.nextFrame(nowMs);
      while (frame !== undefined && connection.waitingBytes + frame.length <= connection.roomBytes) {
        // Most frames are the only one: then nothing is asked for.
        const next = this.#session.hasNext(nowMs) ? this.#session.nextFrame(nowMs) : undefined;
        connection.send(frame, 'ordered', next !== undefined);
        if (next === undefined) return this.#given();
        frame = next;
      }
      if (frame === undefined) break;
      connection.send(frame, 'ordered');
    }
    this.#given();
  }

  #given(): void {
    this.#isGiving = false;
    if (this.#endText === undefined) this.#arm();
    else this.end(this.#endText);
  }

  /** The session has closed: its last words, and the end of the connection. */
  end(text: string): void {
    if (this.#isEnded) return;
    this.#endText = text;
    if (this.#isGiving) return;
    const nowMs = this.#clock.nowMs();
    for (let frame = this.#session.nextFrame(nowMs); frame !== undefined; frame = this.#session.nextFrame(nowMs)) this.#connection.send(frame, 'ordered');
    this.#stop();
    this.#connection.close(NORMAL_CLOSURE, text.slice(0, 40));
  }

  readonly #giveScheduled = (): void => {
    this.#isScheduled = false;
    this.give();
  };

  #received(bytes: Uint8Array): void {
    if (this.#isEnded) return;
    const nowMs = this.#clock.nowMs();
    this.#session.received(bytes, nowMs);
    // Answers to all that came together go together.
    if (this.#isScheduled || this.#isEnded) return;
    if (!this.#session.hasNext(nowMs)) return this.#arm();
    this.#isScheduled = true;
    void END_OF_TURN.then(this.#giveScheduled);
  }

  #closed(reason: CloseReason): void {
    if (this.#isEnded) return;
    this.#stop();
    this.#session.disconnected(reason.type === 'failed' ? reason.error.message : `${reason.text} (${reason.code})`);
  }

  #arm(): void {
    if (this.#isEnded) return;
    // Without room no frame can be given, however due it is: it goes when there is room.
    const dueMs = this.#connection.waitingBytes <= this.#connection.roomBytes ? this.#session.dueMs : this.#session.deadlineMs;
    // A timer that comes too early costs less than one for each frame.
    if (dueMs >= this.#dueMs) return;
    this.#cancelTimer?.();
    this.#dueMs = dueMs;
    // Never at once: what is due cannot go while the connection has no room.
    this.#cancelTimer = this.#clock.after(Math.max(1, dueMs - this.#clock.nowMs()), this.#tick, false);
  }

  readonly #tick = (): void => {
    this.#cancelTimer = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (this.#isEnded) return;
    this.#session.tick(this.#clock.nowMs());
    this.give();
  };

  #stop(): void {
    this.#isEnded = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

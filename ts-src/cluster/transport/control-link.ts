/** One control connection: its session, and the few datagrams that wait for its handshake. Which address it serves, and when it goes, is decided by `control-connections.ts`. */
import type { NodeAddress } from '../../model/node-identity.js';
import type { Wire, WireConnection } from '../../ports/wire.js';
import type { SessionEnd, SessionEvents } from '../../protocols/wire/session-events.js';
import type { Session } from '../../protocols/wire/session.js';
import { SessionConnection, type SessionConnectionNeeds } from './session-connection.js';

export interface ControlLinkLimits {
  readonly dialTimeoutMs: number;
  /** Datagrams that wait for a handshake, and bytes of them; more are dropped. */
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
}

export interface ControlLinkOwner extends SessionConnectionNeeds {
  readonly wire: Wire;
  readonly limits: ControlLinkLimits;
  openSession(events: SessionEvents): Session;
  /** @param address where the peer says that it listens */
  opened(link: ControlLink, address: NodeAddress): void;
  received(link: ControlLink, bytes: Uint8Array): void;
  dropped(count: number): void;
  /** Something that the other side sent. */
  refused(error: Error): void;
  /** Once. @param failure undefined for a graceful end @param isRefused whether there was an answer, and it was no */
  ended(link: ControlLink, failure: Error | undefined, isRefused: boolean): void;
}

export class ControlLink {
  /** Undefined for one that came from the other side. */
  readonly dialed: NodeAddress | undefined;
  peerAddress: NodeAddress | undefined;
  /** Of the handshake. */
  peerName: string | undefined;
  usedMs: number;
  /** When the first datagram was sent after which nothing has been received. */
  unansweredSinceMs = Number.POSITIVE_INFINITY;
  readonly #owner: ControlLinkOwner;
  readonly #session: Session;
  #connection: SessionConnection | undefined;
  #giveUp: (() => void) | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnded = false;

  constructor(owner: ControlLinkOwner, dialed: NodeAddress | undefined) {
    this.#owner = owner;
    this.dialed = dialed;
    this.usedMs = owner.clock.nowMs();
    this.#session = owner.openSession({
      opened: ({ identity, address }) => {
        this.peerName = identity.name;
        this.#opened(address);
      },
      // Control sessions have none: the peer has no business to send any.
      message: () => this.abort('messages are not for this connection'),
      datagram: (bytes) => {
        this.unansweredSinceMs = Number.POSITIVE_INFINITY;
        owner.received(this, bytes);
      },
      refused: (error) => owner.refused(error),
      drained: () => undefined,
      closed: (end) => this.#closed(end),
    });
  }

  get isOpen(): boolean {
    return this.#session.isOpen;
  }

  dial(): void {
    this.#giveUp = this.#owner.wire.dial(this.dialed as NodeAddress, this.#owner.limits.dialTimeoutMs, {
      opened: (connection) => {
        this.#giveUp = undefined;
        this.#connection = new SessionConnection(this.#session, connection, { role: 'dialler' }, this.#owner);
      },
      failed: (error, isRefused) => {
        this.#giveUp = undefined;
        this.#end(error, isRefused);
      },
    });
  }

  accept(connection: WireConnection): void {
    this.#connection = new SessionConnection(this.#session, connection, { role: 'acceptor' }, this.#owner);
  }

  /** Sent at once, or not at all; before the handshake is done it waits, if there is room for it. */
  send(bytes: Uint8Array): void {
    if (this.#session.isOpen) {
      if (this.unansweredSinceMs === Number.POSITIVE_INFINITY) this.unansweredSinceMs = this.#owner.clock.nowMs();
      if (this.#connection?.datagram(bytes) !== true) this.#owner.dropped(1);
    } else if (this.#waiting.length >= this.#owner.limits.waitingMax || this.#waitingBytes + bytes.length > this.#owner.limits.waitingBytesMax)
      this.#owner.dropped(1);
    else {
      // The bytes are the caller's again.
      this.#waiting.push(bytes.slice());
      this.#waitingBytes += bytes.length;
    }
  }

  finish(): void {
    if (!this.#session.isOpen) return this.abort('the connection is not needed any more');
    this.#session.finish(this.#owner.clock.nowMs());
    this.#connection?.give();
  }

  abort(text: string): void {
    this.#giveUp?.();
    this.#giveUp = undefined;
    // No failure of the address: it may be dialed again at once.
    this.#end(undefined, false);
    const connection = this.#connection;
    this.#session.abort('aborted', text);
    connection?.end(text);
  }

  #opened(address: NodeAddress): void {
    this.#owner.opened(this, address);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (waiting.length === 0) return;
    // What finishes the handshake goes first: the other side drops datagrams that come before.
    this.#connection?.give();
    for (const bytes of waiting) this.send(bytes);
  }

  #closed({ opened, byPeer, error }: SessionEnd): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.end(error?.message ?? 'finished');
    if (error !== undefined && !byPeer) this.#owner.refused(error);
    // A connection that was open and is lost says nothing about whether somebody listens.
    this.#end(error, !opened && error?.code !== 'NEXUS_CONNECTION_LOST');
  }

  #end(failure: Error | undefined, isRefused: boolean): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#owner.dropped(this.#waiting.length);
    this.#waiting = [];
    this.#owner.ended(this, failure, isRefused);
  }
}

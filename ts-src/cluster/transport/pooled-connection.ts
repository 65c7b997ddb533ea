/** One connection in the pool of a node: its session, which outlives attempts to connect, and what it is used for. Decides nothing: its owner does, which is a pool, or whoever accepted it until its node is known. */
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import { type Lane, LANES } from '../../ports/transport.js';
import type { DialEvents, WireConnection } from '../../ports/wire.js';
import type { LaneProgress, ReceivedMessage, SessionEnd, SessionEvents, SessionPeer } from '../../protocols/wire/session-events.js';
import type { Role } from '../../protocols/wire/handshake.js';
import type { Session } from '../../protocols/wire/session.js';
import { SessionConnection, type SessionConnectionNeeds } from './session-connection.js';

/** What is in the buffers of the system cannot be overtaken: so each lane has connections of its own. `any` came from the other side, and nothing was sent on it yet. */
export type Use = Lane | 'any';

export interface PooledConnectionNeeds extends SessionConnectionNeeds {
  openSession(events: SessionEvents): Session;
  dial(address: NodeAddress, events: DialEvents): () => void;
}

export interface ConnectionOwner {
  opened(connection: PooledConnection, peer: SessionPeer): void;
  message(connection: PooledConnection, message: ReceivedMessage): void;
  refused(connection: PooledConnection, error: Error): void;
  /** The other side has consumed some of what was sent. */
  receipted?(): void;
  /** The other side has ended these sessions: what is still to come of them must not be handled any more. */
  superseded(connection: PooledConnection, sessions: readonly Uint8Array[]): void;
  /** The session has ended, with what was lost; or it could not be opened, and waits for another attempt. */
  closed(connection: PooledConnection, end: SessionEnd): void;
  /** There was no connection. */
  unreachable(connection: PooledConnection, error: Error): void;
}

export class PooledConnection {
  readonly session: Session;
  readonly lanes: Readonly<Record<Lane, LaneProgress>>;
  owner: ConnectionOwner;
  use: Use;
  /** When the last message was sent on it. */
  usedMs: number;
  openedMs = 0;
  /** It takes no more messages. */
  isFinishing = false;
  readonly #needs: PooledConnectionNeeds;
  #connection: SessionConnection | undefined;
  #giveUp: (() => void) | undefined;

  constructor(use: Use, owner: ConnectionOwner, needs: PooledConnectionNeeds) {
    this.use = use;
    this.owner = owner;
    this.#needs = needs;
    this.usedMs = needs.clock.nowMs();
    const session = needs.openSession({
      opened: (peer) => {
        this.openedMs = needs.clock.nowMs();
        this.owner.opened(this, peer);
      },
      message: (message) => this.owner.message(this, message),
      // Data sessions have none.
      datagram: () => undefined,
      refused: (error) => this.owner.refused(this, error),
      drained: () => undefined,
      receipted: () => this.owner.receipted?.(),
      superseded: (sessions) => this.owner.superseded(this, sessions),
      closed: (end) => this.#closed(end),
    });
    this.session = session;
    this.lanes = { control: session.progress('control'), normal: session.progress('normal'), bulk: session.progress('bulk') };
  }

  get isOpen(): boolean {
    return this.session.isOpen;
  }

  get isConnecting(): boolean {
    return this.#giveUp !== undefined || (this.#connection !== undefined && !this.session.isOpen);
  }

  get waitingMessages(): number {
    const { control, normal, bulk } = this.lanes;
    return control.waitingMessages + normal.waitingMessages + bulk.waitingMessages;
  }

  get waitingBytes(): number {
    const { control, normal, bulk } = this.lanes;
    return control.waitingBytes + normal.waitingBytes + bulk.waitingBytes;
  }

  /** Nothing waits, or is on its way to the other side. */
  get isIdle(): boolean {
    return LANES.every((lane) => this.isSilent(lane));
  }

  /** Connects to where the node listens. */
  dial(address: NodeAddress, expected: NodeIdentity): void {
    this.#giveUp = this.#needs.dial(address, {
      opened: (connection) => {
        this.#giveUp = undefined;
        this.#connection = new SessionConnection(this.session, connection, { role: 'dialler', expected }, this.#needs);
      },
      failed: (error) => {
        this.#giveUp = undefined;
        this.owner.unreachable(this, error);
      },
    });
  }

  accept(connection: WireConnection): void {
    this.attach(connection, 'acceptor', undefined);
  }

  /** A connection that is there. @param expected who has to be at the other end */
  attach(connection: WireConnection, role: Role, expected: NodeIdentity | undefined): void {
    this.#connection = new SessionConnection(this.session, connection, { role, expected }, this.#needs);
  }

  /** What there is goes now, not at the end of the turn. */
  give(): void {
    this.#connection?.give();
  }

  /** Nothing of the lane is on its way to the other side, or waits to be. */
  isSilent(lane: Lane): boolean {
    const { waitingMessages, sentMessages, deliveredMessages } = this.lanes[lane];
    return waitingMessages === 0 && sentMessages === deliveredMessages;
  }

  /** The other side is told that these sessions with it have ended here, before what is sent from now on. */
  supersede(sessions: readonly Uint8Array[]): void {
    if (sessions.length === 0) return;
    this.session.supersede(sessions);
    this.schedule();
  }

  /** If it is one of those that the other side has ended. */
  endIfSuperseded(sessions: readonly Uint8Array[]): void {
    if (this.session.isOneOf(sessions)) this.abort('superseded', 'the other node has ended it, and goes on by another connection');
  }

  /** A message was sent into its session. */
  schedule(): void {
    this.#connection?.schedule();
  }

  /** What waits is sent, and then it ends. */
  finish(): void {
    if (this.isFinishing) return;
    this.isFinishing = true;
    this.session.finish(this.#needs.clock.nowMs());
    this.#connection?.give();
  }

  /** At once. Its owner is told if the session was on a connection. */
  abort(reason: 'removed' | 'aborted' | 'timeout' | 'superseded', text: string): void {
    this.isFinishing = true;
    this.#giveUp?.();
    this.#giveUp = undefined;
    const connection = this.#connection;
    this.session.abort(reason, text);
    connection?.end(text);
  }

  #closed(end: SessionEnd): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.end(end.error?.message ?? 'finished');
    this.owner.closed(this, end);
  }
}

/**
 * All connections to one node: which one a message takes, when there are to be more or fewer, and when to try again. Each lane has connections of its own, opened when something is sent on it; more
 * of them when those there are congested. Of those that are equally busy the one that was used longest ago is next: first in, first out. Who dials does not matter: connections that came from
 * the other side are used like any other.
 */
import { NexusError } from '../../errors.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { ProcessLink } from '../../ports/process-links.js';
import { type Lane, LANES, type LastAccepted, type OutgoingMessage, type SendOutcome, type TransportStatistics } from '../../ports/transport.js';
import type { Role } from '../../protocols/wire/handshake.js';
import type { ReceivedMessage, SessionEnd, SessionPeer, SessionStatistics } from '../../protocols/wire/session-events.js';
import type { SessionLimits } from '../../protocols/wire/wire-limits.js';
import { SharedLanes } from '../same-host/shared-lanes.js';
import { type ConnectionOwner, PooledConnection, type PooledConnectionNeeds } from './pooled-connection.js';
import { afterFailure, NEVER_FAILED, REDIAL_FORGIVEN_AFTER_MS, type Redial } from './redial.js';
import { StreamPins } from './stream-pins.js';
import { SupersededSessions } from './superseded-sessions.js';
import type { TransportLimits } from './transport-options.js';

const NOTHING_SENT: LastAccepted['sent'] = { sentMessages: 0, waitingMessages: 0 };

export interface NodePoolNeeds {
  readonly clock: Clock;
  random(): number;
  readonly limits: TransportLimits;
  readonly waiting: SessionLimits['waiting'];
  readonly connections: PooledConnectionNeeds;
  received(message: ReceivedMessage): void;
  refused(error: Error): void;
  /** The other side has ended these sessions, some of which may not be in the pool yet. */
  superseded(sessions: readonly Uint8Array[]): void;
  /** There is a connection, after there was none. */
  opened(): void;
  /** One that was open has failed. */
  lost(lane: Lane | 'any', error: Error): void;
  /** There is none any more, or none can be made. */
  closed(error: Error | undefined): void;
  /** Over the network there is a session with it, or one is no more. */
  met(session: object, peer: SessionPeer): void;
  parted(session: object): void;
  /** What `link` has brought is no more. */
  unlinked(error: Error | undefined): void;
}

export class NodePool implements ConnectionOwner {
  readonly node: NodeIdentity;
  readonly address: NodeAddress;
  readonly lastAccepted: { sent: LastAccepted['sent']; number: number } = { sent: NOTHING_SENT, number: 0 };
  readonly #needs: NodePoolNeeds;
  readonly #connections: PooledConnection[] = [];
  readonly #pins: Readonly<Record<Lane, StreamPins<PooledConnection>>> = { control: new StreamPins(), normal: new StreamPins(), bulk: new StreamPins() };
  readonly #superseded = new SupersededSessions();
  #redial: Redial = NEVER_FAILED;
  #cancelRedial: (() => void) | undefined;
  #cancelIdleCheck: (() => void) | undefined;
  #shared: SharedLanes | undefined;
  /** Sessions over whichever way, and of these those over the network. */
  #openCount = 0;
  #connectedCount = 0;
  /** Why nobody can be reached, as it was said last. */
  #complaint: string | undefined;
  /** Of connections that have ended. */
  readonly #past = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };
  #lostMessages = 0;
  #whenEmpty: (() => void) | undefined;

  constructor(node: NodeIdentity, address: NodeAddress, needs: NodePoolNeeds) {
    this.node = node;
    this.address = address;
    this.#needs = needs;
  }

  /** As many as there may be of both sides together. */
  get isCrowded(): boolean {
    const { poolSize, poolOverflow } = this.#needs.limits;
    return this.#connections.length >= 2 * (poolSize + poolOverflow);
  }

  send(lane: Lane, { channel, value, shape, stream = 0 }: OutgoingMessage): SendOutcome {
    const shared = this.#shared?.connectionOf(lane);
    if (shared !== undefined) {
      const outcome = shared.session.send(lane, channel, value, shape);
      // One that ends is not to be overtaken by what goes over the network: that is over in a moment.
      return outcome === 'accepted' ? this.#accepted(shared, lane) : 'full';
    }
    const pins = this.#pins[lane];
    const pinned = pins.placeOf(stream);
    if (this.#connections.length > 1 && this.#isFull(lane)) return 'full';
    let connection = pinned ?? this.#choose(lane);
    let outcome = connection.session.send(lane, channel, value, shape);
    if (outcome === 'closed') {
      connection.isFinishing = true;
      // What is on its way there must not be overtaken: that is over in a moment.
      if (pinned !== undefined) return 'full';
      connection = this.#choose(lane);
      outcome = connection.session.send(lane, channel, value, shape);
      if (outcome === 'closed') return 'full';
    }
    if (outcome === 'full') return 'full';
    connection.usedMs = this.#needs.clock.nowMs();
    pins.sent(stream, connection, connection.lanes[lane]);
    return this.#accepted(connection, lane);
  }

  #accepted(connection: PooledConnection, lane: Lane): SendOutcome {
    const progress = connection.lanes[lane];
    this.lastAccepted.sent = progress;
    this.lastAccepted.number = progress.sentMessages + progress.waitingMessages;
    connection.schedule();
    return 'accepted';
  }

  /** A connection from the other side, which is open. */
  adopt(connection: PooledConnection, peer: SessionPeer): void {
    connection.owner = this;
    this.#connections.push(connection);
    this.opened(connection, peer);
    // It is there, and takes this node: what waits for a connection of its own has waited long enough.
    this.#redial = NEVER_FAILED;
    this.#dialWaiting();
  }

  /** Memory is shared with the node from now on. What there was before is given up: the other side has asked for this one. */
  link(link: ProcessLink, role: Role): void {
    this.#shared?.abort('aborted', 'other memory takes its place');
    const shared: SharedLanes = new SharedLanes(link, role, this.node, {
      ...{ clock: this.#needs.clock, connections: this.#needs.connections },
      networkConnections: () => this.#connections,
      received: (message) => this.#needs.received(message),
      refused: (error) => this.#needs.refused(error),
      superseded: (connection, sessions) => this.superseded(connection, sessions),
      opened: (connection) => {
        this.#tellSuperseded(connection);
        this.#sessionOpened();
      },
      closed: (connection, end) => {
        this.#count(connection, end);
        this.#supersede(connection, end);
        if (end.error !== undefined) this.#needs.lost(connection.use, end.error);
        this.#sessionClosed(end.error);
      },
      ended: (error) => {
        if (this.#shared === shared) this.#shared = undefined;
        this.#needs.unlinked(error);
        this.#whenEmpty?.();
      },
    });
    this.#shared = shared;
    if (this.#whenEmpty !== undefined) this.#finishAll();
  }

  opened(connection: PooledConnection, peer: SessionPeer): void {
    this.#complaint = undefined;
    this.#connectedCount++;
    this.#tellSuperseded(connection);
    this.#sessionOpened();
    this.#needs.met(connection, peer);
    this.#shared?.review();
    if (this.#whenEmpty !== undefined) this.#finishAll();
  }

  receipted(): void {
    this.#shared?.review();
  }

  message(_connection: PooledConnection, message: ReceivedMessage): void {
    this.#needs.received(message);
  }

  refused(_connection: PooledConnection, error: Error): void {
    this.#needs.refused(error);
  }

  superseded(_connection: PooledConnection, sessions: readonly Uint8Array[]): void {
    // One that is not open is dialled by this node, and nothing came on it yet: the other side has not ended it, whatever it says.
    for (const each of this.#connections.filter(({ isOpen }) => isOpen)) each.endIfSuperseded(sessions);
    for (const each of this.#shared?.connections ?? []) each.endIfSuperseded(sessions);
    this.#needs.superseded(sessions);
  }

  closed(connection: PooledConnection, end: SessionEnd): void {
    const { opened, byPeer, error, lost } = end;
    if (error !== undefined && !byPeer) this.#needs.refused(error);
    if (!opened) return this.unreachable(connection, error ?? new Error('the connection ended before it was open'));
    this.#lostMessages += lost.unsent + lost.uncertain;
    this.#remove(connection);
    this.#supersede(connection, end);
    this.#connectedCount--;
    this.#needs.parted(connection);
    this.#shared?.review();
    if (error !== undefined) {
      const nowMs = this.#needs.clock.nowMs();
      const before = nowMs - connection.openedMs >= REDIAL_FORGIVEN_AFTER_MS ? NEVER_FAILED : this.#redial;
      this.#redial = afterFailure(before, nowMs, this.#needs.random());
    }
    if (error !== undefined) this.#needs.lost(connection.use, error);
    this.#sessionClosed(error);
    this.#whenEmpty?.();
  }

  unreachable(connection: PooledConnection, error: Error): void {
    if (connection.isFinishing) return;
    // Who closes has left, or stops: the other side does not take it any more, or has gone itself. What waits would wait until the deadline, in vain.
    if (this.#whenEmpty !== undefined) return this.abort('removed', error.message);
    if (this.#redial.atMs <= this.#needs.clock.nowMs()) this.#redial = afterFailure(this.#redial, this.#needs.clock.nowMs(), this.#needs.random());
    if (this.#openCount === 0 && this.#complaint !== error.message) {
      this.#complaint = error.message;
      this.#needs.closed(error);
    }
    this.#dialWaiting();
  }

  /** All connections at once. */
  abort(reason: 'removed' | 'aborted' | 'timeout', text: string): void {
    this.#cancelRedial?.();
    this.#cancelIdleCheck?.();
    for (const connection of [...this.#connections]) {
      const waiting = connection.isOpen ? 0 : connection.waitingMessages;
      connection.abort(reason, text);
      this.#lostMessages += waiting;
      this.#remove(connection);
    }
    this.#shared?.abort(reason, text);
    this.#whenEmpty?.();
  }

  /** Sends what waits, and calls back when all connections have ended. */
  finish(done: () => void): void {
    this.#whenEmpty = () => {
      if (this.#connections.length > 0 || this.#shared !== undefined) return;
      this.#cancelRedial?.();
      this.#cancelIdleCheck?.();
      done();
    };
    this.#finishAll();
    this.#whenEmpty();
  }

  statistics(): TransportStatistics {
    const connections = [...this.#connections, ...(this.#shared?.connections.filter(({ isFinishing, isOpen }) => isOpen || !isFinishing) ?? [])];
    const all: readonly SessionStatistics[] = connections.map(({ session }) => session.statistics());
    const total = (of: (each: SessionStatistics) => number): number => all.reduce((sum, each) => sum + of(each), 0);
    const roundTrips = all.flatMap(({ smoothedRoundTripMs }) => (smoothedRoundTripMs === undefined ? [] : [smoothedRoundTripMs]));
    return {
      node: this.node,
      connections: this.#connectedCount,
      sharedMemory: this.#shared?.isOpen === true,
      sentMessages: this.#past.sentMessages + total((each) => each.sentMessages),
      sentBytes: this.#past.sentBytes + total((each) => each.sentBytes),
      receivedMessages: this.#past.receivedMessages + total((each) => each.receivedMessages),
      receivedBytes: this.#past.receivedBytes + total((each) => each.receivedBytes),
      waitingMessages: total((each) => each.waitingMessages),
      waitingBytes: total((each) => each.waitingBytes),
      lostMessages: this.#lostMessages,
      ...(roundTrips.length === 0 ? {} : { roundTripMs: Math.min(...roundTrips) }),
    };
  }

  #choose(lane: Lane): PooledConnection {
    const { poolSize, poolOverflow, congestedBytes } = this.#needs.limits;
    let best: PooledConnection | undefined;
    let bestBytes = 0;
    for (const connection of this.#connections) {
      if (connection.isFinishing || (connection.use !== lane && connection.use !== 'any')) continue;
      const bytes = connection.waitingBytes;
      if (best === undefined || bytes < bestBytes || (bytes === bestBytes && connection.usedMs < best.usedMs)) {
        best = connection;
        bestBytes = bytes;
      }
    }
    const count = this.#connections.length;
    // One that is being made is waited for before there is another.
    if (best !== undefined && (!best.isOpen || bestBytes < congestedBytes || count >= poolSize + poolOverflow)) {
      best.use = lane;
      return best;
    }
    // With room for a few only, lanes share them.
    if (best === undefined && count >= poolSize + poolOverflow) {
      const shared = this.#connections.find(({ isFinishing }) => !isFinishing);
      if (shared !== undefined) return shared;
    }
    const connection = new PooledConnection(lane, this, this.#needs.connections);
    this.#connections.push(connection);
    this.#dialWaiting();
    if (this.#connections.length > poolSize) this.#watchIdle();
    return connection;
  }

  #isFull(lane: Lane): boolean {
    let bytes = 0;
    let messages = 0;
    for (const { lanes } of this.#connections) {
      bytes += lanes[lane].waitingBytes;
      messages += lanes[lane].waitingMessages;
    }
    const max = this.#needs.waiting[lane];
    return bytes >= max.bytes || messages >= max.messages;
  }

  /** Those that have no connection, now or when it is time to. */
  #dialWaiting(): void {
    this.#cancelRedial?.();
    this.#cancelRedial = undefined;
    const waiting = this.#connections.filter((connection) => !connection.isOpen && !connection.isConnecting && !connection.isFinishing);
    if (waiting.length === 0) return;
    const pauseMs = this.#redial.atMs - this.#needs.clock.nowMs();
    if (pauseMs > 0) {
      this.#cancelRedial = this.#needs.clock.after(pauseMs, () => this.#dialWaiting(), false);
      return;
    }
    for (const connection of waiting) connection.dial(this.address, this.node);
  }

  /** Connections above the size of the pool go, when nothing was sent on them for a while. */
  #watchIdle(): void {
    if (this.#cancelIdleCheck !== undefined) return;
    const { idleMs, poolSize } = this.#needs.limits;
    this.#cancelIdleCheck = this.#needs.clock.after(
      idleMs,
      () => {
        this.#cancelIdleCheck = undefined;
        const before = this.#needs.clock.nowMs() - idleMs;
        let surplus = this.#connections.filter(({ isFinishing }) => !isFinishing).length - poolSize;
        const idle = this.#connections.filter((each) => each.isOpen && !each.isFinishing && each.isIdle && each.usedMs <= before);
        for (const connection of idle.sort((a, b) => a.usedMs - b.usedMs)) if (surplus-- > 0) connection.finish();
        if (this.#connections.length > poolSize) this.#watchIdle();
      },
      false,
    );
  }

  /** Over the network and through shared memory. */
  #all(): readonly PooledConnection[] {
    return [...this.#connections, ...(this.#shared?.connections ?? [])];
  }

  /** Nothing of the session, which has ended, is to be handled after what is sent from now on. */
  #supersede({ session }: PooledConnection, { lost }: SessionEnd): void {
    const { id } = session;
    if (lost.uncertain === 0 || id === undefined) return;
    this.#superseded.add(id, this.#needs.clock.nowMs());
    for (const each of this.#all()) each.supersede([id]);
  }

  #tellSuperseded(connection: PooledConnection): void {
    connection.supersede(this.#superseded.at(this.#needs.clock.nowMs()));
  }

  #sessionOpened(): void {
    if (this.#openCount++ === 0) this.#needs.opened();
  }

  #sessionClosed(error: Error | undefined): void {
    if (--this.#openCount === 0) this.#needs.closed(error);
  }

  #finishAll(): void {
    this.#shared?.finish();
    for (const connection of [...this.#connections]) {
      if (connection.isOpen) connection.finish();
      else if (connection.waitingMessages === 0) {
        connection.abort('aborted', 'the transport ends');
        this.#remove(connection);
      }
    }
  }

  #remove(connection: PooledConnection): void {
    const index = this.#connections.indexOf(connection);
    if (index < 0) return;
    this.#connections.splice(index, 1);
    for (const lane of LANES) this.#pins[lane].forget(connection);
    this.#keepCounts(connection);
  }

  /** One through shared memory has ended. */
  #count(connection: PooledConnection, { lost }: SessionEnd): void {
    this.#lostMessages += lost.unsent + lost.uncertain;
    this.#keepCounts(connection);
  }

  #keepCounts({ session }: PooledConnection): void {
    const statistics = session.statistics();
    for (const name of ['sentMessages', 'sentBytes', 'receivedMessages', 'receivedBytes'] as const) this.#past[name] += statistics[name];
  }
}

/** For a node that was removed from the cluster. */
export function removedError(node: NodeIdentity): NexusError {
  return new NexusError('NEXUS_CONNECTION_LOST', `node ${node.name} was removed from the cluster`, { data: { reason: 'removed' } });
}

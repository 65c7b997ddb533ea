/**
 * The way to one node through shared memory: a session for each lane, over the connections of a link (`link-connection.ts`), and when each lane takes it. A lane goes over when everything that was sent
 * on it before, over the network, has arrived: until then what follows waits in its session here, so that nothing of a stream is overtaken. When the link ends, lanes are back on the network at
 * once; what was in the memory and has not been read is lost then, as with any connection, and is not read later. Made by the pool of the node, which counts and tells.
 */
import type { NodeIdentity } from '../../model/node-identity.js';
import { type Lane, LANES } from '../../ports/transport.js';
import type { Clock } from '../../ports/clock.js';
import type { ProcessLink } from '../../ports/process-links.js';
import type { Role } from '../../protocols/wire/handshake.js';
import type { ReceivedMessage, SessionEnd, SessionPeer } from '../../protocols/wire/session-events.js';
import { type ConnectionOwner, PooledConnection, type PooledConnectionNeeds } from '../transport/pooled-connection.js';
import { LinkConnections } from './link-connection.js';

export interface SharedLanesNeeds {
  readonly clock: Clock;
  readonly connections: PooledConnectionNeeds;
  /** Over the network, as they are now. */
  networkConnections(): readonly PooledConnection[];
  received(message: ReceivedMessage): void;
  refused(error: Error): void;
  superseded(connection: PooledConnection, sessions: readonly Uint8Array[]): void;
  /** A lane can be used. */
  opened(connection: PooledConnection): void;
  /** One of those that were opened is no more. */
  closed(connection: PooledConnection, end: SessionEnd): void;
  /** Nothing is left of it. Undefined: it has ended as it should. */
  ended(error: Error | undefined): void;
}

/** `network`: not gone over yet. `held`: what is sent waits for what was sent before. */
type Way = 'network' | 'held' | 'shared';

export class SharedLanes implements ConnectionOwner {
  readonly connections: readonly PooledConnection[];
  readonly #needs: SharedLanesNeeds;
  readonly #link: LinkConnections;
  readonly #ways: Way[] = LANES.map(() => 'network');
  /** Those whose session has not ended. */
  readonly #alive: Set<PooledConnection>;
  #isSettled = false;
  #error: Error | undefined;

  constructor(link: ProcessLink, role: Role, node: NodeIdentity, needs: SharedLanesNeeds) {
    this.#needs = needs;
    this.#link = new LinkConnections(link, `shared memory with ${node.name}`, needs.clock);
    this.connections = LANES.map((lane) => new PooledConnection(lane, this, needs.connections));
    this.#alive = new Set(this.connections);
    for (const [index, connection] of this.connections.entries()) connection.attach(this.#link.lanes[index] as LinkConnections['lanes'][number], role, node);
  }

  /** Where the next message of the lane goes, if not over the network. */
  connectionOf(lane: Lane): PooledConnection | undefined {
    const index = LANES.indexOf(lane);
    const connection = this.connections[index] as PooledConnection;
    return this.#ways[index] === 'network' || connection.isFinishing ? undefined : connection;
  }

  get isOpen(): boolean {
    return this.#alive.size === LANES.length && this.connections.every(({ isOpen }) => isOpen);
  }

  /** After anything that may have brought what was sent over the network to its end. Nothing is left to do when all lanes have gone over. */
  review(): void {
    if (this.#isSettled) return;
    const network = this.#needs.networkConnections();
    for (const [index, lane] of LANES.entries()) {
      if (this.#ways[index] === 'shared' || !(this.connections[index] as PooledConnection).isOpen) continue;
      const connection = this.#link.lanes[index] as LinkConnections['lanes'][number];
      const busy = network.filter((each) => !each.isSilent(lane));
      if (busy.length === 0) {
        this.#ways[index] = 'shared';
        connection.release();
      } else if (this.#ways[index] === 'network' && busy.every(({ isOpen }) => isOpen)) {
        // Of connections that are being made nobody knows how long that takes: until then the lane stays where it is.
        this.#ways[index] = 'held';
        connection.hold();
      }
    }
    this.#isSettled = this.#ways.every((way) => way === 'shared');
  }

  finish(): void {
    for (const connection of this.connections) {
      if (connection.isOpen) connection.finish();
      else if (this.#alive.has(connection)) connection.abort('aborted', 'the transport ends');
    }
  }

  abort(reason: 'removed' | 'aborted' | 'timeout', text: string): void {
    for (const connection of this.connections) connection.abort(reason, text);
    this.#link.end(new Error(text));
  }

  // What follows is told by the connections.

  opened(connection: PooledConnection, _peer: SessionPeer): void {
    // What finishes the handshake goes first: the lane may be held from now on.
    connection.give();
    this.#needs.opened(connection);
    this.review();
  }

  message(_connection: PooledConnection, message: ReceivedMessage): void {
    this.#needs.received(message);
  }

  refused(_connection: PooledConnection, error: Error): void {
    this.#needs.refused(error);
  }

  superseded(connection: PooledConnection, sessions: readonly Uint8Array[]): void {
    this.#needs.superseded(connection, sessions);
  }

  closed(connection: PooledConnection, end: SessionEnd): void {
    if (!this.#alive.delete(connection)) return;
    connection.isFinishing = true;
    this.#error ??= end.error;
    if (end.opened) this.#needs.closed(connection, end);
    // One that ends as it should not takes the others with it: half a link is none.
    if (end.error !== undefined) for (const other of [...this.#alive]) other.abort('aborted', end.error.message);
    if (this.#alive.size > 0) return;
    this.#needs.ended(this.#error);
  }

  unreachable(): void {
    // Nobody dials here.
  }
}

/**
 * `ports/transport.ts` over any wire: knows which nodes there are, has a pool of connections for each, and lets in whom it knows. Everything about one node is in `node-pool.ts`; bytes are made in
 * `protocols/wire/`. Opened by whoever puts a node together, in production and in simulations.
 */
import { randomBytes } from 'node:crypto';
import { NexusError } from '../../errors.js';
import { type NodeAddress, type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { type RefusalCounts, Refusals } from '../../model/refusals.js';
import type { Shape } from '../../model/shape.js';
import type { IncomingMessage, Lane, LastAccepted, OutgoingMessage, SendOutcome, Transport, TransportStatistics } from '../../ports/transport.js';
import type { WireConnection, WireListener } from '../../ports/wire.js';
import type { Introduction } from '../../protocols/wire/handshake-messages.js';
import { MessageCodec } from '../../protocols/wire/message-codec.js';
import { ReassemblyBudget } from '../../protocols/wire/reassembly-budget.js';
import type { Refusal } from '../../protocols/wire/refusal.js';
import { Session } from '../../protocols/wire/session.js';
import { NONCE_BYTES } from '../../protocols/wire/handshake-messages.js';
import type { ReceivedMessage, SessionEnd, SessionPeer } from '../../protocols/wire/session-events.js';
import { type SessionLimits, sessionLimits } from '../../protocols/wire/wire-limits.js';
import type { TransportSurroundings } from '../cluster-surroundings.js';
import { SameHost } from '../same-host/same-host.js';
import { NodePool, removedError } from './node-pool.js';
import { type ConnectionOwner, PooledConnection, type PooledConnectionNeeds } from './pooled-connection.js';
import { TRANSPORT_LIMITS, type TransportLimits, type TransportOptions } from './transport-options.js';

const CLOSE_DEADLINE_MS = 5_000;

/**
 * Listens. The wire stays the caller's, who closes it after the transport.
 * @throws NexusTypeError NEXUS_OPTION_INVALID; rejects with NexusError NEXUS_LISTEN_FAILED
 */
export async function openTransport(options: TransportOptions, surroundings: TransportSurroundings): Promise<Transport> {
  const transport = new SessionTransport(options, surroundings);
  await transport.open();
  return transport;
}

type Standing = { readonly type: 'open' } | { readonly type: 'closing'; readonly ended: Promise<void> };

class SessionTransport implements Transport, ConnectionOwner {
  readonly #options: TransportOptions;
  readonly #surroundings: TransportSurroundings;
  readonly #limits: TransportLimits;
  readonly #sessionLimits: SessionLimits;
  readonly #connectionNeeds: PooledConnectionNeeds;
  readonly #codec: MessageCodec;
  readonly #listeners = new Map<number, (message: IncomingMessage) => void>();
  readonly #pools = new Map<string, NodePool>();
  /** The pool that was asked for last: a caller mostly has one object for a node. */
  #asked: { readonly node: NodeIdentity; readonly pool: NodePool } | undefined;
  #sentTo: NodePool | undefined;
  /** Keys of nodes that were forgotten, oldest first. */
  readonly #forgotten = new Set<string>();
  /** Accepted, and of nobody yet. */
  readonly #handshaking = new Set<PooledConnection>();
  readonly #refusals = new Refusals();
  /** Or why no memory is shared with any node. */
  #sameHost: SameHost | string | undefined;
  #listener: WireListener | undefined;
  #address: NodeAddress | undefined;
  #standing: Standing = { type: 'open' };

  constructor(options: TransportOptions, surroundings: TransportSurroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#limits = { ...TRANSPORT_LIMITS, ...options.limits };
    this.#sessionLimits = sessionLimits('data', options.sessionLimits);
    const codec = new MessageCodec({ isReference: options.isReference ?? (() => false), references: options.references });
    this.#codec = codec;
    const budget = new ReassemblyBudget();
    this.#connectionNeeds = {
      clock: surroundings.clock,
      nonce: surroundings.nonce ?? (() => randomBytes(NONCE_BYTES)),
      dial: (address, events) => surroundings.wire.dial(address, this.#limits.dialTimeoutMs, events),
      openSession: (events) =>
        new Session(
          {
            ...{ purpose: 'data', codec, budget, cluster: options.cluster, compression: options.compression, serverName: options.serverName },
            self: options.self(),
            address: this.address,
            sameHost: this.#memory?.said,
            limits: this.#sessionLimits,
            accept: (peer) => this.#objection(peer),
          },
          events,
        ),
    };
  }

  get self(): NodeIdentity {
    return this.#options.self();
  }

  get address(): NodeAddress {
    return this.#address as NodeAddress;
  }

  async open(): Promise<void> {
    const { listen, advertise } = this.#options;
    this.#listener = await this.#surroundings.wire.listen(listen, (connection) => this.#accepted(connection));
    this.#address = { host: advertise ?? listen.host, port: this.#listener.address.port };
    this.#sameHost = this.#meetOthers();
  }

  admit(node: NodeIdentity, address: NodeAddress): void {
    if (this.#standing.type !== 'open') return;
    const known = this.#poolOf(node);
    if (known !== undefined && known.address.host === address.host && known.address.port === address.port) return;
    for (const pool of [...this.#pools.values()]) if (pool.node.name === node.name) this.forget(pool.node);
    const key = nodeKey(node);
    this.#forgotten.delete(key);
    const { events } = this.#options;
    const pool = new NodePool(node, address, {
      clock: this.#surroundings.clock,
      random: () => this.#surroundings.random(),
      limits: this.#limits,
      waiting: this.#sessionLimits.waiting,
      connections: this.#connectionNeeds,
      received: (message) => this.#received(node, message),
      refused: (error) => this.#refused(error),
      superseded: (sessions) => this.#endHandshakes(sessions),
      opened: () => this.#tell(() => events.opened(node)),
      lost: (lane, error) => this.#tell(() => events.lost?.(node, lane, error)),
      closed: (error) => this.#tell(() => events.closed(node, error)),
      met: (session, peer) => void this.#memory?.met(node, session, peer.sameHost),
      parted: (session) => this.#memory?.parted(node, session),
      unlinked: (error) => this.#memory?.unlinked(node, error),
    });
    this.#pools.set(key, pool);
  }

  forget(node: NodeIdentity): void {
    const key = nodeKey(node);
    const pool = this.#pools.get(key);
    if (pool === undefined) return;
    this.#pools.delete(key);
    this.#asked = undefined;
    this.#sentTo = undefined;
    this.#forgotten.add(key);
    if (this.#forgotten.size > this.#limits.forgottenMax) for (const oldest of [...this.#forgotten].slice(0, 1)) this.#forgotten.delete(oldest);
    pool.abort('removed', removedError(node).message);
    this.#memory?.forget(node);
  }

  send(to: NodeIdentity, lane: Lane, message: OutgoingMessage): SendOutcome {
    if (this.#standing.type !== 'open') return 'closed';
    const pool = this.#poolOf(to);
    this.#sentTo = pool;
    return pool?.send(lane, message) ?? 'unknown';
  }

  get lastAccepted(): LastAccepted | undefined {
    return this.#sentTo?.lastAccepted;
  }

  listen(channel: number, listener: (message: IncomingMessage) => void): void {
    this.#listeners.set(channel, listener);
  }

  register(shape: Shape): void {
    this.#codec.register(shape);
  }

  statistics(): readonly TransportStatistics[] {
    return [...this.#pools.values()].map((pool) => {
      const statistics = pool.statistics();
      const notSharedBecause = typeof this.#sameHost === 'string' ? this.#sameHost : this.#sameHost?.reasonOf(pool.node);
      return statistics.sharedMemory === true || notSharedBecause === undefined ? statistics : { ...statistics, notSharedBecause };
    });
  }

  refusals(): RefusalCounts {
    return this.#refusals.counts;
  }

  close(deadlineMs = CLOSE_DEADLINE_MS): Promise<void> {
    if (this.#standing.type === 'open') this.#standing = { type: 'closing', ended: this.#close(deadlineMs) };
    return this.#standing.ended;
  }

  // What follows is asked by connections that were accepted, until their nodes are known.

  opened(connection: PooledConnection, peer: SessionPeer): void {
    const { identity } = peer;
    this.#handshaking.delete(connection);
    const pool = this.#poolOf(identity);
    if (pool === undefined || this.#standing.type !== 'open') connection.abort('removed', 'the node was removed meanwhile');
    else pool.adopt(connection, peer);
  }

  message(): void {
    // Only before it is of anybody, or after it was ended: nobody is to have it.
  }

  refused(_connection: PooledConnection, error: Error): void {
    this.#refused(error);
  }

  superseded(): void {
    // As messages.
  }

  closed(connection: PooledConnection, { byPeer, error }: SessionEnd): void {
    this.#handshaking.delete(connection);
    if (error !== undefined && !byPeer) this.#refused(error);
  }

  unreachable(connection: PooledConnection): void {
    this.#handshaking.delete(connection);
  }

  get #memory(): SameHost | undefined {
    return typeof this.#sameHost === 'object' ? this.#sameHost : undefined;
  }

  #meetOthers(): SameHost | string | undefined {
    const { clock, sameHost } = this.#surroundings;
    const { logger, self } = this.#options;
    if (sameHost === undefined) return undefined;
    if (sameHost.links === undefined) return sameHost.isWanted === false ? sameHost.reason : this.#doWithout(sameHost.reason);
    try {
      return new SameHost({
        ...{ links: sameHost.links, clock, logger, self },
        linked: (node, link, role) => {
          const pool = this.#poolOf(node);
          if (pool === undefined || this.#standing.type !== 'open') link.end();
          else pool.link(link, role);
        },
        refused: (reason) => this.#refused(new NexusError('NEXUS_HANDSHAKE_REFUSED', reason, { data: { reason: 'sameHost' } })),
      });
    } catch (error) {
      sameHost.links.close();
      return this.#doWithout((error as Error).message);
    }
  }

  #doWithout(reason: string): string {
    this.#options.logger.info({ reason }, 'no memory is shared with other nodes of this machine: the network is used');
    return reason;
  }

  #poolOf(node: NodeIdentity): NodePool | undefined {
    if (this.#asked?.node === node) return this.#asked.pool;
    const pool = this.#pools.get(nodeKey(node));
    if (pool !== undefined) this.#asked = { node, pool };
    return pool;
  }

  #accepted(connection: WireConnection): void {
    if (this.#standing.type !== 'open') return connection.terminate();
    if (this.#handshaking.size >= this.#limits.handshakingMax) {
      const [oldest] = this.#handshaking;
      this.#refusals.count('NEXUS_CONNECTIONS_TOO_MANY');
      oldest?.abort('timeout', 'too many connections are being made');
    }
    const pooled = new PooledConnection('any', this, this.#connectionNeeds);
    this.#handshaking.add(pooled);
    pooled.accept(connection);
  }

  /** Whoever calls, and whoever answers, must be a node that is known. */
  #objection({ identity }: Introduction): Refusal | undefined {
    const pool = this.#poolOf(identity);
    if (pool?.isCrowded) return { reason: 'busy', text: `there are too many connections between ${this.self.name} and ${identity.name}` };
    if (pool !== undefined) return undefined;
    if (this.#forgotten.has(nodeKey(identity))) return { reason: 'removedNode', text: `${nodeKey(identity)} was removed from the cluster` };
    return { reason: 'unknownNode', text: `${this.self.name} does not know ${nodeKey(identity)}` };
  }

  /** Open for those who have dialled, and ended by them, while their confirmations and what they sent next are still to come. */
  #endHandshakes(sessions: readonly Uint8Array[]): void {
    for (const each of [...this.#handshaking]) each.endIfSuperseded(sessions);
  }

  #received(from: NodeIdentity, { lane, channel, value }: ReceivedMessage): void {
    const listener = this.#listeners.get(channel);
    if (listener === undefined) {
      this.#refused(new NexusError('NEXUS_CHANNEL_UNKNOWN', `${from.name} sent a message for channel ${channel}, where nobody listens`, { data: { channel } }));
      return;
    }
    try {
      listener({ from, lane, value });
    } catch (error) {
      this.#threw(error);
    }
  }

  #refused(error: Error): void {
    const code = error instanceof NexusError ? error.code : 'other';
    // That the other side has gone without a word is no fault of what it said.
    if (code === 'NEXUS_CONNECTION_LOST') return;
    this.#refusals.count(code);
    this.#options.logger.debug({ error }, 'something from another node was refused');
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#threw(error);
    }
  }

  #threw(error: unknown): void {
    this.#options.logger.error({ error }, 'a listener of the transport has thrown');
  }

  async #close(deadlineMs: number): Promise<void> {
    for (const connection of [...this.#handshaking]) connection.abort('aborted', 'the transport ends');
    const finished = Promise.all([...this.#pools.values()].map((pool) => new Promise<void>((resolve) => pool.finish(resolve))));
    const cancel = this.#surroundings.clock.after(deadlineMs, () => {
      for (const pool of this.#pools.values()) pool.abort('timeout', `not everything could be sent within ${deadlineMs} ms`);
    });
    await finished;
    cancel();
    this.#memory?.close();
    await this.#listener?.close();
  }
}

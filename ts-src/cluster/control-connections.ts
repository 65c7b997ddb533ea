/**
 * `ports/datagrams.ts` over connections: how the membership of a node talks in production. A connection to an address is opened when there is something to send, kept while it is used, and shared
 * by both directions; the one that was used longest ago goes when there are too many. Nothing is queued but what waits for a handshake: when a connection is backed up, datagrams are dropped and
 * counted, as a network would. Where a peer listens it says itself, in its handshake.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { NexusError } from '../errors.js';
import { addressText, type NodeAddress, type NodeIdentity } from '../model/node-identity.js';
import { type RefusalCounts, Refusals, refusalsTogether } from '../model/refusals.js';
import type { Clock } from '../ports/clock.js';
import { DATAGRAM_BYTES_MAX, type DatagramEvents, type Datagrams } from '../ports/datagrams.js';
import type { Wire, WireConnection, WireListener } from '../ports/wire.js';
import { NONCE_BYTES } from '../protocols/wire/handshake-messages.js';
import { MessageCodec } from '../protocols/wire/message-codec.js';
import { ReassemblyBudget } from '../protocols/wire/reassembly-budget.js';
import { Session } from '../protocols/wire/session.js';
import { sessionLimits } from '../protocols/wire/wire-limits.js';
import { defaultNodeName, type ResolvedCluster } from './resolve-cluster-options.js';
import { ControlLink, type ControlLinkLimits, type ControlLinkOwner } from './transport/control-link.js';

export interface ControlLimits extends ControlLinkLimits {
  /** Connections at a time, of both directions. Default 512. */
  readonly connectionsMax: number;
  /** A connection over which nothing was sent or received for so long is closed. Default 60,000. */
  readonly idleMs: number;
  /** A connection on which datagrams were sent for so long and nothing came back is replaced at the next one: after a partition TCP itself would take minutes. Default 3,000. */
  readonly silentMs: number;
  /** After a failure an address is not dialed again for so long; what is sent to it meanwhile is dropped. Default 100. */
  readonly redialMs: number;
}

/** How long the last datagrams have to get to the others when all has ended. */
const CLOSE_MS_MAX = 1000;

export const CONTROL_LIMITS: ControlLimits = {
  connectionsMax: 512,
  idleMs: 60_000,
  silentMs: 3_000,
  redialMs: 100,
  dialTimeoutMs: 5_000,
  waitingMax: 64,
  waitingBytesMax: 2 * DATAGRAM_BYTES_MAX,
};

export interface ControlConnectionsNeeds {
  /** It stays the caller's, who closes it afterwards. */
  readonly wire: Wire;
  readonly clock: Clock;
  readonly options: ResolvedCluster;
  /** The host that others are told to connect to. */
  readonly advertise: string;
  readonly events: DatagramEvents;
  /** Who this node says it is: certificates are compared with the name. Default: the name that the membership gives it, and the time of its start. */
  readonly self?: (address: NodeAddress) => NodeIdentity;
  readonly limits?: Partial<ControlLimits>;
  readonly nonce?: () => Uint8Array;
}

export interface ControlConnections extends Datagrams {
  /** Open now. */
  readonly connectionCount: number;
  /** Datagrams that were not sent: no room, no connection. */
  readonly droppedDatagrams: number;
  /** What was refused since the start, by the code of the error. */
  refusals(): RefusalCounts;
}

/** Listens. Rejects with NexusError NEXUS_LISTEN_FAILED. */
export async function openControlConnections(needs: ControlConnectionsNeeds): Promise<ControlConnections> {
  const connections = new SessionDatagrams(needs);
  await connections.open();
  return connections;
}

class SessionDatagrams implements ControlConnections, ControlLinkOwner {
  readonly clock: Clock;
  readonly wire: Wire;
  readonly limits: ControlLimits;
  readonly nonce: () => Uint8Array;
  readonly #needs: ControlConnectionsNeeds;
  /** No messages are for it, so that none of them is to take any memory: whoever knows the name of the cluster gets as far as sending some. */
  readonly #sessionLimits = sessionLimits('control', { messageBytes: 1024 });
  readonly #codec = new MessageCodec({ isReference: () => false });
  readonly #budget = new ReassemblyBudget();
  readonly #refusals = new Refusals();
  /** By the address that was dialed and by that at which the peer says it listens, which may be two. */
  readonly #byAddress = new Map<string, ControlLink>();
  /** All of them, the one that was used longest ago first. */
  readonly #links = new Set<ControlLink>();
  /** Addresses that failed, until when they are left alone. */
  readonly #failed = new Map<string, number>();
  #listener: WireListener | undefined;
  #address: NodeAddress | undefined;
  #self: NodeIdentity | undefined;
  #dropped = 0;
  #cancelIdleCheck: (() => void) | undefined;
  #isClosed = false;
  #whenEmpty: (() => void) | undefined;

  constructor(needs: ControlConnectionsNeeds) {
    this.#needs = needs;
    this.clock = needs.clock;
    this.wire = needs.wire;
    this.limits = { ...CONTROL_LIMITS, ...needs.limits };
    this.nonce = needs.nonce ?? (() => randomBytes(NONCE_BYTES));
  }

  get address(): NodeAddress {
    return this.#address as NodeAddress;
  }

  get connectionCount(): number {
    return this.#links.size;
  }

  get droppedDatagrams(): number {
    return this.#dropped;
  }

  async open(): Promise<void> {
    const { options, advertise, clock, self } = this.#needs;
    const { host, port } = options.listen;
    this.#listener = await this.wire.listen({ host, port }, (connection) => this.#accepted(connection));
    this.#address = { host: advertise, port: this.#listener.address.port };
    this.#self = self?.(this.#address) ?? {
      name: options.node ?? defaultNodeName(hostname(), this.#address.port),
      incarnation: Math.floor(clock.epochMs()),
    };
    this.#watchIdle();
  }

  send(to: NodeAddress, bytes: Uint8Array): void {
    if (bytes.length > DATAGRAM_BYTES_MAX)
      throw new NexusError('NEXUS_MESSAGE_TOO_LARGE', `a datagram has ${bytes.length} bytes, where at most ${DATAGRAM_BYTES_MAX} are allowed`, {
        data: { bytesMax: DATAGRAM_BYTES_MAX },
      });
    if (this.#isClosed) return;
    let link = this.#byAddress.get(addressText(to));
    if (link?.isOpen && this.clock.nowMs() - link.unansweredSinceMs > this.limits.silentMs) {
      link.abort('nothing has come back for too long');
      link = undefined;
    }
    link ??= this.#dial(to);
    if (link === undefined) {
      this.#dropped++;
      return;
    }
    this.used(link);
    link.send(bytes);
  }

  refusals(): RefusalCounts {
    return refusalsTogether(this.#refusals.counts, this.wire.refusals);
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#cancelIdleCheck?.();
      for (const link of [...this.#links]) link.finish();
    }
    if (this.#links.size > 0) {
      // Who does not answer any more, or cannot be reached, is not waited for.
      const cancel = this.clock.after(CLOSE_MS_MAX, () => {
        for (const link of [...this.#links]) link.abort('the membership has ended');
      });
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
      cancel();
    }
    await this.#listener?.close();
  }

  // What its links ask and tell.

  openSession(events: ConstructorParameters<typeof Session>[1]): Session {
    const { options } = this.#needs;
    return new Session(
      {
        ...{
          purpose: 'control',
          codec: this.#codec,
          budget: this.#budget,
          cluster: options.name,
          serverName: options.tls?.serverName,
          limits: this.#sessionLimits,
        },
        self: this.#self as NodeIdentity,
        address: this.address,
        // Who may join and who was removed is for the membership to say.
        accept: () => undefined,
      },
      events,
    );
  }

  opened(link: ControlLink, address: NodeAddress): void {
    link.peerAddress = address;
    const key = addressText(address);
    this.#failed.delete(key);
    if (!this.#byAddress.has(key)) this.#byAddress.set(key, link);
    this.used(link);
  }

  received(link: ControlLink, bytes: Uint8Array): void {
    this.used(link);
    const key = addressText(link.peerAddress as NodeAddress);
    const before = this.#byAddress.get(key);
    // Answers go the way that questions come: of two that have dialed each other at once, none is left on which nothing ever comes back.
    // But where a node listens it says itself: it takes the address of no other one that is there.
    if (before === undefined || !before.isOpen || before.peerName === link.peerName) this.#byAddress.set(key, link);
    if (!this.#isClosed) this.#needs.events.received(link.peerAddress as NodeAddress, bytes, link.peerName);
  }

  dropped(count: number): void {
    this.#dropped += count;
  }

  refused(error: Error): void {
    const code = error instanceof NexusError ? error.code : 'other';
    if (code !== 'NEXUS_CONNECTION_LOST') this.#refusals.count(code);
  }

  ended(link: ControlLink, failure: Error | undefined, isRefused: boolean): void {
    this.#links.delete(link);
    for (const [key, each] of this.#byAddress) if (each === link) this.#byAddress.delete(key);
    if (failure !== undefined && link.dialed !== undefined) {
      if (this.#failed.size >= this.limits.connectionsMax) this.#failed.clear();
      this.#failed.set(addressText(link.dialed), this.clock.nowMs() + this.limits.redialMs);
      if (isRefused && !this.#isClosed) this.#needs.events.refused(link.dialed, failure);
      else if (!this.#isClosed) this.#needs.events.failed?.(link.dialed, failure);
    }
    if (this.#links.size === 0) this.#whenEmpty?.();
  }

  used(link: ControlLink): void {
    link.usedMs = this.clock.nowMs();
    this.#links.delete(link);
    this.#links.add(link);
  }

  #dial(to: NodeAddress): ControlLink | undefined {
    const key = addressText(to);
    if ((this.#failed.get(key) ?? 0) > this.clock.nowMs()) return undefined;
    this.#failed.delete(key);
    this.#makeRoom();
    const link = new ControlLink(this, to);
    this.#links.add(link);
    this.#byAddress.set(key, link);
    link.dial();
    return link;
  }

  #accepted(connection: WireConnection): void {
    if (this.#isClosed) return connection.terminate();
    this.#makeRoom();
    const link = new ControlLink(this, undefined);
    this.#links.add(link);
    link.accept(connection);
  }

  #makeRoom(): void {
    let surplus = this.#links.size + 1 - this.limits.connectionsMax;
    if (surplus <= 0) return;
    // Strangers who have not said who they are go first, and then those that have not answered: a flood of them, or of addresses that they want called, cuts nobody off.
    const unknown = [...this.#links].filter((link) => !link.isOpen).sort((a, b) => Number(a.dialed !== undefined) - Number(b.dialed !== undefined));
    for (const link of new Set([...unknown, ...this.#links])) {
      if (surplus-- <= 0) return;
      if (!link.isOpen) this.#refusals.count('NEXUS_CONNECTIONS_TOO_MANY');
      link.abort('it makes room for another connection');
    }
  }

  #watchIdle(): void {
    const { idleMs } = this.limits;
    this.#cancelIdleCheck = this.clock.after(
      idleMs,
      () => {
        const before = this.clock.nowMs() - idleMs;
        for (const link of [...this.#links]) {
          if (link.usedMs > before) break;
          link.finish();
        }
        this.#watchIdle();
      },
      false,
    );
  }
}

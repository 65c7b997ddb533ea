/**
 * The network between the nodes of a simulated world: a link for each ordered pair of them, with switches, and datagrams over it. Connections are made of it in `connection.ts` and
 * `wire.ts`. It knows hosts by their names, and which process of theirs listens where.
 */
import { NexusError } from '../../errors.js';
import { addressText, type NodeAddress } from '../../model/node-identity.js';
import { DATAGRAM_BYTES_MAX, type DatagramEvents, type Datagrams } from '../../ports/datagrams.js';
import type { ThreadLife } from '../schedule.js';
import { Purpose } from './draws.js';
import { ScheduledEvent } from './event-queue.js';
import { checkConditions, GOOD_LINK, Link, type LinkConditions } from './link.js';
import type { TraceMark } from './trace.js';
import type { VirtualTime } from './virtual-time.js';
import type { SimulatedListener } from './wire.js';

/** What a process that does not read lets wait; more datagrams are dropped. */
const DATAGRAM_BYTES_WAITING_MAX = 262_144;
/** Ports that are chosen begin here. */
const CHOSEN_PORTS_FROM = 49_152;

/** A machine, as the network sees it. */
export interface NetworkHost {
  readonly number: number;
  readonly name: string;
  /** Whether it is switched on: if so, it says no where nobody listens. */
  readonly isOn: boolean;
  /** What runs on it. */
  readonly endpoints: Endpoints | undefined;
}

/** Sockets of one process. */
export class Endpoints {
  isOpen = true;
  readonly datagrams = new Map<number, DatagramSocket>();
  readonly listeners = new Map<number, SimulatedListener>();
  /** Those that have not ended. */
  readonly connections = new Set<{ processEnded(isSilent: boolean): void; wasReset(): void }>();
  #chosenPort = CHOSEN_PORTS_FROM;

  constructor(readonly host: NetworkHost) {}

  choosePort(): number {
    return this.#chosenPort++;
  }

  /** The process has ended. @param isSilent nobody tells the peers, as when the machine has lost its power */
  end(isSilent: boolean): void {
    this.isOpen = false;
    this.datagrams.clear();
    this.listeners.clear();
    for (const connection of this.connections) connection.processEnded(isSilent);
    this.connections.clear();
  }
}

export interface NetworkNeeds {
  readonly seed: number;
  readonly time: VirtualTime;
  readonly hasTrace: boolean;
  /** What a datagram is, for the trace. */
  nameOf(bytes: Uint8Array): string;
  note(mark: TraceMark, node: number, peer: number, id: number, text: string): void;
  /** A promise was settled. */
  unsettled(): void;
}

export class SimulatedNetwork {
  readonly #hosts = new Map<string, NetworkHost>();
  readonly #links: (Link | undefined)[][] = [];
  #conditions: LinkConditions = GOOD_LINK;
  #messages = 0;

  constructor(readonly needs: NetworkNeeds) {}

  add(host: NetworkHost): void {
    this.#hosts.set(host.name, host);
  }

  hostOf(name: string): NetworkHost | undefined {
    return this.#hosts.get(name);
  }

  /** The link from one node to another one, by their numbers. */
  link(from: number, to: number): Link {
    this.#links[from] ??= [];
    const links = this.#links[from] as (Link | undefined)[];
    let link = links[to];
    if (link === undefined) {
      link = new Link(this.needs.seed, from, to, this.#conditions);
      links[to] = link;
    }
    return link;
  }

  /** Changes one link. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
  set(from: number, to: number, conditions: Partial<LinkConditions>): void {
    checkConditions('link', conditions);
    this.#set(this.link(from, to), conditions);
  }

  /** Changes all links, and what those are like that nothing was sent over yet. */
  setAll(conditions: Partial<LinkConditions>): void {
    checkConditions('link', conditions);
    this.#conditions = { ...this.#conditions, ...conditions };
    for (const links of this.#links) for (const link of links ?? []) if (link !== undefined) this.#set(link, conditions);
  }

  /** Cuts the links between nodes of different groups. @param isOneWay only those from the first group to the others */
  partition(groups: readonly (readonly number[])[], isOneWay = false): void {
    groups.forEach((group, index) => {
      if (isOneWay && index > 0) return;
      for (const [otherIndex, other] of groups.entries()) {
        if (otherIndex === index) continue;
        for (const from of group) for (const to of other) this.#set(this.link(from, to), { isCut: true });
      }
    });
  }

  /** No link is cut or clogged any more, and none loses, copies, holds back or corrupts anything. Latencies stay, and so does the bandwidth. */
  heal(): void {
    this.setAll({ isCut: false, isClogged: false, loss: 0, duplication: 0, reordering: 0, corruption: 0, addedLatency: 0 });
  }

  /** The number of a message, for the trace. */
  nextMessage(): number {
    return ++this.#messages;
  }

  /** Opens a socket for datagrams. @throws NexusError NEXUS_LISTEN_FAILED */
  openDatagrams(endpoints: Endpoints, life: ThreadLife, port: number, events: DatagramEvents): Datagrams {
    const chosen = port === 0 ? endpoints.choosePort() : port;
    if (endpoints.datagrams.has(chosen)) throw listenFailed({ host: endpoints.host.name, port: chosen });
    const socket = new DatagramSocket(this, endpoints, life, { host: endpoints.host.name, port: chosen }, events);
    endpoints.datagrams.set(chosen, socket);
    return socket;
  }

  #set(link: Link, conditions: Partial<LinkConditions>): void {
    const wasClogged = link.conditions.isClogged;
    link.conditions = { ...link.conditions, ...conditions };
    if (wasClogged && !link.conditions.isClogged) for (const release of link.held.splice(0)) release();
  }
}

export function listenFailed(address: NodeAddress): NexusError {
  return new NexusError('NEXUS_LISTEN_FAILED', `nothing can listen at ${addressText(address)}: the port is in use`, {
    data: { address: addressText(address) },
  });
}

/** Of what was sent: enough to see whether two runs sent the same. */
export function checksumOf(bytes: Uint8Array): string {
  let hash = 0x811c9dc5 | 0;
  for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  return (hash >>> 0).toString(16);
}

class DatagramSocket implements Datagrams {
  waitingBytes = 0;
  readonly #network: SimulatedNetwork;
  readonly #endpoints: Endpoints;

  constructor(
    network: SimulatedNetwork,
    endpoints: Endpoints,
    readonly life: ThreadLife,
    readonly address: NodeAddress,
    readonly events: DatagramEvents,
  ) {
    this.#network = network;
    this.#endpoints = endpoints;
  }

  send(to: NodeAddress, bytes: Uint8Array): void {
    if (bytes.length > DATAGRAM_BYTES_MAX) throw new RangeError(`a datagram of ${bytes.length} bytes cannot be sent; at most ${DATAGRAM_BYTES_MAX} bytes`);
    if (this.#endpoints.datagrams.get(this.address.port) !== this) return;
    const network = this.#network;
    const { needs } = network;
    const { number: from } = this.#endpoints.host;
    const target = network.hostOf(to.host);
    const id = network.nextMessage();
    if (needs.hasTrace) needs.note('send', from, target?.number ?? 0, id, `${needs.nameOf(bytes)} ${bytes.length} ${checksumOf(bytes)}`);
    if (target === undefined) return needs.note('lose', from, 0, id, `nobody is called ${to.host}`);
    const link = network.link(from, target.number);
    const message = link.messages++;
    if (link.conditions.isCut) return needs.note('lose', from, target.number, id, 'cut');
    if (link.isLost(message)) return needs.note('lose', from, target.number, id, 'lost');
    const flight = (purpose: number, content: Uint8Array): void => {
      const event = new DatagramFlight(network, this, link, target, to.port, id, content);
      const delayMs =
        link.delayMs(needs.time.nowMs, message, content.length, purpose) + link.reorderingDelayMs(message * 2 + (purpose === Purpose.latency ? 0 : 1));
      needs.time.schedule(event, delayMs);
    };
    let content: Uint8Array = bytes.slice();
    if (link.isCorrupted(message)) {
      content = link.corrupted(bytes, message);
      needs.note('corrupt', from, target.number, id, '');
    }
    flight(Purpose.latency, content);
    if (link.isDuplicated(message)) {
      needs.note('duplicate', from, target.number, id, '');
      flight(Purpose.secondLatency, bytes.slice());
    }
  }

  close(): Promise<void> {
    if (this.#endpoints.datagrams.get(this.address.port) === this) this.#endpoints.datagrams.delete(this.address.port);
    this.#network.needs.unsettled();
    return Promise.resolve();
  }

  isOf(endpoints: Endpoints | undefined): boolean {
    return this.#endpoints === endpoints;
  }

  /** Nobody listens there. */
  refused(to: NodeAddress): void {
    if (this.#endpoints.datagrams.get(this.address.port) !== this) return;
    this.life.post(() => this.events.refused(to, new Error(`nobody listens at ${addressText(to)}`)));
  }

  receive(from: NodeAddress, bytes: Uint8Array): void {
    this.waitingBytes += bytes.length;
    this.life.post(() => {
      this.waitingBytes -= bytes.length;
      if (this.#endpoints.datagrams.get(this.address.port) !== this) return;
      this.events.received(from, bytes);
      // They were the receiver's until now: whoever has kept them notices.
      bytes.fill(0xdb);
    });
  }
}

class DatagramFlight extends ScheduledEvent {
  constructor(
    readonly network: SimulatedNetwork,
    readonly sender: DatagramSocket,
    readonly link: Link,
    readonly target: NetworkHost,
    readonly port: number,
    readonly id: number,
    readonly bytes: Uint8Array,
  ) {
    super();
  }

  override happen(): void {
    const { link, network, target, id } = this;
    const { needs } = network;
    if (link.conditions.isCut || !target.isOn) return needs.note('lose', link.from, link.to, id, target.isOn ? 'cut' : 'off');
    if (link.conditions.isClogged) {
      needs.note('hold', link.from, link.to, id, '');
      link.held.push(() => needs.time.schedule(this, 0));
      return;
    }
    const socket = target.endpoints?.datagrams.get(this.port);
    if (socket === undefined) return this.#refuse();
    if (socket.waitingBytes + this.bytes.length > DATAGRAM_BYTES_WAITING_MAX) return needs.note('lose', link.from, link.to, id, 'full');
    if (needs.hasTrace) needs.note('receive', link.from, link.to, id, '');
    socket.receive(this.sender.address, this.bytes);
  }

  #refuse(): void {
    const { network, link, sender, target, port, id } = this;
    network.needs.note('refuse', link.from, link.to, id, 'nobody listens');
    const back = network.link(link.to, link.from);
    const message = back.messages++;
    if (back.isBlocked || back.isLost(message)) return;
    network.needs.time.after(back.delayMs(network.needs.time.nowMs, message, 0), () => {
      if (!back.isBlocked) sender.refused({ host: target.name, port });
    });
  }
}

/** The wire of one process in a simulated network: it listens, and dials. What becomes of a connection then is in `connection.ts`. */
import { NexusError } from '../../errors.js';
import { addressText, type NodeAddress } from '../../model/node-identity.js';
import type { DialEvents, Wire, WireConnection, WireListener } from '../../ports/wire.js';
import type { ThreadLife } from '../schedule.js';
import { SimulatedConnection } from './connection.js';
import { type Endpoints, listenFailed, type NetworkHost, type SimulatedNetwork } from './network.js';

/** A knock at a door that is not answered is repeated after this time, then after twice, four times... as TCP does. */
const KNOCK_MS = 1000;
/** Names of a machine for itself. */
const OWN_NAMES: ReadonlySet<string> = new Set(['0.0.0.0', '::', '127.0.0.1', 'localhost']);

export class SimulatedListener implements WireListener {
  readonly #close: () => void;
  readonly #unsettled: () => void;

  constructor(
    readonly address: NodeAddress,
    readonly life: ThreadLife,
    readonly accept: (connection: WireConnection) => void,
    close: () => void,
    unsettled: () => void,
  ) {
    this.#close = close;
    this.#unsettled = unsettled;
  }

  close(): Promise<void> {
    this.#close();
    this.#unsettled();
    return Promise.resolve();
  }
}

export class SimulatedWire implements Wire {
  readonly #network: SimulatedNetwork;
  readonly #endpoints: Endpoints;
  readonly #life: ThreadLife;
  readonly #connections = new Set<SimulatedConnection>();
  readonly #listeners = new Set<SimulatedListener>();
  readonly #dials = new Set<Dial>();
  #isClosed = false;

  constructor(network: SimulatedNetwork, endpoints: Endpoints, life: ThreadLife) {
    this.#network = network;
    this.#endpoints = endpoints;
    this.#life = life;
  }

  listen({ host, port }: { readonly host: string; readonly port: number }, accept: (connection: WireConnection) => void): Promise<WireListener> {
    this.#network.needs.unsettled();
    const { listeners, host: own } = this.#endpoints;
    const address = { host: own.name, port: port === 0 ? this.#endpoints.choosePort() : port };
    if (this.#isClosed) return Promise.reject(new NexusError('NEXUS_LISTEN_FAILED', `nothing can listen at ${addressText(address)}: the wire is closed`));
    if (host !== own.name && !OWN_NAMES.has(host))
      return Promise.reject(new NexusError('NEXUS_LISTEN_FAILED', `nothing can listen at ${host}: this machine is called ${own.name}`));
    if (listeners.has(address.port)) return Promise.reject(listenFailed(address));
    const close = (): void => {
      if (listeners.get(address.port) === listener) listeners.delete(address.port);
      this.#listeners.delete(listener);
    };
    const listener = new SimulatedListener(
      address,
      this.#life,
      (connection) => {
        this.#keep(connection as SimulatedConnection);
        accept(connection);
      },
      close,
      () => this.#network.needs.unsettled(),
    );
    listeners.set(address.port, listener);
    this.#listeners.add(listener);
    return Promise.resolve(listener);
  }

  dial(address: NodeAddress, timeoutMs: number, events: DialEvents): () => void {
    if (this.#isClosed) {
      this.#life.post(() => events.failed(new Error('the wire is closed'), false));
      return () => undefined;
    }
    const dial = new Dial(this.#network, this.#endpoints, this.#life, address, {
      opened: (connection) => {
        this.#dials.delete(dial);
        this.#keep(connection as SimulatedConnection);
        events.opened(connection);
      },
      failed: (error, isRefused) => {
        this.#dials.delete(dial);
        events.failed(error, isRefused);
      },
    });
    this.#dials.add(dial);
    dial.begin(timeoutMs);
    return () => {
      this.#dials.delete(dial);
      dial.giveUp();
    };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const listener of this.#listeners) void listener.close();
    for (const dial of this.#dials) dial.giveUp();
    for (const connection of this.#connections) connection.terminate();
    this.#connections.clear();
    this.#network.needs.unsettled();
    return Promise.resolve();
  }

  #keep(connection: SimulatedConnection): void {
    this.#connections.add(connection);
    // Those that have ended are forgotten now and then, not each at once.
    if (this.#connections.size % 64 === 0) for (const kept of this.#connections) if (kept.isGone) this.#connections.delete(kept);
  }
}

class Dial {
  readonly #network: SimulatedNetwork;
  readonly #endpoints: Endpoints;
  readonly #life: ThreadLife;
  readonly #address: NodeAddress;
  readonly #events: DialEvents;
  #isOver = false;
  #isGivenUp = false;
  #attempts = 0;
  #cancelTimeout: (() => void) | undefined;
  /** Both sides of it, when the other one has answered. */
  #connection: SimulatedConnection | undefined;

  constructor(network: SimulatedNetwork, endpoints: Endpoints, life: ThreadLife, address: NodeAddress, events: DialEvents) {
    this.#network = network;
    this.#endpoints = endpoints;
    this.#life = life;
    this.#address = address;
    this.#events = events;
  }

  begin(timeoutMs: number): void {
    this.#cancelTimeout = this.#network.needs.time.after(timeoutMs, () => {
      this.#connection?.terminate();
      this.#fail(new Error(`${addressText(this.#address)} did not answer within ${timeoutMs} ms`), false);
    });
    const target = this.#network.hostOf(this.#address.host);
    if (target === undefined) return this.#fail(new Error(`nobody is called ${this.#address.host}`), false);
    this.#knock(target);
  }

  giveUp(): void {
    this.#isGivenUp = true;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimeout?.();
    this.#connection?.terminate();
  }

  /** Until somebody hears it, or there is no more time. */
  #knock(target: NetworkHost): void {
    if (this.#isOver || !this.#endpoints.isOpen) return;
    const { needs } = this.#network;
    const { number: from } = this.#endpoints.host;
    const link = this.#network.link(from, target.number);
    const message = link.messages++;
    const id = this.#network.nextMessage();
    if (needs.hasTrace) needs.note('send', from, target.number, id, 'dial');
    const again = (): void => {
      if (!this.#isOver) needs.note('lose', from, target.number, id, 'dial');
      needs.time.after(KNOCK_MS * 2 ** this.#attempts++, () => this.#knock(target));
    };
    if (link.isBlocked || link.isLost(message)) return again();
    needs.time.after(link.delayMs(needs.time.nowMs, message, 0), () => {
      if (this.#isOver || !this.#endpoints.isOpen) return;
      if (link.isBlocked || !target.isOn) return again();
      this.#answer(target, again);
    });
  }

  #answer(target: NetworkHost, again: () => void): void {
    const { needs } = this.#network;
    const { host } = this.#endpoints;
    const back = this.#network.link(target.number, host.number);
    const message = back.messages++;
    const listener = target.endpoints?.listeners.get(this.#address.port);
    if (back.isBlocked || back.isLost(message)) return again();
    const delayMs = back.delayMs(needs.time.nowMs, message, 0);
    if (listener === undefined) {
      needs.note('refuse', target.number, host.number, 0, 'nobody listens');
      needs.time.after(delayMs, () => {
        if (back.isBlocked) return again();
        this.#fail(new Error(`nobody listens at ${addressText(this.#address)}`), true);
      });
      return;
    }
    const [connection, accepted] = this.#connect(target, listener);
    // Its machine has taken it, whether or not the process has time for it.
    listener.life.post(() => listener.accept(accepted));
    needs.time.after(delayMs, () => {
      if (this.#isOver) return connection.terminate();
      if (back.isBlocked) {
        connection.terminate();
        this.#connection = undefined;
        return again();
      }
      this.#isOver = true;
      this.#cancelTimeout?.();
      if (needs.hasTrace) needs.note('receive', target.number, host.number, 0, 'dial answered');
      this.#life.post(() => (this.#isGivenUp ? connection.terminate() : this.#events.opened(connection)));
    });
  }

  #connect(target: NetworkHost, listener: SimulatedListener): readonly [SimulatedConnection, SimulatedConnection] {
    const { host } = this.#endpoints;
    const connection = new SimulatedConnection({
      network: this.#network,
      endpoints: this.#endpoints,
      life: this.#life,
      peerHost: target,
      remote: addressText(this.#address),
    });
    const accepted = new SimulatedConnection({
      network: this.#network,
      endpoints: target.endpoints as Endpoints,
      life: listener.life,
      peerHost: host,
      remote: addressText({ host: host.name, port: this.#endpoints.choosePort() }),
    });
    SimulatedConnection.join(connection, accepted);
    this.#connection = connection;
    return [connection, accepted];
  }

  #fail(error: Error, isRefused: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimeout?.();
    this.#life.post(() => (this.#isGivenUp ? undefined : this.#events.failed(error, isRefused)));
  }
}

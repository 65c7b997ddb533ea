/**
 * `ports/wire.ts` over WebSockets: connections between the nodes of a cluster, in the clear or over mutual TLS. Accepts and dials, counts what it refuses, reads certificates again, and closes
 * connections whose certificate was revoked. What is said over a connection is the business of `protocols/wire/`.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { type ErrorCode, NexusError } from '../../errors.js';
import { addressText, type NodeAddress } from '../../model/node-identity.js';
import { type RefusalCounts, Refusals } from '../../model/refusals.js';
import type { DialEvents, Wire, WireConnection, WireListener } from '../../ports/wire.js';
import { isRevoked } from './peer-certificate.js';
import { TlsFiles, type TlsMaterial } from './tls-files.js';
import { type PeerCertificate, WebsocketConnection } from './websocket-connection.js';
import { dialWebsocket } from './websocket-dial.js';
import { WebsocketListener } from './websocket-listener.js';
import { WIRE_LIMITS, type WebsocketWireLimits, type WebsocketWireOptions } from './wire-limits.js';

export interface WebsocketWire extends Wire {
  /** Strangers, floods, certificates. */
  readonly refusals: RefusalCounts;
  /** Accepted and dialed, and not ended. */
  readonly connectionCount: number;
  /** Looks at the files of TLS now, and not only when it is time to. Whether they had changed, and are used from now on. */
  reloadCertificates(): boolean;
}

/** @throws NexusError NEXUS_TLS_FILES */
export function createWebsocketWire(options: WebsocketWireOptions): WebsocketWire {
  return new WebsocketWireOfNode(options);
}

class WebsocketWireOfNode implements WebsocketWire {
  readonly #options: WebsocketWireOptions;
  readonly #limits: WebsocketWireLimits;
  readonly #tls: TlsFiles | undefined;
  readonly #refusals = new Refusals();
  readonly #listeners = new Set<WebsocketListener>();
  readonly #connections = new Set<WebsocketConnection>();
  readonly #dials = new Set<() => void>();
  #acceptedCount = 0;
  /** Of the last failure to read the files, which is logged once. */
  #complaint: string | undefined;
  readonly #cancelTimers: (() => void)[] = [];
  #isClosed = false;
  #allEnded: (() => void) | undefined;

  constructor(options: WebsocketWireOptions) {
    this.#options = options;
    this.#limits = { ...WIRE_LIMITS, ...options.limits };
    this.#tls = options.tls === undefined ? undefined : new TlsFiles(options.tls);
    this.#every(this.#limits.frameTimeoutMs, () => this.#endStalled());
    if (this.#tls !== undefined) this.#every(this.#limits.reloadIntervalMs, () => this.reloadCertificates());
  }

  get refusals(): RefusalCounts {
    return this.#refusals.counts;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async listen({ host, port }: { readonly host: string; readonly port: number }, accept: (connection: WireConnection) => void): Promise<WireListener> {
    const accepted = (webSocket: WebSocket, socket: Socket, remote: string, certificate: PeerCertificate | undefined): void => {
      this.#acceptedCount++;
      accept(this.#add(webSocket, socket, remote, certificate, true));
    };
    const listener = new WebsocketListener({
      ...this.#peerNeeds(),
      connectionCount: () => this.#acceptedCount,
      accepted,
      refused: (code, error) => this.#refused(code, error),
    });
    this.#listeners.add(listener);
    try {
      const chosen = await listener.open(host, port);
      return {
        address: { host, port: chosen },
        close: () => {
          this.#listeners.delete(listener);
          return listener.close();
        },
      };
    } catch (error) {
      this.#listeners.delete(listener);
      throw error;
    }
  }

  dial(address: NodeAddress, timeoutMs: number, events: DialEvents): () => void {
    const cancel = dialWebsocket(address, timeoutMs, this.#peerNeeds(), {
      opened: (webSocket, socket, certificate) => {
        this.#dials.delete(giveUp);
        events.opened(this.#add(webSocket, socket, addressText(address), certificate, false));
      },
      failed: (error, isRefused) => {
        this.#dials.delete(giveUp);
        if (error.code !== 'NEXUS_CONNECT_FAILED') this.#refusals.count(error.code);
        events.failed(error, isRefused);
      },
    });
    const giveUp = (): void => {
      this.#dials.delete(giveUp);
      cancel();
    };
    this.#dials.add(giveUp);
    return giveUp;
  }

  reloadCertificates(): boolean {
    if (this.#tls === undefined) return false;
    try {
      const material = this.#tls.reload();
      if (material === undefined) return false;
      for (const listener of this.#listeners) listener.renew(material);
      this.#endRevoked(material);
      this.#complaint = undefined;
      this.#options.logger.info({}, 'certificates were read again: new connections use them');
      return true;
    } catch (error) {
      const { message } = error as NexusError;
      if (message !== this.#complaint) this.#options.logger.error({ error }, 'certificates cannot be read again: those from before stay in use');
      this.#complaint = message;
      return false;
    }
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      for (const cancel of this.#cancelTimers) cancel();
      for (const giveUp of [...this.#dials]) giveUp();
    }
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    this.#listeners.clear();
    for (const connection of this.#connections) connection.goAway();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#allEnded = resolve;
      });
    }
  }

  #add(webSocket: WebSocket, socket: Socket, remote: string, certificate: PeerCertificate | undefined, wasAccepted: boolean): WebsocketConnection {
    const connection = new WebsocketConnection(webSocket, socket, remote, certificate, {
      limits: this.#limits,
      isMasked: !wasAccepted,
      ended: (ended, code) => {
        this.#connections.delete(ended);
        if (wasAccepted) this.#acceptedCount--;
        if (code !== undefined) this.#refusals.count(code);
        if (this.#connections.size === 0) this.#allEnded?.();
      },
    });
    this.#connections.add(connection);
    if (this.#isClosed) connection.goAway();
    return connection;
  }

  #peerNeeds(): { limits: WebsocketWireLimits; tls: TlsFiles | undefined; serverName: string | undefined } {
    return { limits: this.#limits, tls: this.#tls, serverName: this.#options.tls?.serverName };
  }

  /** The first of each code is logged: also who does not see the log of the other node is to find what keeps that from joining. */
  #refused(code: ErrorCode, error: NexusError | undefined): void {
    this.#refusals.count(code);
    if (error === undefined || this.#refusals.counts.get(code) !== 1) return;
    this.#options.logger.warn({ code, ...error.data }, `a connection was refused: ${error.message}; more of ${code} are counted, and not said again`);
  }

  #endRevoked(material: TlsMaterial): void {
    for (const connection of this.#connections) {
      if (connection.certificate === undefined || !isRevoked(connection.certificate, material)) continue;
      connection.refuse(new NexusError('NEXUS_TLS_REVOKED', `the certificate of ${connection.remote} was revoked`, { data: { remote: connection.remote } }));
    }
  }

  #endStalled(): void {
    for (const connection of this.#connections) {
      if (!connection.isStalled()) continue;
      const { remote } = connection;
      connection.refuse(
        new NexusError('NEXUS_FRAME_STALLED', `a frame from ${remote} did not arrive within ${this.#limits.frameTimeoutMs} ms of its beginning`, {
          data: { remote, frameTimeoutMs: this.#limits.frameTimeoutMs },
        }),
      );
    }
  }

  #every(intervalMs: number, call: () => void): void {
    let cancel = (): void => undefined;
    const again = (): void => {
      cancel = this.#options.clock.after(
        intervalMs,
        () => {
          again();
          call();
        },
        false,
      );
    };
    again();
    this.#cancelTimers.push(() => cancel());
  }
}

/**
 * Where other nodes connect to: an HTTP server that answers nothing but the WebSocket handshake of a node. Bounds what strangers can hold: who has not become a connection in time goes, and
 * the one that has been on the way for longest goes first when there are too many. Called by `websocket-wire.ts`.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { type ErrorCode, NexusError } from '../../errors.js';
import { isNamed } from './certificate-names.js';
import { isRevoked, peerCertificateOf } from './peer-certificate.js';
import type { TlsFiles, TlsMaterial } from './tls-files.js';
import { certificateCodeOf, certificateError, isTlsFailure, isWithoutTls, tlsFailure, withTlsOnly } from './tls-errors.js';
import type { PeerCertificate } from './websocket-connection.js';
import { receiverLimits } from './websocket-dial.js';
import { PATH, REFUSAL_HEADER, SUBPROTOCOL, type WebsocketWireLimits } from './wire-limits.js';

/** A handshake has some ten headers. */
const HEADER_BYTES_MAX = 8_192;
const BACKLOG = 4_096;
/** First byte of what a client of TLS sends. */
const TLS_HANDSHAKE = 0x16;

export interface ListenerNeeds {
  readonly limits: WebsocketWireLimits;
  readonly tls: TlsFiles | undefined;
  readonly serverName: string | undefined;
  /** Accepted by this wire, and not ended. */
  connectionCount(): number;
  accepted(webSocket: WebSocket, socket: Socket, remote: string, certificate: PeerCertificate | undefined): void;
  /** @param error where it is for whoever runs the two nodes to mend */
  refused(code: ErrorCode, error?: NexusError): void;
}

interface Pending {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
  readonly closed: () => void;
}

export class WebsocketListener {
  readonly #needs: ListenerNeeds;
  readonly #server: Server | HttpsServer;
  readonly #upgrades: WebSocketServer;
  /** TCP connections that are not WebSockets yet, by their ends, in the order in which they came. */
  readonly #pending = new Map<string, Pending>();

  constructor(needs: ListenerNeeds) {
    this.#needs = needs;
    const { limits, tls } = needs;
    const options = { maxHeaderSize: HEADER_BYTES_MAX, keepAlive: false, noDelay: true, highWaterMark: 65_536 };
    this.#server =
      tls === undefined
        ? createHttpServer(options)
        : createHttpsServer({
            ...options,
            ...tls.current.options,
            requestCert: true,
            // Looked at in `#upgrade`, so that a node which is refused is told why.
            rejectUnauthorized: false,
            handshakeTimeout: limits.upgradeTimeoutMs,
          });
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.frameBytesMax,
      skipUTF8Validation: true,
      ...receiverLimits(limits),
    } as ServerOptions);
    this.#upgrades.on('wsClientError', (_error, socket) => this.#answer(socket as Socket, 400, 'NEXUS_UPGRADE_REFUSED'));
    this.#server.on('connection', (socket: Socket) => this.#arrived(socket));
    this.#server.on('secureConnection', (socket: TLSSocket) => socket.on('error', destroyed));
    this.#server.on('request', (request, response) => {
      needs.refused('NEXUS_UPGRADE_REFUSED');
      response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain; charset=utf-8' });
      response.end('Nodes of a cluster of Nexus talk here, over WebSockets.\n', () => request.socket.destroy());
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }, socket: Socket) => {
      // Failures of TLS come here as well, and those who have just gone.
      if (!error.code?.startsWith('HPE_') || error.code === 'HPE_INVALID_EOF_STATE') return void socket.destroy();
      // More of the same, after the answer.
      if (socket.writableEnded) return;
      if (error.rawPacket?.[0] === TLS_HANDSHAKE) needs.refused('NEXUS_TLS_FAILED', withTlsOnly(remoteOf(socket), 'other'));
      else needs.refused('NEXUS_UPGRADE_REFUSED');
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', () => socket.destroy());
      else socket.destroy();
    });
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      const failure = tlsFailure(error, remoteOf(socket));
      // Told in the clear, which is what it understands: for it the connection has only ended otherwise.
      const below = isWithoutTls(error) ? this.#pending.get(endsOf(socket) ?? '')?.socket : undefined;
      if (below === undefined) {
        // Who has only gone has not said why.
        needs.refused(failure.code, isTlsFailure(error) ? failure : undefined);
        socket.destroy();
      } else {
        below.once('close', () => socket.destroy());
        this.#answer(below, 400, failure.code, failure);
      }
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => this.#upgrade(request, socket, head));
  }

  /** Resolves with the port. Rejects with NexusError NEXUS_LISTEN_FAILED. */
  open(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => {
        reject(new NexusError('NEXUS_LISTEN_FAILED', `cannot listen at ${host}, port ${port}: ${cause.message}`, { cause, data: { host, port } }));
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', failed);
        // Too many open files, most likely: those that wait are taken when there is room.
        this.#server.on('error', () => this.#needs.refused('NEXUS_CONNECTIONS_TOO_MANY'));
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** From now on, for new connections. */
  renew(material: TlsMaterial): void {
    (this.#server as HttpsServer).setSecureContext(material.options);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      for (const [key, { socket }] of [...this.#pending]) {
        this.#settle(key);
        socket.destroy();
      }
      // What was upgraded is no connection of the server any more, but it counts those until they end: their end is not waited for.
      this.#server.close();
      setImmediate(resolve);
    });
  }

  #arrived(socket: Socket): void {
    const { limits } = this.#needs;
    socket.on('error', destroyed);
    const key = endsOf(socket);
    if (key === undefined) return void socket.destroy();
    if (this.#pending.size >= limits.pendingMax) {
      const [oldest] = this.#pending.keys();
      this.#drop(oldest as string, 'NEXUS_CONNECTIONS_TOO_MANY');
    }
    const timer = setTimeout(() => this.#drop(key, 'NEXUS_HANDSHAKE_TIMEOUT'), limits.upgradeTimeoutMs);
    const closed = (): void => this.#settle(key);
    socket.once('close', closed);
    this.#pending.set(key, { socket, timer, closed });
  }

  #drop(key: string, code: ErrorCode): void {
    const socket = this.#pending.get(key)?.socket;
    this.#settle(key);
    this.#needs.refused(code);
    socket?.destroy();
  }

  #settle(key: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    clearTimeout(pending.timer);
    pending.socket.off('close', pending.closed);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const tls = this.#needs.tls === undefined ? undefined : (socket as TLSSocket);
    const refusal = this.#whyNot(request, tls);
    if (refusal !== undefined) {
      const [status, code] = refusal;
      return this.#answer(socket, status, code, tls && code.startsWith('NEXUS_TLS_') ? shownBy(tls, code) : undefined);
    }
    this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      this.#settle(endsOf(socket) ?? '');
      this.#needs.accepted(webSocket, socket, remoteOf(request.socket), tls === undefined ? undefined : peerCertificateOf(tls));
    });
  }

  #whyNot(request: IncomingMessage, tls: TLSSocket | undefined): [number, ErrorCode] | undefined {
    if (tls !== undefined && !tls.authorized) return [403, certificateCodeOf(String(tls.authorizationError)) ?? 'NEXUS_TLS_UNTRUSTED'];
    // It may have been open for a while.
    if (tls !== undefined && isRevoked(peerCertificateOf(tls), (this.#needs.tls as TlsFiles).current)) return [403, 'NEXUS_TLS_REVOKED'];
    if (tls !== undefined && this.#needs.serverName !== undefined && !isNamed(peerCertificateOf(tls).names, this.#needs.serverName))
      return [403, 'NEXUS_TLS_NAME'];
    // A browser says where its page comes from; a node has no page.
    if (request.headers.origin !== undefined) return [403, 'NEXUS_UPGRADE_REFUSED'];
    if (request.url !== PATH) return [404, 'NEXUS_UPGRADE_REFUSED'];
    if (request.headers['sec-websocket-protocol'] !== SUBPROTOCOL) return [400, 'NEXUS_UPGRADE_REFUSED'];
    if (this.#needs.connectionCount() >= this.#needs.limits.connectionsMax) return [503, 'NEXUS_CONNECTIONS_TOO_MANY'];
    return undefined;
  }

  #answer(socket: Socket, status: number, code: ErrorCode, error?: NexusError): void {
    this.#needs.refused(code, error);
    const text = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n${REFUSAL_HEADER}: ${code}\r\n\r\n`;
    socket.end(text, () => socket.destroy());
  }
}

/** The same for a TLS socket and the TCP socket below it. Undefined if it has gone already. */
function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}>${localAddress}`;
}

function shownBy(tls: TLSSocket, code: ErrorCode): NexusError {
  return certificateError(code, remoteOf(tls), tls.authorized ? `of ${peerCertificateOf(tls).names.join(', ') || 'no name'}` : String(tls.authorizationError));
}

function remoteOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? 'a connection that has ended' : `${remoteAddress}:${remotePort}`;
}

function destroyed(this: Socket): void {
  this.destroy();
}

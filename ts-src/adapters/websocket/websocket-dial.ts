/** Connects to the wire of another node: TCP, TLS, the WebSocket handshake; and says what was wrong, in errors of Nexus, when that does not come about. Called by `websocket-wire.ts`. */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import { ERROR_CODES, type ErrorCode, NexusError } from '../../errors.js';
import { addressText, isHost, type NodeAddress } from '../../model/node-identity.js';
import { isNamed, namesOf } from './certificate-names.js';
import { isRevoked, peerCertificateOf } from './peer-certificate.js';
import type { TlsFiles } from './tls-files.js';
import { certificateError, isTlsFailure, refusedByTls, tlsFailure } from './tls-errors.js';
import type { PeerCertificate } from './websocket-connection.js';
import { PATH, REFUSAL_HEADER, SUBPROTOCOL, type WebsocketWireLimits } from './wire-limits.js';

export interface DialNeeds {
  readonly limits: WebsocketWireLimits;
  readonly tls: TlsFiles | undefined;
  /** Name that certificates must have, or undefined: then whoever reads the handshake of the session compares names. */
  readonly serverName: string | undefined;
}

export interface DialResult {
  opened(webSocket: WebSocket, socket: Socket, certificate: PeerCertificate | undefined): void;
  failed(error: NexusError, isRefused: boolean): void;
}

/** Returns what gives up; nothing is called after that. */
export function dialWebsocket(address: NodeAddress, timeoutMs: number, needs: DialNeeds, result: DialResult): () => void {
  const where = addressText(address);
  let isOver = false;
  let socket: Socket | undefined;
  const once = (call: () => void): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(late);
    call();
  };
  const fail = (error: NexusError, isRefused: boolean): void =>
    once(() => {
      webSocket.terminate();
      socket?.destroy();
      result.failed(error, isRefused);
    });
  const webSocket = new WebSocket(`${needs.tls === undefined ? 'ws' : 'wss'}://node${PATH}`, [SUBPROTOCOL], {
    ...clientOptions(needs.limits),
    // A host that cannot be in a header is tried all the same: whether it is one is for the resolver to say.
    headers: { host: isHost(address.host) ? where : 'node' },
    createConnection: () => {
      socket = needs.tls === undefined ? connectTcp({ host: address.host, port: address.port, noDelay: true }) : secureSocket(address, needs);
      return socket;
    },
  } as ClientOptions);
  const late = setTimeout(
    () => fail(new NexusError('NEXUS_CONNECT_FAILED', `${where} did not answer within ${timeoutMs} ms`, { data: { address: where, timeoutMs } }), false),
    timeoutMs,
  );
  webSocket.on('error', (error: NodeJS.ErrnoException) => fail(...failureOf(error, where)));
  webSocket.on('unexpected-response', (_request, response) => fail(refusalOf(response, where), true));
  webSocket.on('open', () => {
    // The first listener: nothing has been read from the socket since.
    const certificate = needs.tls === undefined ? undefined : peerCertificateOf(socket as TLSSocket);
    if (needs.tls !== undefined && certificate !== undefined && isRevoked(certificate, needs.tls.current))
      return fail(certificateError('NEXUS_TLS_REVOKED', where, 'since the connection was begun'), true);
    once(() => result.opened(webSocket, socket as Socket, certificate));
  });
  return () =>
    once(() => {
      webSocket.terminate();
      socket?.destroy();
    });
}

/** What ws takes and its types do not know yet is in it as well. */
function clientOptions(limits: WebsocketWireLimits): ClientOptions {
  return {
    perMessageDeflate: false,
    maxPayload: limits.frameBytesMax,
    followRedirects: false,
    // Masks keep scripts in browsers from writing bytes of their choice through proxies. A node is no browser: a mask of zeros costs nothing.
    generateMask: (mask) => mask.fill(0),
    skipUTF8Validation: true,
    ...receiverLimits(limits),
  };
}

export function receiverLimits(limits: WebsocketWireLimits): object {
  return { closeTimeout: limits.closeTimeoutMs, maxBufferedChunks: 4_096, maxFragments: 64 };
}

function secureSocket({ host, port }: NodeAddress, { tls, serverName }: DialNeeds): TLSSocket {
  const material = (tls as TlsFiles).current;
  const servername = serverName ?? (isIP(host) === 0 ? host : undefined);
  return connectTls({
    host,
    port,
    secureContext: material.context,
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: true,
    // Where a certificate says whose it is, an address says nothing.
    checkServerIdentity: (_host, certificate) => (serverName === undefined ? undefined : nameError(serverName, certificate)),
  });
}

function nameError(wanted: string, certificate: { readonly raw: Buffer }): Error | undefined {
  const names = namesOf(new X509Certificate(certificate.raw));
  if (isNamed(names, wanted)) return undefined;
  return Object.assign(new Error(`the certificate is of ${names.join(', ') || 'no name'}, not of ${wanted}`), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

function failureOf(error: NodeJS.ErrnoException, where: string): [NexusError, boolean] {
  if (isTlsFailure(error)) return [tlsFailure(error, where), true];
  // Several addresses of a name were tried: what counts is whether one of them answered.
  const causes = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error];
  const isRefused = causes.some(({ code }) => code === 'ECONNREFUSED');
  const detail = causes.map(({ message }) => message).join('; ');
  return [new NexusError('NEXUS_CONNECT_FAILED', `no connection to ${where}: ${detail}`, { cause: error, data: { address: where } }), isRefused];
}

/** Who answers and says no says why, if it is a node. */
function refusalOf(response: IncomingMessage, where: string): NexusError {
  const said = response.headers[REFUSAL_HEADER];
  const code: ErrorCode = typeof said === 'string' && Object.hasOwn(ERROR_CODES, said) ? (said as ErrorCode) : 'NEXUS_UPGRADE_REFUSED';
  response.destroy();
  const failure = refusedByTls(code, where);
  if (failure !== undefined) return failure;
  const reason = code === 'NEXUS_UPGRADE_REFUSED' ? 'it is no node of a cluster, or something stands before it' : ERROR_CODES[code];
  return new NexusError(code, `${where} refuses the connection with status ${response.statusCode}: ${reason}`, {
    data: { address: where, status: response.statusCode },
  });
}

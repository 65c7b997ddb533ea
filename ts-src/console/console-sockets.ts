/**
 * The WebSockets of the console: how many, how long they live without a sign of life, and their end. What is said over them is in `live-socket.ts` and
 * `follow-socket.ts`. Clients have nothing to say: one that does is cut off.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { errorAnswer, internalAnswer } from '../gateway/error-answer.js';
import { GatewayError } from '../gateway/gateway-error.js';
import { refuseUpgrade } from '../gateway/refuse-upgrade.js';

const MESSAGE_BYTES_MAX = 128;
/** A client that has not answered a ping by the next one has gone. */
const PING_MS = 15_000;
/** How long a client may take to agree to the end of its socket. */
const CLOSE_MS = 1000;
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const SERVER_OPTIONS = { noServer: true, clientTracking: false, maxPayload: MESSAGE_BYTES_MAX, perMessageDeflate: false, closeTimeout: CLOSE_MS } as const;

/** Begins to write. Returns what is to be done when the socket has ended. */
export type BeginSocket = (socket: WebSocket) => () => void;

export class ConsoleSockets {
  readonly #clientsMax: number;
  readonly #server = new WebSocketServer(SERVER_OPTIONS);
  /** To whether it has answered since the last ping. */
  readonly #clients = new Map<WebSocket, boolean>();
  #pings: NodeJS.Timeout | undefined;
  #whenEmpty: (() => void) | undefined;
  #isStopping = false;

  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax;
    // By our own hand: the answer of ws would be without the headers of the console.
    this.#server.on('wsClientError', (error, stream) => {
      const refusal = new GatewayError('GATEWAY_REQUEST_INVALID', 400, `this is not the beginning of a WebSocket: ${error.message}`);
      refuseUpgrade(stream, errorAnswer(refusal) ?? internalAnswer());
    });
  }

  get count(): number {
    return this.#clients.size;
  }

  /** @throws GatewayError GATEWAY_BUSY, GATEWAY_STOPPING */
  admit(): void {
    const headers = { 'retry-after': '1' };
    if (this.#isStopping) throw new GatewayError('GATEWAY_STOPPING', 503, 'the gateway is stopping', { headers });
    const clientsMax = this.#clientsMax;
    if (this.#clients.size >= clientsMax)
      throw new GatewayError('GATEWAY_BUSY', 503, `${clientsMax} WebSockets of the console are open already`, { headers, data: { clientsMax } });
  }

  /** Takes the connection over. It has been admitted. */
  open(request: IncomingMessage, stream: Duplex, head: Buffer, begin: BeginSocket): void {
    this.#server.handleUpgrade(request, stream, head, (socket) => {
      this.#clients.set(socket, true);
      let ended: (() => void) | undefined;
      socket.on('pong', () => this.#clients.set(socket, true));
      // The protocol violations of a client; 'close' follows.
      socket.on('error', () => undefined);
      socket.on('message', () => socket.close(POLICY_VIOLATION, 'nothing is expected from a client'));
      socket.on('close', () => {
        this.#clients.delete(socket);
        ended?.();
        if (this.#clients.size > 0) return;
        clearInterval(this.#pings);
        this.#pings = undefined;
        this.#whenEmpty?.();
      });
      this.#pings ??= setInterval(() => this.#ping(), PING_MS).unref();
      ended = begin(socket);
    });
  }

  /** Asks all clients to end, and resolves when they have. Those that do not within a second are cut off. */
  stop(): Promise<void> {
    this.#isStopping = true;
    for (const socket of this.#clients.keys()) socket.close(GOING_AWAY, 'the gateway is stopping');
    if (this.#clients.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Cuts off what is left. */
  terminate(): void {
    for (const socket of this.#clients.keys()) socket.terminate();
  }

  #ping(): void {
    for (const [socket, hasAnswered] of this.#clients) {
      if (!hasAnswered) {
        socket.terminate();
        continue;
      }
      this.#clients.set(socket, false);
      socket.ping();
    }
  }
}

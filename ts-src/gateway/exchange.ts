/**
 * Requests in flight: each is checked, routed, answered and counted here, and nowhere else is anything written to a socket of a well-formed request. What a
 * route does is not here; connections and their limits are `gateway.ts`.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../model/agent-context.js';
import type { Answer, StreamAnswer } from './answer.js';
import { errorAnswer, internalAnswer } from './error-answer.js';
import { GatewayError } from './gateway-error.js';
import { checkOneHost, type HostGuard } from './host-guard.js';
import { withIdOfQuery } from './id-in-query.js';
import { readBody, readJsonBody } from './request-body.js';
import type { Route, Router } from './router.js';

const URL_BYTES_MAX = 8192;
/** Requests of one connection that are served at a time: more than a client that pipelines needs, and few enough that one cannot take all places. */
const CONNECTION_REQUESTS_MAX = 16;
/** How long the rest of a body that nobody wants is thrown away. Closing at once would destroy the answer on its way to the client. */
const DISCARD_MS = 1000;

/** What a route gets. */
export interface GatewayRequest {
  readonly parameters: Readonly<Record<string, string>>;
  /** The URL after the question mark. */
  readonly search: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the other end of the connection, which may be a proxy. */
  readonly remoteAddress: string | undefined;
  /** Reads the body; see `readJsonBody`. Called at most once, or `bytes` is. */
  body(): Promise<unknown>;
  /** Reads the body; see `readBody`. */
  bytes(): Promise<Buffer | undefined>;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export type Serve = (request: GatewayRequest) => Answer | StreamAnswer | Promise<Answer | StreamAnswer>;

/** What of a request is said of it in a trace. */
export interface TracedRequest {
  readonly method: string;
  readonly path: string;
  /** Pattern of the route. */
  readonly route: string;
  readonly headers: IncomingHttpHeaders;
}

export interface ExchangeNeeds {
  readonly router: Router<Serve>;
  readonly guard: HostGuard;
  readonly bodyBytesMax: number;
  readonly requestTimeoutMs: number;
  readonly requestsMax: number;
  readonly logger: Logger;
  /** Calls `serve` in the trace that the request belongs to, if it belongs to one. */
  traced(request: TracedRequest, serve: () => ReturnType<Serve>): ReturnType<Serve>;
  /** Headers of every answer to a URL, beside those of the answer itself. */
  headersOf(url: string): Readonly<Record<string, string>> | undefined;
  observe(request: { readonly method: string; readonly route: string; readonly status: number; readonly seconds: number }): void;
}

/** Requests of one connection. */
interface Connection {
  serving: number;
  /** Begin in this order. */
  readonly waiting: (() => void)[];
}

export class Exchanges {
  readonly #needs: ExchangeNeeds;
  readonly #inFlight = new Set<ServerResponse>();
  readonly #bySocket = new WeakMap<Duplex, ServerResponse>();
  readonly #connections = new WeakMap<Duplex, Connection>();
  #stopping = false;
  #whenEmpty: (() => void) | undefined;

  constructor(needs: ExchangeNeeds) {
    this.#needs = needs;
  }

  get count(): number {
    return this.#inFlight.size;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** True if an answer has begun on this connection and is not complete: nothing else can be written there. */
  isAnswering(socket: Duplex): boolean {
    const response = this.#bySocket.get(socket);
    return response?.headersSent === true && !response.writableFinished;
  }

  /** True if requests of this connection are in flight, or wait. */
  isServing(socket: Duplex): boolean {
    const connection = this.#connections.get(socket);
    return connection !== undefined && (connection.serving > 0 || connection.waiting.length > 0);
  }

  /** From now on every connection is closed after its answer, and nothing but what is always served is begun. Resolves when nothing is in flight. */
  stop(): Promise<void> {
    this.#stopping = true;
    if (this.#inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /**
   * Serves a request, or lets it wait behind others of its connection; while any waits nothing more is read from there.
   * @param waits the client sends its body only after `100 Continue`.
   */
  begin(request: IncomingMessage, response: ServerResponse, waits: boolean): void {
    const { socket } = request;
    let connection = this.#connections.get(socket);
    if (connection === undefined) {
      connection = { serving: 0, waiting: [] };
      this.#connections.set(socket, connection);
      const { waiting } = connection;
      // The parser asks for more when a request has been read. A request that waits is there but for its body, which is read when its turn comes.
      socket.on('resume', () => {
        if (waiting.length > 0) socket.pause();
      });
      socket.on('close', () => {
        waiting.length = 0;
      });
    }
    if (connection.serving >= CONNECTION_REQUESTS_MAX) {
      connection.waiting.push(() => this.#begin(request, response, waits, connection));
      socket.pause();
    } else this.#begin(request, response, waits, connection);
  }

  #begin(request: IncomingMessage, response: ServerResponse, waits: boolean, connection: Connection): void {
    connection.serving++;
    const startedMs = performance.now();
    const exchange = new Exchange(request, response, waits, this.#needs);
    this.#inFlight.add(response);
    this.#bySocket.set(request.socket, response);
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      request.socket.off('close', over);
      this.#inFlight.delete(response);
      if (!response.writableFinished) exchange.abort();
      const status = response.headersSent ? response.statusCode : 499;
      this.#needs.observe({ method: request.method ?? '', route: exchange.route, status, seconds: (performance.now() - startedMs) / 1000 });
      connection.serving--;
      connection.waiting.shift()?.();
      if (connection.waiting.length === 0 && request.socket.isPaused()) request.socket.resume();
      if (this.#inFlight.size === 0) this.#whenEmpty?.();
    };
    response.on('close', over);
    // A response that waits for its turn on a connection that breaks is never closed itself.
    request.socket.setMaxListeners(0).on('close', over);
    // A connection that breaks is seen by its 'close'.
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    this.#serve(exchange)
      .then((answer) => exchange.write(answer, this.#stopping))
      .catch((error: unknown) => {
        this.#needs.logger.error({ error, route: exchange.route }, 'an answer could not be written');
        response.destroy();
      });
  }

  async #serve(exchange: Exchange): Promise<Answer | StreamAnswer> {
    try {
      const { request } = exchange;
      const { headers, method = '', url = '' } = request;
      if (url.length > URL_BYTES_MAX)
        throw new GatewayError('GATEWAY_URL_TOO_LONG', 414, `the URL has ${url.length} bytes; the most is ${URL_BYTES_MAX}: send data in the body`);
      checkOneHost(request);
      this.#needs.guard(headers.host, headers.origin);
      const end = url.indexOf('?');
      const path = end < 0 ? url : url.slice(0, end);
      if (!path.startsWith('/')) throw new GatewayError('GATEWAY_URL_INVALID', 400, 'the request must name a path that begins with a slash');
      const { router } = this.#needs;
      const { route, parameters } = router.match(path);
      exchange.route = route.pattern;
      const serve = router.handlerOf(route, method);
      this.#admit(route);
      const asked = withIdOfQuery(parameters, end < 0 ? '' : url.slice(end + 1));
      const served = exchange.forRoute(asked.parameters, asked.search);
      return await this.#needs.traced({ method, path, route: route.pattern, headers }, () => serve(served));
    } catch (error) {
      const answer = errorAnswer(error);
      if (answer !== undefined) return answer;
      this.#needs.logger.error({ error, route: exchange.route }, 'the gateway failed');
      return internalAnswer();
    }
  }

  #admit(route: Route<Serve>): void {
    if (route.always) return;
    const headers = { 'retry-after': '1' };
    if (this.#stopping) throw new GatewayError('GATEWAY_STOPPING', 503, 'the gateway is stopping: send it to another instance', { headers });
    const { requestsMax } = this.#needs;
    if (this.#inFlight.size > requestsMax)
      throw new GatewayError('GATEWAY_BUSY', 503, `${requestsMax} requests are in flight already, as many as the option requestsMax allows; try again later`, {
        headers,
        data: { requestsMax },
      });
  }
}

type ExchangeLimits = Pick<ExchangeNeeds, 'bodyBytesMax' | 'requestTimeoutMs' | 'headersOf'>;

/** One request and its response. */
class Exchange {
  /** Pattern of the route, for metrics: a bounded set of names. */
  route = 'unknown';
  readonly request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #limits: ExchangeLimits;
  #waitsForContinue: boolean;
  #controller: AbortController | undefined;
  #gone = false;

  constructor(request: IncomingMessage, response: ServerResponse, waitsForContinue: boolean, limits: ExchangeLimits) {
    this.request = request;
    this.#response = response;
    this.#waitsForContinue = waitsForContinue;
    this.#limits = limits;
  }

  abort(): void {
    this.#gone = true;
    this.#controller?.abort(gone());
  }

  forRoute(parameters: Readonly<Record<string, string>>, search: string): GatewayRequest {
    const exchange = this;
    return {
      parameters,
      search,
      headers: this.request.headers,
      remoteAddress: this.request.socket.remoteAddress,
      body: () => readJsonBody(this.request, this.#limits.bodyBytesMax, () => this.#continue()),
      bytes: () => readBody(this.request, this.#limits.bodyBytesMax, () => this.#continue()),
      get signal() {
        return exchange.#signal();
      },
    };
  }

  write(answer: Answer | StreamAnswer, closes: boolean): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    if ('begin' in answer) return this.#stream(answer);
    const unread = hasBody(this.request) && !this.request.complete;
    // A client that does not read its answer must not hold it in memory for ever.
    response.setTimeout(this.#limits.requestTimeoutMs, () => response.destroy());
    response.writeHead(answer.status, {
      'content-type': answer.contentType,
      ...(answer.status === 304 ? {} : { 'content-length': Buffer.byteLength(answer.body) }),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...this.#limits.headersOf(this.request.url ?? ''),
      ...answer.headers,
      ...(closes || unread ? { connection: 'close' } : {}),
    });
    if (!unread) {
      response.end(answer.body);
      return;
    }
    // The answer is complete for the client; the connection closes when its body has passed, or after a while.
    response.write(answer.body);
    const end = (): void => {
      clearTimeout(timer);
      response.end();
    };
    const timer = setTimeout(end, DISCARD_MS);
    this.request.once('end', end).once('close', end).resume();
  }

  /** A body that a client sends along is not read: the connection ends with the stream. */
  #stream({ status, contentType, begin }: StreamAnswer): void {
    const response = this.#response;
    response.setTimeout(this.#limits.requestTimeoutMs, () => response.destroy());
    response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', connection: 'close' });
    if (this.request.method === 'HEAD') response.end();
    else begin(response);
  }

  #continue(): void {
    if (this.#waitsForContinue) this.#response.writeContinue();
    this.#waitsForContinue = false;
  }

  #signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#gone) this.#controller.abort(gone());
    return this.#controller.signal;
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0');
}

function gone(): GatewayError {
  return new GatewayError('GATEWAY_CLIENT_GONE', 499, 'the client has closed the connection');
}

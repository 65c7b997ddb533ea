/**
 * HTTP in front of a nexus, on node:http, with ws for the WebSockets of the console: the listening socket, the limits of its connections, and their end. What a request means is in the routes.
 * The gateway does not own the nexus: stopping one leaves the other as it is. No CORS, no TLS and no login: those belong to a proxy in front.
 */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { createMetrics, type Metrics } from '../adapters/prometheus-metrics.js';
import { systemClock } from '../adapters/system-clock.js';
import { Console } from '../console/console.js';
import { loadPageAssets } from '../console/page-assets.js';
import { consoleHeaders } from '../console/security-headers.js';
import type { Nexus } from '../nexus.js';
import { agentRoutes } from './agent-routes.js';
import { answerBrokenRequest } from './broken-request.js';
import { Exchanges } from './exchange.js';
import { GatewayError } from './gateway-error.js';
import { optionError, valueText } from '../errors.js';
import { type GatewayOptions, type GatewayStopOptions, resolveGatewayOptions, resolveStopDeadline } from './gateway-options.js';
import { type HostGuard, hostGuard } from './host-guard.js';
import { requestTracing } from './request-tracing.js';
import { Router } from './router.js';
import { SignalStreams } from './signal-stream.js';
import { signalRoutes } from './signal-routes.js';
import { statusRoutes } from './status-routes.js';
import { upgrades } from './upgrade.js';
import { packageVersion } from './package-version.js';

/** What `gateway.stop` resolves with. */
export interface GatewayStopReport {
  /** All requests in flight were answered before the deadline. */
  readonly complete: boolean;
  /** Requests whose connections were closed without an answer. */
  readonly aborted: number;
}

/** A gateway that serves, as `startGateway` returns it. */
export interface Gateway {
  /** Such as `http://127.0.0.1:8080`; for a gateway on all addresses, the loopback one. */
  readonly url: string;
  readonly port: number;
  /**
   * Takes no new connections, lets the requests in flight finish, closes idle connections at once and the others after their answer. What is not done by the
   * deadline is cut off. A second call returns the first one's promise. Rejects with NexusTypeError NEXUS_OPTION_INVALID or NEXUS_OPTION_UNKNOWN.
   */
  stop(options?: GatewayStopOptions): Promise<GatewayStopReport>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves the agents of a nexus over HTTP. Resolves when the port is open.
 * Rejects with NexusTypeError NEXUS_OPTION_INVALID or NEXUS_OPTION_UNKNOWN, GatewayError GATEWAY_LISTEN_FAILED.
 */
export async function startGateway(nexus: Nexus, options: GatewayOptions = {}): Promise<Gateway> {
  if (typeof (nexus as Partial<Nexus> | undefined)?.threads !== 'function')
    throw optionError('nexus', `is ${valueText(nexus)}; it must be a nexus, as createNexus makes one (await it)`);
  const resolved = resolveGatewayOptions(options);
  const { host, headersTimeoutMs, requestTimeoutMs } = resolved;
  const server = createServer({
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.max(5, Math.min(1000, headersTimeoutMs / 4)),
    maxHeaderSize: 16_384,
  });
  const assets = resolved.console === false ? undefined : await loadPageAssets();
  const address = await listen(server, resolved.port, host);
  const metrics = createMetrics(nexus);
  const streams = new SignalStreams({ ...resolved, nexus });
  const { logger, hostsAllowed } = resolved;
  const live =
    resolved.console === false || assets === undefined
      ? undefined
      : new Console({
          nexus,
          options: resolved.console,
          hostsAllowed,
          assets,
          version: packageVersion(),
          clock: systemClock,
          logger,
          countViolation: (reason) => metrics.countViolation(reason),
        });
  const routes = [...agentRoutes(nexus), ...signalRoutes(nexus, streams), ...statusRoutes(nexus, metrics, () => exchanges.isStopping), ...(live?.routes ?? [])];
  const guard = countedGuard(hostGuard(host, address.address, hostsAllowed), metrics);
  const exchanges: Exchanges = new Exchanges({
    ...resolved,
    router: new Router(routes),
    guard,
    headersOf: consoleHeaders,
    traced: requestTracing(nexus),
    observe: (request) => metrics.observeRequest(request),
  });
  server.on('request', (request, response) => exchanges.begin(request, response, false));
  server.on('checkContinue', (request, response) => exchanges.begin(request, response, true));
  if (live !== undefined) server.on('upgrade', upgrades({ server, exchanges, guard, console: live, logger }));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerBrokenRequest(error, socket as Socket, exchanges.isAnswering(socket)));
  server.on('error', (error) => resolved.logger.error({ error }, 'the server of the gateway failed'));
  let stopped: Promise<GatewayStopReport> | undefined;
  const stop = (stopOptions: GatewayStopOptions = {}): Promise<GatewayStopReport> => {
    try {
      const deadlineMs = resolveStopDeadline(stopOptions);
      streams.stop();
      stopped ??= stopServing(server, exchanges, live, deadlineMs).finally(() => metrics.close());
      return stopped;
    } catch (error) {
      return Promise.reject(error);
    }
  };
  return {
    url: `http://${urlHost(address.address)}:${address.port}`,
    port: address.port,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Counts what it refuses. */
function countedGuard(guard: HostGuard, metrics: Pick<Metrics, 'countViolation'>): HostGuard {
  return (host, origin) => {
    try {
      guard(host, origin);
    } catch (error) {
      metrics.countViolation((error as GatewayError).code === 'GATEWAY_ORIGIN_REFUSED' ? 'origin' : 'host');
      throw error;
    }
  };
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => reject(listenFailed(cause, port, host));
    server.once('error', failed);
    server.listen({ port, host }, () => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    });
  });
}

function listenFailed(cause: NodeJS.ErrnoException, port: number, host: string): GatewayError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is in use; choose another port, or 0 for any free one`,
    EACCES: `port ${port} of ${host} may not be used by this user; ports from 1024 on usually may`,
    EADDRNOTAVAIL: `${host} is not an address of this machine; use 127.0.0.1, 0.0.0.0 for all of its addresses, or one of them`,
    ENOTFOUND: `the host name '${host}' is not known; give an address, or correct the name`,
  };
  const message = reasons[cause.code ?? ''] ?? `${host}:${port} cannot be listened on: ${cause.message}`;
  return new GatewayError('GATEWAY_LISTEN_FAILED', 0, message, { cause, data: { port, host, reason: cause.code } });
}

async function stopServing(server: Server, exchanges: Exchanges, live: Console | undefined, deadlineMs: number): Promise<GatewayStopReport> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([Promise.all([exchanges.stop(), live?.stop()]), late]);
  clearTimeout(timer);
  const aborted = exchanges.count;
  live?.terminate();
  server.closeAllConnections();
  await closed;
  return { complete: aborted === 0, aborted };
}

function urlHost(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return isIPv6(address) ? `[${address}]` : address;
}

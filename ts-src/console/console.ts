/**
 * The console of a gateway: puts its routes and its WebSockets together. Nothing is sampled while nobody looks. Made and ended by `gateway/gateway.ts`, which owns
 * the connections.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { NexusError } from '../errors.js';
import type { Serve } from '../gateway/exchange.js';
import { parseQuery, wholeParameter } from '../gateway/query.js';
import type { Route } from '../gateway/router.js';
import type { Logger } from '../model/agent-context.js';
import type { Clock } from '../ports/clock.js';
import { ConsoleActions } from './console-actions.js';
import type { ConsoleNexus } from './console-nexus.js';
import type { ResolvedConsoleOptions } from './console-options.js';
import { checkedId, consoleRoutes } from './console-routes.js';
import { type BeginSocket, ConsoleSockets } from './console-sockets.js';
import { followSocket } from './follow-socket.js';
import { liveSocket } from './live-socket.js';
import { checkOrigin } from './origin-check.js';
import type { PageAssets } from './page-assets.js';
import type { ConsoleSnapshot } from './protocol.js';
import { SnapshotSeries } from './snapshot-series.js';

const INTERVAL_DEFAULT_MS = 1000;
const INTERVAL_MIN_MS = 250;
const INTERVAL_MAX_MS = 60_000;

export interface ConsoleNeeds {
  readonly nexus: ConsoleNexus;
  readonly options: ResolvedConsoleOptions;
  readonly hostsAllowed: readonly string[];
  readonly assets: PageAssets;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A page of another site has tried. */
  countViolation(reason: 'origin'): void;
}

export class Console {
  readonly routes: readonly Route<Serve>[];
  readonly #needs: ConsoleNeeds;
  readonly #series: SnapshotSeries;
  readonly #sockets: ConsoleSockets;

  constructor(needs: ConsoleNeeds) {
    this.#needs = needs;
    const { nexus, options, assets, clock, logger } = needs;
    this.#series = new SnapshotSeries({ clock, snapshot: () => consoleSnapshot(nexus) });
    this.#sockets = new ConsoleSockets(options.clientsMax);
    const actions = new ConsoleActions({ nexus, options, logger, nowMs: () => clock.nowMs() });
    this.routes = consoleRoutes({ nexus, assets, series: this.#series, actions });
  }

  /** Whether a WebSocket may be asked for at this path. */
  hasSocket(path: string): boolean {
    return path === '/console/live' || path === '/console/follow';
  }

  /** Makes a WebSocket of a connection. @throws GatewayError or NexusError, before anything is written. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { nexus, hostsAllowed } = this.#needs;
    const { url = '', headers } = request;
    try {
      checkOrigin(headers.host, headers.origin, hostsAllowed);
    } catch (error) {
      this.#needs.countViolation('origin');
      throw error;
    }
    if (nexus.isStopping) throw new NexusError('NEXUS_STOPPED', 'the nexus is stopping or has stopped');
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    const search = end < 0 ? '' : url.slice(end + 1);
    const begin = path === '/console/live' ? this.#live(search) : this.#follow(search);
    this.#sockets.admit();
    this.#sockets.open(request, stream, head, begin);
  }

  stop(): Promise<void> {
    return this.#sockets.stop();
  }

  terminate(): void {
    this.#sockets.terminate();
  }

  #live(search: string): BeginSocket {
    const { intervalMs } = parseQuery(search, ['intervalMs']);
    const { nexus, version, logger, options } = this.#needs;
    const hasFlightRecord = typeof nexus.flightRecord === 'function';
    const needs = { series: this.#series, version, actions: options.actions, hasFlightRecord, logger };
    return liveSocket(needs, wholeParameter('intervalMs', intervalMs, INTERVAL_DEFAULT_MS, INTERVAL_MIN_MS, INTERVAL_MAX_MS));
  }

  #follow(search: string): BeginSocket {
    const id = checkedId(parseQuery(search, ['id']).id);
    return followSocket(this.#needs, id);
  }
}

/** Both at one moment, as far as two threads can. */
async function consoleSnapshot(nexus: ConsoleNexus): Promise<ConsoleSnapshot> {
  const snapshot = await nexus.snapshot();
  const cluster = nexus.cluster?.snapshot();
  return cluster === undefined ? snapshot : { ...snapshot, cluster };
}

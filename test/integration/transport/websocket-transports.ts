/** Transports of one process over WebSockets, whose connections a test can break. Nodes are called a and b, for their certificates are. */
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { openTransport } from '../../../dist/ts-src/cluster/transport/session-transport.js';
import type { TransportOptions } from '../../../dist/ts-src/cluster/transport/transport-options.js';
import { type NodeIdentity, nodeKey } from '../../../dist/ts-src/model/node-identity.js';
import { openProcessLinks } from '../../../dist/bindings/process-links.js';
import type { ProcessLink, ProcessLinkEvents, ProcessLinks } from '../../../dist/ts-src/ports/process-links.js';
import type { Wire, WireConnection, WireEvents } from '../../../dist/ts-src/ports/wire.js';
import type { TransportNetwork } from '../../../dist/ts-src/testing/conformance/transport-conformance.js';
import { HOST, type OpenOptions, websocketNetwork } from './websocket-network.js';

export interface TransportsOptions {
  readonly tls?: boolean;
  readonly wire?: OpenOptions;
  readonly transport?: Partial<TransportOptions>;
  /** Transports share memory, which a break of the connections breaks as well. */
  readonly sameHost?: boolean;
  /** What comes over the network comes so much later. Default 0. */
  readonly networkDelayMs?: number;
}

/** Of which the shared memory can be broken alone. */
export interface BreakableTransports extends TransportNetwork {
  breakLinks(): void;
}

export function websocketTransports({
  tls = false,
  wire: wireOptions = {},
  transport: more = {},
  sameHost = false,
  networkDelayMs = 0,
}: TransportsOptions = {}): BreakableTransports {
  const network = websocketNetwork();
  const transports: { close(deadlineMs?: number): Promise<void> }[] = [];
  const connections = new Set<WireConnection>();
  const links = new Set<() => void>();
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const breakLinks = (): void => {
    for (const breakLink of links) breakLink();
    links.clear();
  };
  return {
    async open(self: NodeIdentity) {
      const { wire } = tls
        ? network.open(`node-${self.name}`, { ...wireOptions, tls: { ...wireOptions.tls, serverName: 'nexus.test' } })
        : network.open(undefined, wireOptions);
      const events: string[] = [];
      const transport = await openTransport(
        {
          self: () => self,
          cluster: 'test',
          listen: { host: HOST, port: 0 },
          logger,
          ...(tls ? { serverName: 'nexus.test' } : {}),
          events: {
            opened: (node) => events.push(`opened ${nodeKey(node)}`),
            closed: (node, error) => events.push(`closed ${nodeKey(node)} ${(error as { code?: string } | undefined)?.code ?? ''}`.trim()),
          },
          ...more,
        },
        {
          ...{ clock: systemClock, random: Math.random, wire: watched(wire, connections, networkDelayMs) },
          ...(sameHost ? { sameHost: { links: watchedLinks(processLinks(), links) } } : {}),
        },
      );
      transports.push(transport);
      return { transport, events };
    },
    until: network.until,
    breakConnections() {
      for (const connection of connections) connection.terminate();
      connections.clear();
      breakLinks();
    },
    breakLinks,
    async close() {
      await Promise.all(transports.map((transport) => transport.close(0)));
      await network.close();
    },
  };
}

/** The same wire, of which all connections are known. */
function watched(wire: Wire, connections: Set<WireConnection>, delayMs: number): Wire {
  const noted = (connection: WireConnection): WireConnection => {
    connections.add(connection);
    return delayMs === 0 ? connection : delayed(connection, delayMs);
  };
  return {
    listen: (address, accept) => wire.listen(address, (connection) => accept(noted(connection))),
    dial: (address, timeoutMs, events) => wire.dial(address, timeoutMs, { ...events, opened: (connection) => events.opened(noted(connection)) }),
    close: () => wire.close(),
  };
}

/** The same connection, of which everything that comes is told later, in its order. */
function delayed(connection: WireConnection, delayMs: number): WireConnection {
  const later = (call: () => void): void => void setTimeout(call, delayMs);
  return new Proxy(connection, {
    get(target, name) {
      if (name === 'listen')
        return (events: WireEvents) =>
          target.listen({
            received: (bytes) => {
              const copy = bytes.slice();
              later(() => events.received(copy));
            },
            drained: () => events.drained(),
            closed: (reason) => later(() => events.closed(reason)),
          });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function processLinks(): ProcessLinks {
  const { links, reason } = openProcessLinks(20);
  if (links === undefined) throw new Error(reason);
  return links;
}

/** The same links, of which each can be broken, as if its socket had failed. */
function watchedLinks(links: ProcessLinks, breakers: Set<() => void>): ProcessLinks {
  const noted = (link: ProcessLink): ProcessLink => {
    let events: ProcessLinkEvents | undefined;
    const breakLink = (): void => {
      link.end();
      events?.closed(new Error('broken by the test'));
    };
    breakers.add(breakLink);
    return {
      listen: (each) => {
        events = each;
        link.listen(each);
      },
      send: (bytes) => link.send(bytes),
      offer: (bytes) => link.offer(bytes),
      accept: () => link.accept(),
      write: (lane, bytes, moreFollows) => link.write(lane, bytes, moreFollows),
      finishLane: (lane) => link.finishLane(lane),
      end: () => {
        breakers.delete(breakLink);
        events = undefined;
        link.end();
      },
    };
  };
  return {
    place: links.place,
    listen: (name, accepted) => links.listen(name, (link) => accepted(noted(link))),
    connect: (name) => {
      const link = links.connect(name);
      return link instanceof Error ? link : noted(link);
    },
    close: () => links.close(),
  };
}

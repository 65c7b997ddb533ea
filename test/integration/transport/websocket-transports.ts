/** Transports of one process over WebSockets, whose connections a test can break. Nodes are called a and b, for their certificates are. */
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { openTransport } from '../../../dist/ts-src/cluster/transport/session-transport.js';
import type { TransportOptions } from '../../../dist/ts-src/cluster/transport/transport-options.js';
import { type NodeIdentity, nodeKey } from '../../../dist/ts-src/model/node-identity.js';
import type { Wire, WireConnection } from '../../../dist/ts-src/ports/wire.js';
import type { TransportNetwork } from '../../../dist/ts-src/testing/conformance/transport-conformance.js';
import { HOST, type OpenOptions, websocketNetwork } from './websocket-network.js';

export interface TransportsOptions {
  readonly tls?: boolean;
  readonly wire?: OpenOptions;
  readonly transport?: Partial<TransportOptions>;
}

export function websocketTransports({ tls = false, wire: wireOptions = {}, transport: more = {} }: TransportsOptions = {}): TransportNetwork {
  const network = websocketNetwork();
  const transports: { close(deadlineMs?: number): Promise<void> }[] = [];
  const connections = new Set<WireConnection>();
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
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
        { clock: systemClock, random: Math.random, wire: watched(wire, connections) },
      );
      transports.push(transport);
      return { transport, events };
    },
    until: network.until,
    breakConnections() {
      for (const connection of connections) connection.terminate();
      connections.clear();
    },
    async close() {
      await Promise.all(transports.map((transport) => transport.close(0)));
      await network.close();
    },
  };
}

/** The same wire, of which all connections are known. */
function watched(wire: Wire, connections: Set<WireConnection>): Wire {
  const noted = (connection: WireConnection): WireConnection => {
    connections.add(connection);
    return connection;
  };
  return {
    listen: (address, accept) => wire.listen(address, (connection) => accept(noted(connection))),
    dial: (address, timeoutMs, events) => wire.dial(address, timeoutMs, { ...events, opened: (connection) => events.opened(noted(connection)) }),
    close: () => wire.close(),
  };
}

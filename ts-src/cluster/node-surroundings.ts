/** What makes a nexus a node of a cluster on the machine: its membership on a thread of its own, its transport on the calling one. */
import { systemClock } from '../adapters/system-clock.js';
import { createWebsocketWire } from '../adapters/websocket/websocket-wire.js';
import type { ClusterSurroundings, OpenTransport, TransportNeeds } from './cluster-surroundings.js';
import { openMembershipThread } from './membership-thread.js';
import { NodeParts } from './node-parts.js';
import { openTransport } from './transport/session-transport.js';

export const nodeSurroundings: ClusterSurroundings = {
  clock: systemClock,
  watchesEventLoops: true,
  openMembership: openMembershipThread,
  openTransport: openNodeTransport,
  openParts: (needs) => new NodeParts({ ...needs, clock: systemClock, random: Math.random }),
};

async function openNodeTransport({ options, self, advertise, logger, events, references }: TransportNeeds): Promise<OpenTransport> {
  const { name, listen, tls } = options;
  const wire = createWebsocketWire({ ...(tls === undefined ? {} : { tls }), logger, clock: systemClock });
  try {
    const transport = await openTransport(
      {
        ...{ self, cluster: name, advertise, serverName: tls?.serverName, logger, events },
        listen: { host: listen.host, port: listen.dataPort },
        references,
      },
      { clock: systemClock, random: Math.random, wire },
    );
    return {
      transport,
      async close(deadlineMs) {
        await transport.close(deadlineMs);
        await wire.close();
      },
    };
  } catch (error) {
    await wire.close();
    throw error;
  }
}

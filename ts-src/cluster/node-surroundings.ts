/** What makes a nexus a node of a cluster on the machine: its membership on a thread of its own, its transport on the calling one. */
import { systemClock } from '../adapters/system-clock.js';
import { openProcessLinks } from '../../bindings/process-links.js';
import { createWebsocketWire } from '../adapters/websocket/websocket-wire.js';
import type { EngineReport } from '../ports/engine.js';
import type { ClusterSurroundings, OpenTransport, SameHostSurroundings, TransportNeeds } from './cluster-surroundings.js';
import { openMembershipThread } from './membership-thread.js';
import { NodeParts } from './node-parts.js';
import { openTransport } from './transport/session-transport.js';

/** @param engine of the nexus @param spinMicroseconds how long it looks for more from another process, as from another thread */
export function nodeSurroundings(engine: EngineReport, spinMicroseconds: number): ClusterSurroundings {
  return {
    clock: systemClock,
    watchesEventLoops: true,
    openMembership: openMembershipThread,
    openTransport: (needs) => openNodeTransport(needs, sameHostOf(engine, spinMicroseconds, needs.options.sameHost)),
    openParts: (needs) => new NodeParts({ ...needs, clock: systemClock, random: Math.random }),
  };
}

/** Memory to share with other processes, or why there is none. */
function sameHostOf({ kind, reason }: EngineReport, spinMicroseconds: number, isAllowed: boolean): SameHostSurroundings {
  if (!isAllowed) return { reason: 'the option cluster.sameHost is false', isWanted: false };
  if (kind !== 'native') return { reason: `shared memory between processes needs the native engine, and the ${kind} one runs: ${reason}` };
  return openProcessLinks(spinMicroseconds);
}

async function openNodeTransport(
  { options, self, advertise, logger, events, references }: TransportNeeds,
  sameHost: SameHostSurroundings,
): Promise<OpenTransport> {
  const { name, listen, tls } = options;
  const wire = createWebsocketWire({ ...(tls === undefined ? {} : { tls }), logger, clock: systemClock });
  try {
    const transport = await openTransport(
      {
        ...{ self, cluster: name, advertise, serverName: tls?.serverName, logger, events },
        listen: { host: listen.host, port: listen.dataPort },
        references,
      },
      { clock: systemClock, random: Math.random, wire, sameHost },
    );
    return {
      transport,
      async close(deadlineMs) {
        await transport.close(deadlineMs);
        await wire.close();
      },
    };
  } catch (error) {
    sameHost.links?.close();
    await wire.close();
    throw error;
  }
}

/** Joins the copies of durable state to the thread that has them. */
import type { Logger } from '../../model/agent-context.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import type { Transport } from '../../ports/transport.js';
import { DURABLE_LIFE } from '../../runtime/remote/agent-life.js';
import { isGeneratedId } from '../../runtime/remote/node-placing.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import type { Routing } from '../agents/routing.js';
import type { NodeStorage } from '../node-parts.js';
import { NodeCopies } from './node-copies.js';

export interface OpenCopiesNeeds {
  readonly host: ThreadHost;
  readonly registry: Registry;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly copies: number;
  readonly routing: Routing;
}

export function openCopies({ host, routing, ...needs }: OpenCopiesNeeds, storage: NodeStorage): NodeCopies {
  const { durable } = host;
  const copies = new NodeCopies({
    ...needs,
    placing: () => host.placing,
    storage: storage.openThread(),
    isShared: storage.isShared,
    // Also for kinds that this node does not know: their agents are of whoever made up their ids.
    isOfCluster: (kind, id) => host.kinds.find(kind)?.isOfNode !== true && !isGeneratedId(kind, id),
    claimed(id, token) {
      // What this node has sent elsewhere meanwhile comes before what it sends from now on.
      const route = routing.known(id, DURABLE_LIFE);
      if (route?.peer === undefined) return;
      if (route.peer.isGone) routing.stays(id, DURABLE_LIFE);
      else routing.movedTo(id, DURABLE_LIFE, route.node, needs.registry.self, token);
    },
    remindersChanged: (dueEpochMs) => durable?.service?.added(dueEpochMs),
  });
  if (durable !== undefined) durable.cluster = copies;
  return copies;
}

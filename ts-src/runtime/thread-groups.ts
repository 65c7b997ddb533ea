/** Joins the groups of a thread to its table, its entries and its clock. Made by `thread-host.ts`, with the thread. */
import { Status } from './agent-cell.js';
import { Groups } from './groups.js';
import type { MemberLoads } from './member-loads.js';
import { nodesKnow } from './remote/nodes-know.js';
import type { ThreadHost } from './thread-host.js';

export function groupsOf(host: ThreadHost, loads: MemberLoads, random: () => number): Groups {
  const { shared, entries, clock, logger, engine } = host;
  return new Groups({
    ...{ shared, loads, entries, clock, logger, random, table: engine.table },
    referenceOf: (cell) => host.referenceOf(cell),
    isArriving: (slot, generation) => host.cells.get(slot, generation)?.status === Status.arriving,
    ringIdOf: (cell) => (cell.kind.isOfNode && host.placing !== undefined ? `${host.placing.node} ${host.nameOf(cell.slot, cell.generation)}` : undefined),
    nodesKnow: () => nodesKnow(host, true),
  });
}

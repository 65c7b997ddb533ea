/** What a thread does about ties of its agents to those of other nodes, mostly when one of those asks: the part of `runtime-calls.ts` that is about them. */
import { extraOf, onArrival, Status } from '../agent-cell.js';
import type { AgentReference } from '../agent-reference.js';
import type { SystemCalls, TieFromNode } from '../system-calls.js';
import type { ThreadHost } from '../thread-host.js';

const TIMEOUT_MS = 86_400_000;

export function tieCalls(host: ThreadHost): Pick<SystemCalls, 'nameForNodes' | 'tieFromNode' | 'untieFromNode' | 'endedOnNode' | 'describeFromNode'> {
  /** Thread of an agent that has moved since the call was sent here; -1 for one that is here or nowhere. */
  const elsewhere = (agent: AgentReference): number => (host.cells.get(agent.slot, agent.generation) === undefined ? host.departures.threadOf(agent) : -1);
  return {
    nameForNodes({ slot, generation, life }) {
      const cell = host.cells.get(slot, generation);
      if (cell !== undefined && cell.status < Status.stopped) extraOf(cell).nodeName ??= host.nodeTies.nameWith(host.referenceOf(cell), life);
    },
    tieFromNode(call) {
      const { target } = call;
      const to = elsewhere(target);
      if (to >= 0) return host.router.request(to, 'tieFromNode', call, TIMEOUT_MS, { kind: 'agent', id: target.id });
      const cell = host.cells.get(target.slot, target.generation);
      if (cell?.status === Status.arriving) return new Promise((resolve) => onArrival(cell, () => resolve(this.tieFromNode(call))));
      return tieHere(host, call);
    },
    untieFromNode(call) {
      const { target, other, tie } = call;
      const to = elsewhere(target);
      if (to >= 0) return host.router.call(to, 'untieFromNode', call);
      const cell = host.cells.get(target.slot, target.generation);
      if (cell === undefined) return;
      if (tie === 'watch') host.watches.removeWatcher(cell, other);
      else host.supervision.links.unlinked(target, other);
    },
    endedOnNode(call) {
      const { target, ended, reason, tie } = call;
      const to = elsewhere(target);
      if (to >= 0) return host.router.call(to, 'endedOnNode', call);
      const cell = host.cells.get(target.slot, target.generation);
      if (cell === undefined) return;
      if (tie === 'watch') host.watches.terminatedOnNode(cell, ended, reason);
      else if (tie === 'link') host.supervision.links.linkedEndedOnNode(target, ended, reason);
      else host.supervision.ofNodes.childEnded(cell, ended, reason);
    },
    describeFromNode: ({ agents, limits }) => host.supervision.describing.agentsOfAll(agents, limits),
  };
}

function tieHere(host: ThreadHost, { tie, target, life, other, isNew }: TieFromNode): number | undefined {
  const cell = host.cells.get(target.slot, target.generation);
  if (cell === undefined || cell.status >= Status.stopped) return undefined;
  const { watches, supervision } = host;
  if (tie === 'watch' && isNew) watches.addWatcher(cell, other, life);
  const isTied =
    tie === 'watch'
      ? watches.hasWatcher(cell, other)
      : tie === 'link'
        ? supervision.links.linkedFromNode(cell, other, life, isNew)
        : tie === 'child'
          ? supervision.ofNodes.adopted(cell, other, life, isNew)
          : supervision.ofNodes.isParentOf(cell, other);
  return isTied ? (other.remote?.life ?? 0) : undefined;
}

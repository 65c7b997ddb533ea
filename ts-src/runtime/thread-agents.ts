/**
 * Joins the parts of a thread that are about agents and what they are to one another (their ends, parents, watches and places) to its tables, links and mailboxes.
 * Called by `thread-host.ts`, with the thread; decides nothing.
 */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { type AgentCell, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { Turns } from '../ports/turns.js';
import { Dispatcher } from './dispatcher.js';
import type { DispatcherNeeds } from './dispatcher-needs.js';
import type { DurableAgents } from './durable/durable-agents.js';
import type { MemberLoads } from './member-loads.js';
import { systemActions } from './message-receiver.js';
import { Lifecycle, type LifecycleNeeds } from './lifecycle.js';
import { Lineage } from './lineage.js';
import { markCongested, markEnding } from './record-word.js';
import { sendableReason } from './remote-reply.js';
import { isOfCluster, type NodePlacing } from './remote/node-placing.js';
import { Spawning } from './spawning.js';
import { Stopping } from './stopping.js';
import type { ThreadHost } from './thread-host.js';
import { Watches } from './watches.js';

/** Of a request whose caller has a deadline of its own, and wants to know what became of it even after that. */
const REQUEST_TIMEOUT_MS = 86_400_000;

/** @param loads what the members of groups have to do */
export function dispatcherOf(host: ThreadHost, loads: MemberLoads, turns: Turns, needs: Pick<DispatcherNeeds, 'turnTook' | 'afterDrain'>): Dispatcher {
  const { shared, clock } = host;
  return new Dispatcher(
    {
      ...needs,
      loads,
      flight: host.flight,
      nowMs: () => clock.nowMs(),
      contextOf: (cell, sender) => host.contextOf(cell, sender),
      failed: (cell, error, action) => host.lifecycle.failed(cell, error, action),
      system: (cell, action, _input, reply) => systemActions.run(host, cell, action, reply),
      stopRequested: (cell) => host.lifecycle.stop(cell, { type: 'stopped' }),
      deadLetter: (reason, cell, action) => host.deadLetters.record(reason, cell.kind.name, () => host.nameOf(cell.slot, cell.generation), action.name, cell),
      nameOf: (cell) => host.nameOf(cell.slot, cell.generation),
      congested: (cell, isCongested) => {
        markCongested(shared, cell.slot, isCongested);
        if (isCongested) host.observation.activity?.congested(cell);
      },
      follow: (cell, action, input, reply, sender) => host.router.follow(cell, action, input, reply, sender),
      sendDurable: (cell, action, input, reply, sender) => (host.durable as DurableAgents).refused(cell, action, input, reply, sender),
      observer: () => host.observation.observer(),
      runUntilMs: shared.doubles.subarray(L.HEADER_WORD_RUN_UNTIL / 2),
    },
    turns,
  );
}

export function lifecycleOf(host: ThreadHost, needs: Pick<LifecycleNeeds, 'encodeInit' | 'decodeInit' | 'random' | 'agentFailed'>): Lifecycle {
  const { shared, thread, clock, logger } = host;
  const startingAt = threadWord(shared, thread) + L.THREAD_WORD_STARTING;
  return new Lifecycle({
    ...needs,
    isStopping: () => host.isStopping,
    table: host.engine.table,
    cells: host.cells,
    dispatcher: host.dispatcher,
    clock,
    logger,
    keepInitInTable: thread !== 0,
    markEnding: (slot) => markEnding(shared, slot, true),
    markStarting: (slot, cell) => {
      if (cell !== undefined) host.flight?.starting(cell);
      const before = shared.words[startingAt] as number;
      shared.words[startingAt] = slot;
      return before;
    },
    contextOf: (cell) => host.contextOf(cell, undefined),
    started: (cell) => {
      if (cell.kind.definition?.groups !== undefined) host.groups.started(cell);
      host.observation.events.started(cell);
    },
    ended: (cell, reason) => {
      host.flight?.stopped(cell, reason);
      host.observation.events.stopped(cell, reason);
      if (host.placing !== undefined) tellPlacing(host, host.placing, cell);
      // What follows is of ties, which an agent without extra does not have.
      if (cell.extra === undefined) return;
      host.observation.followed?.ended(cell, reason);
      host.watches.ended(cell, reason);
      host.supervision.links.ended(cell, reason);
      host.lineage.leaveParent(cell, reason);
    },
    begin: (cell) => host.signals.begin(cell),
    forget: (cell) => {
      host.watches.forget(cell);
      host.signals.forget(cell);
      host.groups.leaveAll(cell);
      if (cell.extra?.hadTimers !== true) return;
      cell.extra.hadTimers = false;
      host.timers.cancelAll(cell);
      host.dispatcher.dropTimerMessages(cell);
    },
    escalate: (cell, error) => host.lineage.escalate(cell, error),
    reportFailure: (cell, error, escalates) => host.supervision.childFailed(cell, error, escalates),
    endSupervised: (supervisor) => host.supervision.supervisors.end(supervisor),
    durable: () => host.durable,
  });
}

/** In a node of a cluster: an id may be free again. */
function tellPlacing(host: ThreadHost, placing: NodePlacing, cell: AgentCell): void {
  const id = host.nameOf(cell.slot, cell.generation);
  if (id !== undefined && isOfCluster(placing, cell.kind, id)) placing.ended(id);
}

export function stoppingOf(host: ThreadHost, timeoutMs: number, agentCountChanged: () => void): Stopping {
  const { thread, clock, lifecycle, dispatcher, links, router } = host;
  const addressOf = ({ slot, generation }: AgentReference): { readonly slot: number; readonly generation: number } => ({ slot, generation });
  return new Stopping({
    thread,
    timeoutMs,
    clock,
    lifecycle,
    dispatcher,
    cellOf: (agent) => cellOf(host, agent),
    reachableThreadOf: (agent) => {
      const owner = threadOf(host, agent);
      return owner >= 0 && links.canReach(owner) ? owner : -1;
    },
    requestStop: (to, agent, limitMs) => router.request(to, 'stopAgent', addressOf(agent), limitMs, agent),
    requestWhenEnded: (to, agent, limitMs) => router.request(to, 'whenEnded', addressOf(agent), limitMs, agent),
    agentCountChanged,
    leaveGroups: (cell) => host.groups.leaveBeforeEnd(cell),
  });
}

export function lineageOf(host: ThreadHost, escalateToThread: (cell: AgentCell, error: unknown) => void): Lineage {
  const { thread, lifecycle, supervision, router, nodeTies } = host;
  return new Lineage({
    thread,
    nodes: nodeTies,
    ofNodes: supervision.ofNodes,
    cellOf: (agent) => cellOfTied(host, agent),
    threadOf: (agent) => threadOfTied(host, agent),
    failed: (cell, error) => lifecycle.failed(cell, error, undefined),
    supervision,
    sendEscalate: (to, parent, error) => router.call(to, 'escalate', { parent, error }),
    escalateToThread,
  });
}

export function watchesOf(host: ThreadHost): Watches {
  const { thread, router, dispatcher, nodeTies, clock } = host;
  return new Watches({
    ...{ thread, clock },
    nodes: nodeTies,
    cellOf: (agent) => cellOfTied(host, agent),
    threadOf: (agent) => threadOfTied(host, agent),
    referenceOf: (cell) => host.referenceOf(cell),
    sendWatch: (to, target, watcher) => router.call(to, 'watch', { target, watcher }),
    sendUnwatch: (to, target, watcher) => router.call(to, 'unwatch', { target, watcher }),
    sendTerminated: (to, watcher, { ref, id, reason }) =>
      router.call(to, 'terminated', { watcher, ref: ref as AgentReference, id, reason: sendableReason(reason) }),
    deliver: (watcher, ended) => {
      const { onTerminated } = watcher.kind;
      if (onTerminated !== undefined) dispatcher.enqueueSystem(watcher, onTerminated, ended, undefined);
    },
  });
}

export function spawningOf(host: ThreadHost, incarnation: number): Spawning {
  const { thread, shared, kinds, logger, clock, links, directory, stopping, router } = host;
  return new Spawning({
    thread,
    incarnation,
    shared,
    kinds,
    logger,
    isStopping: () => host.isStopping,
    canReach: (to) => links.canReach(to),
    clock,
    find: (id, definition) => directory.find(id, definition),
    findEnding: (id) => directory.findEnding(id),
    whenEnded: (agent, timeoutMs) => stopping.whenEnded(agent, timeoutMs),
    spawnHere: (kind, id, init, parent, timeoutMs, isComing) => host.spawnHere(kind, id, init, parent, timeoutMs, isComing),
    spawnThere: (to, kind, id, init, parent, timeoutMs, isComing) =>
      router.request(to, 'spawn', { kind: kind.index, id, init, parent, timeoutMs, isComing }, REQUEST_TIMEOUT_MS, { kind: kind.name, id }),
    referenceOf: (cell) => host.referenceOf(cell),
    holderOf: (id, parent) => directory.holderOf(id, parent),
    isLive: (agent) => threadOf(host, agent) >= 0,
    adoptFromNode: (parent, child) => host.supervision.ofNodes.adopt(parent, child),
    placing: () => host.placing,
  });
}

/** The agent, if it is of this thread: not one that may come, and is another's until then. */
export function cellOf({ cells, engine, thread }: ThreadHost, { slot, generation }: AgentReference): AgentCell | undefined {
  const cell = cells.get(slot, generation);
  return cell?.status === Status.arriving && engine.table.threadOf(slot, generation) !== thread ? undefined : cell;
}

function threadOf({ engine }: ThreadHost, { slot, generation }: AgentReference): number {
  return engine.table.threadOf(slot, generation);
}

/** As `cellOf`, also by the address that it had here before it left the node and came home. */
export function cellOfTied(host: ThreadHost, agent: AgentReference): AgentCell | undefined {
  const cell = cellOf(host, agent);
  const { slot, generation } = agent;
  if (cell !== undefined || host.nodeTies.leads(agent) || agent.isAt(slot, generation)) return cell;
  return cellOf(host, agent);
}

/** -1 also for one that has left this node, whose address is found for a while. */
export function threadOfTied(host: ThreadHost, agent: AgentReference): number {
  return host.nodeTies.leads(agent) ? -1 : threadOf(host, agent);
}

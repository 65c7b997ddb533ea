/** What one thread's runtime does for the others: the system calls, carried out on its host. */
import { Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { nexusStopped } from './failures.js';
import { handleThreadLoss } from './recovery.js';
import type { Quiet, SystemCalls } from './system-calls.js';
import type { ThreadHost } from './thread-host.js';

/** Calls that only the calling thread, where the listeners are, can carry out. */
export type OutwardCalls = Pick<SystemCalls, 'deadLetter' | 'signal' | 'log' | 'agentFailed'>;

export function runtimeCalls(host: ThreadHost, outward: OutwardCalls): SystemCalls {
  return {
    ...outward,
    spawn({ kind, id, init, parent, timeoutMs }) {
      if (host.isStopping) throw nexusStopped();
      return host.spawnHere(host.kinds.byIndex(kind), id, init, parent, timeoutMs);
    },
    stopAgent({ slot, generation }) {
      const cell = host.cells.get(slot, generation);
      return cell === undefined ? undefined : host.stopping.stopHere(cell);
    },
    whenEnded: ({ slot, generation }) => host.lifecycle.whenEnded(host.cells.get(slot, generation)),
    watch({ target, watcher }) {
      const cell = host.cells.get(target.slot, target.generation);
      if (cell !== undefined) return host.watches.addWatcher(cell, watcher);
      const thread = host.engine.table.threadOf(watcher.slot, watcher.generation);
      if (thread >= 0 && thread !== host.thread) host.router.call(thread, 'terminated', { watcher, ref: target, id: target.id, reason: { type: 'notFound' } });
    },
    unwatch({ target, watcher }) {
      const cell = host.cells.get(target.slot, target.generation);
      if (cell !== undefined) host.watches.removeWatcher(cell, watcher);
    },
    terminated({ watcher, ref, id, reason }) {
      const cell = host.cells.get(watcher.slot, watcher.generation);
      if (cell !== undefined) host.watches.terminated(cell, { ref, id, reason });
    },
    childRestored({ parent, child }) {
      const cell = host.cells.get(parent.slot, parent.generation);
      if (cell !== undefined && cell.status < Status.stopping && cell.extra?.children?.get(child.slot)?.equals(child) === true) return;
      void child.stop().catch((error: unknown) => host.logger.warn({ child: child.id, error }, 'a child that came back without a parent did not end'));
    },
    childEnded({ parent, slot, child, reason }) {
      host.lineage.childEnded(parent, slot);
      const cell = host.cells.get(parent.slot, parent.generation);
      if (cell !== undefined && child !== undefined && reason !== undefined) host.supervision.supervisors.childEnded(cell, child, reason);
    },
    childFailed({ parent, child, error, escalates }) {
      const cell = host.cells.get(parent.slot, parent.generation);
      if (cell !== undefined) host.supervision.supervisors.childFailed(cell, child, error, escalates);
    },
    endChild: ({ slot, generation, keep, error, timeoutMs }) => host.supervision.agents.end(host.cells.get(slot, generation), keep, error, timeoutMs),
    startChild: ({ slot, generation, timeoutMs }) => host.supervision.agents.start(host.cells.get(slot, generation), timeoutMs),
    link: ({ target, other }) => host.supervision.links.linked(target, other),
    unlink: ({ target, other }) => host.supervision.links.unlinked(target, other),
    linkedEnded: ({ target, ended, id, reason }) => host.supervision.links.linkedEnded(target, ended, id, reason),
    describeThread: (limits) => host.supervision.describing.thread(limits),
    describeAgents: ({ agents, limits }) => host.supervision.describing.agents(agents, limits),
    escalate: ({ parent, error }) => host.lineage.escalateTo(parent, error),
    threadLost: ({ thread, replaced }) => handleThreadLoss(host, thread, replaced),
    entriesChanged: (changes) => host.entries.received(changes),
    roundTrip: () => undefined,
    quiet: () => quiet(host),
    shutdown: () => stopAllAgents(host),
  };
}

/** Whether anything waits or runs. Agents go on as usual, but for their timers, which would keep a thread from ever being quiet. */
export function quiet(host: ThreadHost): Quiet {
  for (const cell of host.cells) {
    if (cell.extra?.timers !== undefined) host.timers.cancelAll(cell);
  }
  const { dispatcher, lifecycle, router } = host;
  return { idle: dispatcher.isIdle && host.links.waiting === 0, activity: dispatcher.handled + dispatcher.failures + router.sentLocal + lifecycle.spawned };
}

/** Ids of agents of this thread whose async handlers hold their other messages back, up to `namesMax`. */
export function busyAgents(host: ThreadHost, namesMax: number): string[] {
  const names: string[] = [];
  for (const cell of host.cells) {
    if (names.length >= namesMax) break;
    if (cell.status === Status.busy) names.push(host.nameOf(cell.slot, cell.generation) ?? cell.kind.name);
  }
  return names;
}

export async function stopAllAgents(host: ThreadHost): Promise<void> {
  host.isStopping = true;
  const ending: Promise<void>[] = [];
  for (const cell of [...host.cells]) {
    ending.push(new Promise((resolve) => host.lifecycle.whenStopped(cell, resolve)));
    // Children end with their parents, before them.
    if (cell.extra?.parent === undefined) host.lifecycle.stop(cell, { type: 'shutdown' });
  }
  for (const cell of [...host.cells]) {
    const parent: AgentReference | undefined = cell.extra?.parent;
    if (parent === undefined || host.cells.get(parent.slot, parent.generation) !== undefined) continue;
    // Its parent is on another thread, which does the same now. A supervisor ends its children itself, in their order.
    const isEndedByParent = parent.kindEntry.isSupervisor && host.engine.table.threadOf(parent.slot, parent.generation) >= 0;
    if (!isEndedByParent) host.lifecycle.stop(cell, { type: 'shutdown' });
  }
  await Promise.all(ending);
  // What the agents have left to do may be their work.
  await host.supervision.services.stop();
}

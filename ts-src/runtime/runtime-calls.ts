/** What one thread's runtime does for the others: the system calls, carried out on its host. */
import { NexusError } from '../errors.js';
import { Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { DurableAgents } from './durable/durable-agents.js';
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
    childEnded: ({ parent, slot }) => host.lineage.childEnded(parent, slot),
    escalate: ({ parent, error }) => host.lineage.escalateTo(parent, error),
    threadLost: ({ thread, replaced }) => handleThreadLoss(host, thread, replaced),
    entriesChanged: (changes) => host.entries.received(changes),
    roundTrip: () => undefined,
    bringBack: ({ kind, id }) => durableOf(host).activations.startHere(host.kinds.byIndex(kind), id),
    forget: ({ slot, generation }) => durableOf(host).forgetHere(slot, generation),
    remind: (reminder) => durableOf(host).remind(reminder),
    reminderSet: ({ dueEpochMs }) => host.durable?.service?.added(dueEpochMs),
    quiet: () => quiet(host),
    shutdown: () => stopAllAgents(host),
  };
}

/** Threads make these calls only about durable agents, of which there are none without storage. */
function durableOf(host: ThreadHost): DurableAgents {
  if (host.durable === undefined) throw new NexusError('NEXUS_STORE_UNAVAILABLE', 'this nexus has no storage');
  return host.durable;
}

/** Whether anything waits or runs. Agents go on as usual, but for their timers, which would keep a thread from ever being quiet. */
export function quiet(host: ThreadHost): Quiet {
  host.durable?.service?.stop();
  for (const cell of host.cells) {
    if (cell.extra?.timers !== undefined) host.timers.cancelAll(cell);
  }
  const { dispatcher, lifecycle, router } = host;
  return {
    idle: dispatcher.isIdle && host.links.waiting === 0 && host.durable?.isIdle !== false,
    activity: dispatcher.handled + dispatcher.failures + router.sentLocal + lifecycle.spawned,
  };
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

/** Rejects if the state of some agent could not be stored. */
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
    // Its parent is on another thread, which does the same now.
    if (parent !== undefined && host.cells.get(parent.slot, parent.generation) === undefined) host.lifecycle.stop(cell, { type: 'shutdown' });
  }
  await Promise.all(ending);
  await host.durable?.finish();
}

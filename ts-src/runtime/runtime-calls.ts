/** What one thread's runtime does for the others: the system calls, carried out on its host. */
import { readActivity } from './activity.js';
import { type AgentCell, onArrival, Status } from './agent-cell.js';
import { NexusError, quoted } from '../errors.js';
import type { AgentReference } from './agent-reference.js';
import type { ClusterStates } from './durable/cluster-states.js';
import type { DurableAgents } from './durable/durable-agents.js';
import { copyForWorker } from './durable/worker-states.js';
import { followHere } from './followed.js';
import { nexusStopped, threadLost } from './failures.js';
import { inspectHere } from './inspecting.js';
import { isPaused, pauseHere } from './pausing.js';
import { handleThreadLoss } from './recovery.js';
import { remoteCalls } from './remote/remote-calls.js';
import { arrive } from './remote/node-arrivals.js';
import type { NodePlacing } from './remote/node-placing.js';
import { tieCalls } from './remote/tie-calls.js';
import { nodeNamed } from './remote/worker-placing.js';
import type { Quiet, SystemCalls } from './system-calls.js';
import type { ThreadHost } from './thread-host.js';
import { passivateIdle, watchAgents } from './thread-relief.js';

/** Of a call that goes on to another thread: its caller has a deadline of its own. */
const FORWARDED_TIMEOUT_MS = 86_400_000;

/** Paused agents of a thread that are named to whoever stops the nexus. */
const PAUSED_NAMED_MAX = 10;

/** Calls that only the calling thread, where the listeners are, can carry out. */
export type OutwardCalls = Pick<SystemCalls, 'deadLetter' | 'log' | 'agentFailed'>;

export function runtimeCalls(host: ThreadHost, outward: OutwardCalls): SystemCalls {
  /** Thread of an agent that has moved since the call about it was sent here; -1 for one that is here or nowhere. */
  const elsewhere = (agent: { readonly slot: number; readonly generation: number }): number =>
    host.cells.get(agent.slot, agent.generation) === undefined ? host.departures.threadOf(agent) : -1;
  return {
    ...outward,
    ...remoteCalls(host),
    spawn({ kind, id, init, parent, timeoutMs, isComing }) {
      if (host.isStopping) throw nexusStopped();
      return host.spawnHere(host.kinds.byIndex(kind), id, init, parent, timeoutMs, isComing);
    },
    stopAgent({ slot, generation }) {
      const to = elsewhere({ slot, generation });
      if (to >= 0) return host.router.request(to, 'stopAgent', { slot, generation }, FORWARDED_TIMEOUT_MS, { kind: 'agent', id: String(slot) });
      const cell = host.cells.get(slot, generation);
      return cell === undefined ? undefined : host.stopping.stopHere(cell);
    },
    whenEnded({ slot, generation }) {
      const to = elsewhere({ slot, generation });
      if (to >= 0) return host.router.request(to, 'whenEnded', { slot, generation }, FORWARDED_TIMEOUT_MS, { kind: 'agent', id: String(slot) });
      return host.lifecycle.whenEnded(host.cells.get(slot, generation));
    },
    watch({ target, watcher }) {
      const cell = host.cells.get(target.slot, target.generation);
      if (cell !== undefined) return host.watches.addWatcher(cell, watcher);
      const to = elsewhere(target);
      if (to >= 0) return host.router.call(to, 'watch', { target, watcher });
      if (host.nodeTies.leads(target)) return void host.watches.watchElsewhere(target, watcher);
      const thread = host.engine.table.threadOf(watcher.slot, watcher.generation);
      if (thread >= 0 && thread !== host.thread) host.router.call(thread, 'terminated', { watcher, ref: target, id: target.id, reason: { type: 'notFound' } });
    },
    unwatch({ target, watcher }) {
      const cell = host.cells.get(target.slot, target.generation);
      if (cell !== undefined) return host.watches.removeWatcher(cell, watcher);
      const to = elsewhere(target);
      if (to >= 0) host.router.call(to, 'unwatch', { target, watcher });
    },
    terminated({ watcher, ref, id, reason }) {
      const cell = host.cells.get(watcher.slot, watcher.generation);
      if (cell !== undefined) return host.watches.terminated(cell, { ref, id, reason });
      const to = elsewhere(watcher);
      if (to >= 0) host.router.call(to, 'terminated', { watcher, ref, id, reason });
    },
    childRestored({ parent, child }) {
      const to = elsewhere(parent);
      if (to >= 0) return host.router.call(to, 'childRestored', { parent, child });
      const cell = host.cells.get(parent.slot, parent.generation);
      if (cell?.status === Status.arriving) return onArrival(cell, () => this.childRestored({ parent, child }));
      if (cell !== undefined && cell.status < Status.stopping && cell.extra?.children?.get(child.slot)?.equals(child) === true) return;
      void child.stop().catch((error: unknown) => host.logger.warn({ child: child.id, error }, 'a child that came back without a parent did not end'));
    },
    childEnded(call) {
      const { parent, slot, child, reason } = call;
      const to = elsewhere(parent);
      if (to >= 0) return host.router.call(to, 'childEnded', call);
      host.lineage.childEnded(parent, slot);
      const cell = host.cells.get(parent.slot, parent.generation);
      if (cell !== undefined && child !== undefined && reason !== undefined) host.supervision.supervisors.childEnded(cell, child, reason);
    },
    childFailed({ parent, child, error, escalates }) {
      const cell = host.cells.get(parent.slot, parent.generation);
      if (cell !== undefined) host.supervision.supervisors.childFailed(cell, child, error, escalates);
    },
    endChild(call) {
      const { slot, generation, keep, error, timeoutMs } = call;
      const to = elsewhere(call);
      if (to >= 0) return host.router.request(to, 'endChild', call, FORWARDED_TIMEOUT_MS, { kind: 'agent', id: String(slot) });
      return host.supervision.agents.end(host.cells.get(slot, generation), keep, error, timeoutMs);
    },
    startChild(call) {
      const { slot, generation, timeoutMs } = call;
      const to = elsewhere(call);
      if (to >= 0) return host.router.request(to, 'startChild', call, FORWARDED_TIMEOUT_MS, { kind: 'agent', id: String(slot) });
      return host.supervision.agents.start(host.cells.get(slot, generation), timeoutMs);
    },
    link(call) {
      const to = elsewhere(call.target);
      if (to >= 0) return host.router.call(to, 'link', call);
      host.supervision.links.linked(call.target, call.other);
    },
    unlink(call) {
      const to = elsewhere(call.target);
      if (to >= 0) return host.router.call(to, 'unlink', call);
      host.supervision.links.unlinked(call.target, call.other);
    },
    linkedEnded(call) {
      const to = elsewhere(call.target);
      if (to >= 0) return host.router.call(to, 'linkedEnded', call);
      host.supervision.links.linkedEnded(call.target, call.ended, call.id, call.reason);
    },
    describeThread: (limits) => host.supervision.describing.thread(limits),
    describeAgents: ({ agents, limits }) => host.supervision.describing.agents(agents, limits),
    // Goes on by itself to a parent that has moved.
    escalate: ({ parent, error }) => host.lineage.escalateTo(parent, error),
    threadLost: ({ thread, replaced }) => handleThreadLoss(host, thread, replaced),
    entriesChanged: (message) => host.entries.received(message),
    roundTrip: () => undefined,
    readFrom: ({ thread }) => host.links.readFrom(thread),
    signal: (signal) => host.signals.received(signal, undefined),
    signalWhileMoving: ({ signal, homes }) => host.signals.received(signal, homes),
    nodesKnow: ({ isReachableOnly }) => host.nodesKnow?.(isReachableOnly),
    ...tieCalls(host),
    signalForNodes: ({ signal, homes }) => host.signals.receivedForNodes(signal, homes),
    subscribed: () => host.signals.subscribed(),
    migrateAgents: ({ agents, to, timeoutMs }) => host.departures.move(agents, to, timeoutMs),
    reserveAgents: ({ from, incarnation, places }) => host.arrivals.reserve(from, incarnation, places),
    unreserveAgents: ({ from, places }) => host.arrivals.unreserve(from, places),
    installAgent: (moving) => host.arrivals.install(moving),
    forwarded: (message) => host.arrivals.forwarded(message),
    activateAgents: ({ places }) => host.arrivals.activate(places),
    asksMoved({ to, incarnation, asks }) {
      const isLost = host.links.incarnationOf(to) !== incarnation;
      for (let at = 0; at + 1 < asks.length; at += 2) {
        const ask = host.asks.follow(asks[at] as number, asks[at + 1] as number, to);
        // What waits for that thread was told of its loss before this came.
        if (isLost) ask?.fail(threadLost(to, ask.description, ask.facts));
      }
    },
    adoptStrays: ({ places }) => host.arrivals.adoptStrays(places),
    bringBack: ({ kind, id }) => durableOf(host).activations.startHere(host.kinds.byIndex(kind), id),
    forget: ({ slot, generation }) => durableOf(host).forgetting.forgetHere(slot, generation),
    remind: (reminder) => durableOf(host).remind(reminder),
    reminderSet: ({ dueEpochMs }) => host.durable?.service?.added(dueEpochMs),
    watchAgents: (call) => watchAgents(host, call),
    passivateIdle: (call) => passivateIdle(host, call),
    activity: () => readActivity(host),
    inspectAgent({ slot, generation, textBytesMax }) {
      return inspectHere(host, slot, generation, textBytesMax);
    },
    pauseAgent: (call) => pauseHere(host, () => host.cells.get(call.slot, call.generation), call.isPaused),
    followAgent: (call) => followHere(host, call),
    followed: (report) => host.observation.onFollowed?.(report),
    nodeNamed({ node }) {
      nodeNamed(host, node);
    },
    claimId: ({ thread, ...claim }) => placingOf(host).claim(claim, thread),
    idSettled: ({ id, thread }) => host.placing?.settled(id, thread),
    idEnded: ({ id }) => host.placing?.ended(id),
    spawnOnNode: (spawn) => placingOf(host).spawn(spawn),
    getOrSpawnOnNode: (spawn) => placingOf(host).getOrSpawn(spawn),
    endSuperseded(call) {
      const to = elsewhere(call);
      if (to >= 0) return host.router.call(to, 'endSuperseded', call);
      const cell = host.cells.get(call.slot, call.generation);
      if (cell !== undefined) endSuperseded(host, cell);
    },
    claimState: ({ kind, id, intent, thread }) => statesOf(host).claim(kind, id, intent, thread),
    releaseState: ({ kind, id, intent, thread }) => statesOf(host).release(kind, id, intent, thread),
    copyState: (call) => copyForWorker(statesOf(host), call),
    stateDiverged: ({ kind, id }) => statesOf(host).diverged(kind, id),
    confirmState: ({ kind, id }) => statesOf(host).confirm(kind, id),
    forgetStored: ({ kind, id }) => durableOf(host).forgetting.forget(host.kinds.byName(kind), id, true),
    deliverReminder: (reminder) => durableOf(host).delivery.deliverHere(reminder),
    departToNode: (call) => host.departures.toNodes.depart(call),
    stayOnNode: (call) => host.departures.toNodes.stay(call),
    leaveToNode: (call) => host.departures.toNodes.leave(call),
    forgetLeft: (call) => host.departures.toNodes.forget(call),
    arriveFromNode: (arrival) => arrive(host, arrival),
    moveToNode: (call) => placingOf(host).moveToNode(call),
    quiet: () => quiet(host),
    shutdown: () => stopAllAgents(host),
  };
}

/** Threads make these calls only about durable agents, of which there are none without storage. */
function durableOf(host: ThreadHost): DurableAgents {
  if (host.durable === undefined) throw new NexusError('NEXUS_STORE_UNAVAILABLE', 'this nexus has no storage: give createNexus storage: { path }');
  return host.durable;
}

/** Workers of a node call these. */
function statesOf(host: ThreadHost): ClusterStates {
  const states = durableOf(host).cluster;
  if (states === undefined) throw new NexusError('NEXUS_STOPPED', 'this nexus is no node of a cluster, or not yet');
  return states;
}

/** Other nodes, and workers of one, call these. */
function placingOf(host: ThreadHost): NodePlacing {
  if (host.placing === undefined) throw new NexusError('NEXUS_STOPPED', 'this nexus is no node of a cluster, or not yet');
  return host.placing;
}

/** What another node runs by now must not be changed by this one: not even by saving what it has become here. */
function endSuperseded(host: ThreadHost, cell: AgentCell): void {
  const { extra } = cell;
  if (extra?.durable !== undefined) {
    host.durable?.writer.drop(cell);
    extra.durable.forgetChanges();
    extra.durable.mustReload = true;
  }
  const error = new NexusError(
    'NEXUS_TOKEN_STALE',
    `${cell.kind.name} ${quoted(host.nameOf(cell.slot, cell.generation) ?? '')} runs on another node of the cluster by now`,
  );
  host.lifecycle.giveUp(cell, { type: 'failed', error });
}

/** Whether anything waits or runs. Agents go on as usual, but for their timers, which would keep a thread from ever being quiet. */
export function quiet(host: ThreadHost): Quiet {
  host.durable?.service?.stop();
  const paused: string[] = [];
  let pausedWaiting = 0;
  for (const cell of host.cells) {
    // Those of an agent that leaves for another node meanwhile go along.
    if (cell.extra?.timers !== undefined) host.timers.hold(cell);
    const waiting = isPaused(cell) && cell.status === Status.held ? (cell.mailbox?.size ?? 0) : 0;
    pausedWaiting += waiting;
    if (waiting > 0 && paused.length < PAUSED_NAMED_MAX) paused.push(host.nameOf(cell.slot, cell.generation) ?? cell.kind.name);
  }
  const { dispatcher, lifecycle, router } = host;
  return {
    ...{ paused, pausedWaiting },
    // What waits for paused agents is waited for by nobody.
    idle:
      dispatcher.depth === pausedWaiting &&
      dispatcher.running === 0 &&
      host.links.waiting === 0 &&
      host.departures.size + host.arrivals.size === 0 &&
      host.durable?.isIdle !== false,
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
    if (parent === undefined || host.cells.get(parent.slot, parent.generation) !== undefined) continue;
    // Its parent is on another thread, which does the same now. A supervisor ends its children itself, in their order.
    const isEndedByParent = parent.kindEntry.isSupervisor && host.engine.table.threadOf(parent.slot, parent.generation) >= 0;
    if (!isEndedByParent) host.lifecycle.stop(cell, { type: 'shutdown' });
  }
  await Promise.all(ending);
  await host.durable?.finish();
  // What the agents have left to do may be their work.
  await host.supervision.services.stop();
  await host.observation.tracing?.flush();
}

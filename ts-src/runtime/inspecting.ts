/**
 * One agent of this thread, looked into: what its cell and the parts of the thread keep of it, as plain values. Runs nothing of the agent and changes nothing, so that it works while a handler
 * of it waits, and whatever its state is made of. Called by `runtime-calls.ts` and, for its own thread, by `agent-control.ts`.
 */
import { type AgentInspection, INSPECTED_MESSAGES_MAX, type WaitingMessage } from '../model/observation.js';
import { type AgentCell, Status } from './agent-cell.js';
import { AgentReference } from './agent-reference.js';
import { CellTimer } from './agent-timers.js';
import { TIMER_MESSAGE } from './dispatcher.js';
import { textPreview } from './text-preview.js';
import { senderOf } from './mailbox.js';
import type { ThreadHost } from './thread-host.js';

/** Of the input of one message that waits. */
const INPUT_BYTES_MAX = 512;
/** Subscriptions that are listed. */
const SUBSCRIPTIONS_MAX = 256;

export type InspectingHost = Pick<ThreadHost, 'thread' | 'clock' | 'cells' | 'groups' | 'supervision' | 'nameOf'>;

/** Undefined if the agent is not on this thread, or on its way. */
export function inspectHere(host: InspectingHost, slot: number, generation: number, textBytesMax: number): AgentInspection | undefined {
  const cell = host.cells.get(slot, generation);
  const id = host.nameOf(slot, generation);
  if (cell === undefined || id === undefined || cell.status === Status.arriving || cell.status === Status.moved) return undefined;
  const { kind, extra, mailbox } = cell;
  return {
    id,
    kind: kind.name,
    thread: host.thread,
    status: statusOf(cell),
    restarts: extra?.life ?? 0,
    isDurable: kind.isDurable,
    parent: extra?.parent === undefined ? undefined : nameOfReference(extra.parent),
    children: kind.isSupervisor ? host.supervision.supervisors.childrenOf(cell).length : (extra?.children?.size ?? 0),
    watchers: extra?.watchers?.length ?? 0,
    links: extra?.linked?.size ?? 0,
    groups: host.groups.groupsOf(cell) ?? [],
    state: textPreview(cell.state, textBytesMax, describeReference),
    mailbox: { waiting: mailbox?.size ?? 0, capacity: kind.capacity, overflow: kind.overflow, first: firstMessages(cell) },
    timers: nextTimers(cell, host.clock.nowMs()),
    subscriptions: subscriptionsOf(cell),
    signals: extra?.recentSignals?.latestFirst() ?? [],
  };
}

/** A reference as people know it, such as `order 'o1'`, and a timer by its action. Asks nobody: a reference whose id is not known yet is looked up in the shared table. */
export function describeReference(value: object): string | undefined {
  if (value instanceof CellTimer) return `timer ${value.action.name}`;
  return value instanceof AgentReference ? nameOfReference(value) : undefined;
}

function nameOfReference(reference: AgentReference): string {
  return `${reference.kind} ${reference.id}`;
}

function statusOf(cell: AgentCell): AgentInspection['status'] {
  // Also while its handler finishes, or it restarts: that it begins no message is what whoever looks has to know first.
  if (cell.extra?.isPaused === true && cell.status < Status.stopping) return 'paused';
  switch (cell.status) {
    case Status.starting:
      return 'starting';
    case Status.ready:
      return 'ready';
    case Status.busy:
      return 'busy';
    case Status.suspended:
      return 'suspended';
    case Status.held:
    case Status.arriving:
    case Status.moved:
      return 'moving';
    case Status.stopping:
    case Status.stopped:
      return 'stopping';
  }
}

function firstMessages({ mailbox, kind }: AgentCell): WaitingMessage[] {
  const first: WaitingMessage[] = [];
  mailbox?.forEach((action, input, reply, from) => {
    const sender = senderOf(from);
    const isTimer = reply === TIMER_MESSAGE;
    first.push({
      // Of the runtime: no message can name it.
      action: action.index < 0 || action === kind.onTerminated ? `(${action.name})` : action.name,
      sender: isTimer ? '(timer)' : sender === undefined ? undefined : nameOfReference(sender),
      isAsk: reply !== undefined && !isTimer,
      input: textPreview(input, INPUT_BYTES_MAX, describeReference),
    });
  }, INSPECTED_MESSAGES_MAX);
  return first;
}

/** One pass, whatever their number. */
function nextTimers(cell: AgentCell, nowMs: number): AgentInspection['timers'] {
  let next: CellTimer[] = [];
  const shorten = (): void => {
    next = next.sort((a, b) => a.dueMs - b.dueMs).slice(0, INSPECTED_MESSAGES_MAX);
  };
  for (let timer = cell.extra?.timers; timer !== undefined; timer = timer.next) {
    next.push(timer);
    if (next.length >= 2 * INSPECTED_MESSAGES_MAX) shorten();
  }
  shorten();
  return next.map(({ action, dueMs, periodMs }) => ({ action: action.name, dueInMs: Math.max(0, dueMs - nowMs), periodMs }));
}

function subscriptionsOf(cell: AgentCell): AgentInspection['subscriptions'] {
  const subscriptions: AgentInspection['subscriptions'][number][] = [];
  for (const [action, { patterns }] of cell.extra?.subscribers ?? []) {
    for (const pattern of patterns.keys()) if (subscriptions.length < SUBSCRIPTIONS_MAX) subscriptions.push({ pattern, action: action.name });
  }
  return subscriptions;
}

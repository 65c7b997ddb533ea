/**
 * An agent on its way to another thread: everything its cell holds, as a value that can be sent, and the way back into a cell. What stays behind is what belongs to the
 * thread: promises, handles of timers, the abort signal. Used by `departures.ts` and `arrivals.ts`; decides nothing.
 */
import { NexusError } from '../errors.js';
import type { StopReason } from '../model/agent-definition.js';
import { type TraceValues, traceValues } from '../model/message-trace.js';
import { movabilityOf } from '../model/movable.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { RestartHistory } from '../model/supervision.js';
import { type AgentCell, extraOf } from './agent-cell.js';
import { AgentReference } from './agent-reference.js';
import { TIMER_MESSAGE } from './dispatcher.js';
import type { ActionEntry, Kind } from './kind.js';
import { type MessageSender, senderOf, traceOf } from './mailbox.js';
import { systemActions } from './message-receiver.js';
import { PendingAsk, type PendingAsks, type ReplyPort } from './pending-asks.js';
import { type AgentKey, addAmong } from './remote/agent-keys.js';
import { RemoteReply, type SendReply, sendableError } from './remote-reply.js';

/** Where the reply of an ask goes. */
export interface ReplyAddress {
  readonly thread: number;
  readonly slot: number;
  readonly sequence: number;
  /** When whoever waits for it gives up; 0 if nobody does. */
  readonly deadlineMs: number;
}

export interface MovingMessage {
  /** Number of the action; negative for messages of the runtime. */
  readonly action: number;
  readonly input: unknown;
  readonly reply: ReplyAddress | 'timer' | undefined;
  readonly sender: AgentReference | undefined;
  readonly trace: TraceValues | undefined;
}

export interface MovingTimer {
  readonly action: number;
  readonly input: unknown;
  readonly dueMs: number;
  readonly periodMs: number;
  readonly trace: TraceValues | undefined;
}

export interface MovingAgent {
  readonly slot: number;
  readonly generation: number;
  readonly state: unknown;
  readonly messages: readonly MovingMessage[];
  /** On the clock that all threads share. */
  readonly timers: readonly MovingTimer[];
  readonly extra:
    | {
        readonly parent: AgentReference | undefined;
        /** Thread of the parent and its incarnation when the agent left, 0 without a parent. */
        readonly parentThread: number;
        readonly parentIncarnation: number;
        readonly children: readonly AgentReference[];
        readonly watchers: readonly AgentReference[];
        readonly watching: readonly AgentReference[];
        readonly restarts: RestartHistory;
        readonly random: readonly number[] | undefined;
        readonly hadTimers: boolean;
        readonly stopRequested: boolean;
      }
    | undefined;
  /** What other parts of the runtime keep about an agent, by the names of those parts. */
  readonly parts: Readonly<Record<string, unknown>>;
}

/** Something that a part of the runtime keeps about agents of its thread. The calls are in the order in which they are made, on one thread and on the other. */
export interface MovingPart {
  readonly name: string;
  /** There: what the other thread has to tell all threads before the agent leaves, and so must know before; undefined for nothing. Changes nothing. */
  announce?(cell: AgentCell): unknown;
  /** Here: the agent may come, `announced` is what `announce` returned. No other call follows until all threads have seen what this one put. */
  reserved?(cell: AgentCell, announced: unknown): void;
  /** Here: it does not come after all. */
  discarded?(cell: AgentCell): void;
  /** There: what goes with the agent, which must be sendable; undefined for nothing. Called before it is certain that the agent moves; changes nothing. */
  pack(cell: AgentCell): unknown;
  /** There: the agent has left. */
  left(cell: AgentCell): void;
  /** There: what was sent to the agent where it was has all been read. */
  followed?(cell: AgentCell): void;
  /** Here: the agent is here, before its first message. `packed` is what `pack` returned; undefined if its thread was lost before that came, so that it starts anew. */
  arrived(cell: AgentCell, packed: unknown): void;
  /** There: it is active on the other thread, and what that has put is known to all. */
  settled?(cell: AgentCell): void;
}

/**
 * @param address where replies shall go
 * @param parentAt thread of an agent, and how often that thread was replaced
 * @throws NexusError NEXUS_MIGRATION_REFUSED
 */
export function pack(
  cell: AgentCell,
  parts: readonly MovingPart[],
  address: (port: ReplyPort, action: ActionEntry) => ReplyAddress,
  parentAt: (parent: AgentReference) => { readonly parentThread: number; readonly parentIncarnation: number },
): MovingAgent {
  const movability = movabilityOf(cell.state, (value) => value instanceof AgentReference);
  if (movability.refusal !== undefined)
    throw new NexusError('NEXUS_MIGRATION_REFUSED', movability.refusal, { data: { kind: cell.kind.name, reason: movability.refusal } });
  const messages: MovingMessage[] = [];
  cell.mailbox?.forEach((action, input, reply, from) => {
    messages.push({
      action: action.index,
      input: action === cell.kind.onTerminated ? withSendableReason(input as { readonly reason: StopReason }) : input,
      reply: reply === undefined ? undefined : reply === TIMER_MESSAGE ? 'timer' : address(reply, action),
      sender: senderOf(from),
      trace: traceValues(traceOf(from)),
    });
  });
  const timers: MovingTimer[] = [];
  for (let timer = cell.extra?.timers; timer !== undefined; timer = timer.next) {
    timers.push({ action: timer.action.index, input: timer.input, dueMs: timer.dueMs, periodMs: timer.periodMs, trace: traceValues(timer.trace) });
  }
  const { extra } = cell;
  const moving = {
    slot: cell.slot,
    generation: cell.generation,
    state: cell.state,
    messages,
    timers,
    extra: extra && {
      parent: extra.parent,
      ...(extra.parent === undefined ? { parentThread: 0, parentIncarnation: 0 } : parentAt(extra.parent)),
      children: [...(extra.children?.values() ?? [])],
      watchers: extra.watchers ?? [],
      watching: [...(extra.watching?.values() ?? [])],
      restarts: extra.restarts,
      random: extra.random?.position,
      hadTimers: extra.hadTimers,
      stopRequested: extra.stopRequested,
    },
    parts: Object.fromEntries(parts.map((part) => [part.name, part.pack(cell)]).filter(([, packed]) => packed !== undefined)),
  };
  // A value with a cycle is sent with all identities kept.
  return movability.isShared ? Object.assign(moving, { self: moving }) : moving;
}

/** Puts into a cell what came; not its messages and timers, which wait for its first turn. */
export function unpack(moving: MovingAgent, cell: AgentCell): void {
  cell.state = moving.state;
  const { extra: moved } = moving;
  if (moved === undefined) return;
  const extra = extraOf(cell);
  extra.parent = moved.parent;
  extra.restarts = moved.restarts;
  extra.hadTimers = moved.hadTimers;
  extra.stopRequested ||= moved.stopRequested;
  if (moved.random !== undefined) extra.random = SeededRandom.at(moved.random);
  if (moved.children.length > 0) extra.children = among(moved.children);
  if (moved.watching.length > 0) extra.watching = among(moved.watching);
  // Some may have come before it.
  const already = extra.watchers ?? [];
  const watchers = [...moved.watchers, ...already.filter((watcher) => !moved.watchers.some((known) => known.equals(watcher)))];
  if (watchers.length > 0) extra.watchers = watchers;
}

export function actionOf(kind: Kind, index: number): ActionEntry | undefined {
  if (index === systemActions.stop.index) return systemActions.stop;
  if (index === systemActions.look.index) return systemActions.look;
  return index === kind.onTerminated?.index ? kind.onTerminated : kind.actions[index];
}

/** Where the reply of an ask that waits for an agent which leaves for thread `to` shall go. */
export function addressOf(port: ReplyPort, asks: PendingAsks, thread: number, to: number, bridge: (port: ReplyPort) => PendingAsk): ReplyAddress {
  const { deadlineMs } = port;
  if (port instanceof RemoteReply) return { thread: port.thread, slot: port.slot, sequence: port.sequence, deadlineMs };
  const ask = port instanceof PendingAsk ? port : bridge(port);
  if (ask.isSettled) return { thread, slot: -1, sequence: 0, deadlineMs };
  if (ask.slot < 0) asks.sendTo(ask, to);
  else ask.thread = to;
  return { thread, slot: ask.slot, sequence: ask.sequence, deadlineMs };
}

/** The other way round, where the agent has arrived: an ask of this very thread is answered without a detour. */
export function portOf(address: ReplyAddress, sender: MessageSender, asks: PendingAsks, thread: number, send: SendReply, action: ActionEntry): ReplyPort {
  const port =
    address.thread === thread
      ? asks.follow(address.slot, address.sequence, -1)
      : new RemoteReply(send, address.thread, address.slot, address.sequence, action.reply, address.deadlineMs);
  if (port === undefined) return NOBODY;
  port.sender = senderOf(sender);
  port.trace = traceOf(sender);
  return port;
}

/** The ask was given up. */
const NOBODY: ReplyPort = { deadlineMs: 0, sender: undefined, trace: undefined, reply: () => undefined, fail: () => undefined };

/** What went wrong may hold anything. */
function withSendableReason<T extends { readonly reason: StopReason }>(ended: T): T {
  const { reason } = ended;
  return 'error' in reason ? { ...ended, reason: { type: reason.type, error: sendableError(reason.error) } } : ended;
}

function among(references: readonly AgentReference[]): Map<AgentKey, AgentReference> {
  const agents = new Map<AgentKey, AgentReference>();
  for (const each of references) addAmong(agents, each);
  return agents;
}

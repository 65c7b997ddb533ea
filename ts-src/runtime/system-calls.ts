/**
 * Messages between the runtimes of two threads. They travel as messages to slot 0, which no agent has; the action is the number of the call. A call
 * that wants an answer is an ask, the others are tells. None is refused for a full ring, their number being bounded by what caused them, but for the news of
 * what happened (dead letters, signals, log lines, failures), which agents cause as often as they please: it is dropped when a mebibyte waits already,
 * signals counted as dead letters.
 */
import type { AgentInspection } from '../model/observation.js';
import type { ThreadActivity } from '../model/system-reading.js';
import type { TraceValues } from '../model/message-trace.js';
import type { AgentLocation } from '../model/agent-location.js';
import type { NodeIdentity } from '../model/node-identity.js';
import type { LocatedHere } from './remote/locate-here.js';
import type { StopReason } from '../model/agent-definition.js';
import type { Signal } from '../model/signal.js';
import type { AgentNode, ThreadTree, TreeLimits } from '../model/supervision-tree.js';
import type { Reminder, StateVersion } from '../ports/storage.js';
import type { AgentReference } from './agent-reference.js';
import type { AgentLoad } from './thread-relief.js';
import type { ForwardedMessage, Place } from './arrivals.js';
import type { DeadLetter } from './dead-letters.js';
import type { ClaimIntent } from './durable/cluster-states.js';
import type { CopyStateCall } from './durable/worker-states.js';
import type { FollowAgent, FollowReport } from './followed.js';
import type { NamedAgent } from './remote/agent-keys.js';
import type { EntriesMessage } from './replicated-entries.js';
import type { MoveOutcome } from './departures.js';
import type { MovingAgent } from './moving-agent.js';
import type { SignalHomes } from './moving-subscribers.js';
import type { HomeAgent } from './remote/agent-ways.js';
import type { NodeArrival } from './remote/node-arrivals.js';
import type { AgentAddress, AgentDeparture, NodeDeparture } from './remote/node-departures.js';
import type { IdClaim, NodeSpawn } from './remote/node-placing.js';

export const SYSTEM_CALLS = [
  'spawn',
  'stopAgent',
  'watch',
  'unwatch',
  'terminated',
  'childEnded',
  'escalate',
  'threadLost',
  'quiet',
  'shutdown',
  'deadLetter',
  'signal',
  'log',
  'agentFailed',
  'whenEnded',
  'childRestored',
  'entriesChanged',
  'roundTrip',
  'readFrom',
  'subscribed',
  'migrateAgents',
  'reserveAgents',
  'unreserveAgents',
  'installAgent',
  'forwarded',
  'activateAgents',
  'asksMoved',
  'adoptStrays',
  'childFailed',
  'endChild',
  'startChild',
  'link',
  'unlink',
  'linkedEnded',
  'describeThread',
  'describeAgents',
  'bringBack',
  'forget',
  'remind',
  'reminderSet',
  'watchAgents',
  'passivateIdle',
  'signalWhileMoving',
  'activity',
  'inspectAgent',
  'pauseAgent',
  'followAgent',
  'followed',
  'signalForNodes',
  'tieFromNode',
  'untieFromNode',
  'endedOnNode',
  'describeFromNode',
  'nodesKnow',
  'tellRemote',
  'askRemote',
  'sendRemote',
  'callRemote',
  'requestRemote',
  'agentMovedAway',
  'agentsCameHome',
  'wayFlushed',
  'agentsAreHome',
  'arrived',
  'arrivedAsk',
  'tellManyRemote',
  'locate',
  'locateHere',
  'nodeNamed',
  'claimId',
  'idSettled',
  'idEnded',
  'spawnOnNode',
  'getOrSpawnOnNode',
  'endSuperseded',
  'claimState',
  'releaseState',
  'copyState',
  'stateDiverged',
  'confirmState',
  'forgetStored',
  'deliverReminder',
  'departToNode',
  'stayOnNode',
  'leaveToNode',
  'nameForNodes',
  'forgetLeft',
  'arriveFromNode',
  'moveToNode',
] as const;

export type SystemCallName = (typeof SYSTEM_CALLS)[number];

/** Number of a call, for the action field of a message. */
export const systemCallNumber = Object.fromEntries(SYSTEM_CALLS.map((name, index) => [name, index])) as Readonly<Record<SystemCallName, number>>;

/** Calls that carry an agent, or a message that was accepted already: the limit for messages is not for them. */
const CARRIERS: ReadonlySet<number> = new Set([systemCallNumber.installAgent, systemCallNumber.forwarded]);

export function isCarrier(call: number): boolean {
  return CARRIERS.has(call);
}

/** What the threads tell each other; where there is a reply, it is the return value. */
export interface SystemCalls {
  spawn(call: {
    readonly kind: number;
    readonly id: string;
    readonly init: unknown;
    readonly parent: AgentReference | undefined;
    readonly timeoutMs: number;
    readonly isComing: boolean;
  }): AgentReference | Promise<AgentReference>;
  /** Resolves when the agent has ended. */
  stopAgent(call: { readonly slot: number; readonly generation: number }): void | Promise<void>;
  watch(call: { readonly target: AgentReference; readonly watcher: AgentReference }): void;
  unwatch(call: { readonly target: AgentReference; readonly watcher: AgentReference }): void;
  terminated(call: { readonly watcher: AgentReference; readonly ref: AgentReference; readonly id: string; readonly reason: StopReason }): void;
  /** `child` and `reason` where the parent is a supervisor. */
  childEnded(call: {
    readonly parent: AgentReference;
    readonly slot: number;
    readonly child: AgentReference | undefined;
    readonly reason: StopReason | undefined;
  }): void;
  /** To a supervisor: its child has failed and waits. */
  childFailed(call: { readonly parent: AgentReference; readonly child: AgentReference; readonly error: unknown; readonly escalates: boolean }): void;
  /** From a supervisor: end its child within the time. Resolves with whether that was enough; if not, the child was given up. */
  endChild(call: EndChild): Promise<boolean>;
  /** From a supervisor: start its child in place. Resolves when it has started. */
  startChild(call: { readonly slot: number; readonly generation: number; readonly timeoutMs: number }): void | Promise<void>;
  /** `target` is of the thread that is called. */
  link(call: { readonly target: AgentReference; readonly other: AgentReference }): void;
  unlink(call: { readonly target: AgentReference; readonly other: AgentReference }): void;
  /** `ended`, which `target` was linked to, has ended. */
  linkedEnded(call: { readonly target: AgentReference; readonly ended: AgentReference; readonly id: string; readonly reason: StopReason }): void;
  describeThread(limits: TreeLimits): Promise<ThreadTree>;
  describeAgents(call: { readonly agents: readonly AgentReference[]; readonly limits: TreeLimits }): Promise<readonly (AgentNode | undefined)[]>;
  escalate(call: { readonly parent: AgentReference; readonly error: unknown }): void;
  threadLost(call: { readonly thread: number; readonly replaced: boolean }): void;
  /** Cancels the timers of agents, and tells whether anything waits or runs. */
  quiet(): Quiet;
  /** Ends all agents; resolves when their stop hooks have run. */
  shutdown(): Promise<void>;
  deadLetter(call: DeadLetter): void;
  /** For all of this thread that have subscribed to it. */
  signal(call: Signal): void;
  /** As `signal`, while agents that have subscriptions move: with where those were when it was published. */
  signalWhileMoving(call: { readonly signal: Signal; readonly homes: SignalHomes }): void;
  log(call: LogLine): void;
  agentFailed(call: AgentFailure): void;
  /** Resolves when an agent whose end has begun has ended; at once for any other. */
  whenEnded(call: { readonly slot: number; readonly generation: number }): void | Promise<void>;
  /** A child has come back after the loss of its thread. Its parent may have given it up meanwhile, or never have learnt that it was there: then it is ended. */
  childRestored(call: { readonly parent: AgentReference; readonly child: AgentReference }): void;
  entriesChanged(message: EntriesMessage): void;
  /** Answers when everything that was sent before has been read. */
  roundTrip(): void;
  /** Answers when everything that a thread has sent that is lost has been read. */
  readFrom(call: { readonly thread: number }): void;
  /** Resolves when every thread knows what this one has subscribed to so far. */
  subscribed(): Promise<void>;
  /** Moves agents of the called thread. For each how it ended, when it has. */
  migrateAgents(call: { readonly agents: readonly AgentReference[]; readonly to: number; readonly timeoutMs: number }): Promise<readonly MoveOutcome[]>;
  /** Makes room for agents that are about to come. For each why not, or undefined. */
  reserveAgents(call: {
    readonly from: number;
    readonly incarnation: number;
    readonly places: readonly Place[];
  }): readonly (string | undefined)[] | Promise<readonly (string | undefined)[]>;
  unreserveAgents(call: { readonly from: number; readonly places: readonly Place[] }): void;
  installAgent(moving: MovingAgent): void;
  /** A message to an agent that has moved to the called thread meanwhile. */
  forwarded(message: ForwardedMessage): void;
  /** All messages have been forwarded. For each agent whether it is there. */
  activateAgents(call: { readonly places: readonly Place[] }): readonly boolean[] | Promise<readonly boolean[]>;
  /** Agents that asks of the called thread wait for have moved, to a thread in this incarnation of it. `asks`: pairs of slot and sequence number. */
  asksMoved(call: { readonly to: number; readonly incarnation: number; readonly asks: readonly number[] }): void;
  adoptStrays(call: { readonly places: readonly Place[] }): void;
  /** Brings a durable agent back to memory, on the thread that is asked unless it is on another one by now. */
  bringBack(call: { readonly kind: number; readonly id: string }): Promise<AgentReference>;
  /** Ends a durable agent and deletes what is stored of it. */
  forget(call: { readonly slot: number; readonly generation: number }): void | Promise<void>;
  /** Resolves when the reminder is handled and that is stored. */
  remind(call: Reminder): void | Promise<void>;
  /** To the calling thread, which delivers reminders: one was stored. */
  reminderSet(call: { readonly dueEpochMs: number }): void;
  /** Begins, goes on or ends to time the agents of the thread: the heaviest since the call before, at most `countMax`. */
  watchAgents(call: { readonly isOn: boolean; readonly countMax: number }): readonly AgentLoad[];
  /** Lets durable agents leave memory that were not used for so long, the least recently used first. Resolves with how many have. */
  passivateIdle(call: { readonly countMax: number; readonly idleMs: number }): Promise<number>;
  /** What the thread sees of its messages; it looks at them for another minute. */
  activity(): ThreadActivity;
  /** Undefined if the agent is not on the thread. */
  inspectAgent(call: { readonly slot: number; readonly generation: number; readonly textBytesMax: number }): AgentInspection | undefined;
  /** Resolves with whether the agent is on the thread. */
  pauseAgent(call: { readonly slot: number; readonly generation: number; readonly isPaused: boolean }): Promise<boolean>;
  /** Begins, goes on or ends to tell the calling thread of the messages of an agent. Whether it is on the thread. */
  followAgent(call: FollowAgent): boolean;
  /** To the calling thread: what agents that are followed have handled. */
  followed(report: FollowReport): void;
  /** From another node: `other` is tied to `target`, which is of the called thread. Resolves with the life of `other`, as it came; undefined if the target is not there, or is not tied and is not to be (`isNew`: false). */
  tieFromNode(call: TieFromNode): number | undefined | Promise<number | undefined>;
  untieFromNode(call: Pick<TieFromNode, 'target' | 'other'> & { readonly tie: 'watch' | 'link' }): void;
  /** From another node: an agent that `target` watched, was linked to, or was the parent of (`child`), has ended. */
  endedOnNode(call: {
    readonly tie: 'watch' | 'link' | 'child';
    readonly target: AgentReference;
    readonly ended: NamedAgent;
    readonly reason: StopReason;
  }): void;
  /** From another node: agents of whichever thread. */
  describeFromNode(call: { readonly agents: readonly AgentReference[]; readonly limits: TreeLimits }): Promise<readonly (AgentNode | undefined)[]>;
  /** To the calling thread: resolves when the other nodes know what it has told them so far. */
  nodesKnow(call: { readonly isReachableOnly: boolean }): unknown;
  /** To the calling thread: as `signal` and `signalWhileMoving`, and on to the other nodes that want it. */
  signalForNodes(call: { readonly signal: Signal; readonly homes: SignalHomes | undefined }): void;
  /** To the calling thread: a message to an agent of another node. */
  tellRemote(call: PassedMessage & { readonly target: AgentReference }): void;
  /** As `tellRemote`; resolves with the reply. `deadlineMs` by the clock of all threads. */
  askRemote(call: PassedMessage & { readonly target: AgentReference; readonly deadlineMs: number }): Promise<unknown>;
  tellManyRemote(call: PassedMessage & { readonly targets: readonly AgentReference[] }): void;
  /** To the calling thread: where agents are, on whichever node. */
  locate(call: { readonly ids: readonly string[]; readonly timeoutMs: number }): Promise<readonly (AgentLocation | undefined)[]>;
  /** From another node: which of these agents are of this one. */
  locateHere(call: { readonly ids: readonly string[] }): readonly (LocatedHere | undefined)[];
  /** As `tellRemote`, to whatever agent has the id. */
  sendRemote(call: PassedMessage & { readonly id: string }): void;
  /** To the calling thread: a call to the runtime of another node. */
  callRemote(call: RemoteCall): void;
  requestRemote(call: RemoteCall & { readonly timeoutMs: number }): Promise<unknown>;
  /** An agent that was of this nexus, on that thread, is of another node now. */
  agentMovedAway(call: AgentAddress & { readonly thread: number; readonly id: string; readonly node: NodeIdentity; readonly life: number }): void;
  /** To a worker: agents that have come from other nodes, and to which nothing is on its way from there any more. Resolves when it sends straight to them. */
  agentsCameHome(call: { readonly agents: readonly HomeAgent[] }): Promise<void>;
  /** To the calling thread: resolves when what the caller has sent by way of it to agents of these threads has come to them; of `leaving`, when that has left. */
  wayFlushed(call: { readonly threads: readonly number[]; readonly leaving: { readonly id: string; readonly life: number } | undefined }): Promise<void>;
  /** All threads send straight to these agents of the called thread. */
  agentsAreHome(call: { readonly agents: readonly AgentAddress[] }): void;
  /** From the calling thread: a message of an agent of another node. */
  arrived(message: ArrivedMessage): void;
  arrivedAsk(message: ArrivedMessage & { readonly deadlineMs: number }): Promise<unknown>;
  /** To a worker: it is one of this node of a cluster. */
  nodeNamed(call: { readonly node: string }): void;
  /** To the calling thread of a node: `NodePlacing`. */
  claimId(call: IdClaim & { readonly thread: number }): Promise<boolean>;
  idSettled(call: { readonly id: string; readonly thread: number }): void;
  idEnded(call: { readonly id: string }): void;
  /** Also from other nodes. */
  spawnOnNode(spawn: NodeSpawn): Promise<AgentReference>;
  getOrSpawnOnNode(spawn: NodeSpawn): Promise<AgentReference>;
  /** Another activation of this agent has a greater token: it ends at once, and what it has not saved is not saved. */
  endSuperseded(call: { readonly slot: number; readonly generation: number }): void;
  /** To the calling thread of a node: `ClusterStates`. */
  claimState(call: { readonly kind: string; readonly id: string; readonly intent: ClaimIntent; readonly thread: number }): Promise<StateVersion>;
  releaseState(call: { readonly kind: string; readonly id: string; readonly intent: ClaimIntent; readonly thread: number }): void;
  copyState(call: CopyStateCall): Promise<void> | void;
  stateDiverged(call: { readonly kind: string; readonly id: string }): void;
  confirmState(call: { readonly kind: string; readonly id: string }): Promise<void>;
  /** Also from other nodes: deletes what is stored of a durable agent, which belongs here. */
  forgetStored(call: { readonly kind: string; readonly id: string }): Promise<void>;
  /** From the node that owns the id of an agent, to the one that runs it: resolves when it is handled and that is stored. */
  deliverReminder(call: Reminder): Promise<void>;
  /** Agents of the called thread that move to other nodes, and from them: `NodeDepartures`, `arrive`. */
  departToNode(call: AgentAddress & { readonly timeoutMs: number }): Promise<NodeDeparture>;
  stayOnNode(call: AgentAddress): void;
  leaveToNode(call: AgentDeparture): void;
  /** Of an agent of the called thread: which one of its id it is for other nodes. */
  nameForNodes(call: AgentAddress & { readonly life: number }): void;
  forgetLeft(call: AgentAddress): boolean;
  arriveFromNode(arrival: NodeArrival): AgentReference | Promise<AgentReference>;
  /** To the calling thread of another node: moves an agent of that node. Rejects with why it does not. */
  moveToNode(call: { readonly id: string; readonly node: NodeIdentity; readonly timeoutMs: number }): Promise<void>;
}

export interface RemoteCall {
  readonly node: NodeIdentity;
  readonly agent: AgentReference | undefined;
  readonly name: SystemCallName;
  readonly input: unknown;
}

/** A message that a thread has the calling thread send, or gets from it, with what belongs to it. */
export interface PassedMessage {
  readonly action: string;
  readonly input: unknown;
  readonly sender: AgentReference | undefined;
  readonly trace: TraceValues | undefined;
  /** It was sent to an agent that has left, where that was on this node. */
  readonly isSentOn?: boolean;
}

/** For an agent of the thread that is called. */
export interface ArrivedMessage extends PassedMessage {
  readonly agent: AgentReference;
}

/** What one agent is to another of another node. `parent`: the target is the parent of the other, `child`: the other way round. */
export interface TieFromNode {
  readonly tie: 'watch' | 'link' | 'parent' | 'child';
  readonly target: AgentReference;
  /** Which agent of its id the target is. */
  readonly life: number;
  readonly other: AgentReference;
  /** False: only whether there is such a tie. */
  readonly isNew: boolean;
}

export interface EndChild {
  readonly slot: number;
  readonly generation: number;
  /** Only its present life: it is started again in place. */
  readonly keep: boolean;
  readonly error: unknown;
  readonly timeoutMs: number;
}

export interface Quiet {
  /** Nothing waits or runs, but for what waits for paused agents. */
  readonly idle: boolean;
  /** Messages that wait for paused agents, and the ids of some of those. */
  readonly pausedWaiting: number;
  readonly paused: readonly string[];
  /** Grows with everything that happens. */
  readonly activity: number;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly data: object;
  readonly message: string;
}

/** A handler, hook or start that failed. */
export interface AgentFailure {
  readonly id: string;
  readonly kind: string;
  /** Undefined for a hook. */
  readonly action: string | undefined;
  readonly thread: number;
  readonly error: unknown;
}

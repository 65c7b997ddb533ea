/**
 * What a nexus tells of itself on the channels of `node:diagnostics_channel`: the name of each channel, and what a message on it holds. They are published on the thread on
 * which the event is, and only if somebody listens there. `docs/telemetry.md` has the table for users.
 */
import type { StopReason } from './agent-definition.js';
import type { NodeStanding, Reachability } from './cluster-snapshot.js';

interface AgentEvent {
  readonly id: string;
  readonly kind: string;
  readonly thread: number;
}

/** Several nodes may be in one process: `self` is the name of the one that tells. */
interface ClusterEvent {
  readonly cluster: string;
  readonly self: string;
}

/** `node` and `incarnation` are those of the member that it is about. */
interface MemberEvent extends ClusterEvent {
  readonly node: string;
  readonly incarnation: number;
}

/** What is published on each channel, by its name. */
export interface TelemetryEvents {
  /** The agent handles messages from now on. Not after a restart, nor after a move. */
  'nexus:agent:started': AgentEvent;
  /** It has ended. `passivated`: a durable agent that has left memory and returns with the next message. */
  'nexus:agent:stopped': AgentEvent & { readonly reason: StopReason };
  /** It handles messages again, with a new state. */
  'nexus:agent:restarted': AgentEvent & {
    /** Of this agent on this thread, since it started. */
    readonly restarts: number;
  };
  /** A handler, hook or start failed; supervision deals with it. */
  'nexus:agent:failed': AgentEvent & {
    /** Undefined for a hook. */
    readonly action: string | undefined;
    readonly error: unknown;
  };
  /** It has moved; published on the thread that it left, when it handles messages on the other. */
  'nexus:agent:migrated': AgentEvent & { readonly from: number; readonly to: number };
  /** A handler has returned, or its promise has settled. */
  'nexus:message:processed': AgentEvent & {
    readonly action: string;
    readonly durationMs: number;
    /** `refused`: the input did not fit, which is no failure of the agent. */
    readonly outcome: 'handled' | 'failed' | 'refused';
    /** Of a failure or refusal. */
    readonly error: unknown;
  };
  /** A message could not be delivered. */
  'nexus:message:dead': {
    readonly reason: string;
    /** Of the agent it was for, as far as known. */
    readonly id: string | undefined;
    readonly kind: string | undefined;
    readonly action: string | undefined;
    /** Of a signal that did not get to another thread. */
    readonly topic: string | undefined;
    readonly thread: number;
  };
  /** An update or a decision has led to another state. */
  'nexus:state:updated': AgentEvent & { readonly action: string };
  /** A state, or events, of a durable agent are on disk. */
  'nexus:state:stored': AgentEvent;
  'nexus:signal:published': {
    readonly id: string;
    readonly topic: string;
    /** Id of the agent that published it; undefined for what comes from outside of agents. */
    readonly source: string | undefined;
    readonly thread: number;
  };
  /** On the calling thread, as the next two: a worker ended unasked, and is replaced. */
  'nexus:thread:lost': { readonly thread: number; readonly exitCode: number; readonly error: unknown };
  /** A successor serves. */
  'nexus:thread:restored': { readonly thread: number; readonly restored: number; readonly failed: number };
  /** It was lost too often and is given up. */
  'nexus:thread:failed': { readonly thread: number; readonly exitCode: number; readonly error: unknown };
  /** On the calling thread of a node of a cluster, as all that follow: a node is in the agreed view, and was not in the one before. */
  'nexus:member:joined': MemberEvent;
  /** It has left by itself. */
  'nexus:member:left': MemberEvent;
  /** Its lease has run out: it runs no agents any more. */
  'nexus:member:removed': MemberEvent;
  /** The failure detector has changed its mind about it. */
  'nexus:member:reachability': MemberEvent & { readonly reachability: Reachability };
  /** Threads of it whose event loops are blocked now; none when they go on again. */
  'nexus:member:stalled': MemberEvent & { readonly threads: readonly number[] };
  /** Another view was agreed on. */
  'nexus:cluster:view': ClusterEvent & { readonly number: number; readonly members: readonly string[] };
  /** Of this node. */
  'nexus:cluster:standing': ClusterEvent & { readonly standing: NodeStanding; readonly because: string | undefined };
  /** What somebody sent to this node was refused. */
  'nexus:cluster:refused': ClusterEvent & {
    /** An address. */
    readonly from: string;
    readonly code: string;
    readonly because: string;
  };
}

/** Name of a channel. */
export type TelemetryEvent = keyof TelemetryEvents;

/** The names of the channels of `node:diagnostics_channel`, all of them. */
export const TELEMETRY_EVENTS = [
  'nexus:agent:started',
  'nexus:agent:stopped',
  'nexus:agent:restarted',
  'nexus:agent:failed',
  'nexus:agent:migrated',
  'nexus:message:processed',
  'nexus:message:dead',
  'nexus:state:updated',
  'nexus:state:stored',
  'nexus:signal:published',
  'nexus:thread:lost',
  'nexus:thread:restored',
  'nexus:thread:failed',
  'nexus:member:joined',
  'nexus:member:left',
  'nexus:member:removed',
  'nexus:member:reachability',
  'nexus:member:stalled',
  'nexus:cluster:view',
  'nexus:cluster:standing',
  'nexus:cluster:refused',
] as const satisfies readonly TelemetryEvent[];

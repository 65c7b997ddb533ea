/** The third argument of every handler: everything an agent may use. Nothing comes from a global, so that the same agent runs under a simulated clock. */
import type { ReplyOf } from './action.js';
import type { AnyAgent } from './agent-definition.js';
import type { ActionName, ActionsOf, AgentRef, AskArguments, OfferArguments, TellArguments, TellOutcome } from './agent-ref.js';
import type { Group, GroupOptions } from './group.js';
import type { MeterableBreaker } from './breaker-meter.js';
import type { ObservedOperation, ObserveOptions } from './observe-options.js';
import type { SendOptions, SpawnArguments } from './spawn-options.js';
import type { EmitOptions } from './signal.js';
import type { EmitArguments, Topic } from './topic.js';

/** A message that an agent has planned for itself with `ctx.timers`. */
export interface AgentTimer {
  cancel(): void;
}

/** Where log lines go: what pino and most others have. The data come first. */
export interface Logger {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}

/** The time of an agent: that of the machine, or in a test the one that the test moves. */
export interface AgentClock {
  /** Milliseconds of a clock that never goes back; its zero means nothing. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  epochMs(): number;
}

/** The slices of the skills of an agent, by the name of the skill. */
export type Slices = Readonly<Record<string, unknown>>;

/** What a handler or hook gets as its last argument: who the agent is, and all it may do. It is of one life of one agent; after that it refuses. */
export interface AgentContext {
  readonly self: AgentRef;
  readonly id: string;
  /** Index of the thread this agent runs on; 0 is the calling one. */
  readonly thread: number;
  /** The agent that sent this message with `ctx.tell` or `ctx.ask`; undefined for messages sent with a plain reference. */
  readonly sender: AgentRef | undefined;
  /** The slices of this agent's skills, by name; `Skill.slice(ctx)` has the type. */
  readonly skills: Slices;
  readonly clock: AgentClock;
  /**
   * When whoever asked this message gives up, by `clock.nowMs()`; undefined for a message that was told, a timer and a hook. It may have passed: the message is
   * handled all the same. An ask with `ctx.ask`, or through `ctx.group`, waits no longer than that.
   */
  readonly deadlineMs: number | undefined;
  /** Next number of this agent's own seeded sequence, 0 ≤ x < 1. */
  random(): number;
  /** Aborted when the agent ends or restarts. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * Calls `fn`, and gives the operation metrics, a span where there is tracing, and a log line; passes on what `fn` returns or throws.
   * @param name of few: it is a label of time series. At most 100 bytes of UTF-8, and 256 names in a nexus; further ones are counted together
   * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
   */
  observe<T>(name: string, fn: (operation: ObservedOperation) => PromiseLike<T>, options?: ObserveOptions): Promise<T>;
  observe<T>(name: string, fn: (operation: ObservedOperation) => T, options?: ObserveOptions): T;
  /**
   * Counts the calls through a circuit breaker, and its state, under a name in the metrics: until this agent ends or restarts, or the function it returns is called. Agents that share a
   * breaker of their thread may each say so.
   * @param breaker what `circuitBreaker` of `nexus-agents/resilience` returns
   * @throws NexusTypeError NEXUS_OPTION_INVALID
   */
  meter(breaker: MeterableBreaker, name: string): () => void;
  readonly timers: {
    /** Sends this agent an action once. Cancelled when the agent ends or restarts. */
    after(delayMs: number, action: string, input?: unknown): AgentTimer;
    /** Sends this agent an action every `periodMs`. Cancelled when the agent ends or restarts. */
    every(periodMs: number, action: string, input?: unknown): AgentTimer;
  };
  /** Spawns a child: it ends when this agent ends or restarts. */
  spawn<D extends AnyAgent>(definition: D, ...rest: SpawnArguments<D>): Promise<AgentRef<D>>;
  /** The live agent of this id and kind, or a new one (not a child: others may use it too). */
  getOrSpawn<D extends AnyAgent>(definition: D, id: string, ...rest: SpawnArguments<D, 'id'>): Promise<AgentRef<D>>;
  find<D extends AnyAgent = AnyAgent>(id: string, definition?: D): AgentRef<D> | undefined;
  /** `find` for at most 65,536 ids in one call, in their order. */
  findMany<D extends AnyAgent = AnyAgent>(ids: readonly string[], definition?: D): (AgentRef<D> | undefined)[];
  /** To whatever agent has this id now, else to a member of the group of that name. */
  send(address: string, action: string, input?: unknown, options?: SendOptions): TellOutcome;
  /**
   * Puts this agent into a named group: at once for this thread, for the others when they hear of it. Ends with its life; a start hook may join again.
   * @throws NexusTypeError NEXUS_OPTION_INVALID; NexusError NEXUS_GROUP_FULL
   */
  join(group: string): void;
  leave(group: string): void;
  /** As `nexus.group`, with this agent as the sender; asks wait no longer than whoever asked the message that is handled. */
  group<D extends AnyAgent = AnyAgent>(name: string, definition?: D, options?: GroupOptions): Group<D>;
  /** As `ref.tell`, with this agent as the sender. */
  tell<D extends AnyAgent, N extends ActionName<D>>(ref: AgentRef<D>, action: N, ...rest: TellArguments<ActionsOf<D>[N]>): TellOutcome;
  /** One message to each agent, as `nexus.tellMany`: to those of another node in one frame. What became of each, in their order. */
  tellMany<D extends AnyAgent, N extends ActionName<D>>(
    refs: readonly AgentRef<D>[],
    action: N,
    ...rest: TellArguments<ActionsOf<D>[N]>
  ): readonly TellOutcome[];
  /** As `ref.offer`, with this agent as the sender. It waits no longer than this life of the agent. */
  offer<D extends AnyAgent, N extends ActionName<D>>(ref: AgentRef<D>, action: N, ...rest: OfferArguments<ActionsOf<D>[N]>): Promise<TellOutcome>;
  /** As `ref.ask`, with this agent as the sender. Waits no longer than whoever asked the message that is handled: see `deadlineMs`. */
  ask<D extends AnyAgent, N extends ActionName<D>>(ref: AgentRef<D>, action: N, ...rest: AskArguments<ActionsOf<D>[N]>): Promise<ReplyOf<ActionsOf<D>[N]>>;
  /** Calls `onTerminated` of this agent once when `ref` has ended, at once if it has ended already. A restart is not an end. */
  watch(ref: AgentRef): void;
  unwatch(ref: AgentRef): void;
  /**
   * Ties the two agents together: when one of them fails for good (ends by a failure, or with its thread), the other fails with NEXUS_LINK_FAILED. A normal end of one
   * ends the link, restarts do not. An agent that has ended already counts as failed.
   */
  link(ref: AgentRef): void;
  unlink(ref: AgentRef): void;
  /**
   * Publishes a signal to all agents and listeners that have subscribed to its topic, on all threads and all nodes of the cluster. Never waits.
   * @param options.scope `node`: only on this node
   * @throws NexusTypeError NEXUS_OPTION_INVALID for the topic, NEXUS_SHAPE_MISMATCH, NEXUS_NOT_CLONEABLE (a subscriber on another thread); NexusError NEXUS_MESSAGE_TOO_LARGE
   */
  emit(topic: string, data?: unknown, options?: EmitOptions): void;
  emit<T>(topic: Topic<T>, ...rest: EmitArguments<T>): void;
  /**
   * From now on signals whose topic matches are sent to this agent as this action, with a `Signal` as the input. Ends when the agent ends or restarts. At most 1,024.
   * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_ACTION_UNKNOWN
   */
  subscribe(pattern: string | Topic, action: string): void;
  /** Of one action, or of all that have this pattern. What waits in the mailbox is still handled. */
  unsubscribe(pattern: string | Topic, action?: string): void;
  /** Resolves when every thread knows what the agents of this thread have subscribed to so far. */
  subscribed(): Promise<void>;
  /**
   * Of a durable agent: saves the state as it is now, with what this handler has done so far. Resolves when it is on disk; rejects with NEXUS_STORE_FULL, NEXUS_STORE_FAILED
   * or NEXUS_NOT_CLONEABLE.
   */
  persist(): Promise<void>;
  /** Of a durable agent with `apply`: makes the change that the event stands for and has the event saved. Returns the state after it. Throws what `apply` throws. */
  // biome-ignore lint/suspicious/noExplicitAny: the state of the kind, which a context does not know
  record(event: unknown): any;
  /**
   * Of a durable agent in a cluster: the token of this activation, greater than that of every activation of the agent before it, on whichever node. Give it along with what the agent does outside, and have the other system
   * refuse a lower one than it has seen. Undefined outside of a cluster, and for other agents.
   */
  readonly fencingToken: number | undefined;
  /** Of a durable agent: ends it when the current handler has finished, and deletes what is stored of it, with its reminders. */
  forget(): void;
  /**
   * Of a durable agent: messages to itself that outlive the process. They bring it back to memory. Each has a name, unique to the agent: setting it again replaces it.
   * Handled at least once. The promises resolve when it is stored. At most 1,000 an agent.
   */
  readonly reminders: {
    /** @param epochMs milliseconds since 1970; one in the past is due at once */
    at(name: string, epochMs: number, action: string, input?: unknown): Promise<void>;
    after(name: string, delayMs: number, action: string, input?: unknown): Promise<void>;
    /** The first time after one period. Times that pass while no process runs are one. @param periodMs at least 10 */
    every(name: string, periodMs: number, action: string, input?: unknown): Promise<void>;
    /** Resolves also if there is none of this name. */
    cancel(name: string): Promise<void>;
  };
  /** Ends this agent when the current handler has finished. */
  stop(): void;
}

/**
 * What a nexus shows of itself while it runs, as plain values: the whole system in aggregates whose size does not grow with the number of agents, one agent, one message. Made by
 * `runtime/`, read by the console, the command line and user code. Not totals for machines: those are the metrics.
 */
/** Of each list in a snapshot, at most. Which entries are in it, its comment says. */
export const SNAPSHOT_KINDS_MAX = 200;
export const SNAPSHOT_ACTIONS_MAX = 50;
export const SNAPSHOT_FLOWS_MAX = 200;
export const SNAPSHOT_MAILBOXES_MAX = 20;
export const SNAPSHOT_RECENT_MAX = 20;

/** The system at a moment, with rates over the period before it. Rates are of one second. */
export interface SystemSnapshot {
  /** Milliseconds since 1970. */
  readonly takenAtMs: number;
  /** What the rates are over; 0 in the first snapshot after nobody has looked for a while, whose rates are 0. */
  readonly periodMs: number;
  readonly process: ProcessSnapshot;
  readonly agents: AgentTotals;
  readonly messages: MessageRates;
  /** Every thread, by index. */
  readonly threads: readonly ThreadSnapshot[];
  /** Kinds with the most agents first. */
  readonly kinds: readonly KindSnapshot[];
  /** Slowest first, by p99. From a sample. */
  readonly actions: readonly ActionSnapshot[];
  /** Heaviest first. From a sample. */
  readonly flows: readonly FlowSnapshot[];
  /** Agents with the most messages that wait, deepest first; found by a bounded search, so that not every one need be among them. */
  readonly mailboxes: readonly MailboxSnapshot[];
  readonly deadLetters: DeadLetterSnapshot;
  readonly restarts: RestartSnapshot;
  /** Durations over the whole life of the nexus, by name of the histogram. */
  readonly durations: Readonly<Record<'ask_local' | 'ask_remote' | 'turn' | 'message_wait', DurationSummary>>;
}

/** In milliseconds; NaN is not JSON, so that all are 0 while there is none. */
export interface DurationSummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface ProcessSnapshot {
  readonly pid: number;
  readonly nodeVersion: string;
  readonly engine: { readonly kind: string; readonly reason: string };
  readonly uptimeMs: number;
  /** CPU time of all threads, in cores: 1.5 is one and a half. */
  readonly cpuCores: number;
  readonly residentBytes: number;
  readonly isStopping: boolean;
}

export interface AgentTotals {
  readonly live: number;
  readonly spawnedPerSecond: number;
  readonly stoppedPerSecond: number;
}

export interface MessageRates {
  readonly handledPerSecond: number;
  readonly failedPerSecond: number;
  /** Sent within a thread. */
  readonly localPerSecond: number;
  /** Sent to another thread. */
  readonly remotePerSecond: number;
  readonly remoteBytesPerSecond: number;
  /** In mailboxes. */
  readonly waiting: number;
}

/** A thread: what it has, what it does in a second, and what it last measured of itself. */
export interface ThreadSnapshot {
  readonly thread: number;
  readonly state: string;
  /** False: it did not answer in time, as one whose event loop is blocked does not. What is shown of it is from the shared memory, and what it had said before. */
  readonly isAnswering: boolean;
  readonly incarnation: number;
  readonly agents: number;
  readonly waiting: number;
  readonly handledPerSecond: number;
  readonly localPerSecond: number;
  readonly remotePerSecond: number;
  /** What the thread last measured of itself; undefined where nothing measures. */
  readonly load:
    | {
        /** 0 to 1. */
        readonly utilization: number;
        readonly lagMs: number;
        /** Share of the time in garbage collection, 0 to 1. */
        readonly collecting: number;
        readonly heapUsedBytes: number;
        readonly heapLimitBytes: number;
      }
    | undefined;
}

/** A kind of agents on all threads. */
export interface KindSnapshot {
  readonly kind: string;
  readonly agents: number;
  /** From a sample, as far as messages of actions go. */
  readonly handledPerSecond: number;
}

/** Upper bounds of the counts of `ActionSnapshot.distribution`, in milliseconds: powers of two from 2^-10 (about 1 µs) to 2^13 (about 8 s). The last count is of what is above all. */
export const DISTRIBUTION_BOUNDS_MS: readonly number[] = Array.from({ length: 24 }, (_, index) => 2 ** (index - 10));

/** An action of a kind, as far as a sample tells: how often, how long, how many failed. Durations in milliseconds. */
export interface ActionSnapshot {
  readonly kind: string;
  readonly action: string;
  /** Estimated. */
  readonly perSecond: number;
  readonly failedPerSecond: number;
  /** How many were timed in the period. */
  readonly samples: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Counts, one more than `DISTRIBUTION_BOUNDS_MS`. */
  readonly distribution: readonly number[];
}

/** How often agents of one kind are sent messages by those of another, estimated. */
export interface FlowSnapshot {
  /** Kind of the sender, `(outside)` for callers that are no agents, `(timer)` for timers. */
  readonly from: string;
  readonly to: string;
  /** Estimated. */
  readonly perSecond: number;
}

/** An agent with messages that wait. */
export interface MailboxSnapshot {
  readonly id: string;
  readonly kind: string;
  readonly thread: number;
  readonly waiting: number;
  readonly capacity: number;
}

export interface DeadLetterSnapshot {
  /** By reason, since the start. */
  readonly totals: Readonly<Record<string, number>>;
  readonly perSecond: number;
  /** The latest first, since somebody looked. */
  readonly recent: readonly RecentDeadLetter[];
}

export interface RecentDeadLetter {
  readonly atMs: number;
  readonly reason: string;
  readonly kind: string | undefined;
  readonly id: string | undefined;
  readonly action: string | undefined;
  readonly thread: number;
}

export interface RestartSnapshot {
  /** Of agents, since the start. */
  readonly total: number;
  readonly perSecond: number;
  /** Failures, the latest first, since somebody looked. */
  readonly recent: readonly RecentFailure[];
}

export interface RecentFailure {
  readonly atMs: number;
  readonly kind: string;
  readonly id: string;
  /** Undefined for a hook. */
  readonly action: string | undefined;
  readonly thread: number;
  readonly error: string;
}

/** One agent, looked into. Values are texts, cut off at a length: what is shown must not depend on what can be encoded. */
export interface AgentInspection {
  readonly id: string;
  readonly kind: string;
  /** Of a durable agent that is not in memory (`passivated`): where it would come back. */
  readonly thread: number;
  readonly status: 'starting' | 'ready' | 'busy' | 'paused' | 'suspended' | 'stopping' | 'moving' | 'passivated';
  /** Starts since the first one. */
  readonly restarts: number;
  readonly isDurable: boolean;
  readonly parent: string | undefined;
  readonly children: number;
  readonly watchers: number;
  readonly links: number;
  readonly groups: readonly string[];
  readonly state: TextPreview;
  readonly mailbox: {
    readonly waiting: number;
    readonly capacity: number;
    readonly overflow: string;
    /** The oldest first, at most `INSPECTED_MESSAGES_MAX`. */
    readonly first: readonly WaitingMessage[];
  };
  /** The next first, at most `INSPECTED_MESSAGES_MAX`. */
  readonly timers: readonly { readonly action: string; readonly dueInMs: number; readonly periodMs: number }[];
  readonly subscriptions: readonly { readonly pattern: string; readonly action: string }[];
  /** Signals it published or was given, the latest first. */
  readonly signals: readonly { readonly atMs: number; readonly direction: 'published' | 'received'; readonly topic: string }[];
}

export const INSPECTED_MESSAGES_MAX = 20;

/** A message in the mailbox of an agent that is looked into. */
export interface WaitingMessage {
  readonly action: string;
  readonly sender: string | undefined;
  readonly isAsk: boolean;
  readonly input: TextPreview;
}

/** A value as a text that people read, cut off at a length. Made without running anything of the value. */
export interface TextPreview {
  readonly text: string;
  readonly isCut: boolean;
}

/** A message of an agent that is followed. */
export interface FollowedMessage {
  /** When its handler was called, milliseconds since 1970. */
  readonly atMs: number;
  readonly id: string;
  readonly kind: string;
  readonly thread: number;
  readonly action: string;
  /** Kind and id, such as `order o1`; undefined for a caller that is no agent. */
  readonly sender: string | undefined;
  readonly isAsk: boolean;
  readonly input: TextPreview;
  readonly outcome: 'handled' | 'failed' | 'refused';
  /** Until it returned, or its promise settled. */
  readonly tookMs: number;
  readonly error: string | undefined;
}

/** What a listener of `Nexus.follow` is given. */
export type FollowEvent =
  | { readonly type: 'message'; readonly message: FollowedMessage }
  /** Messages that were handled and are not shown, because there were more than the limit, since the event before. */
  | { readonly type: 'dropped'; readonly count: number }
  /** The agent has ended; no other event follows. */
  | { readonly type: 'ended' };

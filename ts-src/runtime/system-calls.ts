/**
 * Messages between the runtimes of two threads. They travel as messages to slot 0, which no agent has; the action is the number of the call. A call
 * that wants an answer is an ask, the others are tells. None is refused for a full ring, their number being bounded by what caused them, but for the news of
 * what happened (dead letters, signals, log lines, failures), which agents cause as often as they please: it is dropped when a mebibyte waits already.
 */
import type { StopReason } from '../model/agent-definition.js';
import type { Reminder } from '../ports/storage.js';
import type { AgentReference } from './agent-reference.js';
import type { DeadLetter } from './dead-letters.js';
import type { EntryChange } from './replicated-entries.js';

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
  'bringBack',
  'forget',
  'remind',
  'reminderSet',
] as const;

export type SystemCallName = (typeof SYSTEM_CALLS)[number];

/** Number of a call, for the action field of a message. */
export const systemCallNumber = Object.fromEntries(SYSTEM_CALLS.map((name, index) => [name, index])) as Readonly<Record<SystemCallName, number>>;

/** What the threads tell each other; where there is a reply, it is the return value. */
export interface SystemCalls {
  spawn(call: {
    readonly kind: number;
    readonly id: string;
    readonly init: unknown;
    readonly parent: AgentReference | undefined;
    readonly timeoutMs: number;
  }): AgentReference | Promise<AgentReference>;
  /** Resolves when the agent has ended. */
  stopAgent(call: { readonly slot: number; readonly generation: number }): void | Promise<void>;
  watch(call: { readonly target: AgentReference; readonly watcher: AgentReference }): void;
  unwatch(call: { readonly target: AgentReference; readonly watcher: AgentReference }): void;
  terminated(call: { readonly watcher: AgentReference; readonly ref: AgentReference; readonly id: string; readonly reason: StopReason }): void;
  childEnded(call: { readonly parent: AgentReference; readonly slot: number }): void;
  escalate(call: { readonly parent: AgentReference; readonly error: unknown }): void;
  threadLost(call: { readonly thread: number; readonly replaced: boolean }): void;
  /** Cancels the timers of agents, and tells whether anything waits or runs. */
  quiet(): Quiet;
  /** Ends all agents; resolves when their stop hooks have run. */
  shutdown(): Promise<void>;
  deadLetter(call: DeadLetter): void;
  signal(call: Signal): void;
  log(call: LogLine): void;
  agentFailed(call: AgentFailure): void;
  /** Resolves when an agent whose end has begun has ended; at once for any other. */
  whenEnded(call: { readonly slot: number; readonly generation: number }): void | Promise<void>;
  /** A child has come back after the loss of its thread. Its parent may have given it up meanwhile, or never have learnt that it was there: then it is ended. */
  childRestored(call: { readonly parent: AgentReference; readonly child: AgentReference }): void;
  entriesChanged(changes: readonly EntryChange[]): void;
  /** Answers when everything that was sent before has been read. */
  roundTrip(): void;
  /** Brings a durable agent back to memory, on the thread that is asked unless it is on another one by now. */
  bringBack(call: { readonly kind: number; readonly id: string }): Promise<AgentReference>;
  /** Ends a durable agent and deletes what is stored of it. */
  forget(call: { readonly slot: number; readonly generation: number }): void | Promise<void>;
  /** Resolves when the reminder is handled and that is stored. */
  remind(call: Reminder): void | Promise<void>;
  /** To the calling thread, which delivers reminders: one was stored. */
  reminderSet(call: { readonly dueEpochMs: number }): void;
}

export interface Quiet {
  /** Nothing waits or runs. */
  readonly idle: boolean;
  /** Grows with everything that happens. */
  readonly activity: number;
}

/** What `ctx.emit` publishes. */
export interface Signal {
  readonly topic: string;
  readonly data: unknown;
  readonly source: AgentReference;
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

/** The types of a reference to an agent. The one implementation is `runtime/agent-reference.ts`. */
import type { InputOf, ReplyOf } from './action.js';
import type { AnyAgent } from './agent-definition.js';

/** What became of a `tell`. Only `accepted` means that the message is on its way. */
export type TellOutcome =
  /** It is in the mailbox, or in the ring to the agent's thread. */
  | 'accepted'
  /** The mailbox, or the ring to the agent's thread, is full. Slow down and send again, or use `offer`, which waits. */
  | 'full'
  /** The overflow policy of the mailbox dropped it. */
  | 'dropped'
  /** The agent has ended. */
  | 'noAgent'
  /** The nexus has stopped; or, from `ctx`, the sender itself has ended or restarted meanwhile. */
  | 'stopped';

/** Options of one ask. */
export interface AskOptions {
  /** Time to wait for the reply. Default 5,000 (or `messages.askTimeoutMs` of the nexus); at most 86,400,000. */
  readonly timeoutMs?: number;
  /** Gives up the wait (the message may still be handled). */
  readonly signal?: AbortSignal;
}

/** Options of one offer. */
export interface OfferOptions {
  /** Time to wait for room. Default 5,000 (or `messages.askTimeoutMs` of the nexus); at most 86,400,000. */
  readonly timeoutMs?: number;
}

/** The actions of a definition, by name. */
export type ActionsOf<D extends AnyAgent> = D['actions'];
/** The names of the actions of a definition. */
export type ActionName<D extends AnyAgent> = keyof ActionsOf<D> & string;
/** Arguments after the action: the input may be left out where it may be undefined. */
export type TellArguments<A> = undefined extends InputOf<A> ? [input?: InputOf<A>] : [input: InputOf<A>];
/** As `TellArguments`, and the options of an offer. */
export type OfferArguments<A> = undefined extends InputOf<A> ? [input?: InputOf<A>, options?: OfferOptions] : [input: InputOf<A>, options?: OfferOptions];
/** As `TellArguments`, and the options of an ask. */
export type AskArguments<A> = undefined extends InputOf<A> ? [input?: InputOf<A>, options?: AskOptions] : [input: InputOf<A>, options?: AskOptions];

/**
 * A typed address of one agent. Works the same from every thread, can be sent in a message, and is found stale once the agent has ended; a later
 * agent of the same id has another reference. A restarted agent keeps its reference.
 */
export interface AgentRef<D extends AnyAgent = AnyAgent> {
  readonly id: string;
  readonly kind: string;
  /**
   * Sends a message and does not wait. Never throws for a full mailbox, a full ring or an agent that has ended: it returns what became of the message.
   * @throws NexusTypeError NEXUS_ACTION_UNKNOWN, NEXUS_SHAPE_MISMATCH, NEXUS_NOT_CLONEABLE (agent on another thread); NexusError NEXUS_MESSAGE_TOO_LARGE
   */
  tell<N extends ActionName<D>>(action: N, ...rest: TellArguments<ActionsOf<D>[N]>): TellOutcome;
  /**
   * As `tell`, but where there is no room it waits until there is: resolves with what became of the message, `full` if there was no room in time. For senders that may be
   * faster than the agent. One sender's offers keep their order if each is awaited before the next. Rejects with what `tell` throws.
   */
  offer<N extends ActionName<D>>(action: N, ...rest: OfferArguments<ActionsOf<D>[N]>): Promise<TellOutcome>;
  /**
   * Sends a message and resolves with the reply. Rejects with what the handler threw, or with a NexusError: NEXUS_ASK_TIMEOUT, NEXUS_ASK_ABORTED,
   * NEXUS_AGENT_NOT_FOUND, NEXUS_AGENT_STOPPED, NEXUS_MAILBOX_FULL, NEXUS_BACKPRESSURE, NEXUS_THREAD_LOST, NEXUS_STOPPED.
   */
  ask<N extends ActionName<D>>(action: N, ...rest: AskArguments<ActionsOf<D>[N]>): Promise<ReplyOf<ActionsOf<D>[N]>>;
  /**
   * Ends the agent after the messages this caller sent before. Resolves when its stop hook has run; at once if it has ended already.
   * Messages that are queued behind are dead letters, their asks reject with NEXUS_AGENT_STOPPED.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Same agent, same life. */
  equals(other: AgentRef): boolean;
  /** Never present: a reference to an agent of one definition is not one of another. */
  readonly __definition?: D;
}

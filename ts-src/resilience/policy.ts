/**
 * What all policies are: a way to call an operation. A policy wraps any function that returns a promise, and asks of agents, with the types of both kept; policies
 * nest by `wrap`. The five kinds are in files of their own; they keep their state over all calls, so one policy belongs to one dependency.
 */
import { NexusError, optionError, valueText } from '../errors.js';
import type { InputOf, ReplyOf } from '../model/action.js';
import type { AnyAgent } from '../model/agent-definition.js';
import type { ActionName, ActionsOf, AgentRef } from '../model/agent-ref.js';
import type { Clock } from '../ports/clock.js';
import { CALL_OPTIONS, type CallOptions, contextOf, type PolicyContext, UNBOUNDED } from './policy-context.js';

/** What is called. It may return a value, but what throws or rejects is what policies are for. */
export type Operation<T> = (context: PolicyContext) => T | PromiseLike<T>;

/** Options of an ask through a policy. */
export interface PolicyAskOptions extends CallOptions {
  /** Longest time to wait for one reply: of each attempt, within the deadline. Default: until the deadline, or without one as any ask; at most 86,400,000. */
  readonly timeoutMs?: number;
}

export type PolicyAskArguments<A> =
  undefined extends InputOf<A> ? [input?: InputOf<A>, options?: PolicyAskOptions] : [input: InputOf<A>, options?: PolicyAskOptions];

/** What a policy uses of its surroundings. */
export interface PolicyNeeds {
  readonly clock: Clock;
  /** 0 ≤ x < 1, for jitter. */
  readonly random: () => number;
  /** Told of errors that a listener or a function among the options threw. */
  readonly report: (error: unknown) => void;
}

/** The key of what a policy may answer, a type. */
export declare const ANSWER: unique symbol;

/** What is put around calls: `execute` calls an operation as the policy says. `wrap` nests policies. Not to be extended: make them with the functions of this entry. @typeParam F what a call may resolve with instead of what its operation returned; `never` for all but fallbacks. */
export abstract class Policy<F = never> {
  /** Never there: it holds F for the compiler, which cannot find it in the generic methods. */
  declare readonly [ANSWER]?: () => F;

  /** Calls the operation as the policy says. Rejects with what it throws, or with the error of the policy; mistakes in the options reject, too. */
  execute<T>(operation: Operation<T>, options?: CallOptions): Promise<T | F> {
    try {
      if (typeof operation !== 'function') throw optionError('operation', `must be a function, not ${valueText(operation)}`);
      return this.run(operation, contextOf(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Asks an agent as the policy says. A retry asks again: its action must stand being handled twice. Rejects as `ref.ask`, or with the error of the policy. */
  ask<D extends AnyAgent, N extends ActionName<D>>(
    ref: AgentRef<D>,
    action: N,
    ...rest: PolicyAskArguments<ActionsOf<D>[N]>
  ): Promise<ReplyOf<ActionsOf<D>[N]> | F>;
  ask(ref: AgentRef, action: string, input?: unknown, options?: PolicyAskOptions): Promise<unknown> {
    if (options === undefined) return this.run((context) => ask(ref, action, input, context, undefined), UNBOUNDED);
    try {
      const { timeoutMs } = options;
      return this.run((context) => ask(ref, action, input, context, timeoutMs), contextOf(options, ASK_OPTIONS));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The call itself, with options that have been checked. Does not throw. Called by policies further out. */
  abstract run<T>(operation: Operation<T>, context: PolicyContext): Promise<T | F>;
}

const ASK_OPTIONS: readonly string[] = [...CALL_OPTIONS, 'timeoutMs'];

function ask(ref: AgentRef, action: string, input: unknown, context: PolicyContext, timeoutMs: number | undefined): Promise<unknown> {
  if (typeof (ref as Partial<AgentRef> | undefined)?.ask !== 'function')
    throw optionError('ref', `must be a reference to an agent, as spawn and find return one, not ${valueText(ref)}`);
  return ref.ask(action, input, context.askOptionsFor(timeoutMs));
}

/** The result as a promise; what the operation throws is a rejection. It is not called if the call has been given up, or its deadline has passed. */
export function call<T>(operation: Operation<T>, context: PolicyContext): Promise<T> {
  const reason = reasonNotToBegin(context);
  if (reason !== undefined) return Promise.reject(reason);
  try {
    const result = operation(context);
    return result instanceof Promise ? result : Promise.resolve(result);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Why a call may not begin any more, or undefined if it may. */
export function reasonNotToBegin({ abort, deadline }: PolicyContext): NexusError | undefined {
  if (abort?.aborted === true) return aborted(abort.reason);
  return deadline?.hasPassed === true ? timeExpired() : undefined;
}

export function aborted(reason: unknown): NexusError {
  // What a policy further out has decided keeps its code.
  if (reason instanceof NexusError && (reason.code === 'NEXUS_TIMEOUT' || reason.code === 'NEXUS_ABORTED')) return reason;
  return new NexusError('NEXUS_ABORTED', 'the call was given up: its AbortSignal was aborted while it waited', { cause: reason });
}

export function timeExpired(): NexusError {
  return new NexusError('NEXUS_TIMEOUT', 'the deadline of the call has passed; give deadlineIn a longer time if it may take longer');
}

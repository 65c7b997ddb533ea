/**
 * What a kind of agent is: `defineAgent` and the types that follow from it. Values only; running them is `runtime/`.
 */
import { NexusTypeError } from '../errors.js';
import type { ActionWithOptions, DeclaredActions } from './action.js';
import type { AgentContext } from './agent-context.js';
import type { AgentRef } from './agent-ref.js';
import { checkActionWrites, checkDurable, type DurableOptions } from './durable-options.js';
import { checkShape } from './shape.js';

/** What supervision does with an agent whose handler failed. */
export type Directive = 'resume' | 'restart' | 'stop' | 'escalate';

export interface Backoff {
  /** Delay before the first restart. Default 10, 0 to 86,400,000. */
  readonly initialMs?: number;
  /** Upper limit of the delay. Default 10,000. */
  readonly maxMs?: number;
  /** Growth from one restart to the next within the period. Default 2, at least 1. */
  readonly factor?: number;
  /** Share of the delay that is drawn at random, 0 to 1. Default 0.2. */
  readonly jitter?: number;
}

export interface Supervision {
  /** Default `restart`. A function may decide by error; one that throws or returns something else counts as `stop`. */
  readonly onFailure?: Directive | ((error: unknown) => Directive);
  /** Restarts allowed within `periodMs`; one more stops the agent. Default 10, 0 to 1,000,000. */
  readonly intensity?: number;
  /** Default 10,000. */
  readonly periodMs?: number;
  readonly backoff?: Backoff;
}

/** What a full mailbox does with a message. `reject`: the sender is told. `dropNewest`: the new message is dropped. `dropOldest`: the oldest one is. */
export type Overflow = 'reject' | 'dropNewest' | 'dropOldest';

export interface MailboxOptions {
  /** Messages that may wait. Default 65,536; 1 to 16,777,216. */
  readonly capacity?: number;
  /** Default `reject`. */
  readonly overflow?: Overflow;
}

/** Why an agent ended. */
export type StopReason =
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'restart'; readonly error: unknown }
  | { readonly type: 'parentStopped' }
  | { readonly type: 'shutdown' }
  | { readonly type: 'threadFailed' }
  | { readonly type: 'notFound' }
  /** Only `onStop` of a durable agent sees it: the agent leaves memory and returns with the next message. Watchers are not told. */
  | { readonly type: 'passivated' };

/** The end of a watched agent. */
export interface Terminated {
  readonly ref: AgentRef;
  readonly id: string;
  readonly reason: StopReason;
}

export interface AgentSpecification<K extends string, S, I, A> {
  /** Unique name of this kind of agent, 1 to 100 characters. */
  readonly kind: K;
  /** Makes the state from `init`, at start and at every restart. */
  readonly state: (init: I) => S;
  readonly actions: A;
  /** Runs before the first message, at start and after every restart. */
  readonly onStart?: (state: S, ctx: AgentContext) => unknown;
  /** Runs after the last message, and before a restart. Its failure is logged, nothing more. */
  readonly onStop?: (state: S, reason: StopReason, ctx: AgentContext) => unknown;
  /** Runs when an agent watched with `ctx.watch` has ended. */
  readonly onTerminated?: (state: S, ended: Terminated, ctx: AgentContext) => unknown;
  readonly mailbox?: MailboxOptions;
  readonly supervision?: Supervision;
  /** The state outlives the process: `docs/durability.md`. Needs the option `storage` of `createNexus`. */
  readonly durable?: DurableOptions<NoInfer<S>>;
}

const BRAND = Symbol.for('nexus-agents.definition.1');

/** A kind of agent, as `defineAgent` returns it. */
export interface AgentDefinition<K extends string = string, S = unknown, I = unknown, A = unknown> extends AgentSpecification<K, S, I, A> {
  /** Never present: carries the types. */
  readonly __types?: { state: S; init: I; actions: A };
}

// biome-ignore lint/suspicious/noExplicitAny: stands for every definition
export type AnyAgent = AgentDefinition<string, any, any, any>;

/**
 * Declares a kind of agent. Nothing runs yet: give the module that exports it to `createNexus({ agents })` and spawn it.
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID
 */
export function defineAgent<const K extends string, S, I, A, X extends Record<keyof A, unknown>, Y extends Record<keyof A, unknown>>(
  specification: AgentSpecification<K, S, I, DeclaredActions<S, A, X, Y>>,
): AgentDefinition<K, S, I, A> {
  checkSpecification(specification as unknown as Record<string, unknown>);
  const definition = { ...specification, actions: Object.freeze({ ...specification.actions }) };
  Object.defineProperty(definition, BRAND, { value: true });
  return Object.freeze(definition);
}

/** True for a value made by `defineAgent`, also by another copy of this package. */
export function isAgentDefinition(value: unknown): value is AnyAgent {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

const FIELDS = new Set(['kind', 'state', 'actions', 'onStart', 'onStop', 'onTerminated', 'mailbox', 'supervision', 'durable']);

function checkSpecification(specification: Record<string, unknown>): void {
  if (typeof specification !== 'object' || specification === null) throw invalid('expected an object with kind, state and actions');
  const kind = specification['kind'];
  if (typeof kind !== 'string' || kind.length === 0 || kind.length > 100) throw invalid('kind must be a string of 1 to 100 characters');
  for (const field of Object.keys(specification))
    if (!FIELDS.has(field)) throw invalid(`'${kind}' has an unknown field '${field}'; fields are ${[...FIELDS].join(', ')}`);
  if (typeof specification['state'] !== 'function') throw invalid(`'${kind}' needs state: (init) => the initial state`);
  const actions = specification['actions'];
  if (typeof actions !== 'object' || actions === null) throw invalid(`'${kind}' needs actions: an object of functions`);
  const names = Object.keys(actions);
  if (names.length > 65_535) throw invalid(`'${kind}' has more than 65,535 actions`);
  for (const name of names) {
    const action = (actions as Record<string, unknown>)[name];
    const handler = typeof action === 'object' && action !== null ? (action as { handler?: unknown }).handler : action;
    if (typeof handler !== 'function')
      throw invalid(`action '${name}' of '${kind}' must be a function (state, input, ctx) => reply, or { handler, concurrent, input, reply }`);
    if (typeof action === 'object' && action !== null) checkAction(kind, name, action as ActionWithOptions<unknown>, specification['durable'] !== undefined);
  }
  for (const hook of ['onStart', 'onStop', 'onTerminated']) {
    if (specification[hook] !== undefined && typeof specification[hook] !== 'function') throw invalid(`${hook} of '${kind}' must be a function`);
  }
  checkMailbox(kind, specification['mailbox'] as MailboxOptions | undefined);
  checkSupervision(kind, specification['supervision'] as Supervision | undefined);
  checkDurable(kind, specification['durable'] as DurableOptions<unknown> | undefined);
}

function checkAction(kind: string, name: string, action: ActionWithOptions<unknown>, isDurable: boolean): void {
  known(kind, `action '${name}'`, action, ['handler', 'concurrent', 'input', 'reply', 'durable']);
  checkActionWrites(kind, name, action.durable, isDurable);
  const { concurrent, input, reply } = action;
  if (concurrent !== undefined && typeof concurrent !== 'boolean') throw invalid(`concurrent of action '${name}' of '${kind}' must be true or false`);
  if (input !== undefined) checkShape(input, `defineAgent: input of action '${name}' of '${kind}'`);
  if (reply !== undefined) checkShape(reply, `defineAgent: reply of action '${name}' of '${kind}'`);
}

function checkMailbox(kind: string, mailbox: MailboxOptions | undefined): void {
  if (mailbox === undefined) return;
  known(kind, 'mailbox', mailbox, ['capacity', 'overflow']);
  const { capacity, overflow } = mailbox;
  if (capacity !== undefined && !(Number.isInteger(capacity) && capacity >= 1 && capacity <= 16_777_216))
    throw invalid(`mailbox.capacity of '${kind}' is ${String(capacity)}; it must be a whole number from 1 to 16,777,216`);
  if (overflow !== undefined && !['reject', 'dropNewest', 'dropOldest'].includes(overflow))
    throw invalid(`mailbox.overflow of '${kind}' is '${String(overflow)}'; it must be reject, dropNewest or dropOldest`);
}

function checkSupervision(kind: string, supervision: Supervision | undefined): void {
  if (supervision === undefined) return;
  known(kind, 'supervision', supervision, ['onFailure', 'intensity', 'periodMs', 'backoff']);
  const { onFailure, intensity, periodMs, backoff } = supervision;
  if (onFailure !== undefined && typeof onFailure !== 'function' && !['resume', 'restart', 'stop', 'escalate'].includes(onFailure)) {
    throw invalid(
      `supervision.onFailure of '${kind}' is '${String(onFailure)}'; it must be resume, restart, stop, escalate or a function that returns one of them`,
    );
  }
  range(kind, 'supervision.intensity', intensity, 0, 1_000_000);
  range(kind, 'supervision.periodMs', periodMs, 1, 86_400_000);
  if (backoff === undefined) return;
  known(kind, 'supervision.backoff', backoff, ['initialMs', 'maxMs', 'factor', 'jitter']);
  range(kind, 'supervision.backoff.initialMs', backoff.initialMs, 0, 86_400_000);
  range(kind, 'supervision.backoff.maxMs', backoff.maxMs, 0, 86_400_000);
  range(kind, 'supervision.backoff.factor', backoff.factor, 1, 1000);
  range(kind, 'supervision.backoff.jitter', backoff.jitter, 0, 1);
}

function known(kind: string, group: string, options: object, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw invalid(`${group} of '${kind}' must be an object`);
  for (const name of Object.keys(options))
    if (!names.includes(name)) throw invalid(`${group} of '${kind}' has an unknown field '${name}'; fields are ${names.join(', ')}`);
}

function range(kind: string, name: string, value: number | undefined, min: number, max: number): void {
  if (value !== undefined && !(typeof value === 'number' && value >= min && value <= max))
    throw invalid(`${name} of '${kind}' is ${String(value)}; it must be from ${min} to ${max}`);
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineAgent: ${message}`);
}

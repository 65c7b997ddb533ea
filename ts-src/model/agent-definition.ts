/**
 * What a kind of agent is: `defineAgent` and the types that follow from it. Values only; running them is `runtime/`.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { NexusTypeError, valueText } from '../errors.js';
import { unknownField } from './nearest-name.js';
import type { DeclaredActions, DeclaredQueries, DeclaredUpdates, UpdateActions } from './action.js';
import { checkActions } from './action-checks.js';
import type { AgentContext } from './agent-context.js';
import type { AgentRef } from './agent-ref.js';
import type { ActionForm } from './prepared-action.js';
import type { AnySkill, SkillActions } from './skill.js';
import { prepareParts } from './skilled-agent.js';
import { isStandardSchema } from './standard-schema.js';
import { checkSubscriptions, type Subscriptions } from './topic.js';
import type { SupervisorPolicy } from './supervisor.js';
import { checkGroupsOfKind } from './group.js';
import { checkActionWrites, checkDurable, type DurableOptions } from './durable-options.js';

/** What supervision does with an agent whose handler failed. */
export type Directive = 'resume' | 'restart' | 'stop' | 'escalate';

/** Delays between the restarts of an agent that goes on failing. */
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

/** What happens when a handler or hook of the agent throws. */
export interface Supervision {
  /** Default `restart`. A function may decide by error; one that throws or returns something else counts as `stop`. */
  readonly onFailure?: Directive | ((error: unknown) => Directive);
  /** Restarts allowed within `periodMs`; one more stops the agent. Default 10, 0 to 1,000,000. */
  readonly intensity?: number;
  /** Default 30,000: longer than the default back-off takes for that many restarts, so that what always fails ends. */
  readonly periodMs?: number;
  readonly backoff?: Backoff;
}

/** What a full mailbox does with a message. `reject`: the sender is told. `dropNewest`: the new message is dropped. `dropOldest`: the oldest one is. */
export type Overflow = 'reject' | 'dropNewest' | 'dropOldest';

/** How many messages may wait for an agent, and what becomes of more. */
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
  /** Its node has left the cluster or was removed from it, and the agent with it. Nobody but those tied to it from other nodes sees it. */
  | { readonly type: 'nodeLost'; readonly node: string }
  | { readonly type: 'notFound' }
  /** Only `onStop` of a durable agent sees it: the agent leaves memory and returns with the next message. Watchers are not told. */
  | { readonly type: 'passivated' };

/** The end of a watched agent. */
export interface Terminated {
  readonly ref: AgentRef;
  readonly id: string;
  readonly reason: StopReason;
}

/** Where the id of an agent is unique: in the whole cluster, or on its node. */
export type AgentScope = 'cluster' | 'node';

/** What `defineAgent` takes. Functions of it run on whichever thread the agent is on. */
export interface AgentSpecification<K extends string, S, I, A, Q = unknown, U = unknown, V extends readonly AnySkill[] = readonly AnySkill[]> {
  /** Unique name of this kind of agent, 1 to 100 characters. */
  readonly kind: K;
  /** Makes the state from `init`, at start and at every restart. */
  readonly state: (init: I) => S;
  /** May be left out where there are queries, updates or skills. */
  readonly actions?: A;
  /** Level of intelligence. Default, and the only one: `reactive`. */
  readonly level?: 'reactive';
  /** What reads the state and replies: pure, synchronous, without effects. */
  readonly queries?: Q;
  /** What makes the next state of the state: pure, synchronous, without effects. */
  readonly updates?: U;
  /** A Standard Schema validator: an update or decision whose state does not pass is refused, and the old state stays. */
  readonly validateState?: StandardSchemaV1;
  /** Bundles of actions, a slice of state and sensors that several kinds share. At most 100. */
  readonly skills?: V;
  /** Runs before the first message, at start and after every restart. */
  readonly onStart?: (state: S, ctx: AgentContext) => unknown;
  /** Runs after the last message, and before a restart. Its failure is logged, nothing more. */
  readonly onStop?: (state: S, reason: StopReason, ctx: AgentContext) => unknown;
  /** Runs when an agent watched with `ctx.watch` has ended. */
  readonly onTerminated?: (state: S, ended: Terminated, ctx: AgentContext) => unknown;
  readonly mailbox?: MailboxOptions;
  readonly supervision?: Supervision;
  /** Signals it gets, as pattern to action: from before its start hook until its end, restarts included. Those of the skills are added. At most 1,024. */
  readonly subscriptions?: Subscriptions;
  /** Named groups it is in from when it has started, and again after a restart. At most 100 names of 1 to 200 characters. */
  readonly groups?: readonly string[];
  /**
   * In a cluster: of what an id is unique. `cluster` (default): one agent of an id in the whole cluster, which is found from every node and may move. `node`: one on each node, which stays there, as for what
   * watches a machine.
   */
  readonly scope?: AgentScope;
  /** The state outlives the process: `docs/durability.md`. Needs the option `storage` of `createNexus`. */
  readonly durable?: DurableOptions<NoInfer<S>>;
}

const BRAND = Symbol.for('nexus-agents.definition.1');

/** A kind of agent, as `defineAgent` returns it. */
export interface AgentDefinition<K extends string = string, S = unknown, I = unknown, A = unknown> extends AgentSpecification<K, S, I, A> {
  /** All that can be sent to an agent of this kind: its actions, queries and updates and the actions of its skills. */
  readonly actions: A;
  /** Of a kind made by `defineSupervisor`. */
  readonly supervisor?: SupervisorPolicy;
  /** Never present: carries the types. */
  readonly __types?: { state: S; init: I; actions: A };
}

/** Any definition: for functions that take agents of every kind. */
// biome-ignore lint/suspicious/noExplicitAny: stands for every definition
export type AnyAgent = AgentDefinition<string, any, any, any>;

/** Of what can be left out of a specification. */
type None = Record<never, never>;
/** What can be sent: an intersection only where there is something to add. */
type Plus<A, B> = [keyof B] extends [never] ? A : [keyof A] extends [never] ? B : A & B;

/** Each of A, Q and U is inferred from the declarations, X and Y from what they declare of inputs and replies. */
export type DefineAgent = <
  const K extends string,
  S,
  I,
  A = None,
  X extends Record<keyof A, unknown> = Record<keyof A, unknown>,
  Y extends Record<keyof A, unknown> = Record<keyof A, unknown>,
  Q = None,
  XQ extends Record<keyof Q, unknown> = Record<keyof Q, unknown>,
  U = None,
  XU extends Record<keyof U, unknown> = Record<keyof U, unknown>,
  const V extends readonly AnySkill[] = readonly [],
>(
  specification: AgentSpecification<K, S, I, DeclaredActions<S, A, X, Y>, DeclaredQueries<S, Q, XQ>, DeclaredUpdates<S, U, XU>, V>,
) => AgentDefinition<K, S, I, Plus<Plus<A, Q>, Plus<UpdateActions<U>, SkillActions<V>>>>;

/** What users call is `define-agent.ts`, which adds the actions of a level; this is for definitions the runtime makes itself. @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export const defineAgent: DefineAgent = (specification) => makeDefinition(specification as never, () => new Map()) as never;

/**
 * @param leveled the actions that its level makes of the specification, once that is known to be one
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID
 */
export function makeDefinition(specification: Record<string, unknown>, leveled: (kind: string) => ReadonlyMap<string, ActionForm>): AnyAgent {
  checkSpecification(specification);
  const { kind, state, actions, skills = [], validateState, subscriptions, durable, onStart, onStop, onTerminated } = specification as unknown as AnyAgent;
  const forms = { ...(actions as Record<string, ActionForm>) };
  for (const [name, form] of leveled(kind)) {
    if (Object.hasOwn(forms, name)) throw invalid(`'${kind}' has an action and a query or update '${name}'`);
    Object.defineProperty(forms, name, { value: form, enumerable: true });
  }
  const prepared = prepareParts({ kind, state, actions: forms, skills, subscriptions, validateState, onStart, onStop, onTerminated });
  checkSubscriptions(kind, prepared.subscriptions, prepared.actions);
  for (const [name, action] of Object.entries(prepared.actions))
    if (typeof action === 'object') checkActionWrites(kind, name, action.durable, durable !== undefined);
  const definition = { ...specification, ...Object.fromEntries(Object.entries(prepared).filter(([, part]) => part !== undefined)) };
  Object.defineProperty(definition, 'actions', { value: Object.freeze(prepared.actions), enumerable: true });
  return sealDefinition(definition) as unknown as AnyAgent;
}

/** Marks what was checked as a definition, for ever. */
export function sealDefinition<T extends object>(definition: T): T {
  Object.defineProperty(definition, BRAND, { value: true });
  return Object.freeze(definition);
}

/** True for a value made by `defineAgent`, also by another copy of this package. */
export function isAgentDefinition(value: unknown): value is AnyAgent {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

const FIELDS = [
  'kind',
  'state',
  'actions',
  'level',
  'queries',
  'updates',
  'validateState',
  'skills',
  'subscriptions',
  'onStart',
  'onStop',
  'onTerminated',
  'mailbox',
  'supervision',
  'groups',
  'scope',
  'durable',
];

function checkSpecification(specification: Record<string, unknown>): void {
  if (typeof specification !== 'object' || specification === null) throw invalid('expected an object with kind, state and actions');
  const kind = specification['kind'];
  if (typeof kind !== 'string' || kind.length === 0 || kind.length > 100) throw invalid(`kind must be a string of 1 to 100 characters, not ${valueText(kind)}`);
  for (const field of Object.keys(specification)) if (!FIELDS.includes(field)) throw unknownField('defineAgent', `'${kind}'`, field, FIELDS);
  if (typeof specification['state'] !== 'function') throw invalid(`'${kind}' needs state: (init) => the initial state`);
  const { actions, skills, validateState } = specification;
  if (skills !== undefined && !Array.isArray(skills)) throw invalid(`skills of '${kind}' must be a list of what defineSkill returns`);
  const hasOthers = ['queries', 'updates', 'skills'].some((field) => specification[field] !== undefined);
  if (actions !== undefined || !hasOthers) checkActions('defineAgent', kind, actions);
  if (validateState !== undefined && !isStandardSchema(validateState)) throw invalid(`validateState of '${kind}' must be a Standard Schema validator`);
  for (const hook of ['onStart', 'onStop', 'onTerminated']) {
    if (specification[hook] !== undefined && typeof specification[hook] !== 'function') throw invalid(`${hook} of '${kind}' must be a function`);
  }
  checkMailbox(kind, specification['mailbox'] as MailboxOptions | undefined);
  checkSupervision(kind, specification['supervision'] as Supervision | undefined);
  checkGroupsOfKind(kind, specification['groups']);
  const { scope } = specification;
  if (scope !== undefined && scope !== 'cluster' && scope !== 'node') throw invalid(`scope of '${kind}' is ${valueText(scope)}; it must be cluster or node`);
  checkDurable(kind, specification['durable'] as DurableOptions<unknown> | undefined);
}

export function checkMailbox(kind: string, mailbox: MailboxOptions | undefined): void {
  if (mailbox === undefined) return;
  known(kind, 'mailbox', mailbox, ['capacity', 'overflow']);
  const { capacity, overflow } = mailbox;
  if (capacity !== undefined && !(Number.isInteger(capacity) && capacity >= 1 && capacity <= 16_777_216))
    throw invalid(`mailbox.capacity of '${kind}' is ${valueText(capacity)}; it must be a whole number from 1 to 16,777,216`);
  if (overflow !== undefined && !['reject', 'dropNewest', 'dropOldest'].includes(overflow))
    throw invalid(`mailbox.overflow of '${kind}' is ${valueText(overflow)}; it must be reject, dropNewest or dropOldest`);
}

export function checkSupervision(kind: string, supervision: Supervision | undefined): void {
  if (supervision === undefined) return;
  known(kind, 'supervision', supervision, ['onFailure', 'intensity', 'periodMs', 'backoff']);
  const { onFailure, intensity, periodMs, backoff } = supervision;
  if (onFailure !== undefined && typeof onFailure !== 'function' && !['resume', 'restart', 'stop', 'escalate'].includes(onFailure)) {
    throw invalid(
      `supervision.onFailure of '${kind}' is ${valueText(onFailure)}; it must be resume, restart, stop, escalate or a function that returns one of them`,
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
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid(`${group} of '${kind}' is ${valueText(options)}; it must be an object`);
  for (const name of Object.keys(options)) if (!names.includes(name)) throw unknownField('defineAgent', `${group} of '${kind}'`, name, names);
}

function range(kind: string, name: string, value: number | undefined, min: number, max: number): void {
  if (value !== undefined && !(typeof value === 'number' && value >= min && value <= max))
    throw invalid(`${name} of '${kind}' is ${valueText(value)}; it must be from ${min} to ${max}`);
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineAgent: ${message}`);
}

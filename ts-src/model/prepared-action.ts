/**
 * Makes of every form of action one handler that the dispatcher can call: around it the validation of the input, within it the part of the state that is its own, the
 * decision with its effects, or the query. An action that needs none of it stays the function it was, and costs what it did. Called by `defineAgent`.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { NexusTypeError } from '../errors.js';
import type { Decide, Decided, Handler, QueryHandler } from './action.js';
import type { AgentContext } from './agent-context.js';
import type { ActionWrites } from './durable-options.js';
import { type Effect, faultOf, perform } from './effect.js';
import { factsOf } from './facts.js';
import type { Shape } from './shape.js';
import { changeIn, traceOf } from './state-trace.js';
import { isPromise, isStandardSchema, type Refused, textOf, type Validation, validate } from './standard-schema.js';

/** What an action is written as. `decide` and `query` are pure. */
export type ActionForm = { readonly concurrent?: boolean; readonly input?: unknown; readonly reply?: Shape; readonly durable?: ActionWrites } & (
  | { readonly handler: Handler<unknown> }
  | { readonly decide: Decide<unknown> }
  | { readonly query: QueryHandler<unknown> }
);

/** As the runtime takes it. */
export interface PreparedAction {
  readonly handler: Handler<unknown>;
  readonly concurrent?: boolean;
  /** A shape, or the validator that `handler` applies. */
  readonly input?: unknown;
  readonly reply?: Shape;
  readonly durable?: ActionWrites;
  /** What it makes of the state is its result. */
  readonly isDecision?: boolean;
  /** It changes no state. */
  readonly isQuery?: boolean;
}

/** Which part of the whole state of an agent is an action's own. */
export interface StatePart {
  of(whole: unknown): unknown;
  replace(ctx: AgentContext, whole: unknown, next: unknown): void;
}

export interface ActionSubject {
  readonly kind: string;
  readonly action: string;
}

/** What the runtime's context has beside its public members. Reading `[STATE]` throws when the life of the handler is over. */
export const STATE = Symbol('nexus-agents.state');
export const DEVELOPMENT = Symbol('nexus-agents.development');
export interface ContextInside {
  [STATE]: unknown;
  readonly [DEVELOPMENT]: boolean;
}

/** The state of an agent without skills. */
export const WHOLE_STATE: StatePart = {
  of: (whole) => whole,
  replace: (ctx, _whole, next) => {
    inside(ctx)[STATE] = next;
  },
};

/** Thrown in the place of an error that is the caller's: the agent has not failed. The dispatcher gives `error` to who asked. */
export class Refusal extends Error {
  readonly error: Error;
  readonly #isRefusal = true;

  constructor(error: Error) {
    super(error.message);
    this.error = error;
  }

  /** Also of what a handler threw that cannot even be asked for its prototype. */
  static is(thrown: unknown): thrown is Refusal {
    return typeof thrown === 'object' && thrown !== null && #isRefusal in thrown;
  }
}

/** What `thrown` is to whoever asked. */
export function errorForCaller(thrown: unknown): unknown {
  return Refusal.is(thrown) ? thrown.error : thrown;
}

/** @param validator of states that a decision leads to */
export function prepareAction(
  subject: ActionSubject,
  form: ActionForm | Handler<unknown>,
  part: StatePart,
  validator: StandardSchemaV1 | undefined,
): PreparedAction | Handler<unknown> {
  const action: ActionForm = typeof form === 'function' ? { handler: form } : form;
  const schema = isStandardSchema(action.input) ? action.input : undefined;
  const isPlain = 'handler' in action && part === WHOLE_STATE && schema === undefined;
  if (isPlain) return form as PreparedAction | Handler<unknown>;
  const inner = handlerOf(subject, action, part, validator);
  const handler = schema === undefined ? inner : validated(subject, schema, inner);
  return 'query' in action ? { input: action.input, handler, isQuery: true } : { ...action, handler, isDecision: 'decide' in action };
}

function handlerOf(subject: ActionSubject, action: ActionForm, part: StatePart, validator: StandardSchemaV1 | undefined): Handler<unknown> {
  if ('decide' in action) return deciding(subject, action.decide, part, validator);
  if ('query' in action) return querying(subject, action.query, part);
  const { handler } = action;
  return part === WHOLE_STATE ? handler : (whole, input, ctx) => handler(part.of(whole), input, ctx);
}

function validated(subject: ActionSubject, schema: StandardSchemaV1, handler: Handler<unknown>): Handler<unknown> {
  const accepted = (validation: Validation): unknown => {
    if (validation.type === 'refused') throw refusal('NEXUS_INPUT_INVALID', subject, 'input', validation);
    return validation.value;
  };
  return (whole, input, ctx) => {
    const validation = validate(schema, input);
    if (!isPromise(validation)) return handler(whole, accepted(validation), ctx);
    // A life may have ended meanwhile, or a concurrent handler gone on: the state is read anew.
    return validation.then((done) => handler(inside(ctx)[STATE], accepted(done), ctx));
  };
}

function deciding(subject: ActionSubject, decide: Decide<unknown>, part: StatePart, validator: StandardSchemaV1 | undefined): Handler<unknown> {
  return (whole, input, ctx) => {
    const decided = unchanged(subject, whole, ctx, () => decide(part.of(whole), input, factsOf(ctx)));
    checkDecided(subject, decided);
    const { state, effects } = decided;
    if (validator !== undefined) {
      const fault = stateFault(subject, validator, state);
      if (fault !== undefined) throw new Refusal(fault);
    }
    part.replace(ctx, whole, state);
    return effects === undefined ? undefined : perform(effects as readonly Effect[], ctx);
  };
}

function querying(subject: ActionSubject, query: QueryHandler<unknown>, part: StatePart): Handler<unknown> {
  return (whole, input, ctx) => {
    const reply = unchanged(subject, whole, ctx, () => query(part.of(whole), input, factsOf(ctx)));
    if (isPromise(reply)) throw asyncResult(subject, reply);
    return reply;
  };
}

/** Why a state does not pass, or undefined. @throws NexusTypeError NEXUS_DEFINITION_INVALID for an async validator */
export function stateFault(
  subject: Omit<ActionSubject, 'action'> & { readonly action?: string },
  validator: StandardSchemaV1,
  state: unknown,
): Error | undefined {
  const validation = validate(validator, state);
  if (isPromise(validation))
    throw new NexusTypeError('NEXUS_DEFINITION_INVALID', `validateState of '${subject.kind}' is async; a state must be validated at once`);
  return validation.type === 'valid' ? undefined : refused('NEXUS_STATE_INVALID', subject, 'state', validation);
}

/** In development what must not change the state is watched while it runs. */
function unchanged<R>({ action, kind }: ActionSubject, state: unknown, ctx: AgentContext, run: () => R): R {
  if (!inside(ctx)[DEVELOPMENT]) return run();
  const before = traceOf(state);
  const result = run();
  const change = changeIn(state, before);
  if (change === undefined) return result;
  throw new NexusTypeError(
    'NEXUS_STATE_CHANGED',
    `'${action}' of '${kind}' changed the state it was given, at ${change}; it must return what it wants, and leave that as it was`,
    {
      kind,
      action,
    },
  );
}

function checkDecided(subject: ActionSubject, decided: unknown): asserts decided is Decided<unknown> {
  if (isPromise(decided)) throw asyncResult(subject, decided);
  if (typeof decided !== 'object' || decided === null || !('state' in decided))
    throw invalidDecision(
      subject,
      `returned ${typeof decided === 'object' && decided !== null ? 'an object without a state' : String(decided)}; it must return { state, effects }`,
    );
  for (const name of Object.keys(decided))
    if (name !== 'state' && name !== 'effects') throw invalidDecision(subject, `returned the unknown field '${name}'; it must return { state, effects }`);
  if (isPromise(decided.state)) throw asyncResult(subject, decided.state as PromiseLike<unknown>);
  const { effects } = decided as { readonly effects?: unknown };
  const fault = effects === undefined ? undefined : faultOf(effects);
  if (fault !== undefined) throw invalidDecision(subject, fault);
}

export function invalidDecision({ action, kind }: ActionSubject, message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DECISION_INVALID', `'${action}' of '${kind}': ${message}`, { kind, action });
}

/** Nobody waits for what it becomes: its failure must not be an unhandled rejection. */
function asyncResult(subject: ActionSubject, result: PromiseLike<unknown>): NexusTypeError {
  Promise.resolve(result).catch(() => undefined);
  return invalidDecision(subject, 'returned a promise; it must decide at once. Write what has to wait as an action with a handler');
}

function refusal(code: 'NEXUS_INPUT_INVALID', subject: ActionSubject, part: 'input', validation: Refused): Refusal {
  return new Refusal(refused(code, subject, part, validation));
}

function refused(
  code: 'NEXUS_INPUT_INVALID' | 'NEXUS_STATE_INVALID',
  { kind, action }: { readonly kind: string; readonly action?: string },
  part: 'input' | 'state',
  { issues, cause }: Refused,
): NexusTypeError {
  const where = action === undefined ? `'${kind}'` : `'${action}' of '${kind}'`;
  const data = action === undefined ? { kind, part, issues } : { kind, action, part, issues };
  const error = new NexusTypeError(code, `${where}: ${textOf(issues, part)}`, data);
  if (cause !== undefined) Object.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true });
  return error;
}

function inside(ctx: AgentContext): ContextInside {
  return ctx as unknown as ContextInside;
}

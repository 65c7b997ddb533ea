/**
 * The types of actions: what `defineAgent` accepts as one, and what follows for those who send to it. An action is a function, or an object with a handler and
 * options, among them the declared shapes of its input and reply, or an object with a pure decision. Queries and updates of the reactive level are declared beside
 * them. Inference needs TypeScript 5.7 or later. Types only.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AgentContext } from './agent-context.js';
import type { Effect, Reply } from './effect.js';
import type { Facts } from './facts.js';
import type { ReadonlyDeep } from './readonly-deep.js';
import type { ActionWrites } from './durable-options.js';
import type { Infer, Shape } from './shape.js';

/** An action as a function: what it returns, awaited, is the reply. */
// biome-ignore lint/suspicious/noExplicitAny: the input of a handler is whatever the handler declares
export type Handler<S> = (state: S, input: any, ctx: AgentContext) => unknown;

/** What may declare an input: a shape, which is checked where the message is sent, or any Standard Schema validator, which the receiver applies. */
export type InputDeclaration = Shape | StandardSchemaV1;

/** An action with options. X and Y are what is declared; `unknown` where nothing is. */
export interface ActionWithOptions<S, X = unknown, Y = unknown> {
  readonly handler: ActionHandler<S, X, Y>;
  /** Do not hold the next message back while this async handler runs. Default false. */
  readonly concurrent?: boolean;
  /**
   * A shape: the input is checked where the message is sent, and its codec is compiled: a message to another thread costs a fraction of an undeclared one.
   * Or a Standard Schema validator (zod, valibot, ...): the receiver validates before the handler, which gets its output. Default: anything that can be sent.
   */
  readonly input?: X & InputDeclaration;
  /**
   * Of a durable kind: when what this action changed is saved, other than its kind says. `through`: before its reply, and before the next message. `none`: it
   * changes nothing, and nothing is saved because of it.
   */
  readonly durable?: ActionWrites;
  /** Shape of the reply. A handler that returns something else rejects the ask. */
  readonly reply?: Y & Shape;
}

/** What a decision returns: the next state, and what is to be done. */
export interface Decided<S, E extends Effect = Effect> {
  readonly state: S;
  /** Performed in order, when the new state is in place. Default none. */
  readonly effects?: readonly E[];
}

// biome-ignore lint/suspicious/noExplicitAny: the input of a decision is whatever it declares
export type Decide<S> = (state: ReadonlyDeep<S>, input: any, facts: Facts) => Decided<ReadonlyDeep<S>>;

/** An action written as a pure function, which can be tested without a runtime. It may be neither async nor concurrent, and must not change the state it is given. */
export interface Decision<S, X = unknown, Y = unknown> {
  readonly decide: DecisionFunction<S, X>;
  readonly input?: X & InputDeclaration;
  /** As of an action with a handler: when the new state is saved. Its reply waits for that with `through`, its other effects do not. */
  readonly durable?: ActionWrites;
  readonly reply?: Y & Shape;
}

/** A query: reads the state, replies, and has no effects. */
// biome-ignore lint/suspicious/noExplicitAny: the input of a query is whatever it declares
export type QueryHandler<S> = (state: ReadonlyDeep<S>, input: any, facts: Facts) => unknown;
/** An update: returns the next state. */
// biome-ignore lint/suspicious/noExplicitAny: the input of an update is whatever it declares
export type UpdateHandler<S> = (state: ReadonlyDeep<S>, input: any, facts: Facts) => ReadonlyDeep<S>;

export interface QueryWithInput<S, X = unknown> {
  readonly handler: QueryFunction<S, X>;
  readonly input?: X & InputDeclaration;
}

export interface UpdateWithInput<S, X = unknown> {
  readonly handler: UpdateFunction<S, X>;
  readonly input?: X & InputDeclaration;
}

/** The actions of a kind, whatever they declare. */
export type Actions<S> = Readonly<Record<string, Handler<S> | ActionWithOptions<S>>>;

/** Each member of the intersection infers one of A, X and Y; only the second gives the handlers their contextual type. */
export type DeclaredActions<S, A, X extends Record<keyof A, unknown>, Y extends Record<keyof A, unknown>> = A & {
  readonly [N in keyof A]: Handler<S> | ActionWithOptions<S, X[N], Y[N]> | Decision<S, X[N], Y[N]>;
} & { readonly [N in keyof X]: Handler<S> | { readonly input?: X[N]; readonly handler: unknown } | { readonly input?: X[N]; readonly decide: unknown } } & {
  readonly [N in keyof Y]: Handler<S> | { readonly reply?: Y[N]; readonly handler: unknown } | { readonly reply?: Y[N]; readonly decide: unknown };
};

/** As of actions: Q and X are inferred, the second member gives the contextual type. */
export type DeclaredQueries<S, Q, X extends Record<keyof Q, unknown>> = Q & { readonly [N in keyof Q]: QueryHandler<S> | QueryWithInput<S, X[N]> } & {
  readonly [N in keyof X]: QueryHandler<S> | { readonly input?: X[N]; readonly handler: unknown };
};

export type DeclaredUpdates<S, U, X extends Record<keyof U, unknown>> = U & { readonly [N in keyof U]: UpdateHandler<S> | UpdateWithInput<S, X[N]> } & {
  readonly [N in keyof X]: UpdateHandler<S> | { readonly input?: X[N]; readonly handler: unknown };
};

/** What those who send see of updates: they reply nothing. */
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
export type UpdateActions<U> = { readonly [N in keyof U]: (state: any, input: InputOf<U[N]>) => undefined };

/** Of an agent of unknown kind. */
type IfAny<A, T, U> = 0 extends 1 & A ? T : U;

/** Input of an action, as it is sent: what is declared, else the second parameter of its handler; undefined if it has none. */
export type InputOf<A> = IfAny<A, A, A extends { readonly input: infer X extends InputDeclaration } ? Sent<X> : HandlerInput<HandlerOf<A>>>;
/** Reply of an action: what is declared, else what its handler returns, awaited, or the reply among the effects of its decision. */
export type ReplyOf<A> = IfAny<
  A,
  unknown,
  A extends { readonly reply: infer Y extends Shape } ? Infer<Y> : A extends { readonly decide: infer D } ? DecisionReply<D> : HandlerReply<HandlerOf<A>>
>;

/**
 * A conditional type, although the condition decides nothing: only what is not yet resolved is filled in with the shapes inferred so far when the handler gets
 * its contextual type, and without that the literals in what it returns are widened (`{ status: string }`), and a block without return is void.
 */
type ActionHandler<S, X, Y> = [S] extends [never] ? Handler<S> : (state: S, input: DeclaredInput<X>, ctx: AgentContext) => DeclaredReply<Y>;
type DecisionFunction<S, X> = [S] extends [never] ? Decide<S> : (state: ReadonlyDeep<S>, input: DeclaredInput<X>, facts: Facts) => Decided<ReadonlyDeep<S>>;
type QueryFunction<S, X> = [S] extends [never] ? QueryHandler<S> : (state: ReadonlyDeep<S>, input: DeclaredInput<X>, facts: Facts) => unknown;
type UpdateFunction<S, X> = [S] extends [never] ? UpdateHandler<S> : (state: ReadonlyDeep<S>, input: DeclaredInput<X>, facts: Facts) => ReadonlyDeep<S>;

/** What a handler gets. Validators come first: theirs have properties that look like those of shapes. */
// biome-ignore lint/suspicious/noExplicitAny: the input of a handler is whatever the handler declares
type DeclaredInput<X> = unknown extends X ? any : X extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<X> : Infer<X>;
/** What a sender gives. */
type Sent<X> = X extends StandardSchemaV1 ? StandardSchemaV1.InferInput<X> : Infer<X>;
type DeclaredReply<Y> = unknown extends Y ? unknown : Returned<Infer<Y>> | Promise<Returned<Infer<Y>>>;
/** A block that returns nothing replies undefined. */
// biome-ignore lint/suspicious/noConfusingVoidType: it is the return type of a function
type Returned<T> = [T] extends [undefined] ? undefined | void : T;

type HandlerOf<A> = A extends { readonly handler: infer H } ? H : A extends { readonly decide: infer D } ? D : A;
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
type HandlerInput<H> = H extends (state: any, ...rest: infer R) => unknown ? (R extends readonly [] ? undefined : R[0]) : never;
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
type HandlerReply<H> = H extends (...args: any[]) => infer R ? Awaited<R> : never;
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
type DecisionReply<D> = D extends (...args: any[]) => infer R ? ReplyOfDecided<R> : never;
/** For each of the things it may return. */
type ReplyOfDecided<R> = R extends { readonly effects?: infer E } ? ReplyAmong<NonNullable<E>> : undefined;
type ReplyAmong<E> = [E] extends [never] ? undefined : E extends readonly (infer M)[] ? ReplyValue<Extract<M, Reply>> : undefined;
type ReplyValue<M> = [M] extends [never] ? undefined : M extends Reply<infer R> ? R : never;

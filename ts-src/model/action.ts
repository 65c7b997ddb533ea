/**
 * The types of actions: what `defineAgent` accepts as one, and what follows for those who send to it. An action is a function, or an object with a handler and
 * options, among them the declared shapes of its input and reply. Inference needs TypeScript 5.7 or later. Types only.
 */
import type { AgentContext } from './agent-context.js';
import type { ActionWrites } from './durable-options.js';
import type { Infer, Shape } from './shape.js';

// biome-ignore lint/suspicious/noExplicitAny: the input of a handler is whatever the handler declares
export type Handler<S> = (state: S, input: any, ctx: AgentContext) => unknown;

/** An action with options. X and Y are the declared shapes; `unknown` where none is declared. */
export interface ActionWithOptions<S, X = unknown, Y = unknown> {
  readonly handler: ActionHandler<S, X, Y>;
  /** Do not hold the next message back while this async handler runs. Default false. */
  readonly concurrent?: boolean;
  /**
   * Shape of the input. It is checked where the message is sent, and its codec is compiled: a message to another thread costs a fraction of an undeclared one.
   * Default: anything that can be sent.
   */
  readonly input?: X & Shape;
  /**
   * Of a durable kind: when what this action changed is saved, other than its kind says. `through`: before its reply, and before the next message. `none`: it
   * changes nothing, and nothing is saved because of it.
   */
  readonly durable?: ActionWrites;
  /** Shape of the reply, likewise. A handler that returns something else rejects the ask. */
  readonly reply?: Y & Shape;
}

/** The actions of a kind, whatever they declare. */
export type Actions<S> = Readonly<Record<string, Handler<S> | ActionWithOptions<S>>>;

/** Each member of the intersection infers one of A, X and Y; only the second gives the handlers their contextual type. */
export type DeclaredActions<S, A, X extends Record<keyof A, unknown>, Y extends Record<keyof A, unknown>> = A & {
  readonly [N in keyof A]: Handler<S> | ActionWithOptions<S, X[N], Y[N]>;
} & { readonly [N in keyof X]: Handler<S> | { readonly input?: X[N]; readonly handler: unknown } } & {
  readonly [N in keyof Y]: Handler<S> | { readonly reply?: Y[N]; readonly handler: unknown };
};

/** Of an agent of unknown kind. */
type IfAny<A, T, U> = 0 extends 1 & A ? T : U;

/** Input of an action: what is declared, else the second parameter of its handler; undefined if it has none. */
export type InputOf<A> = IfAny<A, A, A extends { readonly input: infer X extends Shape } ? Infer<X> : HandlerInput<HandlerOf<A>>>;
/** Reply of an action: what is declared, else what its handler returns, awaited. */
export type ReplyOf<A> = IfAny<A, unknown, A extends { readonly reply: infer Y extends Shape } ? Infer<Y> : HandlerReply<HandlerOf<A>>>;

/**
 * A conditional type, although the condition decides nothing: only what is not yet resolved is filled in with the shapes inferred so far when the handler gets
 * its contextual type, and without that the literals in what it returns are widened (`{ status: string }`), and a block without return is void.
 */
type ActionHandler<S, X, Y> = [S] extends [never] ? Handler<S> : (state: S, input: DeclaredInput<X>, ctx: AgentContext) => DeclaredReply<Y>;
// biome-ignore lint/suspicious/noExplicitAny: the input of a handler is whatever the handler declares
type DeclaredInput<X> = unknown extends X ? any : Infer<X>;
type DeclaredReply<Y> = unknown extends Y ? unknown : Returned<Infer<Y>> | Promise<Returned<Infer<Y>>>;
/** A block that returns nothing replies undefined. */
// biome-ignore lint/suspicious/noConfusingVoidType: it is the return type of a function
type Returned<T> = [T] extends [undefined] ? undefined | void : T;

type HandlerOf<A> = A extends { readonly handler: infer H } ? H : A;
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
type HandlerInput<H> = H extends (state: any, ...rest: infer R) => unknown ? (R extends readonly [] ? undefined : R[0]) : never;
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
type HandlerReply<H> = H extends (...args: any[]) => infer R ? Awaited<R> : never;

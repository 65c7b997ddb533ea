/**
 * What a decision wants done, as data: a closed union, its constructors, the check of what a decision returned, and the one place that performs effects, through
 * the context of the agent. Nothing here decides.
 */
import type { AgentContext } from './agent-context.js';
import type { AnyAgent } from './agent-definition.js';
import type { ActionName, ActionsOf, AgentRef, TellArguments } from './agent-ref.js';
import type { SpawnArguments, SpawnOptions } from './spawn-options.js';
import type { DataArguments, Topic } from './topic.js';

/** The reply to the ask. */
export interface Reply<R = unknown> {
  readonly type: 'reply';
  readonly value: R;
}

/** What a decision wants done once its new state is in place; made with `effect`. */
export type Effect<R = unknown> =
  | { readonly type: 'emit'; readonly topic: string | Topic; readonly data: unknown }
  | { readonly type: 'tell'; readonly ref: AgentRef; readonly action: string; readonly input: unknown }
  | { readonly type: 'send'; readonly id: string; readonly action: string; readonly input: unknown }
  | { readonly type: 'after'; readonly delayMs: number; readonly action: string; readonly input: unknown }
  | { readonly type: 'every'; readonly periodMs: number; readonly action: string; readonly input: unknown }
  | { readonly type: 'spawn'; readonly definition: AnyAgent; readonly options: SpawnOptions | undefined }
  | { readonly type: 'watch'; readonly ref: AgentRef }
  | { readonly type: 'unwatch'; readonly ref: AgentRef }
  | { readonly type: 'remindAt'; readonly name: string; readonly epochMs: number; readonly action: string; readonly input: unknown }
  | { readonly type: 'remindAfter'; readonly name: string; readonly delayMs: number; readonly action: string; readonly input: unknown }
  | { readonly type: 'remindEvery'; readonly name: string; readonly periodMs: number; readonly action: string; readonly input: unknown }
  | { readonly type: 'cancelReminder'; readonly name: string }
  | { readonly type: 'stop' }
  | Reply<R>;

/** What has to be waited for. */
type Waiting = Extract<Effect, { readonly type: 'spawn' | 'remindAt' | 'remindAfter' | 'remindEvery' | 'cancelReminder' }>;

type Other<T extends Effect['type']> = Extract<Effect, { readonly type: T }>;

function emit(topic: string, data?: unknown): Other<'emit'>;
function emit<T>(topic: Topic<T>, ...rest: DataArguments<T>): Other<'emit'>;
function emit(topic: string | Topic, data?: unknown): Other<'emit'> {
  return { type: 'emit', topic, data };
}

/** Makes effects. Each does what the member of `ctx` of its name does. */
export const effect = Object.freeze({
  emit,
  tell: <D extends AnyAgent, N extends ActionName<D>>(ref: AgentRef<D>, action: N, ...[input]: TellArguments<ActionsOf<D>[N]>): Other<'tell'> => ({
    type: 'tell',
    ref: ref as AgentRef,
    action,
    input,
  }),
  send: (id: string, action: string, input?: unknown): Other<'send'> => ({ type: 'send', id, action, input }),
  after: (delayMs: number, action: string, input?: unknown): Other<'after'> => ({ type: 'after', delayMs, action, input }),
  every: (periodMs: number, action: string, input?: unknown): Other<'every'> => ({ type: 'every', periodMs, action, input }),
  /** The effects behind it wait until the child has started. */
  spawn: <D extends AnyAgent>(definition: D, ...[options]: SpawnArguments<D>): Other<'spawn'> => ({
    type: 'spawn',
    definition,
    options: options as SpawnOptions | undefined,
  }),
  watch: (ref: AgentRef): Other<'watch'> => ({ type: 'watch', ref }),
  unwatch: (ref: AgentRef): Other<'unwatch'> => ({ type: 'unwatch', ref }),
  /** Of a durable agent: the effects behind it wait until it is stored. */
  remindAt: (name: string, epochMs: number, action: string, input?: unknown): Other<'remindAt'> => ({ type: 'remindAt', name, epochMs, action, input }),
  remindAfter: (name: string, delayMs: number, action: string, input?: unknown): Other<'remindAfter'> => ({
    type: 'remindAfter',
    name,
    delayMs,
    action,
    input,
  }),
  remindEvery: (name: string, periodMs: number, action: string, input?: unknown): Other<'remindEvery'> => ({
    type: 'remindEvery',
    name,
    periodMs,
    action,
    input,
  }),
  cancelReminder: (name: string): Other<'cancelReminder'> => ({ type: 'cancelReminder', name }),
  stop: (): Other<'stop'> => ({ type: 'stop' }),
  /** At most one in a decision; without it an ask resolves with undefined. Sent when all effects have been performed. */
  reply: <R>(value: R): Reply<R> => ({ type: 'reply', value }),
});

const TYPES: ReadonlySet<string> = new Set(Object.keys(effect));

/** What is wrong with the effects of a decision, or undefined. */
export function faultOf(effects: unknown): string | undefined {
  if (!Array.isArray(effects)) return `effects must be a list, not ${effects === null ? 'null' : typeof effects}`;
  let replies = 0;
  for (const [index, one] of effects.entries()) {
    const type: unknown = typeof one === 'object' && one !== null ? (one as { type?: unknown }).type : undefined;
    if (typeof type !== 'string' || !TYPES.has(type)) return `effects[${index}] is no effect; make it with effect.${[...TYPES].join(', effect.')}`;
    if (type === 'reply' && ++replies > 1) return `effects[${index}] is a second reply`;
  }
  return undefined;
}

/** Performs effects one after the other. A promise only where a child has to start or a reminder to be stored. Returns the reply. What one of them throws ends it: those before it are done. */
export function perform(effects: readonly Effect[], ctx: AgentContext): unknown {
  for (let index = 0; index < effects.length; index++) {
    const one = effects[index] as Effect;
    if (mustWait(one)) return performLater(effects, index, ctx);
    performOne(one, ctx);
  }
  return replyIn(effects);
}

async function performLater(effects: readonly Effect[], from: number, ctx: AgentContext): Promise<unknown> {
  for (const one of effects.slice(from)) {
    if (mustWait(one)) await performWaiting(one, ctx);
    else performOne(one, ctx);
  }
  return replyIn(effects);
}

function mustWait(one: Effect): one is Waiting {
  switch (one.type) {
    case 'spawn':
    case 'remindAt':
    case 'remindAfter':
    case 'remindEvery':
    case 'cancelReminder':
      return true;
    default:
      return false;
  }
}

function performWaiting(one: Waiting, ctx: AgentContext): Promise<unknown> {
  switch (one.type) {
    case 'spawn':
      return ctx.spawn(one.definition, one.options as SpawnOptions);
    case 'remindAt':
      return ctx.reminders.at(one.name, one.epochMs, one.action, one.input);
    case 'remindAfter':
      return ctx.reminders.after(one.name, one.delayMs, one.action, one.input);
    case 'remindEvery':
      return ctx.reminders.every(one.name, one.periodMs, one.action, one.input);
    case 'cancelReminder':
      return ctx.reminders.cancel(one.name);
  }
}

function performOne(one: Exclude<Effect, Waiting>, ctx: AgentContext): void {
  switch (one.type) {
    case 'emit':
      return ctx.emit(one.topic as string, one.data);
    case 'tell':
      return void ctx.tell(one.ref, one.action, one.input);
    case 'send':
      return void ctx.send(one.id, one.action, one.input);
    case 'after':
      return void ctx.timers.after(one.delayMs, one.action, one.input);
    case 'every':
      return void ctx.timers.every(one.periodMs, one.action, one.input);
    case 'watch':
      return ctx.watch(one.ref);
    case 'unwatch':
      return ctx.unwatch(one.ref);
    case 'stop':
      return ctx.stop();
    case 'reply':
      return;
  }
}

function replyIn(effects: readonly Effect[]): unknown {
  for (const one of effects) if (one.type === 'reply') return one.value;
  return undefined;
}

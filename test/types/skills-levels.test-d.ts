/**
 * Types only, checked by `npx tsc -p test/tsconfig.json --noEmit`: what follows for handlers and senders from validators, decisions, queries, updates and skills.
 */
import {
  type AgentContext,
  type AgentRef,
  type Decided,
  defineAgent,
  defineSkill,
  effect,
  type Facts,
  facts,
  type InputOf,
  type ReadonlyDeep,
  type Reply,
  type ReplyOf,
  shape,
  type TellOutcome,
} from '../../dist/ts-src/index.js';
import * as v from 'valibot';
import { z } from 'zod';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles when the two types are the same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [differs: { expected: B; actual: A }]): void {}

interface Order {
  readonly id: string;
  readonly lines: string[];
}
interface State {
  total: number;
  orders: Map<string, Order>;
  names: string[];
}
const state = (): State => ({ total: 0, orders: new Map(), names: [] });

// ---- validators

const order = z.object({ id: z.string(), count: z.coerce.number<string>(), note: z.string().optional() });
const pair = v.pipe(
  v.tuple([v.string(), v.number()]),
  v.transform(([name, count]) => ({ name, count })),
);

const Validated = defineAgent({
  kind: 'validated',
  state,
  actions: {
    zod: {
      input: order,
      handler: (s, input, ctx) => {
        same<typeof s, State>();
        same<typeof input, { id: string; count: number; note?: string | undefined }>();
        same<typeof ctx, AgentContext>();
        return input.count;
      },
    },
    handlerFirst: { handler: async (s, input) => s.total + input.count, input: pair },
    valibot: {
      input: pair,
      concurrent: true,
      reply: shape.int32,
      handler: async (_s, input) => {
        same<typeof input, { name: string; count: number }>();
        return input.count;
      },
    },
    text: { input: z.string(), handler: (_s, input) => input.length },
    optional: { input: z.number().default(1), handler: (_s, input) => input },
    plain: (s, by: number) => s.total + by,
    shaped: { input: shape.int32, handler: (s, by) => s.total + by },
  },
});
type Validated = (typeof Validated)['actions'];
same<InputOf<Validated['zod']>, { id: string; count: string; note?: string | undefined }>();
same<ReplyOf<Validated['zod']>, number>();
same<InputOf<Validated['handlerFirst']>, [string, number]>();
same<ReplyOf<Validated['handlerFirst']>, number>();
same<InputOf<Validated['valibot']>, [string, number]>();
same<ReplyOf<Validated['valibot']>, number>();
same<InputOf<Validated['text']>, string>();
same<InputOf<Validated['optional']>, number | undefined>();
same<InputOf<Validated['plain']>, number>();
same<InputOf<Validated['shaped']>, number>();

export async function senders(ref: AgentRef<typeof Validated>): Promise<void> {
  ref.tell('zod', { id: 'a', count: '5' });
  ref.tell('optional');
  // @ts-expect-error what is sent is the input of the validator, not its output
  ref.tell('zod', { id: 'a', count: 5 });
  // @ts-expect-error the input is missing
  await ref.ask('text');
  same<Awaited<ReturnType<typeof ref.ask<'text'>>>, number>();
}

defineAgent({
  kind: 'wrong',
  state,
  actions: {
    // @ts-expect-error the handler takes another input than the validator gives
    input: { input: z.string(), handler: (_s, by: number) => by },
    // @ts-expect-error a string cannot be rounded
    use: { input: z.string(), handler: (_s, by) => by.toFixed(2) },
  },
});

// ---- decisions

export const placed = (s: ReadonlyDeep<State>, input: Order, known: Facts): Decided<ReadonlyDeep<State>, Reply<number>> => ({
  state: { ...s, total: s.total + known.random },
  effects: [effect.reply(input.lines.length)],
});

const Deciding = defineAgent({
  kind: 'deciding',
  state,
  actions: {
    placed: { decide: placed },
    silent: { decide: (s) => ({ state: s }) },
    declared: {
      input: order,
      decide: (s, input, known) => {
        same<typeof s.orders, ReadonlyMap<string, { readonly id: string; readonly lines: readonly string[] }>>();
        same<typeof input.count, number>();
        same<typeof known, Facts>();
        return { state: { ...s, total: input.count }, effects: [effect.emit('placed', input), effect.reply(known.id), effect.stop()] };
      },
    },
    sometimes: { decide: (s, by: number) => (by > 0 ? { state: s, effects: [effect.reply(by)] } : { state: s }) },
    shaped: { input: shape.int32, reply: shape.string, decide: (s, by) => ({ state: { ...s, total: by }, effects: [effect.reply('x')] }) },
    plain: (s) => s.total,
  },
  onStart: (s) => s.total,
});
type Deciding = (typeof Deciding)['actions'];
same<InputOf<Deciding['placed']>, Order>();
same<ReplyOf<Deciding['placed']>, number>();
same<InputOf<Deciding['silent']>, undefined>();
same<ReplyOf<Deciding['silent']>, undefined>();
same<InputOf<Deciding['declared']>, { id: string; count: string; note?: string | undefined }>();
same<ReplyOf<Deciding['declared']>, string>();
same<InputOf<Deciding['sometimes']>, number>();
same<ReplyOf<Deciding['sometimes']>, number | undefined>();
same<InputOf<Deciding['shaped']>, number>();
same<ReplyOf<Deciding['shaped']>, string>();
same<ReplyOf<Deciding['plain']>, number>();
// It can be called by a test.
Deciding.actions.placed.decide(state(), { id: 'a', lines: [] }, facts({ random: 0.5 }));

export function wrongDecisions(ref: AgentRef<typeof Deciding>): void {
  // @ts-expect-error the state is not of this type
  defineAgent({ kind: 'x', state, actions: { a: { decide: () => ({ state: 5 }) } } });
  // @ts-expect-error a state is missing
  defineAgent({ kind: 'x', state, actions: { a: { decide: () => ({ effects: [] }) } } });
  // @ts-expect-error there is no such effect
  defineAgent({ kind: 'x', state, actions: { a: { decide: (s) => ({ state: s, effects: [{ type: 'jump' }] }) } } });
  // @ts-expect-error a decision is not async
  defineAgent({ kind: 'x', state, actions: { a: { decide: async (s) => ({ state: s }) } } });
  defineAgent({
    kind: 'x',
    state,
    actions: {
      a: {
        decide: (s) => {
          // @ts-expect-error the state of a decision is not changed in place
          s.names.push('x');
          // @ts-expect-error nor this
          s.total = 5;
          return { state: s };
        },
      },
    },
  });
  // @ts-expect-error the input is an order
  effect.tell(ref, 'placed', 5);
  // @ts-expect-error no such action
  effect.tell(ref, 'plcd', { id: 'a', lines: [] });
  effect.tell(ref, 'placed', { id: 'a', lines: [] });
}

// ---- queries and updates

const Customer = defineAgent({
  kind: 'customer',
  level: 'reactive',
  state,
  validateState: z.object({ total: z.number() }),
  queries: {
    total: (s) => {
      same<typeof s.names, readonly string[]>();
      return s.total;
    },
    find: {
      input: z.string(),
      handler: (s, id, known) => {
        same<typeof id, string>();
        same<typeof known, Facts>();
        return s.orders.get(id)?.lines;
      },
    },
    plus: (s, by: number) => s.total + by,
  },
  updates: {
    rename: { input: z.object({ name: z.string() }), handler: (s, { name }) => ({ ...s, names: [...s.names, name] }) },
    add: (s, by: number) => ({ ...s, total: s.total + by }),
    reset: () => state(),
  },
  actions: {
    both: (s, by: number) => {
      s.total += by;
      return s.total;
    },
  },
});
type Customer = (typeof Customer)['actions'];
same<InputOf<Customer['total']>, undefined>();
same<ReplyOf<Customer['total']>, number>();
same<InputOf<Customer['find']>, string>();
same<ReplyOf<Customer['find']>, readonly string[] | undefined>();
same<InputOf<Customer['plus']>, number>();
same<InputOf<Customer['rename']>, { name: string }>();
same<ReplyOf<Customer['rename']>, undefined>();
same<InputOf<Customer['add']>, number>();
same<InputOf<Customer['reset']>, undefined>();
same<ReplyOf<Customer['both']>, number>();

export async function asks(customer: AgentRef<typeof Customer>): Promise<void> {
  const total = await customer.ask('total');
  same<typeof total, number>();
  const outcome = customer.tell('rename', { name: 'x' });
  same<typeof outcome, TellOutcome>();
  await customer.ask('reset');
  // @ts-expect-error a name is a string
  customer.tell('rename', { name: 5 });
  // @ts-expect-error no such query
  await customer.ask('totl');
}

export function wrongLevels(): void {
  // @ts-expect-error there is no such level
  defineAgent({ kind: 'x', level: 'clever', state, actions: {} });
  // @ts-expect-error an update returns the next state
  defineAgent({ kind: 'x', state, updates: { a: () => 5 } });
  defineAgent({
    kind: 'x',
    state,
    queries: {
      // @ts-expect-error a query does not change the state
      a: (s) => s.names.push('x'),
      // @ts-expect-error a number has no length
      b: { input: z.number(), handler: (_s, by) => by.length },
    },
  });
}

// ---- skills

const Clock = defineAgent({ kind: 'clock', state: (init: { everyMs: number; to: AgentRef }) => init, actions: {} });
const Plain = defineAgent({ kind: 'plain', state: () => 0, actions: { read: (s) => s } });

const Journal = defineSkill({
  name: 'journal',
  state: (init: { limit: number }) => ({ limit: init.limit, entries: [] as string[] }),
  actions: {
    append: { input: z.string(), handler: (slice, text, ctx) => (same<typeof ctx, AgentContext>(), slice.entries.push(text)) },
    entries: (slice) => slice.entries,
    clear: { decide: (slice) => ({ state: { ...slice, entries: [] }, effects: [effect.reply(slice.entries.length)] }) },
  },
  sensors: [
    { agent: Clock, init: (ctx, slice) => ({ everyMs: slice.limit, to: ctx.self }) },
    { agent: Plain, id: 'plain' },
  ],
  subscriptions: { 'orders.*': 'append' },
});
const Metering = defineSkill({ name: 'metering', state: () => ({ count: 0 }), actions: { 'count.up': (slice, by: number) => (slice.count += by) } });

const Skilled = defineAgent({
  kind: 'skilled',
  state: (init: { limit: number }) => init.limit,
  skills: [Journal.with((init: { limit: number }) => init), Metering],
  actions: {
    own: (s, by: number, ctx) => {
      same<typeof s, number>();
      const slice = Journal.slice(ctx);
      same<typeof slice, { limit: number; entries: string[] }>();
      return slice.entries.length + by;
    },
  },
  queries: { count: (_s, _input: undefined, known) => Metering.slice(known).count },
});
type Skilled = (typeof Skilled)['actions'];
same<InputOf<Skilled['journal.append']>, string>();
same<ReplyOf<Skilled['journal.append']>, number>();
same<ReplyOf<Skilled['journal.entries']>, string[]>();
same<ReplyOf<Skilled['journal.clear']>, number>();
same<InputOf<Skilled['metering.count.up']>, number>();
same<ReplyOf<Skilled['own']>, number>();
same<ReplyOf<Skilled['count']>, number>();

const OnlySkills = defineAgent({ kind: 'onlySkills', state: () => new Map<string, number>(), skills: [Metering] });
same<keyof (typeof OnlySkills)['actions'], 'metering.count.up'>();

export async function skilled(ref: AgentRef<typeof Skilled>): Promise<void> {
  const count = await ref.ask('journal.append', 'x');
  same<typeof count, number>();
  // @ts-expect-error the input is a string
  ref.tell('journal.append', 5);
  // @ts-expect-error no such action
  ref.tell('append', 'x');
  // @ts-expect-error no such action of the skill
  ref.tell('journal.apend', 'x');
}

export function wrongSkills(): void {
  // @ts-expect-error the skill needs its init
  defineAgent({ kind: 'x', state, skills: [Journal], actions: {} });
  // @ts-expect-error a limit is a number
  Journal.with({ limit: 'x' });
  // @ts-expect-error the sensor needs another init
  defineSkill({ name: 'x', state: () => 0, actions: {}, sensors: [{ agent: Clock, init: 5 }] });
  // @ts-expect-error another slice
  defineSkill({ name: 'x', state: () => 0, actions: { a: (s: string) => s } });
}

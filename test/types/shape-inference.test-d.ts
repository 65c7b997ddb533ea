/**
 * Types only, checked by `npx tsc -p test/tsconfig.json --noEmit`: what shapes infer, and how the input and reply of an action follow from them inside a
 * `defineAgent` where some actions are functions, some have options and some are declared.
 */
import { type AgentContext, type AgentRef, defineAgent, type Infer, type InputOf, type ReplyOf, type Shape, shape } from '../../dist/ts-src/index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles when the two types are the same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [differs: { expected: B; actual: A }]): void {}

// ---- what shapes infer

const customer = shape.object({
  id: shape.uint32,
  name: shape.string,
  tags: shape.array(shape.string),
  parent: shape.optional(shape.agentRef),
  status: shape.enumeration('open', 'closed'),
  place: shape.nullable(shape.tuple(shape.float64, shape.bigint64)),
  since: shape.optional(shape.nullable(shape.date)),
  content: shape.bytes,
  nothing: shape.none,
});

same<
  Infer<typeof customer>,
  {
    id: number;
    name: string;
    tags: string[];
    status: 'open' | 'closed';
    place: [number, bigint] | null;
    content: Uint8Array;
    nothing: undefined;
    parent?: AgentRef | undefined;
    since?: Date | null | undefined;
  }
>();
same<Infer<typeof shape.int32>, number>();
same<Infer<typeof shape.biguint64>, bigint>();
same<Infer<typeof shape.boolean>, boolean>();
same<Infer<ReturnType<typeof shape.array<typeof shape.boolean>>>, boolean[]>();
same<Infer<Shape>, unknown>();

const absent: Infer<typeof customer> = { id: 1, name: 'x', tags: [], status: 'open', place: null, content: new Uint8Array(1), nothing: undefined };
void absent;
// @ts-expect-error a value that is not of the enumeration
const wrongStatus: Infer<typeof customer> = { ...absent, status: 'lost' };
void wrongStatus;
// @ts-expect-error `name` is missing
const incomplete: Infer<typeof customer> = { id: 1, tags: [], status: 'open', place: null, content: new Uint8Array(1), nothing: undefined };
void incomplete;
// @ts-expect-error not a shape
shape.object({ id: 'uint32' });
// @ts-expect-error not a shape
shape.array(5);
// @ts-expect-error an enumeration needs a value
shape.enumeration();

// ---- defineAgent: the inference needs TypeScript 5.7 or later

const receipt = shape.object({ total: shape.int32, status: shape.enumeration('open', 'closed'), note: shape.optional(shape.string) });

const counter = defineAgent({
  kind: 'counter',
  state: (init: { n: number }) => ({ n: init.n, names: [] as string[] }),
  actions: {
    plain: (state, by: string) => by.length + state.n,
    noInput: (state) => state.names,
    nothingAtAll: () => 7,
    options: { handler: async (state, by: number) => (state.n += by), concurrent: true },
    add: { input: shape.int32, reply: shape.int32, handler: (state, by) => (state.n += by) },
    handlerFirst: { handler: (state, by) => (state.n += by.n), reply: shape.int32, input: shape.object({ n: shape.int32 }) },
    later: { input: shape.int32, reply: shape.int32, concurrent: true, handler: async (state, by) => (state.n += by) },
    onlyInput: {
      input: customer,
      handler: (state, by, ctx) => {
        same<typeof state, { n: number; names: string[] }>();
        same<typeof by, Infer<typeof customer>>();
        same<typeof ctx, AgentContext>();
        return by.tags;
      },
    },
    onlyReply: { reply: shape.string, handler: (state, by: boolean) => `${by}${state.n}` },
    noHandlerInput: { input: shape.int32, reply: shape.string, handler: (state) => `${state.n}` },
    literals: {
      input: shape.enumeration('open', 'closed'),
      reply: receipt,
      handler: (state, status) => (state.n > 5 ? { total: state.n, status } : { total: 0, status: 'open', note: 'none' }),
    },
    literalsLater: { reply: receipt, handler: async (state) => ({ total: state.n, status: 'open' }) },
    nothing: {
      input: shape.none,
      reply: shape.none,
      handler: (state) => {
        state.n++;
      },
    },
    nothingLater: {
      reply: shape.none,
      handler: async (state) => {
        state.n++;
      },
    },
  },
  onStart: (state) => state.n,
});

type Counter = (typeof counter)['actions'];
same<(typeof counter)['kind'], 'counter'>();
same<InputOf<Counter['plain']>, string>();
same<InputOf<Counter['noInput']>, undefined>();
same<ReplyOf<Counter['noInput']>, string[]>();
same<ReplyOf<Counter['nothingAtAll']>, number>();
same<InputOf<Counter['options']>, number>();
same<ReplyOf<Counter['options']>, number>();
same<InputOf<Counter['add']>, number>();
same<ReplyOf<Counter['add']>, number>();
same<InputOf<Counter['handlerFirst']>, { n: number }>();
same<ReplyOf<Counter['later']>, number>();
same<InputOf<Counter['onlyInput']>, Infer<typeof customer>>();
same<ReplyOf<Counter['onlyInput']>, string[]>();
same<InputOf<Counter['onlyReply']>, boolean>();
same<ReplyOf<Counter['onlyReply']>, string>();
same<InputOf<Counter['noHandlerInput']>, number>();
same<ReplyOf<Counter['literals']>, Infer<typeof receipt>>();
same<InputOf<Counter['nothing']>, undefined>();
same<ReplyOf<Counter['nothingLater']>, undefined>();
// The shapes themselves are in the definition, for the codecs.
same<Counter['add']['input'], typeof shape.int32>();

const state = () => ({ n: 0 });
defineAgent({
  kind: 'wrong',
  state,
  actions: {
    // @ts-expect-error the handler takes another input than is declared
    input: { input: shape.int32, handler: (_state, by: string) => by },
    // @ts-expect-error a number has no length
    use: { input: shape.int32, handler: (_state, by) => by.length },
  },
});
// @ts-expect-error the handler returns another reply than is declared
defineAgent({ kind: 'wrong', state, actions: { reply: { input: shape.int32, reply: shape.int32, handler: (_state, by) => `${by}` } } });
// @ts-expect-error so does an async one
defineAgent({ kind: 'wrong', state, actions: { reply: { reply: shape.int32, handler: async () => 'text' } } });
// @ts-expect-error a value that is not of the enumeration
defineAgent({ kind: 'wrong', state, actions: { reply: { reply: receipt, handler: () => ({ total: 1, status: 'lost' }) } } });
// @ts-expect-error nothing is declared, something is returned
defineAgent({ kind: 'wrong', state, actions: { reply: { reply: shape.none, handler: (s) => s.n } } });
// @ts-expect-error not a shape
defineAgent({ kind: 'wrong', state, actions: { shape: { input: 'int32', handler: () => 1 } } });
// @ts-expect-error no handler
defineAgent({ kind: 'wrong', state, actions: { handler: { input: shape.int32 } } });
// @ts-expect-error neither a function nor an object with a handler
defineAgent({ kind: 'wrong', state, actions: { number: 5 } });
// @ts-expect-error another state
defineAgent({ kind: 'wrong', state, actions: { plain: (s: string) => s } });
// @ts-expect-error another state, with options
defineAgent({ kind: 'wrong', state, actions: { options: { handler: (s: string) => s } } });

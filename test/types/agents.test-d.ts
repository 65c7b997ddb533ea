/** What the compiler knows of agents. Checked by `tsc -p test/tsconfig.json`, never run: an error that should be there and is not is an error. */
import {
  type ActionName,
  type ActionsOf,
  type AgentRef,
  type AgentSummary,
  type AnyAgent,
  type AskArguments,
  createNexus,
  defineAgent,
  type HistogramSnapshot,
  type Nexus,
  type ReplyOf,
  type TellOutcome,
} from 'nexus-agents';

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equals<A, B>): void {}

interface Item {
  readonly name: string;
  readonly price: number;
}

const Basket = defineAgent({
  kind: 'basket',
  state: (init: { readonly owner: string }) => ({ owner: init.owner, items: [] as Item[] }),
  actions: {
    add: (state, item: Item) => state.items.push(item),
    owner: (state) => state.owner,
    total: async (state) => state.items.reduce((sum, { price }) => sum + price, 0),
    clear: (state): void => {
      state.items.length = 0;
    },
    discount: (state, percent?: number) => state.items.length * (percent ?? 0),
    search: { concurrent: true, handler: async (state, text: string) => state.items.filter(({ name }) => name.includes(text)) },
    peek: { handler: (state) => state.items[0] },
    who: (_state, _input: undefined, ctx) => ctx.self,
  },
});
const Plain = defineAgent({ kind: 'plain', state: () => 0, actions: { read: (state) => state } });
const Optional = defineAgent({ kind: 'optional', state: (init?: number) => init ?? 0, actions: { read: (state) => state } });

declare const nexus: Nexus;
declare const basket: AgentRef<typeof Basket>;

export async function replies(): Promise<void> {
  same<number, Awaited<ReturnType<typeof basket.ask<'add'>>>>(true);
  const count = await basket.ask('add', { name: 'tea', price: 3 });
  same<typeof count, number>(true);
  const owner = await basket.ask('owner');
  same<typeof owner, string>(true);
  // The reply of an async handler is what it resolves with.
  const total = await basket.ask('total');
  same<typeof total, number>(true);
  const found = await basket.ask('search', 'tea', { timeoutMs: 100 });
  same<typeof found, Item[]>(true);
  const first = await basket.ask('peek');
  same<typeof first, Item | undefined>(true);
  const nothing = await basket.ask('clear');
  same<typeof nothing, void>(true);
  const outcome = basket.tell('add', { name: 'tea', price: 3 });
  same<typeof outcome, TellOutcome>(true);
  await basket.ask('discount');
  await basket.ask('discount', 5);
  await basket.ask('owner', undefined, { signal: AbortSignal.timeout(10) });
  // @ts-expect-error the reply is a number
  const wrong: string = await basket.ask('total');
  // @ts-expect-error the reply may be undefined
  const always: Item = await basket.ask('peek');
  void [wrong, always];
}

export function actionsAndInputs(): void {
  // @ts-expect-error no such action
  basket.tell('remove', 1);
  // @ts-expect-error no such action
  void basket.ask('totl');
  // @ts-expect-error the input is an item
  basket.tell('add', 'tea');
  // @ts-expect-error a price is missing
  void basket.ask('add', { name: 'tea' });
  // @ts-expect-error the input is missing
  basket.tell('add');
  // @ts-expect-error the input is missing
  void basket.ask('search');
  // @ts-expect-error the input of a handler with options is a string
  void basket.ask('search', 5);
  // @ts-expect-error a percentage is a number
  void basket.ask('discount', 'half');
  // @ts-expect-error the option is timeoutMs
  void basket.ask('search', 'tea', { timeout: 5 });
  // @ts-expect-error milliseconds are a number
  void basket.ask('search', 'tea', { timeoutMs: '5' });
}

export async function references(plain: AgentRef<typeof Plain>, any: AgentRef): Promise<void> {
  // @ts-expect-error a reference to an agent of another definition
  const wrong: AgentRef<typeof Plain> = basket;
  // @ts-expect-error the other way round
  const wrongToo: AgentRef<typeof Basket> = plain;
  const one: AgentRef = basket;
  basket.equals(plain);
  void [wrong, wrongToo, one];
  // Of an agent whose definition is not known any action may be asked, with anything.
  any.tell('add', { name: 'tea' });
  any.tell('clear');
  const reply = await any.ask('add', 5, { timeoutMs: 10 });
  same<typeof reply, unknown>(true);
  await any.ask('owner');
}

/** Code for all kinds of agents. */
export async function generic<D extends AnyAgent, N extends ActionName<D>>(
  ref: AgentRef<D>,
  action: N,
  ...rest: AskArguments<ActionsOf<D>[N]>
): Promise<ReplyOf<ActionsOf<D>[N]>> {
  return await ref.ask(action, ...rest);
}

export async function spawning(): Promise<void> {
  const ref = await nexus.spawn(Basket, { init: { owner: 'ann' } });
  same<typeof ref, AgentRef<typeof Basket>>(true);
  await nexus.spawn(Plain);
  await nexus.spawn(Plain, { id: 'p1', thread: 1 });
  await nexus.spawn(Optional);
  await nexus.spawn(Optional, { init: 5, thread: 'local' });
  const got = await nexus.getOrSpawn(Basket, 'b1', { init: { owner: 'bob' } });
  same<typeof got, AgentRef<typeof Basket>>(true);
  // @ts-expect-error init is missing
  await nexus.spawn(Basket);
  // @ts-expect-error init is missing
  await nexus.spawn(Basket, { id: 'b1' });
  // @ts-expect-error an owner is a string
  await nexus.spawn(Basket, { init: { owner: 5 } });
  // @ts-expect-error init is a number
  await nexus.spawn(Optional, { init: 'five' });
  // @ts-expect-error a thread is 'auto', 'local' or a number
  await nexus.spawn(Plain, { thread: 'any' });
  // @ts-expect-error the option is thread
  await nexus.spawn(Plain, { tread: 1 });
  // @ts-expect-error not a definition
  await nexus.spawn({ kind: 'plain' });
  // @ts-expect-error init is missing
  await nexus.getOrSpawn(Basket, 'b1');
  // @ts-expect-error init is missing
  await nexus.getOrSpawn(Basket, 'b1', { thread: 1 });
  await nexus.getOrSpawn(Plain, 'p1');
  await nexus.getOrSpawn(Optional, 'o1', { thread: 1, timeoutMs: 100 });
  const found = nexus.find('b1', Basket);
  same<typeof found, AgentRef<typeof Basket> | undefined>(true);
  // @ts-expect-error there may be none
  found.tell('clear');
  const many = nexus.findMany(['b1', 'b2'], Basket);
  same<typeof many, (AgentRef<typeof Basket> | undefined)[]>(true);
  // @ts-expect-error ids are strings
  nexus.findMany([1]);
  nexus.findMany(['b1'])[0]?.tell('anything');
}

export const Courier = defineAgent({
  kind: 'courier',
  state: (init: { readonly basket: AgentRef<typeof Basket> }) => ({ ...init, seen: 0 }),
  actions: {
    deliver: async (state, item: Item, ctx) => {
      const count = await ctx.ask(state.basket, 'add', item);
      same<typeof count, number>(true);
      ctx.tell(state.basket, 'clear');
      // @ts-expect-error no such action
      ctx.tell(state.basket, 'remove', item);
      // @ts-expect-error the input is an item
      await ctx.ask(state.basket, 'add', 7);
      const child = await ctx.spawn(Basket, { init: { owner: ctx.id } });
      same<typeof child, AgentRef<typeof Basket>>(true);
      // @ts-expect-error init is missing
      await ctx.spawn(Basket);
      same<typeof ctx.signal, AbortSignal>(true);
      same<ReturnType<typeof ctx.random>, number>(true);
      // @ts-expect-error the state has no such field
      state.total = 1;
      return state.seen;
    },
  },
  onStart: (state, ctx) => {
    same<typeof state.seen, number>(true);
    ctx.watch(state.basket);
  },
  onTerminated: (state, ended) => {
    state.seen += ended.reason.type === 'failed' ? 1 : 0;
  },
});

export function definitions(): void {
  // @ts-expect-error a kind is a string
  defineAgent({ kind: 5, state: () => 0, actions: {} });
  // @ts-expect-error a state is made by a function
  defineAgent({ kind: 'x', state: 0, actions: {} });
  // @ts-expect-error an action is a function, or has a handler
  defineAgent({ kind: 'x', state: () => 0, actions: { read: 5 } });
  // @ts-expect-error there is no such policy
  defineAgent({ kind: 'x', state: () => 0, actions: {}, mailbox: { overflow: 'drop' } });
  // @ts-expect-error there is no such directive
  defineAgent({ kind: 'x', state: () => 0, actions: {}, supervision: { onFailure: 'retry' } });
  defineAgent({ kind: 'x', state: () => 0, actions: {}, supervision: { onFailure: (error) => (error instanceof TypeError ? 'stop' : 'restart') } });
}

export async function theNexus(): Promise<void> {
  await using own = await createNexus({ agents: [new URL('file:///x.js'), './y.js', Basket], threads: 2 });
  same<typeof own, Nexus>(true);
  own.on('deadLetter', ({ reason }) => {
    // @ts-expect-error there is no such reason
    if (reason === 'lost') throw new Error(reason);
  });
  own.on('signal', ({ topic, data }) => {
    same<typeof topic, string>(true);
    same<typeof data, unknown>(true);
  });
  // @ts-expect-error there is no such event
  own.on('deadletter', () => undefined);
  same<ReturnType<typeof own.histogram>, HistogramSnapshot>(true);
  same<number, ReturnType<ReturnType<typeof own.histogram>['quantile']>>(true);
  own.histogram('ask_remote', 1).since(own.histogram('ask_remote'));
  // @ts-expect-error there is no such histogram
  own.histogram('ask');
  for (const summary of own.agents()) same<typeof summary, AgentSummary>(true);
  const { complete, discarded } = await own.stop({ deadlineMs: 100 });
  same<typeof complete, boolean>(true);
  same<typeof discarded, number>(true);
  // @ts-expect-error agents are missing
  await createNexus({ threads: 2 });
  // @ts-expect-error the option is threads
  await createNexus({ agents: [], thread: 2 });
  // @ts-expect-error there is no such engine
  await createNexus({ agents: [], engine: { force: 'turbo' } });
}

/** One agent alone, as the testing kit runs it: what it does is seen in order, and it is the runtime that performs it. */
import { defineAgent, shape } from 'nexus-agents';
import { type Answers, type Effect, testAgent, type TestAgentOptions, UNANSWERED } from 'nexus-agents/testing';
import { expect, onTestFinished, test } from 'vitest';
import { codeOf, failureOf } from '../start-nexus.js';

const Shop = defineAgent({
  kind: 'shop',
  state: () => undefined,
  actions: {
    price: (_state, _sku: string): number => 1,
    note: (_state, _text: string) => undefined,
    declared: { input: shape.object({ sku: shape.string }), reply: shape.uint32, handler: () => 1 },
  },
});

const Buyer = defineAgent({
  kind: 'buyer',
  state: (init: { readonly budget: number } | undefined) => ({ budget: init?.budget ?? 10, ended: [] as string[], drawn: 0, ticks: 0 }),
  onStart: (_state, ctx) => ctx.emit('buyer.started', ctx.id),
  onTerminated: (state, { id, reason }) => void state.ended.push(`${id} ${reason.type}`),
  actions: {
    /** Everything an agent can do, one after the other. */
    doAll: (state, shop: import('nexus-agents').AgentRef<typeof Shop>, ctx) => {
      ctx.logger.info({ budget: state.budget }, 'buying');
      ctx.watch(shop);
      ctx.tell(shop, 'note', 'hello');
      void ctx.ask(shop, 'price', 'x', { timeoutMs: 700 }).catch(() => undefined);
      ctx.send('nobody', 'note', 'lost');
      const timer = ctx.timers.after(50, 'tick');
      ctx.timers.every(100, 'tick');
      timer.cancel();
      ctx.unwatch(shop);
      void ctx.spawn(Shop, { id: 'branch', thread: 5 });
      return 'done';
    },
    tick: (state) => void state.ticks++,
    buy: async (state, shop: import('nexus-agents').AgentRef<typeof Shop>, ctx) => {
      state.budget -= await ctx.ask(shop, 'price', 'x');
      return state.budget;
    },
    buyPlainly: async (_state, shop: import('nexus-agents').AgentRef<typeof Shop>) => {
      shop.tell('note', 'plain');
      return shop.ask('price', 'y');
    },
    buyDeclared: async (_state, shop: import('nexus-agents').AgentRef<typeof Shop>, ctx) => ctx.ask(shop, 'declared', { sku: 'z' }),
    /** The first ask never leaves: its input does not fit the shape. */
    buyWrongly: async (_state, shop: import('nexus-agents').AgentRef<typeof Shop>, ctx) => {
      await ctx.ask(shop, 'declared', { sku: 5 as never }).catch(() => undefined);
      return ctx.ask(shop, 'price', 'right');
    },
    watch: (_state, shop: import('nexus-agents').AgentRef<typeof Shop>, ctx) => ctx.watch(shop),
    open: async (_state, id: string, ctx) => (await ctx.getOrSpawn(Shop, id)).id,
    find: (_state, id: string, ctx) => ctx.find(id)?.kind,
    fail: (_state, message: string) => {
      throw new Error(message);
    },
    draw: (state, _input: undefined, ctx) => (state.drawn = ctx.random()),
    who: (_state, _input: undefined, ctx) => ctx.sender?.id,
    time: (_state, _input: undefined, ctx) => ctx.clock.epochMs(),
    bye: (_state, _input: undefined, ctx) => ctx.stop(),
    beside: {
      concurrent: true,
      handler: async (_state: unknown, shop: import('nexus-agents').AgentRef<typeof Shop>, ctx: import('nexus-agents').AgentContext) =>
        ctx.ask(shop, 'price', 'beside'),
    },
  },
  supervision: { intensity: 2, periodMs: 60_000, backoff: { initialMs: 100, factor: 2, jitter: 0 } },
});

async function start(options: TestAgentOptions<{ readonly budget: number } | undefined> = {}) {
  const agent = await testAgent(Buyer, options as TestAgentOptions<never>);
  onTestFinished(() => agent.stop());
  return agent;
}

const brief = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => {
    const { type, ...rest } = effect as Effect & Record<string, unknown>;
    const parts = ['action', 'outcome', 'topic', 'delayMs', 'id', 'message'].flatMap((name) => (rest[name] === undefined ? [] : [String(rest[name])]));
    return [type, ...parts].join(' ');
  });

test('what an agent does is a list of effects, in the order in which it did it', async () => {
  const agent = await start({ id: 'b', init: { budget: 7 } });
  expect(brief(agent.takeEffects())).toEqual(['emitted buyer.started']);
  const shop = agent.stub(Shop, 's');
  expect(await agent.ask('doAll', shop)).toBe('done');
  await agent.run();
  expect(brief(agent.takeEffects())).toEqual([
    'logged buying',
    'watched',
    'told note accepted',
    'asked price',
    'sent note noAgent nobody',
    'timerStarted tick 50',
    'timerStarted tick 100',
    'timerCancelled tick',
    'unwatched',
    'spawned branch',
    'replied doAll',
  ]);
  expect(agent.effectsOf('asked')[0]).toMatchObject({ action: 'price', input: 'x', timeoutMs: 700, isAnswered: false });
  expect(agent.effectsOf('told')[0]?.to.equals(shop)).toBe(true);
  expect(agent.effectsOf('logged')[0]).toMatchObject({ level: 'info', data: { budget: 7 } });
  await agent.advance(250);
  expect(agent.state.ticks).toBe(2);
});

test('an ask waits for the answer of the test, or for its timeout on the manual clock', async () => {
  const agent = await start();
  const shop = agent.stub(Shop);
  const bought = agent.ask('buy', shop);
  await agent.run();
  expect(agent.status).toBe('busy');
  const [asked] = agent.effectsOf('asked');
  asked?.reply(4);
  asked?.reply(5);
  expect(await bought).toBe(6);
  expect(asked?.isAnswered).toBe(true);
  const refused = failureOf(agent.ask('buy', shop));
  await agent.run();
  agent.effectsOf('asked')[1]?.fail(new Error('sold out'));
  expect((await refused)?.message).toBe('sold out');
  await agent.advance(100);
  const late = codeOf(agent.ask('buy', shop, { timeoutMs: 60_000 }));
  await agent.advance(4990);
  expect(agent.status).toBe('busy');
  await agent.advance(20);
  expect(await late).toBe('NEXUS_ASK_TIMEOUT');
});

test('answers are given by functions: asks, spawns and finds', async () => {
  const answers: Answers = {
    ask: ({ action, input }) => (action === 'declared' ? 'no number' : input === 'y' ? UNANSWERED : Promise.resolve(3)),
    spawn: ({ id }) => {
      if (id === 'full') throw new Error('no room');
    },
    find: (id) => (id === 'known' ? Shop : undefined),
  };
  const agent = await start({ answers });
  const shop = agent.stub(Shop);
  expect(await agent.ask('buy', shop)).toBe(7);
  expect(await agent.ask('find', 'known')).toBe('shop');
  expect(await agent.ask('find', 'unknown')).toBeUndefined();
  expect(await agent.ask('open', 'known')).toBe('known');
  expect(await agent.ask('open', 'new')).toBe('new');
  expect((await failureOf(agent.ask('open', 'full')))?.message).toBe('no room');
  await agent.advance(100);
  expect(await codeOf(agent.ask('buyDeclared', shop))).toBe('NEXUS_SHAPE_MISMATCH');
});

test('messages with a plain reference are seen too, and concurrent handlers ask at once', async () => {
  const agent = await start();
  const shop = agent.stub(Shop);
  agent.takeEffects();
  const plain = agent.ask('buyPlainly', shop);
  await agent.run();
  expect(brief(agent.takeEffects())).toEqual(['told note accepted', 'asked price']);
  agent.effectsOf('asked')[0]?.reply(1);
  expect(await plain).toBe(1);
  const wrongly = agent.ask('buyWrongly', shop);
  await agent.run();
  agent.effectsOf('asked').at(-1)?.reply(2);
  expect(await wrongly).toBe(2);
  agent.takeEffects();
  const before = agent.effectsOf('asked').length;
  const both = [agent.ask('beside', shop), agent.ask('beside', shop)];
  await agent.run();
  const asked = agent.effectsOf('asked').slice(before);
  expect(asked).toHaveLength(2);
  // The answers find their ask, in whatever order they are given.
  asked[1]?.reply(22);
  asked[0]?.reply(11);
  expect(await Promise.all(both)).toEqual([11, 22]);
});

test('supervision decides as ever: a failure, the delay before the restart, and the end', async () => {
  const agent = await start({ init: { budget: 3 } });
  agent.takeEffects();
  agent.state.budget = 1;
  expect((await failureOf(agent.ask('fail', 'one')))?.message).toBe('one');
  expect(agent.status).toBe('restarting');
  expect(brief(agent.takeEffects())).toEqual(['rejected fail', 'failed fail', 'restarting 100']);
  await agent.advance(99);
  expect(agent.status).toBe('restarting');
  await agent.advance(1);
  expect([agent.status, agent.restarts, agent.state.budget]).toEqual(['ready', 1, 3]);
  await agent.tell('fail', 'two');
  await agent.advance(200);
  expect(agent.restarts).toBe(2);
  await agent.tell('fail', 'three');
  expect(brief(agent.takeEffects())).toEqual(['emitted buyer.started', 'failed fail', 'restarting 200', 'emitted buyer.started', 'failed fail', 'stopped']);
  expect(agent.effectsOf('stopped')[0]?.reason.type).toBe('failed');
  expect(agent.status).toBe('stopped');
});

test('onTerminated, senders, time and chance come from the test', async () => {
  const agent = await start({ seed: 9, epochMs: 1000 });
  const shop = agent.stub(Shop, 's');
  await agent.tell('watch', shop);
  await shop.stop();
  await agent.run();
  expect(agent.state.ended).toEqual(['s stopped']);
  const friend = agent.stub(Shop, 'friend');
  expect(await agent.ask('who', undefined, { sender: friend })).toBe('friend');
  expect(await agent.ask('who')).toBeUndefined();
  await agent.advance(500);
  expect(await agent.ask('time')).toBe(1500);
  const drawn = await agent.ask('draw');
  expect(await (await start({ seed: 9 })).ask('draw')).toBe(drawn);
  expect(await (await start({ seed: 10 })).ask('draw')).not.toBe(drawn);
  await agent.tell('bye');
  expect(brief(agent.effects).slice(-2)).toEqual(['stopRequested', 'stopped']);
  expect(agent.status).toBe('stopped');
  expect(await agent.tell('bye')).toBe('noAgent');
});

test('a start that waits is seen to wait, and one that fails rejects', async () => {
  const Waiting = defineAgent({
    kind: 'waiting',
    state: (init: string) => ({ init, price: 0 }),
    onStart: async (state, ctx) => {
      const shop = ctx.find('s', Shop);
      if (shop === undefined) throw new Error('no shop');
      state.price = await ctx.ask(shop, 'price', state.init);
    },
    actions: { price: (state) => state.price },
  });
  const agent = await testAgent(Waiting, { init: 'x', answers: { find: () => Shop } });
  expect(agent.status).toBe('starting');
  const asked = agent.ask('price');
  agent.effectsOf('asked')[0]?.reply(8);
  expect(await asked).toBe(8);
  await agent.stop();
  expect(await codeOf(testAgent(Waiting, { init: 'x' }))).toBe('NEXUS_START_FAILED');
  const throwing = defineAgent({ kind: 'throwing', state: () => JSON.parse('{') as unknown, actions: {} });
  expect(await codeOf(testAgent(throwing))).toBe('NEXUS_START_FAILED');
});

test('a stop hook may take time, and asks that wait are told', async () => {
  const Slow = defineAgent({
    kind: 'slow',
    state: () => undefined,
    onStop: async (_state, _reason, ctx) => {
      const shop = ctx.find('s', Shop);
      if (shop !== undefined) await ctx.ask(shop, 'price', 'last').catch(() => undefined);
    },
    actions: { hang: async () => new Promise(() => undefined) },
  });
  const agent = await testAgent(Slow, { answers: { find: () => Shop } });
  await agent.stop();
  expect(agent.clock.nowMs()).toBeGreaterThanOrEqual(5000);
  const hanging = await testAgent(Slow);
  const hangs = codeOf(hanging.ask('hang', undefined, { timeoutMs: 60_000 }));
  await hanging.stop();
  expect(await hangs).toBe('NEXUS_STOPPED');
});

test('a stub of the kind under test is a stub too', async () => {
  const agent = await start({ answers: { find: () => Buyer } });
  const other = agent.stub(Buyer, 'other');
  other.tell('tick');
  await agent.run();
  expect(agent.state.ticks).toBe(0);
  expect(await agent.ask('find', 'buyer under test')).toBe('buyer');
});

test('wrong calls say so', async () => {
  const agent = await start();
  expect(await codeOf(testAgent({ kind: 'x' } as never))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(testAgent(Buyer, { ids: 'x' } as never))).toBe('NEXUS_OPTION_UNKNOWN');
  expect(await codeOf(agent.ask('nothing' as never, undefined as never))).toBe('NEXUS_ACTION_UNKNOWN');
  expect(await codeOf(agent.tell('nothing' as never, undefined as never))).toBe('NEXUS_ACTION_UNKNOWN');
  expect(await codeOf(agent.ask('tick', undefined, { timeout: 1 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
});

/** The orders of the example: what they decide, as values; and what becomes of them in a whole nexus with a manual clock, with crashes at every moment there is. */
import { defineAgent, facts } from 'nexus-agents';
import { createProbe, createTestNexus, memoryStorage, type TestNexus } from 'nexus-agents/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Article } from '../../../examples/orders/article.mjs';
import { Desk, NEWS_ID, News, StockWatch } from '../../../examples/orders/desk.mjs';
import { Order } from '../../../examples/orders/order.mjs';
import * as rules from '../../../examples/orders/order-rules.mjs';

const AT = facts({ id: '7', epochMs: 1000 });
const LINES = [
  { article: 'tea', units: 2 },
  { article: 'cups', units: 3 },
];
const placing = { commandId: 'a', customer: 'ann', lines: LINES };
const given = (commandId: string) => ({ commandId });
/** Stands for an order. */
const Acknowledged = defineAgent({ kind: 'acknowledged', state: () => undefined, actions: { acknowledge: () => undefined } });
type Decided = { readonly state: rules.Order; readonly effects?: readonly { readonly type: string; readonly value?: unknown }[] };

/** The decisions one after the other: the last one. */
function decidedBy(...steps: readonly (readonly [(order: rules.Order, input: never, at: typeof AT) => object, unknown, number?])[]): Decided {
  let decided: Decided = { state: rules.newOrder({ paymentWithinMs: 500 }) };
  for (const [decide, input, epochMs = 1000] of steps) decided = decide(decided.state, input as never, facts({ id: '7', epochMs })) as Decided;
  return decided;
}
const requested = [
  [rules.place, placing] as const,
  [rules.acknowledge, { letter: 2, accepted: true }] as const,
  [rules.acknowledge, { letter: 3, accepted: true }] as const,
];
const textsOf = ({ state }: Decided): string[] =>
  state.letters.map((letter) => (letter.type === 'article' ? `${letter.action} ${letter.units} ${letter.article}` : letter.type));
const replyOf = ({ effects = [] }: Decided): unknown => effects.find(({ type }) => type === 'reply')?.value;

describe('an order decides', () => {
  test('nothing is told before it is on disk: a decision writes letters, has a reminder look after them, and replies last', () => {
    const placed = decidedBy([rules.place, placing]);
    expect(textsOf(placed)).toEqual(['signal', 'reserve 2 tea', 'reserve 3 cups']);
    expect(placed.effects?.map(({ type }) => type)).toEqual(['remindEvery', 'send', 'reply']);
    expect(replyOf(placed)).toEqual({ accepted: true, status: 'placed' });
  });

  test('what is delivered is told again until it is acknowledged; signals are emitted once', () => {
    const once = decidedBy([rules.place, placing], [rules.deliver, undefined]);
    const twice = decidedBy([rules.place, placing], [rules.deliver, undefined], [rules.deliver, undefined]);
    expect(once.effects?.map(({ type }) => type)).toEqual(['emit', 'send', 'send']);
    expect(twice.effects).toEqual(once.effects?.slice(1));
    const acknowledged = decidedBy(...requested, [rules.deliver, undefined], [rules.deliver, undefined]);
    expect(acknowledged.effects).toEqual([{ type: 'cancelReminder', name: 'letters' }]);
  });

  test('payment is requested when all is reserved, and has its time', () => {
    expect(decidedBy(...requested.slice(0, 2)).state.status).toBe('placed');
    const { state, effects } = decidedBy(...requested);
    expect([state.status, state.paymentDueEpochMs]).toEqual(['paymentRequested', 1500]);
    expect(effects?.[0]).toEqual({ type: 'remindAt', name: 'payment', epochMs: 1500, action: 'expire', input: undefined });
  });

  test('an order that nobody has paid in time is cancelled, not before, and not once it is paid', () => {
    expect(decidedBy(...requested, [rules.expire, undefined, 1499]).state.status).toBe('paymentRequested');
    const late = decidedBy(...requested, [rules.deliver, undefined], [rules.expire, undefined, 1500]);
    expect([late.state.status, late.state.cancelledBecause]).toEqual(['cancelled', 'notPaid']);
    expect(textsOf(late)).toEqual(['signal', 'release 2 tea', 'release 3 cups', 'cancelReminder']);
    expect(decidedBy(...requested, [rules.pay, given('b')], [rules.expire, undefined, 9999]).state.status).toBe('paid');
  });

  test('one article that is sold out cancels the order, and releases the others', () => {
    const decided = decidedBy([rules.place, placing], [rules.acknowledge, { letter: 2, accepted: true }], [rules.acknowledge, { letter: 3, accepted: false }]);
    expect([decided.state.status, decided.state.cancelledBecause]).toEqual(['cancelled', 'soldOut']);
    expect(textsOf(decided)).toEqual(['signal', 'signal', 'release 2 tea', 'release 3 cups', 'cancelReminder']);
  });

  test('a command that comes again gets its answer and does nothing, also when it was refused; its id cannot be used for another', () => {
    const paid = decidedBy(...requested, [rules.pay, given('b')]);
    const again = rules.pay(paid.state, given('b'), AT) as Decided;
    expect(again).toEqual({ state: paid.state, effects: [{ type: 'reply', value: { accepted: true, status: 'paid' } }] });
    const refused = rules.cancel(paid.state, given('c'), AT) as Decided;
    const shipped = [rules.pack, rules.ship].reduce((order, decide, index) => (decide(order, given(`d${index}`), AT) as Decided).state, refused.state);
    expect(replyOf(rules.cancel(shipped, given('c'), AT) as Decided)).toEqual({ accepted: false, status: 'paid', because: 'it is paid' });
    expect(replyOf(rules.ship(paid.state, given('b'), AT) as Decided)).toEqual({ accepted: false, status: 'paid', because: "command b was 'pay'" });
  });

  test('it remembers no more answers than it may', () => {
    let { state } = decidedBy(...requested);
    for (let n = 0; n < 200; n++) state = (rules.pack(state, given(`n${n}`), AT) as Decided).state;
    expect(state.answers).toHaveLength(rules.ANSWERS_MAX);
    expect(state.answers.at(-1)?.commandId).toBe('n199');
  });
});

describe('in a whole nexus', () => {
  async function started(): Promise<TestNexus> {
    const nexus = await createTestNexus({ agents: [Article, Order], storage: memoryStorage(), seed: 5 });
    onTestFinished(async () => void (await nexus.stop()));
    for (const { article } of LINES) await (await nexus.getOrSpawn(Article, rules.articleId(article))).ask('receive', { delivery: 'opening', units: 10 });
    return nexus;
  }
  const figures = async (nexus: TestNexus) => Promise.all(LINES.map(async ({ article }) => nexus.find(rules.articleId(article), Article)?.ask('figures')));

  test('an order that is not paid is cancelled when its time has come, though it is not in memory, and its articles are free again', async () => {
    const nexus = await started();
    const order = await nexus.getOrSpawn(Order, '7', { init: { paymentWithinMs: 3_600_000 } });
    await order.ask('place', placing);
    await nexus.advance(100);
    expect((await figures(nexus)).map((each) => [each?.reserved, each?.orders])).toEqual([
      [2, ['7']],
      [3, ['7']],
    ]);
    await nexus.advance(3_599_000);
    expect(nexus.summary('7')).toBeUndefined(); // passivated
    expect((await order.ask('view')).status).toBe('paymentRequested');
    await nexus.advance(2000);
    expect(await order.ask('view')).toMatchObject({ status: 'cancelled', cancelledBecause: 'notPaid', undelivered: 0 });
    expect((await figures(nexus)).map((each) => each?.available)).toEqual([10, 10]);
    await nexus.advance(10_000);
    expect(nexus.summary('7')).toBeUndefined();
  });

  test('an article that does not answer is told again; of what it is told twice it does one', async () => {
    const nexus = await createTestNexus({ agents: [Article, Acknowledged], storage: memoryStorage(), seed: 5 });
    onTestFinished(async () => void (await nexus.stop()));
    const tea = await nexus.getOrSpawn(Article, 'article/tea');
    await tea.ask('receive', { delivery: 'opening', units: 10 });
    await tea.ask('receive', { delivery: 'opening', units: 10 });
    const probe = await createProbe(nexus, Acknowledged, { id: '7' });
    for (const letter of [1, 2]) {
      tea.tell('reserve', { order: '7', units: 6, letter });
      expect((await probe.expect('acknowledge')).input).toEqual({ letter, accepted: true });
    }
    tea.tell('reserve', { order: '8', units: 5, letter: 1 });
    expect(await tea.ask('figures')).toEqual({ received: 10, shipped: 0, reserved: 6, available: 4, orders: ['7'] });
    for (const letter of [3, 4]) tea.tell('ship', { order: '7', units: 6, letter });
    expect(await tea.ask('figures')).toEqual({ received: 10, shipped: 6, reserved: 0, available: 4, orders: [] });
  });

  test.each([1, 2, 3, 4, 5])(
    'the store may crash at any moment: the order goes on, once, and what its customer was told stays true, seed %i',
    async (seed) => {
      let crashes = 0;
      // After so many steps of all threads the store is as if the process had been killed.
      for (let steps = 1; ; steps++) {
        const store = memoryStorage();
        const begin = async () => {
          const nexus = await createTestNexus({ agents: [Article, Order], storage: store, seed, threads: 1 });
          for (const { article } of LINES) await (await nexus.getOrSpawn(Article, rules.articleId(article))).ask('receive', { delivery: 'opening', units: 10 });
          return nexus;
        };
        let nexus = await begin();
        const say = async (wait: () => Promise<unknown>) => {
          const order = await nexus.getOrSpawn(Order, '7', { init: { paymentWithinMs: 60_000 } });
          const told: unknown[] = [await order.ask('place', placing)];
          for (let looks = 0; (await order.ask('view')).status === 'placed'; looks++) {
            if (looks > 1000) throw new Error('it stays placed');
            await wait();
          }
          for (const command of ['pay', 'pack', 'ship'] as const) told.push(await order.ask(command, given(command)));
          return told;
        };
        let isDone = false;
        const crashed = nexus;
        say(() => crashed.step()).then(
          () => (isDone = true),
          () => undefined,
        );
        for (let step = 0; step < steps && !isDone; step++) await nexus.step();
        if (isDone) {
          await nexus.stop();
          break;
        }
        crashes++;
        store.crash();
        await nexus.stop({ deadlineMs: 0 });
        nexus = await begin();
        const told = await say(() => nexus.advance(10));
        expect(told).toEqual(['placed', 'paid', 'packed', 'shipped'].map((status) => ({ accepted: true, status })));
        await nexus.advance(120_000);
        expect((await figures(nexus)).map((each) => [each?.received, each?.shipped, each?.reserved])).toEqual([
          [10, 2, 0],
          [10, 3, 0],
        ]);
        const view = await nexus.find('7', Order)?.ask('view');
        expect([view?.undelivered, view?.history.map(({ status }) => status)]).toEqual([0, ['placed', 'paymentRequested', 'paid', 'packed', 'shipped']]);
        await nexus.stop();
      }
      expect(crashes).toBeGreaterThan(10);
    },
    60_000,
  );

  test('the desk hears of every step, and of articles that are low; when the news fail, the sensor looks again', async () => {
    const nexus = await createTestNexus({ agents: [Article, Order, News, StockWatch, Desk], storage: memoryStorage(), seed: 9 });
    onTestFinished(async () => void (await nexus.stop()));
    const tea = await nexus.getOrSpawn(Article, 'article/tea');
    await tea.ask('receive', { delivery: 'opening', units: 11 });
    await nexus.spawn(Desk, { id: 'desk', init: { articles: ['tea'] } });
    const order = await nexus.getOrSpawn(Order, '7');
    await order.ask('place', { ...placing, lines: [LINES[0] as (typeof LINES)[0]] });
    await nexus.advance(10_000);
    const news = nexus.find(NEWS_ID, News);
    expect((await news?.ask('read'))?.counts).toEqual({ placed: 1, paymentRequested: 1, low: 1 });
    news?.tell('onSignal', undefined as never);
    await nexus.advance(10_000);
    expect((await news?.ask('read'))?.counts).toEqual({ low: 1 });
  });
});

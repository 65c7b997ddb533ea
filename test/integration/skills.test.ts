/** Skills in a running nexus: their actions, slices, hooks and sensors, for agents whose states are of any kind, on the same thread and on another. */
import { type AgentRef, createNexus, defineAgent, defineSkill } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { Journal, Metering, Names, Shop, Total } from '../fixtures/skilled.mjs';
import { codeOf, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const agents = [fixture('skilled.mjs')];
const SENSED = ['limit 3 from first', 'hello from nobody'];

describe.each([
  { distance: 'on the same thread, without others', thread: 0, threads: 0 },
  { distance: 'on the same thread', thread: 0, threads: 2 },
  { distance: 'on another thread', thread: 2, threads: 2 },
])('an agent $distance', ({ thread, threads }) => {
  const start = () => startNexus({ agents, threads });
  const summaryOf = async (shop: AgentRef) => (await shop.ask('summary')) as { name: string; sold: number; entries: string[]; count: number };

  test('the actions of a skill are actions of the agent, with the slice as their state', async () => {
    const nexus = await start();
    const shop = (await nexus.spawn(Shop, { thread })) as AgentRef;
    await shop.ask('journal.clear');
    expect(await shop.ask('journal.append', 'one')).toBe(1);
    expect(shop.tell('journal.append', 'two')).toBe('accepted');
    expect(await shop.ask('journal.entries')).toEqual(['one', 'two']);
    expect(await shop.ask('metering.up', 5)).toBe(5);
    expect(await codeOf(shop.ask('journal.append', 5))).toBe('NEXUS_INPUT_INVALID');
    expect(await codeOf(shop.ask('append', 'x'))).toBe('NEXUS_ACTION_UNKNOWN');
    expect(await shop.ask('journal.later', 'by timer')).toBe(undefined);
    await until(async () => ((await shop.ask('journal.entries')) as string[]).includes('by timer'));
  });

  test('a decision of a skill replaces its slice, and nothing else', async () => {
    const nexus = await start();
    const shop = (await nexus.spawn(Shop, { thread })) as AgentRef;
    await shop.ask('sell');
    await shop.ask('journal.setLimit', 9);
    expect(await codeOf(shop.ask('journal.setLimit', -1))).toBe('NEXUS_STATE_INVALID');
    expect(await shop.ask('journal.clear')).toBeGreaterThan(1);
    await shop.ask('rename', 'new');
    expect(await summaryOf(shop)).toEqual({ name: 'new', sold: 1, entries: [], count: 1 });
  });

  test('the handlers of an agent see the slices of its skills', async () => {
    const nexus = await start();
    const shop = (await nexus.spawn(Shop, { thread })) as AgentRef;
    expect(await shop.ask('sell')).toEqual([1, 1]);
    await shop.ask('metering.up', 10);
    expect(await shop.ask('sell')).toEqual([2, 12]);
    expect(await summaryOf(shop)).toMatchObject({ sold: 2, count: 12 });
  });

  test('the state of an agent with skills may be of any kind', async () => {
    const nexus = await start();
    const total = (await nexus.spawn(Total, { thread })) as AgentRef;
    await total.ask('add', 3);
    await total.ask('metering.up');
    expect(await total.ask('read')).toBe(8);
    expect(await total.ask('both')).toEqual([8, 1, ['metering']]);
    const names = (await nexus.spawn(Names, { thread })) as AgentRef;
    expect(await names.ask('set', ['a', 1])).toBe(1);
    expect(await names.ask('set', ['b', 1])).toBe(2);
    expect(await failureOf(names.ask('without'))).toMatchObject({
      code: 'NEXUS_SKILL_UNKNOWN',
      message: "this agent does not have the skill 'journal'. Its skills are metering",
    });
  });

  test('the sensors of a skill start before the first message, and what they send reaches the agent', async () => {
    const nexus = await start();
    const id = freshId();
    const shop = (await nexus.spawn(Shop, { thread, id })) as AgentRef;
    const { entries } = await summaryOf(shop);
    expect(entries.slice(0, 2)).toEqual(['skill started', 'shop started']);
    expect(entries.slice(2).sort()).toEqual([...SENSED].sort());
    expect(nexus.summary(`${id}/first`)).toEqual({ id: `${id}/first`, kind: 'beacon', thread });
    await shop.stop();
    expect([...nexus.agents('beacon')]).toEqual([]);
  });

  test('a restart makes slices and sensors anew', async () => {
    const nexus = await start();
    const shop = (await nexus.spawn(Shop, { thread, init: { name: 'first', limit: 5 } })) as AgentRef;
    await shop.ask('metering.up', 4);
    await shop.ask('journal.append', 'lost');
    expect(await codeOf(shop.ask('journal.fails'))).toBe('fails');
    // What was in the mailbox before the restart is in front of what the new sensors send.
    await until(async () => (await summaryOf(shop)).entries.length === 4);
    const { entries, count } = await summaryOf(shop);
    expect(count).toBe(0);
    expect(entries.slice(0, 2)).toEqual(['skill started', 'first started']);
    expect(entries.slice(2).sort()).toEqual(['hello from nobody', 'limit 5 from first']);
    expect([...nexus.agents('beacon')]).toHaveLength(2);
  });

  test('stop hooks run in the opposite order of the start hooks', async () => {
    const nexus = await start();
    const topics: string[] = [];
    nexus.on('signal', ({ topic }) => topics.push(topic));
    const shop = (await nexus.spawn(Shop, { thread })) as AgentRef;
    await shop.stop();
    await until(() => topics.length === 3);
    expect(topics).toEqual(['shop.stopped', 'metering.stopped', 'journal.stopped']);
  });

  test('a skill that does not start keeps its agent from starting', async () => {
    const nexus = await start();
    const failure = await failureOf(nexus.spawn(Shop, { thread, id: 'x', init: { fail: true } }));
    expect(failure).toMatchObject({ code: 'NEXUS_START_FAILED' });
    expect(failure?.message).toContain('the journal does not start');
    await until(() => [...nexus.agents()].length === 0);
  });

  test('two agents of one kind have slices and sensors of their own', async () => {
    const nexus = await start();
    const [one, two] = (await Promise.all([1, 2].map(() => nexus.spawn(Shop, { thread })))) as unknown as [AgentRef, AgentRef];
    await one.ask('metering.up', 7);
    expect(await two.ask('metering.read')).toBe(0);
    expect([...nexus.agents('beacon')]).toHaveLength(4);
  });
});

test('agents of a skill given to createNexus as a definition bring its sensors along', async () => {
  const nexus = await createNexus({ agents: [Shop], threads: 1, logger: recorder() });
  try {
    const shop = (await nexus.spawn(Shop)) as AgentRef;
    expect(((await shop.ask('journal.entries')) as string[]).length).toBe(4);
    expect(nexus.kinds().map(({ kind }) => kind)).toEqual(['shop', 'beacon']);
  } finally {
    await nexus.stop({ deadlineMs: 2000 });
  }
});

test('a sensor whose kind is defined twice is refused', async () => {
  const Beacon = defineAgent({ kind: 'beacon', state: () => 0, actions: { read: (state) => state } });
  expect(await failureOf(createNexus({ agents: [Shop, Beacon], threads: 0, logger: recorder() }))).toMatchObject({
    code: 'NEXUS_KIND_DUPLICATE',
    message: "kind 'beacon' is defined twice: in a module or definition in agents and in a sensor of a skill of 'shop'; rename one",
  });
});

test('the subscriptions of skills are added to those of the agent', () => {
  expect(Shop.subscriptions).toEqual({ 'sales.*': 'sell', 'orders.*': 'journal.signal' });
  expect(Total.subscriptions).toBe(undefined);
});

describe('what is refused', () => {
  const state = () => 0;
  const agent = (specification: object) => () => defineAgent({ kind: 'wrong', state, ...specification } as never);
  const skill = (specification: object) => () => defineSkill({ name: 'wrong', state, actions: { a: () => 1 }, ...specification } as never);
  const Other = defineSkill({ name: 'other', state, actions: { a: () => 1 }, subscriptions: { 'a.*': 'a' } });
  test.each([
    ["skills of 'wrong' must be a list of what defineSkill returns", agent({ skills: Metering })],
    ["skills[0] of 'wrong' is no skill: give what defineSkill returns", agent({ skills: [{ name: 'x' }] })],
    ["'wrong' has two skills named 'metering'", agent({ skills: [Metering, Metering] })],
    ["'wrong' has an action 'other.a' of its own, and one from the skill 'other'; rename it", agent({ skills: [Other], actions: { 'other.a': () => 1 } })],
    ["'wrong' subscribes 'a.*' to 'mine' and to 'other.a'; a pattern has one action", agent({ skills: [Other], subscriptions: { 'a.*': 'mine' } })],
    ["'wrong' has more than 100 skills", agent({ skills: new Array(101).fill(Other) })],
    [`a name has 1 to 50 letters, digits, '-' and '_'; "a.b" does not`, skill({ name: 'a.b' })],
    [`a name has 1 to 50 letters`, skill({ name: '' })],
    ["'wrong' needs state: (init) => the initial slice", skill({ state: 5 })],
    ["'wrong' needs actions: an object of functions", skill({ actions: 5 })],
    ["action 'a' of 'wrong' must be a function", skill({ actions: { a: 5 } })],
    ["'wrong' has an unknown field 'actons'; did you mean 'actions'? Fields are name, state", skill({ actons: {} })],
    ["validateState of 'wrong' must be a Standard Schema validator", skill({ validateState: 5 })],
    ["onStart of 'wrong' must be a function", skill({ onStart: 5 })],
    ["'wrong' subscribes 'a.*' to 'b', which is none of its actions. Its actions are a", skill({ subscriptions: { 'a.*': 'b' } })],
    ["sensors[0] of 'wrong' needs agent: what defineAgent or defineSensor returns", skill({ sensors: [{ agent: 'clock' }] })],
    ["sensors[0] of 'wrong' has an unknown field 'at'. Fields are agent, init, id, thread", skill({ sensors: [{ agent: Total, at: 5 }] })],
    ["sensors of 'wrong' must be a list of at most 100", skill({ sensors: new Array(101).fill({ agent: Total }) })],
  ])('%s', async (message, define) => {
    const failure = await failureOf(define);
    expect(failure).toMatchObject({ code: 'NEXUS_DEFINITION_INVALID' });
    expect(failure?.message).toContain(message);
  });
  test('an accessor of a skill that an agent does not have', () => {
    expect(() => Journal.slice({ skills: {} })).toThrow("this agent does not have the skill 'journal'. Its skills are none");
  });
});

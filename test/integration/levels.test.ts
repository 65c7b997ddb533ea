/** The reactive level and validators of inputs: queries and updates, what is refused and what fails, on the same thread and on another. */
import { type AgentRef, createNexus, type DeadLetter, defineAgent, type NexusTypeError } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { startGateway } from 'nexus-agents/gateway';
import { json } from '../fixtures/gateway-client.mjs';
import { Customer } from '../fixtures/reactive.mjs';
import { codeOf, DISTANCES, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const agents = [fixture('reactive.mjs')];

describe.each([
  { distance: 'on the same thread, without others', thread: 0, threads: 0 },
  { distance: 'on the same thread', thread: 0, threads: 2 },
  { distance: 'on another thread', thread: 2, threads: 2 },
])('an agent $distance', ({ thread, threads }) => {
  const start = async () => {
    const nexus = await startNexus({ agents, threads });
    const ref = (await nexus.spawn(Customer, { thread, init: { name: 'ann' } })) as AgentRef;
    return { nexus, ref };
  };
  /** A restart makes another number. */
  const lifeOf = async (ref: AgentRef): Promise<unknown> => ((await ref.ask('all')) as { lives: number[] }).lives[0];

  test('a query replies, and an update makes the next state', async () => {
    const { ref } = await start();
    expect(await ref.ask('name')).toBe('ann');
    expect(await ref.ask('rename', { name: ' bob ' })).toBe(undefined);
    expect(ref.tell('visit', 2)).toBe('accepted');
    expect(ref.tell('touch')).toBe('accepted');
    expect(await ref.ask('all')).toMatchObject({ name: 'bob', visits: 2, tags: ['touched'] });
    expect(await ref.ask('tagged', 'touched')).toBe(true);
  });

  test('queries and updates know facts, which stay the same for one message', async () => {
    const { ref } = await start();
    const before = Date.now();
    const known = (await ref.ask('known')) as { id: string; random: number[]; epochMs: number; sender?: string };
    expect(known).toMatchObject({ id: ref.id });
    expect(known.random[0]).toBe(known.random[1]);
    expect(((await ref.ask('known')) as typeof known).random[0]).not.toBe(known.random[0]);
    expect(known.epochMs).toBeGreaterThanOrEqual(before);
    expect(known.sender).toBe(undefined);
  });

  test('an input that its validator refuses rejects the ask with NEXUS_INPUT_INVALID and the issues, and the agent has not failed', async () => {
    const { nexus, ref } = await start();
    let failed = 0;
    nexus.on('agentFailed', () => failed++);
    const life = await lifeOf(ref);
    const failure = await failureOf(ref.ask('rename', { name: 5 }));
    expect(failure).toMatchObject({ code: 'NEXUS_INPUT_INVALID', name: 'TypeError' });
    expect(failure?.message).toMatch(/^'rename' of 'customer': input\.name: /);
    expect((failure?.error as unknown as NexusTypeError).data).toMatchObject({
      kind: 'customer',
      action: 'rename',
      part: 'input',
      issues: [{ path: ['name'], message: expect.any(String) }],
    });
    // Of valibot, of a function as ArkType's are, of many issues.
    expect(await codeOf(ref.ask('pair', ['a']))).toBe('NEXUS_INPUT_INVALID');
    expect(await ref.ask('pair', ['a', 3])).toBe('aaa');
    expect(await ref.ask('callable', 1)).toBe('one');
    expect(await failureOf(ref.ask('callable', 2))).toMatchObject({ message: "'callable' of 'customer': input: not one" });
    expect((await failureOf(ref.ask('many', ['a', 'b', 'c', 'd', 'e'])))?.message).toMatch(/input\[0\]: .*input\[2\]: .*; and 2 more$/);
    const issues = ((await failureOf(ref.ask('many', new Array(500).fill('x'))))?.error as unknown as NexusTypeError).data?.['issues'];
    expect(issues).toHaveLength(100);
    expect(await lifeOf(ref)).toBe(life);
    expect(failed).toBe(0);
  });

  test('a validator that fails or answers nonsense refuses the input', async () => {
    const { ref } = await start();
    const life = await lifeOf(ref);
    const failure = await failureOf(ref.ask('throwing'));
    expect(failure).toMatchObject({ code: 'NEXUS_INPUT_INVALID', message: "'throwing' of 'customer': input: the validator failed: broken" });
    expect(failure?.error.cause).toBeInstanceOf(RangeError);
    expect(await codeOf(ref.ask('nonsense'))).toBe('NEXUS_INPUT_INVALID');
    expect(await lifeOf(ref)).toBe(life);
  });

  test('a tell that is refused is a dead letter', async () => {
    const { nexus, ref } = await start();
    const letters: DeadLetter[] = [];
    nexus.on('deadLetter', (letter) => letters.push(letter));
    expect(ref.tell('rename', { name: '' })).toBe('accepted');
    await until(() => letters.length > 0);
    expect(letters).toEqual([{ reason: 'refused', id: ref.id, kind: 'customer', action: 'rename', thread }]);
    await until(() => nexus.threads()[thread]?.counters['dead_refused'] === 1);
    expect(nexus.threads()[thread]?.counters['failed']).toBe(0);
  });

  test('an update whose state does not pass validateState is refused, and the old state stays', async () => {
    const { ref } = await start();
    const life = await lifeOf(ref);
    await ref.ask('visit', 9);
    const failure = await failureOf(ref.ask('visit', 2));
    expect(failure).toMatchObject({ code: 'NEXUS_STATE_INVALID', message: "'visit' of 'customer': state.visits: too many visits" });
    expect(await ref.ask('all')).toMatchObject({ visits: 9, name: 'ann' });
    expect(await lifeOf(ref)).toBe(life);
  });

  test('an agent whose first state does not pass validateState does not start', async () => {
    const { nexus } = await start();
    const failure = await failureOf(nexus.spawn(Customer, { thread, init: { visits: 11 } }));
    expect(failure).toMatchObject({ code: 'NEXUS_START_FAILED' });
    expect(failure?.message).toContain("'customer': state.visits: too many visits");
  });

  test('a refusal that a handler passes on is a failure of its own agent', async () => {
    const { nexus, ref } = await start();
    const other = await nexus.spawn(Customer, { thread });
    const [life, otherLife] = [await lifeOf(ref), await lifeOf(other as AgentRef)];
    expect(await codeOf(ref.ask('passOn', [other, {}]))).toBe('NEXUS_INPUT_INVALID');
    await until(async () => (await lifeOf(ref)) !== life);
    expect(await lifeOf(other as AgentRef)).toBe(otherLife);
  });

  test.each([
    ['changes', 'NEXUS_STATE_CHANGED', 'changed the state it was given, at state.tags.length;'],
    ['inPlace', 'NEXUS_STATE_CHANGED', 'changed the state it was given, at state.visits;'],
    ['forgets', 'NEXUS_DECISION_INVALID', 'returned undefined; an update returns the next state'],
    ['later', 'NEXUS_DECISION_INVALID', 'returned a promise; it must decide at once'],
  ])('a query or update that may not do what it does (%s) is a failure with a clear error', async (action, code, text) => {
    const { nexus, ref } = await start();
    const failures: unknown[] = [];
    nexus.on('agentFailed', ({ action }) => failures.push(action));
    const failure = await failureOf(ref.ask(action));
    expect(failure).toMatchObject({ code });
    expect(failure?.message).toContain(text);
    await until(() => failures.length > 0);
    expect(failures).toEqual([action]);
  });

  test('an async validator holds the next message back until it is done', async () => {
    const { nexus, ref } = await start();
    const gate = (await nexus.spawn(Customer, { thread })) as AgentRef;
    const [first, second] = [freshId(), freshId()];
    const refused = ref.ask('slowly', { name: first, ok: false });
    const accepted = ref.ask('slowly', { name: second, ok: true });
    const after = ref.ask('all');
    await gate.ask('open', first);
    expect(await failureOf(refused)).toMatchObject({ code: 'NEXUS_INPUT_INVALID', message: "'slowly' of 'customer': input: not ok" });
    await until(() => gate.ask('open', second) as Promise<boolean>);
    expect(await accepted).toBe(1);
    expect(await after).toMatchObject({ tags: [second] });
  });

  test('a handler that waited for its validator gets the state as it is then', async () => {
    const { nexus, ref } = await start();
    const gate = (await nexus.spawn(Customer, { thread })) as AgentRef;
    const name = freshId();
    const slow = ref.ask('concurrently', { name, ok: true });
    await ref.ask('rename', { name: 'new' });
    await until(() => gate.ask('open', name) as Promise<boolean>);
    await slow;
    expect(await ref.ask('all')).toMatchObject({ name: 'new', tags: [name] });
  });

  test('a handler whose agent has restarted while its validator ran does not run', async () => {
    const { nexus, ref } = await start();
    const gate = (await nexus.spawn(Customer, { thread })) as AgentRef;
    const name = freshId();
    const slow = failureOf(ref.ask('concurrently', { name, ok: true }));
    const life = await lifeOf(ref);
    await failureOf(ref.ask('forgets'));
    await until(async () => (await lifeOf(ref)) !== life);
    await until(() => gate.ask('open', name) as Promise<boolean>);
    expect(await slow).toMatchObject({ code: 'NEXUS_AGENT_STOPPED' });
    expect(await ref.ask('all')).toMatchObject({ tags: [] });
  });
});

test('in production nobody looks whether a query changes the state', async () => {
  const nexus = await startNexus({ agents, threads: 1, logger: recorder() });
  // The calling thread is that of a test; a worker takes the environment as it is when it starts.
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  const production = await createNexus({ agents, threads: 1, logger: recorder() });
  process.env['NODE_ENV'] = before;
  try {
    expect(await codeOf(((await nexus.spawn(Customer, { thread: 1 })) as AgentRef).ask('changes'))).toBe('NEXUS_STATE_CHANGED');
    expect(await ((await production.spawn(Customer, { thread: 1 })) as AgentRef).ask('changes')).toBe(1);
  } finally {
    await production.stop({ deadlineMs: 2000 });
  }
});

test.each(DISTANCES)('the gateway answers 422 to what an agent $distance refuses', async ({ thread }) => {
  const nexus = await startNexus({ agents, threads: 1 });
  const gateway = await startGateway(nexus, { port: 0, logger: recorder() });
  await nexus.spawn(Customer, { id: 'c', thread });
  const answers = await Promise.all([
    json(`${gateway.url}/agents/c/rename`, 'POST', { name: 5 }),
    json(`${gateway.url}/agents/c/visit`, 'POST', 11),
    json(`${gateway.url}/agents/c/rename`, 'POST', { name: 'x' }),
  ]);
  await gateway.stop({ deadlineMs: 1000 });
  expect(answers.map(({ status, body }) => `${status} ${body.error?.code}`)).toEqual(['422 NEXUS_INPUT_INVALID', '422 NEXUS_STATE_INVALID', '200 undefined']);
  expect(answers[0]?.body.error.issues).toMatchObject([{ path: ['name'] }]);
});

describe('a definition that cannot be', () => {
  const state = () => ({ n: 0 });
  const kind = 'wrong';
  test.each([
    [{ kind, state, level: 'reactve', actions: {} }, "level of 'wrong' is \"reactve\", which there is not; did you mean 'reactive'? Levels are reactive"],
    [{ kind, state, level: 5, actions: {} }, "level of 'wrong' is 5, which there is not. Levels are reactive"],
    [{ kind, state, queries: { a: 5 } }, "'a' in queries of 'wrong' must be a function (state, input, facts) => reply, or { input, handler }"],
    [{ kind, state, updates: { a: { handlr: 5 } } }, "'a' in updates of 'wrong' must be a function"],
    [{ kind, state, updates: { a: { handler: state, concurrent: true } } }, "'a' in updates of 'wrong' has an unknown field 'concurrent'"],
    [{ kind, state, updates: { a: { handler: state, input: 5 } } }, "input of 'a' in updates of 'wrong' is not a shape but 5"],
    [{ kind, state, queries: { a: state }, updates: { a: state } }, "'wrong' has a query and an update 'a'"],
    [{ kind, state, queries: { a: state }, actions: { a: state } }, "'wrong' has an action and a query or update 'a'"],
    [{ kind, state, queries: 5 }, "queries of 'wrong' must be an object of functions"],
    [{ kind, state }, "'wrong' needs actions: an object of functions"],
    [{ kind, state, actions: {}, validateState: () => true }, "validateState of 'wrong' must be a Standard Schema validator"],
    [{ kind, state, actions: { a: { decide: state, handler: state } } }, "action 'a' of 'wrong' has a handler and a decide"],
    [
      { kind, state, actions: { a: { decide: state, concurrent: true } } },
      "action 'a' of 'wrong' has an unknown field 'concurrent'. Fields are decide, input, reply",
    ],
  ])('%j: %s', async (specification, message) => {
    const failure = await failureOf(() => defineAgent(specification as never));
    expect(failure).toMatchObject({ code: 'NEXUS_DEFINITION_INVALID' });
    expect(failure?.message).toContain(message);
  });
});

/** Probes: agents that a test holds, in a real nexus with threads and in a deterministic one. */
import { type AgentRef, defineAgent, type Nexus, shape } from 'nexus-agents';
import { createProbe, createTestNexus, expectNothingLeft } from 'nexus-agents/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Counter } from '../fixtures/counter.mjs';
import { Probe as Actor } from '../fixtures/probe.mjs';
import { codeOf, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';

const Declared = defineAgent({
  kind: 'declared-here',
  state: () => undefined,
  actions: { take: { input: shape.object({ count: shape.uint32 }), reply: shape.string, handler: () => 'taken' } },
});

const agents = [fixture('counter.mjs'), fixture('probe.mjs'), Declared];

const NEXUSES: readonly { readonly name: string; readonly make: () => Promise<Nexus> }[] = [
  { name: 'with threads', make: () => startNexus({ agents, threads: 1 }) },
  {
    name: 'deterministic',
    make: async () => {
      const nexus = await createTestNexus({ agents, threads: 1 });
      onTestFinished(async () => {
        await nexus.stop();
      });
      return nexus;
    },
  },
];

describe.each(NEXUSES)('a nexus $name', ({ make }) => {
  test('a probe stands for an agent of a kind: on every thread, by its id, in messages', async () => {
    const nexus = await make();
    const probe = await createProbe(nexus, Counter, { id: freshId() });
    const actor = await nexus.spawn(Actor, { thread: 1 });
    expect(await actor.ask('tellTo', { ref: probe.ref, action: 'add', input: 5 })).toBe('accepted');
    const message = await probe.expect('add', (by) => by === 5);
    expect(message).toMatchObject({ input: 5, isAsk: false });
    expect(message.sender?.equals(actor)).toBe(true);
    expect(nexus.summary(probe.ref.id)).toEqual({ id: probe.ref.id, kind: 'counter', thread: 0 });
    // However the reference was come by, it leads to the probe and not to a counter.
    nexus.find(probe.ref.id, Counter)?.tell('add', 6);
    ((await actor.ask('find', probe.ref.id)) as AgentRef<typeof Counter>).tell('add', 7);
    nexus.send(probe.ref.id, 'add', 8);
    expect([await probe.receive(), await probe.receive(), await probe.receive()].map(({ input }) => input)).toEqual([6, 7, 8]);
    expect(probe.received).toHaveLength(4);
  });

  test('a probe answers when the test says so, or rejects', async () => {
    const nexus = await make();
    const probe = await createProbe(nexus, Counter);
    const actor = await nexus.spawn(Actor, { thread: 1 });
    const asked = actor.ask('askOf', { ref: probe.ref, action: 'read' });
    const question = await probe.expect('read');
    expect(question.isAsk).toBe(true);
    question.reply(42);
    question.reply(43);
    expect(await asked).toBe(42);
    const refused = failureOf(actor.ask('askOf', { ref: probe.ref, action: 'read' }));
    const failures: unknown[] = [];
    nexus.on('agentFailed', (failure) => failures.push(failure.id));
    (await probe.receive()).fail(Object.assign(new Error('not today'), { code: 'CLOSED' }));
    expect(await refused).toMatchObject({ code: 'CLOSED', message: 'not today' });
    // The asker has failed, for it did not catch it; the probe has not.
    expect(failures).not.toContain(probe.ref.id);
    const local = probe.ref.ask('read');
    (await probe.receive()).reply(1);
    expect(await local).toBe(1);
  });

  test('declared shapes hold for a probe as for the agent', async () => {
    const nexus = await make();
    const probe = await createProbe(nexus, Declared);
    expect(await codeOf(() => probe.ref.tell('take', { count: -1 }))).toBe('NEXUS_SHAPE_MISMATCH');
    const asked = probe.ref.ask('take', { count: 2 });
    (await probe.expect('take')).reply('two');
    expect(await asked).toBe('two');
    const wrong = codeOf(probe.ref.ask('take', { count: 3 }));
    (await probe.expect('take')).reply(3);
    expect(await wrong).toBe('NEXUS_SHAPE_MISMATCH');
  });

  test('what was expected and did not come is said with everything that did', async () => {
    const nexus = await make();
    const probe = await createProbe(nexus, Counter, { id: freshId('p') });
    const missing = await failureOf(probe.receive({ timeoutMs: 20 }));
    expect(missing).toMatchObject({ code: 'NEXUS_EXPECTATION_FAILED' });
    expect(missing?.message).toContain(`probe '${probe.ref.id}' of 'counter': expected a message within 20 ms, and received nothing; it has received nothing`);
    probe.ref.tell('add', 1);
    probe.ref.tell('echo', { deep: ['x'] });
    probe.ref.tell('add', 3);
    expect((await failureOf(probe.expect('read')))?.message).toContain("expected 'read', and received 'add' 1");
    const wrong = await failureOf(probe.expect('echo', () => false));
    expect(wrong?.message).toContain(`the predicate does not hold of 'echo' {"deep":["x"]}; it has received 3 messages`);
    expect(wrong?.message).toContain("  1. 'add' 1\n  2. 'echo' {\"deep\":[\"x\"]}\n  3. 'add' 3 (not taken)");
    expect((await failureOf(probe.expectNone(10)))?.message).toContain("expected nothing for 10 ms, and received 'add' 3");
    await probe.receive();
    await probe.expectNone(10);
    expect(await codeOf(probe.expect('nothing' as never))).toBe('NEXUS_ACTION_UNKNOWN');
  });

  test('a probe sees the end of an agent, with its reason', async () => {
    const nexus = await make();
    const probe = await createProbe(nexus, Counter);
    const actor = await nexus.spawn(Actor, { thread: 1 });
    expect((await failureOf(probe.expectTerminated(actor, { timeoutMs: 20 })))?.message).toContain(`'${actor.id}' has not ended within 20 ms`);
    actor.tell('stopSelf');
    expect(await probe.expectTerminated(actor)).toMatchObject({ id: actor.id, reason: { type: 'stopped' } });
    expect((await probe.expectTerminated(actor)).id).toBe(actor.id);
    expect((await probe.expectTerminated(await nexus.spawn(Actor).then(async (ended) => (await ended.stop(), ended)))).reason.type).toBe('notFound');
  });

  test('an ask that nobody answers does not hold the end of a nexus up', async () => {
    const nexus = await make();
    const probe = await createProbe(nexus, Counter);
    const asked = codeOf(probe.ref.ask('read', undefined, { timeoutMs: 60_000 }));
    probe.ref.tell('add', 1);
    await probe.receive();
    const other = await createProbe(nexus, Counter);
    const left = codeOf(other.ref.ask('read', undefined, { timeoutMs: 60_000 }));
    await other.receive();
    await other.stop();
    expect(await left).toBe('NEXUS_AGENT_STOPPED');
    expect(await nexus.stop({ deadlineMs: 5000 })).toEqual({ complete: true, discarded: 0 });
    expect(await asked).toBe('NEXUS_STOPPED');
    expect(await codeOf(createProbe(nexus, Counter))).toBe('NEXUS_STOPPED');
  });
});

test('waiting moves the time of a deterministic nexus, and only as far as needed', async () => {
  const nexus = await createTestNexus({ agents: [Actor, Counter] });
  const probe = await createProbe(nexus, Counter);
  const actor = await nexus.spawn(Actor, { thread: 2 });
  actor.tell('after', { ms: 300, action: 'tellTo', input: { ref: probe.ref, action: 'add', input: 1 } });
  expect((await probe.expect('add')).input).toBe(1);
  expect(nexus.clock.nowMs()).toBe(300);
  actor.tell('after', { ms: 3000, action: 'tellTo', input: { ref: probe.ref, action: 'add', input: 2 } });
  await probe.expectNone(2999);
  expect(nexus.clock.nowMs()).toBe(3299);
  expect((await probe.receive({ timeoutMs: 1 })).input).toBe(2);
  // A tell is handled when it has arrived, answered or not.
  expect(nexus.leftovers()).toMatchObject({ handlers: 0, asks: 0 });
  await nexus.stop();
});

test('a probe of a kind that the nexus does not have says so', async () => {
  const nexus = await startNexus({ agents: [Counter], threads: 0, logger: recorder() });
  expect(await codeOf(createProbe(nexus, Actor))).toBe('NEXUS_KIND_UNKNOWN');
  expect(await codeOf(createProbe(nexus, Counter, { name: 'x' } as never))).toBe('NEXUS_OPTION_UNKNOWN');
  const probe = await createProbe(nexus, Counter);
  expect(await codeOf(probe.receive({ timeoutMs: -1 }))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(createProbe(nexus, Counter, { id: probe.ref.id }))).toBe('NEXUS_ID_DUPLICATE');
  expect(await codeOf(() => expectNothingLeft(nexus))).toBe('NEXUS_TEST_LEFTOVERS');
  await probe.stop();
  expectNothingLeft(nexus);
});

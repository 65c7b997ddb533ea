/** What errors of the runtime say of where they happened: agent, kind, action, thread, and what the target was doing. Across threads too, and in the log. */
import { defineAgent, type NexusError } from 'nexus-agents';
import { expect, test } from 'vitest';
import { failureOf, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';
import { Probe } from '../fixtures/probe.mjs';

type AnyAsk = (action: string, input?: unknown, options?: object) => Promise<unknown>;

const dataOf = (failure: { readonly error: unknown } | undefined) => (failure?.error as NexusError).data as Record<string, unknown>;

test('an ask that times out says on which thread the agent is, and that its handler waits', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 1 });
  const there = (await nexus.spawn(Probe, { id: 'there', thread: 1 })) as unknown as { ask: AnyAsk };
  // The thread is idle while its handler waits at a gate nobody opens; on a loaded machine it may not have got there yet.
  await until(async () => {
    const failure = await failureOf(there.ask('hold', 'nobody opens it', { timeoutMs: 50 }));
    expect(failure).toMatchObject({ code: 'NEXUS_ASK_TIMEOUT', message: expect.stringContaining("no reply from 'hold' of probe 'there' within 50 ms") });
    const data = dataOf(failure);
    expect(data).toMatchObject({ id: 'there', kind: 'probe', action: 'hold', timeoutMs: 50, waiting: { thread: 1 } });
    return (data['waiting'] as { state: string }).state === 'idle' && failure?.message.includes('thread 1, which is idle') === true;
  });
});

test('an ask that times out on its own thread says what the agent is doing and how much waits', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 0 });
  const here = (await nexus.spawn(Probe, { id: 'here' })) as unknown as { ask: AnyAsk; tell(action: string, input?: unknown): unknown };
  here.tell('hold', 'nobody opens it');
  here.tell('read');
  const failure = await failureOf(here.ask('read', undefined, { timeoutMs: 20 }));
  expect(dataOf(failure)['waiting']).toEqual({ thread: 0, state: 'here', agent: 'busy', messages: 2 });
  expect(failure?.message).toContain('its mailbox holds 2');
});

test('an agent that has ended on another thread is named by whoever asked it', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 1 });
  const agent = (await nexus.spawn(Probe, { id: 'short-lived', thread: 1 })) as unknown as { ask: AnyAsk; stop(): Promise<void>; id: string };
  expect(agent.id).toBe('short-lived');
  await agent.stop();
  const failure = await failureOf(agent.ask('read'));
  expect(failure).toMatchObject({ code: 'NEXUS_AGENT_NOT_FOUND', message: expect.stringContaining("the probe agent 'short-lived' has ended") });
  expect(dataOf(failure)).toEqual({ id: 'short-lived', kind: 'probe', action: 'read' });
});

test('the error of a handler arrives as it was thrown, and the log names agent, kind, action and thread', async () => {
  const own = Object.assign(new RangeError('empty'), { balance: 0 });
  const Account = defineAgent({
    kind: 'account',
    state: () => 0,
    actions: {
      draw: (): number => {
        throw own;
      },
    },
  });
  const logger = recorder();
  const nexus = await startNexus({ agents: [Account], threads: 0, logger });
  const account = await nexus.spawn(Account, { id: 'a1' });
  expect((await failureOf(account.ask('draw')))?.error).toBe(own);
  const line = logger.lines.find(({ message }) => message === 'an agent failed');
  expect(line?.data).toEqual({ error: own, agent: 'a1', kind: 'account', action: 'draw', thread: 0 });
});

test('an error of the runtime keeps code, data and cause on its way to another thread', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 1 });
  const caller = (await nexus.spawn(Probe, { id: 'caller', thread: 1 })) as unknown as { ask: AnyAsk };
  const failure = await failureOf(caller.ask('spawn', { thread: 7 }));
  expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_THREAD_UNKNOWN' });
  expect(dataOf(failure)).toEqual({ thread: 7 });
});

test('messages stay short whatever ids, names and values are like, and data has them whole', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 0 });
  const id = 'é'.repeat(512);
  const agent = (await nexus.spawn(Probe, { id })) as unknown as { ask: AnyAsk };
  const late = await failureOf(agent.ask('hold', 'nobody opens it', { timeoutMs: 10 }));
  expect(late?.message.length).toBeLessThan(500);
  expect(late?.message).toContain("...' (512 characters)");
  expect(dataOf(late)['id']).toBe(id);
  const unknown = await failureOf(agent.ask('x'.repeat(100_000)));
  expect(unknown).toMatchObject({ code: 'NEXUS_ACTION_UNKNOWN' });
  expect(unknown?.message.length).toBeLessThan(3000);
  const duplicate = await failureOf(nexus.spawn(Probe, { id }));
  expect(duplicate?.message.length).toBeLessThan(300);
});

test('an error that a call makes at once has the stack of the call', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 0 });
  const agent = (await nexus.spawn(Probe, { id: 'a' })) as unknown as { ask: AnyAsk; stop(): Promise<void> };
  const whoAsks = (action: string): Promise<unknown> => agent.ask(action);
  expect((await failureOf(whoAsks('raed')))?.error.stack).toContain('whoAsks');
  await agent.stop();
  expect((await failureOf(whoAsks('read')))?.error.stack).toContain('whoAsks');
});

/** Messages of durable agents to themselves that outlive the process. */
import { defineAgent } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { inMemory, SETUPS } from '../durable-setups.js';
import { Behind, Brief, Through } from '../fixtures/durable.mjs';
import { codeOf, failureOf, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describe.each(SETUPS)('$where', ({ setup }) => {
  test('a reminder is handled when it is due, brings its agent back to memory, and is over then', async () => {
    const { start } = setup();
    let nexus = await start();
    const agent = await nexus.spawn(Brief, { id: 'a' });
    await agent.ask('remindAfter', { name: 'later', delayMs: 150, input: 5 });
    await until(() => nexus.agentCount === 0);
    await until(async () => (await nexus.find('a', Brief)?.ask('read')) === 5);
    await nexus.stop();
    nexus = await start();
    await (await nexus.spawn(Brief, { id: 'other' })).ask('remindAfter', { name: 'x', delayMs: 0, input: 1 });
    await until(async () => (await nexus.find('other', Brief)?.ask('read')) === 1);
    expect(await nexus.find('a', Brief)?.ask('read')).toBe(5);
  });

  test('a reminder survives the end of the nexus, and one in the past is handled at once', async () => {
    const { start } = setup();
    let nexus = await start();
    const agent = await nexus.spawn(Behind, { id: 'a' });
    await agent.ask('remindAfter', { name: 'soon', delayMs: 100, input: 1 });
    await agent.ask('remindAt', { name: 'never', at: Date.now() + 86_400_000, input: 1_000_000 });
    await agent.ask('remindAfter', { name: 'cancelled', delayMs: 100, input: 1000 });
    await agent.ask('cancelReminder', 'cancelled');
    await agent.ask('cancelReminder', 'unknown');
    await nexus.stop();
    const laterMs = performance.now() + 150;
    await until(() => performance.now() > laterMs);
    nexus = await start();
    await until(async () => (await nexus.find('a', Behind)?.ask('read')) === 1);
    await nexus.find('a', Behind)?.ask('remindAt', { name: 'past', at: 1000, input: 10 });
    await until(async () => (await nexus.find('a', Behind)?.ask('read')) === 11);
    // Set again under its name, it is another one.
    await nexus.find('a', Behind)?.ask('remindAfter', { name: 'never', delayMs: 1, input: 100 });
    await until(async () => (await nexus.find('a', Behind)?.ask('read')) === 111);
  });

  test('a periodic reminder keeps to its grid, and the times it missed are one', async () => {
    const { start } = setup();
    let nexus = await start();
    await (await nexus.spawn(Behind, { id: 'a' })).ask('remindEvery', { name: 'tick', periodMs: 400, input: 1 });
    const read = async (): Promise<number> => ((await nexus.find('a', Behind)?.ask('read')) ?? 0) as number;
    await until(async () => (await read()) >= 1);
    const before = await read();
    const readMs = performance.now();
    await nexus.stop();
    const stoppedMs = performance.now();
    // Four of its times pass.
    await until(() => performance.now() > stoppedMs + 1600);
    const startedMs = performance.now();
    nexus = await start();
    await until(async () => (await read()) >= before + 2);
    const count = await read();
    const awakeMs = stoppedMs - readMs + performance.now() - startedMs;
    await nexus.find('a', Behind)?.ask('cancelReminder', 'tick');
    // One for those it missed, and its times while somebody was there; however busy the machine is.
    expect(count - before).toBeLessThanOrEqual(2 + Math.ceil(awakeMs / 400));
  });

  test('a reminder whose handler fails is handled again, and what it had changed did not happen', async () => {
    const { start } = setup();
    const nexus = await start();
    const agent = await nexus.spawn(Behind, { id: `once-${process.pid}-${nexus.threadCount}` });
    await agent.ask('remindAfter', { name: 'once', delayMs: 0, action: 'failOnce' });
    await until(async () => (await agent.ask('read')) === 1);
  });
});

test('that a reminder was handled is stored together with what its handler changed', async () => {
  const { start, memory } = inMemory();
  let nexus = await start();
  const agent = await nexus.spawn(Behind, { id: 'a' });
  await agent.ask('persist', 0);
  await agent.ask('remindAfter', { name: 'r', delayMs: 1, input: 1 });
  // Handled, and the process is killed before anything of it is on disk.
  memory.holdWrites();
  await until(() => memory.waiting > 0);
  memory.crash();
  const second = start();
  nexus = await second;
  await until(async () => (await nexus.find('a', Behind)?.ask('read')) === 1);
  // Killed after it is on disk: it is not handled again.
  memory.crash();
  nexus = await start();
  expect(await nexus.find('a', Behind)?.ask('read')).toBe(1);
  await nexus.find('a', Behind)?.ask('remindAfter', { name: 'other', delayMs: 0, input: 10 });
  await until(async () => (await nexus.find('a', Behind)?.ask('read')) === 11);
});

test('a reminder that cannot be is refused when it is set', async () => {
  const { start } = inMemory();
  const nexus = await start();
  const agent = await nexus.spawn(Through, { id: 'a' });
  for (const name of ['', 'n'.repeat(257), 7 as never, 'half \ud800'])
    expect(await codeOf(agent.ask('remindAfter', { name, delayMs: 1 }))).toBe('NEXUS_OPTION_INVALID');
  for (const delayMs of [-1, Number.NaN, '5', Number.POSITIVE_INFINITY])
    expect(await codeOf(agent.ask('remindAfter', { name: 'r', delayMs }))).toBe('NEXUS_OPTION_INVALID');
  for (const at of [Number.NaN, 1e18]) expect(await codeOf(agent.ask('remindAt', { name: 'r', at }))).toBe('NEXUS_OPTION_INVALID');
  for (const periodMs of [0, 9, -1]) expect(await codeOf(agent.ask('remindEvery', { name: 'r', periodMs }))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(agent.ask('remindAfter', { name: 'r', delayMs: 1, action: 'unknown' }))).toBe('NEXUS_ACTION_UNKNOWN');
  expect(await codeOf(agent.ask('remindAfter', { name: 'r', delayMs: 1, input: () => 1 }))).toBe('NEXUS_NOT_CLONEABLE');
  const late = Date.now() + 86_400_000;
  for (let n = 0; n < 1000; n++) await agent.ask('remindAt', { name: `r${n}`, at: late });
  expect((await failureOf(agent.ask('remindAt', { name: 'one too many', at: late })))?.message).toContain('has 1000 reminders already');
  await agent.ask('remindAt', { name: 'r7', at: late + 1 });
  await nexus.forget(Through, 'a');
  await nexus.spawn(Through, { id: 'a' });
  await agent.ask('remindAt', { name: 'one too many', at: late });
}, 30_000);

test('a reminder that its handler sets anew stays set, also while handlers of other reminders run', async () => {
  const { memory } = inMemory();
  const late = Date.now() + 86_400_000;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const kind = defineAgent({
    kind: 'punctual',
    state: () => ({ handled: [] as string[] }),
    durable: {},
    actions: {
      remind: (_state, name: string, ctx) => ctx.reminders.after(name, 0, 'due', name),
      due: {
        concurrent: true,
        handler: async (state, name: string, ctx) => {
          state.handled.push(name);
          if (name !== 'first') return;
          await opened;
          await ctx.reminders.at('first', late, 'due', name);
        },
      },
      read: (state) => state.handled,
    },
  });
  const nexus = await startNexus({ agents: [kind], threads: 0, storage: memory });
  const agent = await nexus.spawn(kind, { id: 'a' });
  await agent.ask('remind', 'first');
  await until(async () => (await agent.ask('read')).length === 1);
  await agent.ask('remind', 'second');
  await until(async () => (await agent.ask('read')).length === 2);
  open();
  await nexus.stop();
  const stored = (await memory.open()).openThread();
  expect(stored.remindersOf('punctual', 'a')).toMatchObject([{ name: 'first', dueEpochMs: late }]);
});

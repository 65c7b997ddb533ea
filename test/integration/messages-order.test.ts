/** In which order messages are handled, how many times, and how many at once. */
import type { Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNexus } from 'nexus-agents';
import { Desk, Probe } from '../fixtures/probe.mjs';
import { DISTANCES, describeEngines, fixture, freshId, recorder } from '../start-nexus.js';
import { until } from '../until.js';

const PAIRS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
  [1, 2],
] as const;

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
    for (let thread = 0; thread <= 2; thread++) await nexus.spawn(Desk, { id: `desk${thread}`, thread });
  });
  afterAll(() => nexus.stop());

  const open = (thread: number, gate: string): void => void nexus.send(`desk${thread}`, 'open', gate);

  test.each(PAIRS)('messages from one agent to another are handled in the order they were sent, from thread %i to thread %i', async (from, to) => {
    const sender = await nexus.spawn(Probe, { thread: from });
    const receiver = await nexus.spawn(Probe, { thread: to });
    expect(await sender.ask('tellMany', { ref: receiver, action: 'append', from: 0, to: 10_000 })).toBe(10_000);
    // The ask follows the last message on the same way.
    const log: number[] = await sender.ask('askOf', { ref: receiver, action: 'log' });
    expect(log.length).toBe(10_000);
    expect(log.every((value, index) => value === index)).toBe(true);
  });

  test('messages of several senders are each handled once and in the order of their sender', async () => {
    const receiver = await nexus.spawn(Probe, { thread: 1 });
    const senders = await Promise.all([0, 0, 1, 1, 2, 2].map((thread) => nexus.spawn(Probe, { thread })));
    const accepted = await Promise.all(
      senders.map((sender, index) => sender.ask('tellMany', { ref: receiver, action: 'append', from: index * 1000, to: index * 1000 + 1000 })),
    );
    expect(accepted).toEqual(senders.map(() => 1000));
    await until(async () => (await receiver.ask('log')).length >= 6000);
    const log: number[] = await receiver.ask('log');
    expect(new Set(log).size).toBe(6000);
    expect(log.length).toBe(6000);
    for (let index = 0; index < senders.length; index++) {
      const own = log.filter((value) => Math.floor(value / 1000) === index);
      expect(own.every((value, at) => value === index * 1000 + at)).toBe(true);
    }
  });

  test('order is kept when the ring is full and messages wait outside of it', async () => {
    const small = await createNexus({
      agents: [fixture('probe.mjs')],
      threads: 1,
      memory: { ringBytes: 16_384 },
      engine: { force: engine },
      logger: recorder(),
    });
    try {
      const receiver = await small.spawn(Probe, { thread: 1 });
      const sizes = Array.from({ length: 400 }, (_, index) => [1, 100, 3000, 5000, 40_000][index % 5] as number);
      const sent: number[] = [];
      for (const [index, size] of sizes.entries()) {
        const message = `${index}:${'x'.repeat(size)}`;
        while (receiver.tell('append', message) !== 'accepted') await new Promise((resolve) => setImmediate(resolve));
        sent.push(index);
      }
      let log: string[] = [];
      // An ask is refused too while the ring is full.
      await until(async () => (log = await receiver.ask('log').catch(() => [])).length > 0);
      expect(log.map((text) => Number.parseInt(text, 10))).toEqual(sent);
      expect(log.every((text, index) => text.length === `${index}:`.length + (sizes[index] as number))).toBe(true);
    } finally {
      await small.stop();
    }
  });

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('an async handler holds the next message back until it is done', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const held = probe.ask('hold', name);
      probe.tell('append', 'after');
      const log = probe.ask('log');
      open(thread, name);
      expect(await held).toBe(name);
      expect(await log).toEqual([`in ${name}`, `out ${name}`, 'after']);
    });

    test('an async handler that fails holds the next message back until it has failed', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread, init: { start: 7 } });
      await probe.ask('add', 1);
      const failing = expect(probe.ask('failLater', name)).rejects.toThrow(`late ${name}`);
      const read = probe.ask('read');
      open(thread, name);
      await failing;
      // Handled after the restart.
      expect(await read).toBe(7);
    });

    test('an agent handles one message at a time', async () => {
      const names = [freshId('gate'), freshId('gate'), freshId('gate')];
      const probe = await nexus.spawn(Probe, { thread });
      const held = names.map((name) => probe.ask('hold', name));
      for (const name of names) open(thread, name);
      await Promise.all(held);
      expect(await probe.ask('log')).toEqual(names.flatMap((name) => [`in ${name}`, `out ${name}`]));
    });

    test('a concurrent action does not hold the next message back', async () => {
      const [first, second] = [freshId('gate'), freshId('gate')];
      const probe = await nexus.spawn(Probe, { thread });
      const held = [probe.ask('holdConcurrent', first), probe.ask('holdConcurrent', second)];
      expect(await probe.ask('log')).toEqual([`in ${first}`, `in ${second}`]);
      open(thread, second);
      expect(await held[1]).toBe(second);
      open(thread, first);
      expect(await held[0]).toBe(first);
      expect(await probe.ask('log')).toEqual([`in ${first}`, `in ${second}`, `out ${second}`, `out ${first}`]);
    });

    test('a concurrent action waits for an async handler before it', async () => {
      const [first, second] = [freshId('gate'), freshId('gate')];
      const probe = await nexus.spawn(Probe, { thread });
      const held = [probe.ask('hold', first), probe.ask('holdConcurrent', second)];
      open(thread, second);
      open(thread, first);
      await Promise.all(held);
      expect(await probe.ask('log')).toEqual([`in ${first}`, `out ${first}`, `in ${second}`, `out ${second}`]);
    });

    test('a busy agent does not keep others on its thread from their messages', async () => {
      const name = freshId('gate');
      const busy = await nexus.spawn(Probe, { thread });
      const other = await nexus.spawn(Probe, { thread });
      const held = busy.ask('hold', name);
      expect(await other.ask('echo', 1)).toBe(1);
      open(thread, name);
      await held;
    });

    test('a reply is what the handler returns, awaited', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      expect(await probe.ask('echo', { a: [1] })).toEqual({ a: [1] });
      expect(await probe.ask('append', 1)).toBeUndefined();
      open(thread, name);
      expect(await probe.ask('hold', name)).toBe(name);
    });

    test('ctx.sender is the agent that used ctx.tell or ctx.ask, and nobody for a plain reference', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const sender = await nexus.spawn(Probe, { thread: 2, id: freshId('sender') });
      expect(await sender.ask('askOf', { ref: probe, action: 'sender' })).toMatchObject({ id: sender.id });
      expect(await sender.ask('plainAskOf', { ref: probe, action: 'sender' })).toBeUndefined();
      expect(await probe.ask('sender')).toBeUndefined();
      await sender.ask('tellTo', { ref: probe, action: 'logSender' });
      probe.tell('logSender');
      await sender.ask('sendTo', { id: probe.id, action: 'logSender' });
      await until(async () => (await probe.ask('log')).length === 3);
      const log: string[] = await probe.ask('log');
      expect(log.filter((id) => id === sender.id).length).toBe(2);
      expect(log.filter((id) => id === 'nobody').length).toBe(1);
    });
  });
});

/** What a full mailbox does, and what becomes of messages that nobody handles. */
import { createNexus, type DeadLetter, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Desk, DroppingNewest, DroppingOldest, Probe, Rejecting, Stopping } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, fixture, freshId, recorder } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  let nexus: Nexus;
  let letters: DeadLetter[] = [];
  let settled: () => Promise<void>;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 1, engine: { force: engine }, logger: recorder() });
    const desks = await Promise.all([0, 1].map((thread) => nexus.spawn(Desk, { id: `desk${thread}`, thread })));
    nexus.on('deadLetter', (letter) => letters.push(letter));
    // Whatever the threads had to report before has arrived with the answer.
    settled = async () => void (await Promise.all(desks.map((desk) => desk.ask('journal'))));
  });
  beforeEach(async () => {
    await settled();
    letters = [];
  });
  afterAll(() => nexus.stop());

  const open = (thread: number, gate: string): void => void nexus.send(`desk${thread}`, 'open', gate);
  const counted = (counter: string): number => nexus.threads().reduce((sum, { counters }) => sum + (counters[counter] as number), 0);

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    /** An agent that is busy until its gate opens. */
    const busy = async (
      definition: typeof Probe,
    ): Promise<{ probe: Awaited<ReturnType<typeof nexus.spawn<typeof Probe>>>; release: () => void; held: Promise<unknown> }> => {
      const gate = freshId('gate');
      const probe = await nexus.spawn(definition, { thread });
      const held = probe.ask('hold', gate);
      // On another thread the handler has begun when a later message of the same way was answered.
      await nexus.spawn(Probe, { thread }).then((other) => other.ask('read'));
      return { probe, release: () => open(thread, gate), held };
    };
    /** What was handled beside the gate, once nothing waits any more: agents have their turns in the order in which they got messages. */
    const rest = async (probe: { ask(action: 'log'): Promise<unknown[]> }): Promise<unknown[]> => {
      await nexus.spawn(Probe, { thread }).then((other) => other.ask('read'));
      return (await probe.ask('log')).filter((entry) => !String(entry).includes('gate'));
    };

    test('a full mailbox that rejects refuses the newest message', async () => {
      const { probe, release, held } = await busy(Rejecting);
      const outcomes = [1, 2, 3, 4].map((value) => probe.tell('append', value));
      // Another thread finds out when it takes the message from the ring.
      expect(outcomes).toEqual(['accepted', 'accepted', 'accepted', thread === 0 ? 'full' : 'accepted']);
      await until(() => letters.length === 1);
      release();
      await held;
      expect(await rest(probe)).toEqual([1, 2, 3]);
      expect(letters).toMatchObject([{ reason: 'mailboxFull', id: probe.id, kind: 'rejecting', action: 'append', thread }]);
    });

    test('a full mailbox with dropNewest drops the newest message', async () => {
      const { probe, release, held } = await busy(DroppingNewest);
      const outcomes = [1, 2, 3, 4].map((value) => probe.tell('append', value));
      expect(outcomes).toEqual(['accepted', 'accepted', 'accepted', thread === 0 ? 'dropped' : 'accepted']);
      await until(() => letters.length === 1);
      release();
      await held;
      expect(await rest(probe)).toEqual([1, 2, 3]);
      expect(letters).toMatchObject([{ reason: 'dropped', id: probe.id, action: 'append' }]);
    });

    test('a full mailbox with dropOldest drops the oldest message', async () => {
      const { probe, release, held } = await busy(DroppingOldest);
      const outcomes = [1, 2, 3, 4, 5].map((value) => probe.tell('append', value));
      expect(outcomes).toEqual(outcomes.map(() => 'accepted'));
      await until(() => letters.length === 2);
      release();
      await held;
      expect(await rest(probe)).toEqual([3, 4, 5]);
      expect(letters).toMatchObject([{ reason: 'dropped' }, { reason: 'dropped' }]);
    });

    test.each([
      ['rejecting', Rejecting],
      ['dropping-newest', DroppingNewest],
    ])('an ask that a full mailbox of kind %s refuses rejects with NEXUS_MAILBOX_FULL', async (_kind, definition) => {
      const { probe, release, held } = await busy(definition);
      for (const value of [1, 2, 3]) probe.tell('append', value);
      expect(await codeOf(probe.ask('read'))).toBe('NEXUS_MAILBOX_FULL');
      release();
      await held;
      expect(await rest(probe)).toEqual([1, 2, 3]);
    });

    test('an ask that is dropped as the oldest message rejects with NEXUS_MAILBOX_FULL', async () => {
      const { probe, release, held } = await busy(DroppingOldest);
      const oldest = codeOf(probe.ask('read'));
      for (const value of [1, 2, 3]) probe.tell('append', value);
      expect(await oldest).toBe('NEXUS_MAILBOX_FULL');
      release();
      await held;
    });

    test('a stop is not dropped by a full mailbox', async () => {
      const { probe, release, held } = await busy(DroppingOldest);
      const stopped = probe.stop();
      for (let value = 0; value < 10; value++) probe.tell('append', value);
      release();
      await held;
      await stopped;
      expect(nexus.find(probe.id)).toBeUndefined();
    });

    test('a message to an agent that has ended is a dead letter', async () => {
      const probe = await nexus.spawn(Probe, { thread, id: freshId() });
      await probe.stop();
      const before = counted('dead_no_agent');
      expect(probe.tell('append', 1)).toBe('noAgent');
      await until(() => letters.length === 1);
      expect(letters).toMatchObject([{ reason: 'noAgent', kind: 'probe', action: 'append' }]);
      expect(counted('dead_no_agent')).toBe(before + 1);
    });

    test('messages that wait for an agent that ends are dead letters', async () => {
      const gate = freshId('gate');
      const probe = await nexus.spawn(Stopping, { thread, id: freshId() });
      const failing = codeOf(probe.ask('failLater', gate));
      probe.tell('append', 1);
      probe.tell('append', 2);
      open(thread, gate);
      await failing;
      await until(() => letters.length === 2);
      expect(letters).toEqual(letters.map(() => ({ reason: 'agentStopped', id: probe.id, kind: 'stopping', action: 'append', thread })));
    });
  });

  test('a send to an id that no agent has is a dead letter', async () => {
    const id = freshId('nobody');
    expect(nexus.send(id, 'append', 1)).toBe('noAgent');
    expect(letters).toMatchObject([{ reason: 'noAgent', id, kind: undefined, action: 'append', thread: 0 }]);
  });

  test('dead letters are counted by reason also when nobody listens', async () => {
    const quiet = await createNexus({ agents: [fixture('probe.mjs')], threads: 0, engine: { force: engine }, logger: recorder() });
    quiet.send('nobody', 'append');
    quiet.send('nobody', 'append');
    const probe = await quiet.spawn(Rejecting);
    for (let value = 0; value < 5; value++) probe.tell('append', value);
    await probe.ask('log').catch(() => undefined);
    await until(() => quiet.threads()[0]?.counters['dead_mailbox_full'] === 3);
    expect(quiet.threads()[0]?.counters).toMatchObject({ dead_no_agent: 2, dead_mailbox_full: 3, dead_dropped: 0 });
    await quiet.stop();
  });

  test('a tell into a full ring returns full, and what was accepted arrives', async () => {
    const small = await createNexus({
      agents: [fixture('probe.mjs')],
      threads: 1,
      memory: { ringBytes: 16_384 },
      engine: { force: engine },
      logger: recorder(),
    });
    const probe = await small.spawn(Probe, { thread: 1 });
    probe.tell('block', 50);
    let accepted = 0;
    let full = 0;
    while (full < 10) {
      if (probe.tell('append', 'x'.repeat(1000)) === 'accepted') accepted++;
      else full++;
    }
    expect(await probe.ask('log')).toHaveLength(accepted);
    // Its sender knows: nothing was lost, so nothing is a dead letter.
    await until(() => small.threads()[0]?.counters['ring_full'] === 10);
    expect(small.threads()[0]?.counters).toMatchObject({ dead_no_agent: 0, dead_mailbox_full: 0, dead_dropped: 0 });
    await small.stop();
  });

  test('an ask into a full ring waits, and rejects with NEXUS_BACKPRESSURE when a mebibyte waits already', async () => {
    const small = await createNexus({
      agents: [fixture('probe.mjs')],
      threads: 1,
      memory: { ringBytes: 16_384 },
      engine: { force: engine },
      logger: recorder(),
    });
    const probe = await small.spawn(Probe, { thread: 1 });
    probe.tell('block', 50);
    while (probe.tell('append', 'x'.repeat(1000)) === 'accepted');
    const waiting = Array.from({ length: 11 }, () => probe.ask('append', 'y'.repeat(100_000)));
    expect(await codeOf(probe.ask('read'))).toBe('NEXUS_BACKPRESSURE');
    await Promise.all(waiting);
    expect(await probe.ask('read')).toBe(0);
    await small.stop();
  });
});

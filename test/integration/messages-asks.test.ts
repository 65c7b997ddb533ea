/** How an ask settles: by its reply, what the handler threw, its time, its signal, or the end of the agent. */
import { createNexus, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Desk, Probe, Stopping } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 2, messages: { bytesMax: 1_000_000 }, engine: { force: engine }, logger: recorder() });
    for (let thread = 0; thread <= 2; thread++) await nexus.spawn(Desk, { id: `desk${thread}`, thread });
  });
  afterAll(() => nexus.stop());

  const open = (thread: number, gate: string): void => void nexus.send(`desk${thread}`, 'open', gate);

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('an ask without a reply in time rejects with NEXUS_ASK_TIMEOUT', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const failure = await failureOf(probe.ask('hold', name, { timeoutMs: 20 }));
      expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_ASK_TIMEOUT' });
      expect(failure?.message).toContain(`'hold' of probe '${probe.id}' within 20 ms`);
      open(thread, name);
    });

    test('the message of an ask that has timed out is handled all the same', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const held = probe.ask('hold', name);
      expect(await codeOf(probe.ask('add', 5, { timeoutMs: 20 }))).toBe('NEXUS_ASK_TIMEOUT');
      open(thread, name);
      await held;
      expect(await probe.ask('read')).toBe(5);
    });

    test('an aborted ask rejects with NEXUS_ASK_ABORTED and the reason as its cause', async () => {
      const name = freshId('gate');
      const probe = await nexus.spawn(Probe, { thread });
      const controller = new AbortController();
      const asked = failureOf(probe.ask('hold', name, { signal: controller.signal }));
      controller.abort(new Error('changed my mind'));
      const failure = await asked;
      expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_ASK_ABORTED' });
      expect((failure?.error.cause as Error).message).toBe('changed my mind');
      open(thread, name);
    });

    test('an ask with a signal that is aborted already sends nothing', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      expect(await codeOf(probe.ask('add', 1, { signal: AbortSignal.abort() }))).toBe('NEXUS_ASK_ABORTED');
      expect(await probe.ask('read')).toBe(0);
    });

    test('an ask whose signal is aborted after the reply is not disturbed', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const controller = new AbortController();
      expect(await probe.ask('echo', 1, { signal: controller.signal })).toBe(1);
      controller.abort();
      expect(await probe.ask('echo', 2)).toBe(2);
    });

    test('an ask rejects with what the handler threw', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const failure = await failureOf(probe.ask('fail', 'my own words'));
      expect(failure).toMatchObject({ name: 'Error', message: 'my own words' });
      for (const value of [undefined, null, 0, '', 'text', { code: 7 }]) {
        const outcome = await probe.ask('throwValue', value).then(
          () => ['answered'],
          (thrown: unknown) => ['threw', thrown],
        );
        expect(outcome).toEqual(['threw', value]);
      }
    });

    test('an error arrives with its class, cause and properties', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const failure = await failureOf(
        probe.ask('throwValue', Object.assign(new RangeError('too far', { cause: new TypeError('why') }), { code: 'E_FAR', at: 7 })),
      );
      expect(failure?.error).toBeInstanceOf(RangeError);
      expect(failure?.error).toMatchObject({ message: 'too far', code: 'E_FAR', at: 7 });
      expect(failure?.error.cause).toBeInstanceOf(TypeError);
    });

    test('an ask to an agent that has ended rejects with NEXUS_AGENT_NOT_FOUND', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      await probe.stop();
      const failure = await failureOf(probe.ask('read'));
      expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_AGENT_NOT_FOUND' });
      expect(failure?.message).toContain('probe');
    });

    test('asks that wait in the mailbox of an agent that ends reject with NEXUS_AGENT_STOPPED', async () => {
      const name = freshId('gate');
      const stopping = await nexus.spawn(Stopping, { thread });
      const failing = codeOf(stopping.ask('failLater', name));
      const waiting = codeOf(stopping.ask('read'));
      open(thread, name);
      expect(await failing).toBe(`late ${name}`);
      expect(await waiting).toBe('NEXUS_AGENT_STOPPED');
    });

    test('an ask of an unknown action rejects with NEXUS_ACTION_UNKNOWN and a tell throws it', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const failure = await failureOf(probe.ask('reed' as never));
      expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_ACTION_UNKNOWN' });
      let asked: Promise<unknown> | undefined;
      expect(() => {
        asked = probe.ask('reed' as never);
      }).not.toThrow();
      await expect(asked).rejects.toThrow("'probe' has no action 'reed'");
      expect(() => probe.tell('reed' as never)).toThrow("'probe' has no action 'reed'");
      expect(() => nexus.send(probe.id, 'reed')).toThrow("'probe' has no action 'reed'");
    });

    test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 86_400_001, '5' as unknown as number])(
      'an ask with timeoutMs %s rejects with NEXUS_OPTION_INVALID',
      async (timeoutMs) => {
        const probe = await nexus.spawn(Probe, { thread });
        const failure = await failureOf(probe.ask('add', 1, { timeoutMs }));
        expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_OPTION_INVALID' });
        expect(failure?.message).toContain('timeoutMs');
        expect(await probe.ask('read')).toBe(0);
      },
    );

    test('an ask with something else than an AbortSignal rejects with NEXUS_OPTION_INVALID and sends nothing', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      expect(await codeOf(probe.ask('add', 1, { signal: {} as AbortSignal }))).toBe('NEXUS_OPTION_INVALID');
      expect(await codeOf(probe.ask('add', 1, { signal: 'now' as unknown as AbortSignal }))).toBe('NEXUS_OPTION_INVALID');
      expect(await probe.ask('read')).toBe(0);
    });

    test('a handler whose result cannot be awaited fails like one that throws', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      expect(await codeOf(probe.ask('badThenable', undefined, { timeoutMs: 2000 }))).toBe('no then for you');
      expect(await probe.ask('read')).toBe(0);
    });

    test('a hundred thousand asks at once are all answered', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const replies: number[] = [];
      for (let from = 0; from < 100_000; from += 5000) {
        const batch = Array.from({ length: 5000 }, (_, index) => probe.ask('echo', from + index));
        replies.push(...(await Promise.all(batch)));
      }
      expect(replies.every((value, index) => value === index)).toBe(true);
    });
  });

  test.each(DISTANCES)('a reply that comes after the ask has settled is dropped and counted, $distance', async ({ thread }) => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 1, engine: { force: engine } });
    const desk = await own.spawn(Desk, { thread });
    const probe = await own.spawn(Probe, { thread });
    const name = freshId('gate');
    expect(await codeOf(probe.ask('hold', name, { timeoutMs: 20 }))).toBe('NEXUS_ASK_TIMEOUT');
    // The next ask may get the place of the first one; it must not get its reply.
    const next = probe.ask('echo', 'mine');
    desk.tell('open', name);
    expect(await next).toBe('mine');
    // Counters are published when a thread has handled something.
    await until(async () => (await desk.ask('live')) === thread && own.threads()[0]?.counters['late_replies'] === 1);
    expect(own.threads()[0]?.counters).toMatchObject({ ask_timeouts: 1 });
  });

  test('a reply that cannot be sent rejects the ask with NEXUS_NOT_CLONEABLE and the agent goes on', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1, init: { start: 3 } });
    await probe.ask('add', 1);
    const failure = await failureOf(probe.ask('unsendable'));
    expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_NOT_CLONEABLE' });
    expect(failure?.message).toContain('.deep.call is a function');
    expect(await probe.ask('read')).toBe(4);
  });

  test('an error that cannot be sent arrives with its message', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    expect(await failureOf(probe.ask('throwUnsendable'))).toMatchObject({ name: 'Error', message: 'with a function' });
    expect(await probe.ask('read')).toBe(0);
  });

  test('a reply larger than messages.bytesMax rejects the ask with NEXUS_MESSAGE_TOO_LARGE and the agent goes on', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    expect(await codeOf(probe.ask('huge', 2_000_000))).toBe('NEXUS_MESSAGE_TOO_LARGE');
    expect(await probe.ask('read')).toBe(0);
  });

  test('an error larger than messages.bytesMax rejects the ask and the agent goes on', async () => {
    const lost: unknown[] = [];
    const listener = (loss: unknown): void => void lost.push(loss);
    nexus.on('threadLost', listener);
    const probe = await nexus.spawn(Probe, { thread: 1 });
    expect(await failureOf(probe.ask('throwHuge', 3_000_000))).toMatchObject({ name: expect.any(String), message: expect.any(String) });
    expect(await probe.ask('read')).toBe(0);
    nexus.off('threadLost', listener);
    expect(lost).toEqual([]);
  });
});

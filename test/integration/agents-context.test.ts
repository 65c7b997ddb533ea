/** What a handler has: timers, chance, signal, logger, signals to the outside. */
import { type AgentRef, createNexus, defineAgent, type Nexus, type Signal } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Desk, Probe, Ticking } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type ProbeRef = AgentRef<typeof Probe>;

describeEngines((engine) => {
  let nexus: Nexus;
  const logger = recorder();

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine }, logger });
  });
  afterAll(() => nexus.stop());

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    const size = async (probe: ProbeRef): Promise<number> => (await probe.ask('log')).length;

    test('timers.after sends the agent an action once', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const witness = await nexus.spawn(Probe, { thread });
      await probe.ask('after', { ms: 1, action: 'append', input: { from: 'timer' } });
      await until(async () => (await size(probe)) > 0);
      // Many periods of the same length later it has not come again.
      await witness.ask('every', { ms: 1, action: 'append', input: 1 });
      await until(async () => (await size(witness)) > 10);
      expect(await probe.ask('log')).toEqual([{ from: 'timer' }]);
    });

    test('timers.every sends the agent an action again and again until it is cancelled', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const witness = await nexus.spawn(Probe, { thread });
      await probe.ask('every', { ms: 1, action: 'append', input: 'tick' });
      await until(async () => (await size(probe)) > 5);
      await probe.ask('cancel');
      const count = await size(probe);
      await witness.ask('every', { ms: 1, action: 'append', input: 1 });
      await until(async () => (await size(witness)) > 10);
      expect(await size(probe)).toBe(count);
      await probe.ask('cancel');
    });

    test('a timer of zero milliseconds fires', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      await probe.ask('after', { ms: 0, action: 'append', input: 1 });
      await until(async () => (await size(probe)) === 1);
    });

    test('timers are cancelled when the agent restarts', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const witness = await nexus.spawn(Probe, { thread });
      await probe.ask('every', { ms: 1, action: 'append', input: 'tick' });
      await until(async () => (await size(probe)) > 2);
      await codeOf(probe.ask('fail'));
      await probe.ask('read');
      const count = await size(probe);
      await witness.ask('every', { ms: 1, action: 'append', input: 1 });
      await until(async () => (await size(witness)) > 10);
      expect(await size(probe)).toBe(count);
    });

    test('timers of a start hook begin again after a restart', async () => {
      const ticking = await nexus.spawn(Ticking, { thread });
      await until(async () => (await size(ticking)) > 2);
      await codeOf(ticking.ask('fail'));
      await until(async () => (await size(ticking)) > 2);
      await ticking.stop();
    });

    test('timers are cancelled when the agent ends', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const witness = await nexus.spawn(Probe, { thread });
      await probe.ask('every', { ms: 1, action: 'append', input: 'tick' });
      await until(async () => (await size(probe)) > 2);
      await probe.stop();
      const before = nexus.threads()[thread]?.counters['dead_no_agent'];
      await witness.ask('every', { ms: 1, action: 'append', input: 1 });
      await until(async () => (await size(witness)) > 10);
      expect(nexus.threads()[thread]?.counters['dead_no_agent']).toBe(before);
    });

    test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5', undefined])('a timer of %s milliseconds is refused', async (ms) => {
      const probe = await nexus.spawn(Probe, { thread });
      expect(await codeOf(probe.ask('after', { ms, action: 'append' }))).toBe('NEXUS_OPTION_INVALID');
      expect(await codeOf(probe.ask('every', { ms, action: 'append' }))).toBe('NEXUS_OPTION_INVALID');
    });

    test('a timer for an unknown action is refused', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      expect(await codeOf(probe.ask('after', { ms: 1, action: 'apend' }))).toBe('NEXUS_ACTION_UNKNOWN');
      expect(await codeOf(probe.ask('every', { ms: 0, action: 'append' }))).toBe('NEXUS_OPTION_INVALID');
    });

    test('ctx.signal is aborted when the agent ends or restarts', async () => {
      const desk = await nexus.spawn(Desk, { thread });
      const probe = await nexus.spawn(Probe, { thread, id: freshId() });
      expect(await probe.ask('watchSignal')).toBe(false);
      expect(await desk.ask('aborted', probe.id)).toBe(false);
      await codeOf(probe.ask('fail'));
      expect(await desk.ask('aborted', probe.id)).toBe(true);
      expect(await probe.ask('watchSignal')).toBe(false);
      expect(await desk.ask('aborted', probe.id)).toBe(false);
      await probe.stop();
      expect(await desk.ask('aborted', probe.id)).toBe(true);
    });

    test('ctx.logger adds agent, kind and thread to every line', async () => {
      const probe = await nexus.spawn(Probe, { thread, id: freshId() });
      for (const level of ['debug', 'info', 'warn', 'error'] as const) await probe.ask('write', { level, data: { n: 1 }, message: `${level} of ${probe.id}` });
      await until(() => logger.lines.filter(({ data }) => data['agent'] === probe.id).length === 4);
      expect(logger.lines.filter(({ data }) => data['agent'] === probe.id)).toEqual(
        (['debug', 'info', 'warn', 'error'] as const).map((level) => ({
          level,
          data: { agent: probe.id, kind: 'probe', thread, n: 1 },
          message: `${level} of ${probe.id}`,
        })),
      );
    });

    test('ctx.emit reaches the listeners of nexus.on', async () => {
      const probe = await nexus.spawn(Probe, { thread, id: freshId() });
      const signals: Signal[] = [];
      const listener = (signal: Signal): void => void signals.push(signal);
      nexus.on('signal', listener);
      await probe.ask('emit', { topic: 'temperature', data: { celsius: new Map([['kitchen', 21]]) } });
      await until(() => signals.length === 1);
      nexus.off('signal', listener);
      expect(signals[0]).toMatchObject({ topic: 'temperature', data: { celsius: new Map([['kitchen', 21]]) } });
      expect(signals[0]?.source?.id).toBe(probe.id);
      await probe.ask('emit', { topic: 'temperature', data: 1 });
      await probe.ask('read');
      expect(signals.length).toBe(1);
      expect(await codeOf(probe.ask('emit', { topic: '', data: 1 }))).toBe('NEXUS_OPTION_INVALID');
    });

    test('a context knows its agent and its thread', async () => {
      const probe = await nexus.spawn(Probe, { thread, id: freshId() });
      expect(await probe.ask('where')).toBe(thread);
      expect((await probe.ask('self')).id).toBe(probe.id);
    });
  });

  test('log data that cannot be sent becomes text', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1, id: freshId() });
    await probe.ask('write', { level: 'info', data: { error: new RangeError('broken'), big: 5n, nested: { a: 1 } }, message: 'odd data' });
    await until(() => logger.lines.some(({ data }) => data['agent'] === probe.id));
    const line = logger.lines.find(({ data }) => data['agent'] === probe.id);
    expect(line?.data).toMatchObject({ big: 5n, nested: '{"a":1}' });
    expect(line?.data['error']).toMatchObject({ name: 'RangeError', message: 'broken' });
  });

  test('ctx.random repeats with the seed and the id of the agent, on any thread', async () => {
    const draw = async (seed: number, id: string, thread: number): Promise<number[]> => {
      const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 1, seed, engine: { force: engine } });
      return (await (await own.spawn(Probe, { id, thread })).ask('random', 5)) as number[];
    };
    const first = await draw(42, 'a', 0);
    expect(first.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(await draw(42, 'a', 1)).toEqual(first);
    expect(await draw(42, 'b', 0)).not.toEqual(first);
    expect(await draw(43, 'a', 0)).not.toEqual(first);
    // The same on every machine and in every version.
    expect(first.map((value) => Math.floor(value * 2 ** 32))).toEqual([1570296345, 1145457359, 1044990984, 2001336810, 19888000]);
  });

  test('agents that are always busy leave the event loop its turns', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 0, engine: { force: engine } });
    const probe = await own.spawn(Probe);
    let handled = 0;
    const asked = Array.from({ length: 200 }, () => probe.ask('block', 2).then(() => handled++));
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(handled).toBeLessThan(200);
    await Promise.all(asked);
  });

  test('an agent whose async handlers await one another leaves the event loop its turns', async () => {
    // Each message is a drain of its own, begun by the end of the handler before.
    const slow = defineAgent({
      kind: 'slow-and-async',
      state: () => ({ handled: 0 }),
      actions: {
        work(state) {
          const until = performance.now() + 1;
          while (performance.now() < until);
          state.handled++;
          return Promise.resolve(state.handled);
        },
      },
    });
    const own = await startNexus({ agents: [slow], threads: 0, engine: { force: engine } });
    const agent = await own.spawn(slow);
    let visits = 0;
    let isDone = false;
    const visit = (): void => {
      visits++;
      if (!isDone) setImmediate(visit);
    };
    const asked = Array.from({ length: 200 }, () => agent.ask('work'));
    visit();
    await Promise.all(asked);
    isDone = true;
    // A visit every 5 ms would be 40; without any, all 200 are handled in one.
    expect(visits).toBeGreaterThan(10);
  });
});

/** What belongs to one life of an agent, and what the next one finds. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createNexus, defineAgent, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Desk, DroppingOldest, InitAsState, Probe } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  let nexus: Nexus;
  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 1, engine: { force: engine }, logger: recorder() });
    for (const thread of [0, 1]) await nexus.spawn(Desk, { id: `desk${thread}`, thread });
  });
  afterAll(() => nexus.stop());
  const open = (thread: number, gate: string): void => void nexus.send(`desk${thread}`, 'open', gate);
  const counter = (name: string): number => nexus.threads().reduce((sum, { counters }) => sum + (counters[name] as number), 0);

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('a restart begins with the init of the spawn, whatever a state made of it has become', async () => {
      const init = { list: [1], deep: { map: new Map([['a', [1]]]) } };
      const agent = await nexus.spawn(InitAsState, { thread, init });
      const fresh = { list: [1], deep: { map: new Map([['a', [1]]]) } };
      for (let life = 0; life < 3; life++) {
        expect(await agent.ask('read')).toEqual(fresh);
        await agent.ask('change');
        expect(await agent.ask('read')).not.toEqual(fresh);
        await codeOf(agent.ask('fail'));
        // Nor does it matter what the spawner does with it afterwards.
        init.list.push(7);
      }
      expect(await agent.ask('read')).toEqual(fresh);
    });

    test('a handler that still runs after its agent has restarted or ended does nothing in its name any more', async () => {
      const witness = await nexus.spawn(Probe, { thread, id: freshId('witness') });
      for (const ends of [false, true]) {
        const gate = freshId('gate');
        const agent = await nexus.spawn(Probe, { thread });
        const late = agent.ask('actLater', { gate, ref: witness, id: freshId('child') });
        if (ends) await agent.stop();
        else await codeOf(agent.ask('fail'));
        const dead = counter('dead_stopped');
        open(thread, gate);
        const over = 'NEXUS_AGENT_STOPPED';
        expect(await late).toEqual({ aborted: true, told: 'stopped', sent: 'stopped', asked: over, spawned: over, gotOrSpawned: over });
        await until(() => counter('dead_stopped') === dead + 3);
        if (!ends) expect(await agent.ask('log')).toEqual([]);
      }
      expect(await witness.ask('log')).toEqual([]);
    });

    test('what a timer has sent to a life that is over is not handled by the next one', async () => {
      const gate = freshId('gate');
      const agent = await nexus.spawn(Probe, { thread });
      await agent.ask('after', { ms: 1, action: 'append', input: 'tick' });
      await agent.ask('every', { ms: 1, action: 'append', input: 'tock' });
      await codeOf(agent.ask('fail'));
      const log: unknown = await agent.ask('log');
      expect(log).toEqual([]);
      agent.tell('after', { ms: 1, action: 'append', input: 'tick' });
      agent.tell('every', { ms: 2, action: 'append', input: 'tock' });
      const failing = codeOf(agent.ask('failLater', gate));
      agent.tell('append', 'before');
      const startedMs = performance.now();
      await until(() => performance.now() - startedMs > 50);
      agent.tell('append', 'after');
      // Between them the messages of the timers wait.
      open(thread, gate);
      await failing;
      expect(await agent.ask('log')).toEqual(['before', 'after']);
    });

    test.each([9, 10])('a stop that waits in a mailbox that drops the oldest message keeps its place, before %i others', async (count) => {
      const gate = freshId('gate');
      const witness = await nexus.spawn(Probe, { thread });
      const agent = await nexus.spawn(DroppingOldest, { thread });
      const held = agent.ask('hold', gate);
      await witness.ask('read');
      agent.tell('tellTo', { ref: witness, action: 'append', input: 'before' });
      const stopped = agent.stop();
      for (let sent = 0; sent < count; sent++) agent.tell('tellTo', { ref: witness, action: 'append', input: 'behind' });
      open(thread, gate);
      await Promise.all([held, stopped]);
      // The one before it was dropped, being the oldest.
      expect(await witness.ask('log')).toEqual([]);
    });
  });

  test('a handler does not see the async context of whoever sent another message, or created the nexus', async () => {
    const storage = new AsyncLocalStorage<string>();
    const Contextual = defineAgent({ kind: 'contextual', state: () => 0, actions: { see: () => storage.getStore() ?? 'nothing' } });
    const own = await storage.run('creator', () => startNexus({ agents: [Contextual, fixture('probe.mjs')], threads: 1, engine: { force: engine } }));
    const seer = await own.spawn(Contextual);
    const far = await own.spawn(Probe, { thread: 1 });
    const first = storage.run('first', () => [seer.ask('see'), seer.ask('see')]);
    const second = storage.run('second', () => seer.ask('see'));
    expect(await Promise.all([...first, second, seer.ask('see')])).toEqual(Array(4).fill('nothing'));
    expect(await far.ask('askOf', { ref: seer, action: 'see' })).toBe('nothing');
    // Whoever asks keeps its own.
    expect(await storage.run('third', async () => [await seer.ask('see'), storage.getStore()])).toEqual(['nothing', 'third']);
  });

  test('ids with half of a surrogate pair are refused, and name nobody', async () => {
    expect(await codeOf(nexus.spawn(Probe, { id: 'a\ud800' }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.getOrSpawn(Probe, '\udc00a'))).toBe('NEXUS_OPTION_INVALID');
    const replacement = await nexus.spawn(Probe, { id: 'a\ufffd' });
    expect(nexus.find('a\ud800')).toBeUndefined();
    expect(nexus.send('a\ud800', 'add', 1)).toBe('noAgent');
    expect(nexus.find('a\ufffd')?.equals(replacement)).toBe(true);
    expect(await (await nexus.spawn(Probe, { id: '\ud83d\ude00' })).ask('read')).toBe(0);
  });

  test('ctx.watch of what is no reference is a mistake', async () => {
    const probe = await nexus.spawn(Probe, { thread: 0 });
    expect(await codeOf(probe.ask('watch', undefined))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(probe.ask('unwatch', 'an id'))).toBe('NEXUS_OPTION_INVALID');
  });

  test('many asks may share one signal without a warning', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const { signal } = new AbortController();
    const probe = await nexus.spawn(Probe, { thread: 1 });
    await Promise.all(Array.from({ length: 50 }, () => probe.ask('read', undefined, { signal })));
    await new Promise<void>((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([]);
  });
});

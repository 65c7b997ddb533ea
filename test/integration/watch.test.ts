/** Who is told when an agent ends. */
import { type AgentRef, createNexus, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Probe, Stopping } from '../fixtures/probe.mjs';
import { codeOf, describeEngines, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type ProbeRef = AgentRef<typeof Probe>;

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
  });
  afterAll(() => nexus.stop());

  const logged = async (watcher: ProbeRef, count = 1): Promise<string[]> => {
    await until(async () => (await watcher.ask('log')).length >= count);
    return watcher.ask('log');
  };

  // The watcher is on thread 1.
  describe.each([
    { place: 'with both on the same thread', thread: 1 },
    { place: 'with the watched one on another thread', thread: 2 },
    { place: 'with the watched one on the calling thread', thread: 0 },
  ])('$place', ({ thread }) => {
    const pair = async (kind = Probe): Promise<{ watcher: ProbeRef; watched: ProbeRef }> => {
      const watcher = await nexus.spawn(Probe, { thread: 1 });
      const watched = await nexus.spawn(kind, { thread, id: freshId('watched') });
      await watcher.ask('watch', watched);
      return { watcher, watched };
    };

    test('a watcher is told once when the watched agent has ended', async () => {
      const { watcher, watched } = await pair();
      await watcher.ask('watch', watched);
      await watched.stop();
      expect(await logged(watcher)).toEqual([`${watched.id} ended: stopped`]);
    });

    test('a watcher is told why the watched agent ended', async () => {
      const { watcher, watched } = await pair(Stopping);
      await codeOf(watched.ask('fail'));
      expect(await logged(watcher)).toEqual([`${watched.id} ended: failed`]);
    });

    test('a watcher is told of an end whose error cannot be sent', async () => {
      const { watcher, watched } = await pair(Stopping);
      await codeOf(watched.ask('throwUnsendable'));
      expect(await logged(watcher)).toEqual([`${watched.id} ended: failed`]);
      await until(() => nexus.find(watched.id) === undefined);
    });

    test('a watch of an agent that has ended already is answered at once', async () => {
      const watcher = await nexus.spawn(Probe, { thread: 1 });
      const watched = await nexus.spawn(Probe, { thread, id: freshId('watched') });
      await watched.stop();
      await watcher.ask('watch', watched);
      expect(await logged(watcher)).toEqual([`${watched.id} ended: notFound`]);
    });

    test('a watch that crosses the end of the watched agent is answered', async () => {
      for (let round = 0; round < 50; round++) {
        const watcher = await nexus.spawn(Probe, { thread: 1 });
        const watched = await nexus.spawn(Probe, { thread, id: freshId('watched') });
        watcher.tell('watch', watched);
        await watched.stop();
        expect((await logged(watcher))[0]).toContain(`${watched.id} ended: `);
        expect((await watcher.ask('log')).length).toBe(1);
        await watcher.stop();
      }
    });

    test('an agent that is not watched any more is not reported', async () => {
      const { watcher, watched } = await pair();
      const witness = await nexus.spawn(Probe, { thread: 1 });
      await watcher.ask('unwatch', watched);
      await witness.ask('watch', watched);
      await watched.stop();
      await logged(witness);
      expect(await watcher.ask('log')).toEqual([]);
    });

    test('a restart of the watched agent is not an end', async () => {
      const { watcher, watched } = await pair();
      await codeOf(watched.ask('fail'));
      await watched.ask('read');
      expect(await watcher.ask('log')).toEqual([]);
      await watched.stop();
      expect(await logged(watcher)).toEqual([`${watched.id} ended: stopped`]);
    });

    test('a restart of the watcher ends its watches', async () => {
      const { watcher, watched } = await pair();
      const witness = await nexus.spawn(Probe, { thread: 1 });
      await codeOf(watcher.ask('fail'));
      await watcher.ask('read');
      await witness.ask('watch', watched);
      await watched.stop();
      await logged(witness);
      expect(await watcher.ask('log')).toEqual([]);
    });

    test('a thousand watchers are all told', async () => {
      const watched = await nexus.spawn(Probe, { thread, id: freshId('watched') });
      const watchers = await Promise.all(Array.from({ length: 1000 }, (_, index) => nexus.spawn(Probe, { thread: 1 + (index % 2) })));
      await Promise.all(watchers.map((watcher) => watcher.ask('watch', watched)));
      await watched.stop();
      for (const watcher of watchers) expect(await logged(watcher)).toEqual([`${watched.id} ended: stopped`]);
      await Promise.all(watchers.map((watcher) => watcher.stop()));
    });
  });

  test('a watch survives the loss and the return of the watched agent', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine } });
    const watcher = await own.spawn(Probe, { thread: 1 });
    const watched = await own.spawn(Probe, { thread: 2, id: 'watched' });
    await watcher.ask('watch', watched);
    const restored = new Promise((resolve) => own.on('threadRestored', resolve));
    watched.tell('exit');
    await restored;
    expect(await watched.ask('read')).toBe(0);
    expect(await watcher.ask('log')).toEqual([]);
    await watched.stop();
    expect(await logged(watcher)).toEqual(['watched ended: stopped']);
  });

  test('a watcher is told when the thread of the watched agent is given up', async () => {
    const own = await startNexus({ agents: [fixture('probe.mjs')], threads: 2, workers: { restart: { intensity: 0 } }, engine: { force: engine } });
    const watchers = await Promise.all([0, 1].map((thread) => own.spawn(Probe, { thread })));
    const watched = await own.spawn(Probe, { thread: 2, id: 'watched' });
    for (const watcher of watchers) await watcher.ask('watch', watched);
    watched.tell('exit');
    for (const watcher of watchers) expect(await logged(watcher)).toEqual(['watched ended: threadFailed']);
  });
});

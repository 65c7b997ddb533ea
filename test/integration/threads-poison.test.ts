/** An agent that ends its thread while it starts must not end every successor of that thread too. */
import { expect, test } from 'vitest';
import { Blocking, Innocent, Late, LatePoison, Poison } from '../fixtures/poison.mjs';
import { fixture, describeEngines, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  test('an agent whose start ends its thread is given up, and the others of the thread come back', async () => {
    const nexus = await startNexus({ agents: [fixture('poison.mjs')], threads: 1, engine: { force: engine }, logger: recorder() });
    const restored: unknown[] = [];
    let losses = 0;
    nexus.on('threadRestored', (news) => restored.push(news));
    nexus.on('threadLost', () => losses++);
    const innocent = await nexus.spawn(Innocent, { id: 'innocent', init: { name: 'i' }, thread: 1 });
    await expect(nexus.spawn(Poison, { id: 'poison', thread: 1 })).rejects.toMatchObject({ code: 'NEXUS_THREAD_LOST' });
    await until(() => restored.length > 0);
    expect(restored).toEqual([{ thread: 1, restored: 1, failed: 1 }]);
    expect(await innocent.ask('read')).toBe('i');
    expect(nexus.find('poison')).toBeUndefined();
    expect(losses).toBe(1);
    await nexus.stop();
  });

  test('an agent whose async start ends its thread again and again is given up, and the others of the thread come back', async () => {
    const nexus = await startNexus({ agents: [fixture('poison.mjs')], threads: 1, engine: { force: engine }, logger: recorder() });
    const restored: unknown[] = [];
    let losses = 0;
    nexus.on('threadRestored', (news) => restored.push(news));
    nexus.on('threadLost', () => losses++);
    const innocents = await Promise.all(
      Array.from({ length: 20 }, (_, index) => nexus.spawn(index % 2 === 0 ? Late : Innocent, { id: `a${index}`, init: { name: `n${index}` }, thread: 1 })),
    );
    await expect(nexus.spawn(LatePoison, { id: 'poison', thread: 1 })).rejects.toMatchObject({ code: 'NEXUS_THREAD_LOST' });
    await until(() => restored.length > 0);
    // Lost when it was spawned, when all started together, and when they started one after the other.
    expect(losses).toBe(3);
    expect(restored).toEqual([{ thread: 1, restored: 20, failed: 1 }]);
    for (const [index, innocent] of innocents.entries()) expect(await innocent.ask('read')).toBe(`n${index}`);
    expect(nexus.find('poison')).toBeUndefined();
    expect(nexus.threads()[1]).toMatchObject({ state: 'ready', incarnation: 3 });
  });

  // Independent of the engine, and slow.
  test.skipIf(engine === 'native')('many agents may take longer to come back than workers.startTimeoutMs, one may not', async () => {
    const nexus = await startNexus({
      agents: [fixture('poison.mjs')],
      threads: 1,
      engine: { force: engine },
      workers: { startTimeoutMs: 1500 },
      logger: recorder(),
    });
    const restored: unknown[] = [];
    nexus.on('threadRestored', (news) => restored.push(news));
    for (let index = 0; index < 6; index++) await nexus.spawn(Blocking, { thread: 1, init: { ms: 400 } });
    await nexus.spawn(Blocking, { thread: 1, id: 'endless', init: { ms: 0, msAgain: 3_600_000 } });
    await expect(nexus.spawn(Poison, { id: 'poison', thread: 1 })).rejects.toMatchObject({ code: 'NEXUS_THREAD_LOST' });
    await until(() => restored.length > 0, 30_000);
    // The first successor gave up the one that ended its thread, and was ended itself in the start that had no end.
    expect(restored).toEqual([{ thread: 1, restored: 6, failed: 1 }]);
    expect(nexus.threads()[1]?.incarnation).toBe(2);
    expect(nexus.find('endless')).toBeUndefined();
  });
});

/** An agent that ends its thread while it starts must not end every successor of that thread too. */
import { expect, test } from 'vitest';
import { Innocent, Poison } from '../fixtures/poison.mjs';
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
});

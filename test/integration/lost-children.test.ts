/** Children whose thread is lost while their spawn or their end is under way: the successor brings back none that its parent does not have. */
import { expect, test } from 'vitest';
import { Child, Parent } from '../fixtures/lost-children.mjs';
import { codeOf, describeEngines, fixture, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  async function start() {
    const nexus = await startNexus({ agents: [fixture('lost-children.mjs')], threads: 2, engine: { force: engine } });
    await nexus.spawn(Child, { id: 'killer', thread: 1 });
    const kill = async (): Promise<void> => {
      const before = nexus.threads()[1]?.incarnation ?? 0;
      nexus.find('killer', Child)?.tell('die');
      await until(() => (nexus.threads()[1]?.incarnation ?? 0) > before && nexus.threads()[1]?.state === 'ready');
    };
    return { nexus, kill };
  }

  test('a child whose spawn was lost with its thread does not come back', async () => {
    const { nexus, kill } = await start();
    const parent = await nexus.spawn(Parent, { id: 'parent', thread: 2 });
    const spawned = codeOf(parent.ask('spawn', ['child', { startMs: 300 }]));
    // It is in the table as soon as its start has begun.
    await until(() => nexus.find('child') !== undefined);
    await kill();
    expect(await spawned).toBe('NEXUS_THREAD_LOST');
    await until(() => nexus.find('child') === undefined);
    expect(await parent.ask('spawn', ['child', {}])).toBe('child');
  });

  test('a child whose end was under way when its thread was lost does not outlive the restart of its parent', async () => {
    const { nexus, kill } = await start();
    const parent = await nexus.spawn(Parent, { id: 'parent', thread: 2 });
    await parent.ask('spawn', ['child', { stopMs: 300 }]);
    await codeOf(parent.ask('fail'));
    await until(() => nexus.find('child') === undefined);
    await kill();
    expect(await parent.ask('ping')).toBe('pong');
    await until(() => nexus.find('child') === undefined);
    await parent.ask('spawn', ['child', {}]);
    expect(nexus.find('child')).toBeDefined();
  });

  test('a child whose end was under way when its thread was lost does not outlive its parent', async () => {
    const { nexus, kill } = await start();
    const parent = await nexus.spawn(Parent, { id: 'parent', thread: 2, init: { stopMs: 600 } });
    await parent.ask('spawn', ['child', { stopMs: 300 }]);
    const stopped = parent.stop();
    await until(() => nexus.find('child') === undefined);
    await kill();
    await stopped;
    await until(() => nexus.find('child') === undefined && nexus.find('parent') === undefined);
  });

  test('a child that was there when its thread was lost comes back to its parent', async () => {
    const { nexus, kill } = await start();
    const parent = await nexus.spawn(Parent, { id: 'parent', thread: 2 });
    await parent.ask('spawn', ['child', {}]);
    await kill();
    await until(async () => (await nexus.find('child', Child)?.ask('ping')) === 'pong');
    await parent.stop();
    await until(() => nexus.find('child') === undefined);
  });
});

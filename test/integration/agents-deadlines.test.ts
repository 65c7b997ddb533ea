/** Spawns that take too long, and ids of agents whose end takes a while. */
import type { Nexus } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { Desk, Hooked, Probe, StrictParent } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, failureOf, fixture, freshId, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describeEngines((engine) => {
  const start = (): Promise<Nexus> => startNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine } });
  const counter = (nexus: Nexus, thread: number, name: string): number => nexus.threads()[thread]?.counters[name] as number;

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('a spawn that takes longer than its timeout rejects with NEXUS_SPAWN_TIMEOUT, and the agent does not stay', async () => {
      const nexus = await start();
      const never = { startGate: freshId('never') };
      const failure = await failureOf(nexus.spawn(Hooked, { id: 'late', thread, init: never, timeoutMs: 30 }));
      expect(failure).toMatchObject({ code: 'NEXUS_SPAWN_TIMEOUT', error: { data: { id: 'late', kind: 'hooked', timeoutMs: 30 } } });
      // It is not found from when its end begins, and its id is free when it has ended.
      await until(() => ![...nexus.agents()].some(({ id }) => id === 'late'));
      // A child too.
      const parent = await nexus.spawn(Probe, { thread: 2 });
      expect(await codeOf(parent.ask('spawnKind', { kind: 'hooked', id: 'late', thread, init: never, timeoutMs: 30 }))).toBe('NEXUS_SPAWN_TIMEOUT');
      expect(await codeOf(nexus.getOrSpawn(Hooked, 'later', { thread, init: never, timeoutMs: 30 }))).toBe('NEXUS_SPAWN_TIMEOUT');
      await until(() => nexus.find('late') === undefined && nexus.find('later') === undefined && nexus.agentCount === 1);
      expect(await (await nexus.spawn(Probe, { id: 'late', thread })).ask('read')).toBe(0);
    });

    test('an agent whose end has begun is not found, and getOrSpawn waits for the end', async () => {
      const nexus = await start();
      const desk = await nexus.spawn(Desk, { thread });
      const far = await nexus.spawn(Probe, { thread: 2 });
      const stopGate = freshId('gate');
      const old = await nexus.spawn(Hooked, { id: 'a', thread, init: { start: 1, stopGate } });
      const stopped = old.stop();
      await until(async () => ((await desk.ask('journal')) as string[]).includes('stop a stopped n=1'));
      expect(nexus.find('a')).toBeUndefined();
      expect(await far.ask('find', 'a')).toBeUndefined();
      expect(nexus.send('a', 'read')).toBe('noAgent');
      // The id is still taken.
      expect(await codeOf(nexus.spawn(Probe, { id: 'a', thread }))).toBe('NEXUS_ID_DUPLICATE');
      expect(await codeOf(nexus.getOrSpawn(Probe, 'a', { timeoutMs: 30 }))).toBe('NEXUS_SPAWN_TIMEOUT');
      const callers = [
        nexus.getOrSpawn(Probe, 'a', { thread: 2, init: { start: 2 } }),
        far.ask('getOrSpawn', { id: 'a', thread: 2, init: { start: 2 } }, { timeoutMs: 60_000 }),
        nexus.getOrSpawn(Probe, 'a', { thread: 0, init: { start: 2 } }),
      ];
      desk.tell('open', stopGate);
      await stopped;
      const [first, ...others] = await Promise.all(callers);
      for (const other of others) expect(other.equals(first)).toBe(true);
      expect(first.equals(old)).toBe(false);
      expect(await first.ask('read')).toBe(2);
      expect(nexus.find('a')?.equals(first)).toBe(true);
    });
  });

  test('a spawn whose agent is ended before it has started settles with that, whatever its start hook waits for', async () => {
    const nexus = await start();
    const never = { startGate: freshId('never') };
    const codes = [0, 1].map((thread) => codeOf(nexus.spawn(Hooked, { id: `never${thread}`, thread, init: never, timeoutMs: 3_600_000 })));
    await until(() => nexus.find('never0') !== undefined && nexus.find('never1') !== undefined);
    await nexus.stop();
    for (const code of await Promise.all(codes)) expect(['NEXUS_START_FAILED', 'NEXUS_STOPPED']).toContain(code);
  });

  test('an agent that a blocked thread starts after the timeout of its spawn is stopped', async () => {
    const nexus = await start();
    const parent = await nexus.spawn(Probe, { thread: 2 });
    const blocked = await nexus.spawn(Probe, { thread: 1 });
    await until(() => counter(nexus, 1, 'spawned') === 1);
    const blocking = blocked.ask('block', 400);
    const codes = [
      codeOf(nexus.spawn(Probe, { id: 'late', thread: 1, timeoutMs: 50 })),
      parent.ask('codeOfSpawn', { id: 'late child', thread: 1, timeoutMs: 50 }),
    ];
    expect(await Promise.all(codes)).toEqual(['NEXUS_SPAWN_TIMEOUT', 'NEXUS_SPAWN_TIMEOUT']);
    await blocking;
    await until(() => counter(nexus, 1, 'spawned') === 3 && counter(nexus, 1, 'stopped') === 2);
    expect([nexus.find('late'), nexus.find('late child')]).toEqual([undefined, undefined]);
  });

  test('a parent that comes back waits for the end of a child of its earlier life before it spawns it again', async () => {
    const nexus = await start();
    const failures: unknown[] = [];
    nexus.on('agentFailed', (failure) => failures.push(failure));
    const gate = freshId('gate');
    const desk = await nexus.spawn(Desk, { thread: 2 });
    const parent = await nexus.spawn(StrictParent, {
      thread: 1,
      init: { start: 4, children: [{ kind: 'hooked', id: 'child', thread: 2, init: { start: 9, stopGate: gate } }] },
    });
    const before = nexus.find('child');
    const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
    parent.tell('exit');
    await until(async () => ((await desk.ask('journal')) as string[]).includes('stop child parentStopped n=9'));
    const waiting = parent.ask('read', undefined, { timeoutMs: 60_000 });
    await until(() => nexus.threads()[1]?.state === 'ready' && nexus.threads()[1]?.queueDepth === 1);
    desk.tell('open', gate);
    const news = await restored;
    expect(failures).toEqual([]);
    expect(news).toEqual({ thread: 1, restored: 1, failed: 0 });
    expect(await waiting).toBe(4);
    const child = nexus.find('child', Hooked);
    expect(child?.equals(before as never)).toBe(false);
    await parent.stop();
    expect(nexus.find('child')).toBeUndefined();
  });

  test('a child of this life, or of somebody else, keeps its id', async () => {
    const nexus = await start();
    const [parent, other] = await Promise.all([nexus.spawn(Probe, { thread: 1 }), nexus.spawn(Probe, { thread: 2 })]);
    await parent.ask('spawn', { id: 'child', thread: 2 });
    await nexus.spawn(Probe, { id: 'orphan' });
    for (const id of ['child', 'orphan']) {
      for (const spawner of [parent, other]) expect(await spawner.ask('codeOfSpawn', { id, thread: 0 })).toBe('NEXUS_ID_DUPLICATE');
      expect(await nexus.find(id, Probe)?.ask('read')).toBe(0);
    }
  });
});

/** Parents and children, on one thread and across threads. */
import { createNexus, type AgentRef, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Desk, Parent, Probe } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, fixture, freshId, recorder } from '../start-nexus.js';
import { until } from '../until.js';

type ProbeRef = AgentRef<typeof Probe>;

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
    for (const thread of [0, 1, 2]) await nexus.spawn(Desk, { id: `desk${thread}`, thread });
  });
  afterAll(() => nexus.stop());

  const open = (thread: number, gate: string): void => void nexus.send(`desk${thread}`, 'open', gate);
  const gone = (id: string) => until(() => nexus.find(id) === undefined);
  const journal = async (thread: number, id: string): Promise<string[]> =>
    ((await nexus.find(`desk${thread}`, Desk)?.ask('journal')) as string[]).filter((entry) => entry.includes(id));

  // The parent is on thread 1, its children are on thread 1 or 2.
  describe.each([
    { place: 'with the child on the same thread', thread: 1 },
    { place: 'with the child on another thread', thread: 2 },
    { place: 'with the child on the calling thread', thread: 0 },
  ])('$place', ({ thread }) => {
    const family = async (kind = 'probe', init = {}): Promise<{ parent: ProbeRef; child: ProbeRef }> => {
      const parent = await nexus.spawn(Probe, { thread: 1, id: freshId('parent') });
      const child = (await parent.ask('spawnKind', { kind, id: freshId('child'), thread, init })) as ProbeRef;
      return { parent, child };
    };

    test('children end with their parent', async () => {
      const { parent, child } = await family();
      const grandchild = (await child.ask('spawn', { id: freshId('grandchild'), thread: 2 })) as ProbeRef;
      await parent.stop();
      // Its end is the end of its children's ends.
      expect(nexus.find(child.id)).toBeUndefined();
      expect(nexus.find(grandchild.id)).toBeUndefined();
      expect(await codeOf(child.ask('read'))).toBe('NEXUS_AGENT_NOT_FOUND');
    });

    test('a parent ends after the stop hooks of its children', async () => {
      const gate = freshId('gate');
      const { parent, child } = await family('hooked', { stopGate: gate });
      const stopped = parent.stop();
      await until(async () => (await journal(thread, child.id)).length === 2);
      expect([...nexus.agents()].map(({ id }) => id)).toContain(parent.id);
      open(thread, gate);
      await stopped;
      expect(await journal(thread, child.id)).toEqual([`start ${child.id}`, `stop ${child.id} stopped n=0`, `stopped ${child.id}`]);
    });

    test('children end when their parent restarts', async () => {
      const { parent, child } = await family();
      await codeOf(parent.ask('fail'));
      await parent.ask('read');
      expect(nexus.find(child.id)).toBeUndefined();
      expect(nexus.find(parent.id)).toBeDefined();
    });

    test('a parent that spawns its children in its start hook has them again after a restart', async () => {
      const id = freshId('child');
      const parent = await nexus.spawn(Parent, { thread: 1, init: { children: [{ kind: 'probe', id, thread }] } });
      const first = nexus.find(id, Probe) as ProbeRef;
      await first.ask('add', 5);
      for (let count = 0; count < 5; count++) {
        await codeOf(parent.ask('fail'));
        await parent.ask('read');
        const next = nexus.find(id, Probe) as ProbeRef;
        expect(next.equals(first)).toBe(false);
        expect(await next.ask('read')).toBe(0);
      }
      await parent.stop();
      expect(nexus.find(id)).toBeUndefined();
    });

    test('a child whose spawn was under way when its parent failed ends before the parent starts again', async () => {
      const parent = await nexus.spawn(Probe, { thread: 1 });
      const id = freshId('child');
      expect(await codeOf(parent.ask('spawnAndFail', { id, thread }))).toBe('after spawn');
      await parent.ask('read');
      expect(nexus.find(id)).toBeUndefined();
    });

    test('the failure of a child restarts the child and leaves its parent alone', async () => {
      const { parent, child } = await family();
      await parent.ask('add', 5);
      await codeOf(child.ask('fail'));
      expect(await child.ask('read')).toBe(0);
      expect(await parent.ask('read')).toBe(5);
    });

    test('a child that escalates makes its parent fail with its error', async () => {
      const { parent, child } = await family('escalating');
      await parent.ask('add', 5);
      await codeOf(child.ask('fail'));
      await gone(child.id);
      await until(async () => (await parent.ask('read')) === 0);
    });

    test('a child that escalates an error that cannot be sent makes its parent fail too', async () => {
      const { parent, child } = await family('escalating');
      await parent.ask('add', 5);
      expect(await codeOf(child.ask('throwUnsendable'))).toBe('with a function');
      await gone(child.id);
      await until(async () => (await parent.ask('read')) === 0);
    });

    test('a child that has ended is no child any more', async () => {
      const { parent, child } = await family();
      await child.stop();
      const other = await nexus.spawn(Probe, { thread, id: child.id });
      await parent.stop();
      expect(nexus.find(other.id)?.equals(other)).toBe(true);
      await other.stop();
    });

    test('a child keeps running when the one that only got it with getOrSpawn ends', async () => {
      const parent = await nexus.spawn(Probe, { thread: 1 });
      const other = (await parent.ask('getOrSpawn', { id: freshId('shared'), thread })) as ProbeRef;
      await parent.stop();
      expect(await other.ask('read')).toBe(0);
    });
  });

  test.each(DISTANCES)('an agent may end its own parent, $distance', async ({ thread }) => {
    const parent = await nexus.spawn(Probe, { thread, id: freshId('parent') });
    const child = (await parent.ask('spawn', { id: freshId('child'), thread: 1 })) as ProbeRef;
    child.tell('stopOther', parent);
    await gone(parent.id);
    await gone(child.id);
  });
});

/** What a reference is: the same agent from every thread, sendable, and stale once the agent has ended. */
import { type AgentRef, createNexus, type Nexus } from 'nexus-agents';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Desk, Hooked, Probe, Stopping } from '../fixtures/probe.mjs';
import { codeOf, DISTANCES, describeEngines, failureOf, fixture, freshId, recorder } from '../start-nexus.js';
import { until } from '../until.js';

type ProbeRef = AgentRef<typeof Probe>;

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('probe.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
  });
  afterAll(() => nexus.stop());

  describe.each(DISTANCES)('$distance', ({ thread }) => {
    test('a reference names the same agent from every thread', async () => {
      const probe = await nexus.spawn(Probe, { thread, id: freshId() });
      const found = nexus.find(probe.id, Probe) as ProbeRef;
      expect(found.equals(probe)).toBe(true);
      for (const from of [0, 1, 2]) {
        const other = await nexus.spawn(Probe, { thread: from });
        const seen = (await other.ask('find', probe.id)) as ProbeRef;
        expect(seen.equals(probe)).toBe(true);
        expect(await other.ask('askOf', { ref: probe, action: 'add', input: 1 })).toBe(from + 1);
      }
      expect(await found.ask('read')).toBe(3);
      expect(((await probe.ask('self')) as ProbeRef).equals(probe)).toBe(true);
      expect(found.equals(await nexus.spawn(Probe, { thread }))).toBe(false);
    });

    test('a reference can be sent in a message and is usable on arrival', async () => {
      const target = await nexus.spawn(Probe, { thread, id: freshId() });
      const far = await nexus.spawn(Probe, { thread: 2 });
      const back = (await far.ask('echo', { deep: [new Map([['ref', target]])] })) as { deep: [Map<string, ProbeRef>] };
      const ref = back.deep[0].get('ref') as ProbeRef;
      expect(ref.equals(target)).toBe(true);
      expect(ref).toMatchObject({ id: target.id, kind: 'probe' });
      expect(await ref.ask('add', 4)).toBe(4);
      expect(await far.ask('askOf', { ref, action: 'read' })).toBe(4);
    });

    test('a reference is stale once its agent has ended, also when another agent has the id', async () => {
      const id = freshId();
      const first = await nexus.spawn(Probe, { thread, id });
      const far = await nexus.spawn(Probe, { thread: 2 });
      await far.ask('keep', first);
      await first.stop();
      const second = await nexus.spawn(Probe, { thread, id });
      expect(first.equals(second)).toBe(false);
      expect(first.tell('add', 1)).toBe('noAgent');
      expect(await codeOf(first.ask('add', 1))).toBe('NEXUS_AGENT_NOT_FOUND');
      expect(await far.ask('codeOfAsk', { ref: first, action: 'add', input: 1 })).toBe('NEXUS_AGENT_NOT_FOUND');
      expect(await far.ask('tellTo', { ref: first, action: 'add', input: 1 })).toBe('noAgent');
      expect(await second.ask('read')).toBe(0);
    });

    test('a restarted agent keeps its reference', async () => {
      const probe = await nexus.spawn(Probe, { thread, id: freshId(), init: { start: 5 } });
      await probe.ask('add', 1);
      expect(await codeOf(probe.ask('fail'))).toBe('boom');
      expect(await probe.ask('read')).toBe(5);
      expect((nexus.find(probe.id) as ProbeRef).equals(probe)).toBe(true);
    });

    test('stop ends the agent behind the earlier messages of its caller', async () => {
      const probe = await nexus.spawn(Stopping, { thread });
      const asked = Array.from({ length: 100 }, (_, index) => probe.ask('echo', index));
      const stopped = probe.stop();
      const late = codeOf(probe.ask('echo', 'late'));
      expect(await Promise.all(asked)).toEqual(asked.map((_, index) => index));
      await stopped;
      expect(['NEXUS_AGENT_STOPPED', 'NEXUS_AGENT_NOT_FOUND']).toContain(await late);
    });

    test('stop from another agent is behind what that agent told before', async () => {
      const relay = await nexus.spawn(Probe, { thread: 2 });
      const desk = await nexus.spawn(Desk, { thread });
      const hooked = await nexus.spawn(Hooked, { thread, id: freshId() });
      await relay.ask('tellAndStop', { ref: hooked, count: 1000 });
      expect(await desk.ask('journal')).toContain(`stop ${hooked.id} stopped n=1000`);
    });

    test('stop of an agent that has ended resolves at once', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      await Promise.all([probe.stop(), probe.stop()]);
      await probe.stop();
    });

    test('stop rejects with NEXUS_STOP_TIMEOUT when a handler runs on', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      const desk = await nexus.spawn(Desk, { thread });
      const name = freshId('gate');
      probe.tell('hold', name);
      const failure = await failureOf(probe.stop({ timeoutMs: 30 }));
      expect(failure).toMatchObject({ name: 'NexusError', code: 'NEXUS_STOP_TIMEOUT' });
      // The stop stays asked for.
      desk.tell('open', name);
      await until(() => nexus.find(probe.id) === undefined);
    });

    test('an agent that calls ctx.stop ends when its handler has finished', async () => {
      const probe = await nexus.spawn(Probe, { thread });
      expect(await probe.ask('stopSelf')).toBe('stopping');
      expect(['NEXUS_AGENT_STOPPED', 'NEXUS_AGENT_NOT_FOUND']).toContain(await codeOf(probe.ask('log')));
      expect(nexus.find(probe.id)).toBeUndefined();
    });
  });

  test('findMany is find, for many ids in their order, on every thread', async () => {
    const prefix = freshId();
    const probes = await Promise.all(Array.from({ length: 150 }, (_, index) => nexus.spawn(Probe, { thread: index % 3, id: `${prefix}/${index}` })));
    // Every seventh is not there, and one is there twice.
    const ids = [...probes.map(({ id }, index) => (index % 7 === 0 ? `${id}/absent` : id)), `${prefix}/1`];
    const check = (found: readonly (ProbeRef | undefined)[]) => {
      expect(found.length).toBe(151);
      for (const [index, ref] of found.entries()) {
        if (index < 150 && index % 7 === 0) expect(ref, ids[index]).toBeUndefined();
        else expect([ref?.equals(probes[index % 149] as ProbeRef) || ref?.equals(probes[index] as ProbeRef), ref?.id]).toEqual([true, ids[index]]);
      }
    };
    check(nexus.findMany(ids, Probe));
    for (const thread of [0, 1, 2]) check((await (await nexus.spawn(Probe, { thread })).ask('findMany', ids)) as (ProbeRef | undefined)[]);
    expect(await nexus.findMany([`${prefix}/2`], Probe)[0]?.ask('add', 5)).toBe(5);
    expect(nexus.findMany([])).toEqual([]);
    expect(await codeOf(() => nexus.findMany([`${prefix}/absent`, `${prefix}/1`], Hooked))).toBe('NEXUS_KIND_MISMATCH');
    await Promise.all(probes.map((probe) => probe.stop()));
    expect(nexus.findMany(ids).every((ref) => ref === undefined)).toBe(true);
  });

  test('findMany refuses what is not a list of at most 65,536 ids', async () => {
    for (const ids of [
      undefined,
      'ids',
      { length: 1 },
      [1],
      ['a', undefined],
      ['a', ''],
      ['k'.repeat(1025)],
      Array.from({ length: 2 }),
      Array.from({ length: 65_537 }, () => 'k'),
    ])
      expect(await codeOf(() => nexus.findMany(ids as string[]))).toBe('NEXUS_OPTION_INVALID');
    expect(nexus.findMany(Array.from({ length: 65_536 }, (_, index) => `nobody/${index}`)).every((ref) => ref === undefined)).toBe(true);
  });

  test('ctx.tell and ctx.ask refuse what is not a reference', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1 });
    for (const ref of [undefined, null, 'an-id', { id: 'x' }]) {
      const told = await failureOf(probe.ask('tellTo', { ref, action: 'read' }));
      expect(told).toMatchObject({ code: 'NEXUS_OPTION_INVALID' });
      expect(await probe.ask('codeOfAsk', { ref, action: 'read' })).toBe('NEXUS_OPTION_INVALID');
    }
  });

  test('a reference prints as its kind and id', async () => {
    const probe = await nexus.spawn(Probe, { thread: 1, id: 'printed' });
    expect(String(probe)).toBe("AgentRef(probe 'printed')");
    expect(inspect(probe)).toBe("AgentRef(probe 'printed')");
    expect(JSON.stringify(probe)).toBe('{"kind":"probe","id":"printed"}');
    await probe.stop();
  });

  test('a reference of another nexus cannot be sent', async () => {
    const other = await createNexus({ agents: [fixture('probe.mjs')], threads: 0, engine: { force: engine }, logger: recorder() });
    const stranger = await other.spawn(Probe);
    const probe = await nexus.spawn(Probe, { thread: 1 });
    expect(await codeOf(probe.ask('echo', stranger))).toBe('NEXUS_NOT_CLONEABLE');
    await other.stop();
  });
});

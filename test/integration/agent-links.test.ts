/** Agents that fail together. */
import { type AgentRef, createNexus, defineAgent, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Ending, Worker } from '../fixtures/tree.mjs';
import { codeOf, describeEngines, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type Any = AgentRef<typeof Worker>;

describeEngines((engine) => {
  let nexus: Nexus;
  const failures: { readonly id: string; readonly error: unknown }[] = [];

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('tree.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
    nexus.on('agentFailed', (failure) => failures.push(failure as (typeof failures)[number]));
  });
  afterAll(() => nexus.stop());

  const failuresOf = (agent: AgentRef) => failures.filter(({ id }) => id === agent.id).map(({ error }) => error);

  describe.each([
    { place: 'on the same thread', thread: 1 },
    { place: 'on different threads', thread: 2 },
    { place: 'with one on the calling thread', thread: 0 },
  ])('$place', ({ thread }) => {
    const pair = async (): Promise<{ one: Any; other: Any }> => {
      const one = await nexus.spawn(Ending, { thread: 1, id: freshId('one') });
      const other = await nexus.spawn(Ending, { thread, id: freshId('other') });
      await one.ask('link', other);
      // The link is there when the other has seen it.
      await other.ask('read');
      return { one, other };
    };

    test.each(['one', 'other'] as const)('when %s of two linked agents fails the other fails with NEXUS_LINK_FAILED', async (who) => {
      const both = await pair();
      const survivor = who === 'one' ? both.other : both.one;
      await codeOf(both[who].ask('fail'));
      await until(() => nexus.find(both.one.id) === undefined && nexus.find(both.other.id) === undefined);
      await until(() => failuresOf(survivor).length > 0);
      expect(failuresOf(survivor)).toMatchObject([
        { code: 'NEXUS_LINK_FAILED', message: expect.stringMatching(/^tree-ending 'o.*', which this agent is linked to, has failed: boom$/) },
      ]);
    });

    test.each(['one', 'other'] as const)('a normal end of %s of two linked agents leaves the other alone', async (who) => {
      const both = await pair();
      const survivor = who === 'one' ? both.other : both.one;
      await both[who].stop();
      await survivor.ask('add', 1);
      expect(await survivor.ask('add', 1)).toBe(2);
      expect(failuresOf(survivor)).toEqual([]);
    });

    test('a link that was taken back does nothing', async () => {
      const { one, other } = await pair();
      await one.ask('unlink', other);
      await other.ask('read');
      await codeOf(other.ask('fail'));
      await until(() => nexus.find(other.id) === undefined);
      expect(await one.ask('add', 1)).toBe(1);
      expect(failuresOf(one)).toEqual([]);
    });

    test('restarts of either change nothing: the link lasts until one of the two ends', async () => {
      const one = await nexus.spawn(Worker, { thread: 1, id: freshId('one') });
      const other = await nexus.spawn(Worker, { thread, id: freshId('other') });
      const third = await nexus.spawn(Ending, { thread, id: freshId('third') });
      await one.ask('link', other);
      await one.ask('link', third);
      await codeOf(other.ask('fail'));
      await codeOf(one.ask('fail'));
      await one.ask('add', 5);
      expect(failuresOf(one)).toHaveLength(1);
      await codeOf(third.ask('fail'));
      await until(() => failuresOf(one).length === 2);
      expect(failuresOf(one)[1]).toMatchObject({ code: 'NEXUS_LINK_FAILED' });
      // Its own supervision has restarted it, and it lives on.
      expect(await one.ask('read')).toBe(0);
    });

    test('a link to an agent that has ended already is a failure at once', async () => {
      const one = await nexus.spawn(Ending, { thread: 1, id: freshId('one') });
      const other = await nexus.spawn(Ending, { thread, id: freshId('other') });
      await other.stop();
      await codeOf(one.ask('link', other));
      await until(() => nexus.find(one.id) === undefined);
      expect(failuresOf(one)).toMatchObject([{ code: 'NEXUS_LINK_FAILED', message: expect.stringContaining('had ended already') }]);
    });
  });

  test('a link survives the loss and the return of a thread', async () => {
    const other = await startNexus({ agents: [fixture('tree.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
    const one = await other.spawn(Ending, { thread: 1, id: 'one' });
    const two = await other.spawn(Ending, { thread: 2, id: 'two' });
    await one.ask('link', two);
    two.tell('die');
    await until(() => other.threads()[2]?.incarnation === 1 && other.threads()[2]?.state === 'ready');
    await until(async () => (await codeOf(two.ask('read'))) === undefined);
    expect(other.find('one')).toBeDefined();
    await codeOf(one.ask('fail'));
    await until(() => other.find('two') === undefined);
  });

  test('a link to an agent whose thread is given up is a failure', async () => {
    const other = await startNexus({
      agents: [fixture('tree.mjs')],
      threads: 2,
      engine: { force: engine },
      logger: recorder(),
      workers: { restart: { intensity: 0 } },
    });
    const seen: unknown[] = [];
    other.on('agentFailed', ({ error }) => seen.push(error));
    const one = await other.spawn(Ending, { thread: 1, id: 'one' });
    const two = await other.spawn(Ending, { thread: 2, id: 'two' });
    await one.ask('link', two);
    two.tell('die');
    await until(() => other.find('one') === undefined);
    await until(() => seen.length > 0);
    expect(seen).toMatchObject([{ code: 'NEXUS_LINK_FAILED', message: expect.stringContaining('was given up') }]);
  });

  test('agents that are linked in a row fail one after the other, however many there are', async () => {
    const kind = defineAgent({
      kind: 'in a row',
      state: () => ({}),
      supervision: { onFailure: 'stop' },
      actions: {
        link: (_state, before: AgentRef, ctx) => ctx.link(before),
        fail: () => {
          throw new Error('boom');
        },
      },
    });
    const alone = await startNexus({ agents: [kind], threads: 0, engine: { force: engine } });
    const first = await alone.spawn(kind);
    let last = first;
    for (let number = 1; number < 20_000; number++) {
      const agent = await alone.spawn(kind);
      await agent.ask('link', last);
      last = agent;
    }
    const codes: unknown[] = [];
    alone.on('agentFailed', ({ id, error }) => void (id === last.id && codes.push((error as { code?: string }).code)));
    expect(await codeOf(first.ask('fail'))).toBe('boom');
    await until(() => alone.agentCount === 0);
    expect(codes).toEqual(['NEXUS_LINK_FAILED']);
  }, 60_000);
});

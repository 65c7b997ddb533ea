/** The orderly end of trees, and what one sees of them. */
import { type AgentNode, type AgentRef, type ChildSummary, createNexus, type ProcessNode } from 'nexus-agents';
import { expect, test } from 'vitest';
import { Log, OneForOne, Worker } from '../fixtures/tree.mjs';
import { codeOf, describeEngines, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type Any = AgentRef<typeof Worker>;

describeEngines((engine) => {
  const start = async (threads: number) => {
    const logger = recorder();
    const nexus = await startNexus({ agents: [fixture('tree.mjs')], threads, engine: { force: engine }, logger });
    const log = await nexus.spawn(Log, { id: 'log', thread: 0 });
    return { nexus, logger, log, find: (id: string): Any => nexus.find(id) as unknown as Any };
  };
  const child = (id: string, thread: number, init: object = {}, more: object = {}) => ({ id, agent: 'worker', thread, init: { log: 'log', ...init }, ...more });

  test.each([0, 2])('the end of a nexus with %i workers ends trees from the leaves, in reverse order', async (threads) => {
    const nexus = await createNexus({ agents: [fixture('tree.mjs')], threads, engine: { force: engine }, logger: recorder() });
    const ends: string[] = [];
    nexus.on('signal', ({ data }) => ends.push(data as string));
    const place = (thread: number) => thread % (threads + 1);
    const leaf = (id: string, thread: number) => ({ id, agent: 'tree-saying', thread: place(thread) });
    const inner = (id: string, thread: number, children: object[]) => ({ id, agent: 'one-for-one', thread: place(thread), init: children });
    const init = [
      leaf('a', 1),
      inner('b', 2, [leaf('b1', 0), leaf('b2', 1)]),
      inner('c', 0, [inner('c1', 1, [leaf('c11', 2), leaf('c12', 0)]), leaf('c2', 2)]),
      leaf('d', 2),
    ];
    await nexus.spawn(OneForOne, { id: 'top', thread: place(1), init });
    const { complete } = await nexus.stop();
    expect(complete).toBe(true);
    // News of different threads may overtake each other on the way to the listener: the time of each says the order.
    expect(
      ends
        .map((end) => end.split(' ') as [string, string])
        .sort(([, one], [, other]) => Number(one) - Number(other))
        .map(([id]) => id),
    ).toEqual(['d', 'c2', 'c12', 'c11', 'b2', 'b1', 'a']);
  });

  test('a child that does not end within its shutdownTimeoutMs is given up, named in the log, and does not hold the others up', async () => {
    const { nexus, logger, log } = await start(2);
    const init = [
      child('a', 1),
      child('slow', 2, { stopNever: true }, { shutdownTimeoutMs: 50 }),
      child('stuck', 1, {}, { shutdownTimeoutMs: 50 }),
      child('b', 2),
    ];
    const supervisor = await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init });
    (nexus.find('stuck') as unknown as Any).tell('never');
    await log.ask('take');
    await supervisor.stop();
    // The one whose handler never ends is given up without more ado; its stop hook has no time any more.
    expect((await log.ask('read')).filter((line) => !line.includes('stuck'))).toEqual(['stop b stopped', 'stop a stopped']);
    expect([...nexus.agents()].map(({ id }) => id)).toEqual(['log']);
    await until(() => logger.lines.filter(({ message }) => message.startsWith('a child did not end within')).length === 2);
    expect(logger.lines.filter(({ message }) => message.startsWith('a child did not end within')).map(({ data }) => data['child'])).toEqual(['stuck', 'slow']);
  });

  test.each([1, 2])('a child on thread %i that fails while its end waits for a handler comes to its end', async (thread) => {
    const { nexus, find } = await start(2);
    const supervisor = await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('a', thread, {}, { shutdownTimeoutMs: 60_000 })] });
    const failed = codeOf(find('a').ask('failLater', 200));
    await supervisor.stop();
    expect(await failed).toBe('late');
    expect(nexus.find('a')).toBeUndefined();
  });

  test('a child whose thread is blocked does not hold the end of its siblings up', async () => {
    const { nexus, logger, log, find } = await start(2);
    const init = [child('a', 1), child('blocked', 2, {}, { shutdownTimeoutMs: 50 })];
    const supervisor = await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init });
    await log.ask('take');
    find('blocked').tell('block', 3000);
    await supervisor.stop();
    expect(await log.ask('read')).toEqual(['stop a stopped']);
    await until(() => logger.lines.some(({ message, data }) => message.startsWith('the thread of a child did not say') && data['child'] === 'blocked'));
  });

  test('the deadline of stop holds also for trees that do not end', async () => {
    const nexus = await createNexus({ agents: [fixture('tree.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
    const init = [child('a', 1, { stopNever: true }), child('b', 2, { stopNever: true })];
    await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init });
    const from = performance.now();
    expect((await nexus.stop({ deadlineMs: 300 })).complete).toBe(false);
    expect(performance.now() - from).toBeLessThan(4000);
  });

  const shape = (node: AgentNode): unknown => [node.id, node.kind, node.status, node.restarts, node.policy?.strategy, node.children.map(shape)];
  const plain = (tree: ProcessNode): ProcessNode => {
    expect(structuredClone(tree)).toEqual(tree);
    return tree;
  };

  test('supervisionTree shows process, threads, supervisors and children of all threads as a plain value', async () => {
    const { nexus, find } = await start(2);
    const inner = { id: 'inner', agent: 'one-for-all', thread: 2, restart: 'transient', init: [child('x', 1), child('y', 0)] };
    await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('a', 2), inner] });
    await find('a').ask('spawn', { kind: 'worker', id: 'grandchild', thread: 1 });
    await codeOf(find('x').ask('fail'));
    await find('x').ask('read');
    const isReady = async (): Promise<boolean> =>
      (await find('inner').ask('children')).every(({ status, restarts }: ChildSummary) => status === 'running' && restarts === 1);
    await until(isReady);
    const tree = plain(await nexus.supervisionTree());
    expect(tree).toMatchObject({ type: 'process', policy: { strategy: 'oneForOne', intensity: 10, periodMs: 10_000 } });
    expect(tree.threads.map(({ id, status, restarts }) => [id, status, restarts])).toEqual([0, 1, 2].map((thread) => [`thread ${thread}`, 'ready', 0]));
    expect(tree.threads.map(({ agents }) => agents.map(shape))).toEqual([
      [['log', 'tree-log', 'ready', 0, undefined, []]],
      [
        [
          'sup',
          'one-for-one',
          'ready',
          0,
          'oneForOne',
          [
            ['a', 'worker', 'ready', 0, undefined, [['grandchild', 'worker', 'ready', 0, undefined, []]]],
            [
              'inner',
              'one-for-all',
              'ready',
              0,
              'oneForAll',
              [
                ['x', 'worker', 'ready', 1, undefined, []],
                ['y', 'worker', 'ready', 1, undefined, []],
              ],
            ],
          ],
        ],
      ],
      [],
    ]);
    expect(tree.threads[1]?.agents[0]?.children[1]).toMatchObject({ restart: 'transient', thread: 2, policy: { intensity: 1000, periodMs: 60_000 } });
  });

  test('supervisionTree has limits of depth and number, says what it left out, and shows supervisors first', async () => {
    const { nexus } = await start(1);
    for (let index = 0; index < 20; index++) await nexus.spawn(Worker, { id: `w${index}`, thread: 1 });
    await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: Array.from({ length: 8 }, (_, index) => child(`c${index}`, index % 2)) });
    const tree = plain(await nexus.supervisionTree({ agentsMax: 5 }));
    expect(tree.threads[1]?.agents.map(({ id }) => id)[0]).toBe('sup');
    expect(tree.threads[1]).toMatchObject({ omitted: 16, agents: { length: 5 } });
    expect(tree.threads[1]?.agents[0]).toMatchObject({ omitted: 3, children: [{ id: 'c0' }, { id: 'c1' }, { id: 'c2' }, { id: 'c3' }, { id: 'c4' }] });
    const flat = await nexus.supervisionTree({ depthMax: 1 });
    expect(flat.threads[1]?.agents[0]).toMatchObject({ id: 'sup', omitted: 8, children: [] });
    expect(await codeOf(nexus.supervisionTree({ depthMax: 0 }))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.supervisionTree({ agentMax: 1 } as never))).toBe('NEXUS_OPTION_UNKNOWN');
  });

  test('supervisionTree shows children that wait and that are absent, and threads that were replaced', async () => {
    const { nexus, find } = await start(1);
    await nexus.spawn({ kind: 'tree-patient' } as typeof Worker, {
      id: 'sup',
      thread: 0,
      init: [child('a', 0), child('b', 0, {}, { restart: 'transient' }), child('die', 1, {}, { restart: 'temporary' })],
    });
    await codeOf(find('a').ask('fail'));
    await find('b').stop();
    find('die').tell('die');
    await until(() => nexus.threads()[1]?.incarnation === 1 && nexus.threads()[1]?.state === 'ready');
    // The temporary one was dropped.
    await until(async () => ((await find('sup').ask('children')) as unknown[]).length === 2);
    const tree = plain(await nexus.supervisionTree());
    expect(tree.threads[1]).toMatchObject({ restarts: 1, status: 'ready' });
    const sup = tree.threads[0]?.agents.find(({ id }) => id === 'sup');
    expect(sup?.children.map(({ id, status }) => [id, status])).toEqual([
      ['a', 'waiting'],
      ['b', 'absent'],
    ]);
  });
});

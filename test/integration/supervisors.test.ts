/** Supervisors and their children on any thread: what follows a failure, a normal end, too many failures, and what one can ask a supervisor for. */
import { type AgentRef, type ChildSummary, createNexus, defineSupervisor, type Nexus } from 'nexus-agents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cyclic, Log, OneForAll, OneForOne, RestForOne, Strict, type Worker } from '../fixtures/tree.mjs';
import { codeOf, describeEngines, failureOf, fixture, freshId, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type Any = AgentRef<typeof Worker>;

describeEngines((engine) => {
  let nexus: Nexus;

  beforeAll(async () => {
    nexus = await createNexus({ agents: [fixture('tree.mjs')], threads: 2, engine: { force: engine }, logger: recorder() });
  });
  afterAll(() => nexus.stop());

  const find = (id: string): Any => nexus.find(id, undefined) as unknown as Any;
  const childrenOf = async (supervisor: AgentRef): Promise<string[]> =>
    ((await (supervisor as Any).ask('children')) as ChildSummary[]).map(({ id, status }) => `${id.split('/')[1]} ${status}`);

  /** A supervisor on thread 1 with the children a, b and c on the threads 1, 2 and 0, and the log of what happens. */
  async function family(kind: { kind: string }, more: { [child: string]: object } = {}, init: object = {}) {
    const id = freshId('sup');
    const log = await nexus.spawn(Log, { id: `${id}-log`, thread: 0 });
    const child = (name: string, thread: number) => {
      const { init: own, ...rest } = (more[name] ?? {}) as { init?: object };
      return { id: `${id}/${name}`, agent: 'worker', thread, init: { log: log.id, ...init, ...own }, ...rest };
    };
    const supervisor = (await nexus.spawn(kind as typeof Worker, { id, thread: 1, init: [child('a', 1), child('b', 2), child('c', 0)] })) as Any;
    const take = async (count: number): Promise<string[]> => {
      await until(async () => (await log.ask('read')).length >= count);
      return (await log.ask('take')).map((line) => line.replace(`${id}/`, ''));
    };
    expect(await take(3)).toEqual(['start a', 'start b', 'start c']);
    return { id, log, supervisor, child, take, agent: (name: string): Any => find(`${id}/${name}`), status: () => childrenOf(supervisor) };
  }

  test('children start in order, each when the one before is ready, and end in reverse order', async () => {
    const { supervisor, take } = await family(OneForOne, { a: { init: { startMs: 30, stopMs: 1 } }, c: { init: { stopMs: 30 } } });
    await supervisor.stop();
    expect(await take(3)).toEqual(['stop c stopped', 'stop b stopped', 'stop a stopped']);
  });

  describe.each(['a', 'b', 'c'])('the failure of child %s, on a thread of its own', (name) => {
    test('oneForOne starts that child again in place, and leaves the others alone', async () => {
      const { agent, take } = await family(OneForOne);
      const before = agent(name);
      const others = ['a', 'b', 'c'].filter((other) => other !== name);
      for (const other of others) await agent(other).ask('add', 7);
      await before.ask('add', 5);
      expect(await codeOf(before.ask('fail'))).toBe('boom');
      expect(await take(2)).toEqual([`stop ${name} restart`, `start ${name}`]);
      expect(await before.ask('read')).toBe(0);
      expect(agent(name).equals(before)).toBe(true);
      for (const other of others) expect(await agent(other).ask('read')).toBe(7);
    });

    test('oneForAll ends all children in reverse order and starts them in order, each in place', async () => {
      const { agent, take } = await family(OneForAll);
      const before = ['a', 'b', 'c'].map(agent);
      for (const each of before) await each.ask('add', 5);
      await codeOf(agent(name).ask('fail'));
      const others = ['c', 'b', 'a'].filter((other) => other !== name);
      const ends = [name, ...others].map((each) => `stop ${each} restart`);
      expect(await take(6)).toEqual([...ends, 'start a', 'start b', 'start c']);
      for (const each of before) expect(await each.ask('read')).toBe(0);
    });

    test('restForOne ends that child and those after it, and leaves those before it alone', async () => {
      const { agent, take } = await family(RestForOne);
      const before = ['a', 'b', 'c'].map(agent);
      for (const each of before) await each.ask('add', 5);
      await codeOf(agent(name).ask('fail'));
      const rest = ['a', 'b', 'c'].slice(['a', 'b', 'c'].indexOf(name));
      const ends = [name, ...rest.filter((other) => other !== name).reverse()].map((each) => `stop ${each} restart`);
      expect(await take(rest.length * 2)).toEqual([...ends, ...rest.map((each) => `start ${each}`)]);
      for (const [index, each] of before.entries()) expect(await each.ask('read')).toBe(index < 3 - rest.length ? 5 : 0);
    });

    test('messages that wait for a child of a supervisor are handled after its restart, in order', async () => {
      const { agent } = await family(OneForAll);
      for (const target of [agent(name), agent(name === 'b' ? 'c' : 'b')]) {
        agent(name).tell('fail');
        const sums = Array.from({ length: 20 }, (_, index) => target.ask('add', index + 1, { timeoutMs: 20_000 }));
        const seen = (await Promise.all(sums)) as number[];
        // However many of them came before the restart, those after it begin anew, and none is lost.
        const restarted = seen.findIndex((sum, index) => index > 0 && sum < (seen[index - 1] as number));
        const from = restarted < 0 ? 0 : restarted;
        expect(seen.slice(from).at(-1)).toBe(Array.from({ length: 20 - from }, (_, index) => from + index + 1).reduce((sum, each) => sum + each, 0));
      }
    });

    test.each(['ctx.stop', 'ref.stop'])('a normal end with %s is followed by a new start of a permanent child only', async (how) => {
      const { agent, take, status } = await family(OneForOne, { a: { restart: 'permanent' }, b: { restart: 'transient' }, c: { restart: 'temporary' } });
      const before = agent(name);
      if (how === 'ctx.stop') await before.ask('stopSelf');
      else await before.stop();
      if (name === 'a') {
        expect(await take(2)).toEqual(['stop a stopped', 'start a']);
        // Another agent by the same id.
        await until(() => agent(name) !== undefined);
        expect(agent(name).equals(before)).toBe(false);
        await until(async () => (await status()).join() === 'a running,b running,c running');
      } else {
        expect(await take(1)).toEqual([`stop ${name} stopped`]);
        await until(() => agent(name) === undefined);
        const expected = name === 'b' ? ['a running', 'b absent', 'c running'] : ['a running', 'b running'];
        await until(async () => (await status()).join() === expected.join());
      }
    });

    test('a failure is followed by a new start of permanent and transient children, not of temporary ones', async () => {
      const { agent, take, status } = await family(OneForOne, { a: { restart: 'permanent' }, b: { restart: 'transient' }, c: { restart: 'temporary' } });
      await codeOf(agent(name).ask('fail'));
      if (name !== 'c') expect(await take(2)).toEqual([`stop ${name} restart`, `start ${name}`]);
      else await until(async () => (await status()).join() === 'a running,b running');
      expect(agent('c') === undefined).toBe(name === 'c');
    });

    test('a child whose own policy is stop ends, and is started anew', async () => {
      const { agent, take } = await family(OneForOne, { [name]: { agent: 'tree-ending' } });
      const before = agent(name);
      await codeOf(before.ask('fail'));
      expect(await take(2)).toEqual([`stop ${name} failed`, `start ${name}`]);
      await until(() => agent(name) !== undefined);
      expect(agent(name).equals(before)).toBe(false);
    });

    test('a child whose own policy is resume keeps its state, and its supervisor does nothing', async () => {
      const { agent, log } = await family(OneForAll, { [name]: { agent: 'tree-resuming' } });
      await agent(name).ask('add', 5);
      await codeOf(agent(name).ask('fail'));
      expect(await agent(name).ask('add', 1)).toBe(6);
      expect(await log.ask('read')).toEqual([]);
    });
  });

  test('a child that escalates makes its supervisor fail, which its own supervisor treats as the failure of a child', async () => {
    const id = freshId('top');
    const escalating = { id: `${id}/x`, agent: 'tree-escalating', thread: 0 };
    const inner = { id: `${id}/inner`, agent: 'one-for-one', thread: 2, init: [escalating, { id: `${id}/y`, agent: 'worker', thread: 1 }] };
    const top = (await nexus.spawn(OneForOne, { id, thread: 1, init: [inner] })) as Any;
    const before = { inner: find(`${id}/inner`), y: find(`${id}/y`) };
    await codeOf(find(`${id}/x`).ask('fail'));
    await until(() => find(`${id}/y`)?.equals(before.y) === false);
    // In place, with new children.
    expect(find(`${id}/inner`).equals(before.inner)).toBe(true);
    await top.stop();
  });

  test('a supervisor that restarts too often ends its children in reverse order and fails with NEXUS_INTENSITY_EXCEEDED, which its own supervisor treats as the failure of a child', async () => {
    const id = freshId('top');
    const log = await nexus.spawn(Log, { id: `${id}-log`, thread: 0 });
    const workers = ['a', 'b'].map((name, index) => ({ id: `${id}/${name}`, agent: 'worker', thread: index, init: { log: log.id } }));
    const failures: unknown[] = [];
    const listen = (failure: { id: string; error: unknown }) => void (failure.id === `${id}/strict` && failures.push(failure.error));
    nexus.on('agentFailed', listen);
    const top = (await nexus.spawn(OneForOne, { id, thread: 1, init: [{ id: `${id}/strict`, agent: 'strict', thread: 2, init: workers }] })) as Any;
    for (let count = 0; count < 3; count++) await codeOf(find(`${id}/a`).ask('fail'));
    await until(async () => (await log.ask('read')).length >= 10);
    const lines = (await log.ask('take')).map((line) => line.replace(`${id}/`, ''));
    expect(lines.slice(-4)).toEqual(['stop a restart', 'stop b stopped', 'start a', 'start b']);
    expect(failures).toMatchObject([
      { code: 'NEXUS_INTENSITY_EXCEEDED', message: expect.stringMatching(/has restarted its children 2 times within 60000 ms.*: boom$/) },
    ]);
    await until(async () => (await childrenOf(top)).join() === 'strict running');
    nexus.off('agentFailed', listen);
    await top.stop();
  });

  test('a child whose start fails whenever it is started again is stopped by the intensity of its supervisor', async () => {
    const id = freshId('storm');
    const other = await startNexus({ agents: [fixture('tree.mjs')], threads: 1, engine: { force: engine } });
    const escalated: unknown[] = [];
    other.on('escalated', ({ error }) => escalated.push(error));
    let starts = 0;
    other.on('agentFailed', (failure) => {
      if (failure.id === `${id}/a`) starts++;
    });
    await other.spawn(Strict, { id, thread: 0, init: [{ id: `${id}/a`, agent: 'worker', thread: 1 }] });
    const agent = other.find(`${id}/a`) as unknown as Any;
    await agent.ask('failNextStarts', 1_000_000);
    await codeOf(agent.ask('fail'));
    await until(() => escalated.length > 0);
    // The failure, and as many starts as the intensity allows.
    expect(starts).toBe(3);
    expect(escalated).toMatchObject([{ code: 'NEXUS_INTENSITY_EXCEEDED' }]);
    await until(() => other.find(id) === undefined && other.find(`${id}/a`) === undefined);
  });

  test('a supervisor one of whose children does not start is not started, and those before it end', async () => {
    const id = freshId('sup');
    const log = await nexus.spawn(Log, { id: `${id}-log`, thread: 0 });
    const init = [
      { id: `${id}/a`, agent: 'worker', thread: 1, init: { log: log.id } },
      { id: `${id}/b`, agent: 'worker', thread: 2, init: { failsAlways: true } },
      { id: `${id}/c`, agent: 'worker', thread: 0, init: { log: log.id } },
    ];
    const failure = await failureOf(nexus.spawn(OneForOne, { id, thread: 1, init }));
    expect(failure).toMatchObject({ code: 'NEXUS_START_FAILED' });
    expect(failure?.message).toContain(`start ${id}/b always fails`);
    expect(await log.ask('read')).toEqual([`start ${id}/a`, `stop ${id}/a stopped`]);
    expect([...nexus.agents()].filter((agent) => agent.id.startsWith(`${id}/`))).toEqual([]);
  });

  test('a supervisor on a worker without one above it that fails ends its thread, and comes back with it', async () => {
    const other = await startNexus({ agents: [fixture('tree.mjs')], threads: 2, engine: { force: engine } });
    const lost: unknown[] = [];
    other.on('threadLost', ({ error }) => lost.push((error as { cause?: unknown }).cause));
    const children = [{ id: 'x', agent: 'worker', thread: 2 }];
    await other.spawn(Strict, { id: 'strict', thread: 1, init: children });
    const before = other.find('x') as AgentRef;
    for (let count = 0; count < 3; count++) await codeOf((other.find('x') as unknown as Any).ask('fail'));
    await until(() => lost.length === 1 && other.find('x')?.equals(before) === false);
    expect(lost).toMatchObject([{ code: 'NEXUS_INTENSITY_EXCEEDED' }]);
    await until(async () => (await codeOf((other.find('x') as unknown as Any)?.ask('read') ?? Promise.reject(new Error('gone')))) === undefined);
    expect(await childrenOf(other.find('strict') as AgentRef)).toHaveLength(1);
  });

  test('children can be listed, started, terminated, started again and deleted', async () => {
    const { id, supervisor, child, take, status, agent } = await family(OneForOne);
    const started = (await supervisor.ask('startChild', child('d', 2))) as unknown as Any;
    expect(started.equals(agent('d'))).toBe(true);
    expect(await status()).toEqual(['a running', 'b running', 'c running', 'd running']);
    expect(await codeOf(supervisor.ask('startChild', child('d', 2)))).toBe('NEXUS_ID_DUPLICATE');
    expect(await codeOf(supervisor.ask('restartChild', `${id}/b`))).toBe('NEXUS_CHILD_RUNNING');
    expect(await codeOf(supervisor.ask('deleteChild', `${id}/b`))).toBe('NEXUS_CHILD_RUNNING');
    expect(await codeOf(supervisor.ask('terminateChild', 'nobody'))).toBe('NEXUS_CHILD_UNKNOWN');
    await supervisor.ask('terminateChild', `${id}/b`);
    expect(agent('b')).toBeUndefined();
    expect(await status()).toEqual(['a running', 'b absent', 'c running', 'd running']);
    const again = (await supervisor.ask('restartChild', `${id}/b`)) as unknown as Any;
    expect(await again.ask('where')).toBe(2);
    await supervisor.ask('terminateChild', `${id}/b`);
    await supervisor.ask('deleteChild', `${id}/b`);
    expect(await status()).toEqual(['a running', 'c running', 'd running']);
    const [first] = (await supervisor.ask('children')) as unknown as ChildSummary[];
    expect(first).toMatchObject({ id: `${id}/a`, kind: 'worker', restart: 'permanent', restarts: 0 });
    expect(first?.ref?.equals(agent('a'))).toBe(true);
    // A mistake of who asks is no failure of the supervisor.
    expect(await codeOf(supervisor.ask('startChild', { id: `${id}/e` }))).toBe('NEXUS_DEFINITION_INVALID');
    expect(await codeOf(supervisor.ask('startChild', { id: `${id}/e`, agent: 'nothing' }))).toBe('NEXUS_KIND_UNKNOWN');
    expect(await status()).toEqual(['a running', 'c running', 'd running']);
    expect(await take(4)).toEqual(['start d', 'stop b stopped', 'start b', 'stop b stopped']);
  });

  test('a child that waits for its back-off keeps its messages, holds nobody else up, and can be terminated', async () => {
    const id = freshId('sup');
    const workers = ['a', 'b'].map((name) => ({ id: `${id}/${name}`, agent: 'worker', thread: 2 }));
    const supervisor = (await nexus.spawn({ kind: 'tree-patient' } as typeof Worker, { id, thread: 1, init: workers })) as Any;
    await codeOf(find(`${id}/a`).ask('fail'));
    await until(async () => (await childrenOf(supervisor)).includes('a waiting'));
    const waiting = codeOf(find(`${id}/a`).ask('read', undefined, { timeoutMs: 20_000 }));
    await codeOf(find(`${id}/b`).ask('fail'));
    await until(async () => (await childrenOf(supervisor)).join() === 'a waiting,b waiting');
    await supervisor.ask('terminateChild', `${id}/a`);
    expect(await waiting).toBe('NEXUS_AGENT_STOPPED');
    await supervisor.stop();
    expect(find(`${id}/b`)).toBeUndefined();
  });

  describe('bad input', () => {
    test.each([
      ['no children', { kind: 'x', strategy: 'oneForOne' }, /'x' needs children/],
      [
        'a strategy that is none',
        { kind: 'x', strategy: 'allForOne', children: () => [] },
        /strategy of 'x' is 'allForOne'.* It must be oneForOne, oneForAll, restForOne/,
      ],
      ['an unknown field', { kind: 'x', strategy: 'oneForOne', children: () => [], stragety: 1 }, /unknown field 'stragety'/],
      ['an intensity below 0', { kind: 'x', strategy: 'oneForOne', children: () => [], intensity: -1 }, /supervision.intensity of 'x' is -1/],
      ['a period of 0', { kind: 'x', strategy: 'oneForOne', children: () => [], periodMs: 0 }, /supervision.periodMs of 'x' is 0/],
      ['no kind', { strategy: 'oneForOne', children: () => [] }, /kind must be a string/],
    ])('a supervisor with %s is refused', async (_what, specification, message) => {
      const failure = await failureOf(() => defineSupervisor(specification as never));
      expect(failure).toMatchObject({ name: 'TypeError', code: 'NEXUS_DEFINITION_INVALID' });
      expect(failure?.message).toMatch(message);
    });

    test.each([
      [
        'the same id twice',
        [
          { id: 'dup', agent: 'worker' },
          { id: 'dup', agent: 'worker' },
        ],
        /two children with the id 'dup'/,
      ],
      ['no id', [{ agent: 'worker' }], /needs an id/],
      ['no agent', [{ id: 'x' }], /child 'x' of 'one-for-one' needs agent/],
      ['an unknown kind', [{ id: 'x', agent: 'wurker' }], /kind 'wurker' is not registered/],
      ['an unknown restart', [{ id: 'x', agent: 'worker', restart: 'always' }], /restart of child 'x' of 'one-for-one' is 'always'/],
      ['an unknown field', [{ id: 'x', agent: 'worker', shutdown: 1 }], /unknown field 'shutdown'/],
      ['a thread that is none', [{ id: 'x', agent: 'worker', thread: 'here' }], /thread of child 'x'/],
      ['a thread there is not', [{ id: 'x', agent: 'worker', thread: 99 }], /99 is not a thread/],
      ['a shutdown time of 0', [{ id: 'x', agent: 'worker', shutdownTimeoutMs: 0 }], /shutdownTimeoutMs of child 'x' of 'one-for-one' is 0/],
      ['something else than a list', { id: 'x' }, /must return a list, not object/],
      ['too many', Array.from({ length: 10_001 }, (_, index) => ({ id: `x${index}`, agent: 'worker' })), /has 10001 children; a supervisor has at most 10000/],
    ])('a supervisor whose children have %s is not started', async (_what, init, message) => {
      const failure = await failureOf(nexus.spawn(OneForOne, { id: freshId('bad'), thread: 0, init }));
      expect(failure).toMatchObject({ code: 'NEXUS_START_FAILED' });
      expect(failure?.message).toMatch(message);
      expect(nexus.find('x') ?? nexus.find('dup')).toBeUndefined();
    });

    test('a supervisor that would be a child of itself is found, and named with the chain', async () => {
      const id = freshId('cycle');
      const failure = await failureOf(nexus.spawn(Cyclic, { id: freshId('top'), init: { id } }));
      expect(failure).toMatchObject({ code: 'NEXUS_SUPERVISION_CYCLE' });
      expect(failure?.message).toContain(`'${id}' (cyclic) → '${id}' (cyclic)`);
      await until(() => nexus.find(id) === undefined);
    });

    test('supervisors that lead to others for ever are stopped at a depth of 64', async () => {
      const failure = await failureOf(nexus.spawn(Cyclic, { id: freshId('deep'), init: { level: 0 } }));
      expect(failure).toMatchObject({ code: 'NEXUS_SUPERVISION_CYCLE' });
      expect(failure?.message).toContain('nested more than 64 deep');
      await until(() => [...nexus.agents('cyclic')].length === 0);
    });
  });
});

/** Supervisors and their children when threads are lost. */
import type { AgentRef, ChildSummary, Nexus } from 'nexus-agents';
import { expect, test } from 'vitest';
import { Log, type OneForAll, OneForOne, Worker } from '../fixtures/tree.mjs';
import { codeOf, describeEngines, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

type Any = AgentRef<typeof Worker>;

describeEngines((engine) => {
  async function start(options: object = {}) {
    const nexus = await startNexus({ agents: [fixture('tree.mjs')], threads: 3, engine: { force: engine }, logger: recorder(), ...options });
    const log = await nexus.spawn(Log, { id: 'log', thread: 0 });
    for (const thread of [1, 2, 3]) await nexus.spawn(Worker, { id: `killer ${thread}`, thread });
    const find = (id: string): Any => nexus.find(id) as unknown as Any;
    const kill = (thread: number): void => void find(`killer ${thread}`).tell('die');
    const child = (id: string, thread: number | 'auto', more: object = {}) => ({ id, agent: 'worker', thread, init: { log: 'log' }, ...more });
    const lines = async (count: number): Promise<string[]> => {
      await until(async () => (await log.ask('read')).length >= count);
      return log.ask('take');
    };
    return { nexus, log, find, kill, child, lines };
  }
  const statusOf = async (supervisor: AgentRef | undefined): Promise<string> => {
    const children = (await (supervisor as unknown as Any)?.ask('children').catch(() => [])) as ChildSummary[] | undefined;
    return (children ?? []).map(({ id, status, restarts }) => `${id} ${status} ${restarts}`).join();
  };
  const answers = (nexus: Nexus, ids: readonly string[]) =>
    until(async () =>
      (await Promise.all(ids.map((id) => codeOf((nexus.find(id) as unknown as Any)?.ask('read') ?? Promise.reject(new Error('gone')))))).every(
        (code) => code === undefined,
      ),
    );

  test('the loss of the thread of a child is a failure of the child: its supervisor starts it again, in place', async () => {
    const { nexus, find, kill, child, lines } = await start();
    const supervisor = await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('a', 1), child('b', 2), child('c', 3)] });
    const before = find('b');
    for (const id of ['a', 'b', 'c']) await find(id).ask('add', 5);
    await lines(3);
    kill(2);
    expect(await lines(1)).toEqual(['start b']);
    await answers(nexus, ['b']);
    expect(find('b').equals(before)).toBe(true);
    expect(await Promise.all(['a', 'b', 'c'].map((id) => find(id).ask('read')))).toEqual([5, 0, 5]);
    await until(async () => (await statusOf(supervisor)) === 'a running 0,b running 1,c running 0');
  });

  test('the strategy decides about the others when the thread of a child is lost, and children lost together are one failure', async () => {
    const { nexus, find, kill, child, lines } = await start();
    const supervisor = await nexus.spawn({ kind: 'oneForAll-1' } as typeof OneForAll, {
      id: 'sup',
      thread: 1,
      init: [child('a', 1), child('b', 2), child('c', 3), child('d', 2)],
    });
    await lines(4);
    for (const id of ['a', 'b', 'c', 'd']) await find(id).ask('add', 5);
    kill(2);
    expect(await lines(6)).toEqual(['stop c restart', 'stop a restart', 'start a', 'start b', 'start c', 'start d']);
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((id) => find(id).ask('read')))).toEqual([0, 0, 0, 0]);
    await until(async () => (await statusOf(supervisor)) === 'a running 1,b running 1,c running 1,d running 1');
  });

  test('messages sent to a child whose thread is lost wait for its restart', async () => {
    const { nexus, find, kill, child } = await start();
    await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('b', 2)] });
    const b = find('b');
    kill(2);
    await until(() => nexus.threads()[2]?.incarnation === 1);
    const sums = await Promise.all([1, 2, 3].map((by) => b.ask('add', by, { timeoutMs: 20_000 })));
    expect(sums).toEqual([1, 3, 6]);
  });

  test('the loss of a thread while a child starts on it is no failure of its start', async () => {
    const { nexus, find, kill, child } = await start();
    const spawned = nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('slow', 2, { init: { startMs: 400 } })] });
    await until(() => find('slow') !== undefined);
    kill(2);
    await spawned;
    await answers(nexus, ['slow']);
  });

  test('a temporary child does not come back from the loss of its thread', async () => {
    const { nexus, find, kill, child } = await start();
    const supervisor = await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('a', 3), child('b', 2, { restart: 'temporary' })] });
    kill(2);
    await until(() => nexus.threads()[2]?.incarnation === 1 && nexus.threads()[2]?.state === 'ready');
    await until(() => find('b') === undefined);
    await until(async () => (await statusOf(supervisor)) === 'a running 0');
  });

  test('a supervisor whose thread is lost comes back and starts its children anew, by their ids and in order', async () => {
    const { nexus, find, kill, child, lines } = await start();
    await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('a', 2), child('b', 1), child('c', 0)] });
    const before = { sup: find('sup'), a: find('a'), c: find('c') };
    await lines(3);
    kill(1);
    const seen = await lines(5);
    expect(seen.filter((line) => line.startsWith('start'))).toEqual(['start a', 'start b', 'start c']);
    expect(seen.filter((line) => line.startsWith('stop')).sort()).toEqual(['stop a parentStopped', 'stop c parentStopped']);
    await answers(nexus, ['a', 'b', 'c']);
    expect(find('sup').equals(before.sup)).toBe(true);
    expect(find('a').equals(before.a)).toBe(false);
    expect(find('c').equals(before.c)).toBe(false);
    await until(async () => (await statusOf(nexus.find('sup'))) === 'a running 0,b running 0,c running 0');
  });

  test('a supervisor on a lost thread whose own supervisor lives is started again by that one', async () => {
    const { nexus, find, kill, child, lines } = await start();
    const inner = { id: 'inner', agent: 'one-for-all', thread: 2, init: [child('a', 2), child('b', 3)] };
    const top = await nexus.spawn(OneForOne, { id: 'top', thread: 1, init: [inner, child('c', 3)] });
    const c = find('c');
    await lines(3);
    kill(2);
    const seen = await lines(3);
    expect(seen).toEqual(['stop b parentStopped', 'start a', 'start b']);
    await answers(nexus, ['a', 'b', 'c']);
    expect(find('c').equals(c)).toBe(true);
    await until(async () => (await statusOf(top)) === 'inner running 1,c running 0');
    await top.stop();
    expect([...nexus.agents('worker')].filter(({ id }) => !id.startsWith('killer'))).toEqual([]);
  });

  test('children on a thread that is given up start anew on another one', async () => {
    const { nexus, find, kill, child, lines } = await start({ workers: { restart: { intensity: 0 } } });
    const supervisor = await nexus.spawn(OneForOne, { id: 'sup', thread: 1, init: [child('a', 3), child('b', 'auto')] });
    await lines(2);
    const thread = (await find('b').ask('where')) as number;
    if (thread === 1 || thread === 3) return;
    kill(thread);
    expect(await lines(1)).toEqual(['start b']);
    await answers(nexus, ['b']);
    expect(await find('b').ask('where')).not.toBe(thread);
    await until(async () => (await statusOf(supervisor)) === 'a running 0,b running 1');
  });

  test('whatever threads are lost, in the end every child runs once', async () => {
    const { nexus, kill, child } = await start({ workers: { restart: { intensity: 1000 } } });
    const inner = { id: 'inner', agent: 'one-for-all', thread: 2, init: [child('a', 2), child('b', 3), child('c', 1)] };
    await nexus.spawn({ kind: 'rest-for-one' } as typeof OneForAll, { id: 'top', thread: 1, init: [child('d', 2), inner, child('e', 3)] });
    // A thread that is ended while its agents start puts the blame on one of them: not before they have.
    const isRestored = [true, true, true, true];
    nexus.on('threadRestored', ({ thread }) => {
      isRestored[thread] = true;
    });
    let seed = 7;
    for (let round = 0; round < 12; round++) {
      seed = (seed * 48_271) % 2_147_483_647;
      const thread = 1 + (seed % 3);
      await until(() => isRestored[thread] === true);
      const { incarnation } = nexus.threads()[thread] as { incarnation: number };
      isRestored[thread] = false;
      kill(thread);
      // Sometimes another one is lost while this one comes back.
      await until(() => (seed % 2 === 0 ? (nexus.threads()[thread] as { incarnation: number }).incarnation > incarnation : isRestored[thread] === true));
    }
    await until(() => isRestored.every(Boolean));
    await until(() => nexus.threads().every(({ state }) => state === 'ready'));
    await answers(nexus, ['a', 'b', 'c', 'd', 'e']);
    await until(async () => !/starting|ending|waiting|absent/.test(`${await statusOf(nexus.find('top'))},${await statusOf(nexus.find('inner'))}`));
    const ids = [...nexus.agents()].map(({ id }) => id).filter((id) => !id.startsWith('killer') && id !== 'log');
    expect(ids.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'inner', 'top']);
    const { complete } = await nexus.stop({ deadlineMs: 5000 });
    expect(complete).toBe(true);
  });
});

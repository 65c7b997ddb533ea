/** Agents and messages that misbehave must not take more with them than themselves. */
import { expect, test } from 'vitest';
import { Nasty, NoText } from '../fixtures/nasty.mjs';
import { codeOf, describeEngines, fixture, startNexus } from '../start-nexus.js';

describeEngines((engine) => {
  const start = () => startNexus({ agents: [fixture('nasty.mjs')], threads: 1, engine: { force: engine } });

  test('a getter in a message that sends a message itself is refused, and the ring stays whole', async () => {
    const nexus = await start();
    const [ref, other] = [await nexus.spawn(Nasty, { thread: 1 }), await nexus.spawn(Nasty, { thread: 1 })];
    const trap = {
      get trap() {
        return other.tell('ok');
      },
    };
    expect(await codeOf(() => ref.tell('post', { a: 1, trap }))).toBe('NEXUS_NOT_CLONEABLE');
    expect(await ref.ask('ok')).toBe('ok');
    const local = await nexus.spawn(Nasty, { thread: 0 });
    expect(await codeOf(ref.ask('replyThatSends', local))).toBe('NEXUS_NOT_CLONEABLE');
    expect(await ref.ask('ok')).toBe('ok');
  });

  test.each([0, 1])('an error that cannot be read or refers to itself fails its ask and nothing else, on thread %i', async (thread) => {
    const nexus = await startNexus({ agents: [fixture('nasty.mjs')], threads: 1, engine: { force: engine } });
    const ref = await nexus.spawn(Nasty, { thread });
    await expect(ref.ask('throwCycle')).rejects.toThrow('around');
    await expect(ref.ask('throwUnreadable')).rejects.toBeInstanceOf(Error);
    expect(await ref.ask('ok')).toBe('ok');
  });

  test.each([0, 1])('what only looks like a promise rejects its ask, and nothing else happens, on thread %i', async (thread) => {
    const nexus = await start();
    const ref = await nexus.spawn(Nasty, { thread });
    for (const action of ['proxyOfPromise', 'childOfPromise'] as const) await expect(ref.ask(action)).rejects.toBeInstanceOf(TypeError);
    expect(await ref.ask('ok')).toBe('ok');
    expect(nexus.threads()[1]?.incarnation).toBe(0);
  });

  test.each([0, 1])('an error that cannot be asked for its prototype fails its ask and its agent, and nothing else, on thread %i', async (thread) => {
    const nexus = await start();
    const ref = await nexus.spawn(Nasty, { thread });
    for (const action of ['throwProxy', 'rejectProxy'] as const) {
      const settled = await ref.ask(action).then(
        () => 'replied',
        () => 'rejected',
      );
      expect(settled).toBe('rejected');
    }
    expect(await ref.ask('ok')).toBe('ok');
    expect(nexus.threads()[1]?.incarnation).toBe(0);
  });

  test.each([0, 1])('a promise with a then of its own is awaited as the promise that it is, on thread %i', async (thread) => {
    const nexus = await start();
    const ref = await nexus.spawn(Nasty, { thread });
    expect(await ref.ask('thenOfItsOwn')).toBe('done');
    expect(await ref.ask('ok')).toBe('ok');
    expect(nexus.threads()[1]?.incarnation).toBe(0);
  });

  test.each([0, 1])('a start that throws a value without a text frees its id, on thread %i', async (thread) => {
    const nexus = await start();
    expect(await codeOf(nexus.spawn(NoText, { id: 'x', init: { fail: true }, thread }))).toBe('NEXUS_START_FAILED');
    expect(await codeOf(nexus.spawn(NoText, { id: 'x', init: { fail: false, proxy: true }, thread }))).toBe('NEXUS_START_FAILED');
    expect(await (await nexus.spawn(NoText, { id: 'x', init: { fail: false }, thread })).ask('ok')).toBe('ok');
  });

  test('what an agent says on the port of its worker is not taken for news of the runtime', async () => {
    const nexus = await start();
    const ref = await nexus.spawn(Nasty, { thread: 1 });
    for (const message of [null, { hi: 1 }, { type: 'ready' }, 'text']) await ref.ask('post', message);
    expect(await ref.ask('ok')).toBe('ok');
    expect(nexus.threads()[1]).toMatchObject({ state: 'ready', incarnation: 0 });
  });
});

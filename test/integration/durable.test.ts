/** State that outlives agents, failures, threads and the nexus. */
import { type AgentRef, defineAgent, defineSupervisor } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { inMemory, onDisk, SETUPS } from '../durable-setups.js';
import { Behind, Ledger, Plain, Through } from '../fixtures/durable.mjs';
import { codeOf, failureOf, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

describe.each(SETUPS)('$where', ({ setup }) => {
  test('a durable agent begins with its stored state, also after the end of the nexus', async () => {
    const { start } = setup();
    const first = await start();
    const agent = await first.spawn(Behind, { id: 'a', init: { count: 5 } });
    await agent.ask('add', 2);
    expect(await first.stop()).toEqual({ complete: true, discarded: 0 });
    const second = await start();
    // The init of a later spawn is for an agent that is new.
    expect(await (await second.spawn(Behind, { id: 'a', init: { count: 1000 } })).ask('read')).toBe(7);
    expect(await second.stop()).toEqual({ complete: true, discarded: 0 });
    // Nobody says its init, or that it is there.
    const third = await start();
    expect(third.agentCount).toBe(0);
    expect(third.find('a', Through)).toBeUndefined();
    expect(third.send('a', 'add', 1)).toBe('accepted');
    const found = third.find('a', Behind);
    expect(found?.id).toBe('a');
    expect(await found?.ask('read')).toBe(8);
    expect(third.findMany(['b', 'a']).map((each) => each?.id)).toEqual([undefined, 'a']);
    expect(third.find('b')).toBeUndefined();
    expect(await codeOf(() => third.find('a', Through))).toBe('NEXUS_KIND_MISMATCH');
    expect(third.send('b', 'add', 1)).toBe('noAgent');
  });

  test('what was acknowledged with through is there, whatever happens to the thread or to the agent', async () => {
    const { start } = setup();
    const nexus = await start();
    const agent = await nexus.spawn(Through, { id: 't', init: { count: 1 } });
    for (let n = 0; n < 20; n++) await agent.ask('add', 1);
    expect(await codeOf(agent.ask('fail'))).toBe('failed on purpose');
    expect(await agent.ask('read')).toBe(21);
    if (nexus.threadCount > 1) {
      expect(await codeOf(agent.ask('crashThread'))).toBe('NEXUS_THREAD_LOST');
      expect(await agent.ask('read')).toBe(21);
    }
  });

  test('a restart begins with the last saved state, not with the init, and without what the failed handler did', async () => {
    const { start } = setup();
    const nexus = await start();
    const thread = nexus.threadCount - 1;
    const opener = await nexus.spawn(Behind, { thread });
    const agent = await nexus.spawn(Behind, { id: 'a', thread, init: { count: 5 } });
    await agent.ask('add', 2);
    await agent.ask('persist', 1);
    expect(await codeOf(agent.ask('fail'))).toBe('failed on purpose');
    expect(await agent.ask('read')).toBe(8);
    // Not saved yet, but apart from what the async handler did when it failed.
    await agent.ask('add', 1);
    const failing = codeOf(agent.ask('failLater', 'gate'));
    await until(async () => (await opener.ask('open', 'gate')) === true);
    expect(await failing).toBe('failed on purpose, later');
    expect(await agent.ask('read')).toBe(9);
  });

  test('an agent that stops is saved and returns with the next message, and is gone for good when it is forgotten', async () => {
    const { start } = setup();
    const nexus = await start();
    const agent = await nexus.spawn(Behind, { id: 'a', init: { count: 5 } });
    await agent.ask('add', 1);
    await agent.stop();
    await until(() => nexus.agentCount === 0);
    expect(await agent.ask('add', 1)).toBe(7);
    await agent.ask('stop');
    await until(() => nexus.agentCount === 0);
    expect(await agent.ask('add', 1)).toBe(8);
    await nexus.forget(Behind, 'a');
    expect(await codeOf(agent.ask('read'))).toBe('NEXUS_AGENT_NOT_FOUND');
    expect(nexus.find('a')).toBeUndefined();
    expect(await (await nexus.getOrSpawn(Behind, 'a')).ask('add', 1)).toBe(1);
    // By itself, and when it is not in memory.
    await agent.ask('forget');
    await until(async () => (await codeOf(agent.ask('read'))) === 'NEXUS_AGENT_NOT_FOUND');
    await (await nexus.getOrSpawn(Behind, 'b')).stop();
    await nexus.forget(Behind, 'b');
    expect(nexus.find('b')).toBeUndefined();
    await nexus.forget(Behind, 'b');
    expect(await codeOf(nexus.forget(Plain, 'b'))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.forget(undefined as never, 'b'))).toBe('NEXUS_OPTION_INVALID');
    expect(await codeOf(nexus.forget(Behind, 5 as never))).toBe('NEXUS_OPTION_INVALID');
  });

  test('an agent with events is what its events make of it, with a snapshot now and then', async () => {
    const { start } = setup();
    let nexus = await start();
    const ledger = await nexus.spawn(Ledger, { id: 'l' });
    expect(await ledger.ask('enter', [1, 2, 3])).toBe(6);
    // What a failed handler recorded did not happen.
    expect(await codeOf(ledger.ask('enterAndFail', 1000))).toBe('failed on purpose');
    expect(await ledger.ask('read')).toEqual({ sum: 6, entries: 3 });
    expect(await codeOf(ledger.ask('enter', [7, 'bad']))).toBe('cannot be applied');
    for (let n = 0; n < 10; n++) await ledger.ask('enter', [1, 1, 1]);
    expect(await ledger.ask('read')).toEqual({ sum: 36, entries: 33 });
    await nexus.stop();
    nexus = await start();
    expect(await nexus.find('l', Ledger)?.ask('read')).toEqual({ sum: 36, entries: 33 });
  });

  test('a reference in a stored state finds its agent after the end of the nexus', async () => {
    const { start } = setup();
    let nexus = await start();
    const keeper = await nexus.spawn(Behind, { id: 'keeper' });
    const kept = await nexus.spawn(Behind, { id: 'kept', init: { count: 3 } });
    await nexus.spawn(Behind, { id: 'other', init: { count: 70 } });
    await keeper.ask('hold', kept);
    await nexus.stop();
    nexus = await start();
    // Its old address is somebody else's now.
    for (let n = 0; n < 10; n++) await nexus.spawn(Plain, { id: `p${n}` });
    expect(await nexus.find('keeper', Behind)?.ask('tellHeld', 4)).toBe(7);
    expect((await nexus.find('keeper', Behind)?.ask('held')) as { id: string }).toMatchObject({ id: 'kept' });
  });

  test('a state that cannot be stored fails its agent with the path, and the agent goes on with what is stored', async () => {
    const { start } = setup();
    const nexus = await start();
    const failures: string[] = [];
    nexus.on('agentFailed', ({ error }) => failures.push((error as Error).message));
    const through = await nexus.spawn(Through, { id: 't', init: { count: 1 } });
    const failure = await failureOf(through.ask('spoil'));
    expect(failure).toMatchObject({ code: 'NEXUS_NOT_CLONEABLE' });
    expect(failure?.message).toContain("the state of through 't' cannot be stored: it.cannot.be.stored");
    expect(await through.ask('read')).toBe(1);
    const behind = await nexus.spawn(Behind, { id: 'b', init: { count: 1 } });
    await behind.ask('persist', 1);
    await behind.ask('spoil');
    await until(() => failures.some((message) => message.includes("the state of behind 'b' cannot be stored: it.cannot.be.stored")));
    expect(await behind.ask('read')).toBe(2);
  });

  test('of many that bring an agent back at once on all threads, one does', async () => {
    const { start } = setup();
    const nexus = await start();
    for (let round = 0; round < 10; round++) {
      const id = `a${round}`;
      await (await nexus.spawn(Behind, { id, init: { count: 0 } })).stop();
      const far = await Promise.all(
        [0, 1, 2]
          .filter((thread) => thread < nexus.threadCount)
          .map((thread) => nexus.spawn(Behind, { id: `far${round}.${thread}`, ...(nexus.threadCount > 1 && thread > 0 ? { thread } : {}) })),
      );
      const reference = nexus.find(id, Behind);
      for (const each of far) await each.ask('hold', reference);
      const replies = await Promise.all(far.flatMap((each) => [each.ask('tellHeld', 1), each.ask('tellHeld', 1)]));
      expect(replies.toSorted((a, b) => a - b)).toEqual(replies.map((_, index) => index + 1));
      expect([...nexus.agents('behind')].filter((each) => each.id === id)).toHaveLength(1);
    }
  });
});

test('a change is on disk within the time of its kind, several in one write, and none where nothing changed', async () => {
  const { start, memory } = inMemory();
  const nexus = await start();
  const agent = await nexus.spawn(Behind, { id: 'a' });
  await agent.ask('persist', 0);
  const stored = async (): Promise<unknown> => {
    const storage = (await import('../../dist/ts-src/codec/value-decoder.js')) as typeof import('../../dist/ts-src/codec/value-decoder.js');
    const { agents } = memory as unknown as { agents: Map<string, { id: string; snapshot?: { state: Uint8Array } }> };
    const bytes = [...agents.values()].find(({ id }) => id === 'a')?.snapshot?.state as Uint8Array;
    const decoder = new storage.ValueDecoder({
      isReference: () => false,
      describe: () => ({ slot: 0, generation: 0, kind: 0, id: undefined }),
      restore: () => ({}),
    });
    return decoder.decode(bytes, 0, bytes.length);
  };
  memory.holdWrites();
  for (let n = 0; n < 100; n++) await agent.ask('add', 1);
  await until(() => memory.waiting > 0);
  expect(memory.waiting).toBe(1);
  memory.releaseWrites();
  await until(async () => ((await stored()) as { count: number }).count === 100);
  memory.holdWrites();
  for (let n = 0; n < 10; n++) await agent.ask('read');
  await agent.ask('persist', 0);
  expect(memory.waiting).toBe(0);
});

test('an agent whose oldest change cannot be saved in time handles nothing until it is', async () => {
  const { start, memory, lines } = inMemory();
  const nexus = await start();
  const agent = await nexus.spawn(Behind, { id: 'a' });
  await agent.ask('persist', 0);
  memory.full = true;
  await agent.ask('add', 1);
  const begun = performance.now();
  // It handles what comes for as long as it may, and then no more.
  while ((await codeOf(agent.ask('add', 1, { timeoutMs: 300 }))) === undefined) expect(performance.now() - begun).toBeLessThan(5000);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(90);
  expect(lines.filter(({ message }) => message.startsWith('durable state could not be stored'))).toHaveLength(1);
  const before = agent.ask('read', undefined, { timeoutMs: 20_000 });
  memory.full = false;
  // Nothing that was accepted is lost.
  const count = await before;
  await nexus.stop();
  const again = await start();
  expect(await again.find('a', Behind)?.ask('read')).toBe(count);
});

test('a write-through that fails rejects its ask, and the agent goes on with what is stored', async () => {
  const { start, memory } = inMemory();
  const nexus = await start();
  const agent = await nexus.spawn(Through, { id: 'a', init: { count: 1 } });
  for (const code of ['NEXUS_STORE_FULL', 'NEXUS_STORE_FAILED'] as const) {
    memory.failNextWrite(code);
    expect(await codeOf(agent.ask('add', 100))).toBe(code);
    expect(await agent.ask('read')).toBe(1);
  }
  expect(await agent.ask('add', 1)).toBe(2);
  memory.full = true;
  expect(await codeOf(nexus.spawn(Through, { id: 'b' }))).toBe('NEXUS_STORE_FULL');
  expect(nexus.find('b')).toBeUndefined();
  memory.full = false;
});

test('a write-through that fails is not gone on with either where supervision resumes', async () => {
  const { memory } = inMemory();
  const kind = defineAgent({
    kind: 'resuming',
    state: () => ({ count: 0 }),
    supervision: { onFailure: 'resume' },
    durable: { writes: 'through' },
    actions: {
      add: (state, by: number) => {
        state.count += by;
        return state.count;
      },
      fail: (state) => {
        state.count += 1000;
        throw new Error('resumed');
      },
    },
  });
  const nexus = await startNexus({ agents: [kind], threads: 0, storage: memory });
  const agent = await nexus.spawn(kind, { id: 'a' });
  await agent.ask('add', 1);
  memory.failNextWrite();
  expect(await codeOf(agent.ask('add', 100))).toBe('NEXUS_STORE_FAILED');
  expect(await agent.ask('add', 1)).toBe(2);
  // Any other failure is, with the state as it is in memory.
  expect(await codeOf(agent.ask('fail'))).toBe('resumed');
  expect(await agent.ask('add', 1)).toBe(1003);
});

test('a write-through that fails under a supervisor is not gone on with either where supervision resumes', async () => {
  const { memory } = inMemory();
  const kind = defineAgent({
    kind: 'resuming child',
    state: () => ({ count: 0 }),
    supervision: { onFailure: 'resume' },
    durable: { writes: 'through' },
    actions: {
      add: (state, by: number) => {
        state.count += by;
        return state.count;
      },
    },
  });
  const supervisor = defineSupervisor({
    kind: 'above',
    strategy: 'oneForOne',
    children: () => [{ id: 'a', agent: kind }],
    backoff: { initialMs: 0, jitter: 0 },
  });
  const nexus = await startNexus({ agents: [kind, supervisor], threads: 0, storage: memory });
  await nexus.spawn(supervisor);
  const agent = nexus.find('a', kind) as AgentRef<typeof kind>;
  await agent.ask('add', 1);
  memory.failNextWrite();
  expect(await codeOf(agent.ask('add', 100))).toBe('NEXUS_STORE_FAILED');
  expect(await agent.ask('add', 1)).toBe(2);
});

test('a nexus ends also when the disk does not answer, and its report says so', async () => {
  const { start, memory } = inMemory();
  const nexus = await start();
  const agent = await nexus.spawn(Behind, { id: 'a' });
  await agent.ask('persist', 0);
  memory.holdWrites();
  await agent.ask('add', 1);
  // The disk never answers again.
  const begun = performance.now();
  expect((await nexus.stop({ deadlineMs: 100 })).complete).toBe(false);
  expect(performance.now() - begun).toBeLessThan(5000);
  expect(await codeOf(agent.ask('read'))).toBe('NEXUS_STOPPED');
});

test('an agent that ends before the write of its start has had its turn is not stored as nothing', async () => {
  const { start, memory } = inMemory();
  const Started = defineAgent({
    kind: 'started',
    state: () => ({ count: 1 }),
    durable: { writes: 'through' },
    onStart: (state) => void (state.count += 1),
    actions: { read: (state) => state?.count },
  });
  let nexus = await start({ agents: [Started, Behind] });
  await nexus.spawn(Started, { id: 's' });
  await nexus.stop();
  nexus = await start({ agents: [Started, Behind] });
  const other = await nexus.spawn(Behind, { id: 'b' });
  await other.ask('persist', 0);
  // What comes next waits behind this one.
  memory.holdWrites();
  other.tell('persist', 1);
  await until(() => memory.waiting > 0);
  const starting = codeOf(nexus.spawn(Started, { id: 's' }));
  await until(() => nexus.agentCount > 1);
  const stopping = nexus.stop();
  expect(await starting).toBeDefined();
  memory.releaseWrites();
  await stopping;
  nexus = await start({ agents: [Started, Behind] });
  expect(await (await nexus.spawn(Started, { id: 's' })).ask('read')).toBe(3);
});

test('the end of the nexus saves everything, and its report says if it could not', async () => {
  const { start, memory } = inMemory();
  let nexus = await start();
  const agents = await Promise.all(Array.from({ length: 2000 }, (_, n) => nexus.spawn(Behind, { id: `a${n}`, init: { count: n } })));
  for (const agent of agents) agent.tell('add', 1);
  expect((await nexus.stop()).complete).toBe(true);
  nexus = await start();
  for (const n of [0, 1, 999, 1999]) expect(await nexus.find(`a${n}`, Behind)?.ask('read')).toBe(n + 1);
  nexus.find('a0', Behind)?.tell('add', 1);
  memory.full = true;
  expect((await nexus.stop({ deadlineMs: 300 })).complete).toBe(false);
});

test('a stored state is upgraded, an upgrade that fails leaves it as it was, and a newer one is refused', async () => {
  const { memory } = inMemory();
  const kind = 'versioned';
  const actions = { read: (state: unknown) => state, set: (state: { text?: string }, text: string) => void (state.text = text) };
  const start = (definition: Parameters<typeof startNexus>[0]['agents'][number]) => startNexus({ agents: [definition], threads: 0, storage: memory });
  const one = defineAgent({ kind, state: () => ({ text: 'one' }) as { text?: string }, actions, durable: {} });
  let nexus = await start(one);
  await nexus.spawn(one, { id: 'a' });
  await nexus.stop();
  const broken = defineAgent({
    kind,
    state: () => ({}) as { text?: string },
    actions,
    durable: {
      schemaVersion: 3,
      upgrade: () => {
        throw new Error('no way up');
      },
    },
  });
  nexus = await start(broken);
  const failure = await failureOf(nexus.find('a', broken)?.ask('read') as Promise<unknown>);
  expect(failure).toMatchObject({ code: 'NEXUS_UPGRADE_FAILED', error: { data: { kind, id: 'a', fromVersion: 1, toVersion: 3 } } });
  expect(failure?.message).toContain('no way up');
  expect(await codeOf(nexus.getOrSpawn(broken, 'a'))).toBe('NEXUS_UPGRADE_FAILED');
  expect(nexus.agentCount).toBe(0);
  await nexus.stop();
  const forgetful = defineAgent({ kind, state: () => ({}) as { text?: string }, actions, durable: { schemaVersion: 2, upgrade: () => undefined as never } });
  nexus = await start(forgetful);
  expect(await failureOf(nexus.getOrSpawn(forgetful, 'a'))).toMatchObject({
    code: 'NEXUS_UPGRADE_FAILED',
    message: expect.stringContaining('returned undefined'),
  });
  await nexus.stop();
  const none = defineAgent({ kind, state: () => ({}) as { text?: string }, actions, durable: { schemaVersion: 2 } });
  nexus = await start(none);
  expect(await codeOf(nexus.getOrSpawn(none, 'a'))).toBe('NEXUS_UPGRADE_FAILED');
  await nexus.stop();
  const three = defineAgent({
    kind,
    state: () => ({}) as { text?: string },
    actions,
    durable: { schemaVersion: 3, upgrade: (state: { text: string }, from) => ({ text: `${state.text}, then three from ${from}` }) },
  });
  nexus = await start(three);
  expect(await nexus.find('a', three)?.ask('read')).toEqual({ text: 'one, then three from 1' });
  await nexus.find('a', three)?.ask('set', 'three');
  await nexus.stop();
  nexus = await start(one);
  const newer = await failureOf(nexus.find('a', one)?.ask('read') as Promise<unknown>);
  expect(newer).toMatchObject({ code: 'NEXUS_STORE_VERSION', error: { data: { kind, id: 'a', stored: 3, known: 1 } } });
  await nexus.stop();
  nexus = await start(three);
  expect(await nexus.find('a', three)?.ask('read')).toEqual({ text: 'three' });
});

test('a stored state that is not what was written is an error that names the agent', async () => {
  const { start, memory } = inMemory();
  let nexus = await start();
  await nexus.spawn(Behind, { id: 'a' });
  await nexus.stop();
  memory.corrupt('behind', 'a');
  nexus = await start();
  expect(await failureOf(nexus.find('a', Behind)?.ask('read') as Promise<unknown>)).toMatchObject({
    code: 'NEXUS_STORE_CORRUPT',
    error: { data: { id: 'a' } },
  });
});

test('durable kinds need storage, and what only they can do is refused elsewhere', async () => {
  expect(await failureOf(startNexus({ agents: [Behind], threads: 0 }))).toMatchObject({
    code: 'NEXUS_OPTION_INVALID',
    message: expect.stringContaining("kind 'behind' is durable"),
  });
  expect(await codeOf(startNexus({ agents: [], threads: 0, storage: 7 as never }))).toBe('NEXUS_OPTION_INVALID');
  expect(await codeOf(startNexus({ agents: [], threads: 0, storage: { path: '' } }))).toBe('NEXUS_OPTION_INVALID');
  const kind = 'k';
  const state = () => ({});
  for (const durable of [
    7,
    { writes: 'never' },
    { lossMaxMs: 1 },
    { schemaVersion: 1.5 },
    { upgrade: 1 },
    { snapshotEvery: 5 },
    { passivateAfterMs: 9 },
    { unknown: 1 },
  ]) {
    expect(await codeOf(() => defineAgent({ kind, state, actions: {}, durable: durable as never }))).toBe('NEXUS_DEFINITION_INVALID');
  }
  expect(await codeOf(() => defineAgent({ kind, state, actions: { act: { durable: 'through', handler: () => 1 } } }))).toBe('NEXUS_DEFINITION_INVALID');
  const plain = defineAgent({
    kind,
    state,
    actions: {
      persist: (_s, _i, ctx) => ctx.persist(),
      record: (_s, _i, ctx) => ctx.record({}),
      forget: (_s, _i, ctx) => ctx.forget(),
      remind: (_s, _i, ctx) => ctx.reminders.after('r', 1, 'persist'),
    },
  });
  const nexus = await startNexus({ agents: [plain], threads: 0 });
  const agent = await nexus.spawn(plain);
  for (const action of ['persist', 'record', 'forget', 'remind'] as const)
    expect(await failureOf(agent.ask(action))).toMatchObject({ code: 'NEXUS_OPTION_INVALID' });
});

test('agents of a lost thread return with what was saved', async () => {
  const { start } = onDisk();
  const nexus = await start();
  const agents = await Promise.all(Array.from({ length: 200 }, (_, n) => nexus.spawn(Behind, { id: `a${n}`, init: { count: n }, thread: 1 })));
  await Promise.all(agents.map((agent) => agent.ask('persist', 1000)));
  const restored = new Promise((resolve) => nexus.on('threadRestored', resolve));
  agents[0]?.tell('crashThread');
  expect(await restored).toMatchObject({ thread: 1, restored: 200, failed: 0 });
  expect(await Promise.all(agents.map((agent) => agent.ask('read')))).toEqual(agents.map((_, n) => n + 1000));
});

test('a write that failed with nothing left to try again does not keep later changes from the disk', async () => {
  const { start, memory } = inMemory();
  const nexus = await start();
  const through = await nexus.spawn(Through, { id: 't' });
  const behind = await nexus.spawn(Behind, { id: 'b' });
  // Nothing of either waits to be saved.
  await through.ask('persist', 0);
  await behind.ask('persist', 0);
  const quietMs = performance.now() + 300;
  await until(() => performance.now() > quietMs);
  memory.failNextWrite('NEXUS_STORE_FULL');
  expect(await codeOf(through.ask('add', 1))).toBe('NEXUS_STORE_FULL');
  // The time at which it would have been tried again passes.
  const laterMs = performance.now() + 300;
  await until(() => performance.now() > laterMs);
  // Each is older than the bound when the next one comes: handled only if it is on disk by then.
  for (let count = 1; count <= 3; count++) {
    expect(await behind.ask('add', 1)).toBe(count);
    const boundMs = performance.now() + 250;
    await until(() => performance.now() > boundMs);
  }
});

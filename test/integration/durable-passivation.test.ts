/** Durable agents that leave memory and return: nothing that is sent to them is lost or overtaken, and none is there twice. */
import type { AgentRef } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { inMemory, onDisk, SETUPS } from '../durable-setups.js';
import { Behind, Brief, Plain, Through } from '../fixtures/durable.mjs';
import { codeOf } from '../start-nexus.js';
import { until } from '../until.js';

describe.each(SETUPS)('$where', ({ setup }) => {
  test('an agent without messages leaves memory, its stop hook runs, and it returns with the next message', async () => {
    const nexus = await setup().start();
    const agent = await nexus.spawn(Brief, { id: 'a', init: { count: 5 } });
    expect(await agent.ask('add', 1)).toBe(6);
    await until(() => nexus.agentCount === 0);
    expect(nexus.tableStatistics().live).toBe(0);
    // By its old reference, by its id, and by a new reference.
    expect(await agent.ask('add', 1)).toBe(7);
    await until(() => nexus.agentCount === 0);
    expect(nexus.send('a', 'add', 1)).toBe('accepted');
    const found = nexus.find('a', Brief) as AgentRef<typeof Brief>;
    expect(await found.ask('read')).toBe(8);
    expect(found.equals(agent)).toBe(true);
    await until(() => nexus.agentCount === 0);
    const again = await nexus.getOrSpawn(Brief, 'a', { init: { count: 1000 } });
    expect(nexus.agentCount).toBe(1);
    expect(await again.ask('add', 1)).toBe(9);
    await until(() => nexus.agentCount === 0);
    expect(await codeOf(agent.ask('spoil'))).toBeUndefined();
    // What cannot be stored is not lost silently: it stays until it fails.
    await until(async () => (await agent.ask('read')) === 9);
  });

  test('messages of one sender to an agent that comes and goes arrive in order, each once', async () => {
    const nexus = await setup().start();
    const threads = Array.from({ length: nexus.threadCount }, (_, thread) => thread);
    // Far from home, so that the way there changes.
    const target = await nexus.spawn(Brief, { id: 'target', thread: nexus.threadCount - 1 });
    const senders = nexus.threadCount > 1 ? await Promise.all(threads.slice(1).map((thread) => nexus.spawn(Plain, { thread }))) : [await nexus.spawn(Plain)];
    const counts = new Array(senders.length + 1).fill(0) as number[];
    let comings = 0;
    let wasThere = true;
    for (let round = 0; comings < 12 || round < 150; round++) {
      for (const [index, sender] of senders.entries()) {
        sender.tell('relay', { to: target, from: index * 1e6 + (counts[index] as number), count: 5 });
        counts[index] = (counts[index] as number) + 5;
      }
      const own = senders.length;
      for (let n = 0; n < 5; n++) {
        expect(target.tell('note', own * 1e6 + (counts[own] as number))).toBe('accepted');
        counts[own] = (counts[own] as number) + 1;
      }
      // About as long as it stays, so that messages meet it on its way out; now and then until it is out.
      const nextMs = performance.now() + 15 + (round % 16);
      await until(() => performance.now() > nextMs);
      const isThere = nexus.agentCount > senders.length;
      if (isThere && !wasThere) comings++;
      wasThere = isThere;
      if (round % 10 !== 9) continue;
      await until(() => nexus.agentCount === senders.length);
      wasThere = false;
    }
    await Promise.all(senders.map((sender) => sender.ask('add', 0)));
    const total = counts.reduce((sum, count) => sum + count, 0);
    await until(async () => ((await target.ask('notes')) as number[]).length >= total);
    const notes = (await target.ask('notes')) as number[];
    for (const [index, count] of counts.entries()) {
      const own = notes.filter((note) => Math.floor(note / 1e6) === index).map((note) => note % 1e6);
      expect(own).toEqual(Array.from({ length: count }, (_, n) => n));
    }
  }, 60_000);

  test('an agent that is watched, watches, has a timer or a running handler stays in memory', async () => {
    const nexus = await setup().start();
    const thread = nexus.threadCount - 1;
    const [watched, watcher, timed, gone] = await Promise.all(['watched', 'watcher', 'timed', 'gone'].map((id) => nexus.spawn(Brief, { id, thread })));
    await watcher?.ask('watch', watched);
    await timed?.ask('timer', 3_600_000);
    const running = nexus.spawn(Brief, { id: 'running', thread }).then((agent) => agent.ask('addLater', { by: 1, gate: 'passivation' }));
    await until(() => nexus.agentCount === 4);
    expect(gone?.kind).toBe('brief');
    const live = (): string[] => [...nexus.agents('brief')].map(({ id }) => id).toSorted();
    await until(() => !live().includes('gone'));
    // Ten times as long as an idle one stays.
    const until10 = performance.now() + 200;
    await until(() => performance.now() > until10);
    expect(live()).toEqual(['running', 'timed', 'watched', 'watcher']);
    const opener = await nexus.spawn(Behind, { thread });
    await opener.ask('open', 'passivation');
    await running;
    // Who watches an agent that is not in memory brings it back.
    await watcher?.ask('watch', gone);
    await until(() => live().includes('gone'));
    await gone?.ask('stop');
    await until(async () => ((await watcher?.ask('notes')) as string[]).includes('gone stopped'));
    await watched?.stop();
    await until(async () => ((await watcher?.ask('notes')) as string[]).includes('watched stopped'));
    // And an end is an end: it watches nothing any more and may leave.
    await until(() => !live().includes('watcher'));
  });

  test('an ask to an agent that cannot be brought back says why, and a tell is a dead letter', async () => {
    const storage = setup();
    const nexus = await storage.start();
    const letters: unknown[] = [];
    nexus.on('deadLetter', (letter) => letters.push(letter));
    const agent = await nexus.spawn(Through, { id: 'a' });
    await agent.stop();
    await nexus.forget(Through, 'a');
    expect(agent.tell('add', 1)).toBe('noAgent');
    expect(await codeOf(agent.ask('read'))).toBe('NEXUS_AGENT_NOT_FOUND');
    expect(letters).toMatchObject([
      { id: 'a', reason: 'noAgent', action: 'add' },
      { id: 'a', reason: 'noAgent', action: 'read' },
    ]);
    // Another kind has taken the id.
    const other = await nexus.spawn(Plain, { id: 'b' });
    await other.stop();
    const b = await nexus.spawn(Through, { id: 'b' });
    await b.stop();
    await nexus.spawn(Plain, { id: 'b' });
    expect(await codeOf(b.ask('read'))).toBe('NEXUS_KIND_MISMATCH');
    expect(b.tell('add', 1)).toBe('noAgent');
  });
});

test('an agent that cannot be saved stays in memory with what only it knows', async () => {
  const { start, memory } = inMemory();
  const nexus = await start();
  const agent = await nexus.spawn(Brief, { id: 'a' });
  await until(() => nexus.agentCount === 0);
  memory.full = true;
  await agent.ask('add', 7);
  const later = performance.now() + 150;
  await until(() => performance.now() > later);
  expect(nexus.agentCount).toBe(1);
  memory.full = false;
  await until(() => nexus.agentCount === 0, 20_000);
  expect(await agent.ask('read')).toBe(7);
});

test('a message that comes while an agent is being saved on its way out keeps it in memory or brings it back', async () => {
  const { start, memory } = inMemory();
  const nexus = await start();
  const agent = await nexus.spawn(Brief, { id: 'a' });
  for (let n = 1; n <= 20; n++) {
    memory.holdWrites();
    await agent.ask('add', 1);
    await until(() => memory.waiting > 0);
    const asked = agent.ask('add', 1, { timeoutMs: 10_000 });
    memory.releaseWrites();
    expect(await asked).toBe(2 * n);
    if (n % 2 === 0) await until(() => nexus.agentCount === 0);
  }
});

test('many more agents than the table has records for can be stored and used', async () => {
  const nexus = await onDisk().start({ memory: { agentsMax: 4096 } });
  const count = 12_000;
  for (let from = 0; from < count; from += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, n) => nexus.getOrSpawn(Brief, `a${from + n}`, { init: { count: from + n } })));
    await until(() => nexus.agentCount < 2000);
  }
  await until(() => nexus.agentCount === 0);
  for (let from = 0; from < count; from += 1000) {
    const asked = Array.from({ length: 200 }, (_, n) => nexus.find(`a${from + n * 5}`, Brief)?.ask('read'));
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 200 }, (_, n) => from + n * 5));
  }
}, 60_000);

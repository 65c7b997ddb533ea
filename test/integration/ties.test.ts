/** What holds where two parts of the agent model meet: moves, groups, subscriptions, links, supervisors, durable state, lost threads. The model of all of them is `ties-model.test.ts`. */
import type { AgentRef } from 'nexus-agents';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { partsOf } from '../../dist/ts-src/nexus.js';
import { Crew, Guest, Kept, Tied, worlds } from '../fixtures/tied.mjs';
import { codeOf, describeEngines, fixture, startNexus } from '../start-nexus.js';
import { type Ref, End, Ledger, Bank, Narrow, opens, world, where, steps, Restarting } from '../ties-world.js';
import { until } from '../until.js';

describe('an agent that moves', () => {
  test('takes its subscriptions with it: each signal reaches it once, in order with the tells of its emitter', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { nexus, key, journal } = await world(seed);
      const mover = await nexus.spawn(Tied, { id: 'mover', thread: 1, init: key });
      const emitters = await Promise.all([0, 1, 2, 3].map((thread) => nexus.spawn(Tied, { id: `emitter ${thread}`, thread, init: key })));
      await nexus.settle(mover.ask('subscribe', 'red'));
      await nexus.settle(nexus.subscribed());
      let number = 0;
      const moves: Promise<void>[] = [];
      for (const to of [2, 3, 0, 1, 3]) {
        moves.push(nexus.migrate(mover, to));
        for (let round = 0; round < 12; round++) {
          for (const emitter of emitters) emitter.tell('spread', { ref: mover, topic: round % 2 === 0 ? 'red' : 'news', numbers: [number, number + 1] });
          number += 2;
          await steps(nexus, 1 + ((seed + round) % 7));
        }
        await nexus.settle(moves.at(-1) as Promise<void>);
      }
      await nexus.run();
      for (const emitter of emitters) {
        const got = journal.filter(({ to, from }) => to === 'mover' && from === emitter.id).map((each) => each.number);
        expect(got).toEqual(Array.from({ length: number }, (_, each) => each));
      }
      expect(await where(nexus, mover)).toBe(3);
    }
  });

  test('stays in its groups: what is sent through them meanwhile arrives once, and every thread sees it as a member all the time', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { nexus, key, journal } = await world(seed);
      const mover = await nexus.spawn(Tied, { id: 'mover', thread: 1, init: key });
      await nexus.settle(mover.ask('join', 'north'));
      const others = await Promise.all([0, 2, 3].map((thread) => nexus.spawn(End, { id: `other ${thread}`, thread })));
      await nexus.settle(nexus.subscribed());
      let sent = 0;
      for (const to of [2, 3, 0, 1]) {
        const moved = nexus.migrate(mover, to);
        for (let round = 0; round < 20; round++) {
          expect(nexus.group('north', Tied).size).toBe(1);
          expect(nexus.group('north', Tied).tell('put', { from: 'test', number: sent++ })).toBe('accepted');
          await steps(nexus, 2);
        }
        await nexus.settle(moved);
      }
      await nexus.run();
      expect(journal.filter(({ from }) => from === 'test').map(({ number }) => number)).toEqual(Array.from({ length: sent }, (_, each) => each));
      await nexus.settle(mover.ask('leave', 'north'));
      await nexus.run();
      expect(partsOf(nexus as never).host.groups.has('north')).toBe(false);
      for (const other of others) await nexus.settle(other.stop());
    }
  });

  test.each(['the one that moved', 'the other one'] as const)(
    'keeps its links, also those that are made or ended meanwhile: when %s fails both do',
    async (who) => {
      for (let after = 0; after < 30; after++) {
        const { nexus } = await world(after);
        const spawn = (index: number, thread: number) => nexus.spawn(End, { id: `end ${index}`, thread });
        const [mover, other, late, left] = [await spawn(0, 1), await spawn(1, 2), await spawn(2, 3), await spawn(3, 3)];
        await nexus.settle(mover.ask('link', other));
        await nexus.settle(mover.ask('link', left));
        await nexus.run();
        const moved = nexus.migrate(mover, 0);
        await steps(nexus, after);
        const linked = late.ask('link', mover);
        const unlinked = left.ask('unlink', mover);
        await nexus.settle(Promise.all([moved, linked, unlinked]));
        await nexus.settle(nexus.migrate(other, 3));
        await nexus.run();
        expect([await where(nexus, mover), await where(nexus, other)]).toEqual([0, 3]);
        const failing = who === 'the one that moved' ? mover : other;
        expect(await codeOf(nexus.settle(failing.ask('fail')))).toBe('boom');
        await nexus.run();
        expect([...nexus.agents()].map(({ id }) => id)).toEqual(['end 3']);
      }
    },
  );

  test('asks that waited keep their deadline, and what reached it by a watch is there once', async () => {
    const { nexus, key, gates, journal } = await world();
    const mover = await nexus.spawn(Tied, { id: 'mover', thread: 1, init: key });
    const watched = await nexus.spawn(End, { id: 'watched', thread: 2 });
    await nexus.settle(mover.ask('watch', watched));
    const busy = mover.ask('busyUntil', 'gate', { timeoutMs: 60_000 });
    await nexus.run();
    const asked = mover.ask('deadline', undefined, { timeoutMs: 7777 });
    const dueMs = nexus.clock.nowMs() + 7777;
    const moved = nexus.migrate(mover, 3);
    await nexus.settle(watched.stop());
    gates.get('gate')?.(undefined);
    await nexus.settle(Promise.all([busy, moved]));
    expect(await nexus.settle(asked)).toEqual({ deadlineMs: dueMs, thread: 3 });
    await nexus.run();
    expect(journal.filter(({ what }) => what === 'terminated')).toMatchObject([{ from: 'watched', number: 'stopped', thread: 3 }]);
  });

  test('with a full mailbox holds back senders on other threads until it is drained, and no longer', async () => {
    const { nexus } = await world();
    const narrow = await nexus.spawn(Narrow, { id: 'narrow', thread: 1 });
    const held = narrow.ask('hold', undefined, { timeoutMs: 60_000 });
    await nexus.run();
    for (let count = 0; count < 16; count++) expect(narrow.tell('put')).toBe('accepted');
    await nexus.run();
    narrow.tell('put');
    await nexus.run();
    expect(narrow.tell('put')).toBe('full');
    const moved = nexus.migrate(narrow, 2);
    await steps(nexus, 3);
    opens.splice(0).forEach((open) => void open());
    await nexus.settle(Promise.all([held, moved]));
    await nexus.run();
    expect(narrow.tell('put')).toBe('accepted');
    expect(await nexus.settle(narrow.ask('handled'))).toBe(17);
  });

  test('stays a child of its supervisor: it is started again where it is, ended from there, and lost with its new thread', async () => {
    const { nexus, key } = await world();
    const crew = await nexus.spawn(Crew, { id: 'crew', thread: 0, init: { key, kind: 'tied', threads: [1, 1, 2] } });
    const children = [0, 1, 2].map((index) => nexus.find(`child ${index}`) as unknown as Ref);
    const starts = (): number[] => children.map(({ id }) => worlds.get(key).lives.get(id).starts);
    expect(await codeOf(nexus.settle(nexus.migrate(crew, 1)))).toBe('NEXUS_MIGRATION_REFUSED');
    // The failure of the first concerns all three while one of them moves.
    const moving = nexus.migrate(children[1] as Ref, 3);
    const failed = codeOf(nexus.settle((children[0] as Ref).ask('fail')));
    await nexus.settle(moving.catch(() => nexus.migrate(children[1] as Ref, 3)));
    expect(await failed).toBe('boom');
    await nexus.advance(1000);
    expect(starts()).toEqual([2, 2, 2]);
    await nexus.settle(nexus.migrate(children[1] as Ref, 3));
    expect(await codeOf(nexus.settle((children[1] as Ref).ask('fail')))).toBe('boom');
    await nexus.advance(1000);
    expect(starts()).toEqual([2, 3, 3]);
    expect(await Promise.all(children.map((child) => where(nexus, child)))).toEqual([1, 3, 2]);
    nexus.killThread(3);
    await nexus.advance(1000);
    expect(starts()).toEqual([2, 4, 4]);
    await nexus.settle(crew.ask('terminateChild', 'child 1'));
    expect(nexus.find('child 1')).toBeUndefined();
    await nexus.settle(crew.stop());
    expect([...nexus.agents()]).toEqual([]);
  });

  test('calls of the runtime that come to where an agent was follow it', async () => {
    const { nexus, key, gates } = await world();
    const agent = await nexus.spawn(Tied, { id: 'agent', thread: 1, init: key });
    const other = await nexus.spawn(Tied, { id: 'other', thread: 2, init: key });
    await nexus.settle(nexus.migrate(agent, 3));
    const { host } = partsOf(nexus as never);
    const at = host.directory.find('agent', undefined) as NonNullable<ReturnType<typeof host.directory.find>>;
    const to = host.directory.find('other', undefined) as typeof at;
    const address = { slot: at.slot, generation: at.generation, timeoutMs: 1000 };
    const starts = (id: string): number => worlds.get(key).lives.get(id).starts;
    // Its life is ended, and begun again, on thread 3.
    expect(await nexus.settle(host.router.request(1, 'endChild', { ...address, keep: true, error: new Error('as asked') }, 1000, at))).toBe(true);
    await nexus.settle(host.router.request(1, 'startChild', address, 1000, at));
    expect([starts('agent'), await where(nexus, agent)]).toEqual([2, 3]);
    host.router.call(1, 'link', { target: at, other: to });
    host.router.call(1, 'linkedEnded', { target: at, ended: to, id: 'other', reason: { type: 'failed', error: new Error('boom') } });
    await nexus.advance(1000);
    expect(starts('agent')).toBe(3);
    host.router.call(1, 'link', { target: at, other: to });
    host.router.call(1, 'unlink', { target: at, other: to });
    host.router.call(1, 'linkedEnded', { target: at, ended: to, id: 'other', reason: { type: 'failed', error: new Error('boom') } });
    await nexus.advance(1000);
    expect(starts('agent')).toBe(3);
    expect(await nexus.settle(host.router.request(1, 'endChild', { ...address, keep: false, error: undefined }, 1000, at))).toBe(true);
    expect([...nexus.agents()].map(({ id }) => id)).toEqual([other.id]);
    expect(gates.size).toBe(0);
  });

  test('calls of a supervisor about a child that moves just then follow it', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { nexus, key } = await world(seed);
      const crew = await nexus.spawn(Crew, { id: 'crew', thread: 0, init: { key, kind: 'tied', threads: [1, 2, 3] } });
      const children = [0, 1, 2].map((index) => nexus.find(`child ${index}`) as unknown as Ref);
      const moving = [1, 2].map((index) => nexus.migrate(children[index] as Ref, (index + 2) % 4).catch(() => undefined));
      await steps(nexus, seed);
      const failing = codeOf((children[0] as Ref).ask('fail', undefined, { timeoutMs: 60_000 }));
      await steps(nexus, seed % 5);
      await nexus.settle(Promise.all([...moving, failing]));
      await nexus.advance(1000);
      expect(children.map(({ id }) => worlds.get(key).lives.get(id).starts)).toEqual([2, 2, 2]);
      for (const child of children) expect(await nexus.settle(child.ask('echo', child.id))).toBe(child.id);
      await nexus.settle(crew.stop());
      expect([...nexus.agents()]).toEqual([]);
    }
  });
});

test('a handler whose life is over before its first await does not make its agent busy', async () => {
  const { nexus } = await world();
  const gone = await nexus.spawn(End, { id: 'gone', thread: 1 });
  await nexus.settle(gone.stop());
  const agent = await nexus.spawn(Restarting, { id: 'restarting', thread: 1 });
  await nexus.settle(agent.ask('linkLater', gone, { timeoutMs: 60_000 }).catch(() => undefined));
  await nexus.advance(1000);
  expect(await nexus.settle(agent.ask('starts'))).toBe(2);
});

describe('a durable agent', () => {
  test('that is in a group, has a subscription or a link stays in memory, and leaves when it has none', async () => {
    const { nexus, key } = await world();
    const guest = (await nexus.spawn(Guest, { id: 'guest', init: key })) as unknown as Ref;
    const other = await nexus.spawn(End, { id: 'other', thread: 2 });
    const isThere = (): boolean => [...nexus.agents()].some(({ id }) => id === 'guest');
    for (const [make, end, input] of [
      ['join', 'leave', 'north'],
      ['subscribe', 'unsubscribe', 'red'],
      ['link', 'unlink', other],
    ] as const) {
      await nexus.settle(guest.ask(make, input as never));
      await nexus.advance(1000);
      expect({ make, isThere: isThere() }).toEqual({ make, isThere: true });
      await nexus.settle(guest.ask(end, input as never));
      await nexus.advance(1000);
      expect({ end, isThere: isThere() }).toEqual({ end, isThere: false });
    }
  });

  test('that is out of memory returns to be linked, and stays as long as the link', async () => {
    const { nexus, key } = await world();
    const guest = await nexus.spawn(Guest, { id: 'guest', init: key });
    const other = await nexus.spawn(End, { id: 'other', thread: 2 });
    await nexus.advance(1000);
    expect([...nexus.agents()].length).toBe(1);
    await nexus.settle(other.ask('link', guest));
    await nexus.advance(1000);
    expect([...nexus.agents()].map(({ id }) => id).sort()).toEqual(['guest', 'other']);
    await nexus.settle(other.ask('unlink', guest));
    await nexus.advance(1000);
    expect([...nexus.agents()].length).toBe(1);
  });

  test('under a supervisor starts again in place from what is stored, with the others in their order', async () => {
    const { nexus } = await world();
    const bank = await nexus.spawn(Bank, { id: 'bank', thread: 0, init: ['a', 'bb', 'c'] });
    const children = ['a', 'bb', 'c'].map((id) => nexus.find(id, Ledger) as AgentRef<typeof Ledger>);
    for (const [index, child] of children.entries()) await nexus.settle(child.ask('deposit', 10 + index));
    const [a, bb, c] = children as [AgentRef<typeof Ledger>, AgentRef<typeof Ledger>, AgentRef<typeof Ledger>];
    expect(await codeOf(nexus.settle(bb.ask('fail')))).toBe('boom');
    await nexus.advance(100);
    expect(await nexus.settle(bank.ask('children'))).toMatchObject([{ restarts: 0 }, { restarts: 1 }, { restarts: 1 }]);
    // Kept through the loss of its thread, too, and through an end that its supervisor makes good.
    nexus.killThread(2);
    await nexus.advance(100);
    c.tell('stopSelf');
    await nexus.advance(100);
    expect(await Promise.all(children.map((child) => nexus.settle(child.ask('total'))))).toEqual([10, 11, 12]);
    expect(a.id).toBe('a');
    // One that has forgotten itself begins anew, as a permanent child does.
    await nexus.settle(c.ask('forget'));
    await nexus.advance(100);
    expect(await nexus.settle((nexus.find('c', Ledger) as AgentRef<typeof Ledger>).ask('total'))).toBe(0);
    await nexus.settle(bank.stop());
    expect([...nexus.agents()]).toEqual([]);
  });

  test('that a message brings back while its supervisor is about to start it ends, saved, and starts as a child', async () => {
    const { nexus } = await world();
    const bank = await nexus.spawn(Bank, { id: 'bank', thread: 0, init: ['a', 'bb'] });
    const a = nexus.find('a', Ledger) as AgentRef<typeof Ledger>;
    await nexus.settle(a.ask('deposit', 10));
    // Its supervisor waits 20 ms before it starts it anew; a message does not.
    a.tell('stopSelf');
    await nexus.run();
    await nexus.settle(a.ask('deposit', 5));
    await nexus.advance(1000);
    expect(await nexus.settle(bank.ask('children'))).toMatchObject([
      { id: 'a', status: 'running' },
      { id: 'bb', status: 'running' },
    ]);
    expect(await nexus.settle(a.ask('total'))).toBe(15);
    await nexus.settle(bank.stop());
    expect([...nexus.agents()]).toEqual([]);
  });

  test('stores what decisions and updates make of its state, the slices of its skills with it, and nothing for a query or an update that is refused', async () => {
    const { nexus, storage } = await world();
    const ledger = await nexus.spawn(Ledger, { id: 'ledger', thread: 1 });
    await nexus.settle(ledger.ask('deposit', 10));
    await nexus.settle(ledger.ask('draw', 3));
    // More than is compared before it is written.
    const text = 'first '.repeat(1000);
    await nexus.settle(ledger.ask('notes.write', text));
    // A write that began would fail now.
    storage.full = true;
    expect(await nexus.settle(ledger.ask('total'))).toBe(7);
    expect(await codeOf(nexus.settle(ledger.ask('deposit', -1)))).toBe('NEXUS_INPUT_INVALID');
    expect(await codeOf(nexus.settle(ledger.ask('deposit', 1)))).toBe('NEXUS_STORE_FULL');
    storage.full = false;
    await nexus.advance(1000);
    nexus.killThread(1);
    await nexus.run();
    expect(await nexus.settle(ledger.ask('total'))).toBe(7);
    expect(await nexus.settle(ledger.ask('notes.read'))).toEqual([text]);
  });

  test('that is supervised is reminded, also by the successor of its thread', async () => {
    const { nexus } = await world();
    const bank = await nexus.spawn(Bank, { id: 'bank', thread: 0, init: ['a', 'bb'] });
    const a = nexus.find('a', Ledger) as AgentRef<typeof Ledger>;
    await nexus.settle(a.ask('deposit', 20));
    await nexus.settle(a.ask('remind', 500));
    nexus.killThread(await where(nexus, a));
    await nexus.advance(3000);
    expect(await nexus.settle(a.ask('total'))).toBe(15);
    expect(await nexus.settle(bank.ask('children'))).toMatchObject([
      { id: 'a', status: 'running' },
      { id: 'bb', status: 'running' },
    ]);
  });
});

test('after the loss of its thread an agent has its state, its supervisor, its links, and the groups and subscriptions of its definition', async () => {
  const { nexus, key, journal } = await world();
  const crew = await nexus.spawn(Crew, { id: 'crew', thread: 0, init: { key, kind: 'kept', threads: [1, 2, 3] } });
  const child = nexus.find('child 1') as unknown as Ref;
  const friend = await nexus.spawn(End, { id: 'friend', thread: 3 });
  await nexus.settle(child.ask('put', { from: 'test', number: 1 }));
  await nexus.settle(friend.ask('link', child));
  nexus.killThread(2);
  await nexus.advance(1000);
  expect(await nexus.settle(child.ask('count'))).toBe(1);
  expect(nexus.group('crew', Kept).size).toBe(3);
  journal.length = 0;
  nexus.publish('news', { from: 'test', number: 2 });
  nexus.group('crew', Tied).broadcast('put', { from: 'all', number: 3 });
  await nexus.run();
  expect(
    journal
      .filter(({ to }) => to === 'child 1')
      .map(({ from, what }) => [from, what])
      .sort(),
  ).toEqual([
    ['all', 'put'],
    ['test', 'news'],
  ]);
  expect(await nexus.settle(crew.ask('children'))).toMatchObject([{ status: 'running' }, { id: 'child 1', status: 'running' }, { status: 'running' }]);
  expect(await codeOf(nexus.settle(friend.ask('fail')))).toBe('boom');
  await nexus.advance(1000);
  // Linked to one that failed for good.
  expect(worlds.get(key).lives.get('child 1').starts).toBe(3);
});

describeEngines((engine) => {
  test('signals and sends through a group arrive once and in order while agents move between threads', { timeout: 60_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nexus-ties-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const nexus = await startNexus({ agents: [fixture('tied.mjs')], threads: 3, engine: { force: engine }, storage: { path: join(directory, 'store') } });
    const movers: Ref[] = [];
    for (let index = 0; index < 6; index++) movers.push(await nexus.spawn(Tied, { id: `mover ${index}`, thread: index % 4 }));
    const emitters: Ref[] = [];
    for (let thread = 0; thread < 4; thread++) emitters.push(await nexus.spawn(Tied, { id: `emitter ${thread}`, thread }));
    for (const mover of movers) await mover.ask('subscribe', 'red');
    await nexus.subscribed();
    const numbers = emitters.map(() => 0);
    for (let round = 0; round < 25; round++) {
      const moved = nexus.migrateMany(movers, round % 4);
      for (let burst = 0; burst < 10; burst++) {
        emitters.forEach((emitter, index) => {
          const from = numbers[index] as number;
          emitter.tell('spread', { ref: movers[burst % 6], topic: 'red', numbers: [from + 1, from + 3, from + 5] });
          numbers[index] = from + 6;
        });
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await moved).failures).toEqual([]);
    }
    const expected = Array.from({ length: (numbers[0] as number) / 2 }, (_, index) => index * 2 + 1);
    for (const mover of movers) {
      await until(async () => ((await mover.ask('received')) as unknown[]).length >= expected.length * emitters.length);
      const received = (await mover.ask('received')) as [string, number][];
      for (const emitter of emitters) expect(received.filter(([from]) => from === emitter.id).map(([, number]) => number)).toEqual(expected);
    }
  });
});

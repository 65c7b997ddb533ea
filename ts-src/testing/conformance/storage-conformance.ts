/**
 * What every store must do, as tests for any runner: the one on disk, the one in memory and the one of simulations pass it, and so must another one before a nexus can be given it. Faults are not in it: how
 * to make a disk full is a matter of the disk. Versions and tokens are `storage-versions.ts`.
 */
import assert from 'node:assert/strict';
import type { Reminder, Storage, StorageSource, StorageWrite, ThreadStorage } from '../../ports/storage.js';
import type { RegisterTest } from './conformance.js';
import { storageVersionsConformance } from './storage-versions.js';
import { event, reminder, shown, snapshot } from './stored-examples.js';

/**
 * Registers the tests.
 * @param source gives a store with nothing in it, for each test a new one: opened, closed and opened again it has what was written. Of one with `isShared` several may be open at once
 */
export function storageConformance(test: RegisterTest, source: () => Promise<StorageSource>): void {
  const over = (name: string, run: (thread: ThreadStorage, store: Storage, origin: StorageSource) => Promise<void>): void =>
    test(name, async () => {
      const origin = await source();
      const store = await origin.open();
      try {
        await run(store.openThread(), store, origin);
      } finally {
        await store.close();
      }
    });

  over('an empty store has nothing', async (thread) => {
    assert.equal(thread.load('order', '1'), undefined);
    assert.equal(thread.has('order', '1'), false);
    assert.deepEqual([...thread.agents()], []);
    assert.deepEqual(thread.remindersDue(Number.MAX_SAFE_INTEGER, 10), []);
    assert.deepEqual(thread.remindersOf('order', '1'), []);
    assert.equal(thread.nextReminderEpochMs(), undefined);
    const { agents, events, reminders } = thread.counts();
    assert.deepEqual([agents, events, reminders], [0, 0, 0]);
    await thread.write([]);
    await thread.write([
      { type: 'delete', kind: 'order', id: '1' },
      { type: 'clearReminder', kind: 'order', id: '1', name: 'pay' },
    ]);
    assert.equal(thread.has('order', '1'), false);
  });

  over('a snapshot replaces the one before and the events up to its sequence', async (thread) => {
    await thread.write([snapshot('order', '1', 2, 'two'), event('order', '1', 3), event('order', '1', 4), event('order', '1', 300)]);
    assert.deepEqual(shown(thread, 'order', '1'), ['two@2 v7', 'e3 v7', 'e4 v7', 'e300 v7']);
    await thread.write([snapshot('order', '1', 4, 'four')]);
    assert.deepEqual(shown(thread, 'order', '1'), ['four@4 v7', 'e300 v7']);
    await thread.write([snapshot('order', '1', Number.MAX_SAFE_INTEGER, 'last')]);
    assert.deepEqual(shown(thread, 'order', '1'), [`last@${Number.MAX_SAFE_INTEGER} v7`]);
    assert.equal(thread.counts().events, 0);
  });

  over('events need no snapshot, come in order, and one of the same sequence is replaced', async (thread) => {
    await thread.write([event('order', '1', 256), event('order', '1', 3), event('order', '1', 1)]);
    await thread.write([event('order', '1', 3, 'again')]);
    assert.equal(thread.has('order', '1'), true);
    assert.deepEqual(shown(thread, 'order', '1'), [undefined, 'e1 v7', 'again v7', 'e256 v7']);
    assert.deepEqual([...thread.agents()], [{ kind: 'order', id: '1' }]);
  });

  over('a deleted agent is gone with its events and reminders, and its neighbours are not', async (thread) => {
    const ids = ['a', 'a\0', 'ab', 'aa', '\0', 'b', 'a\u{10ffff}'];
    for (const id of ids) await thread.write([snapshot('k', id, 1, id), event('k', id, 2), { type: 'setReminder', reminder: reminder('k', id, 'r', 5) }]);
    await thread.write([snapshot('ka', 'a', 1, 'other kind'), { type: 'delete', kind: 'k', id: 'a' }]);
    assert.equal(thread.load('k', 'a'), undefined);
    assert.deepEqual(thread.remindersOf('k', 'a'), []);
    for (const id of ids.slice(1)) {
      assert.deepEqual(shown(thread, 'k', id), [`${id}@1 v7`, 'e2 v7']);
      assert.equal(thread.remindersOf('k', id).length, 1);
    }
    assert.deepEqual(shown(thread, 'ka', 'a'), ['other kind@1 v7']);
    assert.equal(thread.remindersDue(5, 100).length, ids.length - 1);
    assert.deepEqual([thread.counts('k').agents, thread.counts('k').events, thread.counts('k').reminders], [6, 6, 6]);
    assert.equal(thread.counts('ka').agents, 1);
  });

  over('reminders come earliest first, are replaced by name, and are gone when cleared', async (thread) => {
    const times = [1_700_000_000_000, 0, 5, 1e15, 0.5, 70_000];
    await thread.write(times.map((due, index) => ({ type: 'setReminder', reminder: reminder('k', 'x', `r${index}`, due) })));
    assert.equal(thread.nextReminderEpochMs(), 0);
    assert.deepEqual(
      thread.remindersDue(Number.MAX_VALUE, 100).map(({ dueEpochMs }) => dueEpochMs),
      [...times].sort((a, b) => a - b),
    );
    assert.deepEqual(
      thread.remindersDue(5, 100).map(({ name }) => name),
      ['r1', 'r4', 'r2'],
    );
    assert.equal(thread.remindersDue(5, 2).length, 2);
    assert.equal(thread.remindersDue(5, 0).length, 0);
    await thread.write([
      { type: 'setReminder', reminder: reminder('k', 'x', 'r1', 9) },
      { type: 'clearReminder', kind: 'k', id: 'x', name: 'r4' },
    ]);
    assert.equal(thread.nextReminderEpochMs(), 5);
    assert.deepEqual(
      thread.remindersDue(9, 100).map(({ name }) => name),
      ['r2', 'r1'],
    );
    assert.equal(thread.has('k', 'x'), false);
    const whole: Reminder = { kind: 'k', id: 'é', name: 'ü', dueEpochMs: 1, periodMs: 60_000, action: 'wake', input: Uint8Array.of(1, 2) };
    await thread.write([{ type: 'setReminder', reminder: whole }]);
    assert.deepEqual(thread.remindersOf('k', 'é'), [whole]);
    assert.deepEqual(thread.remindersDue(1, 1), [whole]);
  });

  over('agents are listed by kind, ids in order of their bytes, each once, while others are written', async (thread) => {
    const ids = Array.from({ length: 2500 }, (_, index) => `id-${String(index).padStart(5, '0')}`);
    await thread.write([...ids.map((id) => snapshot('big', id, 1, '')), snapshot('a', 'z', 1, ''), snapshot('a', 'é', 1, ''), snapshot('a', 'Z', 1, '')]);
    assert.deepEqual(
      [...thread.agents('a')].map(({ id }) => id),
      ['Z', 'z', 'é'],
    );
    const seen: string[] = [];
    for (const { kind, id } of thread.agents()) {
      if (kind === 'big') seen.push(id);
      if (seen.length === 500) await thread.write([snapshot('big', 'id-00000-between', 1, '')]);
      if (seen.length === 1200) await thread.write([{ type: 'delete', kind: 'big', id: 'id-02400' }]);
    }
    assert.deepEqual(
      seen.filter((id) => id !== 'id-00000-between' && id !== 'id-02400'),
      ids.filter((id) => id !== 'id-02400'),
    );
    assert.equal(thread.counts().agents, 2503);
    assert.deepEqual([...thread.agents('none')], []);
  });

  over('names may be as long as their limits and have any character', async (thread) => {
    const names = ['x'.repeat(1024), '\0'.repeat(1024), '\u{1f600}'.repeat(256), '\u00ff\u0001\0'];
    const kind = '\u20ac'.repeat(100);
    for (const id of names)
      await thread.write([snapshot(kind, id, 1, id), event(kind, id, 2), { type: 'setReminder', reminder: reminder(kind, id, 'n'.repeat(256), 3) }]);
    for (const id of names) assert.deepEqual(shown(thread, kind, id), [`${id}@1 v7`, 'e2 v7']);
    assert.deepEqual(new Set([...thread.agents(kind)].map(({ id }) => id)), new Set(names));
    assert.equal(thread.remindersDue(3, 10).length, 4);
    await thread.write(names.map((id) => ({ type: 'delete', kind, id })));
    assert.equal(thread.counts().agents + thread.counts().events + thread.counts().reminders, 0);
  });

  over('a batch that is none is refused and holds up nothing', async (thread) => {
    const wrong: unknown[] = [
      [snapshot('k', '', 1, '')],
      [snapshot('k', 'x'.repeat(1025), 1, '')],
      [snapshot('', 'x', 1, '')],
      [snapshot('k', '\ud800', 1, '')],
      [snapshot('k', 'x', -1, '')],
      [snapshot('k', 'x', 1.5, '')],
      [event('k', 'x', 0)],
      [{ type: 'snapshot', kind: 'k', id: 'x', snapshot: { schemaVersion: 2 ** 32, sequence: 1, state: new Uint8Array() } }],
      [{ type: 'snapshot', kind: 'k', id: 'x', snapshot: { schemaVersion: 1, sequence: 1, state: 'text' } }],
      [{ type: 'setReminder', reminder: reminder('k', 'x', 'r', -1) }],
      [{ type: 'setReminder', reminder: reminder('k', 'x', 'r', Number.NaN) }],
      [{ type: 'setReminder', reminder: reminder('k', 'x', 'r'.repeat(257), 1) }],
      [{ type: 'rename', kind: 'k', id: 'x' }],
      [snapshot('k', 'good', 1, ''), snapshot('k', '', 1, '')],
      'text',
    ];
    for (const batch of wrong) {
      const before = thread.write([snapshot('k', 'before', 1, '')]);
      await assert.rejects(thread.write(batch as StorageWrite[]), { code: 'NEXUS_OPTION_INVALID' });
      await Promise.all([before, thread.write([snapshot('k', 'after', 1, '')])]);
    }
    assert.equal(thread.has('k', 'good'), false);
    assert.throws(() => thread.load('', 'x'), { code: 'NEXUS_OPTION_INVALID' });
    assert.throws(() => thread.has('k', '\udc00'), { code: 'NEXUS_OPTION_INVALID' });
  });

  over('bytes are copied when they are given, and belong to whoever reads them', async (thread) => {
    const whole = Buffer.from('0123456789');
    const state = whole.subarray(2, 5);
    const written = thread.write([{ type: 'snapshot', kind: 'k', id: 'x', snapshot: { schemaVersion: 1, sequence: 1, state } }]);
    whole.fill(0);
    await written;
    const first = thread.load('k', 'x')?.snapshot?.state as Uint8Array;
    assert.equal(Buffer.from(first).toString(), '234');
    first.fill(0);
    thread.load('k', 'x');
    assert.equal(Buffer.from(thread.load('k', 'x')?.snapshot?.state as Uint8Array).toString(), '234');
    const large = new Uint8Array(5_000_000).map((_, index) => index * 7);
    await thread.write([
      { type: 'snapshot', kind: 'k', id: 'large', snapshot: { schemaVersion: 1, sequence: 1, state: large } },
      snapshot('k', 'empty', 1, ''),
    ]);
    assert.deepEqual(Buffer.from(thread.load('k', 'large')?.snapshot?.state as Uint8Array).equals(large), true);
    assert.equal(thread.load('k', 'empty')?.snapshot?.state.length, 0);
  });

  over('batches of a thread take effect in the order of the calls', async (thread) => {
    const settled: number[] = [];
    const writes = Array.from({ length: 300 }, (_, index) => thread.write([snapshot('k', 'x', index, String(index))]).then(() => settled.push(index)));
    await Promise.all(writes);
    assert.deepEqual(
      settled,
      writes.map((_, index) => index),
    );
    assert.deepEqual(shown(thread, 'k', 'x'), ['299@299 v7']);
  });

  over('a thread sees what another one was told is written', async (thread, store) => {
    const other = store.openThread();
    for (let round = 0; round < 50; round += 1) {
      await thread.write([snapshot('k', 'x', round, String(round))]);
      assert.deepEqual(shown(other, 'k', 'x'), [`${round}@${round} v7`]);
      await other.write([event('k', 'x', round + 1)]);
      assert.deepEqual(shown(thread, 'k', 'x'), [`${round}@${round} v7`, `e${round + 1} v7`]);
    }
  });

  test('what was written is there when the store is opened again, by one nexus at a time', async () => {
    const origin = await source();
    const first = await origin.open();
    if (origin.isShared !== true) await assert.rejects(origin.open(), { code: 'NEXUS_STORE_LOCKED' });
    const thread = first.openThread();
    const last = thread.write([snapshot('k', 'x', 3, 'three'), event('k', 'x', 4), { type: 'setReminder', reminder: reminder('k', 'x', 'r', 5) }]);
    await Promise.all([first.close(), first.close()]);
    await last;
    assert.throws(() => thread.load('k', 'x'), { code: 'NEXUS_STORE_FAILED' });
    await assert.rejects(thread.write([]), { code: 'NEXUS_STORE_FAILED' });
    assert.throws(() => first.openThread(), { code: 'NEXUS_STORE_FAILED' });
    const second = await origin.open();
    const again = second.openThread();
    assert.deepEqual(shown(again, 'k', 'x'), ['three@3 v7', 'e4 v7']);
    assert.equal(again.nextReminderEpochMs(), 5);
    await again.close();
    await again.close();
    await second.close();
  });

  storageVersionsConformance(over);
}

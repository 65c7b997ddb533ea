/** What every store must do with versions: refuse what a later activation has overtaken, within the transaction of the write, and remember tokens for longer than agents. Part of `storage-conformance.ts`. */
import assert from 'node:assert/strict';
import type { Storage, StorageSource, StorageWrite, StoredVersion, ThreadStorage } from '../../ports/storage.js';
import { event, reminder, shown, snapshot } from './stored-examples.js';

type Over = (name: string, run: (thread: ThreadStorage, store: Storage, origin: StorageSource) => Promise<void>) => void;

const STALE = { code: 'NEXUS_TOKEN_STALE' };

export function storageVersionsConformance(over: Over): void {
  over('a write with a lower token than one that was seen is refused, with all of its batch', async (thread, store) => {
    await thread.write([snapshot('k', 'x', 1, 'first', { token: 5, revision: 1 })]);
    await thread.write([snapshot('k', 'x', 2, 'second', { token: 7, revision: 1 })]);
    const late: StorageWrite[] = [
      snapshot('k', 'x', 3, 'late', { token: 5, revision: 2 }),
      event('k', 'x', 3, 'late', { token: 6, revision: 9 }),
      { type: 'delete', kind: 'k', id: 'x', version: { token: 6, revision: 1 } },
      { type: 'setReminder', reminder: reminder('k', 'x', 'r', 5), version: { token: 6, revision: 1 } },
      { type: 'clearReminder', kind: 'k', id: 'x', name: 'r', version: { token: 6, revision: 1 } },
      { type: 'fence', kind: 'k', id: 'x', token: 6 },
    ];
    for (const write of late) {
      await assert.rejects(thread.write([snapshot('k', 'other', 1, 'x'), write]), {
        ...STALE,
        data: { kind: 'k', id: 'x', token: tokenOf(write), seenToken: 7 },
      });
      assert.equal(thread.has('k', 'other'), false);
    }
    assert.deepEqual(shown(thread, 'k', 'x'), ['second@2 v7']);
    assert.deepEqual(thread.remindersOf('k', 'x'), []);
    await assert.rejects(store.openThread().write([snapshot('k', 'x', 4, 'of another thread', { token: 6, revision: 1 })]), STALE);
    // Of another kind, and of another id.
    await thread.write([snapshot('kk', 'x', 1, 'a', { token: 1, revision: 1 }), snapshot('k', 'xx', 1, 'b', { token: 1, revision: 1 })]);
    assert.deepEqual(shown(thread, 'k', 'xx'), ['b@1 v7']);
  });

  over('of one activation a lower revision than the last is refused, and the same one is not', async (thread) => {
    await thread.write([snapshot('k', 'x', 9, 'nine', { token: 5, revision: 9 }), event('k', 'x', 10, 'ten', { token: 5, revision: 9 })]);
    await assert.rejects(thread.write([snapshot('k', 'x', 11, 'late', { token: 5, revision: 8 })]), STALE);
    await thread.write([event('k', 'x', 11, 'eleven', { token: 5, revision: 9 })]);
    await thread.write([snapshot('k', 'x', 11, 'next', { token: 6, revision: 0 })]);
    assert.deepEqual(shown(thread, 'k', 'x'), ['next@11 v7']);
    assert.deepEqual(plain(thread.versionOf('k', 'x')), [6, 0, 6, 'stored']);
  });

  over('a stale batch holds up nothing, and those before and after it are stored', async (thread) => {
    await thread.write([snapshot('k', 'x', 1, 'one', { token: 5, revision: 1 })]);
    const results = await Promise.allSettled([
      thread.write([snapshot('k', 'a', 1, 'a')]),
      thread.write([snapshot('k', 'x', 2, 'late', { token: 4, revision: 1 })]),
      thread.write([snapshot('k', 'b', 1, 'b'), snapshot('k', 'x', 3, 'three', { token: 5, revision: 2 })]),
      thread.write([snapshot('k', 'x', 4, 'later', { token: 9, revision: 1 })]),
      // Overtaken by the one before it, which is not stored yet.
      thread.write([snapshot('k', 'x', 5, 'late', { token: 5, revision: 3 })]),
    ]);
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? 'stored' : (result.reason as { code: string }).code)),
      ['stored', 'NEXUS_TOKEN_STALE', 'stored', 'stored', 'NEXUS_TOKEN_STALE'],
    );
    assert.deepEqual([shown(thread, 'k', 'x'), thread.has('k', 'a'), thread.has('k', 'b')], [['later@4 v7'], true, true]);
  });

  over('what an agent was deleted with stays known, also when the store is opened again', async (thread, store, origin) => {
    await thread.write([snapshot('k', 'x', 1, 'one', { token: 5, revision: 1 })]);
    await thread.write([{ type: 'delete', kind: 'k', id: 'x', version: { token: 5, revision: 2 }, epochMs: 1_700_000_000_000 }]);
    assert.equal(thread.has('k', 'x'), false);
    assert.deepEqual(plain(thread.versionOf('k', 'x')), [5, 2, 5, 1_700_000_000_000]);
    await store.close();
    const again = await origin.open();
    try {
      const second = again.openThread();
      assert.deepEqual(plain(second.versionOf('k', 'x')), [5, 2, 5, 1_700_000_000_000]);
      await assert.rejects(second.write([snapshot('k', 'x', 2, 'late', { token: 4, revision: 7 })]), STALE);
      await second.write([
        { type: 'delete', kind: 'k', id: 'x', version: { token: 6, revision: 1 } },
        snapshot('k', 'x', 3, 'again', { token: 6, revision: 1 }),
      ]);
      assert.deepEqual([shown(second, 'k', 'x'), plain(second.versionOf('k', 'x'))], [['again@3 v7'], [6, 1, 6, 'stored']]);
    } finally {
      await again.close();
    }
  });

  over('a fence refuses lower tokens and changes nothing else', async (thread) => {
    await thread.write([snapshot('k', 'x', 1, 'one', { token: 5, revision: 3 })]);
    await thread.write([
      { type: 'fence', kind: 'k', id: 'x', token: 8 },
      { type: 'fence', kind: 'k', id: 'new', token: 8 },
    ]);
    assert.deepEqual([shown(thread, 'k', 'x'), plain(thread.versionOf('k', 'x'))], [['one@1 v7'], [5, 3, 8, 'stored']]);
    await assert.rejects(thread.write([snapshot('k', 'x', 2, 'late', { token: 7, revision: 1 })]), STALE);
    assert.equal(thread.has('k', 'new'), false);
    await assert.rejects(thread.write([snapshot('k', 'new', 1, 'late', { token: 7, revision: 1 })]), STALE);
    await thread.write([snapshot('k', 'x', 2, 'two', { token: 8, revision: 0 })]);
    assert.deepEqual(plain(thread.versionOf('k', 'x')), [8, 0, 8, 'stored']);
  });

  over('a write without a version is never refused, and counts where there is one', async (thread) => {
    await thread.write([snapshot('k', 'plain', 1, 'a'), { type: 'delete', kind: 'k', id: 'none' }]);
    assert.deepEqual([plain(thread.versionOf('k', 'plain')), thread.versionOf('k', 'none')], [[0, 0, 0, 'stored'], undefined]);
    await thread.write([snapshot('k', 'x', 1, 'one', { token: 5, revision: 3 })]);
    await thread.write([snapshot('k', 'x', 2, 'two')]);
    await thread.write([{ type: 'setReminder', reminder: reminder('k', 'x', 'r', 5) }]);
    assert.deepEqual([shown(thread, 'k', 'x'), plain(thread.versionOf('k', 'x'))], [['two@2 v7'], [5, 5, 5, 'stored']]);
    await thread.write([{ type: 'delete', kind: 'k', id: 'x' }]);
    assert.deepEqual(plain(thread.versionOf('k', 'x')), [5, 6, 5, 0]);
  });

  over('an agent is dropped with its versions, unless it has another one by now', async (thread) => {
    await thread.write([
      snapshot('k', 'x', 1, 'one', { token: 5, revision: 3 }),
      { type: 'setReminder', reminder: reminder('k', 'x', 'r', 5), version: { token: 5, revision: 3 } },
    ]);
    await thread.write([{ type: 'drop', kind: 'k', id: 'x', version: { token: 5, revision: 2 } }]);
    assert.equal(thread.has('k', 'x'), true);
    await thread.write([{ type: 'drop', kind: 'k', id: 'x', version: { token: 5, revision: 3 } }]);
    assert.deepEqual([thread.has('k', 'x'), thread.versionOf('k', 'x'), thread.remindersOf('k', 'x')], [false, undefined, []]);
    await thread.write([snapshot('k', 'plain', 1, 'a')]);
    await thread.write([{ type: 'drop', kind: 'k', id: 'plain', version: { token: 0, revision: 0 } }]);
    assert.equal(thread.has('k', 'plain'), false);
    // Its token is not known any more.
    await thread.write([snapshot('k', 'x', 1, 'lower', { token: 2, revision: 1 })]);
    assert.deepEqual(shown(thread, 'k', 'x'), ['lower@1 v7']);
  });

  over('versions are listed, of those that are stored and of those that were deleted', async (thread) => {
    const ids = Array.from({ length: 1500 }, (_, index) => `id-${index}`);
    await thread.write(ids.map((id, index) => snapshot('k', id, 1, '', { token: index + 1, revision: 1 })));
    await thread.write([snapshot('plain', 'é', 1, ''), { type: 'delete', kind: 'k', id: 'id-7', version: { token: 2000, revision: 1 }, epochMs: 9 }]);
    const listed = new Map([...thread.versions()].map((each) => [`${each.kind}/${each.id}`, plain(each)]));
    assert.equal(listed.size, 1501);
    assert.deepEqual(
      [listed.get('k/id-1499'), listed.get('k/id-7'), listed.get('plain/é')],
      [
        [1500, 1, 1500, 'stored'],
        [2000, 1, 2000, 9],
        [0, 0, 0, 'stored'],
      ],
    );
    assert.equal([...thread.agents('k')].length, 1499);
  });

  over('a version that is none is refused', async (thread) => {
    const wrong: unknown[] = [
      snapshot('k', 'x', 1, '', { token: 0, revision: 1 }),
      snapshot('k', 'x', 1, '', { token: 1.5, revision: 1 }),
      snapshot('k', 'x', 1, '', { token: 1, revision: -1 }),
      { type: 'fence', kind: 'k', id: 'x', token: 0 },
      { type: 'drop', kind: 'k', id: 'x', version: { token: -1, revision: 0 } },
      { type: 'delete', kind: 'k', id: 'x', epochMs: -1 },
    ];
    for (const write of wrong) await assert.rejects(thread.write([write as StorageWrite]), { code: 'NEXUS_OPTION_INVALID' });
  });
}

function tokenOf(write: StorageWrite): number {
  return write.type === 'fence' ? write.token : (write.version?.token ?? 0);
}

/** Token, revision, greatest token, and when it was deleted. */
function plain(version: StoredVersion | undefined): readonly (number | string)[] | undefined {
  return version && [version.token, version.revision, version.seenToken, version.deletedEpochMs ?? 'stored'];
}

/** What becomes of writes when the writer of the store on disk is gone, and how much of them may wait. */
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { pagesFor } from '../../dist/ts-src/adapters/lmdb/room.js';
import { decodeBatch, encodeBatch } from '../../dist/ts-src/adapters/lmdb/batch-bytes.js';
import { lmdbStorage } from '../../dist/ts-src/adapters/lmdb/lmdb-storage.js';
import { openAttachment } from '../../dist/ts-src/adapters/lmdb/thread.js';
import { memoryStorage } from '../../dist/ts-src/adapters/memory-storage.js';
import type { StorageSource, StorageWrite } from '../../dist/ts-src/ports/storage.js';
import { event, shown, snapshot } from '../../dist/ts-src/testing/conformance/stored-examples.js';
import { storePath } from './storage-places.js';

const large = (id: string): StorageWrite => ({
  type: 'snapshot',
  kind: 'k',
  id,
  snapshot: { schemaVersion: 1, sequence: 1, state: new Uint8Array(60 * 1024 * 1024) },
});

for (const [name, source] of Object.entries<() => StorageSource>({ memory: memoryStorage, lmdb: () => lmdbStorage({ path: storePath() }) })) {
  test(`more than a thread may have waiting is refused, and what waits is stored (${name})`, async () => {
    const store = await source().open();
    const thread = store.openThread();
    const taken = ['a', 'b', 'c', 'd'].map((id) => thread.write([large(id)]));
    await expect(thread.write([large('e')])).rejects.toMatchObject({
      code: 'NEXUS_STORE_FAILED',
      message: expect.stringContaining('wait to be stored already'),
    });
    await Promise.all(taken);
    expect([...thread.agents()].map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
    await thread.write([snapshot('k', 'e', 1, 'small')]);
    await store.close();
  }, 120_000);
}

test('writes fail when the writer has ended, those that wait and those after', async () => {
  const path = storePath();
  const store = await lmdbStorage({ path }).open();
  const { port1, port2 } = new MessageChannel();
  const thread = await openAttachment({ path, port: port2, commits: new SharedArrayBuffer(4) });
  const waits = thread.write([snapshot('k', 'x', 1, 'x')]);
  port1.close();
  await expect(waits).rejects.toMatchObject({ code: 'NEXUS_STORE_FAILED', message: expect.stringContaining('the writer of the store') });
  await expect(thread.write([snapshot('k', 'x', 1, 'x')])).rejects.toMatchObject({ code: 'NEXUS_STORE_FAILED' });
  expect(thread.load('k', 'x')).toBeUndefined();
  await thread.close();
  await store.close();
});

test('a batch is the same operations after its way to the writer', () => {
  const batch = [snapshot('k', 'x', 1, 'state'), event('k', 'x', 2), { type: 'delete', kind: 'k', id: 'y' } as const];
  const operations = decodeBatch(encodeBatch(batch));
  expect(operations.map(({ operation, fields }) => [operation, fields.length])).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
  expect(decodeBatch(encodeBatch([]))).toEqual([]);
});

test('the room that a transaction takes grows with what it writes and not with the store', () => {
  const store = { pageSize: 4096, treeDepth: 4, leafPages: 1_000_000, branchPages: 10_000, freePages: 0 };
  const one = decodeBatch(encodeBatch([snapshot('k', 'x', 1, 'state')]));
  const small = pagesFor(one, store);
  expect(small).toBeLessThan(300);
  expect(pagesFor(decodeBatch(encodeBatch([snapshot('k', 'x', 1, 'y'.repeat(4_096_000))])), store)).toBeGreaterThan(small + 1000);
  expect(pagesFor(decodeBatch(encodeBatch(Array.from({ length: 1000 }, (_, index) => snapshot('k', `${index}`, 1, 'z')))), store)).toBeLessThan(12_000);
  const removes = decodeBatch(encodeBatch([{ type: 'delete', kind: 'k', id: 'x' }]));
  expect(pagesFor(removes, store)).toBeLessThan(small - 50);
});

test('what is closed has ended: another nexus gets the store at once, many times', async () => {
  const path = storePath();
  for (let round = 1; round <= 10; round += 1) {
    const store = await lmdbStorage({ path }).open();
    const threads = [store.openThread(), store.openThread()];
    void threads[0]?.write([snapshot('k', 'x', round, 'x')]);
    await store.close();
    const again = await lmdbStorage({ path }).open();
    expect(shown(again.openThread(), 'k', 'x')).toEqual([`x@${round} v7`]);
    await again.close();
  }
});

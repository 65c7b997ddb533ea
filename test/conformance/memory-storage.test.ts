/** The faults that tests can ask of the store in memory. */
import { expect, test } from 'vitest';
import { memoryStorage } from '../../dist/ts-src/adapters/memory-storage.js';
import { isStorageSource } from '../../dist/ts-src/ports/storage.js';
import { event, shown, snapshot } from '../../dist/ts-src/testing/conformance/stored-examples.js';

test('a write that was told to fail fails once, with those of its thread behind it, and stores nothing', async () => {
  const memory = memoryStorage();
  const store = await memory.open();
  const [thread, other] = [store.openThread(), store.openThread()];
  memory.failNextWrite();
  const results = await Promise.allSettled([
    thread.write([snapshot('k', 'x', 1, 'one'), snapshot('k', 'y', 1, 'one')]),
    thread.write([snapshot('k', 'x', 2, 'two')]),
    other.write([snapshot('k', 'z', 1, 'other')]),
  ]);
  expect(results.map((result) => (result.status === 'fulfilled' ? 'stored' : result.reason.code))).toEqual([
    'NEXUS_STORE_FAILED',
    'NEXUS_STORE_FAILED',
    'stored',
  ]);
  expect([...thread.agents()]).toEqual([{ kind: 'k', id: 'z' }]);
  await thread.write([snapshot('k', 'x', 3, 'three')]);
  expect(shown(thread, 'k', 'x')).toEqual(['three@3 v7']);
  memory.full = true;
  await expect(thread.write([event('k', 'x', 4)])).rejects.toMatchObject({ code: 'NEXUS_STORE_FULL' });
  memory.full = false;
  await thread.write([event('k', 'x', 4)]);
  expect(shown(thread, 'k', 'x')).toEqual(['three@3 v7', 'e4 v7']);
});

test('writes that are held back are stored in order when they are released, and lost in a crash', async () => {
  const memory = memoryStorage();
  const store = await memory.open();
  const thread = store.openThread();
  memory.holdWrites();
  const writes = [thread.write([snapshot('k', 'x', 1, 'one')]), thread.write([snapshot('k', 'x', 2, 'two')])];
  await Promise.resolve();
  expect(memory.waiting).toBe(2);
  expect(thread.has('k', 'x')).toBe(false);
  memory.releaseWrites();
  await Promise.all(writes);
  expect(shown(thread, 'k', 'x')).toEqual(['two@2 v7']);
  memory.holdWrites();
  void thread.write([snapshot('k', 'x', 3, 'three')]);
  memory.crash();
  await store.close();
  expect(() => thread.load('k', 'x')).toThrow(expect.objectContaining({ code: 'NEXUS_STORE_FAILED' }));
  const again = (await memory.open()).openThread();
  expect(shown(again, 'k', 'x')).toEqual(['two@2 v7']);
});

test('an agent that was told to be corrupt is named until it is written again', async () => {
  const memory = memoryStorage();
  const thread = (await memory.open()).openThread();
  await thread.write([snapshot('k', 'x', 1, 'one'), snapshot('k', 'y', 1, 'one')]);
  memory.corrupt('k', 'x');
  expect(() => thread.load('k', 'x')).toThrow(expect.objectContaining({ code: 'NEXUS_STORE_CORRUPT', data: { kind: 'k', id: 'x' } }));
  expect(shown(thread, 'k', 'y')).toEqual(['one@1 v7']);
  await thread.write([snapshot('k', 'x', 2, 'two')]);
  expect(shown(thread, 'k', 'x')).toEqual(['two@2 v7']);
});

test('workers cannot see a store in memory, and the error says what to do', async () => {
  const memory = memoryStorage();
  expect(isStorageSource(memory)).toBe(true);
  expect(isStorageSource({ path: '/tmp' })).toBe(false);
  const store = await memory.open();
  expect(() => store.attachment()).toThrow(expect.objectContaining({ code: 'NEXUS_STORE_UNAVAILABLE', message: expect.stringContaining('threads: 0') }));
});

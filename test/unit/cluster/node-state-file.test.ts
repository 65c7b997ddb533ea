/** The file in which a node keeps its state: whole or not there, whatever was in the way. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { nodeStateFile } from '../../../dist/ts-src/adapters/node-state-file.js';
import { codeOf, failureOf } from '../../start-nexus.js';

const folder = mkdtempSync(join(tmpdir(), 'nexus-node-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('what was saved is loaded, from a directory that is made', async () => {
  const store = nodeStateFile(join(folder, 'new/one'), 'n');
  expect(await store.load()).toBeUndefined();
  await store.save(Uint8Array.of(1, 2, 3));
  await store.save(Uint8Array.of(4));
  expect(await nodeStateFile(join(folder, 'new/one'), 'n').load()).toEqual(Uint8Array.of(4));
  expect(readdirSync(join(folder, 'new/one'))).toEqual(['n']);
});

test('a file with any byte changed, cut off or of something else is as none', async () => {
  const store = nodeStateFile(folder, 'damaged');
  await store.save(Uint8Array.of(1, 2, 3));
  const path = join(folder, 'damaged');
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 1;
    writeFileSync(path, changed);
    expect(await store.load(), `byte ${at}`).toBeUndefined();
    writeFileSync(path, whole.subarray(0, at));
    expect(await store.load(), `cut at ${at}`).toBeUndefined();
  }
  writeFileSync(path, whole);
  expect(await store.load()).toEqual(Uint8Array.of(1, 2, 3));
});

test('a directory that cannot be one is refused by its path', async () => {
  writeFileSync(join(folder, 'file'), '');
  const store = nodeStateFile(join(folder, 'file/below'), 'n');
  expect(await codeOf(store.load())).toBe('NEXUS_NODE_STATE_UNUSABLE');
  expect(await codeOf(store.save(Uint8Array.of(1)))).toBe('NEXUS_NODE_STATE_UNUSABLE');
});

test.skipIf(process.platform !== 'linux')('a directory that a file system refuses to make is an error, and no endless try', async () => {
  const failure = await failureOf(nodeStateFile('/proc/nexus/below', 'n').load());
  expect(failure).toMatchObject({ code: 'NEXUS_NODE_STATE_UNUSABLE', message: expect.stringContaining('cannot be made') });
});

/** What is not a store, or not a whole one, is refused with what it is, and left as it is. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lmdbStorage } from '../../dist/ts-src/adapters/lmdb/lmdb-storage.js';
import { event, reminder, shown, snapshot } from '../../dist/ts-src/testing/conformance/stored-examples.js';
import type { ThreadStorage } from '../../dist/ts-src/ports/storage.js';
import { storePath } from '../conformance/storage-places.js';

const LMDB = import.meta.resolve('lmdb');
const READ = fileURLToPath(new URL('../fixtures/store-read.mjs', import.meta.url));

/** Of each file by its path; `lock.mdb` of a store is LMDB's table of who is there now, and has no data. */
function hashes(path: string): Record<string, string> {
  const hash = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
  if (!statSync(path).isDirectory()) return { '': hash(path) };
  const names = (readdirSync(path, { recursive: true }) as string[]).filter((name) => !statSync(join(path, name)).isDirectory());
  return Object.fromEntries(names.filter((name) => name !== 'lock.mdb' || !names.includes('nexus-store.json')).map((name) => [name, hash(join(path, name))]));
}

async function refused(path: string, code: string, message: RegExp): Promise<void> {
  const before = hashes(path);
  const error = await lmdbStorage({ path })
    .open()
    .then(
      async (store) => (await store.close(), new Error('was opened')),
      (failure: Error) => failure,
    );
  expect(error).toMatchObject({ name: 'NexusError', code });
  expect(error.message).toMatch(message);
  expect(error.message).toContain(path);
  expect(hashes(path)).toEqual(before);
}

async function stored(path: string, agents = 300): Promise<void> {
  const store = await lmdbStorage({ path }).open();
  const thread = store.openThread();
  const ids = Array.from({ length: agents }, (_, index) => String(index));
  await thread.write(ids.map((id) => snapshot('order', id, 1, `state of ${id} `.repeat(20))));
  await thread.write(ids.map((id) => snapshot('order', id, 2, `state of ${id} `.repeat(20))));
  await thread.write([event('order', '7', 3, 'paid with a card'), { type: 'setReminder', reminder: reminder('order', '7', 'ship', 5) }]);
  await store.close();
}

const data = (path: string): string => join(path, 'data.mdb');

test('a file, a directory with other files, and an LMDB database of others are foreign', async () => {
  const file = storePath();
  writeFileSync(file, 'my notes');
  await refused(file, 'NEXUS_STORE_FOREIGN', /it is a file/);
  const directory = storePath();
  mkdirSync(join(directory, 'sub'), { recursive: true });
  writeFileSync(join(directory, 'sub', 'photo.jpg'), 'x');
  await refused(directory, 'NEXUS_STORE_FOREIGN', /other things in it, such as 'sub'/);
  const database = storePath();
  execFileSync(process.execPath, [
    '--input-type=module',
    '-e',
    `import { open } from '${LMDB}'; const db = open({ path: '${database}' }); await db.put('a', 1); await db.close();`,
  ]);
  await refused(database, 'NEXUS_STORE_FOREIGN', /LMDB database without nexus-store.json/);
  const marker = storePath();
  mkdirSync(marker);
  writeFileSync(join(marker, 'nexus-store.json'), '{"magic":"something else"}');
  await refused(marker, 'NEXUS_STORE_FOREIGN', /not that of a store/);
});

test('a store of a newer format is refused as such', async () => {
  const path = storePath();
  await stored(path, 3);
  const marker = join(path, 'nexus-store.json');
  writeFileSync(marker, JSON.stringify({ ...JSON.parse(readFileSync(marker, 'utf8')), format: 3, createdBy: '9.0.0' }));
  await refused(path, 'NEXUS_STORE_VERSION', /format 3 \(of nexus-agents 9.0.0\); this version reads up to 2/);
});

test('a store keeps its format until it is given a version, and what is in it then', async () => {
  const path = storePath();
  await stored(path, 3);
  const format = (): number => (JSON.parse(readFileSync(join(path, 'nexus-store.json'), 'utf8')) as { readonly format: number }).format;
  const list = async (run: (thread: ThreadStorage) => Promise<void>): Promise<readonly string[]> => {
    const store = await lmdbStorage({ path }).open();
    const thread = store.openThread();
    await run(thread);
    const found = [...thread.agents()].map(({ id }) => id);
    await store.close();
    return found;
  };
  const before = await list((thread) => thread.write([snapshot('k', 'plain', 1, 'p')]));
  expect(format()).toBe(1);
  const after = await list(async (thread) => {
    await thread.write([snapshot('k', 'versioned', 1, 'v', { token: 5, revision: 1 }), { type: 'fence', kind: 'k', id: 'plain', token: 4 }]);
    await expect(thread.write([snapshot('k', 'plain', 2, 'late', { token: 3, revision: 1 })])).rejects.toMatchObject({ code: 'NEXUS_TOKEN_STALE' });
  });
  expect(format()).toBe(2);
  expect([...after].sort()).toEqual([...before, 'versioned'].sort());
  await list(async (thread) => {
    expect(thread.versionOf('k', 'versioned')).toEqual({ token: 5, revision: 1, seenToken: 5, deletedEpochMs: undefined });
    await expect(thread.write([snapshot('k', 'versioned', 2, 'late', { token: 4, revision: 9 })])).rejects.toMatchObject({ code: 'NEXUS_TOKEN_STALE' });
  });
});

test('a store without its database, with that of another store, or with a marker that is not whole is damaged', async () => {
  const [path, other] = [storePath(), storePath()];
  await stored(path, 3);
  await stored(other, 3);
  const whole = storePath();
  cpSync(path, whole, { recursive: true });
  cpSync(data(other), data(path));
  await refused(path, 'NEXUS_STORE_CORRUPT', /its database is that of another store/);
  rmSync(data(path));
  await refused(path, 'NEXUS_STORE_CORRUPT', /data.mdb is gone/);
  writeFileSync(data(path), '');
  await refused(path, 'NEXUS_STORE_CORRUPT', /ends within its first pages/);
  writeFileSync(data(path), Buffer.alloc(100_000, 'garbage'));
  await refused(path, 'NEXUS_STORE_CORRUPT', /does not start with the pages of a database/);
  truncateSync(join(whole, 'nexus-store.json'), 40);
  await refused(whole, 'NEXUS_STORE_CORRUPT', /nexus-store.json is not JSON/);
});

test('a database that is cut off anywhere is refused or has all that was written', async () => {
  const path = storePath();
  await stored(path);
  const size = statSync(data(path)).size;
  const original = readFileSync(data(path));
  let refusals = 0;
  for (let bytes = size - 1; bytes > 0; bytes -= bytes > 300_000 ? 150_000 : 12_000) {
    writeFileSync(data(path), original.subarray(0, bytes));
    const opened = await lmdbStorage({ path })
      .open()
      .catch(async (error) => {
        expect(error).toMatchObject({ code: 'NEXUS_STORE_CORRUPT' });
        return undefined;
      });
    if (opened === undefined) {
      refusals += 1;
      expect(readFileSync(data(path)).equals(original.subarray(0, bytes))).toBe(true);
      continue;
    }
    const thread = opened.openThread();
    for (let id = 0; id < 300; id += 1) expect(thread.load('order', String(id))?.snapshot?.sequence).toBe(2);
    await opened.close();
  }
  expect(refusals).toBeGreaterThan(10);
}, 120_000);

test('a record that changed on disk is named and not returned, and the others are', async () => {
  const path = storePath();
  await stored(path);
  const change = (text: string): void => {
    const bytes = readFileSync(data(path));
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) bytes[at + 3] = (bytes[at + 3] as number) ^ 4;
    writeFileSync(data(path), bytes);
  };
  change('state of 123 ');
  change('paid with a card');
  const store = await lmdbStorage({ path }).open();
  const thread = store.openThread();
  expect(() => thread.load('order', '123')).toThrow(
    expect.objectContaining({ code: 'NEXUS_STORE_CORRUPT', data: expect.objectContaining({ kind: 'order', id: '123' }) }),
  );
  expect(() => thread.load('order', '7')).toThrow(/a stored event of order '7'/);
  expect(shown(thread, 'order', '122')).toEqual([`${'state of 122 '.repeat(20)}@2 v7`]);
  await thread.write([snapshot('order', '123', 9, 'mended'), { type: 'delete', kind: 'order', id: '7' }]);
  expect(shown(thread, 'order', '123')).toEqual(['mended@9 v7']);
  expect(thread.load('order', '7')).toBeUndefined();
  expect(thread.nextReminderEpochMs()).toBeUndefined();
  await store.close();
});

test('a reminder that changed on disk is named, and can be cleared', async () => {
  const path = storePath();
  await stored(path, 3);
  const bytes = readFileSync(data(path));
  for (let at = bytes.indexOf('wake'); at >= 0; at = bytes.indexOf('wake', at + 1)) bytes[at] = 0x57;
  writeFileSync(data(path), bytes);
  const store = await lmdbStorage({ path }).open();
  const thread = store.openThread();
  const names = { kind: 'order', id: '7', name: 'ship' };
  expect(() => thread.remindersDue(9, 9)).toThrow(expect.objectContaining({ code: 'NEXUS_STORE_CORRUPT', data: expect.objectContaining(names) }));
  expect(() => thread.remindersOf('order', '7')).toThrow(/the reminder 'ship' of order '7'/);
  await thread.write([{ type: 'clearReminder', ...names }]);
  expect(thread.remindersDue(9, 9)).toEqual([]);
  expect(thread.nextReminderEpochMs()).toBeUndefined();
  await store.close();
});

test('bytes that change anywhere in the database never end the process and are never returned as data', async () => {
  const path = storePath();
  await stored(path, 60);
  const original = readFileSync(data(path));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      async (changes, wholePage) => {
        const bytes = Buffer.from(original);
        for (const [at, mask] of changes) {
          if (wholePage) bytes.fill(mask, at & ~0xfff, (at & ~0xfff) + 4096);
          else bytes[at] = (bytes[at] as number) ^ mask;
        }
        writeFileSync(data(path), bytes);
        const { status, signal, stdout } = spawnSync(process.execPath, [READ, path, '60'], { encoding: 'utf8' });
        expect({ status, signal, stdout }).toEqual({ status: 0, signal: null, stdout: 'read or refused\n' });
      },
    ),
    { numRuns: Number(process.env['NEXUS_STORE_RUNS'] ?? 25) },
  );
}, 240_000);

test('a store whose creation was interrupted is created to the end', async () => {
  const path = storePath();
  mkdirSync(path);
  const store = await lmdbStorage({ path }).open();
  await store.close();
  const marker = join(path, 'nexus-store.json');
  const ready = JSON.parse(readFileSync(marker, 'utf8')) as object;
  writeFileSync(marker, JSON.stringify({ ...ready, state: 'creating' }));
  for (const left of [['nexus-store.json', 'data.mdb', 'lock.mdb'], ['nexus-store.json'], ['nexus-store.json', 'data.mdb']]) {
    for (const name of readdirSync(path)) if (!left.includes(name)) rmSync(join(path, name));
    if (left.length === 2) writeFileSync(data(path), '');
    const again = await lmdbStorage({ path }).open();
    await again.openThread().write([snapshot('k', 'x', 1, 'x')]);
    await again.close();
    expect(JSON.parse(readFileSync(marker, 'utf8'))).toMatchObject({ state: 'ready' });
    writeFileSync(marker, JSON.stringify({ ...ready, state: 'creating' }));
  }
});

test('a path where no store can be says why', async () => {
  const path = storePath();
  await expect(lmdbStorage({ path: join(path, 'deeper') }).open()).rejects.toMatchObject({
    code: 'NEXUS_STORE_FAILED',
    message: expect.stringContaining(`no directory ${path}`),
  });
  writeFileSync(path, 'a file');
  await expect(lmdbStorage({ path: join(path, 'below') }).open()).rejects.toMatchObject({
    code: 'NEXUS_STORE_FAILED',
    message: expect.stringContaining('ENOTDIR'),
  });
  expect(() => lmdbStorage({ path: '' })).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
  expect(() => lmdbStorage({ path: 'a\0b' })).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID' }));
});

test('without the package lmdb the error says how to install it', () => {
  const path = storePath();
  const hook = `data:text/javascript,${encodeURIComponent(
    `import { register } from 'node:module'; register('data:text/javascript,' + encodeURIComponent("export async function resolve(name, context, next) { if (name === 'lmdb') throw new Error('not there'); return next(name, context); }"));`,
  )}`;
  const { stdout } = spawnSync(process.execPath, ['--import', hook, READ, path, '1'], { encoding: 'utf8' });
  expect(stdout).toBe('NEXUS_STORE_UNAVAILABLE durable storage needs the package lmdb, which does not load (not there): npm install lmdb\n');
});

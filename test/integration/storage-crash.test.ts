/** The store when what uses it ends: processes that are killed, threads that are terminated. More kills: NEXUS_STORE_KILLS. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { lmdbStorage } from '../../dist/ts-src/adapters/lmdb/lmdb-storage.js';
import { snapshot } from '../../dist/ts-src/testing/conformance/stored-examples.js';
import { storePath } from '../conformance/storage-places.js';
import { until } from '../until.js';

const PROCESS = fileURLToPath(new URL('../fixtures/store-process.mjs', import.meta.url));
const THREAD = fileURLToPath(new URL('../fixtures/store-thread.mjs', import.meta.url));
const KILLS = Number(process.env['NEXUS_STORE_KILLS'] ?? 20);
const AGENTS = 5;

interface StoreProcess {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<unknown>;
}

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function start(...args: string[]): StoreProcess {
  const child = spawn(process.execPath, [PROCESS, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on('line', (line) => lines.push(line));
  return { child, lines, ended: new Promise((ended) => child.once('close', ended)) };
}

test('after a kill -9 all that was acknowledged is there, and nothing of a batch without the rest', async () => {
  const path = storePath();
  const acknowledged = new Array<number>(AGENTS).fill(0);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const { child, lines, ended } = start(path, 'write', String(AGENTS));
    const wanted = 2 + ((kill * 37) % 90);
    await until(() => lines.length >= wanted || child.exitCode !== null);
    child.kill('SIGKILL');
    await ended;
    expect(lines[0]).toBe('open');
    for (const line of lines.slice(1)) {
      const [agent, sequence] = line.split(' ').map(Number) as [number, number];
      acknowledged[agent] = Math.max(acknowledged[agent] as number, sequence);
    }
    const store = await lmdbStorage({ path }).open();
    const thread = store.openThread();
    for (let agent = 0; agent < AGENTS; agent += 1) {
      const counter = thread.load('counter', String(agent))?.snapshot;
      expect(counter?.sequence ?? 0).toBeGreaterThanOrEqual(acknowledged[agent] as number);
      expect(thread.load('twin', String(agent))?.snapshot).toEqual(counter);
      expect(thread.remindersOf('counter', String(agent)).map(({ dueEpochMs }) => dueEpochMs)).toEqual(counter === undefined ? [] : [counter.sequence]);
    }
    expect(thread.remindersDue(Number.MAX_VALUE, 100).length).toBe(thread.counts('counter').agents);
    await store.close();
  }
  expect(Math.min(...acknowledged)).toBeGreaterThan(0);
}, 600_000);

test('a store that another process has open is locked, and free at once when that process is killed', async () => {
  const path = storePath();
  const holder = start(path, 'hold');
  await until(() => holder.lines.includes('open'));
  await expect(lmdbStorage({ path }).open()).rejects.toMatchObject({ code: 'NEXUS_STORE_LOCKED', data: { pids: [holder.child.pid] } });
  const second = start(path, 'once');
  await second.ended;
  expect(second.lines[0]).toContain(`NEXUS_STORE_LOCKED the store at ${path} is open in process ${holder.child.pid}`);
  holder.child.kill('SIGKILL');
  await holder.ended;
  await (await lmdbStorage({ path }).open()).close();
});

const ALONE = ['-Urpf', '--kill-child', process.execPath, PROCESS];
const separable = spawnSync('unshare', ['-Urpf', '--kill-child', 'true']).status === 0;

test.skipIf(!separable)('two containers whose processes have the same id do not get the same store (needs user namespaces)', async () => {
  const path = storePath();
  const holder = spawn('unshare', [...ALONE, path, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(holder);
  let opened = '';
  holder.stdout.on('data', (text: Buffer) => {
    opened += text;
  });
  await until(() => opened === 'open\n');
  const second = spawnSync('unshare', [...ALONE, path, 'once'], { encoding: 'utf8' });
  expect(second.stdout).toMatch(/^NEXUS_STORE_LOCKED the store at .* seems to be open in a process of another container that has the process id 1 too/);
  holder.kill('SIGKILL');
  await new Promise((ended) => holder.once('close', ended));
  expect(spawnSync('unshare', [...ALONE, path, 'once'], { encoding: 'utf8' }).stdout).toBe('open\n');
});

test('of processes that create and open a store at once at most one gets it', async () => {
  const path = storePath();
  for (let round = 0; round < 3; round += 1) {
    const processes = Array.from({ length: 4 }, () => start(path, 'hold'));
    await until(() => processes.every(({ lines }) => lines.length > 0));
    const open = processes.filter(({ lines }) => lines[0] === 'open');
    expect(open.length).toBeLessThanOrEqual(1);
    for (const { lines } of processes) expect(lines[0]).toMatch(/^(open|NEXUS_STORE_LOCKED .*)$/);
    for (const { child, ended } of processes) {
      child.kill('SIGKILL');
      await ended;
    }
  }
  await (await lmdbStorage({ path }).open()).close();
});

test('threads that are terminated in the middle of writes disturb neither the store nor other threads', async () => {
  const path = storePath();
  const store = await lmdbStorage({ path }).open();
  const thread = store.openThread();
  const acknowledged: number[] = [0, 0, 0];
  let sequence = 0;
  let going = true;
  const own = (async () => {
    while (going) await thread.write([snapshot('main', 'x', ++sequence, 'y'.repeat(2000))]);
  })();
  for (let round = 0; round < 12; round += 1) {
    const victim = round % 3;
    const attachment = store.attachment();
    const worker = new Worker(THREAD, {
      workerData: { attachment: { module: attachment.module, data: attachment.data }, kind: `worker${victim}` },
      transferList: [...attachment.transferList] as never,
    });
    let count = 0;
    worker.on('message', (mine: number) => {
      acknowledged[victim] = mine;
      count += 1;
    });
    const failed = new Promise((_, reject) => worker.once('error', reject));
    await Promise.race([until(() => count > 10 + round * 3), failed]);
    const before = sequence;
    await worker.terminate();
    await until(() => sequence > before + 3);
    const found = thread.load(`worker${victim}`, 'x')?.snapshot;
    expect(found?.sequence).toBeGreaterThanOrEqual(acknowledged[victim] as number);
    expect(found?.state.length).toBe(3000);
  }
  going = false;
  await own;
  await store.close();
  const again = await lmdbStorage({ path }).open();
  expect(again.openThread().load('main', 'x')?.snapshot?.sequence).toBe(sequence);
  await again.close();
}, 120_000);

test('a process may end without closing the store', async () => {
  const path = storePath();
  const { child, lines, ended } = start(path, 'write', '2');
  await until(() => lines.length > 5);
  child.kill('SIGTERM');
  await ended;
  const store = await lmdbStorage({ path }).open();
  expect(store.openThread().has('counter', '0')).toBe(true);
  await store.close();
});

/** The examples of `docs/durable-cluster.md` do what the page says, in a project of its own; and nodes over the store that it shows share what they write. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineAgent } from 'nexus-agents';
import { memoryStorage, type StorageSource, withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage } from '../documented-code.js';

const files = filesOf(readPage('docs/durable-cluster.md'));

test('the examples of the page on durable state in a cluster pass', () => {
  expect([...files.keys()]).toEqual(['account.js', 'account.test.js', 'shared-store.js', 'shared-store.test.js']);
  const folder = projectOf(files);
  const { NODE_TEST_CONTEXT: _context, NEXUS_TEST_SEED: _seed, ...env } = process.env;
  const options = { cwd: folder, env, encoding: 'utf8', stdio: 'pipe', timeout: 60_000 } as const;
  const tested = execFileSync(process.execPath, ['--test', '--test-reporter=tap', 'account.test.js', 'shared-store.test.js'], options);
  expect(tested).toContain('# fail 0\n');
  expect(tested).toContain('ok 1 - what was paid in is there when the node that had it is gone');
  expect(tested).toContain('a write with a lower token than one that was seen is refused, with all of its batch');
}, 120_000);

const Counter = defineAgent({
  kind: 'counter',
  state: () => ({ count: 0 }),
  durable: { writes: 'through' },
  actions: {
    add: (state) => {
      state.count += 1;
      return state.count;
    },
    token: { durable: 'none', handler: (_state, _input, ctx) => ctx.fencingToken },
  },
});

test('nodes that share a store copy nothing, and the store refuses what a later activation has overtaken', async () => {
  const folder = projectOf(files);
  const { shared } = (await import(pathToFileURL(join(folder, 'shared-store.js')).href)) as { shared(source: StorageSource): StorageSource };
  const memory = memoryStorage();
  const source = shared(memory);
  await withCluster({ agents: [Counter], nodes: 3, seed: 11, threads: 0, storage: source }, async (cluster) => {
    const { nexus } = cluster.node('n1');
    const ids = Array.from({ length: 20 }, (_, index) => `counter-${index}`);
    const counters = await cluster.settle(Promise.all(ids.map((id) => nexus.getOrSpawn(Counter, id))));
    const add = (): Promise<number[]> => cluster.settle(Promise.all(counters.map((counter) => counter.ask('add'))));
    expect(await add()).toEqual(ids.map(() => 1));
    const before = await cluster.settle(Promise.all(counters.map((counter) => counter.ask('token'))));
    cluster.node('n2').crash();
    await cluster.until(() => nexus.cluster?.members().length === 2);
    expect(await add()).toEqual(ids.map(() => 2));
    const after = await cluster.settle(Promise.all(counters.map((counter) => counter.ask('token'))));
    const moved = ids.filter((_, at) => (after[at] as number) > (before[at] as number));
    expect(moved.length).toBeGreaterThan(2);
    expect(nexus.cluster?.snapshot().copies).toMatchObject({ isShared: true, acknowledged: 0 });
    // Whoever had it before comes too late.
    const thread = (await source.open()).openThread();
    const id = moved[0] as string;
    const stale = { token: before[ids.indexOf(id)] as number, revision: 99 };
    const late = { type: 'snapshot', kind: 'counter', id, version: stale, snapshot: { schemaVersion: 1, sequence: 9, state: new Uint8Array() } } as const;
    await expect(thread.write([late])).rejects.toMatchObject({ code: 'NEXUS_TOKEN_STALE' });
    expect(await add()).toEqual(ids.map(() => 3));
  });
}, 120_000);

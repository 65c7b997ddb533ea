/** Three processes with stores on disk, one of which is killed while all are written to: what any of them has acknowledged is there. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { fixture } from '../../start-nexus.js';
import { until } from '../../until.js';
import { freePorts } from './node-process.js';

const LEDGERS = 30;

type News =
  | { readonly type: 'acknowledged'; readonly id: string; readonly entry: number; readonly length: number }
  | { readonly type: 'failed'; readonly id: string; readonly entry: number; readonly code: string }
  | { readonly type: 'view'; readonly members: readonly string[] }
  | { readonly type: 'read'; readonly found: Readonly<Record<string, readonly number[]>> }
  | { readonly type: 'joined' }
  | { readonly type: 'error'; readonly message: string; readonly error: string };

interface Node {
  readonly child: ChildProcess;
  readonly news: News[];
}

function startNode(folder: string, name: string, port: number, seeds: readonly string[]): Node {
  const options = JSON.stringify({ name, port, seeds, path: join(folder, name) });
  const child = fork(fileURLToPath(fixture('durable-node.mjs')), [options], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const news: News[] = [];
  child.on('message', (message) => news.push(message as News));
  return { child, news };
}

test('one of three processes is killed while they are written to: nothing that was acknowledged is missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-ledgers-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const ports = await freePorts(3);
  const seeds = ports.map((port) => `127.0.0.1:${port}`);
  const nodes = ports.map((port, at) => startNode(folder, `n${at + 1}`, port, seeds));
  const [n1, n2] = nodes as [Node, Node, Node];
  await until(() => nodes.every(({ news }) => news.some((each) => each.type === 'view' && each.members.length === 3)), 60_000);
  n1.child.send({ type: 'load', ledgers: LEDGERS });
  const acknowledged = (): (News & { type: 'acknowledged' })[] => n1.news.filter((each) => each.type === 'acknowledged');
  await until(() => acknowledged().length > 600, 60_000);
  n2.child.kill('SIGKILL');
  await until(() => n1.news.some((each) => each.type === 'view' && [...each.members].sort().join() === 'n1,n3'), 60_000);
  const atLoss = acknowledged().length;
  await until(() => acknowledged().length > atLoss + 600, 60_000);
  n1.child.send({ type: 'read', ledgers: LEDGERS });
  await until(() => n1.news.some((each) => each.type === 'read'), 60_000);
  const read = n1.news.find((each) => each.type === 'read') as News & { type: 'read' };
  const lost = acknowledged().filter(({ id, entry, length }) => read.found[id]?.[length - 1] !== entry);
  expect({ lost: lost.length, of: acknowledged().length > 1_200 }).toEqual({ lost: 0, of: true });
  // Each ledger was written to after the loss, too.
  for (const [id, entries] of Object.entries(read.found)) expect(new Set(entries).size, `${id} has nothing twice`).toBe(entries.length);
}, 240_000);

/**
 * A cluster of real processes at the default times, from its beginning to what may become of its nodes: event loops that are blocked, a graceful leave, `kill -9`, `SIGSTOP`, and a return. What it took is
 * printed; the bars are those of a machine that has something else to do as well. `bench/suites/cluster` measures it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { until } from '../../until.js';
import { killCommands } from '../nexus-command.js';
import { allJoined, freePorts, type NodeProcess, startNode } from './node-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nexus-cluster-'));
afterAll(() => {
  killCommands();
  rmSync(folder, { recursive: true, force: true });
});

const ticksOf = (name: string): readonly number[] =>
  [0, 1].flatMap((thread) =>
    readFileSync(join(folder, `${name}.${thread}`), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => Number(line.split(' ')[1])),
  );

async function block(node: NodeProcess, blockMs: number): Promise<void> {
  const { url } = await node.line(({ event }) => event === 'serving');
  // Nobody waits for the answers: the thread that would give them is blocked.
  for (const thread of [1, 0])
    void fetch(`${url}/agents/ticking-${thread}/block`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: String(blockMs) }).catch(
      () => undefined,
    );
}

test('nodes know within seconds what has become of one of them, and a node that was removed knows it and stops', async () => {
  const ports = await freePorts(5);
  const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
  const startedMs = performance.now();
  const start = (name: string) =>
    startNode(name, ports[names.indexOf(name)] as number, ports.slice(0, 3), ['--cluster', 'shop', '--state', join(folder, 'state')], {
      TICKS: join(folder, name),
    });
  const nodes = names.map(start);
  await allJoined(nodes);
  console.log(`five processes are a cluster after ${Math.round(performance.now() - startedMs)} ms`);
  const [n1, n2, n3, n4, n5] = nodes as [NodeProcess, NodeProcess, NodeProcess, NodeProcess, NodeProcess];

  // Both event loops of a healthy node are blocked: all say so soon, none takes it for dead.
  const blockedMs = performance.now();
  await block(n5, 10_000);
  const isStalled = ({ event, node, threads }: { event: string; node?: string; threads?: unknown }) =>
    event === 'stalled' && node === 'n5' && String(threads) === '0,1';
  const stalled = await Promise.all([n1, n2, n3, n4].map((node) => node.line(isStalled)));
  console.log(`known to be blocked after ${stalled.map(({ atMs }) => Math.round(atMs - blockedMs)).join(', ')} ms`);

  // A node leaves.
  const leavingMs = performance.now();
  n4.child.kill('SIGTERM');
  const lefts = await Promise.all([n1, n2, n3].map((node) => node.line(({ event, node: who }) => event === 'memberLeft' && who === 'n4')));
  console.log(`known to have left after ${lefts.map(({ atMs }) => Math.round(atMs - leavingMs)).join(', ')} ms`);
  expect(await n4.exit).toBe(0);

  // A node is killed. Of the others one is blocked: what it knows it says later.
  const killedMs = performance.now();
  n3.child.kill('SIGKILL');
  const unreachable = await Promise.all([n1, n2].map((node) => node.line(({ event, node: who }) => event === 'unreachable' && who === 'n3')));
  const afterMs = unreachable.map(({ atMs }) => Math.round(atMs - killedMs));
  console.log(`known to be unreachable after ${afterMs.join(', ')} ms`);
  expect(Math.max(...afterMs)).toBeLessThan(10_000);
  const removed = await Promise.all([n1, n2, n5].map((node) => node.line(({ event, node: who }) => event === 'memberRemoved' && who === 'n3')));
  console.log(`removed after ${removed.map(({ atMs }) => Math.round(atMs - killedMs)).join(', ')} ms`);

  // It goes on: it was never taken for dead, and is not blocked any more.
  await Promise.all([n1, n2].map((node) => node.line(({ event, node: who, threads }) => event === 'stalled' && who === 'n5' && String(threads) === '')));
  for (const { lines } of [n1, n2])
    expect(lines.filter(({ event, node }) => node === 'n5' && (event === 'unreachable' || event === 'memberRemoved'))).toEqual([]);

  // A whole process stands still until it is removed. When it goes on it knows, and its agents do nothing more.
  n2.child.kill('SIGSTOP');
  await Promise.all([n1, n5].map((node) => node.line(({ event, node: who }) => event === 'memberRemoved' && who === 'n2')));
  const ticks = ticksOf('n2').length;
  const continuedMs = performance.now();
  n2.child.kill('SIGCONT');
  expect(await n2.exit).toBe(3);
  console.log(`a node that was removed has ended after ${Math.round(performance.now() - continuedMs)} ms`);
  expect(n2.lines.filter(({ event }) => event === 'fenced')).toHaveLength(1);
  // A handler of each thread may have been under way.
  expect(ticksOf('n2').length - ticks).toBeLessThanOrEqual(2);

  // And it may come back, as another incarnation.
  const again = start('n2');
  await allJoined([n1, again, n5]);
  // A signal before that ends it at once.
  await again.line(({ event }) => event === 'serving');
  for (const node of [n1, again, n5]) node.child.kill('SIGTERM');
  expect(await Promise.all([n1, again, n5].map(({ exit }) => exit))).toEqual([0, 0, 0]);
  await until(() => [n1, again, n5].every(({ child }) => child.exitCode !== null));
}, 120_000);

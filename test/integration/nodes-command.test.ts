/** `nexus nodes` against a gateway that does what the test says: the table, the JSON, and a service that is no node of a cluster. */
import { afterEach, expect, test } from 'vitest';
import { fencedCluster, healthyCluster, splitCluster } from '../cluster-snapshots.js';
import { busySnapshot } from '../unit/cli/snapshots.js';
import { type FakeConsole, fakeConsole } from './fake-console.js';
import { killCommands, nexusCommand } from './nexus-command.js';

const consoles: FakeConsole[] = [];

afterEach(async () => {
  killCommands();
  for (const each of consoles.splice(0)) await each.stop();
});

async function nodes(snapshot: unknown, ...options: string[]): Promise<{ code: number | string; out: string; err: string }> {
  const console = await fakeConsole({ answers: { '/console/snapshot': snapshot } });
  consoles.push(console);
  const command = nexusCommand(['nodes', '--url', console.url, ...options]);
  return { code: await command.exit, out: command.out(), err: command.err() };
}

test('nexus nodes lists the nodes of a service, and JSON is the snapshot of the cluster', async () => {
  const { code, out, err } = await nodes({ ...busySnapshot(), cluster: healthyCluster(3) });
  expect([code, err]).toEqual([0, '']);
  expect(out.split('\n')).toEqual([
    'shop-1 is a member of shop, view 3, coordinator shop-1, keepMajority, lease 4.31s, runs 12.3k ids, owns 12.3k',
    '',
    'node    state      role         since  phi  round trip  loss  share  stalled  address        version',
    'shop-1  this node  coordinator      1    -           -     -    33%  -        10.0.0.1:7400  0.1.0',
    'shop-2  reachable  voter            2  0.1       420us    0%    33%  -        10.0.0.2:7400  0.1.0',
    'shop-3  reachable  voter            3  0.2       720us    0%    33%  -        10.0.0.3:7400  0.1.0',
    '',
  ]);
  const json = await nodes({ ...busySnapshot(), cluster: splitCluster(5, 2) }, '--json');
  expect(JSON.parse(json.out)).toEqual(JSON.parse(JSON.stringify(splitCluster(5, 2))));
});

test('nexus nodes names the sides of a partition, and why a node is fenced', async () => {
  const split = await nodes({ ...busySnapshot(), cluster: splitCluster(5, 2) });
  expect(split.out).toContain('\nside 1: shop-1, shop-2, shop-3\nside 2: shop-4, shop-5\n');
  expect(split.out).toMatch(/^shop-3 {2}suspect, leaving {2}voter/m);
  const fenced = await nodes({ ...busySnapshot(), cluster: fencedCluster(3) });
  expect(fenced.out).toContain(
    'shop-1 of shop is fenced: no quorum of the voters of view 5 has answered for 5,000 ms, view 3, 2 unreachable, 2 sides: 1 | 2, coordinator not known',
  );
});

test('nexus nodes says so where there is no cluster, and where what is sent is none', async () => {
  expect(await nodes(busySnapshot())).toMatchObject({ code: 1, out: '', err: expect.stringContaining('is no node of a cluster') });
  expect(await nodes({ ...busySnapshot(), cluster: { members: 5 } })).toMatchObject({
    code: 1,
    err: expect.stringContaining('not a snapshot that this version reads (cluster)'),
  });
  expect(await nodes(busySnapshot(), 'x')).toMatchObject({ code: 2, err: expect.stringContaining("'x' is not expected") });
});

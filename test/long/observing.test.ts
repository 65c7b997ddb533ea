/** The long run of watching a big system, short: the same program as by hand. What it costs is not judged here, where other tests run beside it, but for what no load explains. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const command = fileURLToPath(new URL('./observing.mjs', import.meta.url));

test('a system of a hundred thousand agents under load is watched: all agents are counted, and a snapshot is taken in CPU time that does not follow their number', async () => {
  const size = ['--agents', '100000', '--rate', '50000', '--seconds', '2', '--interval', '250'];
  const { stdout } = await promisify(execFile)(process.execPath, [command, ...size, '--once', 'watched']);
  const { live, snapshots, actions, perSecond } = JSON.parse(stdout) as {
    live: number;
    snapshots: number;
    perSecond: number;
    actions: { kind: string; action: string; perSecond: number; samples: number }[];
  };
  expect(live).toBe(100_001);
  expect(snapshots).toBeGreaterThan(1);
  const add = actions.find(({ action }) => action === 'add');
  // Estimated from a sample, of another period.
  expect(add?.samples).toBeLessThan(5000);
  expect(add?.perSecond).toBeGreaterThan(perSecond / 3);
  expect(add?.perSecond).toBeLessThan(perSecond * 3);
}, 120_000);

test('a number that is none is refused', async () => {
  const refused = promisify(execFile)(process.execPath, [command, '--agents', 'many']);
  await expect(refused).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--agents many is not') });
});

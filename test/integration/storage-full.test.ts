/** A disk that is full: a small one in memory, mounted where only the process of the test sees it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { storePath } from '../conformance/storage-places.js';

const FULL = fileURLToPath(new URL('../fixtures/store-full.mjs', import.meta.url));
const MOUNT = 'mount -t tmpfs -o size=6m none "$0" && exec "$@"';
const mountable = spawnSync('unshare', ['-rm', 'sh', '-c', MOUNT, '/mnt', 'true']).status === 0;

test.skipIf(!mountable)(
  'a full disk fails the batch that finds no room and those behind it, and the store goes on when there is room (needs user namespaces)',
  () => {
    const disk = storePath();
    mkdirSync(disk);
    const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', MOUNT, disk, process.execPath, FULL, disk], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const { written, ...result } = JSON.parse(stdout) as { written: number };
    expect(written).toBeGreaterThan(20);
    expect(result).toEqual({
      first: 'NEXUS_STORE_FULL',
      half: false,
      allThere: true,
      large: 'NEXUS_STORE_FULL',
      behind: 'NEXUS_STORE_FULL',
      behindSequence: 1,
      elsewhere: expect.stringMatching(/^(stored|NEXUS_STORE_FULL)$/),
      otherThere: true,
      removed: 'stored',
      small: 'stored',
      later: 'stored',
      laterSequence: 3,
      stillThere: true,
      second: 'NEXUS_STORE_FULL',
      marker: true,
    });
  },
);

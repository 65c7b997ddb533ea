/** A recorded host, written into a folder of its own and read by the real reader. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTopology } from '../../../dist/bindings/host-topology.js';
import type { HostTopology } from '../../../dist/ts-src/model/topology.js';
import { writeHost } from '../../fixtures/sys/hosts.mjs';

export function recordedHost(name: string): HostTopology {
  const root = mkdtempSync(join(tmpdir(), 'nexus-host-'));
  try {
    return readTopology({ root: writeHost(name, root), platform: 'linux', numa: { provider: 'none', refusals: [] } });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

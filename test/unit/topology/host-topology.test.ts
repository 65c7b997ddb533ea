import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorName, hostTopology, readTopology } from '../../../dist/bindings/host-topology.js';
import type { HostTopology } from '../../../dist/ts-src/model/topology.js';
import { HOST_NAMES, writeHost } from '../../fixtures/sys/hosts.mjs';
import { recordedHost } from './recorded-host.js';

const range = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, index) => from + index);

/** What every topology is, however little is known. */
function checkWhole({ nodes, cpus, allowedCpus, allowedNodes, cpuQuota }: HostTopology): void {
  expect(Math.min(nodes.length, allowedCpus.length, allowedNodes.length)).toBeGreaterThan(0);
  for (const { distances } of nodes) expect(distances).toHaveLength(nodes.length);
  for (const cpu of cpus) expect(cpu.siblings).toContain(cpu.id);
  expect(nodes.flatMap((node) => node.cpus).sort((a, b) => a - b)).toEqual(cpus.map(({ id }) => id));
  expect(cpuQuota ?? 1).toBeGreaterThan(0);
}

describe('a recorded host', () => {
  it('that is a small virtual machine has one node, and nothing is refused', () => {
    const host = recordedHost('vm-1-node');
    expect(host).toMatchObject({ allowedCpus: [0, 1], allowedNodes: [0], cpuQuota: undefined, refusals: [] });
    expect(host.nodes).toEqual([{ id: 0, cpus: [0, 1], memoryBytes: Math.floor(8.6 * 2 ** 20) * 1024, freeBytes: expect.any(Number), distances: [10] }]);
  });

  it('with two nodes has them, their distances, and the hyper-threads of each core', () => {
    const host = recordedHost('two-nodes-hyper-threads');
    expect(host.refusals).toEqual([]);
    expect(host.nodes.map(({ distances }) => distances)).toEqual([
      [10, 21],
      [21, 10],
    ]);
    expect(host.nodes[1]?.cpus).toEqual([...range(8, 16), ...range(24, 32)]);
    expect(host.cpus[25]).toEqual({ id: 25, node: 1, core: 9, package: 1, siblings: [9, 25] });
    expect(host.allowedCpus).toEqual(range(0, 32));
  });

  it('with a processor that is offline does not have it, though the affinity names it', () => {
    const host = recordedHost('four-nodes-ring');
    expect(host.refusals).toEqual([]);
    expect(host.nodes[2]).toMatchObject({ cpus: [8, 9, 11], distances: [22, 16, 10, 16] });
    expect(host.allowedCpus).not.toContain(10);
    expect(host.cpus.map(({ id }) => id)).not.toContain(10);
  });

  it('keeps distances that are not the same both ways', () => {
    const host = recordedHost('eight-nodes');
    expect(host.nodes[0]?.distances[7]).toBe(32);
    expect(host.nodes[7]?.distances[0]).toBe(34);
    expect(host.cpus[63]?.package).toBe(1);
  });

  it('that is a container of cgroup version 1 may use its cpuset for its quota', () => {
    expect(recordedHost('cgroup-v1-container')).toMatchObject({ allowedCpus: [2, 3], allowedNodes: [0], cpuQuota: 1.5, refusals: [] });
  });

  it('with nested cgroups has the tightest limit, in both versions', () => {
    expect(recordedHost('cgroup-v1-nested')).toMatchObject({ allowedCpus: [4, 5], cpuQuota: 2, refusals: [] });
    expect(recordedHost('cgroup-v2-nested')).toMatchObject({ allowedCpus: [0, 1, 2, 3], allowedNodes: [0], cpuQuota: 2.5, refusals: [] });
  });

  it('with memory that has no processors has a node for it', () => {
    const host = recordedHost('cxl-memory-node');
    expect(host.refusals).toEqual([]);
    expect(host.nodes[2]).toMatchObject({ id: 2, cpus: [], memoryBytes: 128 * 2 ** 30 });
    expect(host.allowedNodes).toEqual([0, 1, 2]);
  });

  it('with gaps between its nodes keeps their numbers', () => {
    const host = recordedHost('memoryless-node');
    expect(host.nodes.map(({ id, memoryBytes }) => [id, memoryBytes > 0])).toEqual([
      [0, true],
      [2, false],
      [8, true],
    ]);
    expect(host.cpus[7]?.node).toBe(2);
  });

  it('that is broken is one node, and says what was not understood', () => {
    const host = recordedHost('broken');
    expect(host.nodes).toHaveLength(1);
    expect(host.nodes[0]).toMatchObject({ id: 0, cpus: [0, 1], memoryBytes: expect.any(Number) });
    expect(host.nodes[0]?.memoryBytes).toBeGreaterThan(0);
    expect(host.allowedCpus).toEqual([0, 1]);
    expect(host.refusals.map(({ operation, code }) => `${operation}: ${code}`)).toEqual([
      'read /proc/self/status: INVALID',
      'read /sys/devices/system/node/node0/cpulist: INVALID',
      'read /proc/meminfo: INVALID',
      'read /sys/devices/system/cpu/cpu0/topology/core_id: INVALID',
      'read /sys/devices/system/cpu/cpu0/topology: INVALID',
      'read /proc/self/cgroup: INVALID',
      'read /proc/self/status: INVALID',
    ]);
  });

  it('that contradicts itself is one node with all processors', () => {
    const host = recordedHost('contradictory');
    expect(host.nodes).toHaveLength(1);
    expect(host.nodes[0]?.cpus).toEqual(range(0, 8));
    expect(host.refusals.map(({ reason }) => reason)).toContain('a processor is on two nodes');
  });

  it('without any file is what Node knows, with a refusal for each', () => {
    const host = recordedHost('empty');
    expect(host.nodes).toHaveLength(1);
    expect(host.allowedCpus).toHaveLength(availableParallelism());
    expect(host.refusals.find(({ operation }) => operation === 'read /sys/devices/system/node')?.code).toBe('ENOENT');
  });

  it('without /sys has the processors of its affinity', () => {
    const host = recordedHost('no-sys');
    expect(host.nodes).toMatchObject([{ id: 0, cpus: [4, 5, 6, 7], memoryBytes: 2 ** 30, freeBytes: 2 ** 28 }]);
    expect(host.allowedCpus).toEqual([4, 5, 6, 7]);
    expect(host.refusals.map(({ operation }) => operation)).toEqual(['read /sys/devices/system/node', 'read /sys/devices/system/cpu/cpu4/topology']);
  });

  it.each(HOST_NAMES)('%s has at least a node, a processor to use, and distances for each node', (name: string) => {
    checkWhole(recordedHost(name));
  });

  it.each(['two-nodes-hyper-threads', 'cgroup-v1-nested', 'cgroup-v2-nested'])('%s is read whatever its files hold', (name: string) => {
    const root = mkdtempSync(join(tmpdir(), 'nexus-host-'));
    try {
      writeHost(name, root);
      const files = readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      const text = fc.oneof(fc.string(), fc.constantFrom('', '\n', '0', '-1', '0-65535', '999999999999999999999', 'max', '0::/../..', '0::/a'));
      const damage = fc.record({ file: fc.constantFrom(...files), text: fc.option(text) });
      fc.assert(
        fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
          const before = new Map(damages.map(({ file }) => [file, readFileSync(file)]));
          for (const { file, text: written } of damages) {
            rmSync(file, { force: true });
            if (written !== null) writeFileSync(file, written);
          }
          try {
            checkWhole(readTopology({ root, platform: 'linux', numa: { provider: 'none', refusals: [] } }));
          } finally {
            for (const [file, content] of before) writeFileSync(file, content);
          }
        }),
        { numRuns: 40 },
      );
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('whose files are folders is one node', () => {
    const root = mkdtempSync(join(tmpdir(), 'nexus-host-'));
    try {
      mkdirSync(join(root, 'sys/devices/system/node/node0/cpulist'), { recursive: true });
      const host = readTopology({ root, platform: 'linux', numa: { provider: 'none', refusals: [] } });
      checkWhole(host);
      expect(host.refusals.map(({ code }) => code)).toContain('EISDIR');
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});

describe('this host', () => {
  it('is read, and its processors are those Node may use', () => {
    const host = hostTopology();
    expect(host.nodes.length).toBeGreaterThan(0);
    // Newer versions of Node count no more processors than the quota pays for.
    expect(host.allowedCpus.length).toBeGreaterThanOrEqual(availableParallelism());
    for (const { operation, code, reason } of host.refusals) expect([operation, code, reason].every((text) => text.length > 0)).toBe(true);
  });

  it('is one node on another operating system, with the reason', () => {
    const host = readTopology({ root: '/', platform: 'darwin', numa: { provider: 'none', refusals: [] } });
    expect(host).toMatchObject({ provider: 'none', nodes: [{ id: 0, distances: [10] }], cpuQuota: undefined, refusals: [{ code: 'ENOSYS' }] });
  });
});

it('errors have the names of the kernel', () =>
  expect([1, 2, 22, 34, 38, 0].map(errorName)).toEqual(['EPERM', 'ENOENT', 'EINVAL', 'ERANGE', 'ENOSYS', 'UNKNOWN']));

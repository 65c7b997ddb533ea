import { describe, expect, it, vi } from 'vitest';
import { topology, topologyJson, topologyText } from '../../../dist/ts-src/cli/topology.js';
import { planPlacement } from '../../../dist/ts-src/model/thread-placement.js';
import { HOST_NAMES } from '../../fixtures/sys/hosts.mjs';
import { recordedHost } from './recorded-host.js';

async function printed(...args: string[]): Promise<string> {
  let text = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await topology(args);
  } finally {
    write.mockRestore();
  }
  return text;
}

describe('nexus topology', () => {
  it('prints nodes, limits and the placement as tables', () => {
    const host = recordedHost('cgroup-v2-nested');
    expect(topologyText(host, planPlacement(host, 4, 'compact'))).toBe(`\
  node  cpus  cores  memory   free     distance to 0 1
  0     0-3   4      8.0 GiB  2.0 GiB  10 21
  1     4-7   4      8.0 GiB  2.0 GiB  21 10

allowed cpus    0-3 (4 of 8)
allowed memory  1 node (0)
cpu quota       2.5 processors
memory placed   not at all
refusals        none

placement of 4 threads, policy compact
  thread       cpu  core  node  its rings
  0 (calling)  0    0:0   0     node 0     left to it, not pinned
  1            1    0:1   0     node 0
  2            2    0:2   0     node 0
  3            3    0:3   0     node 0
routing table   node 0
warning         quota: 4 threads, but the cgroups of this process give it the time of 2.5 processors: busy threads will be stopped part of the time
`);
  });

  it('prints refusals with their reasons', () => {
    const host = recordedHost('broken');
    const text = topologyText(host, planPlacement(host, 2, 'spread'));
    expect(text).toContain('\nrefusals        7\n');
    expect(text).toContain('\n  read /sys/devices/system/node/node0/cpulist: INVALID: not understood: "0-zwei"\n');
  });

  it.each(HOST_NAMES)('prints the host %s with every policy, as text and as JSON', (name: string) => {
    const host = recordedHost(name);
    for (const policy of ['compact', 'spread', 'none'] as const) {
      const plan = planPlacement(host, 5, policy);
      expect(topologyText(host, plan)).not.toMatch(/undefined|NaN|Infinity/);
      const json = JSON.parse(topologyJson(host, plan));
      expect(json).toMatchObject({ nodes: host.nodes, cpuQuota: host.cpuQuota ?? null, placement: { policy } });
      expect(json.placement.threads).toHaveLength(5);
    }
  });

  it('is of this host, with the threads and policy that are asked for', async () => {
    const json = JSON.parse(await printed('--json', '--threads', '3', '--policy', 'spread'));
    expect(json.placement.policy).toBe('spread');
    expect(json.placement.threads).toHaveLength(4);
    expect(json.refusals).toBeInstanceOf(Array);
    expect(await printed('--threads', '0', '--policy', 'none')).toContain('placement of 1 thread, policy none');
    expect(await printed('--help')).toContain('nexus topology [options]');
  });

  it('says what is wrong with its arguments', async () => {
    await expect(topology(['--policy', 'dense'])).rejects.toThrow('compact, spread, none');
    await expect(topology(['--threads', '128'])).rejects.toThrow('0 to 127');
    await expect(topology(['--thread', '1'])).rejects.toThrow('--threads');
    await expect(topology(['now'])).rejects.toThrow("'now' is not expected");
  });
});

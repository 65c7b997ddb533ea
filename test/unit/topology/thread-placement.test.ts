import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeThreads, planPlacement, type ThreadPlacement } from '../../../dist/ts-src/model/thread-placement.js';
import type { HostTopology } from '../../../dist/ts-src/model/topology.js';
import { hostOf, sketches } from './made-up-host.js';
import { recordedHost } from './recorded-host.js';

const hosts = sketches.map(hostOf);
const counts = fc.integer({ min: 0, max: 128 });
const pinning = fc.constantFrom('compact' as const, 'spread' as const);

const tally = (values: readonly (number | undefined)[]): Map<number | undefined, number> => {
  const result = new Map<number | undefined, number>();
  for (const value of values) result.set(value, (result.get(value) ?? 0) + 1);
  return result;
};
const cpusOf = (threads: readonly ThreadPlacement[]): (number | undefined)[] => threads.map(({ cpu }) => cpu);
const nodesOf = (threads: readonly ThreadPlacement[]): (number | undefined)[] => threads.map(({ node }) => node);

/** How many processors of each node may be used. */
function seats(host: HostTopology): number[] {
  return host.nodes.map(({ cpus }) => cpus.filter((cpu) => host.allowedCpus.includes(cpu)).length);
}

/** The fewest nodes that have this many processors, by trying every set. */
function fewestNodes(sizes: readonly number[], needed: number): number {
  let best = sizes.length;
  for (let set = 0; set < 2 ** sizes.length; set++) {
    const chosen = sizes.filter((_, index) => (set >> index) & 1);
    if (chosen.reduce((total, each) => total + each, 0) >= needed) best = Math.min(best, chosen.length);
  }
  return best;
}

describe('every plan', () => {
  it('has a place for every thread, on a processor that may be used, on the node that processor belongs to', () => {
    fc.assert(
      fc.property(hosts, counts, pinning, (host, count, policy) => {
        const threads = placeThreads(host, count, policy);
        expect(threads.map(({ thread }) => thread)).toEqual(Array.from({ length: count }, (_, index) => index));
        for (const { cpu, node } of threads) {
          expect(host.allowedCpus).toContain(cpu);
          expect(host.nodes.find(({ id }) => id === node)?.cpus).toContain(cpu);
        }
      }),
    );
  });

  it('shares no processor while one is free, and shares them evenly when none is', () => {
    fc.assert(
      fc.property(hosts, counts, pinning, (host, count, policy) => {
        const used = tally(cpusOf(placeThreads(host, count, policy)));
        const each = host.allowedCpus.map((cpu) => used.get(cpu) ?? 0);
        expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('takes a core that is free before the second hyper-thread of another on the same node', () => {
    fc.assert(
      fc.property(hosts, pinning, (host, policy) => {
        fc.pre(host.allowedCpus.length > 1);
        const threads = placeThreads(host, Math.ceil(host.allowedCpus.length / 2), policy);
        const used = new Set(cpusOf(threads));
        for (const { node } of host.cpus) {
          const cores = [...new Set(host.cpus.filter((cpu) => cpu.node === node).map(({ siblings }) => siblings))].map((siblings) =>
            siblings.filter((cpu) => host.allowedCpus.includes(cpu)),
          );
          const doubled = cores.some((siblings) => siblings.filter((cpu) => used.has(cpu)).length > 1);
          const idle = cores.some((siblings) => siblings.length > 0 && !siblings.some((cpu) => used.has(cpu)));
          expect(doubled && idle).toBe(false);
        }
      }),
    );
  });

  it('is the same for the same host, whatever the order of its lists', () => {
    fc.assert(
      fc.property(hosts, counts, pinning, (host, count, policy) => {
        const plan = planPlacement(host, count, policy);
        const shuffled = { ...host, cpus: [...host.cpus].reverse(), allowedCpus: [...host.allowedCpus].reverse() };
        expect(planPlacement(structuredClone(host), count, policy)).toEqual(plan);
        expect(planPlacement(shuffled, count, policy).threads).toEqual(plan.threads);
      }),
    );
  });

  it('has the rings of a thread on its node, or the nearest that has memory', () => {
    fc.assert(
      fc.property(hosts, counts, pinning, (host, count, policy) => {
        const { threads, rings } = planPlacement(host, count, policy);
        const withMemory = host.nodes.filter(({ memoryBytes }) => memoryBytes > 0).map(({ id }) => id);
        threads.forEach(({ node }, index) => {
          const home = rings[index];
          if (withMemory.length === 0) {
            expect(home).toEqual({ type: 'default' });
            return;
          }
          const distances = host.nodes.find(({ id }) => id === node)?.distances as readonly number[];
          const nearest = Math.min(...withMemory.map((id) => distances[id] as number));
          expect(home?.type === 'node' && withMemory.includes(home.node) && distances[home.node]).toBe(nearest);
        });
      }),
    );
  });

  it('has the table on the node of most threads, or on all of theirs in turn', () => {
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 64 }), pinning, (host, count, policy) => {
        const { rings, table } = planPlacement(host, count, policy);
        const homes = tally(rings.map((home) => (home.type === 'node' ? home.node : undefined)));
        const most = Math.max(...homes.values());
        if (table.type === 'node') expect(homes.get(table.node)).toBe(most);
        if (table.type === 'interleaved') {
          expect(most * 2).toBeLessThanOrEqual(count);
          expect(new Set(table.nodes)).toEqual(new Set(homes.keys()));
        }
        if (table.type === 'default') expect([...homes.keys()]).toEqual([undefined]);
      }),
    );
  });
});

describe('compact', () => {
  it('uses the fewest nodes that have enough processors', () => {
    fc.assert(
      fc.property(hosts, counts, (host, count) => {
        fc.pre(count > 0);
        const needed = Math.min(count, host.allowedCpus.length);
        const used = new Set(nodesOf(placeThreads(host, count, 'compact')));
        expect(used.size).toBe(fewestNodes(seats(host), needed));
      }),
    );
  });

  it('finishes a node before it begins the next', () => {
    fc.assert(
      fc.property(hosts, counts, (host, count) => {
        const nodes = nodesOf(placeThreads(host, Math.min(count, host.allowedCpus.length), 'compact'));
        const changes = nodes.filter((node, index) => index > 0 && nodes[index - 1] !== node).length;
        expect(changes).toBe(Math.max(0, new Set(nodes).size - 1));
      }),
    );
  });

  it('fills cores, then their hyper-threads, then the other socket', () => {
    const host = recordedHost('two-nodes-hyper-threads');
    expect(cpusOf(placeThreads(host, 18, 'compact'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 8, 9]);
  });

  it('goes to neighbours of a ring, not across it', () => {
    const host = recordedHost('four-nodes-ring');
    expect([...new Set(nodesOf(placeThreads(host, 8, 'compact')))]).toEqual([0, 1]);
    expect([...new Set(nodesOf(placeThreads(host, 9, 'compact')))]).toEqual([0, 1, 2]);
  });

  it('stays in a socket of eight nodes', () => {
    const host = recordedHost('eight-nodes');
    expect([...new Set(nodesOf(placeThreads(host, 32, 'compact')))]).toEqual([0, 1, 2, 3]);
  });

  it('takes the pair of nodes that is nearest, though neither is the first', () => {
    const distances = [
      [10, 40, 40, 40],
      [40, 10, 40, 40],
      [40, 40, 10, 12],
      [40, 40, 12, 10],
    ];
    const host = hostOf({ cores: [2, 2, 2, 2], threadsPerCore: 1, distances, memoryless: [], forbidden: [] });
    expect(nodesOf(placeThreads(host, 4, 'compact'))).toEqual([2, 2, 3, 3]);
  });

  it('prefers one large node to two small ones', () => {
    const distances = Array.from({ length: 3 }, () => [11, 11, 11]);
    const host = hostOf({ cores: [1, 1, 4], threadsPerCore: 1, distances, memoryless: [], forbidden: [] });
    expect(nodesOf(placeThreads(host, 3, 'compact'))).toEqual([2, 2, 2]);
  });
});

describe('spread', () => {
  it('is balanced within one over nodes that have room', () => {
    fc.assert(
      fc.property(hosts, counts, (host, count) => {
        const onNode = tally(nodesOf(placeThreads(host, Math.min(count, host.allowedCpus.length), 'spread')));
        const room = seats(host);
        const used = room.map((_, node) => onNode.get(node) ?? 0);
        const most = Math.max(...used);
        used.forEach((threads, node) => {
          expect(threads).toBeGreaterThanOrEqual(Math.min(most - 1, room[node] as number));
        });
      }),
    );
  });

  it('is balanced within one over equal nodes, for any number of threads', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 }), counts, (nodes, cores, count) => {
        const distances = Array.from({ length: nodes }, () => Array.from({ length: nodes }, () => 20));
        const host = hostOf({ cores: Array.from({ length: nodes }, () => cores), threadsPerCore: 2, distances, memoryless: [], forbidden: [] });
        const onNode = tally(nodesOf(placeThreads(host, count, 'spread')));
        const used = host.nodes.map(({ id }) => onNode.get(id) ?? 0);
        expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('takes the nodes in turn, and leaves out memory without processors', () => {
    expect(cpusOf(placeThreads(recordedHost('cxl-memory-node'), 5, 'spread'))).toEqual([0, 4, 1, 5, 2]);
    expect(cpusOf(placeThreads(recordedHost('four-nodes-ring'), 15, 'spread'))).toEqual([0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 11, 14, 3, 7, 15]);
  });
});

describe('a plan', () => {
  it('with the policy none pins nothing and binds nothing', () => {
    const plan = planPlacement(recordedHost('two-nodes-hyper-threads'), 2, 'none');
    expect(plan.threads).toEqual([0, 1].map((thread) => ({ thread, cpu: undefined, node: undefined })));
    expect([...plan.rings, plan.table]).toEqual(Array.from({ length: 3 }, () => ({ type: 'default' })));
    expect(plan.warnings).toEqual([]);
  });

  it('for a container uses only its cpuset, and warns of the quota and of too many threads', () => {
    const plan = planPlacement(recordedHost('cgroup-v1-container'), 3, 'compact');
    expect(cpusOf(plan.threads)).toEqual([2, 3, 2]);
    expect(plan.warnings.map(({ type }) => type)).toEqual(['quota', 'oversubscribed']);
    expect(plan.warnings[0]?.message).toContain('1.5');
  });

  it('does not warn of a quota that is enough', () => {
    expect(planPlacement(recordedHost('cgroup-v2-nested'), 2, 'compact').warnings).toEqual([]);
    expect(planPlacement(recordedHost('cgroup-v2-nested'), 3, 'compact').warnings.map(({ type }) => type)).toEqual(['quota']);
  });

  it('takes memory from the nearest node where a node has none, and says so', () => {
    const plan = planPlacement(recordedHost('memoryless-node'), 6, 'spread');
    expect(nodesOf(plan.threads)).toEqual([0, 2, 8, 0, 2, 8]);
    expect(plan.rings.map((home) => (home.type === 'node' ? home.node : undefined))).toEqual([0, 8, 8, 0, 8, 8]);
    expect(plan.table).toEqual({ type: 'node', node: 8 });
    expect(plan.warnings).toEqual([{ type: 'memoryless', message: expect.stringContaining('node 2') }]);
  });

  it('takes no memory from a node that the process may not use', () => {
    const host = { ...recordedHost('two-nodes-hyper-threads'), allowedNodes: [1] };
    expect(planPlacement(host, 1, 'compact').rings).toEqual([{ type: 'node', node: 1 }]);
  });

  it('spread over two nodes has its table on both in turn', () => {
    expect(planPlacement(recordedHost('two-nodes-hyper-threads'), 4, 'spread').table).toEqual({ type: 'interleaved', nodes: [0, 1] });
  });

  it('for a host with 64 nodes takes no noticeable time', () => {
    const distances = Array.from({ length: 64 }, (_, from) => Array.from({ length: 64 }, (__, to) => 10 + Math.abs(from - to)));
    const host = hostOf({ cores: distances.map(() => 16), threadsPerCore: 1, distances, memoryless: [], forbidden: [] });
    const startedMs = performance.now();
    expect(new Set(nodesOf(planPlacement(host, 128, 'compact').threads)).size).toBe(8);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});

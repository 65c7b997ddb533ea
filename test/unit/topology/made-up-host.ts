/** Hosts that do not exist: topologies made from a few numbers, for placing threads on them. */
import fc from 'fast-check';
import type { HostTopology } from '../../../dist/ts-src/model/topology.js';

export interface Sketch {
  /** Cores of each node, and how many hyper-threads each has. */
  readonly cores: readonly number[];
  readonly threadsPerCore: number;
  readonly distances: readonly (readonly number[])[];
  readonly memoryless: readonly boolean[];
  /** Of each processor. */
  readonly forbidden: readonly boolean[];
}

/** Made-up hosts of 1 to 8 nodes; hyper-threads are numbered behind all cores, as Linux does. */
export const sketches: fc.Arbitrary<Sketch> = fc.integer({ min: 1, max: 8 }).chain((count) =>
  fc.record({
    cores: fc
      .array(fc.integer({ min: 0, max: 6 }), { minLength: count, maxLength: count })
      .map((cores) => (cores.some((each) => each > 0) ? cores : [1, ...cores.slice(1)])),
    threadsPerCore: fc.integer({ min: 1, max: 2 }),
    distances: fc.array(fc.array(fc.integer({ min: 11, max: 60 }), { minLength: count, maxLength: count }), { minLength: count, maxLength: count }),
    memoryless: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
    forbidden: fc.array(
      fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
      { minLength: 96, maxLength: 96 },
    ),
  }),
);

export function hostOf({ cores, threadsPerCore, distances, memoryless, forbidden }: Sketch): HostTopology {
  const coreCount = cores.reduce((total, each) => total + each, 0);
  let core = 0;
  const cpus = cores.flatMap((count, node) =>
    Array.from({ length: count }, () => {
      const siblings = Array.from({ length: threadsPerCore }, (_, sibling) => core + sibling * coreCount);
      core++;
      return siblings.map((id) => ({ id, node, core: siblings[0] as number, package: node, siblings }));
    }).flat(),
  );
  cpus.sort((a, b) => a.id - b.id);
  const allowed = cpus.filter(({ id }) => !forbidden[id]).map(({ id }) => id);
  return {
    nodes: cores.map((_, id) => ({
      id,
      cpus: cpus.filter(({ node }) => node === id).map((cpu) => cpu.id),
      memoryBytes: memoryless[id] ? 0 : 2 ** 30,
      freeBytes: 0,
      distances: cores.map((__, to) => (to === id ? 10 : ((distances[id] as number[])[to] as number))),
    })),
    cpus,
    allowedCpus: allowed.length > 0 ? allowed : cpus.map(({ id }) => id),
    allowedNodes: cores.map((_, id) => id),
    cpuQuota: undefined,
    provider: 'none',
    refusals: [],
  };
}

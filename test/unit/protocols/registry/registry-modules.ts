/** The registry of a build, for tests: of `dist/`, or of a copy of it in which something is changed. */
import type * as Partitions from '../../../../dist/ts-src/protocols/registry/partition.js';
import type * as Codec from '../../../../dist/ts-src/protocols/registry/registry-codec.js';
import type * as Machines from '../../../../dist/ts-src/protocols/registry/registry-machine.js';
import type * as Rings from '../../../../dist/ts-src/protocols/registry/ring.js';

export interface RegistryModules {
  readonly machines: typeof Machines;
  readonly codec: typeof Codec;
  readonly partitions: typeof Partitions;
  readonly rings: typeof Rings;
}

/** Of a build: `dist/`, or a copy of it in which something is changed. */
export async function registryModules(dist: string): Promise<RegistryModules> {
  const load = async (name: string): Promise<unknown> => import(/* @vite-ignore */ `${dist}ts-src/protocols/registry/${name}.js`);
  const [machines, codec, partitions, rings] = await Promise.all(['registry-machine', 'registry-codec', 'partition', 'ring'].map(load));
  return { machines, codec, partitions, rings } as RegistryModules;
}

/** Few of everything, so that things meet. */
export const SMALL_RING = [
  { file: 'ts-src/protocols/registry/partition.js', from: 'PARTITIONS = 4096', to: 'PARTITIONS = 16' },
  { file: 'ts-src/protocols/registry/ring.js', from: 'POINTS_OF_MEMBER = 1024', to: 'POINTS_OF_MEMBER = 8' },
  { file: 'ts-src/protocols/registry/ring.js', from: 'EXCESS = 0.03', to: 'EXCESS = 0.05' },
  { file: 'ts-src/protocols/registry/registry-messages.js', from: 'PART_BYTES_MAX = 65_536', to: 'PART_BYTES_MAX = 150' },
  { file: 'ts-src/protocols/registry/registry-messages.js', from: 'ITEMS_MAX = 512', to: 'ITEMS_MAX = 5' },
];

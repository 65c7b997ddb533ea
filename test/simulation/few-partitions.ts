/** A build in which the directory of a cluster has 64 partitions, not 4,096: so that what is done for each of them when views change takes little of the time of a simulated cluster, and ids share partitions more often. */
import { changedBuild } from '../faults/changed-build.mjs';

export const FEW_PARTITIONS = { file: 'ts-src/protocols/registry/partition.js', from: 'PARTITIONS = 4096', to: 'PARTITIONS = 64' };

export interface ChangedSimulation {
  readonly builtInAgents: typeof import('../../dist/ts-src/testing/simulation/built-in.js').builtInAgents;
  readonly runSeeds: typeof import('../../dist/ts-src/testing/simulation/run-seeds.js').runSeeds;
  readonly reportText: typeof import('../../dist/ts-src/testing/simulation/failure-report.js').reportText;
  remove(): void;
}

/** The simulation of agents of a build that is changed so, and in these other places. */
export async function changedSimulation(
  changes: readonly { readonly file: string; readonly from: string; readonly to: string }[] = [],
): Promise<ChangedSimulation> {
  const { dist, remove } = changedBuild([FEW_PARTITIONS, ...changes]);
  const load = (name: string): Promise<Record<string, unknown>> => import(`${dist}ts-src/testing/simulation/${name}.js`);
  const loaded = { ...(await load('built-in')), ...(await load('run-seeds')), ...(await load('failure-report')), remove };
  return loaded as unknown as ChangedSimulation;
}

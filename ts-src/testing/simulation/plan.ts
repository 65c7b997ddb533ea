/**
 * What one simulated cluster goes through: how many nodes, what goes wrong and when, which resolver, for how long. A plain value, which is saved as JSON and run again; with its seed it decides
 * everything. Drawn by `swarm.ts`, checked by `plan-check.ts`, made smaller by `shrink.ts`.
 */
import type { ResolverOptions } from '../../model/cluster-options.js';
import { type Fault, faultText } from './fault.js';

export const PLAN_NODES_MAX = 1000;
export const PLAN_FAULTS_MAX = 10_000;
export const PLAN_MS_MAX = 86_400_000;

/** What goes wrong in one simulated cluster, and when: a plain value, drawn from a seed or written by hand. */
export interface Plan {
  /** Decides all that is drawn: the order of steps, delays, which messages are lost. 0 to 2^32 - 1. */
  readonly seed: number;
  /** 1 to 1,000. Their names are `n1`, `n2` and so on. */
  readonly nodes: number;
  /** How long the fault phase lasts, milliseconds of the simulation. At most a day. */
  readonly durationMs: number;
  readonly resolver: ResolverOptions;
  /** In order of their beginnings. At most 10,000. */
  readonly faults: readonly Fault[];
}

/** The name of a node in a simulation. */
export function nameOfNode(number: number): string {
  return `n${number}`;
}

/** Whether two sides of a partition may both go on: such a quorum is no quorum. */
export function mayBothRun({ nodes, resolver }: Pick<Plan, 'nodes' | 'resolver'>): boolean {
  // With fewer members than there are nodes a quorum of more than half of those is still a quorum.
  return resolver.strategy === 'staticQuorum' && resolver.quorum * 2 <= nodes;
}

/** Names of the nodes whose disks may lose, or not give back, what was on them. */
export function forgetful({ faults }: Pick<Plan, 'faults'>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const fault of faults) {
    const isLost = fault.kind === 'crash' && fault.disk === 'lost';
    if (isLost || fault.kind === 'lostWrites' || fault.kind === 'tornWrites' || fault.kind === 'bitFlips' || fault.kind === 'readErrors')
      for (const number of fault.nodes) names.add(nameOfNode(number));
  }
  return names;
}

/** As people read it: a line for the cluster, and one for each fault. */
export function planText(plan: Plan): string {
  const { strategy } = plan.resolver;
  const detail =
    plan.resolver.strategy === 'staticQuorum' ? ` ${plan.resolver.quorum}` : plan.resolver.strategy === 'keepReferee' ? ` ${plan.resolver.referee}` : '';
  const head = `seed ${plan.seed}: ${plan.nodes} node${plan.nodes === 1 ? '' : 's'}, ${strategy}${detail}, ${plan.durationMs / 1000} s, ${plan.faults.length} fault${plan.faults.length === 1 ? '' : 's'}`;
  return [head, ...plan.faults.map((fault) => `  ${faultText(fault)}`)].join('\n');
}

/** A copy with the faults in order of their beginnings; of those of one moment the order stays. */
export function inOrder(plan: Plan): Plan {
  return { ...plan, faults: [...plan.faults].sort((a, b) => a.atMs - b.atMs) };
}

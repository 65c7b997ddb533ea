/** Random trees and random things that happen in them, for the machine and for the runtime. */
import fc from 'fast-check';
import type { RestartType, Strategy } from '../../../dist/ts-src/model/supervisor.js';
import type { SupervisorTree, TreeNode } from './otp-model.js';
import { isSupervisor } from './otp-model.js';

export type Happening =
  | { readonly type: 'crash' | 'end'; readonly worker: number }
  | { readonly type: 'failStarts'; readonly worker: number; readonly count: number }
  | { readonly type: 'terminate' | 'restart' | 'delete'; readonly worker: number }
  | { readonly type: 'add'; readonly supervisor: number; readonly restart: RestartType }
  | { readonly type: 'pass'; readonly ms: number };

const strategy = fc.constantFrom<Strategy>('oneForOne', 'oneForAll', 'restForOne');
const restart = fc.oneof({ weight: 4, arbitrary: fc.constant<RestartType>('permanent') }, fc.constantFrom<RestartType>('transient', 'temporary'));

type Shape = { readonly restart: RestartType } & ({ readonly leaf: true } | Inner);
type Inner = { readonly leaf: false; readonly strategy: Strategy; readonly intensity: number; readonly children: readonly Shape[] };

const { tree: shape } = fc.letrec<{ node: Shape; tree: Shape }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 5, arbitrary: fc.record({ restart, leaf: fc.constant<true>(true) }) },
    { weight: 2, arbitrary: tie('tree') },
  ),
  tree: fc.record({
    restart,
    leaf: fc.constant<false>(false),
    strategy,
    intensity: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) }, fc.constant(50)),
    children: fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
  }),
}));

/** Ids are the places in the tree. */
function named(node: Shape, id: string): TreeNode {
  if (node.leaf) return { id, restart: node.restart };
  return {
    id,
    restart: node.restart,
    strategy: node.strategy,
    intensity: node.intensity,
    periodMs: 1000,
    children: node.children.map((child, index) => named(child, `${id}.${index}`)),
  };
}

export const trees: fc.Arbitrary<SupervisorTree> = shape.map((root) => named(root, 's') as SupervisorTree);

const worker = fc.nat({ max: 15 });

export const happenings = (withTime: boolean): fc.Arbitrary<Happening[]> =>
  fc.array(
    fc.oneof<fc.WeightedArbitrary<Happening>[]>(
      { weight: 6, arbitrary: fc.record({ type: fc.constant('crash' as const), worker }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('end' as const), worker }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('failStarts' as const), worker, count: fc.integer({ min: 1, max: 3 }) }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('terminate' as const, 'restart' as const, 'delete' as const), worker }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('add' as const), supervisor: fc.nat({ max: 3 }), restart }) },
      ...(withTime ? [{ weight: 2, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1500 }) }) }] : []),
    ),
    { minLength: 1, maxLength: 14 },
  );

/** Workers and supervisors of a tree, with the supervisor above each. */
export function placesOf(tree: SupervisorTree): { readonly workers: { readonly id: string; readonly parent: string }[]; readonly supervisors: string[] } {
  const workers: { id: string; parent: string }[] = [];
  const supervisors: string[] = [];
  const visit = (node: SupervisorTree): void => {
    supervisors.push(node.id);
    for (const child of node.children) {
      if (isSupervisor(child)) visit(child);
      else workers.push({ id: child.id, parent: node.id });
    }
  };
  visit(tree);
  return { workers, supervisors };
}

/**
 * Makes a plan that fails smaller, while it fails in the same way: fewer faults (`ddmin.ts`), a shorter run, shorter and simpler faults, fewer nodes, again and again until nothing more goes. A
 * smaller plan draws other delays than the whole, so that not every part of a failure fails on its own; what is found is small, not the smallest there is.
 */
import { ddmin } from './ddmin.js';
import { endOf, type Fault, nodesOf } from './fault.js';
import { mayBothRun, nameOfNode, type Plan } from './plan.js';

export interface ShrinkOptions {
  /** What a plan fails with: the same for the same failure. Undefined if it passes. */
  readonly failureOf: (plan: Plan) => Promise<string | undefined>;
  /** Fewest nodes that make sense. Default 1. */
  readonly nodesMin?: number;
  /** Runs it may take. Default 500. */
  readonly runsMax?: number;
  /** Asked before each run: whether there is time for another. */
  readonly hasTime?: () => boolean;
  /** Told about each smaller plan. */
  readonly progress?: (plan: Plan, runs: number) => void;
}

export interface Shrunk {
  readonly plan: Plan;
  readonly runs: number;
  /** Nothing more can be left out. False when runs or time were not enough. */
  readonly isComplete: boolean;
}

/** Faults end on such a boundary where that is enough. */
const ROUND_MS = 100;

/** @param failure what the plan fails with */
export async function shrink(plan: Plan, failure: string, options: ShrinkOptions): Promise<Shrunk> {
  const { failureOf, nodesMin = 1, runsMax = 500, hasTime = () => true, progress = () => undefined } = options;
  let smallest = plan;
  let runs = 0;
  const mayGoOn = (): boolean => runs < runsMax && hasTime();
  const stillFails = async (candidate: Plan): Promise<boolean> => {
    if (!mayGoOn()) return false;
    runs++;
    if ((await failureOf(candidate)) !== failure) return false;
    smallest = candidate;
    progress(candidate, runs);
    return true;
  };
  for (let before: Plan | undefined; before !== smallest && mayGoOn(); ) {
    before = smallest;
    await ddmin(smallest.faults, (faults) => stillFails({ ...smallest, faults }), mayGoOn);
    await shorten(() => smallest, stillFails);
    for (let index = 0; index < smallest.faults.length; index++) await simplify(() => smallest, index, stillFails);
    for (let node = smallest.nodes; node >= 1 && smallest.nodes > nodesMin; node--) {
      const fewer = withoutNode(smallest, node);
      if (fewer !== undefined) await stillFails(fewer);
    }
  }
  return { plan: smallest, runs, isComplete: mayGoOn() };
}

/** The fault phase ends with the last fault, or with half of its length. */
async function shorten(smallest: () => Plan, stillFails: (plan: Plan) => Promise<boolean>): Promise<void> {
  const lastMs = Math.max(0, ...smallest().faults.map(endOf));
  if (lastMs < smallest().durationMs) await stillFails({ ...smallest(), durationMs: lastMs });
  for (let tried = 0; tried < 20; tried++) {
    const durationMs = Math.floor(smallest().durationMs / 2 / ROUND_MS) * ROUND_MS;
    if (durationMs === 0) return;
    const faults = smallest().faults.filter(({ atMs }) => atMs < durationMs);
    if (!(await stillFails({ ...smallest(), durationMs, faults: faults.map((fault) => endingBy(fault, durationMs)) }))) return;
  }
}

async function simplify(smallest: () => Plan, index: number, stillFails: (plan: Plan) => Promise<boolean>): Promise<void> {
  const replaced = (fault: Fault): Plan => ({ ...smallest(), faults: smallest().faults.map((each, at) => (at === index ? fault : each)) });
  const fault = (): Fault => smallest().faults[index] as Fault;
  for (let tried = 0; tried < 12 && fault().forMs >= 2 * ROUND_MS; tried++) {
    const forMs = Math.ceil(fault().forMs / 2 / ROUND_MS) * ROUND_MS;
    if (forMs === fault().forMs || !(await stillFails(replaced({ ...fault(), forMs })))) break;
  }
  const now = fault();
  if (!('nodes' in now) || now.nodes === undefined || now.nodes.length < 2) return;
  const { nodes } = now;
  await ddmin(nodes, async (part) => part.length > 0 && stillFails(replaced({ ...fault(), nodes: part } as Fault)));
}

function endingBy(fault: Fault, endMs: number): Fault {
  return { ...fault, forMs: Math.max(0, Math.min(fault.forMs, endMs - fault.atMs)) };
}

/** The plan with one node less; the higher ones count one down. Undefined if it could not be a plan any more, or would be another one in what it may do. */
export function withoutNode(plan: Plan, node: number): Plan | undefined {
  if (plan.nodes < 2) return undefined;
  const moved = (number: number): number => (number > node ? number - 1 : number);
  const left = (numbers: readonly number[]): number[] => numbers.filter((number) => number !== node).map(moved);
  const faults: Fault[] = [];
  for (const fault of plan.faults) {
    const kept = withoutNodeIn(fault, node, moved, left);
    if (kept !== undefined && nodesOf(kept, plan.nodes - 1).length > 0) faults.push(kept);
  }
  const { resolver } = plan;
  const fewer: Plan = { ...plan, nodes: plan.nodes - 1, faults };
  if (resolver.strategy === 'keepReferee') {
    const referee = Array.from({ length: plan.nodes }, (_, index) => index + 1).find((number) => nameOfNode(number) === resolver.referee);
    if (referee === node) return undefined;
    return referee === undefined ? fewer : { ...fewer, resolver: { ...resolver, referee: nameOfNode(moved(referee)) } };
  }
  if (resolver.strategy === 'staticQuorum' && resolver.quorum > fewer.nodes) return undefined;
  return mayBothRun(fewer) === mayBothRun(plan) ? fewer : undefined;
}

function withoutNodeIn(fault: Fault, node: number, moved: (number: number) => number, left: (numbers: readonly number[]) => number[]): Fault | undefined {
  switch (fault.kind) {
    case 'partition': {
      const groups = fault.groups.map(left).filter((group) => group.length > 0);
      return groups.length < 2 ? undefined : { ...fault, groups };
    }
    case 'oneWayPartition': {
      const [from, to] = [left(fault.from), left(fault.to)];
      return from.length === 0 || to.length === 0 ? undefined : { ...fault, from, to };
    }
    case 'nonTransitivePartition': {
      const pairs = fault.pairs.filter((pair) => !pair.includes(node)).map(([a, b]) => [moved(a), moved(b)] as const);
      return pairs.length === 0 ? undefined : { ...fault, pairs };
    }
    case 'cloggedLink':
      return fault.from === node || fault.to === node ? undefined : { ...fault, from: moved(fault.from), to: moved(fault.to) };
    default: {
      if (fault.nodes === undefined) return fault;
      const nodes = left(fault.nodes);
      return nodes.length === 0 ? undefined : ({ ...fault, nodes } as Fault);
    }
  }
}

/**
 * One run of a cluster in which everything that may go wrong does, drawn from a seed: loss, copies, late datagrams, partitions of every kind, pauses, clocks that drift, crashes, restarts with and
 * without what was on disk, wall clocks that go back. Then all is mended, and every node must be a member of one view. What must never happen is checked by the bare cluster at every step.
 */
import type { ResolverOptions } from '../../../../dist/ts-src/model/cluster-options.js';
import type { MembershipConfiguration, MembershipMachine } from '../../../../dist/ts-src/protocols/membership/membership.js';
import { BareCluster, type BareNode } from './bare-cluster.js';

const EPOCH_MS = 1_750_000_000_000;
/** Clocks differ by less than 2 % among each other. */
const DRIFT_MAX = 0.0098;
const TROUBLE_MS = 90_000;
/** After the last fault, until all are members of one view: whoever was fenced has to stop, start, and wait for the lease of its former self. */
export const AGREES_WITHIN_MS = 60_000;

export interface Exploration {
  readonly seed: number;
  /** What was wrong; undefined if nothing was. */
  readonly wrong: string | undefined;
  readonly views: number;
  readonly removals: number;
  readonly fencings: number;
  readonly healedInMs: number;
}

export interface ExploreOptions {
  readonly make?: (configuration: MembershipConfiguration) => MembershipMachine;
  readonly resolver?: ResolverOptions;
  readonly log?: (line: string) => void;
}

export function explore(seed: number, options: ExploreOptions = {}): Exploration {
  const resolver = options.resolver ?? resolverOf(seed);
  const cluster = new BareCluster(0, { ...options, seed, resolver });
  const chance = (): number => cluster.random.next();
  const pick = <T>(values: readonly T[]): T => values[Math.floor(chance() * values.length)] as T;
  const count = 2 + Math.floor(chance() * 8);
  const skewOf = new Map<BareNode, number>();
  for (let index = 0; index < count; index++) {
    const node = cluster.add();
    node.rate = 1 + (chance() * 2 - 1) * DRIFT_MAX;
    node.offsetMs = chance() * 1e6;
    skewOf.set(node, (chance() - 0.5) * 1e5);
  }
  const start = (node: BareNode): void => {
    if (chance() < 0.3) skewOf.set(node, (chance() - 0.5) * 1e5);
    if (chance() < 0.4) node.disk = undefined;
    // A start that finds the time of the one before is as good as one that finds an earlier one.
    const incarnation = Math.floor(EPOCH_MS + cluster.nowMs + (skewOf.get(node) as number)) + node.starts;
    cluster.start(node, { incarnation });
  };
  const lossRate = pick([0, 0, 0.05, 0.3]);
  const slowMs = pick([5, 5, 60, 400]);
  const trouble = pick([400, 1500, 6000]);
  cluster.duplicationRate = pick([0, 0.1, 0.5]);
  cluster.delayMsMax = pick([5, 60]);
  let nextTroubleMs = pick([0, 8000, 15_000]);
  let fencings = 0;
  const later: { readonly atMs: number; readonly act: () => void }[] = cluster.nodes.map((node) => ({ atMs: chance() * 4000, act: () => start(node) }));
  const goesBack = new Set<BareNode>();
  while (cluster.nowMs < TROUBLE_MS && cluster.wrong.length === 0) {
    cluster.run(200);
    for (const entry of later.filter(({ atMs }) => atMs <= cluster.nowMs)) {
      later.splice(later.indexOf(entry), 1);
      entry.act();
    }
    for (const node of cluster.nodes) {
      // Whoever watches it starts it again.
      if ((node.machine?.standing !== 'fenced' && node.machine?.standing !== 'left') || goesBack.has(node)) continue;
      if (node.machine.standing === 'fenced') fencings += 1;
      goesBack.add(node);
      later.push({
        atMs: cluster.nowMs + chance() * 6000,
        act: () => (goesBack.delete(node), node.machine?.standing === 'fenced' || node.machine?.standing === 'left' ? start(node) : undefined),
      });
    }
    if (cluster.nowMs < nextTroubleMs) continue;
    nextTroubleMs = cluster.nowMs + chance() * 2 * trouble;
    const node = pick(cluster.nodes);
    switch (pick(['split', 'oneWay', 'links', 'mend', 'mend', 'crash', 'pause', 'leave', 'loss', 'alone'] as const)) {
      case 'split': {
        const side = new Set(cluster.nodes.filter(() => chance() < 0.5).map(({ name }) => name));
        cluster.isCut = (from, to) => side.has(from) !== side.has(to);
        break;
      }
      case 'alone':
        cluster.isCut = (from, to) => (from === node.name) !== (to === node.name);
        break;
      case 'oneWay': {
        const side = new Set(cluster.nodes.filter(() => chance() < 0.5).map(({ name }) => name));
        cluster.isCut = (from, to) => side.has(from) && !side.has(to);
        break;
      }
      case 'links': {
        const cut = new Set(cluster.nodes.flatMap((a) => cluster.nodes.filter(() => chance() < 0.3).map((b) => `${a.name} ${b.name}`)));
        cluster.isCut = (from, to) => cut.has(`${from} ${to}`);
        break;
      }
      case 'mend':
        cluster.isCut = () => false;
        cluster.lossRate = 0;
        cluster.delayMsMax = 5;
        break;
      case 'crash':
        if (node.machine === undefined) break;
        cluster.crash(node);
        later.push({ atMs: cluster.nowMs + chance() * pick([500, 20_000]), act: () => (node.machine === undefined ? start(node) : undefined) });
        break;
      case 'pause':
        node.pausedUntilMs = cluster.nowMs + chance() * pick([2000, 20_000]);
        break;
      case 'leave':
        if (chance() < 0.5) cluster.input(node, { type: 'leave' });
        break;
      case 'loss':
        cluster.lossRate = lossRate;
        cluster.delayMsMax = slowMs;
    }
  }
  const healedInMs = heal(cluster, start);
  const count_ = (type: 'removed'): number =>
    Math.max(0, ...cluster.nodes.map(({ events }) => events.reduce((sum, { event }) => sum + (event.type === 'view' ? event[type].length : 0), 0)));
  const views = Math.max(0, ...cluster.nodes.map(({ view }) => view?.number ?? 0));
  return { seed, wrong: cluster.wrong[0], views, removals: count_('removed'), fencings, healedInMs };
}

/** Returns how long it took. */
function heal(cluster: BareCluster, start: (node: BareNode) => void): number {
  cluster.isCut = () => false;
  cluster.lossRate = 0;
  cluster.duplicationRate = 0;
  cluster.delayMsMax = 5;
  const sinceMs = cluster.nowMs;
  for (const node of cluster.nodes) {
    node.pausedUntilMs = Math.min(node.pausedUntilMs, cluster.nowMs);
    wake(cluster, node);
  }
  while (cluster.wrong.length === 0) {
    for (const node of cluster.nodes) {
      if (node.machine !== undefined && node.machine.standing !== 'fenced' && node.machine.standing !== 'left') continue;
      cluster.crash(node);
      start(node);
    }
    if (cluster.run(1000, () => cluster.isSettled())) return cluster.nowMs - sinceMs;
    if (cluster.nowMs - sinceMs > AGREES_WITHIN_MS)
      cluster.wrong.push(
        `${cluster.nodes.map((node) => `${node.name}: ${node.machine?.standing} in view ${node.view?.number}, ${node.view?.members.size} members`).join('; ')}, ${AGREES_WITHIN_MS} ms after all was mended`,
      );
  }
  return Number.NaN;
}

/** The bare cluster may have taken the last time at which it was to wake a former start of the node for one of the present start, which then sleeps: one fault more, until all is mended. */
function wake(cluster: BareCluster, node: BareNode): void {
  node.wakeAtMs = Number.POSITIVE_INFINITY;
  cluster.input(node, { type: 'tick' });
}

/** Those that promise that one side goes on at most. */
function resolverOf(seed: number): ResolverOptions {
  switch (seed % 8) {
    case 0:
      return { strategy: 'keepOldest' };
    case 1:
      return { strategy: 'keepReferee', referee: 'n2' };
    case 2:
      return { strategy: 'downAll' };
    case 3:
      return { strategy: 'staticQuorum', quorum: 5 };
    default:
      return { strategy: 'keepMajority' };
  }
}

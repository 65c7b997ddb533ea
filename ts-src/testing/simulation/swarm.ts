/**
 * Draws a plan from a seed by swarm testing (Groce, Zhang, Eide, Chen and Regehr, "Swarm Testing", 2012): each run leaves out a random half of the kinds of faults, and draws how often and how
 * hard it has the others. Faults of one kind hide what others would show, as a node that crashes all the time is never in a partition: what no run with everything on reaches, some run does.
 * Each kind has a sequence of random numbers of its own, so that leaving one out changes nothing about the others.
 */
import type { ResolverOptions } from '../../model/cluster-options.js';
import { SeededRandom } from '../../model/seeded-random.js';
import { FAULT_KINDS, type Fault, type FaultKind } from './fault.js';
import { inOrder, nameOfNode, type Plan } from './plan.js';

export interface SwarmOptions {
  readonly nodes: { readonly min: number; readonly max: number };
  readonly durationMs: number;
  /** Kinds that may be drawn. Default: all. */
  readonly kinds?: readonly FaultKind[];
  /** Default: drawn. */
  readonly resolver?: ResolverOptions;
  /** Worker threads of a node, for `killThread`: without any it is not drawn. Default 0. */
  readonly threads?: number;
}

/** The share of the kinds that a run has. */
const INCLUDED = 0.5;
/** A kind that is on comes on the average so often in a run at the most, and so often at the least. */
const OFTEN_MAX = 8;
const OFTEN_MIN = 0.5;
/** Faults of one kind in a run. */
const OF_ONE_KIND_MAX = 200;

export function drawPlan(seed: number, options: SwarmOptions): Plan {
  const draw = new Draw(seed, 'plan');
  const nodes = draw.whole(options.nodes.min, options.nodes.max);
  const { durationMs, kinds = FAULT_KINDS, threads = 0 } = options;
  const resolver = options.resolver ?? drawResolver(draw, nodes);
  const possible = FAULT_KINDS.filter((kind) => kinds.includes(kind) && (kind !== 'killThread' || threads > 0));
  const faults = possible.flatMap((kind) => drawFaults(new Draw(seed, `faults of kind ${kind}`), kind, { nodes, durationMs, threads }));
  return inOrder({ seed, nodes, durationMs, resolver, faults });
}

interface Room {
  readonly nodes: number;
  readonly durationMs: number;
  readonly threads: number;
}

function drawFaults(draw: Draw, kind: FaultKind, room: Room): Fault[] {
  if (!draw.chance(INCLUDED)) return [];
  const everyMs = Math.max(1, room.durationMs / draw.scale(OFTEN_MIN, OFTEN_MAX));
  const faults: Fault[] = [];
  for (let atMs = draw.gap(everyMs); atMs < room.durationMs && faults.length < OF_ONE_KIND_MAX; atMs += draw.gap(everyMs)) {
    const fault = drawFault(draw, kind, Math.round(atMs), room);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
}

/** Undefined if there are too few nodes for it. */
function drawFault(draw: Draw, kind: FaultKind, atMs: number, { nodes, threads, durationMs }: Room): Fault | undefined {
  const forMs = Math.min(Math.round(draw.scale(200, 60_000)), Math.max(1, durationMs - atMs));
  const some = draw.some(nodes);
  const ofLinks = draw.chance(0.5) ? { atMs, forMs } : { atMs, forMs, nodes: some };
  const ofNodes = { atMs, forMs, nodes: some };
  switch (kind) {
    case 'partition': {
      const groups = draw.groups(nodes);
      return groups.length < 2 ? undefined : { kind, atMs, forMs, groups };
    }
    case 'oneWayPartition': {
      const [from, to] = draw.groups(nodes, 2);
      return from === undefined || to === undefined ? undefined : { kind, atMs, forMs, from, to };
    }
    case 'nonTransitivePartition': {
      const pairs = draw.pairs(nodes);
      return pairs.length === 0 ? undefined : { kind, atMs, forMs, pairs };
    }
    case 'cloggedLink': {
      const [from, to] = draw.shuffled(nodes);
      return from === undefined || to === undefined ? undefined : { kind, atMs, forMs, from, to };
    }
    case 'loss':
      return { kind, ...ofLinks, rate: draw.hundredths(0.01, 0.3) };
    case 'duplication':
      return { kind, ...ofLinks, rate: draw.hundredths(0.01, 0.5) };
    case 'reordering':
      return { kind, ...ofLinks, rate: draw.hundredths(0.05, 0.5), delayMs: Math.round(draw.scale(2, 1000)) };
    case 'corruption':
      return { kind, ...ofLinks, rate: draw.hundredths(0.01, 0.2) };
    case 'latency':
      return { kind, ...ofLinks, addedMs: Math.round(draw.scale(1, 1000)), jitterMs: Math.round(draw.scale(1, 1000)) };
    case 'bandwidth':
      return { kind, ...ofLinks, bytesPerSecond: Math.round(draw.scale(1000, 1_000_000)) };
    case 'crash':
      return { kind, ...ofNodes, disk: draw.chance(0.5) ? 'kept' : 'lost', ending: draw.chance(0.5) ? 'reset' : 'silent' };
    case 'slowNode':
      return { kind, ...ofNodes, delayMs: Math.round(draw.scale(5, 2000)) };
    case 'killThread':
      return { kind, ...ofNodes, forMs: 0, thread: draw.whole(1, threads) };
    case 'clockDrift':
      return { kind, ...ofNodes, rate: draw.whole(-100, 100) / 10_000 };
    case 'clockJump':
      return { kind, ...ofNodes, forMs: 0, byMs: Math.round(draw.scale(10, 86_400_000)) * (draw.chance(0.5) ? 1 : -1) };
    case 'restart':
      return { kind, ...ofNodes, forMs: 0 };
    case 'pause':
    case 'leave':
    case 'lostWrites':
    case 'tornWrites':
    case 'fullDisk':
      return { kind, ...ofNodes };
    case 'readErrors':
    case 'writeErrors':
    case 'bitFlips':
      return { kind, ...ofNodes, rate: draw.hundredths(0.05, 1) };
  }
}

function drawResolver(draw: Draw, nodes: number): ResolverOptions {
  const kind = draw.whole(0, 9);
  if (kind < 4) return { strategy: 'keepMajority' };
  if (kind < 6) return { strategy: 'keepOldest' };
  // Now and then one with which both sides may go on, which must then be seen to.
  if (kind < 7) return { strategy: 'staticQuorum', quorum: draw.chance(0.8) ? Math.floor(nodes / 2) + 1 : draw.whole(1, nodes) };
  if (kind < 9) return { strategy: 'keepReferee', referee: nameOfNode(draw.whole(1, nodes)) };
  return { strategy: 'downAll' };
}

class Draw {
  readonly #random: SeededRandom;

  constructor(seed: number, stream: string) {
    this.#random = new SeededRandom(seed, stream);
  }

  next(): number {
    return this.#random.next();
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  /** Both included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** Each order of magnitude is as likely. */
  scale(min: number, max: number): number {
    return min * (max / min) ** this.next();
  }

  hundredths(min: number, max: number): number {
    return Math.round((min + this.next() * (max - min)) * 100) / 100;
  }

  /** Between two events of a Poisson process. */
  gap(meanMs: number): number {
    return -Math.log(1 - this.next()) * meanMs;
  }

  shuffled(nodes: number): number[] {
    const list = Array.from({ length: nodes }, (_, index) => index + 1);
    for (let index = nodes - 1; index > 0; index--) {
      const other = this.whole(0, index);
      [list[index], list[other]] = [list[other] as number, list[index] as number];
    }
    return list;
  }

  /** Mostly one node, sometimes several, now and then all: what a rack, or an operator, does. */
  some(nodes: number): number[] {
    const kind = this.next();
    const count = kind < 0.6 ? 1 : kind < 0.95 ? this.whole(1, nodes) : nodes;
    return this.shuffled(nodes)
      .slice(0, count)
      .sort((a, b) => a - b);
  }

  /** Some nodes, perhaps all, each in one of some groups, none of which is empty. */
  groups(nodes: number, count = this.chance(0.8) ? 2 : 3): number[][] {
    const list = this.shuffled(nodes);
    const outside = this.chance(0.8) ? 0 : this.whole(0, Math.max(0, nodes - count));
    const groups: number[][] = Array.from({ length: Math.min(count, nodes) }, () => []);
    list.slice(outside).forEach((number, index) => {
      (groups[index < groups.length ? index : this.whole(0, groups.length - 1)] as number[]).push(number);
    });
    return groups.filter((group) => group.length > 0).map((group) => group.sort((a, b) => a - b));
  }

  /** Some pairs, not all of them: somebody reaches both. */
  pairs(nodes: number): [number, number][] {
    if (nodes < 3) return [];
    const list = this.shuffled(nodes);
    const through = list.pop() as number;
    const share = this.next();
    const pairs: [number, number][] = [[Math.min(list[0] as number, list[1] as number), Math.max(list[0] as number, list[1] as number)]];
    for (let a = 1; a <= nodes; a++)
      for (let b = a + 1; b <= nodes; b++)
        if (a !== through && b !== through && this.chance(share) && !pairs.some(([x, y]) => x === a && y === b)) pairs.push([a, b]);
    return pairs;
  }
}

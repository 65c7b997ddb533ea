/**
 * Decides which processor each thread of a nexus is tied to, and which node each part of the shared memory comes from. Pure: a topology in, a plan out; the same
 * topology gives the same plan. Nothing is pinned or bound here, and nothing warns on its own: warnings are part of the plan.
 */
import { distanceBetween, type HostTopology } from './topology.js';

/**
 * `compact`: threads near each other, on the fewest nodes. Messages between threads are cheapest.
 * `spread`: threads on all nodes in turn. Every node's memory and caches are used.
 * `none`: the kernel decides, and moves threads as it likes.
 */
export type PlacementPolicy = 'compact' | 'spread' | 'none';

export const PLACEMENT_POLICIES: readonly PlacementPolicy[] = ['compact', 'spread', 'none'];

export interface ThreadPlacement {
  /** 0 is the calling thread. */
  readonly thread: number;
  /** Undefined: not pinned. */
  readonly cpu: number | undefined;
  /** Of that processor; undefined if the kernel decides. */
  readonly node: number | undefined;
}

/** Where pages come from. `default`: the node of whichever thread touches them first. */
export type MemoryHome =
  | { readonly type: 'default' }
  | { readonly type: 'node'; readonly node: number }
  | { readonly type: 'interleaved'; readonly nodes: readonly number[] };

export interface PlacementWarning {
  /**
   * `quota`: the cgroups give less time than there are threads, so some of them are stopped part of the time. `oversubscribed`: more threads than processors.
   * `memoryless`: a thread's node has no memory this process may use; the nearest that has some is taken.
   */
  readonly type: 'quota' | 'oversubscribed' | 'memoryless';
  readonly message: string;
}

/** Which processors the threads are tied to, and where their memory is: part of `nexus.topology`. */
export interface PlacementPlan {
  readonly policy: PlacementPolicy;
  readonly threads: readonly ThreadPlacement[];
  /** Of the rings that a thread reads, by its index. */
  readonly rings: readonly MemoryHome[];
  /** Of the routing table, which all threads read. */
  readonly table: MemoryHome;
  readonly warnings: readonly PlacementWarning[];
}

/** @param threadCount the calling thread included, at least 0 */
export function planPlacement(topology: HostTopology, threadCount: number, policy: PlacementPolicy): PlacementPlan {
  const threads = placeThreads(topology, threadCount, policy);
  const warnings = warningsOf(topology, threadCount, policy);
  const homes = new Map<number, number | undefined>();
  for (const { node } of threads) {
    if (node === undefined || homes.has(node)) continue;
    const home = nearestMemory(topology, node);
    homes.set(node, home);
    if (home !== node) {
      const instead = home === undefined ? 'what the kernel gives' : `that of node ${home}`;
      warnings.push({ type: 'memoryless', message: `node ${node} has threads, but no memory this process may use: ${instead} is used instead` });
    }
  }
  const homeOf = ({ node }: ThreadPlacement): number | undefined => (node === undefined ? undefined : homes.get(node));
  return { policy, threads, rings: threads.map((thread) => onNode(homeOf(thread))), table: tableHome(threads.map(homeOf)), warnings };
}

/**
 * A processor for each thread, of those the process may use. No processor gets a thread more than another, so none is shared while one is free.
 * Within a node different cores come before the second hyper-thread of one.
 */
export function placeThreads(topology: HostTopology, threadCount: number, policy: PlacementPolicy): ThreadPlacement[] {
  if (policy === 'none') return Array.from({ length: threadCount }, (_, thread) => ({ thread, cpu: undefined, node: undefined }));
  const places = usableNodes(topology);
  const order = policy === 'compact' ? compactOrder(topology, places, threadCount) : spreadOrder(places);
  // Threads that no processor is known for stay with the kernel.
  return Array.from({ length: threadCount }, (_, thread) => ({ thread, cpu: undefined, node: undefined, ...order[thread % order.length] }));
}

interface Seat {
  readonly cpu: number;
  readonly node: number;
}

interface UsableNode {
  readonly node: number;
  /** In the order they are to be used. Never empty. */
  readonly seats: readonly Seat[];
}

/** The nodes with processors the process may use, ascending. */
function usableNodes(topology: HostTopology): UsableNode[] {
  const allowed = new Set(topology.allowedCpus);
  const byNode = new Map<number, { readonly seat: Seat; readonly rank: number }[]>();
  for (const { id, node, siblings } of topology.cpus) {
    if (!allowed.has(id)) continue;
    // How many usable hyper-threads of this core come before it.
    const rank = siblings.filter((sibling) => sibling < id && allowed.has(sibling)).length;
    const ofNode = byNode.get(node) ?? [];
    byNode.set(node, ofNode);
    ofNode.push({ seat: { cpu: id, node }, rank });
  }
  return [...byNode]
    .map(([node, seats]) => ({ node, seats: seats.sort((a, b) => a.rank - b.rank || a.seat.cpu - b.seat.cpu).map(({ seat }) => seat) }))
    .sort((a, b) => a.node - b.node);
}

/** One seat of each node in turn; a node whose seats are all taken is passed over. */
function spreadOrder(nodes: readonly UsableNode[]): Seat[] {
  const order: Seat[] = [];
  const rounds = Math.max(0, ...nodes.map(({ seats }) => seats.length));
  for (let round = 0; round < rounds; round++) {
    for (const { seats } of nodes) {
      const seat = seats[round];
      if (seat !== undefined) order.push(seat);
    }
  }
  return order;
}

/** The seats of one node after the other: of as few nodes as hold all threads, the nearest to each other that are found by going from each node to the nearest. */
function compactOrder(topology: HostTopology, nodes: readonly UsableNode[], threadCount: number): Seat[] {
  const apart = nodes.map((a) => nodes.map((b) => distanceBetween(topology, a.node, b.node) + distanceBetween(topology, b.node, a.node)));
  // With more threads than seats all nodes are needed.
  const needed = Math.min(threadCount, sum(sizes(nodes)));
  let count = 1;
  while (sum(sizes(nodes).slice(0, count)) < needed) count++;
  let best: NodePath | undefined;
  for (let start = 0; start < nodes.length; start++) {
    const path = nearestPath(nodes, apart, start, count, needed);
    if (path !== undefined && (best === undefined || path.length < best.length)) best = path;
  }
  return (best?.nodes ?? []).flatMap((index) => nodes[index]?.seats ?? []);
}

interface NodePath {
  /** Indices of nodes in the order they are to be filled. */
  readonly nodes: readonly number[];
  /** Sum of the distances between all of them. */
  readonly length: number;
}

/**
 * `count` nodes that hold the threads, `start` the first: each next one is the nearest to all before it, of those with which the rest still fit into `count`.
 * Undefined if there is no such set with `start` in it.
 */
function nearestPath(nodes: readonly UsableNode[], apart: readonly (readonly number[])[], start: number, count: number, needed: number): NodePath | undefined {
  const path: number[] = [];
  // Distance of each node to all in the path.
  const separation = nodes.map(() => 0);
  let length = 0;
  let held = 0;
  while (path.length < count) {
    const others = nodes.map((_, index) => index).filter((index) => !path.includes(index));
    const bySize = sizes(others.map((index) => nodes[index] as UsableNode));
    const spare = count - path.length - 1;
    const largest = sum(bySize.slice(0, spare));
    // The size from which on a node is itself among the largest, so that one more of the others takes its place there.
    const nextLargest = bySize[spare] ?? 0;
    let next: number | undefined;
    for (const index of path.length === 0 ? [start] : others) {
      const size = (nodes[index] as UsableNode).seats.length;
      if (held + largest + Math.min(size, nextLargest) < needed) continue;
      if (next === undefined || (separation[index] as number) < (separation[next] as number)) next = index;
    }
    if (next === undefined) return undefined;
    path.push(next);
    length += separation[next] as number;
    held += (nodes[next] as UsableNode).seats.length;
    for (let index = 0; index < nodes.length; index++) separation[index] = (separation[index] as number) + ((apart[next] as number[])[index] as number);
  }
  return { nodes: path, length };
}

/** Descending. */
function sizes(nodes: readonly UsableNode[]): number[] {
  return nodes.map(({ seats }) => seats.length).sort((a, b) => b - a);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The nearest node with memory that the process may use, itself if it has some. Of equally near ones the lowest. */
function nearestMemory(topology: HostTopology, from: number): number | undefined {
  const candidates = topology.nodes.filter(({ id, memoryBytes }) => memoryBytes > 0 && topology.allowedNodes.includes(id)).map(({ id }) => id);
  if (candidates.includes(from)) return from;
  let best: number | undefined;
  for (const id of candidates) if (best === undefined || distanceBetween(topology, from, id) < distanceBetween(topology, from, best)) best = id;
  return best;
}

/** On the node of more than half of the threads; without one, on all of theirs in turn, so that no thread is always far from it. */
function tableHome(homes: readonly (number | undefined)[]): MemoryHome {
  const counts = new Map<number, number>();
  for (const home of homes) if (home !== undefined) counts.set(home, (counts.get(home) ?? 0) + 1);
  for (const [node, count] of counts) if (count * 2 > homes.length) return { type: 'node', node };
  return counts.size === 0 ? { type: 'default' } : { type: 'interleaved', nodes: [...counts.keys()].sort((a, b) => a - b) };
}

function onNode(node: number | undefined): MemoryHome {
  return node === undefined ? { type: 'default' } : { type: 'node', node };
}

function warningsOf(topology: HostTopology, threadCount: number, policy: PlacementPolicy): PlacementWarning[] {
  const warnings: PlacementWarning[] = [];
  const { cpuQuota, allowedCpus } = topology;
  if (cpuQuota !== undefined && cpuQuota < threadCount) {
    warnings.push({
      type: 'quota',
      message: `${counted(threadCount, 'thread')}, but the cgroups of this process give it the time of ${counted(Math.round(cpuQuota * 100) / 100, 'processor')}: busy threads will be stopped part of the time`,
    });
  }
  if (allowedCpus.length < threadCount) {
    const shared = policy === 'none' ? 'threads will wait for each other' : 'some threads are tied to the same one';
    warnings.push({
      type: 'oversubscribed',
      message: `${counted(threadCount, 'thread')}, but ${counted(allowedCpus.length, 'processor')} this process may use: ${shared}`,
    });
  }
  return warnings;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

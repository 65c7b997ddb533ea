/**
 * The processors and memory of a host as a nexus sees them: plain values. `bindings/host-topology.ts` reads them from the kernel, `thread-placement.ts` decides
 * with them. Nothing here asks the machine anything.
 */

/** Memory and the processors that are near it. */
export interface TopologyNode {
  readonly id: number;
  /** Processors that are online, ascending. None for memory without processors (CXL, persistent memory). */
  readonly cpus: readonly number[];
  /** 0 for processors without memory of their own. */
  readonly memoryBytes: number;
  /** When it was read. */
  readonly freeBytes: number;
  /** Relative cost of an access from here to each node of `HostTopology.nodes`, in that order; 10 is the own memory. Need not be the same both ways. */
  readonly distances: readonly number[];
}

/** A processor that is online, as the operating system counts them: a hyper-thread, not a core. */
export interface TopologyCpu {
  readonly id: number;
  readonly node: number;
  /** The kernel's number of the core, unique within its package. */
  readonly core: number;
  readonly package: number;
  /** Processors of the same core, itself included, ascending. */
  readonly siblings: readonly number[];
}

/** How memory is placed: through libnuma, by system calls of our own, or not at all. */
export type NumaProvider = 'libnuma' | 'system calls' | 'none';

/** Something the host would not tell or do. The runtime goes on without it. */
export interface Refusal {
  /** What was wanted, such as "read /sys/devices/system/node/node0/meminfo" or "pin thread 2 to cpu 3". */
  readonly operation: string;
  /** The error of the kernel (EPERM, ENOENT, ENOSYS), INVALID for an answer that cannot be understood, UNAVAILABLE for a library that does not load, LIMIT. */
  readonly code: string;
  readonly reason: string;
}

export interface HostTopology {
  /** At least one, ascending by id. */
  readonly nodes: readonly TopologyNode[];
  /** Online, ascending by id. */
  readonly cpus: readonly TopologyCpu[];
  /** Processors this process may run on: online, in its affinity and in the cpusets of its cgroups. Ascending, at least one. */
  readonly allowedCpus: readonly number[];
  /** Nodes this process may take memory from. Ascending. */
  readonly allowedNodes: readonly number[];
  /** What the cgroups of the process let it use, in processors (1.5 is 150 ms of time in 100 ms); undefined: no limit. */
  readonly cpuQuota: number | undefined;
  readonly provider: NumaProvider;
  /** Empty on a host that told everything. */
  readonly refusals: readonly Refusal[];
}

/** The cost of an access from one node to the memory of another, by their ids. Infinity if one of them is unknown. */
export function distanceBetween(topology: HostTopology, from: number, to: number): number {
  const column = topology.nodes.findIndex(({ id }) => id === to);
  return topology.nodes.find(({ id }) => id === from)?.distances[column] ?? Number.POSITIVE_INFINITY;
}

/** "0-3,8" for [0, 1, 2, 3, 8]: as the kernel writes it. @param numbers ascending */
export function formatNumberList(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

/** A host of which nothing is known but this: one node. Distances are what the kernel says where there is one node. */
export function singleNodeTopology(host: {
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly freeBytes: number;
  readonly refusals: readonly Refusal[];
}): HostTopology {
  const cpus = Array.from({ length: Math.max(1, host.cpuCount) }, (_, id) => id);
  return {
    nodes: [{ id: 0, cpus, memoryBytes: host.memoryBytes, freeBytes: host.freeBytes, distances: [LOCAL_DISTANCE] }],
    cpus: cpus.map((id) => ({ id, node: 0, core: id, package: 0, siblings: [id] })),
    allowedCpus: cpus,
    allowedNodes: [0],
    cpuQuota: undefined,
    provider: 'none',
    refusals: host.refusals,
  };
}

/** What the kernel calls the distance of a node to itself, and to another that it knows nothing of. */
export const LOCAL_DISTANCE = 10;
export const REMOTE_DISTANCE = 20;

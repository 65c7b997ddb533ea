/**
 * Reads what the host is made of and what this process may use of it: nodes, processors, memory, cgroups, and how memory can be placed. Never throws: what cannot be
 * read is a refusal in the result, and what depends on it is the simplest that can be true. It decides nothing; that is `ts-src/model/thread-placement.ts`.
 * Called once by whoever starts threads, and by `nexus topology`; some milliseconds on a large host.
 */
import { availableParallelism, freemem, totalmem } from 'node:os';
import { getSystemErrorName } from 'node:util';
import {
  type HostTopology,
  LOCAL_DISTANCE,
  type NumaProvider,
  REMOTE_DISTANCE,
  type Refusal,
  singleNodeTopology,
  type TopologyCpu,
  type TopologyNode,
} from '../ts-src/model/topology.js';
import { readCgroupLimits } from './host-topology-cgroups.js';
import { HostFiles } from './host-topology-files.js';
import { parseDistances, parseMeminfo, parseNumber, parseNumberList, parseStatusList } from './host-topology-parsers.js';
import { loadNativeAddon } from './native-addon.js';

const NODES = '/sys/devices/system/node';
const CPUS = '/sys/devices/system/cpu';
const STATUS = '/proc/self/status';

/** How memory can be placed here, and what stands against a better way. */
export interface NumaSupport {
  readonly provider: NumaProvider;
  readonly refusals: readonly Refusal[];
}

export interface TopologySource {
  /** Folder that holds `sys` and `proc`: "/", or a recorded host. */
  readonly root: string;
  readonly platform: NodeJS.Platform;
  readonly numa: NumaSupport;
}

/** The host this process runs on. */
export function hostTopology(): HostTopology {
  return readTopology({ root: '/', platform: process.platform, numa: numaSupport() });
}

export function readTopology({ root, platform, numa }: TopologySource): HostTopology {
  if (platform !== 'linux') {
    const refusal = { operation: 'read the topology', code: 'ENOSYS', reason: `not known how on ${platform}: one node is assumed` };
    return assumedHost([refusal, ...numa.refusals]);
  }
  const files = new HostFiles(root);
  const status = (name: string): readonly number[] | undefined => files.read(STATUS, (text) => parseStatusList(text, name));
  const affinity = status('Cpus_allowed_list');
  const nodes = readNodes(files) ?? oneNode(files, affinity);
  const cpus = readCpus(files, nodes);
  const online = cpus.map(({ id }) => id);
  const limits = readCgroupLimits(files);
  return {
    nodes,
    cpus,
    allowedCpus: restricted(files, 'processors', online, [affinity, limits.cpus]),
    allowedNodes: restricted(
      files,
      'nodes',
      nodes.map(({ id }) => id),
      [status('Mems_allowed_list'), limits.memoryNodes],
    ),
    cpuQuota: limits.cpuQuota,
    provider: numa.provider,
    refusals: [...files.refusals, ...numa.refusals],
  };
}

/** What the native addon can do on this host. */
export function numaSupport(): NumaSupport {
  const operation = 'place threads and memory';
  const { addon, errors } = loadNativeAddon();
  if (addon === undefined)
    return { provider: 'none', refusals: [{ operation, code: 'UNAVAILABLE', reason: `the native addon does not load: ${errors.join('; ')}` }] };
  const { provider, errno, libraryError } = addon.numaProvider();
  if (provider === 'none')
    return { provider, refusals: [{ operation: 'place memory on nodes', code: errorName(errno), reason: 'the kernel refuses get_mempolicy' }] };
  if (provider === 'libnuma') return { provider, refusals: [] };
  return {
    provider,
    refusals: [{ operation: 'open libnuma', code: 'UNAVAILABLE', reason: `${libraryError || 'it says it is not available'}; system calls are used instead` }],
  };
}

/** "EPERM" for 1. */
export function errorName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : 'UNKNOWN';
}

/** Undefined if the list of nodes cannot be read or contradicts itself: then nothing is known of which processor is where. */
function readNodes(files: HostFiles): TopologyNode[] | undefined {
  const ids = files.numbered(NODES, 'node');
  if (ids === undefined) return undefined;
  const nodes: TopologyNode[] = [];
  const taken = new Set<number>();
  for (const [index, id] of ids.entries()) {
    const folder = `${NODES}/node${id}`;
    const cpus = files.read(`${folder}/cpulist`, parseNumberList);
    if (cpus === undefined) return undefined;
    if (cpus.some((cpu) => taken.has(cpu))) {
      files.refuse(`${folder}/cpulist`, 'INVALID', 'a processor is on two nodes');
      return undefined;
    }
    for (const cpu of cpus) taken.add(cpu);
    const { memoryBytes, freeBytes } = files.read(`${folder}/meminfo`, parseMeminfo) ?? { memoryBytes: 0, freeBytes: 0 };
    const distances = files.read(`${folder}/distance`, (text) => parseDistances(text, ids.length));
    nodes.push({ id, cpus, memoryBytes, freeBytes, distances: distances ?? ids.map((_, other) => (other === index ? LOCAL_DISTANCE : REMOTE_DISTANCE)) });
  }
  if (taken.size > 0) return nodes;
  files.refuse(NODES, 'INVALID', 'no node has a processor');
  return undefined;
}

/** All processors and all memory on one node: what is true of most hosts, and harmless on the others. */
function oneNode(files: HostFiles, affinity: readonly number[] | undefined): TopologyNode[] {
  const online = files.readIfThere(`${CPUS}/online`, parseNumberList);
  // A sandbox that hides the processors may still say which of them are ours.
  const known = [online, affinity].find((list) => list !== undefined && list.length > 0);
  const memory = files.readIfThere('/proc/meminfo', parseMeminfo);
  return assumedHost([]).nodes.map((node) => ({ ...node, ...memory, cpus: known ?? node.cpus }));
}

function assumedHost(refusals: readonly Refusal[]): HostTopology {
  return singleNodeTopology({ cpuCount: availableParallelism(), memoryBytes: totalmem(), freeBytes: freemem(), refusals });
}

function readCpus(files: HostFiles, nodes: readonly TopologyNode[]): TopologyCpu[] {
  const cpus: TopologyCpu[] = [];
  const unknown: number[] = [];
  for (const { id: node, cpus: ids } of nodes) {
    for (const id of ids) {
      const folder = `${CPUS}/cpu${id}/topology`;
      const list = (name: string): number[] | undefined => files.readIfThere(`${folder}/${name}`, parseNumberList);
      const siblings = list('thread_siblings_list') ?? list('core_cpus_list');
      const core = files.readIfThere(`${folder}/core_id`, parseNumber);
      const packageId = files.readIfThere(`${folder}/physical_package_id`, parseNumber);
      const isKnown = core !== undefined && siblings?.includes(id) === true;
      if (!isKnown) unknown.push(id);
      cpus.push({ id, node, core: core ?? id, package: packageId ?? 0, siblings: isKnown ? siblings.filter((sibling) => ids.includes(sibling)) : [id] });
    }
  }
  // One refusal for all of them: sandboxes hide the folder of every processor.
  if (unknown.length > 0) {
    files.refuse(
      `${CPUS}/cpu${unknown[0]}/topology`,
      'INVALID',
      `the cores of ${unknown.length} of ${cpus.length} processors are not known: each is taken for a core`,
    );
  }
  return cpus.sort((a, b) => a.id - b.id);
}

/** What every known limit leaves. Limits that leave nothing contradict what there is, and are not believed. */
function restricted(files: HostFiles, what: string, all: readonly number[], limits: readonly (readonly number[] | undefined)[]): readonly number[] {
  const left = all.filter((number) => limits.every((limit) => limit === undefined || limit.includes(number)));
  if (left.length > 0) return left;
  files.refuse(STATUS, 'INVALID', `the ${what} this process may use are none of those there are: all are taken for allowed`);
  return all;
}

/**
 * What the cgroups of this process let it use: processors, nodes of memory, and time. Both versions, and hosts that have both. A limit may be on the process's own
 * cgroup or on any above it: the tightest counts. Cgroups above what a container can see limit it too, but cannot be known; their cpusets show in the affinity.
 */
import {
  type CgroupMembership,
  type CgroupMount,
  parseCfsQuota,
  parseCgroupMemberships,
  parseCgroupMounts,
  parseCpuMax,
  parseNumberList,
} from './host-topology-parsers.js';
import type { HostFiles } from './host-topology-files.js';

export interface CgroupLimits {
  /** Processors' worth of time; undefined: no limit. */
  readonly cpuQuota: number | undefined;
  /** Undefined: all. */
  readonly cpus: readonly number[] | undefined;
  readonly memoryNodes: readonly number[] | undefined;
}

const MEMBERSHIPS = '/proc/self/cgroup';
const MOUNTS = '/proc/self/mountinfo';

export function readCgroupLimits(files: HostFiles): CgroupLimits {
  const memberships = files.read(MEMBERSHIPS, parseCgroupMemberships) ?? [];
  const mounts = files.readIfThere(MOUNTS, parseCgroupMounts) ?? [];
  const unified = levels(
    files,
    memberships.find(({ controllers }) => controllers.length === 0),
    mountOf(files, mounts, undefined),
  );
  const ofController = (name: string): string[] =>
    levels(
      files,
      memberships.find(({ controllers }) => controllers.includes(name)),
      mountOf(files, mounts, name),
    );
  const cpuset = ofController('cpuset');
  const quotas = [
    ...unified.map((folder) => files.readIfThere(`${folder}/cpu.max`, parseCpuMax)),
    ...ofController('cpu').map((folder) => readCfsQuota(files, folder)),
  ];
  const quota = Math.min(...quotas.map((each) => each ?? Number.POSITIVE_INFINITY));
  return {
    cpuQuota: Number.isFinite(quota) ? quota : undefined,
    cpus: common(files, unified, ['cpuset.cpus.effective'], cpuset, ['cpuset.effective_cpus', 'cpuset.cpus']),
    memoryNodes: common(files, unified, ['cpuset.mems.effective'], cpuset, ['cpuset.effective_mems', 'cpuset.mems']),
  };
}

function readCfsQuota(files: HostFiles, folder: string): number | undefined {
  const period = files.readIfThere(`${folder}/cpu.cfs_period_us`, (text) => text);
  return period === undefined ? undefined : files.readIfThere(`${folder}/cpu.cfs_quota_us`, (quota) => parseCfsQuota(quota, period));
}

/** What all levels of both versions allow. The first file that is there counts for its level; an empty one is a cpuset that was never set. */
function common(files: HostFiles, unified: readonly string[], unifiedNames: readonly string[], cpuset: readonly string[], cpusetNames: readonly string[]) {
  let allowed: readonly number[] | undefined;
  const restrict = (folder: string, names: readonly string[]): void => {
    const name = names.find((each) => files.exists(`${folder}/${each}`));
    const numbers = name === undefined ? undefined : files.readIfThere(`${folder}/${name}`, parseNumberList);
    if (numbers === undefined || numbers.length === 0) return;
    allowed = allowed === undefined ? numbers : allowed.filter((number) => numbers.includes(number));
  };
  for (const folder of unified) restrict(folder, unifiedNames);
  for (const folder of cpuset) restrict(folder, cpusetNames);
  return allowed;
}

/** Where a hierarchy is seen. What the kernel says counts; where it says nothing, the usual place, if there is something. */
function mountOf(files: HostFiles, mounts: readonly CgroupMount[], controller: string | undefined): CgroupMount | undefined {
  const version = controller === undefined ? 2 : 1;
  const mounted = mounts.find((mount) => mount.version === version && (controller === undefined || mount.controllers.includes(controller)));
  if (mounted !== undefined || mounts.length > 0) return mounted;
  const places = controller === undefined ? ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'] : [`/sys/fs/cgroup/${controller}`];
  const mountPoint = places.find((place) => files.exists(controller === undefined ? `${place}/cgroup.controllers` : place));
  return mountPoint === undefined ? undefined : { version, controllers: [], root: '/', mountPoint };
}

/** Folders of the cgroup and all above it that can be seen, from the top. */
function levels(files: HostFiles, membership: CgroupMembership | undefined, mount: CgroupMount | undefined): string[] {
  if (membership === undefined || mount === undefined) return [];
  const { root, mountPoint } = mount;
  const isBelow = root === '/' || membership.path === root || membership.path.startsWith(`${root}/`);
  // A container without a name space of its own names its cgroup as its host does, and sees it at the mount point.
  const names = (isBelow ? membership.path.slice(root === '/' ? 0 : root.length) : '').split('/').filter((name) => name !== '');
  if (names.includes('..')) return [mountPoint];
  const folders = [mountPoint];
  for (const name of names) {
    const folder = `${folders[folders.length - 1]}/${name}`;
    if (!files.exists(folder)) {
      files.refuse(folder, 'ENOENT', 'the cgroup of this process cannot be seen from here, so its limits are not known; those above it are used');
      break;
    }
    folders.push(folder);
  }
  return folders;
}

/**
 * The text of files below `/sys` and `/proc` that say what a host is made of, as values. Pure. What is not in the form that the kernel writes gives undefined, never
 * an exception: some of these files are made up by containers and sandboxes.
 */

/** Linux is built for at most 8,192 processors and 1,024 nodes; a number far beyond is not one, and would only cost memory. */
const LIST_NUMBER_MAX = 65_535;

/** "0-3,8,10-11" as ascending numbers; an empty text is none. */
export function parseNumberList(text: string): number[] | undefined {
  const numbers = new Set<number>();
  const trimmed = text.trim();
  if (trimmed === '') return [];
  for (const part of trimmed.split(',')) {
    const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (range === null) return undefined;
    const first = Number(range[1]);
    const last = range[2] === undefined ? first : Number(range[2]);
    if (last < first || last > LIST_NUMBER_MAX) return undefined;
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** A number that stands alone, such as `core_id`. Hypervisors that do not know it write -1. */
export function parseNumber(text: string): number | undefined {
  return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}

export interface NodeMemory {
  readonly memoryBytes: number;
  readonly freeBytes: number;
}

/** `meminfo` of a node ("Node 0 MemTotal: 9005260 kB") or of the host ("MemTotal: 9005260 kB"). */
export function parseMeminfo(text: string): NodeMemory | undefined {
  const kilobytes = (name: string): number | undefined => {
    const found = new RegExp(`^(?:Node \\d+ )?${name}: +(\\d{1,12}) kB$`, 'm').exec(text);
    return found === null ? undefined : Number(found[1]);
  };
  const total = kilobytes('MemTotal');
  const free = kilobytes('MemFree');
  return total === undefined || free === undefined ? undefined : { memoryBytes: total * 1024, freeBytes: free * 1024 };
}

/** `distance` of a node: one number for each online node. */
export function parseDistances(text: string, nodeCount: number): number[] | undefined {
  const words = text.trim().split(/\s+/);
  return words.length === nodeCount && words.every((word) => /^[1-9]\d{0,4}$/.test(word)) ? words.map(Number) : undefined;
}

/** A list in `/proc/self/status`, such as `Cpus_allowed_list`. */
export function parseStatusList(text: string, name: string): number[] | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${name}:`));
  return line === undefined ? undefined : parseNumberList(line.slice(name.length + 1));
}

/** One line of `/proc/self/cgroup`. */
export interface CgroupMembership {
  /** Empty in version 2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

export function parseCgroupMemberships(text: string): CgroupMembership[] | undefined {
  const memberships: CgroupMembership[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const parts = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (parts === null) return undefined;
    memberships.push({ controllers: (parts[1] as string).split(',').filter(Boolean), path: parts[2] as string });
  }
  return memberships;
}

/** A mounted hierarchy of cgroups, from `/proc/self/mountinfo`. */
export interface CgroupMount {
  readonly version: 1 | 2;
  /** Empty in version 2. */
  readonly controllers: readonly string[];
  /** The cgroup that is seen at the mount point: not "/" in many containers. */
  readonly root: string;
  readonly mountPoint: string;
}

/** Lines of other file systems, and those that are not understood, are left out. */
export function parseCgroupMounts(text: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ');
    const [, , , root, mountPoint] = before?.split(' ') ?? [];
    const [type, , options] = after?.split(' ') ?? [];
    if (root === undefined || mountPoint === undefined || (type !== 'cgroup' && type !== 'cgroup2')) continue;
    const controllers = type === 'cgroup' ? (options ?? '').split(',') : [];
    mounts.push({ version: type === 'cgroup' ? 1 : 2, controllers, root: unescaped(root), mountPoint: unescaped(mountPoint) });
  }
  return mounts;
}

/** `cpu.max` of version 2 ("150000 100000", "max 100000") in processors; Infinity: no limit. */
export function parseCpuMax(text: string): number | undefined {
  const [quota, period] = text.trim().split(/\s+/);
  return quota === 'max' ? Number.POSITIVE_INFINITY : processors(quota, period);
}

/** `cpu.cfs_quota_us` and `cpu.cfs_period_us` of version 1; a quota of -1 is no limit. */
export function parseCfsQuota(quota: string, period: string): number | undefined {
  return quota.trim() === '-1' ? Number.POSITIVE_INFINITY : processors(quota.trim(), period.trim());
}

function processors(quota: string | undefined, period: string | undefined): number | undefined {
  const isTime = (text: string | undefined): text is string => text !== undefined && /^[1-9]\d{0,14}$/.test(text);
  return isTime(quota) && isTime(period) ? Number(quota) / Number(period) : undefined;
}

/** The kernel writes blanks in paths as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

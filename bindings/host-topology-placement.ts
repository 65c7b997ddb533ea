/**
 * Does what a placement plan says: ties the calling thread to its processor, and parts of the shared memory to their nodes. What the kernel refuses comes back as
 * data; nothing fails for it. Memory is to be placed by the first thread, right after the memory is made and before any part of it but the header is used: a policy
 * does not move pages that exist.
 */
import { access } from 'node:fs/promises';
import * as L from '../layout/generated/layout.js';
import type { MemoryHome, PlacementPlan } from '../ts-src/model/thread-placement.js';
import type { HostTopology, Refusal } from '../ts-src/model/topology.js';
import { errorName } from './host-topology.js';
import { loadNativeAddon, type NativeAddon } from './native-addon.js';
import { ringOffset, type SharedMemory } from './shared-memory.js';

/** The part of the native addon that places. */
export type PlacementAddon = Pick<NativeAddon, 'pinThread' | 'bindMemory' | 'interleaveMemory'>;

/** A part of the shared memory and where its pages are to come from. */
export interface PlacedRange {
  readonly offset: number;
  readonly bytes: number;
  readonly home: MemoryHome;
}

/**
 * Starts the threads of Node's pool. They inherit the processors of whichever thread uses the pool first: so the application's thread is to call this before any
 * worker is pinned, or all files of the process may be read on one processor.
 */
export async function startThreadPool(): Promise<void> {
  // Whether the file is there does not matter: another thread has looked.
  await access('/').catch(() => undefined);
}

/**
 * Ties the calling thread to a processor. What it starts afterwards inherits that: so never the thread of the application, and a worker only after its modules are
 * imported. Undefined: done.
 */
export function pinCallingThread(thread: number, cpu: number, addon: PlacementAddon | undefined = loadNativeAddon().addon): Refusal | undefined {
  const operation = `pin thread ${thread} to cpu ${cpu}`;
  if (addon === undefined) return { operation, code: 'UNAVAILABLE', reason: 'the native addon does not load' };
  const errno = addon.pinThread(cpu);
  return errno === 0 ? undefined : { operation, code: errorName(errno), reason: REASONS[errorName(errno)] ?? 'the kernel refused sched_setaffinity' };
}

/**
 * Most ranges with a policy of their own. The kernel keeps two mappings for each, and a process may have 65,530; the rest is for the heap.
 * Reached from about 90 threads on, and only where they are spread.
 */
export const PLACED_RANGES_MAX = 8192;

/** Gives each part of the memory its policy. On a host with one node there is nothing to choose, and nothing is done. */
export function placeMemory(
  shared: SharedMemory,
  plan: PlacementPlan,
  topology: HostTopology,
  addon: PlacementAddon | undefined = loadNativeAddon().addon,
): readonly Refusal[] {
  const exact = placedRanges(shared, plan);
  if (exact.length === 0 || topology.nodes.length < 2) return [];
  if (addon === undefined) return [{ operation: 'place shared memory', code: 'UNAVAILABLE', reason: 'the native addon does not load' }];
  const ranges = exact.length <= PLACED_RANGES_MAX ? exact : coarser(shared, plan);
  const refused = new Map<string, { readonly first: PlacedRange; count: number }>();
  for (const range of ranges) {
    const errno = place(addon, shared, range);
    if (errno === 0) continue;
    const code = errorName(errno);
    const same = refused.get(code);
    if (same === undefined) refused.set(code, { first: range, count: 1 });
    else same.count++;
  }
  const refusals = [...refused].map(([code, { first, count }]) => ({
    operation: `place shared memory on ${homeText(first.home)}`,
    code,
    reason: `${REASONS[code] ?? 'the kernel refused mbind'} (${count} of ${ranges.length} ranges)`,
  }));
  if (ranges === exact) return refusals;
  const reason = `${exact.length} ranges; the most is ${PLACED_RANGES_MAX}: all rings are on the nodes of their readers in turn`;
  return [{ operation: 'place each ring on the node of its reader', code: 'LIMIT', reason }, ...refusals];
}

/** The routing table, and the rings by their readers; neighbours with the same home as one range, so that the kernel keeps as few policies as can be. */
export function placedRanges(shared: SharedMemory, plan: PlacementPlan): PlacedRange[] {
  const ranges: PlacedRange[] = [];
  const add = (offset: number, end: number, home: MemoryHome): void => {
    if (home.type === 'default') return;
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last.offset + last.bytes === offset && homeText(last.home) === homeText(home)) {
      ranges[ranges.length - 1] = { ...last, bytes: end - last.offset };
    } else ranges.push({ offset, bytes: end - offset, home });
  };
  add(shared.bucketsOffset, shared.ringsOffset, plan.table);
  const ringBytes = L.RING_HEADER_BYTES + shared.ringBytes;
  for (let from = 0; from < shared.threadCount; from++) {
    for (let to = 0; to < shared.threadCount; to++) {
      const offset = ringOffset(shared, from, to);
      // Nobody writes to itself, so that ring belongs to whatever is beside it.
      const reader = from === to && to > 0 ? to - 1 : to;
      add(offset, offset + ringBytes, plan.rings[reader] ?? { type: 'default' });
    }
  }
  return ranges;
}

/** The table as planned, and all rings as one range. */
function coarser(shared: SharedMemory, plan: PlacementPlan): PlacedRange[] {
  const nodes = new Set(plan.rings.flatMap((home) => (home.type === 'node' ? [home.node] : [])));
  const end = ringOffset(shared, shared.threadCount, 0);
  return [
    { offset: shared.bucketsOffset, bytes: shared.ringsOffset - shared.bucketsOffset, home: plan.table },
    { offset: shared.ringsOffset, bytes: end - shared.ringsOffset, home: { type: 'interleaved', nodes: [...nodes].sort((a, b) => a - b) } },
  ];
}

const REASONS: Readonly<Record<string, string>> = {
  EPERM: 'not permitted: containers need CAP_SYS_NICE, or a seccomp profile that allows it',
  ENOSYS: 'this system has no such call',
  EINVAL: 'no such processor or node, or not one this process may use',
  ERANGE: 'smaller than a page',
};

function place(addon: PlacementAddon, { bytes: view }: SharedMemory, { offset, bytes, home }: PlacedRange): number {
  switch (home.type) {
    case 'node':
      return addon.bindMemory(view, offset, bytes, home.node);
    case 'interleaved':
      return addon.interleaveMemory(view, offset, bytes, bitsOf(home.nodes));
    case 'default':
      return 0;
  }
}

/** Bit n of byte n / 8 for each node, as the addon takes a set of nodes. */
function bitsOf(nodes: readonly number[]): Uint8Array {
  const bits = new Uint8Array(Math.floor(Math.max(...nodes) / 8) + 1);
  for (const node of nodes) bits[node >> 3] = (bits[node >> 3] as number) | (1 << (node & 7));
  return bits;
}

function homeText(home: MemoryHome): string {
  if (home.type === 'default') return 'any node';
  return home.type === 'node' ? `node ${home.node}` : `nodes ${home.nodes.join(', ')} in turn`;
}

/** Which faults of a plan can be done to real processes here, and why the others are skipped. Pure. */
import type { Fault } from '../../testing/simulation/fault.js';

/** What there is on this host. */
export interface Abilities {
  readonly network: 'namespaces' | 'proxy';
  /** Whether each node has a disk of its own, of limited size. */
  readonly disks: boolean;
  /** Why the memory of a node cannot be limited; undefined if it can. */
  readonly whyNoMemory: string | undefined;
}

export interface SkippedFault {
  readonly fault: Fault;
  readonly because: string;
}

/** Why this fault is skipped; undefined if it is done. */
export function whySkipped(fault: Fault, { disks, whyNoMemory }: Abilities): string | undefined {
  switch (fault.kind) {
    case 'duplication':
    case 'reordering':
      return 'nodes are joined by TCP, which undoes it: simulate it';
    case 'killThread':
      return 'a thread of another process cannot be ended from outside: simulate it';
    case 'clockDrift':
    case 'clockJump':
      return 'all processes share the clocks of this machine: simulate it';
    case 'readErrors':
    case 'writeErrors':
    case 'bitFlips':
    case 'lostWrites':
    case 'tornWrites':
      return 'it needs a disk that can be made to fail: simulate it';
    case 'fullDisk':
      return disks ? undefined : 'it needs a disk of limited size, which can be mounted in namespaces only';
    case 'memoryLimit':
      return whyNoMemory;
    default:
      return undefined;
  }
}

export function dividedFaults(faults: readonly Fault[], abilities: Abilities): { readonly done: readonly Fault[]; readonly skipped: readonly SkippedFault[] } {
  const reasons = faults.map((fault) => ({ fault, because: whySkipped(fault, abilities) }));
  return {
    done: reasons.filter(({ because }) => because === undefined).map(({ fault }) => fault),
    skipped: reasons.filter((each): each is SkippedFault => each.because !== undefined),
  };
}

/** What is said of faults that are done in another way than in a simulation. */
export function differences({ network }: Pick<Abilities, 'network'>, faults: readonly Fault[]): readonly string[] {
  const has = (...kinds: readonly Fault['kind'][]): boolean => faults.some(({ kind }) => kinds.includes(kind));
  return [
    ...(network === 'proxy' && has('loss') ? ['loss: over the proxy a share of what is sent comes after the time of a retransmission'] : []),
    ...(network === 'proxy' && has('partition', 'oneWayPartition', 'nonTransitivePartition', 'crash')
      ? ['partitions: over the proxy connections stay open, and what is sent comes when the link has healed']
      : []),
    ...(has('corruption')
      ? ['corruption: bits of a stream that no checksum of TCP has seen any more are flipped, which is harder than what a network does']
      : []),
    ...(network === 'proxy' && has('oneWayPartition') ? ['one-way partitions: what is received is acknowledged by the proxy'] : []),
  ];
}

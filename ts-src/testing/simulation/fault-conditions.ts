/** What faults that last at the same time make of a link, a node and a disk together. Pure: the faults in, conditions out. */
import type { Distribution } from './distribution.js';
import type { Fault, FaultOfLinks } from './fault.js';
import { GOOD_LINK, type LinkConditions } from './link.js';
import { type DiskFaults, NO_DISK_FAULTS } from './simulated-disk.js';

/** How a link is while these faults last; what no fault is about is as of a good link. */
export function linkConditions(faults: readonly Fault[], from: number, to: number): LinkConditions {
  let conditions = GOOD_LINK;
  let arriving = 1;
  let [addedMs, jitterMs] = [0, 0];
  const change = (changed: Partial<LinkConditions>): void => {
    conditions = { ...conditions, ...changed };
  };
  for (const fault of faults) {
    switch (fault.kind) {
      case 'partition': {
        const [a, b] = [groupOf(fault.groups, from), groupOf(fault.groups, to)];
        if (a !== b && a >= 0 && b >= 0) change({ isCut: true });
        break;
      }
      case 'oneWayPartition':
        if (fault.from.includes(from) && fault.to.includes(to)) change({ isCut: true });
        break;
      case 'nonTransitivePartition':
        if (fault.pairs.some((pair) => pair.includes(from) && pair.includes(to))) change({ isCut: true });
        break;
      case 'cloggedLink':
        if (fault.from === from && fault.to === to) change({ isClogged: true });
        break;
      case 'loss':
        if (isOf(fault, from, to)) arriving *= 1 - fault.rate;
        break;
      case 'duplication':
        if (isOf(fault, from, to)) change({ duplication: Math.max(conditions.duplication, fault.rate) });
        break;
      case 'reordering':
        if (isOf(fault, from, to))
          change({
            reordering: Math.max(conditions.reordering, fault.rate),
            reorderingMs: conditions.reordering === 0 ? fault.delayMs : Math.max(conditions.reorderingMs, fault.delayMs),
          });
        break;
      case 'corruption':
        if (isOf(fault, from, to)) change({ corruption: Math.max(conditions.corruption, fault.rate) });
        break;
      case 'latency':
        if (isOf(fault, from, to)) {
          addedMs += fault.addedMs;
          jitterMs += fault.jitterMs;
        }
        break;
      case 'bandwidth':
        if (isOf(fault, from, to)) change({ bytesPerSecond: Math.min(conditions.bytesPerSecond ?? Number.POSITIVE_INFINITY, fault.bytesPerSecond) });
        break;
    }
  }
  const addedLatency: Distribution = addedMs + jitterMs === 0 ? 0 : { type: 'uniform', fromMs: addedMs, toMs: addedMs + jitterMs };
  return { ...conditions, loss: 1 - arriving, addedLatency };
}

/** How a node is while these faults last. */
export interface NodeConditions {
  /** It crashed, or left, and is not to be started yet. */
  readonly isDown: boolean;
  readonly isPaused: boolean;
  readonly slowness: Distribution;
  readonly drift: number;
}

export function nodeConditions(faults: readonly Fault[], node: number): NodeConditions {
  let [isDown, isPaused, delayMs, drift] = [false, false, 0, 0];
  for (const fault of faults) {
    if (!('nodes' in fault) || fault.nodes?.includes(node) !== true) continue;
    if (fault.kind === 'crash' || fault.kind === 'leave') isDown = true;
    else if (fault.kind === 'pause') isPaused = true;
    else if (fault.kind === 'slowNode') delayMs = Math.max(delayMs, fault.delayMs);
    // The last one: clocks do not become worse than one fault may make them.
    else if (fault.kind === 'clockDrift') drift = fault.rate;
  }
  return { isDown, isPaused, slowness: delayMs === 0 ? 0 : { type: 'uniform', fromMs: 0, toMs: delayMs }, drift };
}

export function diskConditions(faults: readonly Fault[], node: number): DiskFaults {
  const disk = { ...NO_DISK_FAULTS };
  for (const fault of faults) {
    if (!('nodes' in fault) || fault.nodes?.includes(node) !== true) continue;
    if (fault.kind === 'readErrors') disk.readErrors = Math.max(disk.readErrors, fault.rate);
    else if (fault.kind === 'writeErrors') disk.syncErrors = disk.writeErrors = Math.max(disk.writeErrors, fault.rate);
    else if (fault.kind === 'bitFlips') disk.bitFlips = Math.max(disk.bitFlips, fault.rate);
    else if (fault.kind === 'fullDisk') disk.full = true;
    else if (fault.kind === 'tornWrites') disk.atCrash = 'torn';
    else if (fault.kind === 'lostWrites' && disk.atCrash !== 'torn') disk.atCrash = 'lost';
  }
  return disk;
}

function isOf({ nodes }: FaultOfLinks, from: number, to: number): boolean {
  return nodes === undefined || nodes.includes(from) || nodes.includes(to);
}

function groupOf(groups: readonly (readonly number[])[], node: number): number {
  return groups.findIndex((group) => group.includes(node));
}

/**
 * Everything that can be made to go wrong in a simulated cluster, as plain values: what, to which nodes, when, for how long. Drawn from a seed by `swarm.ts`, or written by hand as JSON
 * (checked in `plan-check.ts`). What a fault does is in the simulated network, disk and node that it is given to; nothing here does anything.
 *
 * Nodes are numbers from 1, in the order in which they were made. Times are milliseconds of the simulation, counted from the end of the set-up.
 */

/** When a fault begins, and how long it lasts. At the end of the fault phase all that still last end. */
export interface FaultTime {
  readonly atMs: number;
  readonly forMs: number;
}

/** What is done to messages on their way, from every one of some nodes to every other one. */
export interface FaultOfLinks extends FaultTime {
  /** Links from and to these nodes. Default: all links. */
  readonly nodes?: readonly number[];
}

/** What is done to some nodes. */
export interface FaultOfNodes extends FaultTime {
  readonly nodes: readonly number[];
}

/** Nodes of different groups do not reach each other. Those in no group reach everybody. */
export interface Partition extends FaultTime {
  readonly kind: 'partition';
  readonly groups: readonly (readonly number[])[];
}

/** What these send does not get to those; the other way it does. */
export interface OneWayPartition extends FaultTime {
  readonly kind: 'oneWayPartition';
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** The two nodes of each pair do not reach each other, while others reach both. */
export interface NonTransitivePartition extends FaultTime {
  readonly kind: 'nonTransitivePartition';
  readonly pairs: readonly (readonly [number, number])[];
}

/** What is sent over a link waits until the fault ends, and then comes at once. */
export interface CloggedLink extends FaultTime {
  readonly kind: 'cloggedLink';
  readonly from: number;
  readonly to: number;
}

/** A share of the messages is lost. At most 0.9. */
export interface Loss extends FaultOfLinks {
  readonly kind: 'loss';
  readonly rate: number;
}

/** A share of the messages comes twice. */
export interface Duplication extends FaultOfLinks {
  readonly kind: 'duplication';
  readonly rate: number;
}

/** A share of the messages is held back for up to so long, so that later ones overtake it. */
export interface Reordering extends FaultOfLinks {
  readonly kind: 'reordering';
  readonly rate: number;
  readonly delayMs: number;
}

/** In a share of the messages some bits are flipped. */
export interface Corruption extends FaultOfLinks {
  readonly kind: 'corruption';
  readonly rate: number;
}

/** Every message takes so much longer, and up to `jitterMs` more. */
export interface Latency extends FaultOfLinks {
  readonly kind: 'latency';
  readonly addedMs: number;
  readonly jitterMs: number;
}

/** A link carries so many bytes a second. */
export interface Bandwidth extends FaultOfLinks {
  readonly kind: 'bandwidth';
  readonly bytesPerSecond: number;
}

/** The process stands still, as after SIGSTOP, and then goes on. */
export interface Pause extends FaultOfNodes {
  readonly kind: 'pause';
}

/** The process ends, and is started again when the fault is over. */
export interface Crash extends FaultOfNodes {
  readonly kind: 'crash';
  /** Whether it comes back with what was on its disk. What was not synced is there too, unless `lostWrites` or `tornWrites` lasts. */
  readonly disk: 'kept' | 'lost';
  /** Whether its peers find their connections reset, or hear nothing, as when the machine lost its power. */
  readonly ending: 'reset' | 'silent';
}

/** The process ends and is started again at once; `forMs` says nothing. */
export interface Restart extends FaultOfNodes {
  readonly kind: 'restart';
}

/** The node leaves the cluster as it should, and is started again when the fault is over. */
export interface Leave extends FaultOfNodes {
  readonly kind: 'leave';
}

/** Whatever the node does takes so much longer: each of its steps begins up to `delayMs` late. */
export interface SlowNode extends FaultOfNodes {
  readonly kind: 'slowNode';
  readonly delayMs: number;
}

/** One of the worker threads of the node ends; the node replaces it. For nodes that run agents. `forMs` says nothing. */
export interface KilledThread extends FaultOfNodes {
  readonly kind: 'killThread';
  readonly thread: number;
}

/** The clock of the node runs faster (above 0) or slower, by this share: at most 0.01, so that two of them differ by no more than the membership allows for. */
export interface ClockDrift extends FaultOfNodes {
  readonly kind: 'clockDrift';
  readonly rate: number;
}

/** The wall clock of the node is set, forward or back. It stays so: `forMs` says nothing. */
export interface ClockJump extends FaultOfNodes {
  readonly kind: 'clockJump';
  readonly byMs: number;
}

/** Disks of nodes that fail now and then. */
export interface DiskFault extends FaultOfNodes {
  readonly kind:
    | 'readErrors'
    /** Of writes and syncs. */
    | 'writeErrors'
    /** Bits of the medium change. */
    | 'bitFlips';
  /** Share of the reads, writes or syncs. */
  readonly rate: number;
}

/** What a crash while it lasts leaves of what was not synced. */
export interface DiskAtCrash extends FaultOfNodes {
  readonly kind: /** Nothing. */
    | 'lostWrites'
    /** Some sectors of each write. */
    | 'tornWrites';
}

/** Nothing more can be written. */
export interface FullDisk extends FaultOfNodes {
  readonly kind: 'fullDisk';
}

/** The node and what it has of the cache of files may take so many bytes of memory; what goes beyond is reclaimed, or the process ends. Of real processes only. */
export interface MemoryLimit extends FaultOfNodes {
  readonly kind: 'memoryLimit';
  readonly bytes: number;
}

/** Other processes keep processors busy where the node runs. Of real processes only. */
export interface BusyProcessors extends FaultOfNodes {
  readonly kind: 'busyProcessors';
  /** 1 to 64, each of which takes one processor if it gets it. */
  readonly processes: number;
}

/** A hostile peer sends broken and forged frames to the ports of the node. Of real processes only. */
export interface ByzantineFrames extends FaultOfNodes {
  readonly kind: 'byzantineFrames';
  /** Connections that it makes, each with frames that are refused. */
  readonly perSecond: number;
}

/** What goes wrong with real processes only: the simulator leaves it out. */
export type RealFault = MemoryLimit | BusyProcessors | ByzantineFrames;

/** One thing that goes wrong in a cluster. */
export type Fault = SimulatedFault | RealFault;

/** One thing that can go wrong in a simulated cluster. */
export type SimulatedFault =
  | Partition
  | OneWayPartition
  | NonTransitivePartition
  | CloggedLink
  | Loss
  | Duplication
  | Reordering
  | Corruption
  | Latency
  | Bandwidth
  | Pause
  | Crash
  | Restart
  | Leave
  | SlowNode
  | KilledThread
  | ClockDrift
  | ClockJump
  | DiskFault
  | DiskAtCrash
  | FullDisk;

/** What can go wrong in a simulation: the name of a kind of fault. */
export type FaultKind = SimulatedFault['kind'];

export const FAULT_KINDS: readonly FaultKind[] = [
  'partition',
  'oneWayPartition',
  'nonTransitivePartition',
  'cloggedLink',
  'loss',
  'duplication',
  'reordering',
  'corruption',
  'latency',
  'bandwidth',
  'pause',
  'crash',
  'restart',
  'leave',
  'slowNode',
  'killThread',
  'clockDrift',
  'clockJump',
  'lostWrites',
  'tornWrites',
  'readErrors',
  'writeErrors',
  'bitFlips',
  'fullDisk',
];

/** Kinds that only real processes have: `nexus chaos`. */
export const REAL_FAULT_KINDS: readonly RealFault['kind'][] = ['memoryLimit', 'busyProcessors', 'byzantineFrames'];

export function isSimulated(fault: Fault): fault is SimulatedFault {
  return !(REAL_FAULT_KINDS as readonly string[]).includes(fault.kind);
}

/** Kinds that are over as soon as they have begun. */
const MOMENTARY: ReadonlySet<Fault['kind']> = new Set(['restart', 'killThread', 'clockJump']);

export function isMomentary({ kind }: { readonly kind: Fault['kind'] }): boolean {
  return MOMENTARY.has(kind);
}

export function endOf(fault: Fault): number {
  return isMomentary(fault) ? fault.atMs : fault.atMs + fault.forMs;
}

/** Such as `partition 1,2 | 3 from 4.000 s for 12.500 s`. */
export function faultText(fault: Fault): string {
  const duration = isMomentary(fault) ? '' : ` for ${seconds(fault.forMs)}`;
  return `${fault.kind} ${detailsOf(fault)} at ${seconds(fault.atMs)}${duration}`;
}

/** Nodes that a fault is about; all of them for faults of all links. */
export function nodesOf(fault: Fault, nodes: number): readonly number[] {
  switch (fault.kind) {
    case 'partition':
      return fault.groups.flat();
    case 'oneWayPartition':
      return [...fault.from, ...fault.to];
    case 'nonTransitivePartition':
      return [...new Set(fault.pairs.flat())];
    case 'cloggedLink':
      return [fault.from, fault.to];
    default:
      return fault.nodes ?? Array.from({ length: nodes }, (_, index) => index + 1);
  }
}

function detailsOf(fault: Fault): string {
  const nodes = 'nodes' in fault && fault.nodes !== undefined ? `of ${fault.nodes.join(',')}` : '';
  const joined = (...texts: readonly string[]): string => [nodes || 'everywhere', ...texts].join(' ');
  switch (fault.kind) {
    case 'partition':
      return fault.groups.map((group) => group.join(',')).join(' | ');
    case 'oneWayPartition':
      return `${fault.from.join(',')} -> ${fault.to.join(',')}`;
    case 'nonTransitivePartition':
      return fault.pairs.map((pair) => pair.join('-')).join(' ');
    case 'cloggedLink':
      return `${fault.from} -> ${fault.to}`;
    case 'loss':
    case 'duplication':
    case 'corruption':
    case 'readErrors':
    case 'writeErrors':
    case 'bitFlips':
    case 'clockDrift':
      return joined(`${Math.round(fault.rate * 10_000) / 100} %`);
    case 'reordering':
      return joined(`${Math.round(fault.rate * 10_000) / 100} %`, `by ${fault.delayMs} ms`);
    case 'latency':
      return joined(`+${fault.addedMs} ms`, `+-${fault.jitterMs} ms`);
    case 'bandwidth':
      return joined(`${fault.bytesPerSecond} B/s`);
    case 'crash':
      return joined(`disk ${fault.disk}`, fault.ending);
    case 'slowNode':
      return joined(`by ${fault.delayMs} ms`);
    case 'memoryLimit':
      return joined(`${fault.bytes} B`);
    case 'busyProcessors':
      return joined(`${fault.processes}`);
    case 'byzantineFrames':
      return joined(`${fault.perSecond}/s`);
    case 'killThread':
      return joined(`thread ${fault.thread}`);
    case 'clockJump':
      return joined(`by ${fault.byMs} ms`);
    case 'pause':
    case 'restart':
    case 'leave':
    case 'lostWrites':
    case 'tornWrites':
    case 'fullDisk':
      return nodes;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

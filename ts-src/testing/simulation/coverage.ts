/**
 * What has been seen to happen in simulated clusters, and how often: a fault that never occurred has not been tested, however many runs there were. Marks are counted by whoever runs a
 * simulation, added up over runs, and those with zero are said.
 */
import { FAULT_KINDS, type FaultKind } from './fault.js';

/** What a cluster does that is worth having seen. */
export const CLUSTER_MARKS = [
  'founded',
  'joined',
  'joined again',
  'left',
  'removed',
  'several removed at once',
  'fenced',
  'suspected',
  'suspicion refuted',
  'unreachable',
  'reachable again',
  'two sides',
  'nobody ran',
  'oldest changed',
  'message lost',
  'message duplicated',
  'message corrupted',
  'message held back',
  'message refused',
  'message not understood',
  'disk fault met',
] as const;
/** What agents of a cluster do, as the built-in simulation of agents sees it. */
export const AGENT_MARKS = [
  'ask answered',
  'ask refused',
  'ask of unknown outcome',
  'agent moved by request',
  'agent moved while it is told things',
  'move refused',
  'hand-off',
  'handled in a later activation',
  'started again as an orphan',
  'node drained',
  'spawned at once by several nodes',
  'end told to a watcher',
  'node lost told to a watcher',
  'signal handled',
  'signal of both nodes of a move',
  'broadcast handled',
  'order kept over a move',
  'write acknowledged',
  'durable agent in a later activation',
  'history judged',
] as const;
export type AgentMark = (typeof AGENT_MARKS)[number];

export type ClusterMark = (typeof CLUSTER_MARKS)[number];
export type CoverageMark = FaultKind | ClusterMark | AgentMark;

export class Coverage {
  readonly #counts = new Map<CoverageMark, number>();

  /** @param expected what is listed also when it was not seen. Default: every mark there is */
  constructor(expected: readonly CoverageMark[] = [...FAULT_KINDS, ...CLUSTER_MARKS]) {
    for (const mark of expected) this.#counts.set(mark, 0);
  }

  seen(mark: CoverageMark, times = 1): void {
    this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + times);
  }

  add(counts: Readonly<Partial<Record<CoverageMark, number>>>): void {
    for (const [mark, count] of Object.entries(counts)) this.seen(mark as CoverageMark, count);
  }

  of(mark: CoverageMark): number {
    return this.#counts.get(mark) ?? 0;
  }

  get counts(): Readonly<Partial<Record<CoverageMark, number>>> {
    return Object.fromEntries(this.#counts);
  }

  /** What was expected and not seen. */
  get missing(): readonly CoverageMark[] {
    return [...this.#counts].filter(([, count]) => count === 0).map(([mark]) => mark);
  }
}

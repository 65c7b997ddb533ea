/** What `nexus sim` prints: how far it is, what came of it, and what has been seen to happen. Pure. */
import type { Coverage } from '../../testing/simulation/coverage.js';
import { FAULT_KINDS } from '../../testing/simulation/fault.js';
import type { SeedsProgress } from '../../testing/simulation/run-seeds.js';
import { textTable } from '../text-table.js';

export interface SimSummary {
  readonly runs: number;
  /** Seeds. */
  readonly failed: readonly number[];
  readonly simulatedMs: number;
  readonly first: number;
}

const SEEDS_LISTED = 20;

export function progressText({ runs, failures, simulatedMs, last }: SeedsProgress, count: number, isAscii: boolean): string {
  const width = 20;
  const filled = Math.round((runs / count) * width);
  const bar = (isAscii ? '#' : '█').repeat(filled) + (isAscii ? '.' : '░').repeat(width - filled);
  return `${bar} ${runs} of ${count} clusters, ${durationText(simulatedMs)} simulated, ${failures} failed, seed ${last.plan.seed}`;
}

export function summaryText({ runs, failed, simulatedMs, first }: SimSummary): string {
  const what = `${runs} cluster${runs === 1 ? '' : 's'} from seed ${first}, ${durationText(simulatedMs)} simulated`;
  if (failed.length === 0) return `${what}: nothing failed`;
  const more = failed.length - SEEDS_LISTED;
  return `${what}: ${failed.length} failed, seed${failed.length === 1 ? '' : 's'} ${failed.slice(0, SEEDS_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Faults and what the clusters did, how often each; what was not seen is said at the end. */
export function coverageText(coverage: Coverage): string {
  const counts = Object.entries(coverage.counts) as [string, number][];
  const isFault = (mark: string): boolean => (FAULT_KINDS as readonly string[]).includes(mark);
  const table = (title: string, rows: [string, number][]): string[] =>
    rows.length === 0
      ? []
      : [
          title,
          ...textTable(
            rows.map(([mark, count]) => [mark, count.toLocaleString('en-US')]),
            ['left', 'right'],
          ),
        ];
  const { missing } = coverage;
  return `${[
    ...table(
      'faults',
      counts.filter(([mark]) => isFault(mark)),
    ),
    ...table(
      'seen to happen',
      counts.filter(([mark]) => !isFault(mark)),
    ),
    ...(missing.length === 0 ? [] : [`not seen: ${missing.join(', ')}`]),
  ].join('\n')}\n`;
}

export function durationText(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${(ms / 60_000).toFixed(1)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

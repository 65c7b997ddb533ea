/** What a run of chaos comes to, as one value: what the report, its pictures and its JSON are made of. */
import type { Fault } from '../../../testing/simulation/fault.js';
import type { Plan } from '../../../testing/simulation/plan.js';
import type { SkippedFault } from '../abilities.js';
import type { SecondRecord } from '../second-records.js';

/** Something that must hold, and whether it did. */
export interface Checked {
  readonly name: string;
  readonly outcome: 'held' | 'violated' | 'undecided';
  /** What was seen. */
  readonly text: string;
}

/** A fault as it was done: seconds from the beginning. */
export interface DoneFault {
  readonly fault: Fault;
  readonly from: number;
  readonly to: number;
}

/** Something that a node said, or that became of it. */
export interface NodeEvent {
  readonly atMs: number;
  readonly node: string;
  readonly text: string;
}

export interface RunReport {
  readonly plan: Plan;
  readonly network: 'namespaces' | 'proxy';
  /** Why it was the proxy, if somebody asked for whatever there is. */
  readonly whyProxy: string | undefined;
  readonly version: string;
  readonly node: string;
  readonly module: string;
  readonly clients: number;
  readonly keys: number;
  /** Milliseconds from the beginning of the faults to the end of the last read. */
  readonly tookMs: number;
  readonly formedMs: number;
  /** From the end of the faults until all nodes were of one view and served again; undefined if they were not. */
  readonly healedMs: number | undefined;
  readonly faults: readonly DoneFault[];
  readonly skipped: readonly SkippedFault[];
  readonly differences: readonly string[];
  readonly seconds: readonly SecondRecord[];
  readonly events: readonly NodeEvent[];
  readonly checks: readonly Checked[];
  readonly model: string;
  readonly operations: { readonly ok: number; readonly failed: number; readonly unknown: number };
  readonly registers: number;
}

export type Verdict = 'held' | 'violated' | 'undecided';

export function verdictOf({ checks }: Pick<RunReport, 'checks'>): Verdict {
  if (checks.some(({ outcome }) => outcome === 'violated')) return 'violated';
  return checks.some(({ outcome }) => outcome === 'undecided') ? 'undecided' : 'held';
}

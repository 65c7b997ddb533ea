/** A trace as a file: a line of JSON that says what was run, then a line for each entry. Text in, text out; and where two of them differ first. */
import { NexusTypeError } from '../../errors.js';
import { checkedPlan } from './plan-check.js';
import type { Plan } from './plan.js';
import { type TraceEntry, traceEntryOf, traceLine } from './trace.js';

const FORMAT = 1;
/** Entries that a file holds; the hash is of all there were. */
export const TRACE_FILE_ENTRIES_MAX = 2_000_000;
const LINES_BEFORE = 5;

/** What was run, and what became of it. */
export interface TraceHeader {
  /** The module with the simulation, as it was given; undefined for the built-in one. */
  readonly module: string | undefined;
  readonly plan: Plan;
  /** Of all entries. */
  readonly hash: string;
  readonly entries: number;
  /** Of the package. */
  readonly version: string;
  /** What failed; undefined if nothing did. */
  readonly failure: string | undefined;
}

export function traceFileText(header: TraceHeader, entries: readonly TraceEntry[]): string {
  return `${JSON.stringify({ nexusTrace: FORMAT, ...header })}\n${entries.map((entry) => `${traceLine(entry)}\n`).join('')}`;
}

/**
 * @param name of the file, for messages
 * @throws NexusTypeError NEXUS_OPTION_INVALID, which names the line that cannot be read
 */
export function readTraceFile(text: string, name: string): { readonly header: TraceHeader; readonly entries: readonly TraceEntry[] } {
  const [first = '', ...lines] = text.split('\n');
  const header = headerOf(first, name);
  const entries: TraceEntry[] = [];
  lines.forEach((line, index) => {
    if (line === '' && index === lines.length - 1) return;
    const entry = traceEntryOf(line);
    if (entry === undefined) throw invalid(name, `line ${index + 2} is no entry of a trace: ${line.slice(0, 60)}`);
    entries.push(entry);
  });
  return { header: { ...header, plan: checkedPlan(header.plan, `${name}: plan`) }, entries };
}

function headerOf(line: string, name: string): TraceHeader {
  let header: (Partial<TraceHeader> & { nexusTrace?: unknown }) | undefined;
  try {
    header = JSON.parse(line) as typeof header;
  } catch (error) {
    throw invalid(name, `the first line is no JSON (${(error as Error).message}): this is no trace that nexus sim has saved`);
  }
  if (typeof header !== 'object' || header === null || header.nexusTrace === undefined)
    throw invalid(name, 'the first line does not say what was run: this is no trace that nexus sim has saved');
  if (header.nexusTrace !== FORMAT) throw invalid(name, `it is of format ${String(header.nexusTrace)}, and this version reads ${FORMAT}`);
  if (typeof header.hash !== 'string' || typeof header.entries !== 'number') throw invalid(name, 'the first line has no hash, or no number of entries');
  return header as TraceHeader;
}

/** Where two traces differ first. */
export interface TraceDifference {
  /** Number of the entry, from 0. */
  readonly index: number;
  /** Lines that both have before. */
  readonly before: readonly string[];
  /** Undefined if that trace has ended. */
  readonly recorded: string | undefined;
  readonly now: string | undefined;
}

export function firstDifference(recorded: readonly TraceEntry[], now: readonly TraceEntry[]): TraceDifference | undefined {
  const lineAt = (entries: readonly TraceEntry[], index: number): string | undefined => {
    const entry = entries[index];
    return entry === undefined ? undefined : traceLine(entry);
  };
  for (let index = 0; index < Math.max(recorded.length, now.length); index++) {
    const [a, b] = [lineAt(recorded, index), lineAt(now, index)];
    if (a === b) continue;
    return { index, before: recorded.slice(Math.max(0, index - LINES_BEFORE), index).map(traceLine), recorded: a, now: b };
  }
  return undefined;
}

export function differenceText({ index, before, recorded, now }: TraceDifference): string {
  return [
    ...before.map((line) => `    ${line}`),
    `  - ${recorded ?? '(the recorded trace ends here)'}`,
    `  + ${now ?? '(this trace ends here)'}`,
    `first difference: entry ${index}`,
  ].join('\n');
}

function invalid(name: string, text: string): NexusTypeError {
  return new NexusTypeError('NEXUS_OPTION_INVALID', `${name}: ${text}`, { option: name });
}

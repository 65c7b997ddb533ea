/** The text of a trace file for a run. */
import { packageVersion } from '../../testing/simulation/failure-report.js';
import type { RunResult } from '../../testing/simulation/simulation.js';
import { traceFileText } from '../../testing/simulation/trace-file.js';

export function savedTrace({ plan, trace, failure }: RunResult, module: string | undefined): string {
  return traceFileText({ module, plan, hash: trace.hash, entries: trace.count, version: packageVersion(), failure: failure?.what }, trace.entries);
}

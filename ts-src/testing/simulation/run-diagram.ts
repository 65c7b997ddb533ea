/** The sequence diagram of a run: by default of its last seconds, which is where it has failed if it has. */
import { type DiagramOptions, sequenceDiagram } from './diagram.js';
import type { RunResult } from './simulation.js';

const WINDOW_MS = 5000;

export function drawDiagram(
  { plan, failure, trace, simulatedMs }: RunResult,
  { fromMs, toMs }: { readonly fromMs?: number | undefined; readonly toMs?: number | undefined },
): string {
  const untilMs = toMs ?? failure?.atMs ?? simulatedMs;
  const options: DiagramOptions = {
    title: `seed ${plan.seed}${failure === undefined ? '' : `: ${failure.what}`}`,
    fromMs: fromMs ?? Math.max(0, untilMs - WINDOW_MS),
    toMs: untilMs,
  };
  return sequenceDiagram(trace.entries, options);
}

/** Starts nexus for a benchmark and notes which engine runs. */
import { createNexus } from 'nexus-agents';

export async function openNexus(report, options) {
  const nexus = await createNexus(options);
  noteEngine(report, nexus);
  return nexus;
}

export function noteEngine(report, { engine }) {
  report.note('engine', `${engine.kind}: ${engine.reason}`);
}

/** Starts nexus for a benchmark and notes which engine runs. */
import { createNexus } from 'nexus-agents';

export async function openNexus(report, options) {
  const nexus = await createNexus(options);
  report.note('engine', `${nexus.engine.kind}: ${nexus.engine.reason}`);
  return nexus;
}

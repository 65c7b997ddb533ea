/** What a snapshot says of the process: read when it is asked for. */
import type { EngineReport } from '../ports/engine.js';
import type { SystemReading } from '../model/system-reading.js';

export function readProcess(nexus: { readonly engine: EngineReport; readonly isStopping: boolean }): {
  readonly cpuMs: number;
  readonly process: SystemReading['process'];
} {
  const { user, system } = process.cpuUsage();
  const { kind, reason } = nexus.engine;
  const { pid, version } = process;
  const described = { pid, nodeVersion: version, engine: { kind, reason }, uptimeMs: process.uptime() * 1000, residentBytes: process.memoryUsage.rss() };
  return { cpuMs: (user + system) / 1000, process: { ...described, isStopping: nexus.isStopping } };
}

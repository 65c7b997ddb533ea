/** Live agents as their records in the shared table have them: read without asking any thread. For `nexus.agents` and `nexus.summary`. */
import { isEnding } from './record-word.js';
import type { ThreadHost } from './thread-host.js';

/** A live agent as its record in the shared table has it: read without asking the agent. */
export interface AgentSummary {
  readonly id: string;
  readonly kind: string;
  readonly thread: number;
}

/** @param kind undefined: all. @throws NexusError NEXUS_KIND_UNKNOWN */
export function* agentSummaries(host: ThreadHost, kind: string | undefined): IterableIterator<AgentSummary> {
  const { table } = host.engine;
  const index = kind === undefined ? undefined : host.kinds.byName(kind).index;
  for (const entry of table.entries()) {
    if (index !== undefined && entry.kind !== index) continue;
    // What has moved to another node keeps its place for a while.
    if (host.placing !== undefined && isEnding(host.shared, entry.slot)) continue;
    const id = table.keyOf(entry.slot, entry.generation);
    if (id !== undefined) yield { id, kind: host.kinds.byIndex(entry.kind).name, thread: entry.thread };
  }
}

export function agentSummary(host: ThreadHost, id: string): AgentSummary | undefined {
  const found = host.find(id, undefined);
  if (found === undefined) return undefined;
  const thread = host.engine.table.threadOf(found.slot, found.generation);
  return thread < 0 ? undefined : { id, kind: found.kind, thread };
}

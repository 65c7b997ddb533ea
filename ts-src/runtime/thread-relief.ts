/** What a thread does for whoever relieves it: tells which agents take its time, and lets idle durable agents leave memory. Decided by `balancing.ts` on the calling thread. */
import { Status } from './agent-cell.js';
import { AgentLoads } from './agent-loads.js';
import type { AgentReference } from './agent-reference.js';
import type { ThreadHost } from './thread-host.js';

/** Agents that leave at a time: their states are saved together. */
const LEAVING_AGENTS = 256;

export interface AgentLoad {
  readonly agent: AgentReference;
  /** Of the thread's time. */
  readonly share: number;
}

/** The heaviest agents since the call before, without those that can never move. */
export function watchAgents(host: ThreadHost, { isOn, countMax }: { readonly isOn: boolean; readonly countMax: number }): AgentLoad[] {
  const { dispatcher, clock } = host;
  const before = dispatcher.loads;
  const nowMs = clock.nowMs();
  dispatcher.loads = isOn ? new AgentLoads(nowMs) : undefined;
  if (before === undefined) return [];
  return before
    .shares(nowMs, countMax)
    .filter(({ cell }) => cell.status < Status.stopping && !cell.kind.isSupervisor && !cell.kind.callingThreadOnly)
    .map(({ cell, share }) => ({ agent: host.reference(cell.slot, cell.generation, cell.kind.index, undefined), share }));
}

export async function passivateIdle(host: ThreadHost, { countMax, idleMs }: { readonly countMax: number; readonly idleMs: number }): Promise<number> {
  const { durable, clock } = host;
  if (durable === undefined) return 0;
  const usedBeforeMs = clock.nowMs() - idleMs;
  const idle = durable.passivation.leastRecentlyUsed(countMax).filter(({ extra }) => (extra?.durable?.lastUsedMs ?? usedBeforeMs) <= usedBeforeMs);
  let passivated = 0;
  for (let start = 0; start < idle.length && !host.isStopping; start += LEAVING_AGENTS) {
    const left = await Promise.all(idle.slice(start, start + LEAVING_AGENTS).map((cell) => durable.passivation.passivate(cell)));
    passivated += left.filter(Boolean).length;
  }
  return passivated;
}

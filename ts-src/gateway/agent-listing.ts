/**
 * One page of the live agents, in the order of their ids. The table has no order, so every page walks all of it, in slices between which the event loop runs,
 * and keeps the smallest ids after the cursor: memory grows with the page, not with the number of agents. An agent that lives through all pages is on exactly
 * one of them; one that starts or ends meanwhile may be on one or on none.
 */
import type { AgentSummary } from '../nexus.js';

/** Work between two visits of the event loop. */
const SLICE_AGENTS = 512;
const SLICE_MS = 4;

export interface AgentPage {
  readonly agents: readonly AgentSummary[];
  /** Cursor of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/**
 * @param after the cursor: only ids that come after it, by UTF-16 code units
 * @param prefix only ids that begin with it
 */
export async function pageOf(agents: Iterable<AgentSummary>, limit: number, after: string | undefined, signal: AbortSignal, prefix = ''): Promise<AgentPage> {
  // One more than the page, to know whether there is a next one.
  const wanted = limit + 1;
  let kept: AgentSummary[] = [];
  let highest: string | undefined;
  const cut = (): void => {
    kept.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    kept = kept.slice(0, wanted);
    if (kept.length === wanted) highest = kept[wanted - 1]?.id;
  };
  let count = 0;
  let sliceMs = performance.now();
  for (const agent of agents) {
    if (agent.id.startsWith(prefix) && (after === undefined || agent.id > after) && (highest === undefined || agent.id < highest)) {
      kept.push(agent);
      if (kept.length >= 2 * wanted) cut();
    }
    if (++count % SLICE_AGENTS !== 0 || performance.now() - sliceMs < SLICE_MS) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    sliceMs = performance.now();
  }
  cut();
  const page = kept.slice(0, limit);
  return { agents: page, next: kept.length > limit ? page[limit - 1]?.id : undefined };
}

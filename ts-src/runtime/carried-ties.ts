/**
 * Watches and links of an agent that moves between nodes. What they are tied to may end while the agent is on its way: whoever is told of that where the agent was sends it on behind the agent, which may ask before that
 * comes, and is answered that there is no such agent. So for a time that answer is no end: what comes behind says how it has ended. Not here: how an end comes to be known (`watches.ts`, `agent-links.ts`).
 */
import type { AgentExtra, TieEnd } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';

/** What is said of an end to an agent that moves between nodes comes by this time, behind the agent; what is not was lost with a thread. */
export const WORD_MS_MAX = 15_000;

/** Of each whether it was not found. */
export type CarriedTies = Map<AgentReference, boolean>;

/** Whether an end is not to be acted upon as yet. */
export function isKept(extra: AgentExtra, end: TieEnd): boolean {
  const { endsWhilePacked } = extra;
  const { tie, other, reason } = end;
  if (endsWhilePacked !== undefined) {
    if (!endsWhilePacked.some((known) => known.tie === tie && known.other === other)) endsWhilePacked.push(end);
    return true;
  }
  const carried = tie === 'link' ? extra.carriedLinks : extra.carriedWatches;
  if (reason.type !== 'notFound' || carried?.has(other) !== true) return false;
  carried.set(other, true);
  return true;
}

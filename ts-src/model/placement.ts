/** Chooses the thread of a new agent. Pure. */

/** What is known of a thread that can take agents. */
export interface ThreadLoad {
  readonly thread: number;
  /** Agents there now, and on their way. */
  readonly agents: number;
}

/** The thread with the fewest agents; of equal ones the first after `after`, so that equal threads take turns. -1 if there is none. */
export function leastLoaded(threads: readonly ThreadLoad[], after: number): number {
  let best: ThreadLoad | undefined;
  for (const candidate of threads) {
    if (best === undefined || candidate.agents < best.agents || (candidate.agents === best.agents && best.thread <= after && candidate.thread > after))
      best = candidate;
  }
  return best?.thread ?? -1;
}

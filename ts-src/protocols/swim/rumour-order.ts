/** Which of two rumours about one start of a node wins: the merge of rumours is the maximum in this order, so it does not matter in which order they arrive. */
import type { Reachability } from '../../model/cluster-snapshot.js';

/** What of a rumour decides. */
export interface Claim {
  readonly refutation: number;
  readonly state: Reachability;
}

const WORSE: Readonly<Record<Reachability, number>> = { reachable: 0, suspect: 1, unreachable: 2 };

/** Above 0 if `a` wins, 0 if they say the same. The greater refutation wins; of the same one, the worse state. */
export function compareClaims(a: Claim, b: Claim): number {
  return a.refutation - b.refutation || WORSE[a.state] - WORSE[b.state];
}

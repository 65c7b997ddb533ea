/** Names of the cases, by which rows are matched; `bars.mjs` has them too. What the agents are many of is a size, and no part of a name. */
export const FILLED = 'agents started on three nodes, from all of them';
export const SHARE = 'a fourth node: moved share of the ideal quarter';
export const MOVED = 'a fourth node: agents moved';
export const QUIET_P50 = 'asks before, p50';
export const QUIET_P99 = 'asks before, p99';
export const MOVING_P50 = 'asks while a fourth node takes its share, p50';
export const MOVING_P99 = 'asks while a fourth node takes its share, p99';
export const MOVING_MAX = 'asks while a fourth node takes its share, longest';
/** How long the event loop of any node was late at most, after the fourth had joined. */
export const LATE = 'event loop of a node late, at most';
export const RESIDENT = 'resident memory of a node, at most';
/** With the start of the fourth node, and the asks. */
export const COST = 'processor time of all nodes for an agent that moves';

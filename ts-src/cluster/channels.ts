/** Which part of a node a message of the transport is for: the numbers are part of the protocol. */
export const Channel = {
  /** Who runs which id: `cluster/registry/`. */
  registry: 1,
  /** Messages of agents, replies, and calls of runtimes about agents: `cluster/agents/`. */
  agents: 2,
  /** Agents that move from node to node: `cluster/moves/`. */
  moves: 3,
  /** Copies of durable state: `cluster/copies/`. */
  copies: 4,
  /** What nodes tell all others, such as groups and subscriptions: `cluster/entries/`. */
  entries: 5,
  /** Signals: `cluster/entries/`. */
  signals: 6,
} as const;

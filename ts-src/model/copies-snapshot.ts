/** What a node of a cluster knows of the copies of durable state. */

/** Copies of durable state as one node has them: a part of `ClusterSnapshot`. */
export interface CopiesSnapshot {
  /** Nodes that hold a copy beside the owner. */
  readonly copies: number;
  readonly isShared: boolean;
  /** Writes of this node that wait for copies. */
  readonly waiting: number;
  /** Since the start: writes that copies have acknowledged and refused, and agents that were given to others, fetched from others and removed. */
  readonly acknowledged: number;
  readonly refused: number;
  readonly given: number;
  readonly fetched: number;
  readonly removed: number;
  /** Agents whose start waits for what other nodes have. */
  readonly fetching: number;
  /** Members that have not said yet that this node has all it is to hold. */
  readonly waitingFor: readonly string[];
  /** This node gives others what they have come to hold, or looks for what it may remove. */
  readonly isGiving: boolean;
}

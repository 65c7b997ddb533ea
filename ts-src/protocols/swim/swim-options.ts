/** The settings of the failure detector with their defaults, and the times that follow from them and from the size of the cluster. */

export interface SwimOptions {
  /** One member is probed every so often, when this node is healthy. Default 1,000; 10 to 60,000. */
  readonly probeIntervalMs: number;
  /** Relays are asked when a ping was not answered in that time, or in what the link is known to take. Default 500; less than the interval. */
  readonly probeTimeoutMs: number;
  /** Members that are asked to ping one that does not answer. Default 3. */
  readonly relays: number;
  /** Rumours are sent by themselves every so often while there are some. Default 200. */
  readonly gossipIntervalMs: number;
  /** To so many members. Default 3. */
  readonly gossipFanout: number;
  /** λ: every member tells a rumour λ · log10(members + 1) times, at least three times. Default 4. */
  readonly tellingFactor: number;
  /** α: the least time of a suspicion is α · log10(members) probe intervals, at least α. Default 3. */
  readonly suspicionFactor: number;
  /** β: an unconfirmed suspicion lasts β times as long. Default 6. */
  readonly suspicionMaxFactor: number;
  /** K: confirmations that bring a suspicion to its least time. Default 3. */
  readonly confirmations: number;
  /** Whether this node takes account of signs that it is slow itself. Default true; false is for experiments. */
  readonly localHealth: boolean;
}

export const SWIM_DEFAULTS: SwimOptions = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  relays: 3,
  gossipIntervalMs: 200,
  gossipFanout: 3,
  tellingFactor: 4,
  suspicionFactor: 3,
  suspicionMaxFactor: 6,
  confirmations: 3,
  localHealth: true,
};

/** How often one member tells a rumour. @param members of the cluster, with itself */
export function tellings({ tellingFactor }: SwimOptions, members: number): number {
  return Math.max(3, Math.ceil(tellingFactor * Math.log10(members + 1)));
}

/** The least time of a suspicion. @param members of the cluster, with this node */
export function suspicionMinMs({ suspicionFactor, probeIntervalMs }: SwimOptions, members: number): number {
  return suspicionFactor * Math.max(1, Math.log10(members)) * probeIntervalMs;
}

/** How much each case does, at full size and for the smoke run. Throughput cases run for a time, so that a slow peer costs no more than a fast one. */

export const FULL = {
  warmMs: 200,
  runMs: 250,
  /** Timed one by one, closed loop, after as many as take `warmMs`. */
  latencySamplesMax: 100_000,
  /** Each is preceded by 2 to 5 ms in which everything parks. */
  parkedSamples: 100,
  openLoopMs: 500,
  memoryAgents: [10_000, 100_000, 1_000_000],
  /** The most for peers whose actors take kilobytes. */
  memoryAgentsMaxOfHeavyPeers: 100_000,
  lookupAgents: 1_000_000,
  scaleAgents: 1_000_000,
  idleMs: 3000,
  curveThreads: [1, 2, 3, 4],
  /** For each of its points. */
  curveWarmMs: 100,
  curveRunMs: 150,
  membershipNodes: 100,
  membershipSeeds: 25,
  membershipCurve: [10, 30, 100, 300, 1000],
  formingNodes: [10, 30, 100, 300, 1000],
  /** How long what a slow node gets waits, and for how long that goes on. */
  membershipBlockedMs: [8000, 16_000, 32_000],
  membershipSlowMs: 160_000,
  membershipSlowSeeds: 3,
  clusterNodes: 5,
  clusterTiming: {},
  clusterBlockMs: 3000,
  heldConnections: 50_000,
  taskTimeoutMs: 180_000,
};

export const SMOKE = {
  warmMs: 4,
  runMs: 6,
  latencySamplesMax: 300,
  parkedSamples: 4,
  openLoopMs: 20,
  memoryAgents: [20_000],
  memoryAgentsMaxOfHeavyPeers: 20_000,
  lookupAgents: 2_000,
  scaleAgents: 2_000,
  idleMs: 100,
  curveThreads: [1, 2],
  curveWarmMs: 2,
  curveRunMs: 3,
  membershipNodes: 20,
  membershipSeeds: 2,
  membershipCurve: [10, 30],
  formingNodes: [5, 20],
  membershipBlockedMs: [16_000],
  membershipSlowMs: 20_000,
  membershipSlowSeeds: 1,
  clusterNodes: 2,
  clusterTiming: { probeIntervalMs: 200, probeTimeoutMs: 100, leaseMs: 1000, stopMarginMs: 200, stalledAfterMs: 200 },
  clusterBlockMs: 600,
  heldConnections: 100,
  taskTimeoutMs: 30_000,
};

/** Snapshots of clusters for the tests of what is shown of them: healthy, split in two, fenced, of any size. Plain values: nothing of a cluster runs. */
import type { RegistrySnapshot } from '../dist/ts-src/model/registry-snapshot.js';
import type { ClusterSnapshot, LinkSnapshot, MemberSnapshot } from '../dist/ts-src/model/cluster-snapshot.js';

const INCARNATION = 1_767_225_600_000;

/** `shop-1` and so on, of which this node is the first; all reach each other. */
export function healthyCluster(size: number): ClusterSnapshot {
  const width = String(size).length;
  const names = Array.from({ length: size }, (_, index) => `shop-${String(index + 1).padStart(width, '0')}`);
  const members = names.map((name, index) => member(name, index));
  return {
    cluster: 'shop',
    self: { name: names[0] as string, incarnation: INCARNATION },
    standing: 'member',
    fencedBecause: undefined,
    view: size,
    coordinator: names[0],
    resolver: 'keepMajority',
    leaseMs: 4_312,
    members,
    links: members.slice(1).map(({ name }, index) => link(name, index)),
    partitions: [names],
    localHealth: 0,
    refusals: {},
    registry: {
      shares: Object.fromEntries(names.map((name) => [name, 1 / size])),
      owned: Math.round(4096 / size),
      claiming: 0,
      waitingFor: [],
      registered: 12_345,
      replicated: 12_222,
      activations: 12_300,
      cached: 678,
      lookups: { local: 90_000, cached: 40_000, owner: 1_234 },
      handOffs: 512,
      superseded: 0,
    },
  };
}

/** The last `away` of them are on the other side; one more is suspect, and one has a blocked event loop. */
export function splitCluster(size: number, away: number): ClusterSnapshot {
  const whole = healthyCluster(size);
  const [near, far] = [whole.members.slice(0, size - away), whole.members.slice(size - away)].map((side) => side.map(({ name }) => name)) as [
    string[],
    string[],
  ];
  return {
    ...whole,
    leaseMs: 1_020,
    localHealth: 2,
    members: whole.members.map((each, index): MemberSnapshot => {
      if (far.includes(each.name)) return { ...each, reachability: 'unreachable', phi: 12.4, unreachableFrom: near };
      if (index === 1) return { ...each, stalledThreads: [0, 2], unreachableFrom: far };
      if (index === 2) return { ...each, reachability: 'suspect', phi: 4.2, status: 'leaving', unreachableFrom: far };
      return { ...each, unreachableFrom: far };
    }),
    links: whole.links.map((each) =>
      far.includes(each.node) ? { ...each, loss: 1, connections: 0, waitingMessages: 1234, waitingBytes: 567_890, lostMessages: 17 } : each,
    ),
    partitions: [near, far],
    refusals: { NEXUS_FRAME_INVALID: 3, NEXUS_HANDSHAKE_REFUSED: 12 },
    registry: { ...(whole.registry as RegistrySnapshot), claiming: 205, waitingFor: far, superseded: 2 },
  };
}

/** This node has lost the others. */
export function fencedCluster(size: number): ClusterSnapshot {
  const whole = healthyCluster(size);
  const [self, ...others] = whole.members.map(({ name }) => name) as [string, ...string[]];
  return {
    ...whole,
    standing: 'fenced',
    fencedBecause: 'no quorum of the voters of view 5 has answered for 5,000 ms',
    leaseMs: undefined,
    coordinator: undefined,
    members: whole.members.map((each) => (each.name === self ? each : { ...each, reachability: 'unreachable', phi: 33.1, unreachableFrom: [self] })),
    partitions: [[self], others],
  };
}

function member(name: string, index: number): MemberSnapshot {
  return {
    name,
    incarnation: INCARNATION + index,
    status: 'up',
    weight: 1,
    reachability: 'reachable',
    isVoter: index < 9,
    sinceView: index + 1,
    address: { host: `10.0.0.${(index % 250) + 1}`, port: 7400 },
    dataAddress: { host: `10.0.0.${(index % 250) + 1}`, port: 41_000 + index },
    version: '0.1.0',
    metadata: { zone: `eu-${(index % 3) + 1}`, role: index % 2 === 0 ? 'front' : 'worker' },
    stalledThreads: [],
    phi: index === 0 ? undefined : 0.1 * (index % 7),
    unreachableFrom: [],
  };
}

function link(node: string, index: number): LinkSnapshot {
  return {
    node,
    roundTripMs: { mean: 0.42 + 0.3 * (index % 5), last: 0.4 + 0.2 * (index % 4) },
    loss: index % 4 === 3 ? 0.03 : 0,
    connections: 1,
    sentBytes: 1_234_567 * (index + 1),
    receivedBytes: 987_654 * (index + 1),
    sentMessages: 12_345 * (index + 1),
    receivedMessages: 9_876 * (index + 1),
    waitingMessages: 0,
    waitingBytes: 0,
    lostMessages: 0,
    asks: {
      answered: 1000 * (index + 1),
      totalMs: 640 * (index + 1),
      counts: [0, 0, 400, 900, 990, 1000, 1000, 1000, 1000, 1000, 1000, 1000].map((count) => count * (index + 1)),
      perSecond: 1234.5,
      p50Ms: 0.51 + 0.1 * (index % 5),
      p99Ms: 4.2 + (index % 3),
    },
  };
}

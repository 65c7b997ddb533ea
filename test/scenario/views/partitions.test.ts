/** How clusters form, change and come apart, as transcripts: who is told what, in order. Times are left out where they are chance. */
import { describe, expect, test } from 'vitest';
import type { ResolverOptions } from '../../../dist/ts-src/model/cluster-options.js';
import { BareCluster, type BareNode, TIMING } from '../../unit/protocols/views/bare-cluster.js';

const SETTLED_MS = 30_000;

/** Nodes n1, n2 … as members of one view, of that age. */
function formed(count: number, resolver: ResolverOptions = { strategy: 'keepMajority' }): BareCluster {
  const cluster = new BareCluster(count, { resolver, seeds: ['n1'] });
  for (const node of cluster.nodes) {
    cluster.start(node);
    expect(cluster.run(SETTLED_MS, () => cluster.isSettled())).toBe(true);
  }
  cluster.run(3000);
  for (const { events } of cluster.nodes) events.length = 0;
  return cluster;
}

/** Standings and views that the node was told. */
function told({ events }: BareNode): string[] {
  const names = (nodes: readonly { readonly name: string }[]): string =>
    nodes
      .map(({ name }) => name)
      .sort()
      .join('+');
  return events.flatMap(({ event }) => {
    if (event.type === 'standing') return [`${event.standing}${event.because === undefined ? '' : `: ${event.because}`}`];
    if (event.type !== 'view') return [];
    const what = [['joined', event.joined] as const, ['left', event.left] as const, ['removed', event.removed] as const].filter(
      ([, nodes]) => nodes.length > 0,
    );
    return [`view ${event.number}: ${names(event.members)}; ${what.map(([verb, nodes]) => `${names(nodes)} ${verb}`).join(', ')}`];
  });
}
const transcript = (cluster: BareCluster): Record<string, string[]> => Object.fromEntries(cluster.nodes.map((node) => [node.name, told(node)]));
const split = (cluster: BareCluster, ...side: string[]): void => {
  cluster.isCut = (from, to) => side.includes(from) !== side.includes(to);
};
const NO_ANSWER = 'fenced: no quorum of voters has answered for 5,000 ms';

test('three seeds found a cluster together when none of them can have been in one a moment ago', () => {
  const cluster = new BareCluster(3);
  for (const node of cluster.nodes) cluster.start(node);
  cluster.run((TIMING.leaseMs + TIMING.stopMarginMs) * 1.02 - 10);
  expect(cluster.members()).toEqual([]);
  expect(cluster.run(3000, () => cluster.isSettled())).toBe(true);
  expect(new Set(cluster.nodes.map(({ machine }) => machine?.clusterId)).size).toBe(1);
  for (const node of cluster.nodes) expect(told(node)).toEqual(['view 1: n1+n2+n3; n1+n2+n3 joined', 'member']);
});

test('two of three seeds found nothing, and say for whom they wait', () => {
  const cluster = new BareCluster(3);
  cluster.start(cluster.node('n1'));
  cluster.start(cluster.node('n2'));
  cluster.run(60_000);
  expect(cluster.members()).toEqual([]);
  const warnings = cluster.node('n1').events.flatMap(({ event }) => (event.type === 'warning' ? [event.because] : []));
  expect(warnings).toEqual(['no cluster was found, and none can be founded while 10.0.0.3:7400 does not answer']);
  cluster.start(cluster.node('n3'));
  expect(cluster.run(12_000, () => cluster.isSettled())).toBe(true);
});

test('a node without seeds founds at once', () => {
  const cluster = new BareCluster(1, { seeds: [] });
  cluster.start(cluster.node('n1'));
  expect(told(cluster.node('n1'))).toEqual(['view 1: n1; n1 joined', 'member']);
});

test('who leaves is gone within a second, also the one who proposes views', () => {
  const cluster = formed(3);
  cluster.input(cluster.node('n1'), { type: 'leave' });
  cluster.run(1000);
  expect(transcript(cluster)).toEqual({
    n1: ['leaving', 'left'],
    n2: ['view 4: n2+n3; n1 left'],
    n3: ['view 4: n2+n3; n1 left'],
  });
});

test('of two that both leave each comes to its end', () => {
  const cluster = formed(2);
  for (const node of cluster.nodes) cluster.input(node, { type: 'leave' });
  cluster.run(3000);
  expect(cluster.nodes.map(({ machine }) => machine?.standing)).toEqual(['left', 'left']);
});

test('a node that was killed is removed when its lease has run out, by the next in age if it was the one who proposes', () => {
  const cluster = formed(3);
  cluster.crash(cluster.node('n1'));
  cluster.run(15_000);
  expect([told(cluster.node('n2')), told(cluster.node('n3'))]).toEqual([['view 4: n2+n3; n1 removed'], ['view 4: n2+n3; n1 removed']]);
});

test('two nodes that fail together are both removed', () => {
  const cluster = formed(5);
  cluster.crash(cluster.node('n4'));
  cluster.crash(cluster.node('n5'));
  cluster.run(30_000);
  expect(told(cluster.node('n1')).at(-1)).toMatch(/^view [67]: n1\+n2\+n3; .*removed$/);
});

describe('a partition', () => {
  test.each<[ResolverOptions, number, string[], string[]]>([
    [{ strategy: 'keepMajority' }, 5, ['n1', 'n2'], ['n3', 'n4', 'n5']],
    [{ strategy: 'keepMajority' }, 4, ['n1', 'n2'], ['n1', 'n2']],
    [{ strategy: 'keepMajority' }, 2, ['n1'], ['n1']],
    [{ strategy: 'staticQuorum', quorum: 3 }, 5, ['n1', 'n2'], ['n3', 'n4', 'n5']],
    [{ strategy: 'staticQuorum', quorum: 3 }, 4, ['n1', 'n2'], []],
    [{ strategy: 'keepOldest' }, 5, ['n1', 'n2'], ['n1', 'n2']],
    [{ strategy: 'keepOldest' }, 4, ['n1'], ['n2', 'n3', 'n4']],
    [{ strategy: 'keepReferee', referee: 'n4' }, 5, ['n1', 'n2', 'n3'], ['n4', 'n5']],
    [{ strategy: 'downAll' }, 5, ['n1', 'n2'], []],
    [{ strategy: 'downAll' }, 4, ['n1', 'n2'], []],
  ])('with %o of %i nodes with %j on one side leaves %j', (resolver, count, side, kept) => {
    const cluster = formed(count, resolver);
    split(cluster, ...side);
    cluster.run(25_000);
    expect(cluster.wrong).toEqual([]);
    expect(cluster.running().map(({ name }) => name)).toEqual(kept);
    for (const node of cluster.nodes) if (!kept.includes(node.name)) expect(told(node)).toEqual([NO_ANSWER]);
    for (const name of kept) expect([...(cluster.node(name).view?.members ?? [])].map((identity) => identity.split('#')[0])).toEqual(kept);
  });
});

test('a node that can send and not receive is fenced, and removed', () => {
  const cluster = formed(3);
  cluster.isCut = (_, to) => to === 'n3';
  cluster.run(20_000);
  expect(told(cluster.node('n3'))).toEqual([NO_ANSWER]);
  expect(told(cluster.node('n1'))).toEqual(['view 4: n1+n2; n3 removed']);
});

test('two nodes that reach each other through a third only both stay', () => {
  const cluster = formed(3);
  cluster.isCut = (from, to) => (from === 'n1' && to === 'n2') || (from === 'n2' && to === 'n1');
  cluster.run(60_000);
  expect(transcript(cluster)).toEqual({ n1: [], n2: [], n3: [] });
});

test('a process that did not run for a minute knows before it does anything, and joins again as another incarnation', () => {
  const cluster = formed(3);
  const node = cluster.node('n3');
  node.pausedUntilMs = cluster.nowMs + 60_000;
  cluster.run(59_999);
  expect([cluster.isRunning(node), told(cluster.node('n1'))]).toEqual([false, ['view 4: n1+n2; n3 removed']]);
  cluster.run(1000);
  expect(told(node)[0]).toMatch(/^fenced: this process did not run for [\d,]+ ms, and its lease has ended meanwhile$/);
  cluster.start(node);
  expect(cluster.run(5000, () => cluster.isSettled())).toBe(true);
});

test('a node that starts again with a smaller incarnation is told a greater one, and joins when the lease of the former has run out', () => {
  const cluster = formed(3);
  const node = cluster.node('n3');
  const before = node.machine?.self.incarnation as number;
  cluster.crash(node);
  node.disk = undefined;
  cluster.start(node, { incarnation: 7 });
  cluster.run(4000);
  expect(told(cluster.node('n1'))).toEqual([]);
  expect(cluster.run(20_000, () => cluster.isSettled())).toBe(true);
  expect(node.machine?.self.incarnation).toBeGreaterThan(before);
  expect(told(cluster.node('n1'))).toEqual(['view 4: n1+n2+n3; n3 joined, n3 removed']);
});

test('a node whose lease times or cluster are others is refused, and told why', () => {
  const cluster = formed(2);
  const third = cluster.add('n3');
  cluster.start(third, { timing: { ...TIMING, leaseMs: 9000 } });
  const fourth = cluster.add('n4');
  cluster.start(fourth, { cluster: 'other' });
  cluster.run(5000);
  const reasons = (node: BareNode): string[] => [
    ...new Set(node.events.flatMap(({ event }) => (event.type === 'refusedMessage' ? [`${event.code}: ${event.because}`] : []))),
  ];
  expect(reasons(third)).toEqual([
    'NEXUS_CLUSTER_SETTINGS: all nodes need the same: n3 has leaseMs 9000, stopMarginMs 1000, resolver keepMajority; n1 has leaseMs 5000, stopMarginMs 1000, resolver keepMajority',
  ]);
  expect(reasons(fourth)).toEqual(['NEXUS_CLUSTER_MISMATCH: n4 is of the cluster other, n1 is of test']);
  expect(cluster.node('n1').events.some(({ event }) => event.type === 'refusedMessage' && event.code === 'NEXUS_CLUSTER_SETTINGS')).toBe(true);
  expect([third.machine?.standing, fourth.machine?.standing]).toEqual(['joining', 'joining']);
});

test('a second node of the same name waits as long as the first answers', () => {
  const cluster = formed(2);
  const twin = cluster.add('n2');
  cluster.start(twin);
  cluster.run(20_000);
  expect(twin.machine?.standing).toBe('joining');
  expect(twin.events.some(({ event }) => event.type === 'refusedMessage' && event.code === 'NEXUS_NODE_DUPLICATE')).toBe(true);
  cluster.crash(cluster.nodes[1] as BareNode);
  cluster.run(20_000);
  expect(twin.machine?.standing).toBe('member');
});

test('bytes that are no message are an event with a code, and nothing else happens', () => {
  const cluster = formed(2);
  const node = cluster.node('n1');
  for (const bytes of [new Uint8Array(), new Uint8Array([1]), new Uint8Array([9, 0, 0]), new Uint8Array(100).fill(255), new Uint8Array([1, 250, 0])]) {
    cluster.input(node, { type: 'received', from: { host: '10.9.9.9', port: 1 }, bytes });
  }
  const codes = node.events.flatMap(({ event }) => (event.type === 'refusedMessage' ? [event.code] : []));
  expect(codes).toEqual(new Array(5).fill('NEXUS_FRAME_INVALID'));
});

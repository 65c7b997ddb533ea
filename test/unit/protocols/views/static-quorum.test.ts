/** A static quorum of half of the voters or less: what it promises less than the others, how that is said, and what makes one cluster of two sides again. */
import { expect, test } from 'vitest';
import { BareCluster, type BareNode } from './bare-cluster.js';

/** Four nodes that go on by twos, and do. */
function splitCluster(): { readonly cluster: BareCluster; readonly left: readonly BareNode[]; readonly right: readonly BareNode[] } {
  const cluster = new BareCluster(4, { resolver: { strategy: 'staticQuorum', quorum: 2 }, isChecked: false });
  for (const node of cluster.nodes) cluster.start(node);
  expect(cluster.run(60_000, () => cluster.isSettled())).toBe(true);
  const [left, right] = [cluster.nodes.slice(0, 2), cluster.nodes.slice(2)];
  const names = new Set(left.map(({ name }) => name));
  cluster.isCut = (from, to) => names.has(from) !== names.has(to);
  expect(cluster.run(60_000, () => cluster.nodes.every(({ view }) => view?.members.size === 2))).toBe(true);
  return { cluster, left, right };
}

const warningsOf = ({ events }: BareNode): string[] => events.flatMap(({ event }) => (event.type === 'warning' ? [event.because] : []));
const saysBoth = (node: BareNode): boolean => warningsOf(node).some((because) => because.startsWith('both sides of a partition have gone on'));

test('with a static quorum of half of the voters both sides go on, and that was said before', () => {
  const { cluster } = splitCluster();
  cluster.run(20_000);
  expect(cluster.running()).toHaveLength(4);
  for (const node of cluster.nodes)
    expect(warningsOf(node)).toContain('a quorum of 2 is half of the 4 voters or less: two sides of a partition may both go on');
});

test('sides that have both gone on, to views of one number, say so when they meet; the nodes of one, started again, join the other', () => {
  const { cluster, left, right } = splitCluster();
  cluster.isCut = () => false;
  expect(left[0]?.view?.number).toBe(right[0]?.view?.number);
  expect(cluster.run(60_000, () => cluster.nodes.some(saysBoth))).toBe(true);
  for (const node of right) cluster.crash(node);
  cluster.run(10_000);
  for (const node of right) cluster.start(node, { incarnation: 1_760_000_000_000 });
  expect(cluster.run(60_000, () => cluster.isSettled())).toBe(true);
});

test('of two sides that have both gone on the one with the lesser view is fenced when they meet', () => {
  const { cluster, left, right } = splitCluster();
  // Views of the left side go on: one of its nodes starts anew.
  const again = left[1] as BareNode;
  const numberBefore = left[0]?.view?.number ?? 0;
  cluster.input(again, { type: 'leave' });
  cluster.run(5000);
  cluster.start(again, { incarnation: 1_760_000_000_000 });
  expect(cluster.run(60_000, () => again.machine?.standing === 'member')).toBe(true);
  expect(left[0]?.view?.number).toBeGreaterThan(Math.max(numberBefore, right[0]?.view?.number ?? 0));
  cluster.isCut = () => false;
  expect(cluster.run(60_000, () => right.every(({ machine }) => machine?.standing === 'fenced'))).toBe(true);
  expect(left.map(({ machine }) => machine?.standing)).toEqual(['member', 'member']);
  for (const node of right) cluster.start(node, { incarnation: 1_770_000_000_000 });
  expect(cluster.run(60_000, () => cluster.isSettled())).toBe(true);
});

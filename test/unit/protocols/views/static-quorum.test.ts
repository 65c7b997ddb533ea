/** A static quorum of half of the voters or less: what it promises less than the others, how that is said, and what makes one cluster of two sides again. */
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';
import { changedView, descendsFrom, type Joiner, type View, type ViewChange, type ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';
import type { ViewMessage } from '../../../../dist/ts-src/protocols/views/view-messages.js';
import { Views } from '../../../../dist/ts-src/protocols/views/views.js';
import { BareCluster, type BareNode } from './bare-cluster.js';

/** Four nodes that go on by twos, and do. */
function splitCluster(): { readonly cluster: BareCluster; readonly left: readonly BareNode[]; readonly right: readonly BareNode[] } {
  const cluster = new BareCluster(4, { seed: 3, resolver: { strategy: 'staticQuorum', quorum: 2 }, isChecked: false });
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

const joinerOf = (name: string, incarnation: number): Joiner => ({ name, incarnation, address: { host: name, port: 1 }, weight: 1 });
const memberOf = (name: string, sinceView: number, incarnation = 1): ViewMember => ({ ...joinerOf(name, incarnation), status: 'up', sinceView });
const viewOf = (number: number, members: readonly ViewMember[], incarnationFloor = 0): View => ({ clusterId: 'c', number, members, incarnationFloor });

test('a node that both sides count as theirs does not go over to the other one, which has those that it was told are gone: it is fenced', () => {
  const [a, b, c] = [memberOf('a', 1), memberOf('b', 2), memberOf('c', 3)];
  /** What `a` does, which has gone on without `c`, when it is told of the side that has `c`. */
  const told = (message: ViewMessage): readonly string[] => {
    const happened: string[] = [];
    const options = {
      resolver: { strategy: 'staticQuorum', quorum: 1 },
      cluster: 'c',
      leaseMs: 5000,
      stopMarginMs: 1000,
      probeTimeoutMs: 500,
      weight: 1,
    } as const;
    const views = new Views(0, a, viewOf(4, [a, b], 1), options, {
      send: () => undefined,
      installed: (_, { number }) => happened.push(`view ${number}`),
      excluded: (number, why) => happened.push(`excluded by view ${number}: ${why}`),
      warning: () => undefined,
      random: () => 0.5,
    });
    happened.length = 0;
    views.receive(100, b, b.address, message, true);
    return happened;
  };
  // It was never told of that one as gone, and it may be new.
  expect(told({ type: 'whole', view: viewOf(6, [a, b, memberOf('d', 5, 3)], 1) })).toEqual(['view 6']);
  expect(told({ type: 'decided', change: { number: 5, departed: [], joined: [joinerOf('d', 3)], weighed: [] } })).toEqual(['view 5']);
  expect(told({ type: 'whole', view: viewOf(6, [a, b, c, memberOf('d', 5, 3)]) })).toEqual(['excluded by view 6: otherSide']);
  // It came back there, and had been gone here.
  expect(told({ type: 'whole', view: viewOf(6, [a, b, memberOf('c', 5)], 1) })).toEqual(['excluded by view 6: otherSide']);
  expect(told({ type: 'decided', change: { number: 5, departed: [{ name: 'c', incarnation: 1, reason: 'left' }], joined: [], weighed: [] } })).toEqual([
    'excluded by view 5: otherSide',
  ]);
});

test('each view descends from each earlier one of its history, and from none of another history that has removed somebody whom it has', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed, 'histories');
    const below = (limit: number): number => Math.floor(random.next() * limit);
    let incarnation = 1;
    const next = (view: View): View => {
      const departed = view.members.slice(1).filter(() => below(6) === 0);
      const floor = departed.reduce((most, member) => Math.max(most, member.incarnation), view.incarnationFloor);
      incarnation = Math.max(incarnation, floor) + 1;
      const name = `n${below(6)}`;
      const isIn = view.members.some((member) => member.name === name && !departed.includes(member));
      const weighed = view.members.filter((member) => !departed.includes(member) && below(8) === 0);
      const change: ViewChange = {
        number: view.number + 1,
        departed: departed.map((member) => ({ name: member.name, incarnation: member.incarnation, reason: 'removed' })),
        joined: isIn || below(2) === 0 ? [] : [joinerOf(name, incarnation)],
        weighed: weighed.map((member) => ({ name: member.name, incarnation: member.incarnation, weight: below(3) })),
      };
      return changedView(view, change) as View;
    };
    const history = [viewOf(1, [memberOf('n0', 1), memberOf('n1', 1)])];
    while (history.length < 30) history.push(next(history.at(-1) as View));
    history.forEach((earlier, at) => {
      for (const later of history.slice(at + 1)) expect(descendsFrom(earlier, later), `seed ${seed}, view ${earlier.number} and ${later.number}`).toBe(true);
    });
    const last = history.at(-1) as View;
    const lost = last.members.at(-1) as ViewMember;
    if (last.members.length < 2) continue;
    const without = changedView(last, {
      number: last.number + 1,
      departed: [{ name: lost.name, incarnation: lost.incarnation, reason: 'removed' }],
      joined: [],
      weighed: [],
    }) as View;
    let other = last;
    for (let step = 0; step < 5; step++) {
      other = changedView(other, { number: other.number + 1, departed: [], joined: [], weighed: [] }) as View;
      if (other.number > without.number) expect(descendsFrom(without, other), `seed ${seed}`).toBe(false);
    }
  }
});

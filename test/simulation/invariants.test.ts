/** Each invariant of a cluster is violated once on purpose, and holds where nothing is wrong. */
import { describe, expect, test } from 'vitest';
import type { NodeIdentity } from '../../dist/ts-src/model/node-identity.js';
import type { MembershipEvent } from '../../dist/ts-src/protocols/membership/membership.js';
import type { ViewMember } from '../../dist/ts-src/protocols/views/view.js';
import { ClusterInvariants } from '../../dist/ts-src/testing/simulation/invariants.js';

const id = (name: string, incarnation = 1): NodeIdentity => ({ name, incarnation });
const member = (identity: NodeIdentity, sinceView = 1): ViewMember => ({
  ...identity,
  address: { host: identity.name, port: 1 },
  status: 'up',
  weight: 1,
  sinceView,
});
const view = (number: number, members: NodeIdentity[], { left = [] as NodeIdentity[], removed = [] as NodeIdentity[] } = {}): MembershipEvent => ({
  type: 'view',
  clusterId: 'c',
  number,
  members: members.map((each) => member(each)),
  incarnationFloor: 0,
  joined: [],
  left,
  removed,
});
const [a, b, c] = [id('a'), id('b'), id('c')];
const nobody = (): boolean => false;
const running =
  (...identities: NodeIdentity[]) =>
  (identity: NodeIdentity): boolean =>
    identities.includes(identity);
const starts = new Map<NodeIdentity, { self: NodeIdentity }>();
const startOf = (self: NodeIdentity): { self: NodeIdentity } => {
  const start = starts.get(self) ?? { self };
  starts.set(self, start);
  return start;
};
const strict = (): ClusterInvariants => new ClusterInvariants({ mayBothRun: false });

describe('invariants of a cluster', () => {
  test('nothing is violated by a cluster that grows, loses a node, and takes its next incarnation', () => {
    const invariants = strict();
    const told = [view(1, [a]), view(2, [a, b]), view(3, [a, b, c]), view(4, [a, b], { removed: [c] }), view(5, [a, b, id('c', 2)])];
    for (const [index, event] of told.entries())
      for (const self of index === 0 ? [a] : [a, b]) expect(invariants.happened(startOf(self), event, running(a, b))).toBeUndefined();
    expect(invariants.happened(startOf(a), { type: 'reachability', node: id('c', 2), reachability: 'suspect' }, running(a, b))).toBeUndefined();
    expect(invariants.passed([startOf(a), startOf(b)])).toBeUndefined();
  });

  test.each([
    [
      'incarnations never go back',
      [
        [a, view(1, [a, id('b', 5)])],
        [a, view(2, [a, id('b', 4)])],
      ],
    ],
    [
      'incarnations never go back',
      [
        [a, view(1, [a, id('b', 5)])],
        [c, view(2, [a, id('b', 4)])],
      ],
    ],
    [
      'what was removed never comes back',
      [
        [a, view(1, [a, b])],
        [a, view(2, [a], { removed: [b] })],
        [a, view(3, [a, b])],
      ],
    ],
    [
      'what was removed never comes back',
      [
        [a, view(2, [a], { removed: [b] })],
        [c, view(3, [a, b])],
      ],
    ],
    [
      'what was removed never comes back',
      [
        [a, view(2, [a], { left: [b] })],
        [a, { type: 'reachability', node: b, reachability: 'reachable' }],
      ],
    ],
    [
      'a view has one content',
      [
        [a, view(1, [a, b])],
        [b, view(1, [a, b, c])],
      ],
    ],
    [
      'views only grow',
      [
        [a, view(2, [a])],
        [a, view(2, [a])],
      ],
    ],
    [
      'views only grow',
      [
        [a, view(2, [a])],
        [a, view(1, [a])],
      ],
    ],
  ] as [string, [NodeIdentity, MembershipEvent][]][])('%s', (invariant, told) => {
    const invariants = strict();
    const found = told.map(([self, event]) => invariants.happened(startOf(self), event, nobody));
    expect(found.slice(0, -1).every((violation) => violation === undefined)).toBe(true);
    expect(found.at(-1)).toMatchObject({ invariant });
  });

  test('a removed node that runs is found when the removal is told, and also when it runs later', () => {
    const atOnce = strict();
    expect(atOnce.happened(startOf(a), view(2, [a], { removed: [b] }), running(b))).toMatchObject({ invariant: 'what was removed does not run' });
    const later = strict();
    expect(later.happened(startOf(a), view(2, [a], { removed: [b] }), nobody)).toBeUndefined();
    expect(later.passed([startOf(b)])).toMatchObject({ invariant: 'what was removed does not run' });
  });

  test('two sides that run are found: two clusters of one name, and a member that another one has not got', () => {
    const invariants = strict();
    expect(invariants.happened(startOf(a), view(1, [a, b]), running(a, b))).toBeUndefined();
    expect(invariants.happened(startOf(c), view(2, [c]), running(a, b))).toBeUndefined();
    expect(invariants.passed([startOf(a), startOf(b)])).toBeUndefined();
    expect(invariants.passed([startOf(a), startOf(c)])).toMatchObject({ invariant: 'only one side runs' });
    expect(invariants.happened(startOf(c), { type: 'standing', standing: 'member', because: undefined }, running(a, c))).toMatchObject({
      invariant: 'only one side runs',
    });
    // Whose start has ended is no side.
    invariants.ended(startOf(a));
    expect(invariants.passed([startOf(c)])).toBeUndefined();
  });

  test('a step of a node is looked at when it did not run before it, or anybody has been told a view since, and else it is not', () => {
    const invariants = strict();
    let asked = 0;
    const counted =
      (...identities: NodeIdentity[]) =>
      (identity: NodeIdentity): boolean => {
        asked++;
        return running(...identities)(identity);
      };
    for (const self of [a, b, c]) expect(invariants.happened(startOf(self), view(1, [a, b, c]), nobody)).toBeUndefined();
    expect(invariants.stepped(startOf(a), true, counted(a))).toBeUndefined();
    expect(asked).toBeGreaterThan(0);
    asked = 0;
    for (let step = 0; step < 100; step++) expect(invariants.stepped(startOf(a), true, counted(a))).toBeUndefined();
    expect(asked).toBe(0);
    // It is told nothing, and others are.
    expect(invariants.happened(startOf(b), view(2, [b, c], { removed: [a] }), running(b))).toBeUndefined();
    expect(invariants.stepped(startOf(a), true, running(a, b))).toMatchObject({ invariant: 'what was removed does not run' });
    expect(invariants.stepped(startOf(a), false, running(b))).toBeUndefined();
    expect(invariants.stepped(startOf(a), true, running(a, b))).toMatchObject({ invariant: 'what was removed does not run' });
    // As long as it is wrong it is said.
    expect(invariants.stepped(startOf(a), true, running(a, b))).toMatchObject({ invariant: 'what was removed does not run' });
    expect(invariants.stepped(startOf(b), true, running(b, c))).toBeUndefined();
    expect(invariants.happened(startOf(c), view(3, [c]), running(b))).toBeUndefined();
    expect(invariants.stepped(startOf(c), true, running(b, c))).toMatchObject({ invariant: 'only one side runs' });
  });

  test('of two sides whose times to run overlap the one that runs again is found at its step, whether or not it was seen not to run', () => {
    for (const isSeen of [true, false]) {
      const invariants = strict();
      for (const self of [a, b]) expect(invariants.happened(startOf(self), view(self === a ? 1 : 2, [self]), nobody)).toBeUndefined();
      expect(invariants.stepped(startOf(a), true, running(a))).toBeUndefined();
      if (isSeen) expect(invariants.stepped(startOf(a), false, nobody)).toBeUndefined();
      expect(invariants.stepped(startOf(b), true, running(b))).toBeUndefined();
      expect(invariants.stepped(startOf(a), true, running(a, b))).toMatchObject({ invariant: 'only one side runs' });
    }
  });

  test('a node that left by itself may still be about to stop', () => {
    const invariants = strict();
    expect(invariants.happened(startOf(b), view(1, [a, b]), running(a, b))).toBeUndefined();
    expect(invariants.happened(startOf(a), view(2, [a], { left: [b] }), running(a, b))).toBeUndefined();
  });

  test('where both sides may go on they are not compared, and what one node is told is checked still', () => {
    const invariants = new ClusterInvariants({ mayBothRun: true });
    expect(invariants.happened(startOf(a), view(2, [a], { removed: [b] }), running(a, b))).toBeUndefined();
    expect(invariants.happened(startOf(b), view(2, [b], { removed: [a] }), running(a, b))).toBeUndefined();
    expect(invariants.passed([startOf(a), startOf(b)])).toBeUndefined();
    expect(invariants.happened(startOf(a), view(3, [a, b]), running(a, b))).toMatchObject({ invariant: 'what was removed never comes back' });
  });
});

/** The parts of a voter and of a lease holder by themselves: what the explorer of faults meets too rarely. */
import { expect, test } from 'vitest';
import { Agreement } from '../../../../dist/ts-src/protocols/views/agreement.js';
import { Grants } from '../../../../dist/ts-src/protocols/views/grants.js';
import { Lease } from '../../../../dist/ts-src/protocols/views/lease.js';
import { quorumSystemOf } from '../../../../dist/ts-src/protocols/views/quorum.js';
import { changedView, foundingView, type ViewChange, type ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';
import type { ViewMessage } from '../../../../dist/ts-src/protocols/views/view-messages.js';

const members = ['a', 'b', 'c'].map(
  (name, index): ViewMember => ({ name, incarnation: 1, address: { host: name, port: 1 }, status: 'up', weight: 1, sinceView: index + 1 }),
);
const system = quorumSystemOf({ strategy: 'keepMajority' }, { members });
const TIMES = { leaseMs: 5000, probeTimeoutMs: 500 };
const joining = (name: string): ViewChange => ({
  number: 4,
  departed: [],
  joined: [{ name, incarnation: 9, address: { host: name, port: 1 }, weight: 1 }],
  weighed: [],
});

function voter(): { agreement: Agreement; sent: [number, ViewMessage][]; chosen: ViewChange[] } {
  const sent: [number, ViewMessage][] = [];
  const chosen: ViewChange[] = [];
  const agreement = new Agreement(system, 0, 4, 250, {
    sendToVoter: (index, message) => sent.push([index, message]),
    removable: () => [],
    mayDepart: () => true,
    accepted: () => undefined,
    wanted: () => joining('mine'),
    chosen: (change) => chosen.push(change),
  });
  return { agreement, sent, chosen };
}

test('an answer counts only under the number of the view that the node is in', () => {
  const lease = new Lease('b', TIMES);
  lease.installed(0, 3, system);
  lease.acked(members[0] as ViewMember, 2, 100);
  expect(lease.endMs).toBe(Number.NEGATIVE_INFINITY);
  lease.acked(members[0] as ViewMember, 0, 200);
  expect(lease.endMs).toBe(Number.NEGATIVE_INFINITY);
  lease.acked(members[0] as ViewMember, 3, 300);
  expect(lease.endMs).toBe(5300);
  // A later answer to an earlier question moves nothing back, nor does what was given under the view before.
  lease.acked(members[0] as ViewMember, 3, 250);
  lease.acked(members[0] as ViewMember, 2, 900);
  expect(lease.endMs).toBe(5300);
});

test('an answer under a view that the node does not know yet takes nothing from what it has, and counts as soon as it does', () => {
  const lease = new Lease('b', TIMES);
  lease.installed(0, 3, system);
  lease.acked(members[0] as ViewMember, 3, 300);
  lease.acked(members[0] as ViewMember, 4, 900);
  expect(lease.endMs).toBe(5300);
  lease.acked(members[0] as ViewMember, 4, 800);
  lease.acked(members[0] as ViewMember, 3, 400);
  expect(lease.endMs).toBe(5400);
  lease.installed(1000, 4, system);
  expect(lease.endMs).toBe(5900);
});

test('what a node had under the view before it keeps for no longer than that, also if it was a quorum by itself', () => {
  const lease = new Lease('a', TIMES);
  lease.installed(0, 1, quorumSystemOf({ strategy: 'keepMajority' }, { members: members.slice(0, 1) }));
  expect(lease.endMs).toBe(Number.POSITIVE_INFINITY);
  lease.accepted(1000);
  expect(lease.endMs).toBe(6000);
  lease.installed(1200, 2, system);
  expect(lease.endMs).toBe(6000);
});

test('a voter that has promised to a greater ballot agrees to no lesser one', () => {
  const { agreement, sent } = voter();
  agreement.prepare(0, 2, 34);
  agreement.accept(1, 1, 17, joining('x'));
  expect(sent.at(-1)).toEqual([1, { type: 'superseded', number: 4, ballot: 34 }]);
  expect(agreement.isUnsettled).toBe(false);
  agreement.prepare(2, 1, 17);
  expect(sent.at(-1)).toEqual([1, { type: 'superseded', number: 4, ballot: 34 }]);
  agreement.accept(3, 2, 34, joining('y'));
  expect(agreement.isUnsettled).toBe(true);
});

test('what any of a quorum has agreed to is proposed again, the latest of it', () => {
  const { agreement, sent, chosen } = voter();
  agreement.accept(0, 1, 17, joining('x'));
  agreement.propose(1);
  const prepare = sent.at(-1)?.[1] as { ballot: number };
  agreement.promise(2, 2, prepare.ballot, { ballot: 34, change: joining('later') }, []);
  // Whether it may have been chosen also depends on the one that has not answered, which is waited for a little.
  expect(sent.at(-1)?.[1]).toBe(prepare);
  agreement.tick(251);
  expect(sent.at(-1)?.[1]).toEqual({ type: 'accept', ballot: prepare.ballot, change: joining('later') });
  agreement.accepted(2, prepare.ballot);
  expect(chosen).toEqual([joining('later')]);
});

test('what so few have agreed to that it cannot have been chosen is not proposed again: who was to go and came back keeps nothing from going on', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map(
    (name, at): ViewMember => ({ ...(members[0] as ViewMember), name, address: { host: name, port: 1 }, sinceView: at + 1 }),
  );
  const removing: ViewChange = { number: 4, departed: [{ name: 'b', incarnation: 1, reason: 'removed' }], joined: [], weighed: [] };
  const sent: [number, ViewMessage][] = [];
  const chosen: ViewChange[] = [];
  let wanted: ViewChange | undefined = removing;
  const agreement = new Agreement(quorumSystemOf({ strategy: 'keepMajority' }, { members: five }), 0, 4, 250, {
    sendToVoter: (index, message) => sent.push([index, message]),
    removable: () => [],
    mayDepart: () => true,
    accepted: () => undefined,
    wanted: () => wanted,
    chosen: (change) => chosen.push(change),
  });
  const proposed = (): ViewMessage[] => sent.splice(0).flatMap(([, message]) => (message.type === 'accept' ? [message] : []));
  const prepared = (): number => (sent.splice(0).find(([, { type }]) => type === 'prepare')?.[1] as { ballot: number }).ballot;
  agreement.propose(0);
  let ballot = prepared();
  for (const voter of [3, 4]) agreement.promise(1, voter, ballot, undefined, []);
  expect(proposed()).toHaveLength(4);
  // Only the last of them agrees, and then is gone; b is heard again by the others.
  agreement.accepted(4, ballot);
  agreement.tick(300);
  expect(proposed()).toHaveLength(3);
  agreement.tick(2300);
  expect(agreement.isProposing).toBe(false);
  wanted = joining('new');
  agreement.propose(2400);
  ballot = prepared();
  for (const voter of [1, 2]) agreement.promise(2401, voter, ballot, undefined, []);
  expect(proposed()).toEqual([]);
  agreement.promise(2402, 3, ballot, undefined, []);
  expect(proposed().map((message) => (message as { change: ViewChange }).change)).toEqual(new Array(4).fill(joining('new')));
  for (const voter of [1, 2]) agreement.accepted(voter, ballot);
  expect(chosen).toEqual([joining('new')]);
});

test('who could grant until now is taken to have granted until now', () => {
  const grants = new Grants(0, { leaseMs: 5000, stopMarginMs: 1000 }, 2000);
  expect(grants.removableAtMs(members[2] as ViewMember)).toBe(6120);
  grants.granted(1000, members[2] as ViewMember);
  expect(grants.removableAtMs(members[2] as ViewMember)).toBe(7120);
  grants.grantedByOthers(4000);
  expect(grants.removableAtMs(members[2] as ViewMember)).toBe(10_120);
});

test('a change fits its view alone, and brings back nobody', () => {
  const joiner = (name: string, incarnation: number) => ({ name, incarnation, address: { host: name, port: 1 }, weight: 1 });
  const view = foundingView('c', 0, [joiner('a', 5)]);
  const next = changedView(view, { number: 2, departed: [], joined: [joiner('b', 7)], weighed: [] });
  expect(next?.members.map(({ name, sinceView }) => [name, sinceView])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  expect(changedView(view, { number: 3, departed: [], joined: [joiner('b', 7)], weighed: [] })).toBeUndefined();
  expect(changedView(view, { number: 2, departed: [{ name: 'z', incarnation: 1, reason: 'left' }], joined: [], weighed: [] })).toBeUndefined();
  const swapped = changedView(next as never, {
    number: 3,
    departed: [{ name: 'b', incarnation: 7, reason: 'removed' }],
    joined: [joiner('b', 8)],
    weighed: [],
  });
  expect([swapped?.incarnationFloor, swapped?.members.at(-1)?.incarnation]).toEqual([7, 8]);
  expect(
    changedView(next as never, { number: 3, departed: [{ name: 'b', incarnation: 7, reason: 'removed' }], joined: [joiner('b', 7)], weighed: [] }),
  ).toBeUndefined();
});

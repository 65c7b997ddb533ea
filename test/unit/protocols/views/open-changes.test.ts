/**
 * Changes that some voters have agreed to and of which it is open whether they have been chosen. Who has agreed grants nothing, so such a change has to come through before the leases of all have ended; otherwise
 * the whole cluster is fenced, although a quorum of it is there. Which voters a proposer may count on, and for how long, decides that.
 */
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';
import { Agreement } from '../../../../dist/ts-src/protocols/views/agreement.js';
import { quorumSystemOf } from '../../../../dist/ts-src/protocols/views/quorum.js';
import type { Departure, View, ViewChange, ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';
import { SOON_INCARNATION, type ViewMessage } from '../../../../dist/ts-src/protocols/views/view-messages.js';
import { Views } from '../../../../dist/ts-src/protocols/views/views.js';
import { decodeMembership, type MembershipMessage } from '../../../../dist/ts-src/protocols/membership/membership-codec.js';
import type { MembershipConfiguration, MembershipMachine } from '../../../../dist/ts-src/protocols/membership/membership.js';
import { Membership } from '../../../../dist/ts-src/protocols/membership/membership-machine.js';
import { BareCluster, type BareNode } from './bare-cluster.js';

const REMOVAL_WAIT_MS = 6120;

test.each([3000, 4000, 4500])(
  'a voter that is lost when it should agree to a removal does not take the others with it, though one of them has heard of the removed one for %i ms longer',
  (togetherMs) => {
    let tried = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const [first, late, third, lost, witness] = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;
      const removes = (message: MembershipMessage): boolean => message.type === 'accept' && message.change.departed.some(({ name }) => name === late);
      let isQuorumLeft = false;
      const lose = (): void => {
        isQuorumLeft = [first, third, witness].every((name) => cluster.isRunning(cluster.node(name)));
        cluster.crash(cluster.node(lost));
      };
      const cluster: BareCluster = new BareCluster(5, {
        seed,
        make: (configuration) => (configuration.node === lost ? whenReceived(configuration, removes, lose) : new Membership(configuration)),
      });
      for (const node of cluster.nodes) cluster.start(node);
      expect(
        cluster.run(60_000, () => cluster.isSettled()),
        `seed ${seed}`,
      ).toBe(true);
      cluster.run(5000 + 137 * seed);
      // The witness is with the one that is to be removed, and comes back.
      const away = new Set<string>([late, witness]);
      cluster.isCut = (from, to) => away.has(from) !== away.has(to);
      cluster.run(togetherMs);
      cluster.isCut = () => false;
      cluster.crash(cluster.node(late));
      const left = [first, third, witness].map((name) => cluster.node(name));
      const isDone = cluster.run(20_000, () => left.every(({ view }) => view?.members.size === 3));
      expect(cluster.wrong).toEqual([]);
      // Perhaps its lease had ended before it was back.
      if (!isQuorumLeft) continue;
      tried += 1;
      expect(isDone, `seed ${seed}: ${left.map(text).join(', ')}`).toBe(true);
      expect(cluster.running(), `seed ${seed}`).toEqual(left);
    }
    expect(tried).toBeGreaterThan(5);
  },
);

test('whichever of three is killed, the other two go on', () => {
  for (let seed = 40; seed <= 69; seed++) {
    const cluster = new BareCluster(3, { seed });
    for (const node of cluster.nodes) cluster.start(node);
    expect(
      cluster.run(60_000, () => cluster.isSettled()),
      `seed ${seed}`,
    ).toBe(true);
    cluster.run(5000 + 137 * seed);
    cluster.crash(cluster.nodes[seed % 3] as BareNode);
    expect(
      cluster.run(10_000, () => cluster.isSettled()),
      `seed ${seed}: ${cluster.nodes.map(text).join(', ')}`,
    ).toBe(true);
  }
});

test.each([
  [5, 2, 30],
  [7, 3, 40],
  [9, 4, 1],
])('of %i nodes %i are killed while views change and a tenth of what is said is lost: the others go on', { timeout: 60_000 }, (count, killed, firstSeed) => {
  for (let seed = firstSeed; seed < firstSeed + 25; seed++) {
    const random = new SeededRandom(seed, 'kills');
    const cluster = new BareCluster(count, { seed });
    for (const node of cluster.nodes) cluster.start(node);
    expect(
      cluster.run(60_000, () => cluster.isSettled()),
      `seed ${seed}`,
    ).toBe(true);
    cluster.lossRate = 0.1;
    cluster.delayMsMax = 50;
    cluster.run(5000 + 137 * seed);
    const order = cluster.nodes.map((node) => ({ node, at: random.next() })).sort((a, b) => a.at - b.at);
    // All but the first in the moments in which it is agreed that that one is removed.
    const moments = [0, ...Array.from({ length: killed - 1 }, () => 4800 + random.next() * 2000).sort((a, b) => a - b)];
    moments.forEach((moment, index) => {
      cluster.run(moment - (moments[index - 1] ?? 0));
      cluster.crash((order[index] as { readonly node: BareNode }).node);
    });
    expect(
      cluster.run(25_000, () => cluster.isSettled()),
      `seed ${seed}: ${cluster.nodes.map(text).join(', ')}`,
    ).toBe(true);
    expect(cluster.wrong).toEqual([]);
  }
});

test('a voter agrees to a removal at once when the member itself has said that it runs nothing any more, whatever reason the proposer gives', () => {
  const { views, answers } = voterOf(5);
  const [proposer, gone] = views.view.members as [ViewMember, ViewMember];
  const removal: ViewMessage = { type: 'accept', ballot: 16, change: removing(gone) };
  expect(views.grantFor(9000, gone)).toBe(3);
  expect(answers(9100, proposer, removal)).not.toContain('accepted');
  views.receive(9200, gone, gone.address, { type: 'leave', isFenced: true }, true);
  // Other proposers have to know.
  expect(removableTo(answers, 9300, proposer, 17)).toContain('n1#1');
  expect(answers(9400, proposer, { ...removal, ballot: 17 })).toContain('accepted');
});

test('what a voter says to a proposer about a removal stays true for the time of a ballot, although the member is heard again', () => {
  const { views, answers } = voterOf(5);
  const [proposer, lost] = views.view.members as [ViewMember, ViewMember];
  views.reachable(lost, false);
  expect(removableTo(answers, REMOVAL_WAIT_MS - 1250 - 1, proposer, 16)).toEqual([]);
  expect(removableTo(answers, REMOVAL_WAIT_MS - 1250, proposer, 32)).toEqual([`n1#${SOON_INCARNATION}`]);
  views.reachable(lost, true);
  expect(views.grantFor(REMOVAL_WAIT_MS - 100, lost)).toBe(0);
  expect(removableTo(answers, REMOVAL_WAIT_MS, proposer, 48)).toContain('n1#1');
  // It is reached again: the next time it is granted to.
  expect(views.grantFor(REMOVAL_WAIT_MS + 1, lost)).toBe(3);
  expect(removableTo(answers, REMOVAL_WAIT_MS + 2, proposer, 64)).not.toContain('n1#1');
  views.reachable(lost, false);
  const laterMs = 2 * REMOVAL_WAIT_MS + 1;
  expect(removableTo(answers, laterMs, proposer, 80)).toContain('n1#1');
  views.reachable(lost, true);
  expect([views.grantFor(laterMs + 1999, lost), views.grantFor(laterMs + 2000, lost)]).toEqual([0, 3]);
  // It was for the next view, which came out otherwise.
  views.reachable(lost, false);
  expect(removableTo(answers, laterMs + 2000 + REMOVAL_WAIT_MS, proposer, 96)).toContain('n1#1');
  views.reachable(lost, true);
  views.receive(laterMs + 2001 + REMOVAL_WAIT_MS, proposer, proposer.address, { type: 'decided', change: removing(views.view.members[4] as ViewMember) }, true);
  expect(views.grantFor(laterMs + 2002 + REMOVAL_WAIT_MS, lost)).toBe(4);
});

test('a proposer counts on what it was told for the time of a ballot, and then asks again', () => {
  const { agreement, proposed, prepared } = proposerOf(5, ['n1']);
  agreement.propose(0);
  const ballot = prepared();
  agreement.promise(1, 2, ballot, undefined, bothOf(['n1'], []));
  agreement.tick(1999);
  expect(agreement.isProposing).toBe(true);
  agreement.tick(2300);
  expect(agreement.isProposing).toBe(false);
  for (const index of [3, 4]) agreement.promise(2400, index, ballot, undefined, bothOf(['n1'], []));
  expect(proposed()).toEqual([]);
});

test('who has agreed and hears nothing more proposes that again within half of a lease, whatever its place among the voters', () => {
  const { views, sent } = voterOf(9, 8);
  const [proposer] = views.view.members as [ViewMember];
  views.receive(10_000, proposer, proposer.address, { type: 'accept', ballot: 16, change: removing(views.view.members[1] as ViewMember) }, true);
  sent.length = 0;
  for (let nowMs = 10_000; nowMs < 12_500 + 250; nowMs += 50) views.tick(nowMs);
  expect(sent.map(({ type }) => type)).toContain('prepare');
});

test('only those are removed together whom one quorum agrees to remove', () => {
  const { agreement, proposed, prepared } = proposerOf(9, ['n7', 'n8']);
  agreement.propose(0);
  const ballot = prepared();
  // Each has a quorum, of those who hear of them and are heard, but not the same.
  const removable = (index: number) => [...(index <= 4 ? ['n7'] : []), ...(index >= 2 ? ['n8'] : [])];
  for (const index of [0, 1, 2, 3, 5, 6, 4]) agreement.promise(1, index, ballot, undefined, bothOf(removable(index), ['n7', 'n8']));
  expect(proposed()).toEqual([['n7']]);
});

test('nobody is removed as long as the loss of one voter would leave it to one that has granted the member something of late', () => {
  const cases: [name: string, more: readonly [string, number][], removed: string[][]][] = [
    ['the others agree soon', [['n1', SOON_INCARNATION]], [['n1']]],
    ['one does not', [], []],
  ];
  for (const [name, more, removed] of cases) {
    const { agreement, proposed, prepared } = proposerOf(5, ['n1']);
    agreement.propose(0);
    const ballot = prepared();
    for (const index of [0, 2, 3]) agreement.promise(1, index, ballot, undefined, bothOf(['n1'], []));
    // The fourth may answer as well.
    expect(proposed(), name).toEqual([]);
    agreement.promise(
      2,
      4,
      ballot,
      undefined,
      more.map(([node, incarnation]) => ({ name: node, incarnation })),
    );
    agreement.tick(300);
    expect(proposed(), name).toEqual(removed);
  }
  // Those who do not answer are not waited for.
  const { agreement, proposed, prepared } = proposerOf(5, ['n1']);
  agreement.propose(0);
  const ballot = prepared();
  for (const index of [0, 2, 3]) agreement.promise(1, index, ballot, undefined, bothOf(['n1'], []));
  agreement.tick(300);
  expect(proposed()).toEqual([['n1']]);
});

test('who answers a ballot is not removed by it', () => {
  const { agreement, proposed, prepared } = proposerOf(5, ['n1']);
  agreement.propose(0);
  const ballot = prepared();
  for (const index of [0, 1, 2, 3, 4]) agreement.promise(1, index, ballot, undefined, bothOf(index === 1 ? [] : ['n1'], []));
  expect(proposed()).toEqual([]);
});

function membersOf(count: number): ViewMember[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ name: `n${index}`, incarnation: 1, address: { host: `n${index}`, port: 1 }, status: 'up', weight: 1, sinceView: 1 },
  }));
}

function removing(...nodes: readonly ViewMember[]): ViewChange {
  const departed = nodes.map(({ name, incarnation }): Departure => ({ name, incarnation, reason: 'removed' }));
  return { number: 4, departed, joined: [], weighed: [] };
}

/** A voter of a view of so many; `answers` are the types of what it says to a message. */
function voterOf(count: number, place = 2) {
  const view: View = { clusterId: 'c', number: 3, members: membersOf(count), incarnationFloor: 0 };
  const sent: ViewMessage[] = [];
  const options = { resolver: { strategy: 'keepMajority' }, cluster: 'c', leaseMs: 5000, stopMarginMs: 1000, probeTimeoutMs: 500, weight: 1 } as const;
  const views = new Views(0, view.members[place] as ViewMember, view, options, {
    ...{ installed: () => undefined, excluded: () => undefined, warning: () => undefined, random: () => 0.5 },
    send: (_, __, message) => sent.push(message),
  });
  const answers = (nowMs: number, from: ViewMember, message: ViewMessage): string[] => {
    sent.length = 0;
    views.receive(nowMs, from, from.address, message, true);
    return sent.map((answer) =>
      answer.type === 'promise' ? answer.removable.map(({ name, incarnation }) => `${name}#${incarnation}`).join(' ') : answer.type,
    );
  };
  return { views, sent, answers };
}

function removableTo(answers: ReturnType<typeof voterOf>['answers'], nowMs: number, proposer: ViewMember, ballot: number): string[] {
  return (answers(nowMs, proposer, { type: 'prepare', number: 4, ballot })[0] as string).split(' ').filter((each) => each !== '');
}

/** The proposer n0 of a view of so many, which would remove these. */
function proposerOf(count: number, unreachable: readonly string[]) {
  const members = membersOf(count);
  const sent: ViewMessage[] = [];
  const agreement = new Agreement(quorumSystemOf({ strategy: 'keepMajority' }, { members }), 0, 4, 250, {
    sendToVoter: (_, message) => sent.push(message),
    removable: () => unreachable.map((name) => ({ name, incarnation: 1 })),
    mayDepart: () => true,
    accepted: () => undefined,
    wanted: (_, isRemovable) => {
      const removed = members.filter((member) => unreachable.includes(member.name) && isRemovable(member));
      return removed.length === 0 ? undefined : removing(...removed);
    },
    chosen: () => undefined,
  });
  const proposed = (): string[][] => {
    const changes = sent.splice(0).flatMap((message) => (message.type === 'accept' ? [message.change.departed.map(({ name }) => name)] : []));
    return changes.slice(0, 1);
  };
  const prepared = (): number => (sent.splice(0).find(({ type }) => type === 'prepare') as { ballot: number }).ballot;
  return { agreement, proposed, prepared };
}

/** Whom a voter would remove now, and others of these soon. */
function bothOf(now: readonly string[], soon: readonly string[]): { name: string; incarnation: number }[] {
  return [
    ...now.map((name) => ({ name, incarnation: 1 })),
    ...soon.filter((name) => !now.includes(name)).map((name) => ({ name, incarnation: SOON_INCARNATION })),
  ];
}

function text({ name, machine, view }: BareNode): string {
  return `${name} is ${machine?.standing} in view ${view?.number} of ${view?.members.size}`;
}

/** A membership of which something becomes when it gets such a message, before it has read it. */
function whenReceived(configuration: MembershipConfiguration, is: (message: MembershipMessage) => boolean, then: () => void): MembershipMachine {
  const machine = new Membership(configuration);
  const step = machine.step.bind(machine);
  machine.step = (nowMs, input) => {
    if (input.type !== 'received' || !is(decodeMembership(input.bytes).message)) return step(nowMs, input);
    then();
    return [];
  };
  return machine;
}

/** The quorum systems, looked through completely: all sets of up to nine voters. */
import { describe, expect, test } from 'vitest';
import type { ResolverOptions } from '../../../../dist/ts-src/model/cluster-options.js';
import { quorumRule, quorumSystemOf, VOTERS_MAX } from '../../../../dist/ts-src/protocols/views/quorum.js';
import type { ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';

const RESOLVERS: readonly ResolverOptions[] = [
  { strategy: 'keepMajority' },
  { strategy: 'keepOldest' },
  { strategy: 'keepReferee', referee: 'r' },
  { strategy: 'downAll' },
  ...[5, 6, 7, 8, 9].map((quorum): ResolverOptions => ({ strategy: 'staticQuorum', quorum })),
];
const quorumsOf = (resolver: ResolverOptions, count: number, referee: number): number[] => {
  const isQuorum = quorumRule(resolver, count, referee);
  return Array.from({ length: 2 ** count }, (_, mask) => mask).filter((mask) => isQuorum(mask));
};
const members = (names: readonly string[]): ViewMember[] =>
  names.map((name, index) => ({ name, incarnation: 1, address: { host: name, port: 1 }, status: 'up', weight: 1, sinceView: index + 1 }));

test('any two quorums of a system have a voter in common, and no quorum is empty', () => {
  for (const resolver of RESOLVERS)
    for (let count = 1; count <= VOTERS_MAX; count++)
      for (const referee of resolver.strategy === 'keepReferee' ? [-1, 0, count - 1] : [-1]) {
        const quorums = quorumsOf(resolver, count, referee);
        expect(quorums).toContain(2 ** count - 1);
        const apart = quorums.find((a) => quorums.some((b) => (a & b) === 0));
        expect(apart, `${JSON.stringify(resolver)} of ${count}`).toBeUndefined();
      }
});

test('more voters than a quorum are a quorum', () => {
  for (const resolver of RESOLVERS)
    for (let count = 1; count <= VOTERS_MAX; count++) {
      const isQuorum = quorumRule(resolver, count, count - 1);
      for (let mask = 0; mask < 2 ** count; mask++)
        if (isQuorum(mask)) for (let index = 0; index < count; index++) expect(isQuorum(mask | (1 << index))).toBe(true);
    }
});

describe('the sides of a partition', () => {
  // Voters by age; which of the two sides goes on.
  test.each([
    ['keepMajority', '01|234', '234'],
    ['keepMajority', '01|23', '01'],
    ['keepMajority', '0|1', '0'],
    ['keepMajority', '0|123', '123'],
    ['keepOldest', '01|234', '01'],
    ['keepOldest', '0|1234', '1234'],
    ['keepOldest', '0|1', '0'],
    ['keepReferee 3', '01|234', '234'],
    ['keepReferee 0', '0|1234', '0'],
    ['downAll', '01|234', ''],
    ['downAll', '0|1', ''],
    ['staticQuorum 3', '01|234', '234'],
    ['staticQuorum 4', '01|234', ''],
  ])('%s of %s keeps "%s"', (text, split, kept) => {
    const [strategy, detail] = text.split(' ');
    const names = [...split.replace('|', '')].sort();
    const resolver = { strategy, quorum: Number(detail), referee: detail } as ResolverOptions;
    const { voters, isQuorum } = quorumSystemOf(resolver, { members: members(names) });
    const going = split
      .split('|')
      .filter((side) => isQuorum([...side].reduce((mask, name) => mask | (1 << voters.findIndex((voter) => voter.name === name)), 0)));
    expect(going.join(' ')).toBe(kept);
  });
});

test('the voters are the oldest nine, and the referee', () => {
  const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
  expect(quorumSystemOf({ strategy: 'keepMajority' }, { members: members(names) }).voters.map(({ name }) => name)).toEqual(names.slice(0, 9));
  const refereed = quorumSystemOf({ strategy: 'keepReferee', referee: 'n11' }, { members: members(names) });
  expect(refereed.voters.map(({ name }) => name)).toEqual([...names.slice(0, 8), 'n11']);
  expect([refereed.isQuorum(1 << 8), refereed.isQuorum(0xff)]).toEqual([true, false]);
});

test('a static quorum of half of the voters or less says that both sides may go on', () => {
  const of = (quorum: number, count: number): boolean =>
    quorumSystemOf({ strategy: 'staticQuorum', quorum }, { members: members('abcdefghi'.slice(0, count).split('')) }).intersects;
  expect([of(3, 6), of(2, 5), of(3, 5), of(5, 9), of(4, 9)]).toEqual([false, false, true, true, false]);
});

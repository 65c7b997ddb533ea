/** What the page and `nexus top` make of the snapshot of a cluster: sides, pairs that do not reach each other, sentences, troubles. */
import { expect, test } from 'vitest';
import { clusterTroubles, pictureOf, unreachedSentences } from '../../../dist/ts-src/console/page/cluster-picture.js';
import { fencedCluster, healthyCluster, splitCluster } from '../../cluster-snapshots.js';

test('a cluster without trouble is one side on which every one reaches every other', () => {
  const picture = pictureOf(healthyCluster(9));
  expect([picture.sides.length, picture.order.length, picture.unreached, picture.unreachedPairs]).toEqual([1, 9, [], 0]);
  expect(clusterTroubles(healthyCluster(9))).toEqual([]);
  expect(unreachedSentences(picture.order, 5, 5)).toEqual([]);
});

test('the side of this node is first, members are beside those of their side, and each cut is one run of a row', () => {
  const split = splitCluster(9, 6);
  const { sides, order, unreached, unreachedPairs } = pictureOf(split);
  expect(sides.map(({ members, voters, hasSelf, hasCoordinator }) => [members.length, voters, hasSelf, hasCoordinator])).toEqual([
    [3, 3, true, true],
    [6, 6, false, false],
  ]);
  expect(order.map(({ name }) => name)).toEqual(Array.from({ length: 9 }, (_, index) => `shop-${index + 1}`));
  expect(unreached).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((row) => (row < 3 ? { row, from: 3, to: 9 } : { row, from: 0, to: 3 })));
  expect(unreachedPairs).toBe(36);
});

test('a cut in one direction is drawn in one direction', () => {
  const healthy = healthyCluster(3);
  const members = healthy.members.map((member) => (member.name === 'shop-3' ? { ...member, unreachableFrom: ['shop-1'] } : member));
  expect(pictureOf({ ...healthy, members }).unreached).toEqual([{ row: 0, from: 2, to: 3 }]);
  expect(unreachedSentences(members, 5, 5)).toEqual(['shop-3 is not reached by shop-1']);
});

test('members that no side names are on one of their own, and names that are no members on none', () => {
  const healthy = healthyCluster(4);
  const { sides } = pictureOf({ ...healthy, partitions: [['shop-2', 'shop-1', 'gone']] });
  expect(sides.map(({ members }) => members.map(({ name }) => name))).toEqual([
    ['shop-1', 'shop-2'],
    ['shop-3', 'shop-4'],
  ]);
});

test('a hundred nodes split in two are two hundred runs at most, and a few sentences', () => {
  const { unreached, order, unreachedPairs } = pictureOf(splitCluster(100, 40));
  expect([unreached.length, unreachedPairs]).toEqual([100, 4800]);
  const sentences = unreachedSentences(order, 3, 2);
  expect(sentences).toEqual([
    'shop-001 is not reached by shop-061, shop-062 and 38 more',
    'shop-002 is not reached by shop-061, shop-062 and 38 more',
    'shop-003 is not reached by shop-061, shop-062 and 38 more',
    'and 97 more members are not reached by all',
  ]);
});

test('the picture changes its key when somebody is cut off, and not with a round trip', () => {
  const split = splitCluster(5, 2);
  expect(pictureOf({ ...split, members: split.members.map((member) => ({ ...member, phi: 1 })) }).key).toBe(pictureOf(split).key);
  expect(pictureOf(healthyCluster(5)).key).not.toBe(pictureOf(split).key);
});

test('troubles are named, the most urgent first', () => {
  expect(clusterTroubles(splitCluster(9, 4))).toEqual([
    '2 sides do not reach each other',
    '4 unreachable',
    '1 suspect',
    '1 with stalled threads',
    '205 partitions wait for reports',
  ]);
  expect(clusterTroubles(fencedCluster(5))[0]).toBe('this node is fenced');
});

import { expect, test } from 'vitest';
import type { Reachability } from '../../../../dist/ts-src/model/cluster-snapshot.js';
import { partitionsOf } from '../../../../dist/ts-src/protocols/swim/partitions.js';

const member = (name: string, reachability: Reachability = 'reachable', ...unreachableFrom: string[]) => ({ name, reachability, unreachableFrom });

test('members that are reached are together, a suspect too', () => {
  expect(partitionsOf([member('a'), member('b', 'suspect', 'a'), member('c')])).toEqual([['a', 'b', 'c']]);
});

test('those that are not reached are together, as far as nobody of them says otherwise', () => {
  const [d, e] = [member('d', 'unreachable', 'a', 'b'), member('e', 'unreachable', 'c')];
  expect(partitionsOf([member('a'), d, member('b'), e])).toEqual([
    ['a', 'b'],
    ['d', 'e'],
  ]);
  expect(partitionsOf([member('a'), d, member('b'), member('e', 'unreachable', 'd')])).toEqual([['a', 'b'], ['d'], ['e']]);
});

test('a member that reaches two others which do not reach each other joins them', () => {
  const members = [member('a'), member('b', 'unreachable', 'c'), member('c', 'unreachable', 'a'), member('d', 'unreachable', 'a')];
  expect(partitionsOf(members)).toEqual([['a'], ['b', 'c', 'd']]);
});

import { expect, test } from 'vitest';
import { Relaying } from '../../../../dist/ts-src/protocols/swim/relaying.js';

const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name, incarnation: 1 })) as [Node, Node, Node];
const address = { host: '127.0.0.1', port: 7400 };

interface Node {
  readonly name: string;
  readonly incarnation: number;
}

function errand(origin: Node, target: Node, originSequence: number): Parameters<Relaying['begin']>[1] {
  return { origin, originAddress: address, originSequence, target, nackAtMs: 400, endsAtMs: 1600 };
}

test('an origin is told once that nobody listens at the target, however often that is found', () => {
  const relaying = new Relaying();
  relaying.begin(1, errand(a, b, 11));
  relaying.begin(2, errand(b, c, 12));
  relaying.refused((target) => target.name === 'b', 100);
  expect(relaying.overdue(100).map(({ originSequence }) => originSequence)).toEqual([11]);
  // A nack to an origin that is gone is refused itself: two that are gone, each the target of the other, would be told without end.
  relaying.refused((target) => target.name === 'b', 101);
  expect(relaying.overdue(101)).toEqual([]);
  expect(relaying.dueMs).toBe(400);
  expect(relaying.overdue(400).map(({ originSequence }) => originSequence)).toEqual([12]);
  relaying.refused(() => true, 401);
  expect([relaying.overdue(401), relaying.dueMs]).toEqual([[], 1600]);
});

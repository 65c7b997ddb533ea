/** What of a state can move to another thread, and what cannot, by its path. */
import { expect, test } from 'vitest';
import { movabilityOf } from '../../../dist/ts-src/model/movable.js';

class Wallet {
  coins = 1;
}
class Reference {}
const of = (state: unknown) => movabilityOf(state, (value) => value instanceof Reference);

test('plain data of every sort can move', () => {
  const state = {
    list: [1, 'a', null, undefined, 5n],
    map: new Map<unknown, unknown>([['k', { deep: new Set([1]) }]]),
    date: new Date(0),
    bytes: new Uint8Array(3),
    error: new RangeError('x'),
    ref: new Reference(),
    bare: Object.create(null),
  };
  expect(of(state)).toEqual({ refusal: undefined, isShared: false });
  for (const leaf of [undefined, null, 1, 'text', 5n, true]) expect(of(leaf)).toEqual({ refusal: undefined, isShared: false });
});

test.each([
  [{ a: { b: [0, new Wallet()] } }, 'state.a.b[1] is an instance of Wallet'],
  [new Wallet(), 'state is an instance of Wallet'],
  [{ m: new Map([['key', new Wallet()]]) }, 'state.m.get(key) is an instance of Wallet'],
  [{ m: new Map([[new Wallet(), 1]]) }, 'state.m.keys()[0] is an instance of Wallet'],
  [{ s: new Set([new Wallet()]) }, 'state.s.values() is an instance of Wallet'],
  [{ p: Promise.resolve() }, 'state.p is an instance of Promise'],
  [{ w: new WeakMap() }, 'state.w is an instance of WeakMap'],
])('an instance of a class is refused with its path: %#', (state, message) => {
  expect(of(state).refusal).toContain(message);
});

test('what is reached in two ways is told, also in a circle', () => {
  const shared = { n: 1 };
  expect(of({ a: shared, b: shared }).isShared).toBe(true);
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  expect(of(circle)).toEqual({ refusal: undefined, isShared: true });
  // Too large to look at: identity is kept without looking.
  expect(of(Array.from({ length: 100_001 }, () => ({})))).toEqual({ refusal: undefined, isShared: true });
});

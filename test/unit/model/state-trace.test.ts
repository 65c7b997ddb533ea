/** A change of a state is seen wherever it is, and nothing else is taken for one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changeIn, TRACE_VALUES_MAX, traceOf } from '../../../dist/ts-src/model/state-trace.js';

const changeBy = <T>(state: T, change: (state: T) => unknown): string | undefined => {
  const before = traceOf(state);
  change(state);
  return changeIn(state, before);
};

const example = () => ({
  n: 1,
  text: 'x',
  list: [1, { deep: true }],
  map: new Map<unknown, unknown>([['a', { b: 1 }]]),
  set: new Set([1]),
  at: new Date(5),
  bytes: new Uint8Array([1, 2]),
  nothing: undefined as unknown,
  not: Number.NaN,
  zero: 0,
});

test.each<[string, (state: ReturnType<typeof example>) => unknown, string | undefined]>([
  ['nothing', () => undefined, undefined],
  ['reading', (state) => [...state.map.values(), ...state.list, state.at.getTime()], undefined],
  ['a property', (state) => (state.n = 2), 'state.n'],
  ['to the same value', (state) => (state.n = 1), undefined],
  ['NaN to NaN', (state) => (state.not = Number.NaN), undefined],
  ['0 to -0', (state) => (state.zero = -0), 'state.zero'],
  ['a new property', (state) => Object.assign(state, { more: 1 }), 'state (number of properties)'],
  ['a property less', (state) => delete state.nothing, 'state (number of properties)'],
  ['the end of a list', (state) => state.list.push(5), 'state.list.length'],
  ['the order of a list', (state) => state.list.reverse(), 'state.list[0]'],
  ['deep in a list', (state) => ((state.list[1] as { deep: boolean }).deep = false), 'state.list[1].deep'],
  ['an entry of a map', (state) => state.map.set('a', 5), 'state.map.get(a)'],
  ['deep in a map', (state) => ((state.map.get('a') as { b: number }).b = 2), 'state.map.get(a).b'],
  ['the size of a map', (state) => state.map.set('b', 5), 'state.map.size'],
  ['a set', (state) => state.set.add(2), 'state.set.size'],
  ['an element of a set', (state) => state.set.delete(1) && state.set.add(2), 'state.set element'],
  ['a date', (state) => state.at.setTime(6), 'state.at'],
  ['bytes', (state) => (state.bytes[1] = 9), 'state.bytes[1]'],
  ['an equal copy in the place of a part', (state) => (state.list = [...state.list]), 'state.list'],
])('changes %s', (_what, change, path) => {
  expect(changeBy(example(), change)).toBe(path);
});

test('states that are no objects cannot be changed', () => {
  for (const state of [5, 'x', undefined, null, true]) expect(changeIn(state, traceOf(state))).toBe(undefined);
});

test('cycles, getters and objects without a prototype are no trouble', () => {
  let calls = 0;
  const state: Record<string, unknown> = Object.create(null);
  state['self'] = state;
  state['byObject'] = new Map([[Object.create(null), 1]]);
  Object.defineProperty(state, 'now', { enumerable: true, get: () => calls++ });
  expect(changeBy(state, () => undefined)).toBe(undefined);
  expect(calls).toBe(0);
});

test('what is behind the first values is not looked at', () => {
  const state = { list: new Array(100_000).fill(0) as number[], last: 0 };
  expect(traceOf(state)).toHaveLength(TRACE_VALUES_MAX);
  expect(changeBy(state, () => (state.last = 1))).toBe(undefined);
  expect(changeBy(state, () => (state.list[5] = 1))).toBe('state.list[5]');
});

test('a change of one value anywhere in random data is seen, and no other', () => {
  const data = fc.object({
    maxDepth: 4,
    withMap: true,
    withSet: true,
    withDate: true,
    withTypedArray: true,
    values: [fc.integer(), fc.string(), fc.constant(null)],
  });
  fc.assert(
    fc.property(data, fc.nat(), (state, choice) => {
      expect(changeBy(state, () => undefined)).toBe(undefined);
      const places = placesIn(state);
      if (places.length === 0 || traceOf(state).length === TRACE_VALUES_MAX) return;
      const [holder, key] = places[choice % places.length] as (typeof places)[number];
      expect(changeBy(state, () => (holder[key] = Symbol('new')))).toMatch(/^state.*/);
    }),
    { numRuns: 500 },
  );
});

/** Every property and element that can be assigned, through maps and sets too. */
function placesIn(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (value instanceof Map) return [...value.values()].flatMap(placesIn);
  if (value instanceof Set) return [...value].flatMap(placesIn);
  if (value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, part]) => [[value, key] as [Record<string, unknown>, string], ...placesIn(part)]);
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainCopy } from '../../../dist/ts-src/model/plain-copy.js';

const data = fc.anything({
  withMap: true,
  withSet: true,
  withDate: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: true,
  withBigInt: true,
});

test('a copy equals what it is of, and shares no part of it that can change', () => {
  const parts = (value: unknown, found = new Set<unknown>()): Set<unknown> => {
    if (typeof value !== 'object' || value === null || found.has(value)) return found;
    found.add(value);
    const inner = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : ArrayBuffer.isView(value) ? [] : Object.values(value);
    for (const part of inner) parts(part, found);
    return found;
  };
  fc.assert(
    fc.property(data, (value) => {
      const copy = plainCopy(value);
      expect(copy).toEqual(value);
      const originals = parts(value);
      for (const part of parts(copy)) expect(originals.has(part)).toBe(false);
    }),
  );
});

test('cycles and shared parts stay what they are', () => {
  const shared = [1];
  const value: Record<string, unknown> = { a: shared, b: shared };
  value['self'] = value;
  const copy = plainCopy(value);
  expect(copy['self']).toBe(copy);
  expect(copy['a']).toBe(copy['b']);
  expect(copy['a']).not.toBe(shared);
});

test('what is not plain data is shared', () => {
  class Account {
    balance = 1;
  }
  const account = new Account();
  const call = (): number => 1;
  const copy = plainCopy({ account, list: [call] });
  expect(copy.account).toBe(account);
  expect(copy.list[0]).toBe(call);
});

test('a key that would set the prototype is copied as a key', () => {
  const copy = plainCopy(JSON.parse('{"__proto__":{"admin":true}}')) as object;
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  expect(Object.keys(copy)).toEqual(['__proto__']);
});

test('data nested deeper than its limit are shared from there on, and do not overflow the stack', () => {
  let deep: unknown = 'end';
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  expect(Array.isArray(plainCopy(deep))).toBe(true);
});

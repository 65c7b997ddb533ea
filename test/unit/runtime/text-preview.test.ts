/** Texts of values for people: nothing of the value runs, nothing changes, nothing takes long, whatever the value is. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { textPreview } from '../../../dist/ts-src/runtime/text-preview.js';

const textOf = (value: unknown, bytesMax = 16_384): string => textPreview(value, bytesMax).text;

it('shows plain values as one would write them', () => {
  expect(textOf({ name: 'Ada', orders: [1, 2n, -0, null, undefined], at: new Date(0), ok: true })).toBe(
    '{ name: "Ada", orders: [1, 2n, -0, null, undefined], at: 1970-01-01T00:00:00.000Z, ok: true }',
  );
  expect(textOf(new Map<unknown, unknown>([['a', new Set([1, 'x'])]]))).toBe('Map(1) { "a" => Set(2) { 1, "x" } }');
  expect(textOf({ bytes: new Uint8Array([1, 2]), f: function named() {}, e: new RangeError('no') })).toBe(
    '{ bytes: Uint8Array(2) [1, 2], f: [Function named], e: [RangeError: no] }',
  );
  expect(
    textOf(
      new (class Order {
        id = 'o1';
      })(),
    ),
  ).toBe('Order { id: "o1" }');
  expect(textOf(Object.assign(Object.create(null) as object, { 'a b': 1 }))).toBe('[Object: null prototype] { "a b": 1 }');
  expect(textOf({})).toBe('{}');
  expect(textOf([])).toBe('[]');
});

it('runs nothing of a value: no getters, traps, toJSON, toString, inspect or iterators, of it or of its class', () => {
  const ran: string[] = [];
  const run = (name: string) => (): never => {
    ran.push(name);
    throw new Error(name);
  };
  const handler = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((trap) => [trap, run(trap)]));
  const hostileClass = class {
    static get name(): string {
      return run('static name')();
    }
    get [Symbol.toStringTag](): string {
      return run('toStringTag')();
    }
  };
  const error = new Error('kept');
  Object.defineProperty(error, 'stack', { get: run('stack') });
  Object.defineProperty(error, 'message', { get: run('message') });
  const map = Object.assign(new Map([[1, 2]]), { entries: run('entries'), [Symbol.iterator]: run('iterator') });
  Object.defineProperty(map, 'size', { get: run('size') });
  const value = {
    get danger() {
      return run('get')();
    },
    set only(_value: unknown) {
      run('set')();
    },
    proxy: new Proxy({}, handler),
    callable: new Proxy(() => 1, handler),
    revoked: (() => {
      const { proxy, revoke } = Proxy.revocable([], {});
      revoke();
      return proxy;
    })(),
    inherits: Object.create(new Proxy({}, handler)) as object,
    hostile: new hostileClass(),
    error,
    map,
    date: Object.assign(new Date(5), { toISOString: run('toISOString'), getTime: run('getTime') }),
    list: Object.defineProperty([1, 2], 0, { get: run('element') }),
    promise: Object.assign(Promise.resolve(), { then: run('then') }),
    toJSON: run('toJSON'),
    toString: run('toString'),
    [Symbol.toPrimitive]: run('toPrimitive'),
    [Symbol.for('nodejs.util.inspect.custom')]: run('inspect'),
  };
  const text = textOf(value);
  expect(ran).toEqual([]);
  for (const part of [
    'danger: [Getter]',
    'only: [Setter]',
    'proxy: [Proxy]',
    'callable: [Proxy]',
    'revoked: [Proxy]',
    'Map(1) { 1 => 2 }',
    'list: [[Getter], 2]',
    '[Promise]',
  ])
    expect(text).toContain(part);
});

it('cuts what is long, deep, broad or circular, and says so', () => {
  const circular: Record<string, unknown> = { name: 'me' };
  circular['self'] = circular;
  expect(textPreview(circular, 1000)).toEqual({ text: '{ name: "me", self: [Circular] }', isCut: false });
  let deep: unknown = 'bottom';
  for (let level = 0; level < 100_000; level++) deep = { deep };
  expect(textPreview(deep, 1000)).toMatchObject({ isCut: true });
  expect(textPreview('x'.repeat(10_000_000), 4000)).toMatchObject({ isCut: true });
  expect(textPreview(new Array(4_000_000_000).fill(0, 0, 3), 4000).text).toMatch(/^\[0, 0, 0, <empty>.* more\]$/);
  expect(textPreview(new Map(Array.from({ length: 1e6 }, (_, index) => [index, index])), 4000).text).toContain('999936 more');
  expect(textPreview(1n << 1_000_000n, 4000)).toMatchObject({ isCut: true });
  expect(textPreview({ text: 'é'.repeat(500) }, 100)).toMatchObject({ isCut: true });
});

it('is quick for a state of a million entries, of whatever shape', () => {
  const million = Array.from({ length: 1e6 }, (_, index) => index);
  const values = [million, new Set(million), new Map(million.map((each) => [each, { each }])), { nested: { million } }, new Float64Array(1e6)];
  for (const value of values) {
    const before = process.cpuUsage();
    textPreview(value, 16_384);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(50);
  }
});

it('of any value whatever is never longer than asked for, and leaves it as it was', () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true, withNullPrototype: true }),
      fc.nat(300),
      (value, bytesMax) => {
        const before = fc.stringify(value);
        const { text, isCut } = textPreview(value, bytesMax);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytesMax);
        if (!isCut) expect(text).toBe(textPreview(value, 1_000_000).text);
        expect(fc.stringify(value)).toBe(before);
      },
    ),
  );
});

import assert from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { DEPTH_MAX, TREE_DEPTH_MAX } from '../../../dist/ts-src/codec/extensions.js';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { Pair, Reference, roundTrip } from './pair.js';

/** One of everything that has a length or a header of its own. */
const MESSAGES: readonly unknown[] = [
  1,
  200,
  70_000,
  -1,
  -200,
  -70_000,
  1.5,
  null,
  undefined,
  true,
  12n,
  2n ** 64n,
  2n ** 100n,
  '',
  'short',
  'x'.repeat(31),
  'x'.repeat(32),
  'y'.repeat(300),
  'é',
  'é'.repeat(40),
  '日'.repeat(130),
  '\ud800',
  `${'z'.repeat(50)}\udc00`,
  [],
  [1, 2],
  Array.from({ length: 20 }, (_, index) => index),
  {},
  { a: 1 },
  { a: 1, b: 'x', c: [{ d: 1 }, { d: 2, e: { f: 3 } }] },
  { größe: 1, ['k'.repeat(60)]: 2 },
  Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`k${index}`, index])),
  new Map<unknown, unknown>([
    ['a', { g: 1 }],
    [{ h: 1 }, 2],
  ]),
  new Set([1, { i: 1 }]),
  new Date(5),
  /ab+c/gi,
  new Uint8Array(5),
  new Uint8Array(300),
  new Float64Array(4),
  new Float64Array(50),
  new ArrayBuffer(7),
  new DataView(new ArrayBuffer(9)),
  Object(5),
  Object('text'),
  new Reference(1, 2, 3, 'id'),
  new Reference(1, 2, 3, undefined),
  new (class {
    j = 1;
    k = { l: 2 };
  })(),
];

describe('an encoder without enough room', () => {
  it('returns -1 at every length that is too short, and encodes at exactly the length it needs', () => {
    for (const message of MESSAGES) {
      for (const seen of [0, 1, 2]) {
        for (const offset of [0, 3, 8]) {
          const pair = new Pair(undefined, new Uint8Array(2000), offset);
          for (let times = 0; times < seen; times++) pair.send(message);
          pair.bytes.fill(0);
          // Of a second stream in the same state.
          const twin = new Pair(undefined, new Uint8Array(2000), offset);
          for (let times = 0; times < seen; times++) twin.send(message);
          const end = twin.encoder.encode(message, twin.bytes, offset, 2000);
          for (let limit = offset; limit < end; limit++) expect(pair.encoder.encode(message, pair.bytes, offset, limit)).toBe(-1);
          expect(pair.encoder.encode(message, pair.bytes, offset, end)).toBe(end);
          expect(pair.bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
          assert.deepStrictEqual(pair.decoder.decode(pair.bytes, offset, end), new Pair().send(message));
        }
      }
    }
  });

  it('returns -1 at every length that is too short for an error or a cyclic message', () => {
    const cyclic: Record<string, unknown> = { a: new Map([[1, { b: new Set([1]) }]]), c: [new Date(1), 'x'.repeat(40), new Error('inside')] };
    cyclic.self = [cyclic];
    const error = Object.assign(new TypeError('outside', { cause: { x: 1 } }), { code: 'E' });
    for (const message of [error, cyclic]) {
      const pair = new Pair(undefined, new Uint8Array(20_000), 0);
      const needed = new Pair(undefined, new Uint8Array(20_000), 0).encoded(message).length;
      for (let limit = 0; limit < needed; limit++) expect(pair.encoder.encode(message, pair.bytes, 0, limit)).toBe(-1);
      expect(pair.encoder.encode(message, pair.bytes, 0, needed)).toBe(needed);
      pair.decoder.decode(pair.bytes, 0, needed);
    }
  });

  it('remembers no shape of the attempt, so that later messages are decoded', () => {
    const message = (index: number): object => ({ index, list: [{ a: index }, { b: { c: index } }], last: { d: [index], e: { f: 1 } } });
    const { bytes, offset, decoder, encoder } = new Pair();
    const first = encoder.encode(message(0), bytes, offset, bytes.length);
    decoder.decode(bytes, offset, first);
    const twin = new Pair();
    twin.send(message(0));
    const needed = twin.encoder.encode(message(1), twin.bytes, offset, bytes.length) - offset;
    expect(twin.encoder.shapeCount).toBe(6);
    for (let room = 0; room < needed; room++) {
      expect(encoder.encode(message(room), bytes, offset, offset + room)).toBe(-1);
      expect(encoder.shapeCount).toBe(0);
    }
    // Part of the shapes by another message, then all of them.
    for (const value of [{ c: 7 }, { c: 8 }, { d: [1], e: { f: 2 } }, message(9), message(10), { b: { c: 1 } }]) {
      expect(encoder.encode(value, bytes, offset, offset + 2)).toBe(-1);
      const end = encoder.encode(value, bytes, offset, bytes.length);
      expect(decoder.decode(bytes, offset, end)).toStrictEqual(value);
      expect(decoder.shapeCount).toBe(encoder.shapeCount);
    }
  });

  it('gives up early on arrays much longer than the room', () => {
    const { encoder, bytes } = new Pair();
    expect(encoder.encode(new Array(4_000_000_000), bytes, 0, 1000)).toBe(-1);
    const cyclic: unknown[] = [];
    cyclic.push(cyclic, new Array(4_000_000_000));
    expect(encoder.encode(cyclic, bytes, 0, 1000)).toBe(-1);
  });

  it('does not write past the end of the bytes when the limit is beyond it', () => {
    const { encoder } = new Pair();
    const bytes = new Uint8Array(10);
    for (const value of ['x'.repeat(20), 'é'.repeat(20), new Uint8Array(300), [1.5, 2.5], 'x'.repeat(1000)])
      expect(encoder.encode(value, bytes, 0, 1000)).toBe(-1);
  });
});

describe('the scratch buffer', () => {
  it('grows to the size of the message and leaves room for the header', () => {
    for (const length of [0, 100, 5000, 70_000, 3_000_000]) {
      for (const headerBytes of [0, 1, 24, 10_000]) {
        const { encoder, decoder } = new Pair();
        const value = { text: 'a'.repeat(length) };
        for (let times = 0; times < 3; times++) {
          const bytes = encoder.encodeToScratch(value, headerBytes, 4_000_000);
          expect(bytes.byteOffset).toBe(0);
          expect(decoder.decode(bytes, headerBytes, bytes.length)).toStrictEqual(value);
        }
      }
    }
  });

  it('accepts a message of exactly the limit, and refuses one byte more with the limit in the message', () => {
    const { encoder } = new Pair({ shapes: false });
    const value = { text: 'a'.repeat(10_000) };
    const needed = encoder.encodeToScratch(value, 0, 1_000_000).length;
    for (const headerBytes of [0, 16]) {
      expect(encoder.encodeToScratch(value, headerBytes, needed).length).toBe(needed + headerBytes);
      try {
        encoder.encodeToScratch(value, headerBytes, needed - 1);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(NexusError);
        expect(error).toMatchObject({ code: 'NEXUS_MESSAGE_TOO_LARGE', message: expect.stringContaining(String(needed - 1)), data: { bytesMax: needed - 1 } });
      }
    }
    expect(() => encoder.encodeToScratch(1, 0, 0)).toThrowError(expect.objectContaining({ code: 'NEXUS_MESSAGE_TOO_LARGE' }));
  });

  it('remembers no shape of a message that was too large', () => {
    const { encoder, decoder } = new Pair();
    const small = { a: { b: 1 }, text: '' };
    for (let times = 0; times < 4; times++) {
      expect(() => encoder.encodeToScratch({ ...small, text: 'x'.repeat(5000) }, 0, 5000)).toThrowError(/5000 bytes/);
      const bytes = encoder.encodeToScratch(small, 0, 5000);
      expect(decoder.decode(bytes, 0, bytes.length)).toStrictEqual(small);
    }
  });
});

describe('a cyclic message', () => {
  it('arrives with its cycles', () => {
    const value: Record<string, unknown> = { name: 'root' };
    value.self = value;
    value.list = [value, [value]];
    value.map = new Map<unknown, unknown>([
      [value, 'key'],
      ['value', value],
    ]);
    value.set = new Set([value]);
    value.error = Object.assign(new Error('e', { cause: value }), { owner: value });
    const result = roundTrip(value) as typeof value & { list: unknown[][]; map: Map<unknown, unknown>; set: Set<unknown>; error: Error & { owner: unknown } };
    expect(result).not.toBe(value);
    for (const found of [result.self, result.list[0], result.list[1]?.[0], result.map.get('value'), [...result.set][0], result.error.cause, result.error.owner])
      expect(found).toBe(result);
    expect(result.map.get(result)).toBe('key');
    expect(Object.keys(result)).toEqual(Object.keys(value));
  });

  it('arrives when only an array, a Map, a Set or an error closes the cycle', () => {
    const list: unknown[] = [1];
    list.push(list);
    const map = new Map();
    map.set(map, map);
    const set = new Set();
    set.add(set);
    const error = new RangeError('self');
    error.cause = error;
    const listResult = roundTrip(list);
    expect(listResult[1]).toBe(listResult);
    const mapResult = roundTrip(map);
    expect(mapResult.get(mapResult)).toBe(mapResult);
    const setResult = roundTrip(set);
    expect(setResult.has(setResult)).toBe(true);
    const errorResult = roundTrip(error);
    expect(errorResult).toBeInstanceOf(RangeError);
    expect(errorResult.cause).toBe(errorResult);
  });

  it('keeps the identity of everything that is shared in it, and references arrive', () => {
    const shared = { date: new Date(1), bytes: new Uint8Array(3), boxed: Object(1) };
    const to = new Reference(1, 2, 3, 'x');
    const value = { a: shared, b: [shared, shared.date, shared.bytes, shared.boxed, to, to], self: null as unknown, f: [undefined, null, 'text', 2n] };
    value.self = value;
    const result = roundTrip(value);
    expect(result.b[0]).toBe(result.a);
    expect(result.b.slice(1, 4)).toStrictEqual([result.a.date, result.a.bytes, result.a.boxed]);
    expect(result.b[1]).toBe(result.a.date);
    expect(result.b[2]).toBe(result.a.bytes);
    expect(result.b[3]).toBe(result.a.boxed);
    expect(result.b[4]).toStrictEqual(to);
    expect(result.f).toStrictEqual(value.f);
  });

  it('does not disturb the shapes of the stream', () => {
    const pair = new Pair();
    const cyclic = (): object => {
      const value: Record<string, unknown> = { first: { x: 1 } };
      value.self = value;
      return value;
    };
    for (let times = 0; times < 5; times++) {
      expect(pair.send({ first: { x: times }, y: 1 })).toStrictEqual({ first: { x: times }, y: 1 });
      pair.send(cyclic());
      expect(pair.decoder.shapeCount).toBe(pair.encoder.shapeCount);
    }
  });

  it('does not pollute a prototype by a key named __proto__', () => {
    const value = JSON.parse('{ "__proto__": { "polluted": 1 } }');
    value.self = value;
    const result = roundTrip(value);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.keys(result)).toEqual(['__proto__', 'self']);
  });

  it('is what a message without cycles only costs when it is deep: two mentions of one object arrive as two', () => {
    const shared = { x: 1 };
    const result = roundTrip([shared, shared]);
    expect(result[0]).toStrictEqual(result[1]);
    expect(result[0]).not.toBe(result[1]);
  });
});

describe('a deep message', () => {
  const nest = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
    let value: unknown = 'core';
    for (let level = 0; level < levels; level++) value = wrap(value);
    return value;
  };
  const wraps: Record<string, (inner: unknown) => unknown> = {
    objects: (inner) => ({ inner }),
    arrays: (inner) => [inner],
    maps: (inner) => new Map([['inner', inner]]),
    sets: (inner) => new Set([inner]),
    errors: (inner) => {
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 0;
      const error = new Error('x', { cause: inner });
      Error.stackTraceLimit = stackTraceLimit;
      return error;
    },
  };
  const unwrap = (value: unknown): unknown => {
    if (value instanceof Map) return value.get('inner');
    if (value instanceof Set) return [...value][0];
    if (value instanceof Error) return value.cause;
    return Array.isArray(value) ? value[0] : (value as { inner: unknown }).inner;
  };

  it.each(Object.keys(wraps))('arrives up to the limit of levels of %s, and is refused beyond', (name) => {
    const wrap = wraps[name] as (inner: unknown) => unknown;
    const pair = new Pair();
    for (const levels of [TREE_DEPTH_MAX - 1, TREE_DEPTH_MAX, TREE_DEPTH_MAX + 1, 1000, DEPTH_MAX]) {
      let value = pair.send(nest(levels, wrap));
      for (let level = 0; level < levels; level++) value = unwrap(value);
      expect(value).toBe('core');
    }
    for (const levels of [DEPTH_MAX + 1, 200_000]) {
      expect(() => pair.send(nest(levels, wrap))).toThrowError(
        expect.objectContaining({ code: 'NEXUS_NOT_CLONEABLE', message: expect.stringMatching(/is nested more than 10000 levels deep$/) }),
      );
    }
    expect(pair.send({ a: 1 })).toEqual({ a: 1 });
  });

  it('is refused with a path when something in it cannot be sent', () => {
    expect(() => new Pair().send(nest(100, (inner) => (inner === 'core' ? () => {} : [inner])))).toThrowError(`message${'[0]'.repeat(99)} is a function`);
  });
});

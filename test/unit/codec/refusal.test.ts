import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { NexusTypeError } from '../../../dist/ts-src/errors.js';
import { Pair, webAssemblyMemory } from './pair.js';

function refusal(value: unknown, pair = new Pair()): string {
  try {
    pair.send(value);
  } catch (error) {
    expect(error).toBeInstanceOf(NexusTypeError);
    expect(error).toMatchObject({ code: 'NEXUS_NOT_CLONEABLE' });
    return (error as Error).message;
  }
  throw new Error('it was sent');
}

function* generate(): Generator {}
async function* generateLater(): AsyncGenerator {}

describe('a message is refused, naming the path,', () => {
  it.each<[string, unknown, string]>([
    ['a function', () => {}, 'message is a function'],
    ['a class', { type: class {} }, 'message.type is a function'],
    ['a function in an object in an array', { items: [1, 2, 3, { callback() {} }] }, 'message.items[3].callback is a function'],
    ['a symbol', Symbol('s'), 'message is a symbol'],
    ['a nested symbol', [{ s: Symbol.iterator }], 'message[0].s is a symbol'],
    ['a boxed symbol', { s: Object(Symbol('s')) }, 'message.s is a Symbol'],
    ['a WeakMap', { a: { b: new WeakMap() } }, 'message.a.b is a WeakMap'],
    ['a WeakSet', [new WeakSet()], 'message[0] is a WeakSet'],
    ['a WeakRef', { w: new WeakRef({}) }, 'message.w is a WeakRef'],
    ['a FinalizationRegistry', { f: new FinalizationRegistry(() => {}) }, 'message.f is a FinalizationRegistry'],
    ['a Promise', { p: Promise.resolve() }, 'message.p is a Promise'],
    ['a generator', { g: generate() }, 'message.g is a generator'],
    ['an async generator', { g: generateLater() }, 'message.g is an async generator'],
    ['an iterator of a Map', { i: new Map().keys() }, 'message.i is a Map Iterator'],
    ['a SharedArrayBuffer', { s: new SharedArrayBuffer(8) }, 'message.s is a SharedArrayBuffer'],
    ['a view of a SharedArrayBuffer', { s: new Int32Array(new SharedArrayBuffer(8)) }, 'message.s is a view of a SharedArrayBuffer'],
    ['a WebAssembly.Memory', { m: webAssemblyMemory(1, false) }, 'message.m is a Memory'],
    ['a MessagePort', { port: new MessageChannel().port1 }, 'message.port is a MessagePort'],
    ['an AbortSignal', { signal: AbortSignal.abort() }, 'message.signal is an AbortSignal'],
    ['a URL', { url: new URL('http://localhost') }, 'message.url is a URL'],
    ['a stream', { stream: Readable.from([]) }, 'message.stream is a Readable'],
    ['a server', { server: createServer() }, 'message.server is a Server'],
    ['an Intl object', { n: new Intl.NumberFormat() }, 'message.n is a NumberFormat'],
    ['a Proxy of a Map', { m: new Proxy(new Map(), {}) }, 'message.m is an object that only looks like a Map, such as a Proxy'],
    ['a Proxy of a boxed number', { n: new Proxy(Object(1), {}) }, 'message.n is an object that only looks like a boxed primitive, such as a Proxy'],
    ['a Proxy of an ArrayBuffer', [new Proxy(new ArrayBuffer(1), {})], 'message[0] is an object that only looks like an ArrayBuffer, such as a Proxy'],
    ['an object that inherits from Set', [Object.create(Set.prototype)], 'message[0] is an object that only looks like a Set, such as a Proxy'],
    ['a Proxy of a WeakMap', { m: new Proxy(new WeakMap(), {}) }, 'message.m is a WeakMap'],
    ['a Proxy of a Promise', { m: new Proxy(Promise.resolve(), {}) }, 'message.m is a Promise'],
    ['a Proxy of a function', { m: new Proxy(() => {}, {}) }, 'message.m is a function'],
    ['the value of a Map under a string', new Map([['k', () => {}]]), 'message.get("k") is a function'],
    ['the value of a Map under a number', { m: new Map([[5, () => {}]]) }, 'message.m.get(5) is a function'],
    ['the value of a Map under an object', new Map([[{}, () => {}]]), 'message.values()[0] is a function'],
    [
      'the key of a Map',
      new Map<unknown, number>([
        ['a', 1],
        [Symbol('s'), 2],
      ]),
      'message.keys()[1] is a symbol',
    ],
    ['a value of a Set', new Set([1, { a: () => {} }]), 'message.values()[1].a is a function'],
    ['a key that is no identifier', { 'a-b': { '"': () => {} } }, 'message["a-b"]["\\""] is a function'],
    ['a property of an error', Object.assign(new Error('x'), { retry: () => {} }), 'message.retry is a function'],
    ['the cause of an error', new Error('x', { cause: { f: () => {} } }), 'message.cause.f is a function'],
    ['one of several errors', { e: new AggregateError([1, () => {}]) }, 'message.e.errors[1] is a function'],
    [
      'a property of a class instance',
      new (class {
        f = () => {};
      })(),
      'message.f is a function',
    ],
    [
      'a getter that throws',
      {
        a: {
          get b() {
            throw new RangeError('no');
          },
        },
      },
      'message.a.b cannot be read: RangeError: no',
    ],
  ])('because of %s', (_, value, message) => expect(refusal(value)).toBe(message));

  it('because of a detached ArrayBuffer, or a view of one', () => {
    const buffer = new ArrayBuffer(8);
    const view = new Uint8Array(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    expect(refusal({ buffer })).toBe('message.buffer is a detached ArrayBuffer');
    expect(refusal({ view })).toBe('message.view is a view of a detached ArrayBuffer');
  });

  it('in a cyclic message too', () => {
    const value: Record<string, unknown> = { list: [{}] };
    value.self = value;
    value.last = { f: () => {} };
    expect(refusal(value)).toBe('message.last.f is a function');
  });

  it('naming the first of several reasons', () => expect(refusal({ a: [1, Symbol('s')], b: () => {} })).toBe('message.a[1] is a symbol'));

  it('keeping what a getter threw as the cause', () => {
    const thrown = new RangeError('no');
    const value = {
      get a() {
        throw thrown;
      },
    };
    expect(() => new Pair().send(value)).toThrowError(expect.objectContaining({ cause: thrown }));
  });

  it('when a getter sends a message itself over the same stream', () => {
    const pair = new Pair();
    const value = {
      get a() {
        return pair.send({ b: 1 });
      },
    };
    expect(refusal(value, pair)).toMatch(/^message\.a cannot be read: .*sends a message itself/);
    expect(pair.send({ c: 1 })).toEqual({ c: 1 });
  });

  it.each<[string, (collection: Map<unknown, unknown> | Set<unknown>, value: unknown) => unknown]>([
    ['Map', (collection, value) => (collection as Map<unknown, unknown>).set(value, value)],
    ['Set', (collection, value) => (collection as Set<unknown>).add(value)],
  ])('when a getter changes the size of the %s that it is in', (name, add) => {
    const collection = name === 'Map' ? new Map<unknown, unknown>() : new Set<unknown>();
    add(collection, {
      get x() {
        collection.delete('last');
        return 1;
      },
    });
    add(collection, 'last');
    expect(refusal([collection])).toMatch(/^message changed while it was encoded/);
  });

  it('and the stream goes on as if it had never been tried', () => {
    const pair = new Pair();
    const good = (index: number): object => ({ index, inner: { list: [{ x: index }], text: 'a' } });
    for (let times = 0; times < 5; times++) {
      // The shapes before the function are defined, and then taken back.
      refusal({ ...good(times), bad: { [`fresh${times >> 1}`]: 1, f: () => {} } }, pair);
      refusal(
        [
          good(times),
          { first: 1, second: { third: 1 } },
          {
            get x() {
              throw new Error('no');
            },
          },
        ],
        pair,
      );
      expect(pair.decoder.shapeCount).toBe(pair.encoder.shapeCount);
      expect(pair.send(good(times))).toEqual(good(times));
      expect(pair.send({ first: 1, second: { third: times } })).toEqual({ first: 1, second: { third: times } });
    }
  });
});

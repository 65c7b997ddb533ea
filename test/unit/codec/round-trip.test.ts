import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValueEncoder } from '../../../dist/ts-src/codec/value-encoder.js';
import { NexusError, NexusTypeError } from '../../../dist/ts-src/errors.js';
import { callableReference, Pair, Reference, references, roundTrip } from './pair.js';

/** Not `assert.deepStrictEqual`, for which two invalid dates differ. */
const strictlyEqual = (actual: unknown, expected: unknown): void => expect(actual).toStrictEqual(expected);
const arrives = (value: unknown): void => assert.deepStrictEqual(roundTrip(value), structuredClone(value));

/** From Node 24 on. */
function float16Array(): (typeof Float32Array)[] {
  const { Float16Array } = globalThis as { Float16Array?: typeof Float32Array };
  return Float16Array === undefined ? [] : [Float16Array];
}

describe('a value that is sent', () => {
  it.each([null, undefined, true, false])('arrives when it is %s', (value) => arrives(value));

  it('arrives when it is an integer around every change of size', () => {
    for (const power of [0, 5, 7, 8, 15, 16, 31, 32, 52, 53, 63]) {
      for (const distance of [-1, 0, 1]) {
        arrives(2 ** power + distance);
        arrives(-(2 ** power) + distance);
      }
    }
  });

  it.each([-0, 0, Number.NaN, Infinity, -Infinity, 1.5, -1e-300, Number.MIN_VALUE, Number.MAX_VALUE, Date.now()])('arrives when it is the number %s', arrives);

  it('arrives when it is a bigint of any size', () => {
    for (const bits of [0n, 1n, 31n, 62n, 63n, 64n, 65n, 1000n, 100_000n]) {
      for (const distance of [-1n, 0n, 1n]) {
        arrives(2n ** bits + distance);
        arrives(-(2n ** bits) + distance);
      }
    }
  });

  it('arrives when it is a string of any length, in ASCII, Latin, other scripts and emoji', () => {
    for (const unit of ['a', 'é', 'ÿ', 'Ā', 'ǿ', '日', '😀', 'a\u0000']) {
      for (const length of [...Array(70).keys(), 127, 128, 255, 256, 257, 65_535, 65_536, 70_000]) arrives(unit.repeat(length));
    }
  });

  it('arrives when only its last character is not ASCII', () => {
    for (let length = 1; length < 70; length++) arrives(`${'a'.repeat(length)}é`);
  });

  it('arrives with its lone surrogates', () => {
    for (const text of ['\ud800', '\udc00a', `${'x'.repeat(100)}\ud83d`, `é\udfff${'y'.repeat(70_000)}`]) expect(roundTrip(text)).toBe(text);
  });

  it('arrives when it is a key that is not ASCII or has lone surrogates', () => arrives({ größe: 1, '\ud800': 2, '': 3 }));

  it('arrives with the elements of its arrays, of any length', () => {
    for (const length of [0, 1, 15, 16, 17, 65_535, 65_536]) arrives(Array.from({ length }, (_, index) => index));
  });

  it('arrives with undefined in the holes of its arrays', () => {
    const sparse = Object.assign(new Array(3), { 0: 1, 2: 3 });
    const result = roundTrip(sparse);
    expect(result).toStrictEqual([1, undefined, 3]);
    expect(1 in result).toBe(true);
  });

  it('arrives with the keys of its objects in their order', () => {
    const value = { z: 1, a: 2, 7: 3, 'a-b': 4, ["it's"]: 5, 'new\nline': 6, '\u2028"\\': 7 };
    arrives(value);
    expect(Object.keys(roundTrip(value))).toEqual(Object.keys(value));
  });

  it('arrives with more keys than a shape can have', () => {
    for (const count of [63, 64, 65, 66, 300, 70_000]) arrives(Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, index])));
  });

  it('arrives with undefined as the value of a key', () => arrives({ a: undefined, b: [undefined] }));

  it('arrives as an ordinary object when it has no prototype', () => arrives(Object.assign(Object.create(null), { a: 1 })));

  it('arrives with a key named __proto__, and no prototype is changed', () => {
    const value = JSON.parse('{ "a": 1, "__proto__": { "polluted": true }, "b": { "__proto__": 1 } }');
    const pair = new Pair();
    for (let times = 0; times < 20; times++) {
      const result = pair.send(value);
      expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
      expect(result.polluted).toBeUndefined();
      expect(Object.getOwnPropertyDescriptor(result, '__proto__')?.value).toEqual({ polluted: true });
      expect(Object.keys(result)).toEqual(['a', '__proto__', 'b']);
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('arrives without what somebody added to Object.prototype', () => {
    const pair = new Pair();
    for (let times = 0; times < 3; times++) pair.send({ own: 1, added: 2 });
    try {
      Object.defineProperty(Object.prototype, 'added', { value: 3, enumerable: true, configurable: true, writable: true });
      for (let times = 0; times < 3; times++) expect(Object.keys(pair.send({ own: 1 }))).toEqual(['own']);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'added');
    }
    expect(pair.send({ own: 4, added: 5 })).toEqual({ own: 4, added: 5 });
  });

  it('arrives as the own enumerable properties of a class instance', () => {
    class Base {
      x = 1;
      #hidden = 2;
      get sum(): number {
        return this.x + this.#hidden;
      }
      method(): void {}
    }
    function Old(this: Record<string, unknown>): void {
      this.own = 1;
    }
    Old.prototype.inherited = () => {};
    expect(
      roundTrip(
        new (class extends Base {
          y = 3;
        })(),
      ),
    ).toStrictEqual({ x: 1, y: 3 });
    expect(roundTrip(Reflect.construct(Old, []))).toStrictEqual({ own: 1 });
  });

  it('arrives with what its getters return, read once', () => {
    let reads = 0;
    const value = Object.defineProperty({ a: 1 }, 'b', { enumerable: true, get: () => ++reads });
    expect(new Pair().send(value)).toStrictEqual({ a: 1, b: 1 });
    expect(reads).toBe(1);
  });

  it('arrives without symbol keys and without a call of toJSON', () => {
    expect(roundTrip({ a: 1, [Symbol('s')]: 2 })).toStrictEqual({ a: 1 });
    expect(
      roundTrip(
        new (class {
          a = 1;
          toJSON(): number {
            return 5;
          }
        })(),
      ),
    ).toStrictEqual({ a: 1 });
  });

  it('arrives when it is a Map or a Set, with keys of any type', () => {
    arrives(
      new Map<unknown, unknown>([
        ['a', 1],
        [2, { b: new Map() }],
        [{ c: 1 }, [3]],
        [null, undefined],
        [Number.NaN, -0],
      ]),
    );
    arrives(new Set<unknown>(['a', 2, { b: 1 }, new Set([1]), undefined]));
    arrives(new (class extends Map<number, number> {})([[1, 2]]));
  });

  it('arrives when it is a Date, valid or not', () =>
    strictlyEqual(roundTrip([new Date(0), new Date(1.7e12), new Date(-1), new Date(Number.NaN)]), [
      new Date(0),
      new Date(1.7e12),
      new Date(-1),
      new Date(Number.NaN),
    ]));

  it('arrives when it is a RegExp', () => arrives([/a+/, /[/\]]\n"/giu, /(?:)/y]));

  it('arrives when it is an ArrayBuffer or a DataView', () => {
    for (const length of [0, 1, 255, 256, 300, 70_000]) {
      const buffer = Uint8Array.from({ length }, (_, index) => index).buffer;
      arrives(buffer);
      const view = roundTrip(new DataView(buffer, Math.min(1, length)));
      expect(view).toBeInstanceOf(DataView);
      expect(Buffer.from(view.buffer).equals(Buffer.from(buffer).subarray(Math.min(1, length)))).toBe(true);
    }
  });

  it.each([
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    ...float16Array(),
  ])('arrives when it is a typed array: %o', (typedArray) => {
    for (const length of [0, 1, 7, 8, 9, 31, 32, 33, 63, 256, 9000]) {
      const backing = Uint8Array.from({ length: (length + 2) * 8 }, (_, index) => (index * 7) & 63);
      const value = new typedArray(backing.buffer, 8, length);
      const result = new Pair().send(value);
      assert.deepStrictEqual(result, value.slice());
      expect(result.buffer.byteLength).toBe(result.byteLength);
    }
  });

  it('arrives when it is a view at any alignment, written to any alignment', () => {
    const source = Uint8Array.from({ length: 1000 }, (_, index) => index);
    for (let from = 0; from < 8; from++) {
      for (let to = 0; to < 8; to++) {
        const pair = new Pair(undefined, undefined, to);
        for (const length of [255, 256, 257, 300, 900]) {
          expect(pair.send(source.subarray(from, from + length))).toStrictEqual(source.slice(from, from + length));
        }
      }
    }
  });

  it('arrives as a Uint8Array when it is a Buffer', () => {
    const result = roundTrip(Buffer.from('hello'));
    expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
    expect(Buffer.from(result).toString()).toBe('hello');
  });

  it('arrives when it is a boxed primitive', () => arrives([Object(1), Object('text'), Object(false), Object(12n), Object(-0)]));

  it('arrives when it is a reference, with or without id, also one that can be called', () => {
    const value = new Reference(4_294_967_295, 0, 2_147_483_648, 'größe');
    expect(roundTrip({ to: value, list: [new Reference(1, 2, 3, undefined)] })).toStrictEqual({ to: value, list: [new Reference(1, 2, 3, undefined)] });
    expect(roundTrip([callableReference()])).toStrictEqual([new Reference(7, 8, 9, undefined)]);
  });

  it('arrives when it is an object of another realm', async () => {
    const { runInNewContext } = await import('node:vm');
    const foreign = runInNewContext(`({ map: new Map([[1, { a: 2 }]]), set: new Set([1]), date: new Date(5), regExp: /x/g, list: [1],
      bytes: new Uint8Array([1, 2]), error: new RangeError('bad'), buffer: new ArrayBuffer(2) })`);
    const result = roundTrip(foreign);
    expect(result.error.message).toBe('bad');
    expect(result.error.name).toBe('RangeError');
    delete result.error;
    assert.deepStrictEqual(result, {
      map: new Map([[1, { a: 2 }]]),
      set: new Set([1]),
      date: new Date(5),
      regExp: /x/g,
      list: [1],
      bytes: new Uint8Array([1, 2]),
      buffer: new ArrayBuffer(2),
    });
  });

  it('arrives through private memory, and through a view that does not start at the beginning of its buffer', () => {
    for (const bytes of [new Uint8Array(3000), new Uint8Array(new ArrayBuffer(5000), 1003), Buffer.alloc(3000)]) {
      const value = { text: 'x'.repeat(60), wide: 'é'.repeat(60), number: 1.5, list: new Float64Array(40).fill(0.1) };
      assert.deepStrictEqual(new Pair(undefined, bytes, 5).send(value), value);
    }
  });

  it('shares no memory with what was sent or with the bytes', () => {
    const bytes = new Uint8Array(100_000);
    for (const length of [10, 60_000]) {
      const result = new Pair(undefined, bytes, 0).send({ view: new Uint8Array(length).fill(1) });
      expect(result.view.buffer).not.toBe(bytes.buffer);
      expect(result.view.every((byte) => byte === 1)).toBe(true);
    }
  });
});

describe('an error that is sent', () => {
  it.each([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])(
    'comes back as its class with message and stack: %o',
    (errorClass) => {
      const error = new errorClass('went wrong');
      const result = roundTrip(error);
      expect(Object.getPrototypeOf(result)).toBe(errorClass.prototype);
      expect(result.message).toBe('went wrong');
      expect(result.stack).toBe(error.stack);
      expect(Object.keys(result)).toEqual([]);
      expect(Object.hasOwn(result, 'name')).toBe(false);
    },
  );

  it('keeps cause, code and other own properties', () => {
    const error = Object.assign(new Error('outer', { cause: new TypeError('inner', { cause: 'root' }) }), {
      code: 'ENOENT',
      errno: -2,
      details: { path: '/x' },
    });
    const result = roundTrip(error) as typeof error;
    expect(Object.keys(result)).toEqual(['code', 'errno', 'details']);
    expect(result).toMatchObject({ code: 'ENOENT', errno: -2, details: { path: '/x' } });
    expect(result.cause).toBeInstanceOf(TypeError);
    expect((result.cause as Error).cause).toBe('root');
    expect(Object.getOwnPropertyDescriptor(result, 'cause')?.enumerable).toBe(false);
  });

  it('keeps undefined as a cause, and does not invent one', () => {
    expect(Object.hasOwn(roundTrip(new Error('a', { cause: undefined })), 'cause')).toBe(true);
    expect(Object.hasOwn(roundTrip(new Error('a')), 'cause')).toBe(false);
  });

  it('comes back as an AggregateError with its errors', () => {
    const result = roundTrip(new AggregateError([new RangeError('one'), 2], 'several'));
    expect(result).toBeInstanceOf(AggregateError);
    expect(result.errors[0]).toBeInstanceOf(RangeError);
    expect(result.errors[1]).toBe(2);
  });

  it('comes back as an Error with its name when its class is unknown here', () => {
    class PaymentError extends Error {
      override name = 'PaymentError';
    }
    class DerivedTypeError extends TypeError {}
    const result = roundTrip(new PaymentError('no money'));
    expect(Object.getPrototypeOf(result)).toBe(Error.prototype);
    expect(result.name).toBe('PaymentError');
    expect(String(result)).toBe('PaymentError: no money');
    expect(roundTrip(new DerivedTypeError('x'))).toBeInstanceOf(TypeError);
  });

  it('comes back as a NexusError or NexusTypeError with code, data and cause', () => {
    const result = roundTrip(new NexusError('NEXUS_ASK_TIMEOUT', 'too late', { data: { timeoutMs: 5 }, cause: new Error('why') }));
    expect(result).toBeInstanceOf(NexusError);
    expect(result).toMatchObject({ name: 'NexusError', code: 'NEXUS_ASK_TIMEOUT', message: 'too late', data: { timeoutMs: 5 } });
    expect((result.cause as Error).message).toBe('why');
    const mistake = roundTrip(new NexusTypeError('NEXUS_OPTION_INVALID', 'wrong'));
    expect(mistake).toBeInstanceOf(NexusTypeError);
    expect(mistake).toMatchObject({ code: 'NEXUS_OPTION_INVALID', message: 'wrong' });
  });

  it('comes back as a DOMException with its name and code', () => {
    const result = roundTrip(AbortSignal.abort().reason);
    expect(result).toBeInstanceOf(DOMException);
    expect(result.name).toBe('AbortError');
    expect(result.code).toBe(DOMException.ABORT_ERR);
  });
});

describe('any value', () => {
  const anything = fc.anything({
    maxDepth: 4,
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withTypedArray: true,
    withUnicodeString: true,
  });

  it('arrives as structuredClone would make it, on one stream', () => {
    const pair = new Pair();
    fc.assert(
      fc.property(anything, (value) => {
        const expected = structuredClone(value);
        for (let times = 0; times < 3; times++) strictlyEqual(pair.send(value), expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('arrives without shapes, each message by itself', () => {
    const pair = new Pair({ shapes: false });
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = pair.encoder.encodeToScratch(value, 0, 1_000_000);
        strictlyEqual(new Pair().decoder.decode(bytes, 0, bytes.length), structuredClone(value));
      }),
      { numRuns: 1000 },
    );
    expect(pair.encoder.shapeCount).toBe(0);
  });

  it('arrives as a graph as it arrives as a tree', () => {
    const pair = new Pair();
    fc.assert(
      fc.property(anything, (value) => {
        const cyclic: { value: unknown; self?: unknown } = { value };
        cyclic.self = cyclic;
        strictlyEqual(pair.send(cyclic), structuredClone(cyclic));
      }),
      { numRuns: 1000 },
    );
  });

  it('arrives when it is a string of any code units', () => {
    const pair = new Pair();
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 80 });
    fc.assert(
      fc.property(units, (codes) => {
        const text = String.fromCharCode(...codes);
        return pair.send(text) === text && pair.send({ [text]: 1 })[text] === 1;
      }),
      { numRuns: 2000 },
    );
  });

  it('is asked for being a reference only when it could be one', () => {
    const asked: object[] = [];
    const isReference = (value: object): boolean => {
      asked.push(value);
      return false;
    };
    const encoder = new ValueEncoder({ ...references, isReference });
    encoder.encode({ a: [{ b: 1 }], c: new Map() }, new Uint8Array(100), 0, 100);
    expect(asked).toEqual([new Map()]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentRef } from '../../../dist/ts-src/model/agent-ref.js';
import { type Infer, type Shape, shape } from '../../../dist/ts-src/model/shape.js';
import { callableReference, Reference } from '../codec/pair.js';
import { samples } from './arbitrary.js';
import { assertSame, OFFSET, Twins } from './twins.js';

function arrives<S extends Shape>(declared: S, ...values: Infer<S>[]): void {
  const twins = new Twins(declared);
  for (const value of values) assertSame(twins.send(value), value);
}

/** The stand-in for a reference, which has none of its methods. */
function ref(...parts: ConstructorParameters<typeof Reference>): AgentRef {
  return new Reference(...parts) as unknown as AgentRef;
}

describe('any value of any shape', () => {
  it('arrives as it was, compiled and interpreted, from the same bytes', () => {
    fc.assert(
      fc.property(samples, ({ shape: declared, values }) => {
        const twins = new Twins(declared);
        for (const value of values) assertSame(twins.send(value), value);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('a number', () => {
  const WIDTHS = {
    uint8: [0, 255],
    int8: [-128, 127],
    uint16: [0, 65_535],
    int16: [-32_768, 32_767],
    uint32: [0, 2 ** 32 - 1],
    int32: [-(2 ** 31), 2 ** 31 - 1],
  } as const;

  it.each(Object.entries(WIDTHS))('arrives up to the bounds of its width, and not beyond: %s', (type, [min, max]) => {
    const twins = new Twins(shape[type as keyof typeof WIDTHS]);
    for (const value of [min, min + 1, 0, 1, max - 1, max]) expect(twins.send(value)).toBe(value);
    expect(twins.send(-0)).toBe(0);
    for (const value of [min - 1, max + 1, 0.5, Number.NaN, Infinity, -Infinity, '1', 1n, null, undefined, true, [1], { valueOf: () => 1 }, Symbol('s')])
      expect(twins.refusal(value)?.message).toMatch(/^message is .*, not an? u?int\d+$/);
  });

  it('arrives when it is a safe integer', () => {
    arrives(shape.safeInteger, 0, 1, -1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER);
    const twins = new Twins(shape.safeInteger);
    expect(twins.send(-0)).toBe(0);
    for (const value of [2 ** 53, -(2 ** 53), 0.5, Number.NaN, Infinity, '1', 1n])
      expect(twins.refusal(value)?.message).toMatch(/^message is .*, not a safe integer$/);
  });

  it('arrives when it is any float64', () => arrives(shape.float64, -0, 0, Number.NaN, Infinity, -Infinity, 1.5, Number.MIN_VALUE, Number.MAX_VALUE, -1e-300));

  it('is rounded when it is a float32, and refused only when it would become infinite', () => {
    arrives(shape.float32, -0, 0, Number.NaN, Infinity, -Infinity, 1.5, 2 ** 24, 2 ** -149);
    const twins = new Twins(shape.float32);
    expect(twins.send(0.1)).toBe(Math.fround(0.1));
    expect(twins.send(2 ** 24 + 1)).toBe(2 ** 24);
    expect(twins.send(1e-300)).toBe(0);
    const max = 3.4028234663852886e38;
    expect(twins.send(max)).toBe(max);
    expect(twins.send(3.402823567e38)).toBe(max);
    expect(twins.refusal(3.4028236e38)?.message).toBe('message is 3.4028236e+38, not a float32');
    expect(twins.refusal(-1e300)?.message).toBe('message is -1e+300, not a float32');
  });

  it('arrives when it is a bigint of 64 bits', () => {
    arrives(shape.bigint64, 0n, -1n, 2n ** 63n - 1n, -(2n ** 63n));
    arrives(shape.biguint64, 0n, 1n, 2n ** 63n, 2n ** 64n - 1n);
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 200n, 5]) expect(new Twins(shape.bigint64).refusal(value)?.message).toMatch(/, not a bigint64$/);
    for (const value of [-1n, 2n ** 64n, 5]) expect(new Twins(shape.biguint64).refusal(value)?.message).toMatch(/, not a biguint64$/);
  });
});

describe('a text', () => {
  it('arrives at any length, in ASCII, Latin, other scripts and emoji', () => {
    const twins = new Twins(shape.string);
    for (const unit of ['a', 'é', '日', '😀', 'a\u0000', '\u00ff', '\u0100'])
      for (const length of [...Array(70).keys(), 127, 255, 256, 65_535, 65_536, 70_000]) assertSame(twins.send(unit.repeat(length)), unit.repeat(length));
  });

  it('arrives when only its last character is wide', () => {
    for (let length = 0; length < 70; length++) arrives(shape.string, `${'a'.repeat(length)}é`, `${'a'.repeat(length)}日`, `${'é'.repeat(length)}😀`);
  });

  it('arrives with its lone surrogates', () =>
    arrives(shape.string, '\ud800', '\udc00a', `${'x'.repeat(100)}\ud83d`, `é\udfff${'y'.repeat(70_000)}`, '\ude00\ud83d'));

  it('arrives between others of every length, so at every alignment', () => {
    const declared = shape.tuple(shape.string, shape.string, shape.array(shape.float64), shape.string);
    for (let length = 0; length < 9; length++) arrives(declared, ['x'.repeat(length), '日', [1.5, 2], '\ud800'], ['é'.repeat(length), 'y'.repeat(40), [], '']);
  });
});

describe('something of several bytes', () => {
  it('shares no memory with what was sent or with the bytes', () => {
    const twins = new Twins(shape.object({ content: shape.bytes }));
    for (const length of [0, 1, 255, 256, 1000, 70_000]) {
      const content = new Uint8Array(length + 3).fill(7).subarray(3);
      const result = twins.send({ content });
      expect(result.content).toStrictEqual(new Uint8Array(length).fill(7));
      expect(result.content.buffer).not.toBe(twins.views.bytes.buffer);
      expect(result.content.buffer.byteLength).toBe(length);
    }
  });

  it('arrives as a Uint8Array when it is a Buffer, and is refused when it is shared, detached or of another type', () => {
    const twins = new Twins(shape.bytes);
    assertSame(twins.send(Buffer.from('hello')), Uint8Array.from(Buffer.from('hello')));
    const detached = new Uint8Array(4);
    structuredClone(detached, { transfer: [detached.buffer] });
    for (const value of [
      new Uint8Array(new SharedArrayBuffer(4)),
      detached,
      new Uint16Array(4),
      new ArrayBuffer(4),
      new Uint8ClampedArray(1),
      [1, 2],
      'x',
      null,
    ])
      expect(twins.refusal(value)?.message).toMatch(/^message is .*, not a Uint8Array of unshared memory$/);
  });

  it('arrives when it is a reference, with or without id, also one that can be called', () => {
    arrives(shape.agentRef, ref(4_294_967_295, 0, 2_147_483_648, 'größe'), ref(1, 2, 3, undefined), ref(1, 2, 3, ''));
    assertSame(new Twins(shape.array(shape.agentRef)).send([callableReference() as never]), [new Reference(7, 8, 9, undefined)]);
  });

  it('arrives when it is a Date, valid or not, also of another realm', async () => {
    arrives(shape.date, new Date(0), new Date(-1), new Date(1.7e12), new Date(Number.NaN));
    const { runInNewContext } = await import('node:vm');
    assertSame(new Twins(shape.date).send(runInNewContext('new Date(5)') as Date), new Date(5));
    expect(new Twins(shape.date).refusal(Object.create(Date.prototype))?.message).toBe('message is an object of class Date, not a Date');
    expect(new Twins(shape.date).refusal(5)?.message).toBe('message is 5, not a Date');
  });
});

describe('an array', () => {
  it('arrives at any length, empty too', () => {
    const declared = shape.array(shape.int32);
    for (const length of [0, 1, 2, 1000, 100_000])
      arrives(
        declared,
        Array.from({ length }, (_, index) => 5 - index),
      );
    arrives(shape.array(shape.array(shape.array(shape.uint8))), [], [[]], [[[]], [], [[1], [2, 3]]]);
  });

  it('arrives when its elements take no room', () =>
    arrives(shape.array(shape.object({ nothing: shape.none })), [], [{ nothing: undefined }, { nothing: undefined }]));

  it('arrives with what its elements have in the tail, each with its own', () =>
    arrives(shape.array(shape.object({ name: shape.string, list: shape.array(shape.float64), flag: shape.boolean })), [
      { name: 'a', list: [1.5], flag: true },
      { name: 'größer', list: [], flag: false },
      { name: '日本', list: [1, 2, 3], flag: true },
    ]));

  it('has no holes to fall through, and the length that its shape allows', () => {
    const twins = new Twins(shape.array(shape.int32, { lengthMax: 3 }));
    assertSame(twins.send([1, 2, 3]), [1, 2, 3]);
    expect(twins.refusal([1, 2, 3, 4])?.message).toBe('message has 4 elements, more than 3');
    expect(twins.refusal(Object.assign(new Array(3), { 0: 1, 2: 3 }))?.message).toBe('message[1] is undefined, not an int32');
    expect(twins.refusal({ length: 0 })?.message).toBe('message is an object, not an array');
    assertSame(new Twins(shape.array(shape.optional(shape.int32))).send(Object.assign(new Array(3), { 0: 1 })), [1, undefined, undefined]);
  });
});

describe('an optional or nullable part', () => {
  const declared = shape.object({
    before: shape.int32,
    one: shape.optional(shape.int32),
    two: shape.optional(shape.nullable(shape.object({ text: shape.string, big: shape.float64 }))),
    three: shape.nullable(shape.string),
    four: shape.optional(shape.agentRef),
  });

  it('arrives absent when it was absent, undefined when it was undefined, null when it was null, in every mixture', () => {
    const twins = new Twins(declared);
    for (const one of [{}, { one: undefined }, { one: 5 }])
      for (const two of [{}, { two: undefined }, { two: null }, { two: { text: 'x', big: 0.5 } }])
        for (const three of [null, '', 'three'])
          for (const four of [{}, { four: undefined }, { four: ref(1, 2, 3, 'id') }]) {
            const value = { before: 1, ...one, ...two, three, ...four };
            assertSame(twins.send(value), value);
          }
  });

  it('is told from the others in tuples, arrays and alone', () => {
    arrives(shape.optional(shape.nullable(shape.int32)), undefined, null, 0);
    arrives(shape.tuple(shape.optional(shape.string), shape.nullable(shape.tuple(shape.float64))), [undefined, null], ['', [1]]);
    arrives(shape.array(shape.nullable(shape.boolean)), [null, true, false, null]);
    expect(new Twins(shape.nullable(shape.int32)).refusal(undefined)?.message).toBe('message is undefined, not an int32');
    expect(new Twins(shape.optional(shape.int32)).refusal(null)?.message).toBe('message is null, not an int32');
  });
});

describe('an object', () => {
  it('arrives with the names that every object inherits as its own, and changes no prototype', () => {
    const declared = shape.object({
      ['__proto__']: shape.object({ polluted: shape.boolean }),
      constructor: shape.optional(shape.int32),
      toString: shape.optional(shape.string),
      a: shape.int32,
    });
    const twins = new Twins(declared);
    for (const text of [
      '{ "__proto__": { "polluted": true }, "a": 1 }',
      '{ "__proto__": { "polluted": true }, "constructor": 2, "toString": "x", "a": 1 }',
      '{ "__proto__": { "polluted": true }, "toString": "x", "a": 1 }',
    ]) {
      const value = JSON.parse(text);
      const result = twins.send(value);
      assertSame(result, value);
      expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(twins.refusal({ a: 1 })?.message).toBe('message.__proto__ is missing');
    expect(new Twins(shape.object({ toString: shape.string })).refusal({})?.message).toBe('message.toString is missing');
  });

  it('arrives with its properties in the order of the declaration', () => {
    const result = new Twins(shape.object({ b: shape.int32, a: shape.string })).send({ a: 'x', b: 1 });
    expect(Object.keys(result)).toEqual(['b', 'a']);
  });

  it('may be an instance of a class, whose getters are read', () => {
    class Point {
      readonly x = 1;
      get y(): number {
        return 2;
      }
      method(): void {}
    }
    assertSame(new Twins(shape.object({ x: shape.int32, y: shape.int32 })).send(new Point()), { x: 1, y: 2 });
    assertSame(new Twins(shape.object({ x: shape.int32 })).send(Object.assign(Object.create(null), { x: 1 })), { x: 1 });
  });

  it('is not anything else when all its fields are optional', () => {
    const twins = new Twins(shape.object({ a: shape.optional(shape.int32) }));
    assertSame(twins.send({}), {});
    for (const value of [[], new Map(), new Date(), Promise.resolve(), /x/])
      expect(twins.refusal(value)?.message).toMatch(/^message is an .*, not an object with fields$/);
  });

  it('has no properties besides, also while somebody has added to Object.prototype', () => {
    const twins = new Twins(shape.object({ own: shape.int32 }));
    try {
      Object.defineProperty(Object.prototype, 'added', { value: 3, enumerable: true, configurable: true, writable: true });
      assertSame(twins.send({ own: 1 }), { own: 1 });
      expect(twins.refusal({ own: 1, other: 2 })?.message).toBe('message.other is not declared; fields are own');
    } finally {
      Reflect.deleteProperty(Object.prototype, 'added');
    }
    assertSame(twins.send({ own: 1, [Symbol('s')]: 2 } as never), { own: 1 });
  });

  it('reads each property once, and lets what a getter throws pass', () => {
    let reads = 0;
    const value = {
      get a(): string {
        return `read ${++reads}`;
      },
    };
    const twins = new Twins(shape.object({ a: shape.string }));
    const end = twins.compiled.write(value, twins.views, OFFSET, OFFSET + 100);
    assertSame(twins.compiled.read(twins.views, OFFSET, end), { a: 'read 1' });
    expect(() =>
      twins.compiled.write(
        {
          get a(): string {
            throw new Error('mine');
          },
        },
        twins.views,
        OFFSET,
        OFFSET + 100,
      ),
    ).toThrow('mine');
  });
});

/** Random shapes, and random values of a given shape. */
import fc from 'fast-check';
import { type Infer, type LeafType, type Shape, shape } from '../../../dist/ts-src/model/shape.js';
import { Reference } from '../codec/pair.js';

const LEAVES = [
  ...(['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'safeInteger', 'float32', 'float64', 'bigint64', 'biguint64'] as const),
  ...(['boolean', 'string', 'bytes', 'agentRef', 'date', 'none'] as const),
];

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'id', 'name', 'größe', "it's", '7', '', 'new\nline', '\ud800', 'tail', 'value') },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty') },
);
const enumeration = fc
  .uniqueArray(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 20 })
  .map((values) => shape.enumeration(...(values as [string, ...string[]])));
const large = fc
  .integer({ min: 250, max: 400 })
  .map((count) => shape.enumeration(...(Array.from({ length: count }, (_, index) => `v${index}`) as [string, ...string[]])));

export const shapes: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape; plain: Shape; solid: Shape }>((tie) => ({
  shape: fc.oneof(
    { weight: 4, arbitrary: tie('plain') },
    { weight: 1, arbitrary: tie('plain').map((inner) => (inner.type === 'none' ? inner : shape.optional(inner))) },
  ),
  plain: fc.oneof(
    { weight: 5, arbitrary: tie('solid') },
    { weight: 1, arbitrary: tie('solid').map((inner) => (inner.type === 'none' ? inner : shape.nullable(inner))) },
  ),
  solid: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'shape' },
    fc.constantFrom<LeafType>(...LEAVES).map((type) => shape[type] as Shape),
    fc.oneof({ weight: 9, arbitrary: enumeration }, { weight: 1, arbitrary: large }),
    fc.dictionary(name, tie('shape'), { maxKeys: 6, depthIdentifier: 'shape', noNullPrototype: true }).map((fields) => shape.object(fields)),
    fc.dictionary(name, tie('shape'), { minKeys: 2, maxKeys: 6, depthIdentifier: 'shape', noNullPrototype: true }).map((fields) => shape.object(fields)),
    fc.array(tie('shape'), { maxLength: 4, depthIdentifier: 'shape' }).map((elements) => shape.tuple(...elements)),
    tie('shape').map((element) => shape.array(element)),
  ),
})).shape;

const whole = (min: number, max: number): fc.Arbitrary<number> => fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, 0, 1));
const text = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  fc.integer({ min: 0, max: 300 }).map((length) => 'x'.repeat(length)),
);
const uint32 = whole(0, 0xffff_ffff);

const LEAF_VALUES: Readonly<Record<LeafType, fc.Arbitrary<unknown>>> = {
  uint8: whole(0, 0xff),
  int8: whole(-0x80, 0x7f),
  uint16: whole(0, 0xffff),
  int16: whole(-0x8000, 0x7fff),
  uint32,
  int32: whole(-0x8000_0000, 0x7fff_ffff),
  safeInteger: fc.maxSafeInteger().map((value) => value + 0),
  float32: fc.float(),
  float64: fc.double(),
  bigint64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  biguint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  boolean: fc.boolean(),
  string: text,
  bytes: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 250, maxLength: 300 })),
  agentRef: fc.tuple(uint32, uint32, uint32, fc.option(text, { nil: undefined })).map((parts) => new Reference(...parts)),
  date: fc.date(),
  none: fc.constant(undefined),
};

/** Values that arrive as they are. */
export function valuesOf(of: Shape): fc.Arbitrary<unknown> {
  switch (of.type) {
    case 'enumeration':
      return fc.constantFrom(...of.values);
    case 'array':
      return fc.array(valuesOf(of.element), { maxLength: 5 });
    case 'tuple':
      return fc.tuple(...of.elements.map(valuesOf));
    case 'optional':
      return fc.option(valuesOf(of.inner), { nil: undefined });
    case 'nullable':
      return fc.option(valuesOf(of.inner), { nil: null });
    case 'object': {
      const fields = Object.entries(of.fields).map(([key, field]) =>
        fc.tuple(fc.constant(key), valuesOf(field), field.type === 'optional' ? fc.boolean() : fc.constant(true)),
      );
      return fc.tuple(...fields).map((all) => objectOf(all.filter(([, , present]) => present).map(([key, value]) => [key, value])));
    }
    default:
      return LEAF_VALUES[of.type];
  }
}

export function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const result = {};
  for (const [key, value] of entries) Object.defineProperty(result, key, { value, writable: true, enumerable: true, configurable: true });
  return result;
}

/** A shape with some values of it. */
export const samples: fc.Arbitrary<{ readonly shape: Shape; readonly values: readonly Infer<Shape>[] }> = shapes.chain((some) =>
  fc.array(valuesOf(some), { minLength: 1, maxLength: 4 }).map((values) => ({ shape: some, values })),
);

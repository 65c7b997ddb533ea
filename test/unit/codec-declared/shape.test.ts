import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCodec } from '../../../dist/ts-src/codec/declared/declared-codec.js';
import { NexusTypeError } from '../../../dist/ts-src/errors.js';
import { checkShape, describeShape, fingerprint, SHAPE_DEPTH_MAX, type Shape, shape } from '../../../dist/ts-src/model/shape.js';
import { references } from '../codec/pair.js';
import { shapes } from './arbitrary.js';
import { thrown } from './twins.js';

const customer = shape.object({
  id: shape.uint32,
  name: shape.string,
  tags: shape.array(shape.string, { lengthMax: 9 }),
  parent: shape.optional(shape.agentRef),
  place: shape.nullable(shape.tuple(shape.float64, shape.float64)),
  status: shape.enumeration('a', 'b'),
});

describe('a shape', () => {
  it('is frozen plain data', () => {
    expect(customer.fields.tags).toEqual({ type: 'array', element: { type: 'string' }, lengthMax: 9 });
    const frozen = (part: unknown): boolean => typeof part !== 'object' || part === null || (Object.isFrozen(part) && Object.values(part).every(frozen));
    expect(frozen(customer)).toBe(true);
    expect(structuredClone(customer)).toEqual(customer);
  });

  it('does not change with what it was made of', () => {
    const fields: Record<string, Shape> = { a: shape.int32 };
    const made = shape.object(fields);
    fields['b'] = shape.string;
    expect(describeShape(made)).toBe('object("a": int32)');
  });

  it('has one text', () => {
    expect(describeShape(customer)).toBe(
      'object("id": uint32, "name": string, "tags": array(string, 9), "parent": optional(agentRef), "place": nullable(tuple(float64, float64)), "status": enumeration("a", "b"))',
    );
    expect(describeShape(shape.object({}))).toBe('object()');
  });

  it('has a fingerprint that never changes', () => {
    expect(fingerprint(shape.int32)).toBe(3170857085);
    expect(fingerprint(shape.none)).toBe(4037822859);
    expect(fingerprint(customer)).toBe(3398032315);
    expect(fingerprint(shape.object({ größe: shape.int32 }))).toBe(1639551177);
    expect(fingerprint(structuredClone(customer))).toBe(fingerprint(customer));
    expect(compileCodec(customer, references).fingerprint).toBe(fingerprint(customer));
  });

  it('has another fingerprint when anything of it is another, the order of fields and values included', () => {
    const all: Shape[] = [
      shape.object({ a: shape.int32, b: shape.string }),
      shape.object({ b: shape.string, a: shape.int32 }),
      shape.object({ a: shape.int32, c: shape.string }),
      shape.object({ a: shape.uint32, b: shape.string }),
      shape.object({ a: shape.int32, b: shape.optional(shape.string) }),
      shape.object({ a: shape.int32, b: shape.nullable(shape.string) }),
      shape.object({ a: shape.int32 }),
      shape.object({ 'a": int32, "b': shape.string }),
      shape.tuple(shape.int32, shape.string),
      shape.enumeration('a', 'b'),
      shape.enumeration('b', 'a'),
      shape.enumeration('a", "b'),
      shape.array(shape.int32),
      shape.array(shape.int32, { lengthMax: 3 }),
      shape.array(shape.int32, { lengthMax: 4 }),
    ];
    expect(new Set(all.map(fingerprint)).size).toBe(all.length);
  });

  it('has a text of its own, and with it a fingerprint', () => {
    fc.assert(
      fc.property(shapes, shapes, (one, two) => {
        const same = JSON.stringify(one) === JSON.stringify(two);
        expect(describeShape(one) === describeShape(two)).toBe(same);
        expect(fingerprint(one) === fingerprint(two)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a declaration that is not usable', () => {
  const nested = (depth: number): Shape => (depth === 1 ? shape.int32 : shape.array(nested(depth - 1)));
  const fields = (count: number): Record<string, Shape> => Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, shape.int32]));
  const cyclic: { type: string; fields: Record<string, unknown> } = { type: 'object', fields: {} };
  cyclic.fields['next'] = { type: 'optional', inner: cyclic };
  const wide = (depth: number): unknown => {
    let part: unknown = { type: 'int32' };
    for (let level = 0; level < depth; level++) part = { type: 'tuple', elements: [part, part] };
    return part;
  };

  it.each<[string, () => unknown]>([
    ['object.price is not a shape but undefined', () => shape.object({ price: undefined as never })],
    ['object.price is not a shape but "int32"', () => shape.object({ price: 'int32' as never })],
    ['object needs its fields, not null', () => shape.object(null as never)],
    ['object has a symbol as the name of a field', () => shape.object({ [Symbol('x')]: shape.int32 } as never)],
    ['object has more than 1000 fields', () => shape.object(fields(1001))],
    ['array[] has the type "int33", which is none', () => shape.array({ type: 'int33' } as never)],
    ['array has the lengthMax -1; it must be a whole number from 0 to 2147483647', () => shape.array(shape.int32, { lengthMax: -1 })],
    ['tuple[1] is not a shape but 5', () => shape.tuple(shape.int32, 5 as never)],
    ['enumeration has the value "a" twice', () => shape.enumeration('a', 'b', 'a')],
    ['enumeration has the value 5, which is not a string', () => shape.enumeration('a', 5 as never)],
    ['enumeration needs its values', () => (shape.enumeration as (...values: string[]) => unknown)()],
    ['enumeration has more than 1000 values', () => shape.enumeration('x', ...Array.from({ length: 1000 }, (_, index) => `${index}`))],
    ['optional is optional(optional); one of the two is enough', () => shape.optional(shape.optional(shape.int32))],
    ['nullable is nullable(nullable); one of the two is enough', () => shape.nullable(shape.nullable(shape.int32))],
    ['nullable is nullable(optional); write optional(nullable(...))', () => shape.nullable(shape.optional(shape.int32))],
    ['optional is optional(none); one of the two is enough', () => shape.optional(shape.none)],
    ['array is more than 64 shapes deep', () => nested(SHAPE_DEPTH_MAX + 1)],
    [
      'object consists of more than 10000 shapes',
      () => shape.object(Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`f${index}`, shape.object(fields(1000))]))),
    ],
    ['shape.next contains itself', () => checkShape(cyclic)],
    [
      'shape.items[].price is not a shape but an object',
      () => checkShape({ type: 'object', fields: { items: { type: 'array', element: { type: 'object', fields: { price: {} } } } } }),
    ],
    ['shape.a has the value "x" twice', () => compileCodec({ type: 'object', fields: { a: { type: 'enumeration', values: ['x', 'x'] } } }, references)],
  ])('%s', (message, declare) => {
    const error = thrown(declare);
    expect(error).toBeInstanceOf(NexusTypeError);
    expect(error).toMatchObject({ code: 'NEXUS_DEFINITION_INVALID', message });
  });

  it('is refused in time when its parts are shared without end', () => {
    expect(thrown(() => checkShape(wide(60)))).toMatchObject({ code: 'NEXUS_DEFINITION_INVALID' });
    expect(thrown(() => checkShape(wide(100_000)))).toMatchObject({ code: 'NEXUS_DEFINITION_INVALID' });
  });

  it('is one beyond the limits only', () => {
    checkShape(nested(SHAPE_DEPTH_MAX));
    checkShape(shape.object(fields(1000)));
    checkShape(structuredClone(customer));
  });
});

/**
 * The language in which the input and the reply of an action are declared. A shape is frozen plain data, so that it can be compared, printed and
 * fingerprinted; `codec/declared/` makes code of it. Made by whoever calls `defineAgent`, at module load.
 */
import { NexusTypeError } from '../errors.js';
import type { AgentRef } from './agent-ref.js';
import { checkNames } from './nearest-name.js';

/** The values of the shapes that have no parts. */
export interface LeafValues {
  uint8: number;
  int8: number;
  uint16: number;
  int16: number;
  uint32: number;
  int32: number;
  /** A whole number up to 2^53 - 1 in size. */
  safeInteger: number;
  /** Rounded to the nearest. A finite number too large for it is refused. */
  float32: number;
  float64: number;
  bigint64: bigint;
  biguint64: bigint;
  boolean: boolean;
  string: string;
  bytes: Uint8Array;
  agentRef: AgentRef;
  date: Date;
  /** Nothing: the value is undefined and takes no bytes. */
  none: undefined;
}

export type LeafType = keyof LeafValues;
/** A shape without parts, such as `shape.string` or `shape.float64`. */
export interface LeafShape<T extends LeafType = LeafType> {
  readonly type: T;
}
/** As `shape.enumeration` makes it: one of some strings. */
export interface EnumerationShape<V extends readonly string[] = readonly string[]> {
  readonly type: 'enumeration';
  readonly values: V;
}
/** As `shape.array` makes it. */
export interface ArrayShape<E extends Shape = Shape> {
  readonly type: 'array';
  readonly element: E;
  readonly lengthMax?: number;
}
/** As `shape.tuple` makes it: an array of a fixed length with a shape for each element. */
export interface TupleShape<E extends readonly Shape[] = readonly Shape[]> {
  readonly type: 'tuple';
  readonly elements: E;
}
/** As `shape.optional` makes it: a field that may be missing or undefined. */
export interface OptionalShape<S extends Shape = Shape> {
  readonly type: 'optional';
  readonly inner: S;
}
/** As `shape.nullable` makes it: the inner shape, or null. */
export interface NullableShape<S extends Shape = Shape> {
  readonly type: 'nullable';
  readonly inner: S;
}
export type ShapeFields = Readonly<Record<string, Shape>>;
/** As `shape.object` makes it: these fields and no others, in this order on the wire. */
export interface ObjectShape<F extends ShapeFields = ShapeFields> {
  readonly type: 'object';
  readonly fields: F;
}
/** What an action may declare of its input and reply: plain data that describe a value. `Infer` is its TypeScript type. */
export type Shape = LeafShape | EnumerationShape | ArrayShape | TupleShape | OptionalShape | NullableShape | ObjectShape;

/** The values that a shape declares. */
export type Infer<S> = [Shape] extends [S]
  ? unknown
  : S extends LeafShape<infer T>
    ? LeafValues[T]
    : S extends EnumerationShape<infer V>
      ? V[number]
      : S extends ArrayShape<infer E>
        ? Infer<E>[]
        : S extends TupleShape<infer E>
          ? { -readonly [N in keyof E]: Infer<E[N]> }
          : S extends OptionalShape<infer I>
            ? Infer<I> | undefined
            : S extends NullableShape<infer I>
              ? Infer<I> | null
              : S extends ObjectShape<infer F>
                ? InferFields<F>
                : never;

type OptionalName<F> = { [N in keyof F]: F[N] extends OptionalShape ? N : never }[keyof F];
type InferFields<F> = Flat<{ -readonly [N in Exclude<keyof F, OptionalName<F>>]: Infer<F[N]> } & { -readonly [N in OptionalName<F>]?: Infer<F[N]> }>;
type Flat<T> = { [N in keyof T]: T[N] };

/** Fields of one object, values of one enumeration. */
export const SHAPE_FIELDS_MAX = 1000;
/** Shapes in one shape; one that is used twice counts twice. */
export const SHAPE_NODES_MAX = 10_000;
/** Shapes in each other. */
export const SHAPE_DEPTH_MAX = 64;
export const ARRAY_LENGTH_MAX = 2 ** 31 - 1;

/** The declaration language. Every maker throws NexusTypeError NEXUS_DEFINITION_INVALID for a declaration that is not usable, with the path. */
export const shape = Object.freeze({
  uint8: leaf('uint8'),
  int8: leaf('int8'),
  uint16: leaf('uint16'),
  int16: leaf('int16'),
  uint32: leaf('uint32'),
  int32: leaf('int32'),
  safeInteger: leaf('safeInteger'),
  float32: leaf('float32'),
  float64: leaf('float64'),
  bigint64: leaf('bigint64'),
  biguint64: leaf('biguint64'),
  boolean: leaf('boolean'),
  string: leaf('string'),
  bytes: leaf('bytes'),
  agentRef: leaf('agentRef'),
  date: leaf('date'),
  none: leaf('none'),

  /** One of these strings: 1 to 1,000, each once. Their order is part of the declaration. */
  enumeration<const V extends readonly [string, ...string[]]>(...values: V): EnumerationShape<V> {
    return made('enumeration', { type: 'enumeration', values: Object.freeze([...values]) as unknown as V });
  },

  /** `lengthMax` is checked on both sides; without it the limit is that of the message. */
  array<E extends Shape>(element: E, options: { readonly lengthMax?: number } = {}): ArrayShape<E> {
    checkNames('array', options, ['lengthMax']);
    const { lengthMax } = options;
    return made('array', lengthMax === undefined ? { type: 'array', element } : { type: 'array', element, lengthMax });
  },

  tuple<const E extends readonly Shape[]>(...elements: E): TupleShape<E> {
    return made('tuple', { type: 'tuple', elements: Object.freeze([...elements]) as unknown as E });
  },

  /** Or undefined; as a field, or absent. What was absent arrives absent, what was undefined arrives undefined. */
  optional<S extends Shape>(inner: S): OptionalShape<S> {
    return made('optional', { type: 'optional', inner });
  },

  /** Or null. `optional(nullable(...))` for both. */
  nullable<S extends Shape>(inner: S): NullableShape<S> {
    return made('nullable', { type: 'nullable', inner });
  },

  /** Exactly these properties, 0 to 1,000: one that is not declared is a mismatch. The order of the fields is part of the declaration. */
  object<F extends ShapeFields>(fields: F): ObjectShape<F> {
    if (typeof fields !== 'object' || fields === null) throw invalid('object', `needs its fields, not ${show(fields)}`);
    if (Object.getOwnPropertySymbols(fields).length > 0) throw invalid('object', 'has a symbol as the name of a field');
    const copy = {};
    // Not an assignment, which would not make a property of '__proto__'.
    for (const [name, value] of Object.entries(fields)) Object.defineProperty(copy, name, { value, enumerable: true });
    return made('object', { type: 'object', fields: Object.freeze(copy) as F });
  },
});

/** The canonical text of a shape: two shapes are the same exactly when their texts are. */
export function describeShape(described: Shape): string {
  switch (described.type) {
    case 'enumeration':
      return `enumeration(${described.values.map((value) => JSON.stringify(value)).join(', ')})`;
    case 'array':
      return `array(${describeShape(described.element)}${described.lengthMax === undefined ? '' : `, ${described.lengthMax}`})`;
    case 'tuple':
      return `tuple(${described.elements.map(describeShape).join(', ')})`;
    case 'optional':
    case 'nullable':
      return `${described.type}(${describeShape(described.inner)})`;
    case 'object': {
      const fields = Object.entries(described.fields).map(([name, field]) => `${JSON.stringify(name)}: ${describeShape(field)}`);
      return `object(${fields.join(', ')})`;
    }
    default:
      return described.type;
  }
}

/** 32 bits that differ, but for chance, when anything of two shapes differs; the same in every process. FNV-1a of the text, mixed as MurmurHash3 ends. */
export function fingerprint(fingerprinted: Shape): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(describeShape(fingerprinted))) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Accepts shapes that were not made here too, such as copies from another thread. @throws NexusTypeError NEXUS_DEFINITION_INVALID, which begins with `subject` */
export function checkShape(value: unknown, subject = 'shape'): asserts value is Shape {
  measure(value, subject, []);
}

interface Measure {
  readonly depth: number;
  readonly nodes: number;
}

const LEAF: Measure = { depth: 1, nodes: 1 };
const LEAF_TYPES: ReadonlySet<string> = new Set<LeafType>([
  ...(['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'safeInteger', 'float32', 'float64', 'bigint64', 'biguint64'] as const),
  ...(['boolean', 'string', 'bytes', 'agentRef', 'date', 'none'] as const),
]);

/** Of the shapes made here, which are frozen: so that what is built of parts is not checked again for every whole. */
const MEASURED = new WeakMap<object, Measure>();

function leaf<T extends LeafType>(type: T): LeafShape<T> {
  return Object.freeze({ type });
}

function made<S extends Shape>(maker: string, result: S): S {
  MEASURED.set(result, measure(result, maker, []));
  return Object.freeze(result);
}

function measure(value: unknown, path: string, around: unknown[]): Measure {
  if (typeof value !== 'object' || value === null) throw invalid(path, `is not a shape but ${show(value)}`);
  const known = MEASURED.get(value);
  if (known !== undefined) return known;
  if (LEAF_TYPES.has((value as Shape).type)) return LEAF;
  if (around.includes(value)) throw invalid(path, 'contains itself');
  if (around.length >= SHAPE_DEPTH_MAX) throw invalid(path, `is more than ${SHAPE_DEPTH_MAX} shapes deep`);
  let depth = 0;
  let nodes = 1;
  around.push(value);
  for (const [step, part] of partsOf(value as Shape, path)) {
    const below = measure(part, path + step, around);
    depth = Math.max(depth, below.depth);
    nodes += below.nodes;
    // At once, because data that was not made here can share its parts and be endless in effect.
    if (nodes > SHAPE_NODES_MAX) throw invalid(path, `consists of more than ${SHAPE_NODES_MAX} shapes`);
  }
  around.pop();
  if (depth >= SHAPE_DEPTH_MAX) throw invalid(path, `is more than ${SHAPE_DEPTH_MAX} shapes deep`);
  return { depth: depth + 1, nodes };
}

/** What is in a shape that is not a leaf, after what is its own has been checked. */
function partsOf(whole: Shape, path: string): (readonly [step: string, part: unknown])[] {
  switch (whole.type) {
    case 'enumeration':
      checkValues(whole.values, path);
      return [];
    case 'array': {
      const { lengthMax } = whole;
      if (lengthMax !== undefined && !(Number.isInteger(lengthMax) && lengthMax >= 0 && lengthMax <= ARRAY_LENGTH_MAX))
        throw invalid(path, `has the lengthMax ${show(lengthMax)}; it must be a whole number from 0 to ${ARRAY_LENGTH_MAX}`);
      return [['[]', whole.element]];
    }
    case 'tuple':
      if (!Array.isArray(whole.elements)) throw invalid(path, 'needs its elements');
      if (whole.elements.length > SHAPE_FIELDS_MAX) throw invalid(path, `has more than ${SHAPE_FIELDS_MAX} elements`);
      return Array.from(whole.elements, (element, index) => [`[${index}]`, element]);
    case 'optional':
    case 'nullable': {
      const type = (whole.inner as Shape | undefined)?.type;
      if (type === 'optional' || type === 'none' || type === whole.type)
        throw invalid(
          path,
          `is ${whole.type}(${type}); ${type === 'optional' && whole.type === 'nullable' ? 'write optional(nullable(...))' : 'one of the two is enough'}`,
        );
      return [['', whole.inner]];
    }
    case 'object': {
      if (typeof whole.fields !== 'object' || whole.fields === null) throw invalid(path, 'needs its fields');
      const fields = Object.entries(whole.fields);
      if (fields.length > SHAPE_FIELDS_MAX) throw invalid(path, `has more than ${SHAPE_FIELDS_MAX} fields`);
      return fields.map(([name, field]) => [`.${name}`, field]);
    }
    default:
      if ((whole as { type: unknown }).type === undefined) throw invalid(path, 'is not a shape but an object');
      throw invalid(path, `has the type ${show((whole as { type: unknown }).type)}, which is none`);
  }
}

function checkValues(values: readonly string[], path: string): void {
  if (!Array.isArray(values) || values.length === 0) throw invalid(path, 'needs its values');
  if (values.length > SHAPE_FIELDS_MAX) throw invalid(path, `has more than ${SHAPE_FIELDS_MAX} values`);
  const seen = new Set<string>();
  for (const value of values) {
    if (typeof value !== 'string') throw invalid(path, `has the value ${show(value)}, which is not a string`);
    if (seen.has(value)) throw invalid(path, `has the value ${show(value)} twice`);
    seen.add(value);
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' && value !== null ? 'an object' : typeof value === 'function' ? 'a function' : String(value);
}

function invalid(path: string, message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `${path} ${message}`);
}

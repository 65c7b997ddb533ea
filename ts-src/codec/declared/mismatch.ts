/** Says where a value does not fit its declaration. A second walk, after writing has failed: writing itself does not pay for knowing paths. */
import { NexusTypeError } from '../../errors.js';
import { nearest } from '../../model/nearest-name.js';
import type { LeafType, Shape } from '../../model/shape.js';
import type { ReferenceCodec } from '../reference-codec.js';
import { fieldOf, hasField, isFieldHolder, undeclaredField } from './declared-fields.js';
import { ACCEPTS } from './fixed-values.js';
import { isBytes, isReference } from './text.js';

const TEXT_LENGTH_MAX = 60;
const NAMES_SHOWN_MAX = 10;

const EXPECTED: Readonly<Record<LeafType, string>> = {
  uint8: 'a uint8',
  int8: 'an int8',
  uint16: 'a uint16',
  int16: 'an int16',
  uint32: 'a uint32',
  int32: 'an int32',
  safeInteger: 'a safe integer',
  float32: 'a float32',
  float64: 'a number',
  bigint64: 'a bigint64',
  biguint64: 'a biguint64',
  boolean: 'a boolean',
  string: 'a string',
  bytes: 'a Uint8Array of unshared memory',
  agentRef: 'an AgentRef',
  date: 'a Date',
  none: 'undefined',
};

/** `subject` is what the value is called, and is followed by the path: `message`, `input of 'add'`. */
export function mismatch(shape: Shape, value: unknown, subject: string, references: ReferenceCodec, data?: Record<string, unknown>): NexusTypeError {
  const found = explain(shape, value, subject, references);
  return new NexusTypeError('NEXUS_SHAPE_MISMATCH', found ?? `${subject} changed while it was written`, data);
}

/** undefined when it fits. Looks at everything in the order of writing. */
export function explain(shape: Shape, value: unknown, path: string, references: ReferenceCodec): string | undefined {
  switch (shape.type) {
    case 'optional':
      return value === undefined ? undefined : explain(shape.inner, value, path, references);
    case 'nullable':
      return value === null ? undefined : explain(shape.inner, value, path, references);
    case 'enumeration':
      return shape.values.includes(value as string) ? undefined : isNot(path, value, `one of ${listed(shape.values.map((known) => JSON.stringify(known)))}`);
    case 'array': {
      if (!Array.isArray(value)) return isNot(path, value, 'an array');
      const { element, lengthMax } = shape;
      if (lengthMax !== undefined && value.length > lengthMax) return `${path} has ${value.length} elements, more than ${lengthMax}`;
      return first(value, (part, index) => explain(element, part, `${path}[${index}]`, references));
    }
    case 'tuple': {
      const { elements } = shape;
      if (!Array.isArray(value)) return isNot(path, value, 'an array');
      if (value.length !== elements.length) return `${path} has ${value.length} elements, not ${elements.length}`;
      return first(elements, (element, index) => explain(element, value[index], `${path}[${index}]`, references));
    }
    case 'object':
      return explainObject(Object.entries(shape.fields), value, path, references);
    default:
      return isOfLeaf(shape.type, value, references) ? undefined : isNot(path, value, EXPECTED[shape.type]);
  }
}

function explainObject(fields: [string, Shape][], value: unknown, path: string, references: ReferenceCodec): string | undefined {
  if (typeof value !== 'object' || value === null) return isNot(path, value, 'an object');
  if (fields.every(([, { type }]) => type === 'optional' || type === 'none') && !isFieldHolder(value)) return isNot(path, value, 'an object with fields');
  const names = fields.map(([name]) => name);
  const undeclared = undeclaredField(value, new Set(names));
  const wrong = first(fields, ([name, field]) => {
    const inside = fieldOf(value, name);
    if (inside !== undefined || hasField(value, name) || field.type === 'optional') return explain(field, inside, path + step(name), references);
    return field.type === 'none'
      ? undefined
      : `${path}${step(name)} is missing${undeclared === undefined ? '' : `, and ${path}${step(undeclared)} is not declared`}`;
  });
  if (wrong !== undefined || undeclared === undefined) return wrong;
  const meant = nearest(undeclared, names);
  const hint = meant === undefined ? `fields are ${listed(names)}` : `did you mean '${meant}'?`;
  return `${path}${step(undeclared)} is not declared; ${hint}`;
}

function isOfLeaf(type: LeafType, value: unknown, references: ReferenceCodec): boolean {
  switch (type) {
    case 'none':
      return value === undefined;
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return isBytes(value);
    case 'agentRef':
      return isReference(references, value);
    default:
      return ACCEPTS[type](value);
  }
}

/** The first explanation. Visits holes too. */
function first<T>(parts: readonly T[], explainPart: (part: T, index: number) => string | undefined): string | undefined {
  for (let index = 0; index < parts.length; index++) {
    const found = explainPart(parts[index] as T, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function step(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${show(name)}]`;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  return names.slice(0, NAMES_SHOWN_MAX).join(', ') + (names.length > NAMES_SHOWN_MAX ? `, and ${names.length - NAMES_SHOWN_MAX} more` : '');
}

function isNot(path: string, value: unknown, expected: string): string {
  return `${path} is ${show(value)}, not ${expected}`;
}

function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > TEXT_LENGTH_MAX ? `${value.slice(0, TEXT_LENGTH_MAX)}...` : value);
    case 'bigint':
      return value > -(2n ** 128n) && value < 2n ** 128n ? `${value}n` : 'a long bigint';
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : `an object${classOf(value)}`;
    default:
      return Object.is(value, -0) ? '-0' : String(value);
  }
}

function classOf(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? ` of class ${name.slice(0, TEXT_LENGTH_MAX)}` : '';
}

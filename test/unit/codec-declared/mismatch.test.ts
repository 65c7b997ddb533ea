import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCodec } from '../../../dist/ts-src/codec/declared/declared-codec.js';
import { NexusTypeError } from '../../../dist/ts-src/errors.js';
import { type Infer, type Shape, shape } from '../../../dist/ts-src/model/shape.js';
import { Reference, references } from '../codec/pair.js';
import { objectOf, shapes, valuesOf } from './arbitrary.js';
import { OFFSET, thrown, Twins } from './twins.js';

const order = shape.object({
  id: shape.uint32,
  status: shape.enumeration('open', 'paid'),
  items: shape.array(shape.object({ price: shape.int32, 'unit name': shape.optional(shape.string) }), { lengthMax: 3 }),
  owner: shape.nullable(shape.agentRef),
  at: shape.tuple(shape.float64, shape.float64),
});
const good: Infer<typeof order> = { id: 1, status: 'open', items: [{ price: 1 }, { price: 2 }, { price: 3 }], owner: null, at: [1, 2] };

describe('a value that does not fit its declaration', () => {
  const twins = new Twins(order);

  it.each<[string, object | string | null | undefined]>([
    ['message.items[2].price is 3.5, not an int32', { ...good, items: [{ price: 1 }, { price: 2 }, { price: 3.5 }] }],
    ['message.items[0]["unit name"] is 5, not a string', { ...good, items: [{ price: 1, 'unit name': 5 }] }],
    ['message.items[0].price is missing, and message.items[0].prize is not declared', { ...good, items: [{ prize: 1 }] }],
    ["message.items[0].unitname is not declared; did you mean 'unit name'?", { ...good, items: [{ price: 1, unitname: 'kg' }] }],
    ['message.items[0] is null, not an object', { ...good, items: [null] }],
    ['message.items has 4 elements, more than 3', { ...good, items: [1, 2, 3, 4] }],
    ['message.items is an object, not an array', { ...good, items: {} }],
    ['message.id is missing', without('id')],
    ['message.id is undefined, not a uint32', { ...good, id: undefined }],
    ['message.id is "1", not a uint32', { ...good, id: '1' }],
    ['message.id is 5n, not a uint32', { ...good, id: 5n }],
    ['message.id is -1, not a uint32', { ...good, id: -1 }],
    ['message.id is a symbol, not a uint32', { ...good, id: Symbol('x') }],
    ['message.status is "closed", not one of "open", "paid"', { ...good, status: 'closed' }],
    ['message.status is null, not one of "open", "paid"', { ...good, status: null }],
    ['message.owner is undefined, not an AgentRef', { ...good, owner: undefined }],
    ['message.owner is an object, not an AgentRef', { ...good, owner: {} }],
    ['message.owner is an object of class Map, not an AgentRef', { ...good, owner: new Map() }],
    ['message.owner is a function, not an AgentRef', { ...good, owner: () => {} }],
    ['message.at has 3 elements, not 2', { ...good, at: [1, 2, 3] }],
    ['message.at[1] is "x", not a number', { ...good, at: [1, 'x'] }],
    ['message.note is not declared; fields are id, status, items, owner, at', { ...good, note: 'x' }],
    [`message.id is ${JSON.stringify(`${'x'.repeat(60)}...`)}, not a uint32`, { ...good, id: 'x'.repeat(1000) }],
    ['message is undefined, not an object', undefined],
    ['message is null, not an object', null],
    ['message is "text", not an object', 'text'],
  ])('%s', (message, value) => {
    const error = twins.refusal(value);
    expect(error).toBeInstanceOf(NexusTypeError);
    expect(error).toMatchObject({ code: 'NEXUS_SHAPE_MISMATCH', message });
  });

  it('is called what the caller calls it', () => {
    const codec = compileCodec(shape.object({ a: shape.int32 }), references, { subject: 'reply' });
    expect(thrown(() => codec.write({ a: 1.5 }, twins.views, OFFSET, OFFSET + 100))?.message).toBe('reply.a is 1.5, not an int32');
  });

  it('is said to have changed when it did', () => {
    let reads = 0;
    const value = {
      ...good,
      get id(): number {
        return reads++ === 0 ? -1 : 1;
      },
    };
    expect(thrown(() => twins.compiled.write(value, twins.views, OFFSET, OFFSET + 1000))?.message).toBe('message changed while it was written');
  });

  it('is found wherever it is, and named', () => {
    const cases = shapes.chain((of) => valuesOf(of).map((value) => ({ of, value }))).filter(({ of, value }) => leaves(of, value, 'message').length > 0);
    fc.assert(
      fc.property(cases, fc.nat(), ({ of, value }, pick) => {
        const paths = leaves(of, value, 'message');
        const path = paths[pick % paths.length] as string;
        const twinsOf = new Twins(of);
        expect(twinsOf.refusal(value)).toBeUndefined();
        expect(twinsOf.refusal(spoilt(of, value, 'message', path))?.message.startsWith(`${path} is a function, not `)).toBe(true);
      }),
      { numRuns: 700 },
    );
  });

  it('is one with a property too many, wherever that is', () => {
    const cases = shapes.chain((of) => valuesOf(of).map((value) => ({ of, value }))).filter(({ of, value }) => objects(of, value, 'message').length > 0);
    fc.assert(
      fc.property(cases, fc.nat(), ({ of, value }, pick) => {
        const paths = objects(of, value, 'message');
        const path = paths[pick % paths.length] as string;
        const twinsOf = new Twins(of);
        expect(twinsOf.refusal(value)).toBeUndefined();
        expect(twinsOf.refusal(spoilt(of, value, 'message', path))?.message.startsWith(`${path}.undeclared is not declared; `)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

function without(name: keyof typeof good): object {
  const { [name]: _, ...rest } = good;
  return rest;
}

const step = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`);

/** What is inside a value, with its shape. */
function inside(of: Shape, value: unknown): { readonly step: string; readonly key: string; readonly of: Shape; readonly value: unknown }[] | undefined {
  if (value === undefined || value === null) return undefined;
  switch (of.type) {
    case 'optional':
    case 'nullable':
      return inside(of.inner, value);
    case 'array':
      return (value as unknown[]).map((part, index) => ({ step: `[${index}]`, key: String(index), of: of.element, value: part }));
    case 'tuple':
      return of.elements.map((element, index) => ({ step: `[${index}]`, key: String(index), of: element, value: (value as unknown[])[index] }));
    case 'object':
      return Object.entries(of.fields)
        .filter(([name]) => Object.hasOwn(value, name))
        .map(([name, field]) => ({ step: step(name), key: name, of: field, value: Object.getOwnPropertyDescriptor(value, name)?.value }));
    default:
      return undefined;
  }
}

function leaves(of: Shape, value: unknown, path: string): string[] {
  return inside(of, value)?.flatMap((part) => leaves(part.of, part.value, path + part.step)) ?? [path];
}

function objects(of: Shape, value: unknown, path: string): string[] {
  const parts = inside(of, value) ?? [];
  const own = parts.flatMap((part) => objects(part.of, part.value, path + part.step));
  return typeof value === 'object' && value !== null && inside(of, value) !== undefined && !Array.isArray(value) ? [path, ...own] : own;
}

/** The same value with a function at a path, or when there is an object at the path, with a property too many. */
function spoilt(of: Shape, value: unknown, path: string, target: string): unknown {
  const parts = inside(of, value);
  if (path === target && (parts === undefined || Array.isArray(value))) return () => {};
  if (parts === undefined || value instanceof Reference) return value;
  const entries = parts.map((part) => [part.key, spoilt(part.of, part.value, path + part.step, target)] as const);
  if (Array.isArray(value)) return entries.map(([, part]) => part);
  return objectOf(path === target ? [...entries, ['undeclared', 1]] : entries);
}

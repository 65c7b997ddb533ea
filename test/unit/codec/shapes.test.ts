import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SHAPE_KEYS_MAX, SHAPE_NODES_MAX, SHAPES_MAX, type ShapeTree } from '../../../dist/ts-src/codec/shapes.js';
import type { ValueEncoder } from '../../../dist/ts-src/codec/value-encoder.js';
import { Pair } from './pair.js';

const treeOf = (encoder: ValueEncoder): ShapeTree => (encoder as unknown as { writer: { tree: ShapeTree } }).writer.tree;

describe('the shapes of a stream', () => {
  it('let a message be shorter from the third time on', () => {
    const pair = new Pair();
    const sizes = [1, 2, 3, 4].map((index) => {
      const bytes = pair.encoded({ customer: index, address: { street: 'a', city: 'b' } });
      pair.decoder.decode(bytes, 0, bytes.length);
      return bytes.length;
    });
    expect(sizes).toEqual([36, 42, 9, 9]);
    expect(pair.encoder.shapeCount).toBe(2);
    expect(pair.decoder.shapeCount).toBe(2);
  });

  it('survive ten thousand messages of changing shapes', () => {
    const pair = new Pair();
    const random = fc.sample(fc.record({ keys: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 4 }), nested: fc.integer({ min: 0, max: 50 }) }), {
      numRuns: 10_000,
      seed: 7,
    });
    for (const { keys, nested } of random) {
      const message: Record<string, unknown> = { list: [{ [`n${nested}`]: nested }, { common: nested }] };
      for (const key of keys) message[`key${key}`] = key;
      expect(pair.send(message)).toStrictEqual(message);
    }
    expect(pair.encoder.shapeCount).toBeGreaterThan(500);
    expect(pair.decoder.shapeCount).toBe(pair.encoder.shapeCount);
  });

  it('are told apart by the order of their keys and by one being the start of the other', () => {
    const pair = new Pair();
    for (let times = 0; times < 12; times++) {
      for (const message of [{ a: 1, b: 2 }, { b: 1, a: 2 }, { a: 1 }, { a: 1, b: 2, c: 3 }, {}]) {
        const result = pair.send(message);
        expect(result).toStrictEqual(message);
        expect(Object.keys(result)).toEqual(Object.keys(message));
      }
    }
    expect(pair.encoder.shapeCount).toBe(4);
  });

  it('are used by class instances and objects without prototype too', () => {
    class Point {
      constructor(
        readonly x: number,
        readonly y: number,
      ) {}
    }
    const pair = new Pair();
    for (let times = 0; times < 12; times++) {
      expect(pair.send(new Point(times, 2))).toStrictEqual({ x: times, y: 2 });
      expect(pair.send(Object.assign(Object.create(null), { x: 5, y: 6 }))).toStrictEqual({ x: 5, y: 6 });
    }
    expect(pair.encoder.shapeCount).toBe(1);
  });

  it('do not grow when objects are used as dictionaries', () => {
    const pair = new Pair();
    for (let index = 0; index < 50_000; index++) {
      const message = { [`user-${index}`]: index, [`${index}`]: 1 };
      if (index % 100 === 0) expect(pair.send(message)).toStrictEqual(message);
      else pair.send(message);
    }
    expect(pair.encoder.shapeCount).toBe(0);
    expect(treeOf(pair.encoder).nodeCount).toBeLessThanOrEqual(SHAPE_NODES_MAX);
    // And there is still room for what is a shape.
    for (let times = 0; times < 3; times++) pair.send({ a: 1 });
    expect(pair.encoder.shapeCount).toBe(1);
  });

  it('are kept while dictionaries pass between them', () => {
    const pair = new Pair();
    for (let index = 0; index < 40_000; index++) {
      pair.send({ [`k${index}`]: 1, [`l${index}`]: 1 });
      if (index % 1000 < 2) expect(pair.send({ id: index, value: { x: 1 } })).toStrictEqual({ id: index, value: { x: 1 } });
    }
    expect(pair.encoder.shapeCount).toBe(2);
    const known = pair.encoded({ id: 1, value: { x: 1 } });
    expect(known.length).toBe(6);
  });

  it('stop at the limit, and everything still arrives', () => {
    const pair = new Pair();
    for (let times = 0; times < 3; times++) {
      for (let index = 0; index < SHAPES_MAX + 500; index++) {
        const message = { [`key${index}`]: index, x: { [`inner${index % 7}`]: 1 } };
        expect(pair.send(message)).toStrictEqual(message);
      }
    }
    expect(pair.encoder.shapeCount).toBe(SHAPES_MAX);
    expect(pair.decoder.shapeCount).toBe(SHAPES_MAX);
  });

  it('do not grow the tree past its limit within one message, nor when there are no more shapes', () => {
    const pair = new Pair();
    const message = Array.from({ length: SHAPE_NODES_MAX * 2 }, (_, index) => ({ [`key${index}`]: 1 }));
    expect(pair.send(message)).toStrictEqual(message);
    expect(treeOf(pair.encoder).nodeCount).toBe(SHAPE_NODES_MAX);
    for (let times = 0; times < 2; times++) for (let index = 0; index < SHAPES_MAX; index++) pair.send({ [`shape${index}`]: 1 });
    expect(pair.encoder.shapeCount).toBe(SHAPES_MAX);
    const { nodeCount } = treeOf(pair.encoder);
    for (let index = 0; index < 100; index++) pair.send({ [`late${index}`]: 1 });
    expect(treeOf(pair.encoder).nodeCount).toBe(nodeCount);
  });

  it('are not made of objects with too many keys or too long ones', () => {
    const pair = new Pair();
    const wide = Object.fromEntries(Array.from({ length: SHAPE_KEYS_MAX + 1 }, (_, index) => [`k${index}`, index]));
    for (let times = 0; times < 4; times++) {
      expect(pair.send(wide)).toStrictEqual(wide);
      expect(pair.send({ ['x'.repeat(200)]: 1 })).toStrictEqual({ ['x'.repeat(200)]: 1 });
    }
    expect(pair.encoder.shapeCount).toBe(0);
  });

  it('are forgotten on reset of both sides, and built again', () => {
    const pair = new Pair();
    for (let round = 0; round < 3; round++) {
      for (let times = 0; times < 20; times++) expect(pair.send({ a: times, b: { c: round } })).toStrictEqual({ a: times, b: { c: round } });
      expect(pair.encoder.shapeCount).toBe(2);
      pair.encoder.reset();
      pair.decoder.reset();
      expect(pair.encoder.shapeCount).toBe(0);
      expect(pair.decoder.shapeCount).toBe(0);
    }
  });

  it('make the decoder complain when only one side is reset', () => {
    const pair = new Pair();
    for (let times = 0; times < 3; times++) pair.send({ a: 1 });
    pair.decoder.reset();
    expect(() => pair.send({ a: 1 })).toThrowError(expect.objectContaining({ code: 'NEXUS_MESSAGE_CORRUPT' }));
  });

  it('do not confuse an object whose getter removes one of its keys', () => {
    const pair = new Pair();
    for (let times = 0; times < 20; times++) {
      pair.send({ a: 1, b: 2, c: 3 });
      const value: Record<string, unknown> = {
        get a() {
          delete value.b;
          return 1;
        },
        b: 2,
        c: 3,
      };
      expect(pair.send(value)).toMatchObject({ a: 1, c: 3 });
      expect(pair.send([1, 'after'])).toEqual([1, 'after']);
    }
  });

  it('need no code generation from strings', () => {
    const script = `
      import { ValueEncoder } from './dist/ts-src/codec/value-encoder.js';
      import { ValueDecoder } from './dist/ts-src/codec/value-decoder.js';
      const encoder = new ValueEncoder({}), decoder = new ValueDecoder({}), bytes = new Uint8Array(1000);
      let result;
      for (let index = 0; index < 100; index++) result = decoder.decode(bytes, 0, encoder.encode({ index, b: { c: 'x' } }, bytes, 0, 1000));
      let generates = true;
      try { new Function(''); } catch { generates = false; }
      console.log(JSON.stringify({ generates, result }));`;
    const output = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual({ generates: false, result: { index: 99, b: { c: 'x' } } });
  });
});

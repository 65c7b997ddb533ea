import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Shape, shape } from '../../../dist/ts-src/model/shape.js';
import { assertSame, Twins } from './twins.js';

describe('a shape at its limits', () => {
  it('arrives with 1,000 fields, half of them optional', () => {
    const fields = Array.from({ length: 1000 }, (_, index) => [`f${index}`, index % 2 === 0 ? shape.float64 : shape.optional(shape.string)] as const);
    const twins = new Twins(shape.object(Object.fromEntries(fields) as Record<string, Shape>));
    const value = Object.fromEntries(
      fields.map(([name], index) => [name, index % 2 === 0 ? index : `text ${index}`]).filter((_, index) => index % 3 !== 1 || index % 2 === 0),
    );
    assertSame(twins.send(value), value);
  });

  it('arrives 64 deep, in arrays and in optional objects', () => {
    let [arrays, objects]: [Shape, Shape] = [shape.string, shape.string];
    let [array, object]: [unknown, unknown] = ['x', 'x'];
    for (let level = 1; level < 63; level++) [arrays, array] = [shape.array(arrays), [array]];
    for (let level = 1; level < 63; level += 2)
      [objects, object] = [shape.object({ a: shape.uint8, inner: shape.optional(objects) }), { a: level, inner: object }];
    assertSame(new Twins(arrays).send(array as never), array);
    assertSame(new Twins(objects).send(object as never), object);
  });
});

describe('a process that forbids code generation from strings', () => {
  it('gets a codec that says so and works', () => {
    const dist = fileURLToPath(new URL('../../../dist/ts-src/', import.meta.url));
    const script = `
      import { compileCodec } from '${dist}codec/declared/declared-codec.js';
      import { memoryViews } from '${dist}codec/declared/memory-views.js';
      import { shape } from '${dist}model/shape.js';
      const views = memoryViews(new SharedArrayBuffer(1024));
      const codec = compileCodec(shape.object({ id: shape.int32, name: shape.string }), {});
      const end = codec.write({ id: -5, name: 'größe' }, views, 8, 1024);
      console.log(JSON.stringify([codec.compiled, codec.read(views, 8, end)]));`;
    const output = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual([false, { id: -5, name: 'größe' }]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCodec } from '../../../dist/ts-src/codec/declared/declared-codec.js';
import { memoryViews } from '../../../dist/ts-src/codec/declared/memory-views.js';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { shape } from '../../../dist/ts-src/model/shape.js';
import { Reference, references } from '../codec/pair.js';
import { samples } from './arbitrary.js';
import { assertSame, OFFSET, thrown, Twins } from './twins.js';

/** A byte of every kind that a message has, and gaps between them. */
const long = {
  shape: shape.object({
    text: shape.string,
    wide: shape.string,
    numbers: shape.array(shape.float64),
    content: shape.bytes,
    one: shape.optional(shape.object({ a: shape.float64, b: shape.string })),
    to: shape.nullable(shape.agentRef),
  }),
  values: [
    {
      text: 'a'.repeat(40),
      wide: 'é'.repeat(20),
      numbers: [1.5, 2],
      content: new Uint8Array(300),
      one: { a: 1, b: '日本' },
      to: new Reference(1, 2, 3, 'id') as never,
    },
    { text: `${'ü'.repeat(50)}`, wide: '\ud800', numbers: [], content: new Uint8Array(3), to: null },
  ],
};

describe('a message that does not fit', () => {
  it('is refused with -1 at every limit, and writes nothing beyond it', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: samples }, { weight: 1, arbitrary: fc.constant(long) }), ({ shape: declared, values }) => {
        const twins = new Twins(declared);
        const { bytes } = twins.views;
        for (const codec of [twins.compiled, twins.interpreted]) {
          for (const value of values) {
            const length = twins.encoded(value as never).length;
            for (let room = length > 600 ? length - 600 : 0; room <= length; room++) {
              bytes.fill(0xa5, OFFSET, OFFSET + length + 64);
              const end = codec.write(value as never, twins.views, OFFSET, OFFSET + room);
              if (end !== (room === length ? OFFSET + length : -1)) throw new Error(`with room for ${room} of ${length} bytes the end is ${end}`);
              for (let at = OFFSET + room; at < OFFSET + length + 64; at++)
                if (bytes[at] !== 0xa5) throw new Error(`with room for ${room} of ${length} bytes, ${at - OFFSET} was written`);
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is refused with -1 at every limit when it is one long text, which the native writer would cut', () => {
    const twins = new Twins(shape.string);
    for (const text of [
      'x'.repeat(99),
      'é'.repeat(40),
      '日'.repeat(40),
      `${'a'.repeat(60)}é`,
      `é${'a'.repeat(60)}`,
      '😀'.repeat(30),
      '\ud800'.repeat(40),
      `${'é'.repeat(40)}\ud800`,
    ]) {
      const length = twins.encoded(text).length;
      for (let room = 0; room < length; room++) expect(twins.compiled.write(text, twins.views, OFFSET, OFFSET + room)).toBe(-1);
      for (let room = length; room < length + 200; room++) {
        expect(twins.compiled.write(text, twins.views, OFFSET, OFFSET + room)).toBe(OFFSET + length);
        expect(twins.compiled.read(twins.views, OFFSET, OFFSET + length)).toBe(text);
      }
    }
  });

  it('is corrupt for the reader at every end but its own', () => {
    fc.assert(
      fc.property(samples, ({ shape: declared, values }) => {
        const twins = new Twins(declared);
        const { bytes } = twins.views;
        for (const value of values) {
          const message = twins.encoded(value as never);
          bytes.fill(0, OFFSET, OFFSET + message.length + 64);
          bytes.set(message, OFFSET);
          for (const codec of [twins.compiled, twins.interpreted]) {
            for (let length = 0; length < message.length + 9; length++) {
              if (length === message.length) continue;
              const error = thrown(() => codec.read(twins.views, OFFSET, OFFSET + length));
              if (!(error instanceof NexusError) || error.code !== 'NEXUS_MESSAGE_CORRUPT') throw new Error(`${length} of ${message.length} bytes: ${error}`);
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is written after all when there is room, in private memory too, up to its last byte', () => {
    const codec = compileCodec(shape.array(shape.float64), references);
    const views = memoryViews(new ArrayBuffer(8 + 8 * 100));
    const value = Array.from({ length: 100 }, (_, index) => index + 0.5);
    expect(codec.write([...value, 1], views, 0, views.bytes.length)).toBe(-1);
    expect(codec.write(value, views, 0, views.bytes.length)).toBe(views.bytes.length);
    assertSame(codec.read(views, 0, views.bytes.length), value);
  });
});

describe('the size of a message', () => {
  it('is known beforehand exactly when all values take the same', () => {
    const sizeOf = (declared: Parameters<typeof compileCodec>[0]): number | undefined => compileCodec(declared, references).fixedBytes;
    expect(
      sizeOf(shape.object({ flag: shape.boolean, count: shape.uint16, id: shape.uint32, at: shape.date, x: shape.int32, e: shape.enumeration('a', 'b') })),
    ).toBe(20);
    expect(sizeOf(shape.none)).toBe(0);
    expect(sizeOf(shape.optional(shape.float64))).toBe(9);
    expect(sizeOf(shape.object({ a: shape.nullable(shape.int32), b: shape.tuple(shape.int8, shape.object({ c: shape.float64 })) }))).toBe(14);
    for (const declared of [shape.string, shape.bytes, shape.agentRef, shape.array(shape.int32), shape.optional(shape.object({ a: shape.int32 }))])
      expect(sizeOf(declared)).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeclaredCodec } from '../../../dist/ts-src/codec/declared/declared-codec.js';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { type Shape, shape } from '../../../dist/ts-src/model/shape.js';
import { samples, shapes } from './arbitrary.js';
import { assertSame, OFFSET, thrown, Twins } from './twins.js';

const CORRUPT = Symbol('corrupt');

/** The result of both codecs, which must be the same, and if it is a value, one of the shape. */
function check(twins: Twins<never>, bytes: Uint8Array): void {
  const read = (codec: DeclaredCodec): unknown => {
    twins.views.bytes.set(bytes, OFFSET);
    try {
      return codec.read(twins.views, OFFSET, OFFSET + bytes.length);
    } catch (error) {
      if (error instanceof NexusError && error.code === 'NEXUS_MESSAGE_CORRUPT') return CORRUPT;
      throw error;
    }
  };
  const value = read(twins.compiled);
  assertSame(read(twins.interpreted), value);
  if (value !== CORRUPT && twins.refusal(value) !== undefined) throw new Error('what was read is not of the shape');
}

describe('bytes that are no message', () => {
  it('are refused with a code, or are another value of the shape, when they are random', () => {
    fc.assert(
      fc.property(shapes, fc.array(fc.uint8Array({ maxLength: 100 }), { minLength: 20, maxLength: 20 }), (declared, all) => {
        const twins = new Twins(declared as never);
        for (const bytes of all) check(twins, bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it('are refused with a code, or are another value of the shape, when they were a message until some changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }))), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(samples, changes, fc.integer({ min: -4, max: 4 }), ({ shape: declared, values }, all, more) => {
        const twins = new Twins(declared as never);
        for (const value of values) {
          const message = twins.encoded(value as never);
          for (const [at, byte] of all) {
            const changed = new Uint8Array(Math.max(0, message.length + (at % 7 === 0 ? more : 0)));
            changed.set(message.subarray(0, changed.length));
            if (changed.length > 0) changed[at % changed.length] = byte;
            check(twins, changed);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('are refused when a length is negative, or a text has half a character', () => {
    const words = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
    const reasons = (declared: Shape, bytes: Uint8Array): (string | undefined)[] => {
      const twins = new Twins(declared as never);
      twins.views.bytes.set(bytes, OFFSET);
      return [twins.compiled, twins.interpreted].map((codec) => thrown(() => codec.read(twins.views, OFFSET, OFFSET + bytes.length))?.message);
    };
    for (const reason of reasons(shape.tuple(shape.bytes, shape.bytes), words(-4, 4))) expect(reason).toMatch(/bytes are longer than the message$/);
    for (const reason of reasons(shape.tuple(shape.bytes, shape.bytes), words(300, -300))) expect(reason).toMatch(/bytes are longer than the message$/);
    for (const reason of reasons(shape.string, Uint8Array.of((3 << 2) | 2, 0, 0, 0, 65, 0, 66))) expect(reason).toMatch(/a text has half a character$/);
    for (const reason of reasons(shape.string, words(3))) expect(reason).toMatch(/a text has no encoding$/);
  });

  it('do not make the reader allocate what they do not have', () => {
    const twins = new Twins(shape.array(shape.object({ nothing: shape.none })) as never);
    for (const count of [2 ** 31 - 1, -1, 2 ** 30]) check(twins, new Uint8Array(Int32Array.of(count, 0, 0).buffer));
    const tooLong = new Twins(shape.array(shape.uint8, { lengthMax: 2 }) as never);
    check(tooLong, Uint8Array.of(3, 0, 0, 0, 1, 2, 3));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValueDecoder } from '../../../dist/ts-src/codec/value-decoder.js';
import { NexusError } from '../../../dist/ts-src/errors.js';
import { Pair, Reference, references } from './pair.js';

/** Decodes and returns what was wrong, or undefined when the bytes happen to be a message. */
function complaint(bytes: Uint8Array, decoder = new ValueDecoder(references)): NexusError | undefined {
  try {
    decoder.decode(bytes, 0, bytes.length);
    return undefined;
  } catch (error) {
    if (error instanceof NexusError && error.code === 'NEXUS_MESSAGE_CORRUPT') return error;
    throw error;
  }
}

const of = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

function samples(): unknown[] {
  const cyclic: Record<string, unknown> = { a: [new Map([[1, { b: 1 }]]), new Set(['x'])], d: new Date(1) };
  cyclic.self = cyclic;
  return [
    { id: 5, name: 'customer', list: [1, 2.5, -3, 'é'], inner: { flag: true, none: null, missing: undefined } },
    [
      new Map<unknown, unknown>([
        ['a', 1],
        [{ b: 2 }, [3]],
      ]),
      new Set([1, 'two']),
      new Date(5),
      /a+/g,
      12n,
      2n ** 90n,
    ],
    [new Uint8Array(10), new Float64Array(40), new ArrayBuffer(3), new DataView(new ArrayBuffer(5)), Object('boxed')],
    [new TypeError('bad', { cause: new Error('why') }), new DOMException('stop', 'AbortError'), new Reference(1, 2, 3, 'id')],
    ['x'.repeat(100), 'é'.repeat(100), '\ud800'.repeat(20), cyclic],
    cyclic,
  ];
}

describe('bytes that are no message', () => {
  it('are refused with a code when they are random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void complaint(bytes)),
      { numRuns: 20_000 },
    );
  });

  it('are refused with a code when they are random after a lead byte that means something', () => {
    const leads = fc.constantFrom(
      [0xc1, 8],
      [0xc1, 3],
      [0xc1, 4],
      [0xc1, 5, 0],
      [0xc1, 6],
      [0xc1, 7],
      [0xc1, 9],
      [0xc7, 4],
      [0xc9, 0, 0, 0],
      [0xd8, 0, 0],
      [0xdc, 0],
      [0xde, 0],
      [0xdb, 0, 0, 0],
    );
    fc.assert(
      fc.property(leads, fc.uint8Array({ maxLength: 60 }), (lead, rest) => void complaint(of(...lead, ...rest))),
      { numRuns: 20_000 },
    );
  });

  it('are refused or decoded to something when a byte of a message was changed', () => {
    for (const sample of samples()) {
      const bytes = new Pair().encoded(sample);
      for (let index = 0; index < bytes.length; index++) {
        for (const value of [0, 1, 0x7f, 0x8f, 0x9f, 0xbf, 0xc1, 0xc6, 0xc9, 0xd4, 0xd8, 0xdb, 0xdd, 0xdf, 0xff, (bytes[index] as number) ^ 1]) {
          const changed = bytes.slice();
          changed[index] = value;
          complaint(changed);
        }
      }
    }
  });

  it('are refused when they are a message that was cut short, at every length', () => {
    for (const sample of samples()) {
      for (const seen of [0, 1, 2]) {
        const pair = new Pair();
        for (let times = 0; times < seen; times++) pair.send(sample);
        const bytes = pair.encoded(sample);
        for (let length = 0; length < bytes.length; length++) {
          // The rest of the message follows in memory, as it would in a ring.
          expect(() => pair.decoder.decode(bytes, 0, length)).toThrowError(expect.objectContaining({ code: 'NEXUS_MESSAGE_CORRUPT' }));
          expect(() => pair.decoder.decode(bytes.slice(0, length), 0, length)).toThrowError(expect.objectContaining({ code: 'NEXUS_MESSAGE_CORRUPT' }));
        }
        pair.decoder.decode(bytes, 0, bytes.length);
      }
    }
  });

  it('are refused when there is more than one value', () => {
    expect(complaint(of(1, 2))).toBeDefined();
    expect(complaint(of(0xc1, 8, 1, 2))).toBeDefined();
  });

  it.each<[string, Uint8Array]>([
    ['nothing', of()],
    ['a lead byte that does not exist', of(0xca, 0, 0, 0, 0)],
    ['a tag that does not exist', of(0xc1, 200)],
    ['an extension that does not exist', of(0xc7, 1, 99, 0)],
    ['an array that is longer than the message', of(0xdd, 0xff, 0xff, 0xff, 0xff)],
    ['a map that is longer than the message', of(0xdf, 0x7f, 0xff, 0xff, 0xff)],
    ['a string that is longer than the message', of(0xdb, 0xff, 0xff, 0xff, 0xff)],
    ['a Uint8Array that is longer than the message', of(0xc6, 0xff, 0xff, 0xff, 0xff)],
    ['a Map that is longer than the message', of(0xc1, 3, 0xff, 0xff, 0xff, 0xff)],
    ['a Set that is longer than the message', of(0xc1, 4, 0xff, 0xff, 0xff, 0xff)],
    ['a graph of an array that is longer than the message', of(0xc1, 8, 0xdd, 0xff, 0xff, 0xff, 0xff)],
    ['a shape that nobody defined', of(0xd4, 0)],
    ['a shape with a number out of order', of(0xd8, 0, 1, 1, 0xa1, 97, 1)],
    ['a shape inside a graph', of(0xc1, 8, 0xd8, 0, 0, 1, 0xa1, 97, 1)],
    ['a key that is a number', of(0x81, 1, 1)],
    ['a key that is a number, in a graph', of(0xc1, 8, 0x81, 1, 1)],
    ['a back reference to nothing', of(0xc1, 8, 0xc1, 9, 0, 0, 0, 0)],
    ['a graph in a graph', of(0xc1, 8, 0xc1, 8, 1)],
    ['a typed array with a broken element', of(0xc7, 3, 16 + 8, 0, 0, 0)],
    ['a bigint without digits', of(0xc7, 1, 3, 0)],
    ['a bigint with other digits', of(0xc7, 2, 3, 0, 122)],
    ['a RegExp with flags that do not exist', of(0xc1, 2, 0xa1, 97, 0xa1, 90)],
    ['an error of a class that does not exist', of(0xc1, 5, 99, 0xc0, 0xa0, 0, 0, 0, 0)],
    ['a boxed object', of(0xc1, 6, 0x80)],
    ['too many arrays in each other', new Uint8Array(65).fill(0x91)],
    ['too many arrays in each other, in a graph', Uint8Array.from([0xc1, 8, ...new Array(10_001).fill(0x91), 0])],
    ['a million arrays in each other', new Uint8Array(1_000_000).fill(0x91)],
  ])('are refused when they are %s', (_, bytes) => expect(complaint(bytes)).toBeDefined());

  it.each<[string, Uint8Array]>([
    ['an array', of(0xdd, 0, 0x0f, 0, 0)],
    ['an array in an array', of(0x92, 0xdc, 0, 10, 1)],
    ['a plain object', of(0xde, 0, 2, 0xa0, 1)],
    ['a Map', of(0xc1, 3, 0, 0, 0, 1, 1)],
    ['a Set', of(0xc1, 4, 0, 0, 0, 2, 1)],
    ['a shape', of(0xd8, 0, 0, 2, 0xa0)],
    ['the properties of an error', of(0xc1, 5, 0, 0xc0, 0xa0, 0, 0, 0, 1, 0xa0)],
    ['a graph', of(0xc1, 8, 0xdd, 0, 0x0f, 0, 0)],
  ])('are refused before memory is allocated for the count of %s', (_, bytes) => {
    expect(complaint(bytes)?.message).toMatch(/a count is larger than the message/);
  });

  it('leave no shape behind', () => {
    const pair = new Pair();
    expect(complaint(of(0x92, 0xd8, 0, 0, 1, 0xa1, 97, 1, 0xca), pair.decoder)).toBeDefined();
    expect(pair.decoder.shapeCount).toBe(0);
    for (let times = 0; times < 3; times++) expect(pair.send({ b: times })).toEqual({ b: times });
  });
});

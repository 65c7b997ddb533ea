import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../../../dist/ts-src/protocols/bytes/byte-reader.js';
import { ByteWriter } from '../../../../dist/ts-src/protocols/bytes/byte-writer.js';

test('texts are written as length and UTF-8, and read back as they were, of whatever length and alphabet', () => {
  const texts = fc.oneof(
    fc.string({ maxLength: 140 }),
    fc.string({ unit: 'grapheme', maxLength: 140 }),
    fc.constant('\u{feff}with a mark'),
    fc.constant('a'.repeat(64)),
  );
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 5 }), (all) => {
      const writer = new ByteWriter(65_536, 4);
      for (const text of all) writer.text(text);
      const written = writer.take();
      const plain = new ByteWriter(65_536);
      for (const text of all) plain.bytes(new TextEncoder().encode(text));
      expect(written).toEqual(plain.take());
      const reader = new ByteReader(written);
      expect(all.map(() => reader.text(1000))).toEqual(all);
      reader.done();
    }),
  );
});

test('a text that does not fit is refused, and one that is no UTF-8 is not read', () => {
  expect(() => new ByteWriter(8).text('too long for it')).toThrow(expect.objectContaining({ code: 'NEXUS_MESSAGE_TOO_LARGE' }));
  expect(() => new ByteReader(new Uint8Array([2, 0xc3, 0x28])).text(10)).toThrow(expect.objectContaining({ code: 'NEXUS_FRAME_INVALID' }));
  expect(() => new ByteReader(new Uint8Array([3, 65, 65, 65])).text(2)).toThrow(expect.objectContaining({ code: 'NEXUS_FRAME_INVALID' }));
});

/** The checksum of frames has two ways to the same sum: the dumb one is zlib. */
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { checkFrame, FrameType, frameOf, HEADER_BYTES, readU32 } from '../../../../dist/ts-src/protocols/wire/frame-format.js';

test('the checksum of a frame of any length is the CRC-32 of zlib, begun with the salt', () => {
  for (const salt of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff])
    for (let length = 0; length < 200; length++) {
      const body = Uint8Array.from({ length }, (_, index) => (index * 151 + length * 7) & 255);
      const frame = frameOf(FrameType.receipt, 0, 0, 0xfffffff0 + (length & 7), salt, body);
      expect(readU32(frame, 12)).toBe(crc32(body, crc32(frame.subarray(0, 12), salt)));
      checkFrame(frame, salt, 65_536, 1_400);
      for (const at of [0, 11, HEADER_BYTES, HEADER_BYTES + length - 1]) {
        if (at >= frame.length) continue;
        const damaged = frame.slice();
        damaged[at] = (damaged[at] as number) ^ 0x40;
        expect(() => checkFrame(damaged, salt, 65_536, 1_400)).toThrow(expect.objectContaining({ code: 'NEXUS_FRAME_INVALID' }));
      }
    }
});

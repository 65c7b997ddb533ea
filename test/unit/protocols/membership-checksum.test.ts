/** Messages of the membership carry a checksum: one that was damaged on the way is refused, whatever else it could be read as. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeMembership, encodeMembership, type Envelope, messageName } from '../../../dist/ts-src/protocols/membership/membership-codec.js';

const envelope = fc.record({
  from: fc.record({ name: fc.constantFrom('n1', 'shop-17'), incarnation: fc.integer({ min: 1, max: 2 ** 48 }) }),
  to: fc.nat(),
  clusterId: fc.constantFrom('', 'knnhe6krny2u8ylj'),
  view: fc.nat(1000),
  message: fc.record({ type: fc.constant('leave' as const), isFenced: fc.boolean() }),
}) as fc.Arbitrary<Envelope>;

test('a message of the membership in which any bits are wrong, or whose end is missing, is refused', () => {
  fc.assert(
    fc.property(envelope, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), fc.nat(), (given, places, end) => {
      const bytes = encodeMembership(given);
      expect(decodeMembership(bytes)).toEqual(given);
      expect(messageName(bytes)).toBe('leave');
      const damaged = bytes.slice();
      for (const place of new Set(places.map((each) => each % (bytes.length * 8)))) damaged[place >> 3] = (damaged[place >> 3] as number) ^ (1 << (place & 7));
      expect(() => decodeMembership(damaged)).toThrow(expect.objectContaining({ code: 'NEXUS_FRAME_INVALID' }));
      expect(() => decodeMembership(bytes.subarray(0, end % bytes.length))).toThrow(expect.objectContaining({ code: 'NEXUS_FRAME_INVALID' }));
    }),
  );
});

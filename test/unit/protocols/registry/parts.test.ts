/** What comes in several parts is whole when all are there, in whichever order and how often they come, and takes no room before. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Parts } from '../../../../dist/ts-src/protocols/registry/parts.js';

test('parts in any order, some twice and some of nobody, are whole once, in their order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat({ max: 25 }), { maxLength: 60 }), (count, first) => {
      const parts = new Parts<string>(count);
      const missing = new Set(Array.from({ length: count }, (_, part) => part));
      for (const part of [...first, ...missing]) {
        if (missing.size === 0) break;
        missing.delete(part);
        const whole = parts.add(part, `p${part}`);
        expect(whole).toEqual(missing.size === 0 && part < count ? Array.from({ length: count }, (_, each) => `p${each}`) : undefined);
      }
      expect(missing.size).toBe(0);
    }),
  );
});

test('parts that are said to be many take no room before they come', () => {
  const before = process.memoryUsage().heapUsed;
  const all = Array.from({ length: 4096 }, () => new Parts<number>(65_536));
  for (const parts of all) expect(parts.add(65_535, 1)).toBeUndefined();
  // Places kept for all of them would be two gigabytes.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
});

/** Rates of links from two snapshots: what they are, and when nothing can be said. */
import { expect, test } from 'vitest';
import { LinkRates } from '../../../dist/ts-src/console/page/link-rates.js';

test('a rate is what was counted between two snapshots, and nothing where a link is new, counts anew, or was looked at a moment ago', () => {
  const rates = new LinkRates();
  const link = (node: string, sentMessages: number, receivedMessages = 0) => ({ node, sentMessages, receivedMessages });
  rates.take([link('a', 1000, 50)], 5000);
  expect(rates.of(link('a', 0), 'sentMessages')).toBe('–');
  rates.take([link('a', 3000, 51), link('b', 7)], 7000);
  expect([rates.of(link('a', 0), 'sentMessages'), rates.of(link('a', 0), 'receivedMessages'), rates.of(link('b', 0), 'sentMessages')]).toEqual([
    '1.00 k',
    '0.5',
    '–',
  ]);
  // Too soon: as before.
  rates.take([link('a', 9000, 51)], 7050);
  expect(rates.of(link('a', 0), 'sentMessages')).toBe('1.00 k');
  rates.take([link('a', 10, 2), link('b', 8)], 8000);
  expect([rates.of(link('a', 0), 'sentMessages'), rates.of(link('b', 0), 'sentMessages')]).toEqual(['–', '1']);
});

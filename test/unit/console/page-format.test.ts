/** Numbers as the page writes them. */
import { amount, bytes, duration, milliseconds, percent } from '../../../dist/ts-src/console/page/format.js';
import { niceTop } from '../../../dist/ts-src/console/page/line-chart.js';
import { visible } from '../../../dist/ts-src/console/page/visible-text.js';
import { expect, test } from 'vitest';

test('numbers keep few digits and say their unit', () => {
  expect([0, 0.04, 0.4, 12.34, 99, 950, 999.6, 1234, 35_060, 999_700, 1e6, 2.5e9, Number.NaN].map(amount)).toEqual([
    '0',
    '0',
    '0.4',
    '12.3',
    '99',
    '950',
    '1.00 k',
    '1.23 k',
    '35.1 k',
    '1.00 M',
    '1.00 M',
    '2.50 G',
    '–',
  ]);
  expect([0, 0.0001, 0.85, 1, 12.34, 999, 1500, 61_000, 3.6e6].map(milliseconds)).toEqual([
    '0',
    '<1 µs',
    '850 µs',
    '1.00 ms',
    '12.3 ms',
    '999 ms',
    '1.50 s',
    '1 min 1 s',
    '1 h 0 min',
  ]);
  expect([0, 512, 1024, 1048570, 5e9].map(bytes)).toEqual(['0 B', '512 B', '1.00 KiB', '1.00 MiB', '4.66 GiB']);
  expect([0, 0.004, 0.5, 1, Number.NaN].map(percent)).toEqual(['0 %', '0.4 %', '50 %', '100 %', '–']);
  expect([0, 59_400, 200_000, 18_720_000, 2e8].map(duration)).toEqual(['0 s', '59 s', '3 min 20 s', '5 h 12 min', '2 d 7 h']);
});

test('the scale of a chart is the next of 1, 2 and 5', () => {
  expect([0, 0.3, 1, 1.1, 4, 7, 99, 120_000].map(niceTop)).toEqual([1, 0.5, 1, 2, 5, 10, 100, 200_000]);
});

test('what is invisible in a text from outside, or turns it around, is shown as its escape, and nothing else is changed', () => {
  expect(['a\u202egnp.exe', '\u2066x\u2069', 'zero\u200bwidth', 'bell\u0007', '\u001b[2J', '\u0085'].map(visible)).toEqual([
    'a\\u202egnp.exe',
    '\\u2066x\\u2069',
    'zero\\u200bwidth',
    'bell\\u0007',
    '\\u001b[2J',
    '\\u0085',
  ]);
  const plain = ['order-1', 'line\nbreak\ttab', 'مرحبا', '👩\u200d👧', 'می\u200cخواهم', '\ud800'];
  expect(plain.map(visible)).toEqual(plain);
});

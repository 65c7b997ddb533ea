/** What a terminal is shown of texts of others: it controls nothing, and takes the room it is given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ageText, bytesText, countText, durationText, percentText, rateText, timeText } from '../../../dist/ts-src/cli/quantity-text.js';
import { cut, harmless, harmlessJson, padded, widthOf } from '../../../dist/ts-src/cli/terminal-text.js';
import { textTable } from '../../../dist/ts-src/cli/text-table.js';
import { anyText } from './snapshots.js';

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\p{Variation_Selector}]/u;

test('a harmless text controls no terminal, and stays what it is when it is made harmless again', () => {
  fc.assert(
    fc.property(anyText(), fc.boolean(), (text, isAscii) => {
      const clean = harmless(text, isAscii);
      expect(clean).not.toMatch(CONTROL);
      expect(harmless(clean, isAscii)).toBe(clean);
      if (isAscii) expect(clean).toMatch(/^[\x20-\x7e]*$/);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['\x1b[2J\x1b]0;title\x07', '\\x1b[2J\\x1b]0;title\\x07'],
  ['\x9b31m', '\\x9b31m'],
  ['two\nlines\ttab', 'two\\nlines\\ttab'],
  ['abc\u202edcba', 'abc\\u202edcba'],
  ['half \ud800', 'half \\ud800'],
  ['\u{e0041}tag', '\\u{e0041}tag'],
  ['Grüße, 世界, 안녕', 'Grüße, 世界, 안녕'],
  ['e\u0301\u0302\u0303\u0304\u0305', 'é\u0302\u0303'],
])('%j is shown as %j', (text, shown) => {
  expect(harmless(text)).toBe(shown);
});

test('wide characters take two columns, marks none', () => {
  expect([widthOf('abc'), widthOf('世界'), widthOf('안'), widthOf('😀'), widthOf('é'), widthOf('q\u0301'), widthOf('▏█▾…')]).toEqual([3, 4, 2, 2, 1, 1, 4]);
});

test('what is cut or padded has the width that was asked for', () => {
  fc.assert(
    fc.property(anyText(), fc.nat(40), fc.boolean(), (text, columns, isAscii) => {
      const clean = harmless(text, isAscii);
      expect(widthOf(cut(clean, columns, isAscii))).toBeLessThanOrEqual(columns);
      expect(widthOf(padded(clean, columns, 'left', isAscii))).toBe(columns);
      if (widthOf(clean) <= columns) expect(cut(clean, columns, isAscii)).toBe(clean);
    }),
    { numRuns: 500 },
  );
  expect(cut('世界世界', 4)).toBe('世…');
  expect(padded('ab', 4, 'right')).toBe('  ab');
});

test('JSON for a terminal is the same value without anything that controls it', () => {
  fc.assert(
    fc.property(fc.dictionary(anyText(), fc.oneof(anyText(), fc.array(anyText())), { noNullPrototype: true }), (value) => {
      expect(JSON.parse(harmlessJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      expect(harmlessJson(value)).not.toMatch(CONTROL);
      expect(JSON.parse(harmlessJson(value, 2))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(harmlessJson({ a: '\x9b\x7f\u202e\u{e0041}' })).toBe('{"a":"\\u009b\\u007f\\u202e\\udb40\\udc41"}');
});

test('columns of a table are as wide as their widest cell, in columns of a terminal', () => {
  expect(
    textTable(
      [
        ['a', 'number'],
        ['世界', '7'],
      ],
      ['left', 'right'],
    ),
  ).toEqual(['  a     number', '  世界       7']);
});

test.each([
  [
    countText,
    [0, 7.4, 9999, 9999.6, 12_345, 99_950, 999_499, 999_600, 1e6, 1.234e9, 5e12, 1e18],
    ['0', '7', '9,999', '10,000', '12.3k', '100k', '999k', '1.00M', '1.00M', '1.23G', '5.00T', '1.0e+18'],
  ],
  [rateText, [0, 0.001, 0.25, 0.996, 3.25, 9.96, 12_345], ['0', '<0.01', '0.25', '1', '3.3', '10', '12.3k']],
  [
    durationText,
    [0, 0.000_000_2, 0.0005, 0.0123, 0.9996, 4.5, 999.6, 59_949, 59_960, 185_000, 7_380_000, 3.6e6 * 124],
    ['0', '1ns', '500ns', '12.3µs', '1.00ms', '4.50ms', '1.00s', '59.9s', '1m00s', '3m05s', '2h03m', '5d04h'],
  ],
  [ageText, [-5, 0, 999, 12_999, 185_000], ['0s', '0s', '0s', '12s', '3m05s']],
  [bytesText, [0, 999, 1000, 1024, 223_456_789, 2 ** 40], ['0 B', '999 B', '0.98 KiB', '1.00 KiB', '213 MiB', '1.00 TiB']],
  [percentText, [0, 0.125, 1], ['0%', '13%', '100%']],
  [timeText, [Date.UTC(2026, 0, 2, 3, 4, 5, 6), 1e30], ['03:04:05.006', '-']],
])('%o writes numbers for people', (write, values, texts) => {
  expect(values.map((value) => (write as (value: number) => string)(value))).toEqual(texts);
  for (const none of [Number.NaN, undefined, null, Number.POSITIVE_INFINITY, 'x']) expect((write as (value: unknown) => string)(none)).toBe('-');
});

test('numbers of any size take little room', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (value) => {
      expect(countText(value).length).toBeLessThanOrEqual(7);
      expect(rateText(value).length).toBeLessThanOrEqual(7);
      expect(durationText(value).length).toBeLessThanOrEqual(7);
    }),
  );
});

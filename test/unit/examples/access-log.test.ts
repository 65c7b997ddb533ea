import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LogEntry, LINE_CHARACTERS_MAX, parseLogLine } from '../../../examples/rate-limiter/access-log.mjs';
import { formatLogLine } from '../../../examples/rate-limiter/access-log-format.mjs';

function entryOf(line: string): LogEntry {
  const parsed = parseLogLine(line);
  if (parsed.type !== 'entry') throw new Error(`malformed: ${parsed.reason}`);
  return parsed.entry;
}

function reasonOf(line: string): string {
  const parsed = parseLogLine(line);
  if (parsed.type !== 'malformed') throw new Error('not malformed');
  return parsed.reason;
}

const COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326';
const COMBINED = `${COMMON} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"`;

describe('a line of an access log', () => {
  test('in the common format', () => {
    expect(entryOf(COMMON)).toEqual({
      host: '127.0.0.1',
      identity: undefined,
      user: 'frank',
      atMs: Date.UTC(2000, 9, 10, 20, 55, 36),
      request: 'GET /apache_pb.gif HTTP/1.0',
      method: 'GET',
      path: '/apache_pb.gif',
      status: 200,
      bytes: 2326,
      referer: undefined,
      userAgent: undefined,
    });
  });

  test('in the combined format', () => {
    expect(entryOf(COMBINED)).toMatchObject({ referer: 'http://www.example.com/start.html', userAgent: 'Mozilla/4.08 [en] (Win98; I ;Nav)' });
  });

  test('with nothing but hyphens', () => {
    expect(entryOf('host - - [01/Jan/2026:00:00:00 +0000] "-" - - "-" "-"')).toMatchObject({
      identity: undefined,
      user: undefined,
      request: undefined,
      method: undefined,
      path: undefined,
      status: undefined,
      bytes: undefined,
      referer: undefined,
      userAgent: undefined,
    });
  });

  test.each(['2001:db8::1', '::1', '2001:0db8:85a3:0000:0000:8a2e:0370:7334', 'fe80::1%eth0', '::ffff:192.0.2.1', 'client.example.com'])('from %s', (host) => {
    expect(entryOf(COMBINED.replace('127.0.0.1', host)).host).toBe(host);
  });

  test.each([
    ['+0000', 0],
    ['-0000', 0],
    ['+0530', -330],
    ['-0700', 420],
    ['+1345', -825],
    ['+1400', -840],
  ])('in the time zone %s', (zone, minutes) => {
    expect(entryOf(`h - - [29/Feb/2024:23:59:60 ${zone}] "GET / HTTP/1.1" 200 1`).atMs).toBe(Date.UTC(2024, 2, 1) + minutes * 60_000);
  });

  test('with escaped quotes, backslashes and control characters', () => {
    const line = String.raw`h - - [01/Jan/2026:00:00:00 +0000] "GET /a\"b\\ HTTP/1.1" 200 1 "say \"hi\"" "tab\tnew\nline\x22\xe9\q"`;
    expect(entryOf(line)).toMatchObject({ path: '/a"b\\', referer: 'say "hi"', userAgent: 'tab\tnew\nline"éq' });
  });

  test('with a user name that has spaces and brackets', () => {
    expect(entryOf('h - Ada [the first] Example [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1').user).toBe('Ada [the first] Example');
  });

  test('with a request that is not HTTP', () => {
    expect(entryOf(String.raw`h - - [01/Jan/2026:00:00:00 +0000] "\x16\x03\x01" 400 0`)).toMatchObject({
      request: '\x16\x03\x01',
      path: undefined,
      status: 400,
    });
  });

  test.each([
    ['', /host/],
    ['garbage', /host/],
    [' - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1', /host/],
    ['h\u0000st - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1', /host/],
    ['h  - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1', /identity/],
    ['h - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1', /user/],
    ['h - - 10/Oct/2000:13:55:36 "GET / HTTP/1.0" 200 1', /time/],
    ['h - - [2000-10-10T13:55:36Z] "GET / HTTP/1.0" 200 1', /time/],
    ['h - - [32/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1', /no such time/],
    ['h - - [29/Feb/2023:13:55:36 -0700] "GET / HTTP/1.0" 200 1', /no such time/],
    ['h - - [10/Okt/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1', /no such time/],
    ['h - - [10/Oct/2000:24:00:00 -0700] "GET / HTTP/1.0" 200 1', /no such time/],
    ['h - - [10/Oct/2000:13:55:36 +1500] "GET / HTTP/1.0" 200 1', /time zone/],
    ['h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0 200 1', /quote/],
    ['h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0\\" 200 1', /quote/],
    ['h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" OK 1', /status/],
    ['h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 2000 1', /status/],
    ['h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 099 1', /status/],
    ['h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 -1', /status/],
    ['h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200', /status/],
    [`${COMMON} "only a referer"`, /referer/],
    [`${COMMON} trailing`, /referer/],
    [`${COMBINED} trailing`, /referer/],
    [`${COMBINED}"`, /referer/],
  ])('is malformed: %s', (line, reason) => {
    expect(reasonOf(line)).toMatch(reason);
  });

  test('is limited in length', () => {
    const fixed = 'h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" ""';
    expect(entryOf(fixed.replace(/""$/, `"${'x'.repeat(LINE_CHARACTERS_MAX - fixed.length)}"`)).userAgent).toMatch(/^x+$/);
    expect(reasonOf(fixed.replace(/""$/, `"${'x'.repeat(LINE_CHARACTERS_MAX - fixed.length + 1)}"`))).toMatch(/longer than 65536/);
  });

  test('never throws, whatever it is', () => {
    const pieces = fc.constantFrom(
      'h',
      ' ',
      '-',
      '[',
      ']',
      '"',
      '\\',
      '\\x',
      '[10/Oct/2000:13:55:36 -0700]',
      ' "GET / HTTP/1.0"',
      ' 200 1',
      '] "',
      ' [',
      '\t',
      '\u{1f600}',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.array(pieces).map((list) => list.join('')),
        ),
        (line) => void parseLogLine(line),
      ),
      { numRuns: 500 },
    );
  });

  test('reads what was written', () => {
    const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    const texts = fc.string({ unit: 'grapheme' }).filter((text) => text !== '-' && !/[\u0100-\u{10ffff}]/u.test(text.replace(/[^\p{Cc}]/gu, '')));
    const optionalTexts = fc.option(texts, { nil: undefined });
    const users = fc.option(fc.stringMatching(/^[a-zA-Z0-9@._]{1,20}( [a-zA-Z]{1,9})?$/), { nil: undefined });
    fc.assert(
      fc.property(
        fc.record({
          host: hosts,
          identity: fc.option(fc.stringMatching(/^[a-z]{1,8}$/), { nil: undefined }),
          user: users,
          atMs: fc.integer({ min: Date.UTC(1971, 0, 1) / 1000, max: Date.UTC(9998, 11, 31) / 1000 }).map((seconds) => seconds * 1000),
          request: optionalTexts,
          status: fc.option(fc.integer({ min: 100, max: 999 }), { nil: undefined }),
          bytes: fc.option(fc.nat(), { nil: undefined }),
          referer: optionalTexts,
          userAgent: optionalTexts,
        }),
        fc.constantFrom('common' as const, 'combined' as const),
        fc.integer({ min: -14 * 60, max: 14 * 60 }),
        (entry, format, zoneMinutes) => {
          const { method: _method, path: _path, ...read } = entryOf(formatLogLine(entry, { format, zoneMinutes }));
          expect(read).toEqual(format === 'combined' ? entry : { ...entry, referer: undefined, userAgent: undefined });
        },
      ),
      { numRuns: 300 },
    );
  });
});

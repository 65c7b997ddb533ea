import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAccessLog, whyUnreadable } from '../../../examples/rate-limiter/access-log-file.mjs';

const LINE = '192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "-"';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'access-log-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(content: string | Buffer, name = `${Math.random()}.log`): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('a log file', () => {
  test.each([
    ['LF', `${LINE}\n${LINE}\n`],
    ['no end of the last line', `${LINE}\n${LINE}`],
    ['CRLF', `${LINE}\r\n${LINE}\r\n`],
    ['blank lines', `\n${LINE}\n\r\n   \n${LINE}\n\n`],
    ['a byte order mark', `\uFEFF${LINE}\n${LINE}\n`],
  ])('with %s', async (_name, content) => {
    expect(await readAccessLog(file(content))).toMatchObject({
      lines: 2,
      malformed: 0,
      requests: [{ client: '192.0.2.7', path: '/a' }, { client: '192.0.2.7' }],
    });
  });

  test('that is empty has no requests', async () => {
    expect(await readAccessLog(file(''))).toEqual({ requests: [], lines: 0, malformed: 0, malformedFirst: [], isTruncated: false });
  });

  test('counts malformed lines and remembers the first few by their numbers in the file', async () => {
    const log = await readAccessLog(file(`${LINE}\n\nbad\n${'worse\n'.repeat(9)}${LINE}\n`));
    expect(log).toMatchObject({ lines: 12, malformed: 10 });
    expect(log.malformedFirst.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7]);
    expect(log.requests).toHaveLength(2);
  });

  test.each([65_537, 200_000, 3_000_000])('passes over a line of %i bytes without keeping it', async (bytes) => {
    const log = await readAccessLog(file(`${LINE}\n${'x'.repeat(bytes)}\n${LINE}\n${'y'.repeat(bytes)}`));
    expect(log).toMatchObject({ lines: 4, malformed: 2, malformedFirst: [{ line: 2, reason: 'longer than 65536 bytes' }, { line: 4 }] });
    expect(log.requests).toHaveLength(2);
  });

  test('reads characters that lie across two chunks', async () => {
    for (let shift = 0; shift < 4; shift++) {
      const path = `/${'é'.repeat(20_000)}`;
      const log = await readAccessLog(file(`${'#'.repeat(shift)}\n${LINE.replace('/a', path)}\n${LINE.replace('/a', path)}\n${LINE.replace('/a', path)}\n`));
      expect(log.requests.map((request) => request.path)).toEqual([path, path, path]);
    }
  });

  test('reads bytes that are not text as malformed lines', async () => {
    const garbage = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 256));
    const log = await readAccessLog(file(garbage));
    expect(log.requests).toEqual([]);
    expect(log.malformed).toBeGreaterThan(0);
  });

  test('says so when it has more requests than fit', async () => {
    expect(await readAccessLog(file(`${LINE}\n`.repeat(5)), { requestsMax: 3 })).toMatchObject({ lines: 3, isTruncated: true });
    expect(await readAccessLog(file(`${LINE}\n`.repeat(3)), { requestsMax: 3 })).toMatchObject({ lines: 3, isTruncated: false });
  });

  test('is the sample that comes along', async () => {
    const log = await readAccessLog(fileURLToPath(new URL('../../../examples/rate-limiter/sample/access.log', import.meta.url)));
    expect(log).toMatchObject({ lines: 1069, malformed: 4, isTruncated: false });
    const documentation = /^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$|^2001:db8:/;
    expect(log.requests.filter(({ client }) => !documentation.test(client))).toEqual([]);
  });
});

describe('why a file is not readable', () => {
  test('a file that is', async () => expect(await whyUnreadable(file(''))).toBeUndefined());
  test('one that is not there', async () => expect(await whyUnreadable(join(folder, 'nothing'))).toMatch(/there is no file/));
  test('one below a file', async () => expect(await whyUnreadable(join(file('', 'plain'), 'below'))).toMatch(/there is no file/));
  test('a directory', async () => expect(await whyUnreadable(folder)).toMatch(/is a directory/));
  test('a device', async () => expect(await whyUnreadable('/dev/null')).toMatch(/not a regular file/));
  // The superuser may read everything.
  test.skipIf(process.getuid?.() === 0)('one without permission', async () => {
    const path = file('', 'secret');
    chmodSync(path, 0);
    expect(await whyUnreadable(path)).toMatch(/no permission/);
  });
});

/**
 * Reads an access log into the requests of a replay: line by line, so that neither a line nor the rest of the file is in memory at once. Lines end with LF or CRLF,
 * the last one may have no end. Malformed lines are counted, and the first few are remembered.
 */
import { open, stat } from 'node:fs/promises';
import { LINE_CHARACTERS_MAX, parseLogLine } from './access-log.mjs';

/** Requests of one replay: all of them are in memory while it runs. */
export const REQUESTS_MAX = 2_000_000;
const MALFORMED_SHOWN = 5;
const LF = 0x0a;

/** @typedef {{ client: string, atMs: number, status: number | undefined, path: string | undefined }} LoggedRequest */

/**
 * @typedef {object} AccessLog
 * @property {LoggedRequest[]} requests  In the order of the file.
 * @property {number} lines  All lines but blank ones.
 * @property {number} malformed
 * @property {{ line: number, reason: string }[]} malformedFirst
 * @property {boolean} isTruncated  The file has more than `REQUESTS_MAX` requests; the rest was not read.
 */

/**
 * Why a file cannot be read as a log, in one sentence; undefined if it can.
 * @param {string} path
 */
export async function whyUnreadable(path) {
  try {
    // Before it is opened: to open a pipe waits for its other end.
    const status = await stat(path);
    if (status.isDirectory()) return `'${path}' is a directory, not a file`;
    if (!status.isFile()) return `'${path}' is not a regular file`;
    await (await open(path, 'r')).close();
    return undefined;
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no file '${path}'`;
    if (code === 'EACCES' || code === 'EPERM') return `no permission to read '${path}'`;
    return `'${path}' cannot be read: ${message}`;
  }
}

/**
 * @param {string} path
 * @param {{ requestsMax?: number }} [options]
 * @returns {Promise<AccessLog>}
 */
export async function readAccessLog(path, { requestsMax = REQUESTS_MAX } = {}) {
  /** @type {AccessLog} */
  const log = { requests: [], lines: 0, malformed: 0, malformedFirst: [], isTruncated: false };
  let number = 0;
  for await (const text of linesOf(path)) {
    number++;
    if (text !== undefined && text.trim() === '') continue;
    log.lines++;
    const parsed = text === undefined ? tooLong : parseLogLine(text);
    if (parsed.type === 'malformed') {
      log.malformed++;
      if (log.malformedFirst.length < MALFORMED_SHOWN) log.malformedFirst.push({ line: number, reason: parsed.reason });
      continue;
    }
    if (log.requests.length === requestsMax) {
      log.isTruncated = true;
      log.lines--;
      break;
    }
    const { host, atMs, status, path: requested } = parsed.entry;
    log.requests.push({ client: host, atMs, status, path: requested });
  }
  return log;
}

/** @type {import('./access-log.mjs').ParsedLine} */
const tooLong = { type: 'malformed', reason: `longer than ${LINE_CHARACTERS_MAX} bytes` };

/**
 * @param {string} path
 * @returns {AsyncGenerator<string | undefined>} undefined for a line that is too long: it is passed over, not kept
 */
async function* linesOf(path) {
  const file = await open(path, 'r');
  try {
    /** @type {Buffer[]} */
    let parts = [];
    let length = 0;
    let isFirst = true;
    const take = () => {
      const bytes = Buffer.concat(parts);
      const isLong = length > LINE_CHARACTERS_MAX;
      parts = [];
      length = 0;
      let text = isLong ? undefined : bytes.toString('utf8');
      if (isFirst && text?.startsWith('\uFEFF')) text = text.slice(1);
      isFirst = false;
      return text?.endsWith('\r') ? text.slice(0, -1) : text;
    };
    /** @param {Buffer} bytes */
    const keep = (bytes) => {
      length += bytes.length;
      if (length <= LINE_CHARACTERS_MAX) parts.push(bytes);
      else parts = [];
    };
    for await (const chunk of file.createReadStream({ highWaterMark: 65_536 })) {
      let start = 0;
      for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
        keep(chunk.subarray(start, end));
        yield take();
        start = end + 1;
      }
      if (start < chunk.length) keep(chunk.subarray(start));
    }
    if (length > 0) yield take();
  } finally {
    await file.close().catch(() => undefined);
  }
}

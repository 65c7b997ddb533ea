/**
 * One line of a web server's access log, in the Common or the Combined Log Format, to a value. Pure and strict: a line that is neither of the two is told with
 * the reason. Reading files is `access-log-file.mjs`.
 */

/**
 * @typedef {object} LogEntry
 * @property {string} host  Who asked: an address or a name.
 * @property {string | undefined} identity  RFC 1413, practically never there.
 * @property {string | undefined} user
 * @property {number} atMs  Milliseconds since 1970.
 * @property {string | undefined} request  The request line as it came; undefined if the log has `-`.
 * @property {string | undefined} method  Undefined if the request line is not one.
 * @property {string | undefined} path
 * @property {number | undefined} status
 * @property {number | undefined} bytes
 * @property {string | undefined} referer  Combined format only.
 * @property {string | undefined} userAgent  Combined format only.
 */

/** @typedef {{ type: 'entry', entry: LogEntry } | { type: 'malformed', reason: string }} ParsedLine */

/** Characters of a line; longer ones are malformed. */
export const LINE_CHARACTERS_MAX = 65_536;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const HOST = /^[\x21-\x7e]{1,255}$/;
const TIME = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;
const REQUEST = /^([A-Z][A-Z-]{0,31}) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * @param {string} text a line without its end
 * @returns {ParsedLine}
 */
export function parseLogLine(text) {
  if (text.length > LINE_CHARACTERS_MAX) return malformed(`longer than ${LINE_CHARACTERS_MAX} characters`);
  const hostEnd = text.indexOf(' ');
  const host = text.slice(0, Math.max(0, hostEnd));
  if (!HOST.test(host)) return malformed('does not start with a host');
  const identityEnd = text.indexOf(' ', hostEnd + 1);
  if (identityEnd <= hostEnd + 1) return malformed('no identity after the host');
  // A user name may hold spaces and brackets; what the time looks like is certain.
  const timeAt = text.indexOf(' [', identityEnd);
  const timeEnd = text.indexOf('] "', timeAt);
  if (timeAt < 0 || timeEnd < 0) return malformed('no time in brackets, or no quoted request after it');
  const timeStart = text.lastIndexOf(' [', timeEnd);
  const user = text.slice(identityEnd + 1, timeStart);
  if (user.length === 0) return malformed('no user before the time');
  const atMs = parseTime(text.slice(timeStart + 2, timeEnd));
  if (typeof atMs === 'string') return malformed(atMs);

  const request = readQuoted(text, timeEnd + 2);
  if (request === undefined) return malformed('the request does not end with a quote');
  const numbers = /^ (-|\d{3}) (-|\d{1,15})(?= |$)/.exec(text.slice(request.end, request.end + 24));
  if (numbers === null) return malformed('no status and size after the request');
  const rest = request.end + numbers[0].length;
  const agentFields = readCombined(text, rest);
  if (agentFields === undefined) return malformed('what follows the size is not a quoted referer and a quoted user agent');

  const requestLine = absent(request.value);
  const parts = requestLine === undefined ? null : REQUEST.exec(requestLine);
  const status = numbers[1] === '-' ? undefined : Number(numbers[1]);
  if (status !== undefined && status < 100) return malformed('the status is less than 100');
  return {
    type: 'entry',
    entry: {
      host,
      identity: absent(text.slice(hostEnd + 1, identityEnd)),
      user: absent(user),
      atMs,
      request: requestLine,
      method: parts?.[1],
      path: parts?.[2],
      status,
      bytes: numbers[2] === '-' ? undefined : Number(numbers[2]),
      ...agentFields,
    },
  };
}

/**
 * @param {string} text `10/Oct/2000:13:55:36 -0700`
 * @returns {number | string} milliseconds since 1970, or what is wrong
 */
function parseTime(text) {
  const match = TIME.exec(text);
  if (match === null) return 'the time is not as in 10/Oct/2000:13:55:36 -0700';
  const [, day, monthName, year, hour, minute, second, sign, zoneHours, zoneMinutes] = match;
  const month = MONTHS.indexOf(/** @type {string} */ (monthName));
  const date = new Date(0);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(Number(year), month, Number(day));
  // 60 is a leap second.
  const isDay = month >= 0 && date.getUTCDate() === Number(day) && date.getUTCMonth() === month;
  if (!isDay || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return 'there is no such time';
  if (Number(zoneHours) > 14 || Number(zoneMinutes) > 59) return 'there is no such time zone';
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return date.getTime() + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 - zoneMs;
}

/**
 * The two fields of the combined format; none of them for the common one.
 * @param {string} text
 * @param {number} at behind the size
 */
function readCombined(text, at) {
  if (at === text.length) return { referer: undefined, userAgent: undefined };
  const referer = text.startsWith(' "', at) ? readQuoted(text, at + 1) : undefined;
  if (referer === undefined || !text.startsWith(' "', referer.end)) return undefined;
  const userAgent = readQuoted(text, referer.end + 1);
  if (userAgent === undefined || userAgent.end !== text.length) return undefined;
  return { referer: absent(referer.value), userAgent: absent(userAgent.value) };
}

/**
 * @param {string} text
 * @param {number} at of the opening quote
 */
function readQuoted(text, at) {
  let isEscaped = false;
  for (let index = at + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) {
      isEscaped = true;
      index++;
    } else if (code === QUOTE) {
      const raw = text.slice(at + 1, index);
      return { value: isEscaped ? unescapeField(raw) : raw, end: index + 1 };
    }
  }
  return undefined;
}

const ESCAPES = /** @type {Record<string, string>} */ ({ n: '\n', r: '\r', t: '\t', v: '\v', b: '\b', f: '\f' });

/** @param {string} raw */
function unescapeField(raw) {
  return raw.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/gs, (_all, hex, character) =>
    hex === undefined ? (ESCAPES[character] ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** @param {string} value */
const absent = (value) => (value === '-' ? undefined : value);

/**
 * @param {string} reason
 * @returns {ParsedLine}
 */
const malformed = (reason) => ({ type: 'malformed', reason });

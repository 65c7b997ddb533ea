/** Writes the lines that `access-log.mjs` reads: for the sample and for round trips in tests. */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * The combined format; the common one if there is neither a referer nor a user agent and `format` says so.
 * @param {Omit<import('./access-log.mjs').LogEntry, 'method' | 'path'>} entry
 * @param {{ format: 'common' | 'combined', zoneMinutes?: number }} options `zoneMinutes`: east of Greenwich, default 0
 */
export function formatLogLine(entry, { format, zoneMinutes = 0 }) {
  const line = `${entry.host} ${entry.identity ?? '-'} ${entry.user ?? '-'} [${formatTime(entry.atMs, zoneMinutes)}] ${quote(entry.request)} ${entry.status ?? '-'} ${entry.bytes ?? '-'}`;
  return format === 'common' ? line : `${line} ${quote(entry.referer)} ${quote(entry.userAgent)}`;
}

/**
 * @param {number} atMs
 * @param {number} zoneMinutes
 */
function formatTime(atMs, zoneMinutes) {
  const local = new Date(atMs + zoneMinutes * 60_000);
  const zone = Math.abs(zoneMinutes);
  const time = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(twoDigits).join(':');
  const date = `${twoDigits(local.getUTCDate())}/${MONTHS[local.getUTCMonth()]}/${String(local.getUTCFullYear()).padStart(4, '0')}`;
  return `${date}:${time} ${zoneMinutes < 0 ? '-' : '+'}${twoDigits(Math.trunc(zone / 60))}${twoDigits(zone % 60)}`;
}

/** @param {number} value */
const twoDigits = (value) => String(value).padStart(2, '0');

/** @param {string | undefined} value as Apache writes it: quotes and backslashes escaped, control characters as \xHH */
function quote(value) {
  if (value === undefined) return '"-"';
  const escaped = value.replace(/["\\]/g, '\\$&').replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}

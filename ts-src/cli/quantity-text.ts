/** Numbers as a command shows them to people: short, of a width that does not jump. What is not a number (JSON has no NaN) is `-`. Pure. */

/** 7, 950, 1,234, 12.3k, 1.20M: at most six characters up to 1e15. */
export function countText(value: number): string {
  if (!isNumber(value)) return '-';
  const size = Math.abs(value);
  if (size < 10_000) return Math.round(value).toLocaleString('en-US');
  for (const [unit, letter] of UNITS) {
    // What rounds up to 1,000 of a unit is 1 of the next.
    if (size < 999.5 * unit) return `${threeDigits(value / unit)}${letter}`;
  }
  return value.toExponential(1);
}

const UNITS: readonly (readonly [number, string])[] = [
  [1e3, 'k'],
  [1e6, 'M'],
  [1e9, 'G'],
  [1e12, 'T'],
];

/** Of one second; small ones are not rounded away. */
export function rateText(value: number): string {
  if (!isNumber(value)) return '-';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 0.01) return value < 0 ? '-0.01' : '<0.01';
  return size < 9.95 ? String(Number(value.toFixed(size < 0.995 ? 2 : 1))) : countText(value);
}

/** At most seven characters up to a million days: 0, 850ns, 12.3µs, 4.50ms, 1.20s, 3m05s, 2h03m, 5d04h. @param isAscii µ is u */
export function durationText(ms: number, isAscii = false): string {
  if (!isNumber(ms)) return '-';
  if (ms <= 0) return '0';
  if (ms < 0.000_999_5) return `${Math.max(1, Math.round(ms * 1e6))}ns`;
  if (ms < 0.9995) return `${threeDigits(ms * 1000)}${isAscii ? 'us' : 'µs'}`;
  if (ms < 999.5) return `${threeDigits(ms)}ms`;
  if (ms < 59_950) return `${threeDigits(ms / 1000)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 24_000 ? `${Math.floor(hours / 24)}d${two(hours % 24)}h` : `${countText(hours / 24)}d`;
}

/** How long ago, in whole units: 0s, 12s, 3m05s. */
export function ageText(ms: number): string {
  if (!isNumber(ms)) return '-';
  return ms < 59_950 ? `${Math.max(0, Math.floor(ms / 1000))}s` : durationText(ms);
}

export function bytesText(bytes: number): string {
  if (!isNumber(bytes)) return '-';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  for (; Math.abs(value) >= 999.5 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${units[unit]}`;
}

/** 0.125 is 13%. */
export function percentText(share: number): string {
  return isNumber(share) ? `${Math.round(share * 100)}%` : '-';
}

/** The time of day in UTC, as in the log: 12:03:04.005. */
export function timeText(atMs: number): string {
  return isNumber(atMs) && Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString().slice(11, 23) : '-';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

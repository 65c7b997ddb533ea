/** Numbers as people read them: at most four characters of digits, so that columns keep their width. */
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const STEPS: readonly (readonly [from: number, unit: string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** 0, 0.4, 12.3, 950, 1.20 k, 35.1 k, 1.02 M */
export function amount(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size < 0.05) return '0';
  for (const [from, unit] of STEPS) if (size >= from * 0.9995) return `${digits(value / from)} ${unit}`;
  return size < 100 && !Number.isInteger(value) ? value.toFixed(1) : WHOLE.format(value);
}

/** All digits, with separators. */
export function whole(value: number): string {
  return Number.isFinite(value) ? WHOLE.format(value) : '–';
}

export function milliseconds(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  if (value < 0.9995) return value < 0.0005 ? '<1 µs' : `${Math.round(value * 1000)} µs`;
  if (value < 999.5) return `${digits(value)} ms`;
  const seconds = value / 1000;
  return seconds < MINUTE_S ? `${digits(seconds)} s` : duration(value);
}

export function bytes(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(size) : digits(size)} ${units[unit]}`;
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %` : '–';
}

/** 45 s, 3 min 20 s, 5 h 12 min, 3 d 4 h */
export function duration(valueMs: number): string {
  const seconds = Math.max(0, Math.round(valueMs / 1000));
  if (seconds < MINUTE_S) return `${seconds} s`;
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min ${seconds % MINUTE_S} s`;
  if (seconds < DAY_S) return `${Math.floor(seconds / HOUR_S)} h ${Math.floor((seconds % HOUR_S) / MINUTE_S)} min`;
  return `${Math.floor(seconds / DAY_S)} d ${Math.floor((seconds % DAY_S) / HOUR_S)} h`;
}

/** 14:03:59 */
export function timeOfDay(epochMs: number): string {
  return new Date(epochMs).toLocaleTimeString('en-GB');
}

function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

/** What is recorded of a run, second by second: operations and their outcomes, how long they took, errors by code, and what the cluster did about it (adaptations, fallbacks). Pure: times come in. */

export interface SecondRecord {
  /** From the beginning of the faults, 0 for the first. */
  readonly second: number;
  readonly ok: number;
  readonly failed: number;
  readonly unknown: number;
  /** Of those that were answered in this second; undefined if none was. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly errors: Readonly<Record<string, number>>;
  /** What the cluster and whoever looks after it did: views, restarts, agents that were started again, and so on. */
  readonly events: Readonly<Record<string, number>>;
}

interface Second {
  ok: number;
  failed: number;
  unknown: number;
  readonly tookMs: number[];
  readonly errors: Record<string, number>;
  readonly events: Record<string, number>;
}

/** Seconds of a run; beyond that nothing is recorded. */
const SECONDS_MAX = 100_000;

export class SecondRecords {
  readonly #seconds: Second[] = [];

  operation(atMs: number, outcome: 'ok' | 'failed' | 'unknown', code: string, tookMs: number): void {
    const second = this.#at(atMs);
    if (second === undefined) return;
    second[outcome]++;
    if (outcome === 'ok') second.tookMs.push(tookMs);
    else second.errors[code] = (second.errors[code] ?? 0) + 1;
  }

  event(atMs: number, name: string, times = 1): void {
    const second = this.#at(atMs);
    if (second !== undefined) second.events[name] = (second.events[name] ?? 0) + times;
  }

  records(): readonly SecondRecord[] {
    return this.#seconds.map(({ tookMs, errors, events, ok, failed, unknown }, second) => {
      tookMs.sort((a, b) => a - b);
      return { second, ok, failed, unknown, p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99), errors: { ...errors }, events: { ...events } };
    });
  }

  #at(atMs: number): Second | undefined {
    const index = Math.floor(atMs / 1000);
    if (!(index >= 0 && index < SECONDS_MAX)) return undefined;
    while (this.#seconds.length <= index) this.#seconds.push({ ok: 0, failed: 0, unknown: 0, tookMs: [], errors: {}, events: {} });
    return this.#seconds[index];
  }
}

/** Of values in order. */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Sums over a list of counts by name, the greatest first. */
export function totals(counts: readonly Readonly<Record<string, number>>[]): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const each of counts) for (const [name, count] of Object.entries(each)) sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

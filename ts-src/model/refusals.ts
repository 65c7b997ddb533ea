/** What a node has refused from the network, by the code of the error that says why. Counted by the wire and the transport, read by whoever makes metrics of it. */

/** Codes that are counted apart; others are added up under `other`. The codes are those of `ERROR_CODES`: there are fewer of them that refuse anything. */
const CODES_MAX = 64;

export type RefusalCounts = ReadonlyMap<string, number>;

export class Refusals {
  readonly #counts = new Map<string, number>();

  get counts(): RefusalCounts {
    return this.#counts;
  }

  count(code: string): void {
    const key = this.#counts.has(code) || this.#counts.size < CODES_MAX ? code : 'other';
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}

/** As one. */
export function refusalsTogether(first: RefusalCounts, second: RefusalCounts | undefined): RefusalCounts {
  if (second === undefined || second.size === 0) return first;
  const counts = new Map(first);
  for (const [code, count] of second) counts.set(code, (counts.get(code) ?? 0) + count);
  return counts;
}

/**
 * Which of many keys take the most of something, in bounded memory: the Space-Saving algorithm (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k
 * Elements in Data Streams, 2005), for amounts instead of counts. A key with more than 1/capacity of all that was added is in it for certain. Pure.
 */

export interface Heavy<K> {
  readonly key: K;
  /** At least this much was added for the key. */
  readonly amount: number;
}

interface Entry {
  amount: number;
  /** What it took over from the key whose place it has: not its own for certain. */
  inherited: number;
}

export class Heaviest<K> {
  readonly #capacity: number;
  readonly #entries = new Map<K, Entry>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(key: K, amount: number): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.amount += amount;
      return;
    }
    if (this.#entries.size < this.#capacity) {
      this.#entries.set(key, { amount, inherited: 0 });
      return;
    }
    let least: K | undefined;
    let inherited = Number.POSITIVE_INFINITY;
    for (const [each, { amount: has }] of this.#entries) {
      if (has >= inherited) continue;
      least = each;
      inherited = has;
    }
    this.#entries.delete(least as K);
    this.#entries.set(key, { amount: inherited + amount, inherited });
  }

  /** The heaviest first, by what is certain. */
  top(countMax: number): Heavy<K>[] {
    return [...this.#entries]
      .map(([key, { amount, inherited }]) => ({ key, amount: amount - inherited }))
      .sort((a, b) => b.amount - a.amount)
      .slice(0, countMax);
  }
}

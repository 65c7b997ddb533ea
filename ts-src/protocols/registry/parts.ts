/** What comes in several parts, in any order and maybe twice, until all are there. It takes room for what has come: how many there are to be is for the sender to say, and may be made up. */
export class Parts<T> {
  readonly count: number;
  readonly #items = new Map<number, T>();

  constructor(count: number) {
    this.count = count;
  }

  /** @returns all of them, in their order, if none is missing any more */
  add(part: number, item: T): T[] | undefined {
    if (part >= this.count) return undefined;
    this.#items.set(part, item);
    if (this.#items.size < this.count) return undefined;
    return [...this.#items].sort(([a], [b]) => a - b).map(([, each]) => each);
  }
}

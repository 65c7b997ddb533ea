/**
 * Whose turn it is to be probed (SWIM, 4.3): everybody once, in a random order, then all in another one. A new member comes in at a random place. So between two probes of a member there are
 * fewer than 2n others. Each operation but the shuffle at the end of a round takes the same time for any number of members.
 */
export class ProbeOrder<T> {
  readonly #all: T[] = [];
  readonly #places = new Map<T, number>();
  readonly #random: () => number;
  #next = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  get size(): number {
    return this.#all.length;
  }

  add(member: T): void {
    const place = this.#below(this.#all.length + 1);
    this.#put(member, this.#all.length);
    this.#swap(place, this.#all.length - 1);
  }

  remove(member: T): void {
    let place = this.#places.get(member);
    if (place === undefined) return;
    // Its place is filled from its own part of the round, those that had their turn or those that wait, so that nobody is left out or probed twice.
    if (place < this.#next) {
      this.#next -= 1;
      this.#swap(place, this.#next);
      place = this.#next;
    }
    this.#swap(place, this.#all.length - 1);
    this.#all.pop();
    this.#places.delete(member);
  }

  /** Undefined if there is nobody. */
  next(): T | undefined {
    if (this.#next >= this.#all.length) {
      this.#next = 0;
      for (let last = this.#all.length - 1; last > 0; last--) this.#swap(last, this.#below(last + 1));
    }
    return this.#all[this.#next++];
  }

  /** Up to `count` different members that are accepted, at random. Looks at no more than four times as many. */
  sample(count: number, isAccepted: (member: T) => boolean): T[] {
    const size = this.#all.length;
    if (size <= 4 * count) return this.#sampleOfFew(count, isAccepted);
    const found = new Set<T>();
    for (let look = 0; look < 4 * count && found.size < count; look++) {
      const member = this.#all[this.#below(size)] as T;
      if (isAccepted(member)) found.add(member);
    }
    return [...found];
  }

  #sampleOfFew(count: number, isAccepted: (member: T) => boolean): T[] {
    const left = this.#all.filter(isAccepted);
    for (let at = 0; at < Math.min(count, left.length); at++) {
      const other = at + this.#below(left.length - at);
      [left[at], left[other]] = [left[other] as T, left[at] as T];
    }
    return left.slice(0, count);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #put(member: T, place: number): void {
    this.#all[place] = member;
    this.#places.set(member, place);
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#all[a] as T, this.#all[b] as T];
    this.#put(other, a);
    this.#put(one, b);
  }
}

/** What is to happen in a world of registries, in its order: a heap. */
interface Event {
  readonly atMs: number;
  readonly number: number;
  readonly run: () => void;
}

export class TimedQueue {
  readonly #heap: Event[] = [];
  #number = 0;

  add(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs, number: this.#number++, run });
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  next(untilMs: number): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > untilMs) return undefined;
    const last = heap.pop() as Event;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && this.#isBefore(child, least)) least = child;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap;
    const event = heap[one] as Event;
    heap[one] = heap[other] as Event;
    heap[other] = event;
  }

  #isBefore(one: number, other: number): boolean {
    const [first, second] = [this.#heap[one] as Event, this.#heap[other] as Event];
    return first.atMs < second.atMs || (first.atMs === second.atMs && first.number < second.number);
  }
}

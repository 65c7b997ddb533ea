/**
 * Timers by the time they are due: a 4-ary heap in an array, in which every timer knows its place, so that it can be taken out. Insert, remove and take cost
 * O(log n); a timer costs its object and one array slot. Pure: the caller brings the time. For deadlines that are mostly cancelled before they pass see
 * `deadline-wheel.ts`.
 */

/** What the queue keeps; extend it with whatever the timer is for. */
export class QueuedTimer {
  dueMs = 0;
  /** Position in the heap; -1 while it is in none. */
  place = -1;
}

export class TimerQueue<T extends QueuedTimer> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The timer that is due first. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  insert(timer: T, dueMs: number): void {
    timer.dueMs = dueMs;
    this.#heap.push(timer);
    this.#rise(timer, this.#heap.length - 1);
  }

  /** Takes a timer out; nothing happens if it is not in the queue. */
  remove(timer: T): void {
    const { place } = timer;
    if (place < 0) return;
    timer.place = -1;
    const last = this.#heap.pop() as T;
    if (last === timer) return;
    // The last one fills the gap, and goes up or down from there.
    if (place > 0 && last.dueMs < (this.#heap[(place - 1) >> 2] as T).dueMs) this.#rise(last, place);
    else this.#sink(last, place);
  }

  /** Takes out the first timer if it is due at `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  #rise(timer: T, from: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 2;
      const parent = heap[above] as T;
      if (parent.dueMs <= timer.dueMs) break;
      heap[place] = parent;
      parent.place = place;
      place = above;
    }
    heap[place] = timer;
    timer.place = place;
  }

  #sink(timer: T, from: number): void {
    const heap = this.#heap;
    let place = from;
    for (;;) {
      const child = place * 4 + 1;
      if (child >= heap.length) break;
      let least = child;
      for (let other = child + 1; other < child + 4 && other < heap.length; other++) {
        if ((heap[other] as T).dueMs < (heap[least] as T).dueMs) least = other;
      }
      const next = heap[least] as T;
      if (next.dueMs >= timer.dueMs) break;
      heap[place] = next;
      next.place = place;
      place = least;
    }
    heap[place] = timer;
    timer.place = place;
  }
}

/**
 * What is to happen in a simulation, by the time at which it does: a 4-ary heap in an array. What is due at one time happens in the order in which it was scheduled. Every
 * event knows its place, so that it can be taken out: insert, cancel and take cost O(log n).
 */

/** Something that happens at a time. */
export abstract class ScheduledEvent {
  dueMs = 0;
  /** Among events of one time the lower one comes first. */
  sequence = 0;
  /** Position in the heap; -1 while it is in none. */
  place = -1;

  abstract happen(): void;
}

export class EventQueue {
  readonly #heap: ScheduledEvent[] = [];
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  get first(): ScheduledEvent | undefined {
    return this.#heap[0];
  }

  /** In no order. Nothing may be inserted or cancelled meanwhile. */
  get all(): readonly ScheduledEvent[] {
    return this.#heap;
  }

  insert(event: ScheduledEvent, dueMs: number): void {
    event.dueMs = dueMs;
    event.sequence = this.#sequence++;
    this.#heap.push(event);
    this.#rise(event, this.#heap.length - 1);
  }

  /** Nothing happens if it is not in the queue. */
  cancel(event: ScheduledEvent): void {
    const { place } = event;
    if (place < 0) return;
    event.place = -1;
    const last = this.#heap.pop() as ScheduledEvent;
    if (last === event) return;
    // The last one fills the gap, and goes up or down from there.
    if (place > 0 && isBefore(last, this.#heap[(place - 1) >> 2] as ScheduledEvent)) this.#rise(last, place);
    else this.#sink(last, place);
  }

  /** Takes out the first one. */
  take(): ScheduledEvent | undefined {
    const first = this.#heap[0];
    if (first !== undefined) this.cancel(first);
    return first;
  }

  #rise(event: ScheduledEvent, from: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 2;
      const parent = heap[above] as ScheduledEvent;
      if (!isBefore(event, parent)) break;
      heap[place] = parent;
      parent.place = place;
      place = above;
    }
    heap[place] = event;
    event.place = place;
  }

  #sink(event: ScheduledEvent, from: number): void {
    const heap = this.#heap;
    const { length } = heap;
    let place = from;
    for (;;) {
      const child = place * 4 + 1;
      if (child >= length) break;
      let least = child;
      for (let other = child + 1; other < child + 4 && other < length; other++) {
        if (isBefore(heap[other] as ScheduledEvent, heap[least] as ScheduledEvent)) least = other;
      }
      const next = heap[least] as ScheduledEvent;
      if (!isBefore(next, event)) break;
      heap[place] = next;
      next.place = place;
      place = least;
    }
    heap[place] = event;
    event.place = place;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}

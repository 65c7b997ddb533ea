/**
 * A hashed timing wheel (Varghese and Lauck 1987, scheme 6): many deadlines, most of which are cancelled before they pass. Insert and remove
 * are O(1) and allocate nothing; nodes are linked through the entries themselves. Pure: the caller brings the time.
 */

/** What the wheel keeps; extend it with whatever the deadline is for. */
export class WheelEntry {
  deadlineMs = 0;
  previous: WheelEntry | undefined = undefined;
  next: WheelEntry | undefined = undefined;
}

const BUCKETS = 512;

export class DeadlineWheel {
  readonly #tickMs: number;
  readonly #buckets: WheelEntry[] = [];
  /** Ticks up to and including this one have been expired. */
  #tick: number;
  size = 0;

  /** @param tickMs resolution: a deadline passes at most two ticks late. */
  constructor(tickMs: number, nowMs: number) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
    for (let index = 0; index < BUCKETS; index++) {
      const head = new WheelEntry();
      head.previous = head;
      head.next = head;
      this.#buckets.push(head);
    }
  }

  insert(entry: WheelEntry, deadlineMs: number): void {
    entry.deadlineMs = deadlineMs;
    // Rounded up, and never into a tick that was expired already.
    const tick = Math.max(Math.ceil(deadlineMs / this.#tickMs), this.#tick + 1);
    const head = this.#buckets[tick % BUCKETS] as WheelEntry;
    const last = head.previous as WheelEntry;
    entry.previous = last;
    entry.next = head;
    last.next = entry;
    head.previous = entry;
    this.size++;
  }

  /** Takes an entry out; nothing happens if it is not in the wheel. */
  remove(entry: WheelEntry): void {
    const { previous, next } = entry;
    if (previous === undefined || next === undefined) return;
    previous.next = next;
    next.previous = previous;
    entry.previous = undefined;
    entry.next = undefined;
    this.size--;
  }

  /** Visits all entries. `visit` may remove the one it is given, or others. */
  forEach(visit: (entry: WheelEntry) => void): void {
    const entries: WheelEntry[] = [];
    for (const head of this.#buckets) {
      for (let entry = head.next as WheelEntry; entry !== head; entry = entry.next as WheelEntry) entries.push(entry);
    }
    for (const entry of entries) if (entry.next !== undefined) visit(entry);
  }

  /** Removes and hands over every entry whose deadline has passed. `expire` may insert and remove. */
  advance(nowMs: number, expire: (entry: WheelEntry) => void): void {
    const target = Math.floor(nowMs / this.#tickMs);
    // After a long pause one turn of the wheel visits every bucket; more would visit them again.
    const from = Math.max(this.#tick, target - BUCKETS);
    this.#tick = target;
    for (let tick = from + 1; tick <= target; tick++) {
      const head = this.#buckets[tick % BUCKETS] as WheelEntry;
      const due: WheelEntry[] = [];
      for (let entry = head.next as WheelEntry; entry !== head; entry = entry.next as WheelEntry) {
        if (entry.deadlineMs <= nowMs) due.push(entry);
      }
      for (const entry of due) {
        // An earlier `expire` may have taken it out.
        if (entry.previous === undefined) continue;
        this.remove(entry);
        expire(entry);
      }
    }
  }
}

/**
 * The time of a simulated world: milliseconds since it began, which pass only from one event to the next. Nodes never see it: each has a clock of its own (`node-clock.ts`).
 * All times are whole microseconds, so that they read well and add up the same way everywhere.
 */
import { EventQueue, ScheduledEvent } from './event-queue.js';

class Callback extends ScheduledEvent {
  constructor(readonly happen: () => void) {
    super();
  }
}

/** Rounded up to whole microseconds. */
export function inMicroseconds(ms: number): number {
  // What is a sum of whole ones may be off in its last bit.
  return Math.ceil(ms * 1000 - 1e-3) / 1000;
}

export class VirtualTime {
  readonly events = new EventQueue();
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** @param delayMs what is no delay is none, and what never ends is not scheduled */
  schedule(event: ScheduledEvent, delayMs: number): void {
    const delay = delayMs > 0 ? delayMs : 0;
    if (delay === Number.POSITIVE_INFINITY) return;
    this.events.insert(event, inMicroseconds(this.#nowMs + delay));
  }

  /** Returns what cancels. */
  after(delayMs: number, callback: () => void): () => void {
    const event = new Callback(callback);
    this.schedule(event, delayMs);
    return () => this.events.cancel(event);
  }

  /** Lets the first event happen, if it is due until then. */
  next(untilMs: number): boolean {
    const { first } = this.events;
    if (first === undefined || first.dueMs > untilMs) return false;
    this.events.cancel(first);
    if (first.dueMs > this.#nowMs) this.#nowMs = first.dueMs;
    first.happen();
    return true;
  }

  /** Nothing is due before. */
  moveTo(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs;
  }
}

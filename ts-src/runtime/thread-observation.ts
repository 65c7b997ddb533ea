/**
 * What one thread lets others see of its work: puts the parts together that record, count, trace and publish what happens to messages and agents. Each part is a class of its own and names
 * what it needs; this one decides only whom the dispatcher shows its messages to.
 */
import type { MessageObserver } from './message-observer.js';

export class ThreadObservation {
  /** Asked for once in each drain; undefined while nobody wants to see messages, which then cost nothing. */
  observer(): MessageObserver | undefined {
    return undefined;
  }
}

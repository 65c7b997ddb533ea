/**
 * What one thread lets others see of its work: puts the parts together that record, count, trace and publish what happens to messages and agents. Each part is a class of its own and names
 * what it needs; this one decides only whom the dispatcher shows its messages to.
 */
import type { Activity } from './activity.js';
import type { Followed, FollowReport } from './followed.js';
import type { MessageObserver } from './message-observer.js';

export class ThreadObservation {
  /** While somebody looks at the nexus. */
  activity: Activity | undefined = undefined;
  /** While agents of this thread are followed. */
  followed: Followed | undefined = undefined;
  /** On the calling thread: takes what threads report of agents that are followed. */
  onFollowed: ((report: FollowReport) => void) | undefined = undefined;

  /** Asked for once in each drain; undefined while nobody wants to see messages, which then cost nothing. */
  observer(): MessageObserver | undefined {
    const { activity, followed } = this;
    if (activity === undefined && followed === undefined) return undefined;
    const observer = activity?.observer(undefined);
    return followed === undefined ? observer : followed.observer(observer);
  }
}

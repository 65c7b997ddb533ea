/**
 * Delivers the reminders of all agents of a nexus: one thread (the calling one) asks the store which are due, has the thread of each agent bring it back and handle the
 * reminder, and tries again what failed, later each time. A reminder is over when the store says so, in one transaction with what its handler changed; so it is handled at
 * least once. Time is that of the calendar, and a jump of it is noticed within a second.
 */
import type { Logger } from '../../model/agent-context.js';
import { retryDelayMs } from '../../model/reminder-grid.js';
import type { Clock } from '../../ports/clock.js';
import type { Reminder, ThreadStorage } from '../../ports/storage.js';

/** Reminders that are begun at one look at the store. */
export const REMINDERS_PER_TICK_MAX = 256;
/** Reminders that are under way or wait for another attempt at once; further ones wait in the store. */
export const REMINDERS_UNDERWAY_MAX = 4096;
/** The calendar may have been set meanwhile. */
const LOOK_MS_MAX = 1000;

export interface ReminderServiceNeeds {
  readonly storage: ThreadStorage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In a cluster: whether this node delivers the reminders of that agent now. */
  isOwn(kind: string, id: string): boolean;
  /** Resolves when its handler has completed and that is stored. */
  deliver(reminder: Reminder): Promise<void>;
}

interface Attempt {
  attempts: number;
  isUnderway: boolean;
  retryAtMs: number;
}

export class ReminderService {
  delivered = 0;
  readonly #needs: ReminderServiceNeeds;
  readonly #known = new Map<string, Attempt>();
  #cancel: (() => void) | undefined;
  #wakeMs = Number.POSITIVE_INFINITY;
  #isRunning = false;
  #hasMore = false;

  constructor(needs: ReminderServiceNeeds) {
    this.#needs = needs;
  }

  /** Handlers of reminders run. */
  get underway(): number {
    let count = 0;
    for (const { isUnderway } of this.#known.values()) if (isUnderway) count++;
    return count;
  }

  start(): void {
    this.#isRunning = true;
    this.tick();
  }

  /** Begins no more; what is under way goes on. */
  stop(): void {
    this.#isRunning = false;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wakeMs = Number.POSITIVE_INFINITY;
  }

  /** A reminder was stored. */
  added(dueEpochMs: number): void {
    if (this.#isRunning) this.#wake(dueEpochMs - this.#needs.clock.epochMs());
  }

  /** Begins what is due. */
  tick(): void {
    this.#cancel = undefined;
    this.#wakeMs = Number.POSITIVE_INFINITY;
    if (!this.#isRunning) return;
    const { storage, clock, logger } = this.#needs;
    try {
      const nowEpochMs = clock.epochMs();
      const nowMs = clock.nowMs();
      const due =
        this.#known.size < REMINDERS_UNDERWAY_MAX
          ? storage.remindersDue(nowEpochMs, REMINDERS_PER_TICK_MAX + this.#known.size, (kind, id) => this.#needs.isOwn(kind, id))
          : [];
      this.#hasMore = due.length >= REMINDERS_PER_TICK_MAX + this.#known.size;
      for (const reminder of due) {
        if (!this.#needs.isOwn(reminder.kind, reminder.id)) continue;
        const attempt = this.#known.get(keyOf(reminder));
        if (attempt === undefined || (!attempt.isUnderway && attempt.retryAtMs <= nowMs)) this.#begin(reminder, attempt);
      }
      this.#forgetGone(due, nowMs);
      this.#waitForNext(nowEpochMs, nowMs);
    } catch (error) {
      logger.error({ error }, 'reminders could not be looked up; it is tried again');
      this.#wake(LOOK_MS_MAX);
    }
  }

  #begin(reminder: Reminder, before: Attempt | undefined): void {
    const key = keyOf(reminder);
    const attempt = before ?? { attempts: 0, isUnderway: true, retryAtMs: 0 };
    attempt.isUnderway = true;
    attempt.attempts++;
    this.#known.set(key, attempt);
    this.#needs.deliver(reminder).then(
      () => {
        this.delivered++;
        this.#known.delete(key);
        if (this.#hasMore && this.#isRunning) this.#wake(0);
        else if (this.#isRunning) this.#waitForNext(this.#needs.clock.epochMs(), this.#needs.clock.nowMs());
      },
      (error: unknown) => {
        attempt.isUnderway = false;
        const delayMs = retryDelayMs(attempt.attempts);
        attempt.retryAtMs = this.#needs.clock.nowMs() + delayMs;
        const { kind, id, name } = reminder;
        this.#needs.logger.warn({ error, kind, id, reminder: name, attempts: attempt.attempts, delayMs }, 'a reminder was not handled; it is tried again');
        if (this.#isRunning) this.#wake(delayMs);
      },
    );
  }

  /** Cancelled, or put off, before another attempt. */
  #forgetGone(due: readonly Reminder[], nowMs: number): void {
    if (this.#hasMore) return;
    const stillDue = new Set(due.map(keyOf));
    for (const [key, attempt] of this.#known) if (!attempt.isUnderway && attempt.retryAtMs <= nowMs && !stillDue.has(key)) this.#known.delete(key);
  }

  #waitForNext(nowEpochMs: number, nowMs: number): void {
    const next = this.#needs.storage.nextReminderEpochMs();
    if (next === undefined) return;
    // One that is due is under way or waits for another attempt: those wake by themselves, but there may be others behind it.
    let waitMs = next > nowEpochMs ? next - nowEpochMs : LOOK_MS_MAX / 4;
    for (const { isUnderway, retryAtMs } of this.#known.values()) if (!isUnderway) waitMs = Math.min(waitMs, Math.max(1, retryAtMs - nowMs));
    this.#wake(waitMs);
  }

  #wake(inMs: number): void {
    const waitMs = Math.max(0, Math.min(inMs, LOOK_MS_MAX));
    const atMs = this.#needs.clock.nowMs() + waitMs;
    if (this.#cancel !== undefined && this.#wakeMs <= atMs) return;
    this.#cancel?.();
    this.#wakeMs = atMs;
    this.#cancel = this.#needs.clock.after(waitMs, () => this.tick());
  }
}

function keyOf({ kind, id, name }: Reminder): string {
  return `${kind}\0${id}\0${name}`;
}

/**
 * A clock that moves when it is told to. Timers are called in the order of their time, those of one time in the order in which they were set; between two of them promises
 * settle, so that what one timer leads to has happened before the next one is called. Given to whatever takes a `Clock`, and the time of a test nexus.
 */
import { NexusError, optionError, valueText } from '../errors.js';
import { checkNames } from '../model/nearest-name.js';
import type { Clock } from '../ports/clock.js';
import { eventLoopVisit } from './event-loop-visit.js';

/** Timers that one call may fire: beyond it some timer sets itself again for ever. */
const FIRED_MAX = 1_000_000;
const ADVANCE_MS_MAX = 1e12;
/** 2026-01-01T00:00:00Z. */
const EPOCH_MS = 1_767_225_600_000;

/** What a manual clock begins with. */
export interface ManualClockOptions {
  /** What `nowMs` begins with. Default 0. */
  readonly nowMs?: number;
  /** What `epochMs` begins with. Default 1,767,225,600,000, the beginning of 2026. */
  readonly epochMs?: number;
}

/** A timer that waits. */
export interface PendingTimer {
  readonly dueMs: number;
  readonly delayMs: number;
}

interface Timer extends PendingTimer {
  readonly callback: () => void;
}

/** A clock that stands still until it is moved, as `createManualClock` returns it. */
export interface ManualClock extends Clock {
  /** Timers that wait, the one that is due first at the front. */
  readonly pending: readonly PendingTimer[];
  /** Moves on by so much, and calls what is due on the way. Resolves when all that it led to has settled. Rejects with NEXUS_NEVER_QUIET after 1,000,000 timers. */
  advance(byMs: number): Promise<void>;
  /** Moves on to this value of `nowMs`. */
  advanceTo(nowMs: number): Promise<void>;
  /** Moves on from timer to timer until none is left. Returns how many were called. A timer that repeats for ever rejects it with NEXUS_NEVER_QUIET, after `timersMax` (default 1,000,000). */
  runAll(options?: { readonly timersMax?: number }): Promise<number>;
}

/** A clock that only the test moves, for whatever takes a `Clock`. @throws NexusTypeError NEXUS_OPTION_INVALID */
export function createManualClock(options: ManualClockOptions = {}): ManualClock {
  checkNames('createManualClock', options, ['nowMs', 'epochMs']);
  return new SteppedClock(options, eventLoopVisit);
}

export class SteppedClock implements ManualClock {
  #nowMs: number;
  readonly #epochOffsetMs: number;
  /** By due time, then in the order in which they were set. */
  readonly #timers: Timer[] = [];
  readonly #settle: () => Promise<unknown>;

  /** @param settle lets happen what a timer led to */
  constructor({ nowMs = 0, epochMs = EPOCH_MS }: ManualClockOptions, settle: () => Promise<unknown>) {
    this.#nowMs = finite('nowMs', nowMs);
    this.#epochOffsetMs = finite('epochMs', epochMs) - nowMs;
    this.#settle = settle;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#nowMs + this.#epochOffsetMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    // As of `setTimeout`: what is no delay is none.
    const delay = delayMs > 0 ? delayMs : 0;
    const timer: Timer = { dueMs: this.#nowMs + delay, delayMs: delay, callback };
    this.#timers.splice(this.#placeFor(timer.dueMs), 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  get pending(): readonly PendingTimer[] {
    return this.#timers.map(({ dueMs, delayMs }) => ({ dueMs, delayMs }));
  }

  /** Of the first timer. */
  get nextDueMs(): number | undefined {
    return this.#timers[0]?.dueMs;
  }

  advance(byMs: number): Promise<void> {
    if (!(typeof byMs === 'number' && byMs >= 0 && byMs <= ADVANCE_MS_MAX))
      return Promise.reject(optionError('advance', `by ${valueText(byMs)} ms; it must be from 0 to ${ADVANCE_MS_MAX}`));
    return this.#moveTo(this.#nowMs + byMs);
  }

  advanceTo(nowMs: number): Promise<void> {
    if (!(typeof nowMs === 'number' && nowMs >= this.#nowMs && nowMs <= this.#nowMs + ADVANCE_MS_MAX))
      return Promise.reject(optionError('advanceTo', `to ${valueText(nowMs)}; a clock does not go back, it shows ${this.#nowMs}`));
    return this.#moveTo(nowMs);
  }

  async runAll({ timersMax = FIRED_MAX }: { readonly timersMax?: number } = {}): Promise<number> {
    await this.#settle();
    let fired = 0;
    for (; this.#timers.length > 0; fired++) {
      if (fired >= timersMax) throw neverQuiet(`timers are still set after ${timersMax} were called`, this.pending);
      await this.#fire();
    }
    return fired;
  }

  async #moveTo(targetMs: number): Promise<void> {
    // What has been begun before is not to see the later time.
    await this.#settle();
    for (let fired = 0; (this.nextDueMs ?? Number.POSITIVE_INFINITY) <= targetMs; fired++) {
      if (fired >= FIRED_MAX)
        throw neverQuiet(`${FIRED_MAX} timers were called on the way to ${targetMs} ms, and the clock shows ${this.#nowMs}`, this.pending);
      await this.#fire();
    }
    this.#nowMs = Math.max(this.#nowMs, targetMs);
    await this.#settle();
  }

  async #fire(): Promise<void> {
    const timer = this.#timers.shift() as Timer;
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.callback();
    await this.#settle();
  }

  #placeFor(dueMs: number): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#timers[middle] as Timer).dueMs <= dueMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function neverQuiet(what: string, pending: readonly PendingTimer[]): NexusError {
  return new NexusError('NEXUS_NEVER_QUIET', `${what}; the next of ${pending.length} is due at ${pending[0]?.dueMs} ms`, { data: { pending: pending.length } });
}

function finite(name: string, value: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw optionError(name, `is ${valueText(value)}; it must be a finite number of milliseconds`);
}

/** The timers of all agents of a thread: one timer of the clock for the one that is due first. A timer that is due puts a message into its agent's mailbox. */
import type { AgentTimer } from '../model/agent-context.js';
import { QueuedTimer, TimerQueue } from '../model/timer-queue.js';
import type { MessageTrace } from '../model/message-trace.js';
import type { Clock } from '../ports/clock.js';
import { type AgentCell, extraOf } from './agent-cell.js';
import type { ActionEntry } from './kind.js';

/** The clock may call back this much before the time. */
const EARLY_MS = 1;

export class CellTimer extends QueuedTimer implements AgentTimer {
  /** Timers of one agent, in no order. */
  previous: CellTimer | undefined = undefined;
  next: CellTimer | undefined = undefined;
  /** It is not due before its agent is released. */
  isHeld = false;

  constructor(
    readonly timers: AgentTimers,
    readonly cell: AgentCell,
    readonly action: ActionEntry,
    readonly input: unknown,
    /** 0 for once. */
    readonly periodMs: number,
    /** That set it, for a timer that fires once. */
    readonly trace: MessageTrace | undefined,
  ) {
    super();
  }

  cancel(): void {
    this.timers.cancel(this);
  }
}

export class AgentTimers {
  readonly #clock: Clock;
  readonly #deliver: (cell: AgentCell, action: ActionEntry, input: unknown, trace: MessageTrace | undefined) => void;
  readonly #queue = new TimerQueue<CellTimer>();
  #cancelWait: (() => void) | undefined;
  #waitUntilMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, deliver: (cell: AgentCell, action: ActionEntry, input: unknown, trace: MessageTrace | undefined) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  start(cell: AgentCell, delayMs: number, periodMs: number, action: ActionEntry, input: unknown, trace?: MessageTrace): AgentTimer {
    return this.startAt(cell, this.#clock.nowMs() + delayMs, periodMs, action, input, trace);
  }

  startAt(cell: AgentCell, dueMs: number, periodMs: number, action: ActionEntry, input: unknown, trace: MessageTrace | undefined): AgentTimer {
    const timer = new CellTimer(this, cell, action, input, periodMs, trace);
    const extra = extraOf(cell);
    extra.hadTimers = true;
    timer.next = extra.timers;
    if (extra.timers !== undefined) extra.timers.previous = timer;
    extra.timers = timer;
    this.#queue.insert(timer, dueMs);
    this.#wait();
    return timer;
  }

  cancel(timer: CellTimer): void {
    if (timer.place < 0 && !timer.isHeld) return;
    timer.isHeld = false;
    this.#queue.remove(timer);
    this.#forget(timer);
    this.#wait();
  }

  cancelAll(cell: AgentCell): void {
    for (let timer = cell.extra?.timers; timer !== undefined; timer = cell.extra?.timers) this.cancel(timer);
  }

  /** None of an agent's fires until `release`: what it is made of has been packed, with the time that they have left, and they fire where it is next. */
  hold(cell: AgentCell): void {
    for (let timer = cell.extra?.timers; timer !== undefined; timer = timer.next) {
      this.#queue.remove(timer);
      timer.isHeld = true;
    }
    this.#wait();
  }

  /** Those that were due meanwhile are due now. */
  release(cell: AgentCell): void {
    for (let timer = cell.extra?.timers; timer !== undefined; timer = timer.next) {
      if (!timer.isHeld) continue;
      timer.isHeld = false;
      this.#queue.insert(timer, timer.dueMs);
    }
    this.#wait();
  }

  #forget(timer: CellTimer): void {
    const { previous, next, cell } = timer;
    if (previous !== undefined) previous.next = next;
    else if (cell.extra !== undefined) cell.extra.timers = next;
    if (next !== undefined) next.previous = previous;
    timer.previous = undefined;
    timer.next = undefined;
  }

  /** Waits for the timer that is due first. With none left it waits for nothing, and keeps no process alive. */
  #wait(): void {
    const first = this.#queue.first;
    if (first === undefined) {
      this.#cancelWait?.();
      this.#cancelWait = undefined;
      this.#waitUntilMs = Number.POSITIVE_INFINITY;
      return;
    }
    // An earlier wait than needed is cheaper than a new one: it finds nothing due and waits on.
    if (first.dueMs >= this.#waitUntilMs) return;
    this.#cancelWait?.();
    this.#waitUntilMs = first.dueMs;
    this.#cancelWait = this.#clock.after(Math.max(0, first.dueMs - this.#clock.nowMs()), () => this.#fire());
  }

  #fire(): void {
    this.#cancelWait = undefined;
    this.#waitUntilMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.nowMs();
    for (let timer = this.#queue.takeDue(nowMs + EARLY_MS); timer !== undefined; timer = this.#queue.takeDue(nowMs + EARLY_MS)) {
      if (timer.periodMs > 0) this.#queue.insert(timer, nextDue(timer, nowMs + EARLY_MS));
      else this.#forget(timer);
      this.#deliver(timer.cell, timer.action, timer.input, timer.trace);
    }
    this.#wait();
  }
}

/** The first multiple of the period after `nowMs`: a thread that was held up does not make up for the times it missed. */
function nextDue(timer: CellTimer, nowMs: number): number {
  const missed = Math.floor((nowMs - timer.dueMs) / timer.periodMs);
  return timer.dueMs + (Math.max(0, missed) + 1) * timer.periodMs;
}

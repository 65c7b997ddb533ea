/**
 * The clock of a simulated machine: it runs a little too fast or too slow (`rate`), and its wall clock is wrong (`epochOffsetMs`) and may jump. What its processes measure time with never
 * jumps or goes back. Both can be changed while it runs.
 */
import type { Clock } from '../../ports/clock.js';
import { ScheduledEvent } from './event-queue.js';
import type { VirtualTime } from './virtual-time.js';

class NodeTimer extends ScheduledEvent {
  constructor(
    readonly clock: NodeClock,
    /** In the time of the machine. */
    readonly dueLocalMs: number,
    readonly callback: () => void,
  ) {
    super();
  }

  override happen(): void {
    this.clock.reach(this.dueLocalMs);
    this.callback();
  }
}

export class NodeClock {
  readonly #time: VirtualTime;
  #rate = 1;
  #epochOffsetMs: number;
  /** Where both times were when the rate changed last. */
  #sinceMs = 0;
  #sinceLocalMs = 0;
  /** What it has shown: rounding never takes it back. */
  #shownMs = 0;

  /** @param epochMs what the wall clock shows at the beginning of the world */
  constructor(time: VirtualTime, epochMs: number) {
    this.#time = time;
    this.#epochOffsetMs = epochMs;
    this.#sinceMs = time.nowMs;
    this.#sinceLocalMs = time.nowMs;
  }

  /** Milliseconds of this machine since the world began, as it measures them. */
  localMs(): number {
    const nowMs = this.#sinceLocalMs + (this.#time.nowMs - this.#sinceMs) * this.#rate;
    if (nowMs > this.#shownMs) this.#shownMs = nowMs;
    return this.#shownMs;
  }

  epochMs(): number {
    return Math.round(this.localMs() + this.#epochOffsetMs);
  }

  /** What it shows is not before this any more: a timer is never early by its own clock. */
  reach(localMs: number): void {
    if (localMs > this.#shownMs) this.#shownMs = localMs;
  }

  get rate(): number {
    return this.#rate;
  }

  /** Milliseconds of this machine in one of the world: 1.01 is a clock that is fast by 1 %. */
  set rate(rate: number) {
    const localMs = this.localMs();
    this.#sinceLocalMs = localMs;
    this.#sinceMs = this.#time.nowMs;
    this.#rate = rate;
    const timers = this.#time.events.all.filter((event) => event instanceof NodeTimer && event.clock === this) as NodeTimer[];
    // In their order, which decides between those of one time.
    timers.sort((a, b) => a.sequence - b.sequence);
    for (const timer of timers) {
      this.#time.events.cancel(timer);
      this.#time.schedule(timer, (timer.dueLocalMs - localMs) / rate);
    }
  }

  /** Sets the wall clock forward, or back. Nothing else notices. */
  jump(byMs: number): void {
    this.#epochOffsetMs += byMs;
  }

  /** As a process sees it whose own time began with `bootMs`. */
  forProcess(bootMs: number): Clock {
    const originMs = this.localMs() - bootMs;
    return {
      nowMs: () => this.localMs() - originMs,
      epochMs: () => this.epochMs(),
      after: (delayMs, callback) => {
        // A microsecond at least: what is due in less than a double can tell would be due at this moment again and again.
        const delay = delayMs > 0 ? Math.max(delayMs, 0.001) : 0;
        const timer = new NodeTimer(this, this.localMs() + delay, callback);
        this.#time.schedule(timer, delay / this.#rate);
        return () => this.#time.events.cancel(timer);
      },
    };
  }
}

/**
 * Threads of a simulation, all in the calling one. Each has an event loop of its own: tasks in their order, and the mail that waits in its rings. The schedule draws from
 * the seed which thread runs next, whether it takes a task or its mail, and how many messages it handles before another one has its turn. Between two steps all promises
 * settle. With one seed everything happens in one order; what a thread does between two steps no other one sees half done, as if it were that much faster.
 *
 * Not here: what a thread is (`simulated-worker.ts`, `test-nexus.ts`), and time (`manual-clock.ts`), which moves only between steps.
 */
import { NexusError } from '../errors.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { Clock } from '../ports/clock.js';
import type { Turns } from '../ports/turns.js';
import { atNextVisit } from './event-loop-visit.js';
import type { SteppedClock } from './manual-clock.js';

/** Visits of the real event loop without a step before the schedule rests: what awaits a `setImmediate` of its own goes on meanwhile. */
const IDLE_VISITS = 2;
/** Messages a real thread handles before it visits its event loop. */
const MESSAGES_OF_A_THREAD = 4096;

type Task = () => void;

/** One life of one simulated thread. */
export class ThreadLife {
  isAlive = true;
  readonly tasks: Task[] = [];
  hasMail = false;
  /** Takes the mail; true if more is left. */
  drain: (() => boolean) | undefined;
  /** When it ends. */
  onEnd: (() => void) | undefined;
  readonly turns: Turns;
  readonly clock: Clock;

  constructor(
    readonly index: number,
    readonly schedule: Schedule,
    clock: SteppedClock,
  ) {
    this.turns = {
      soon: (task) => queueMicrotask(() => this.isAlive && task()),
      later: (task) => this.post(task),
      messagesMax: () => schedule.drawMessagesMax(),
      readsMax: () => schedule.drawMessagesMax(),
    };
    this.clock = {
      nowMs: () => clock.nowMs(),
      epochMs: () => clock.epochMs(),
      after: (delayMs, callback) => {
        let isCancelled = false;
        const due = (): void => this.post(() => (isCancelled ? undefined : callback()));
        // What waits for no time does not wait for the clock to be moved.
        const cancel = delayMs > 0 ? clock.after(delayMs, due) : due();
        if (cancel !== undefined) this.#timers.add(cancel);
        return () => {
          isCancelled = true;
          cancel?.();
          if (cancel !== undefined) this.#timers.delete(cancel);
        };
      },
    };
  }

  readonly #timers = new Set<() => void>();

  post(task: Task): void {
    if (!this.isAlive) return;
    this.tasks.push(task);
    this.schedule.wake();
  }

  get isRunnable(): boolean {
    return this.tasks.length > 0 || (this.hasMail && this.drain !== undefined);
  }

  /** It does nothing any more: neither what it had to do, nor when time passes. */
  end(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.tasks.length = 0;
    this.hasMail = false;
    this.drain = undefined;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.onEnd?.();
  }
}

export interface StepNote {
  readonly thread: number;
  readonly what: 'mail' | 'task';
}

export class Schedule {
  steps = 0;
  /** The thread whose step this is; also while what it led to settles. */
  running: ThreadLife | undefined;
  readonly #random: SeededRandom;
  readonly #lives: (ThreadLife | undefined)[] = [];
  readonly #noted: (note: StepNote) => void;
  readonly #afterStep: Task[] = [];
  #isPumping = false;
  #isPaused = false;
  #idleVisits = 0;
  #stepsMax = Number.POSITIVE_INFINITY;
  #resting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(seed: number, noted: (note: StepNote) => void) {
    this.#random = new SeededRandom(seed, 'schedule');
    this.#noted = noted;
  }

  begin(thread: number, clock: SteppedClock): ThreadLife {
    const life = new ThreadLife(thread, this, clock);
    this.#lives[thread] = life;
    return life;
  }

  lifeOf(thread: number): ThreadLife | undefined {
    const life = this.#lives[thread];
    return life?.isAlive === true ? life : undefined;
  }

  /** There is mail for a thread. */
  mailFor(thread: number): void {
    const life = this.lifeOf(thread);
    if (life === undefined || life.hasMail) return;
    life.hasMail = true;
    this.wake();
  }

  /** Few, so that threads interleave between single messages; now and then as many as a real thread. */
  drawMessagesMax(): number {
    const kind = this.#below(8);
    if (kind < 5) return 1 + this.#below(4);
    return kind < 7 ? 1 + this.#below(64) : MESSAGES_OF_A_THREAD;
  }

  /** Now, or when the step of this thread, which has called it, is over. */
  betweenSteps(thread: number, task: Task): void {
    if (this.running?.index === thread) this.#afterStep.push(task);
    else task();
  }

  /** Something may run. */
  wake(): void {
    this.#idleVisits = 0;
    if (this.#isPumping || this.#isPaused) return;
    this.#isPumping = true;
    atNextVisit(this.#visit);
  }

  /** Resolves when nothing is left to run. @param stepsMax more are NEXUS_NEVER_QUIET */
  async rest(stepsMax: number): Promise<void> {
    this.#isPaused = false;
    this.#stepsMax = Math.min(this.#stepsMax, this.steps + stepsMax);
    await new Promise<void>((resolve, reject) => {
      this.#resting.push({ resolve, reject });
      this.wake();
    });
  }

  /** One step; from now on nothing runs by itself. False if there was nothing to run. */
  async step(): Promise<boolean> {
    this.#isPaused = true;
    const ran = this.#step();
    await new Promise<void>((resolve) => atNextVisit(resolve));
    this.#endStep();
    return ran;
  }

  #endStep(): void {
    this.running = undefined;
    for (let task = this.#afterStep.shift(); task !== undefined; task = this.#afterStep.shift()) task();
  }

  readonly #visit = (): void => {
    this.#endStep();
    if (this.#isPaused) {
      this.#isPumping = false;
      return;
    }
    if (this.steps >= this.#stepsMax && this.#resting.length > 0) return this.#giveUp();
    let ran = false;
    try {
      ran = this.#step();
    } finally {
      // Also when the step fails, which is an uncaught exception as on any thread: the others go on.
      if (ran || this.running !== undefined) this.#idleVisits = 0;
      else this.#idleVisits++;
      if (this.#idleVisits < IDLE_VISITS) atNextVisit(this.#visit);
      else this.#rests();
    }
  };

  #rests(): void {
    this.#isPumping = false;
    this.#stepsMax = Number.POSITIVE_INFINITY;
    const resting = this.#resting;
    this.#resting = [];
    for (const { resolve } of resting) resolve();
  }

  #giveUp(): void {
    this.#isPumping = false;
    this.#isPaused = true;
    this.#stepsMax = Number.POSITIVE_INFINITY;
    const resting = this.#resting;
    this.#resting = [];
    const error = new NexusError(
      'NEXUS_NEVER_QUIET',
      `there was still something to run after ${this.steps} steps: agents that send for ever, or raise stepsMax`,
      {
        data: { steps: this.steps },
      },
    );
    for (const { reject } of resting) reject(error);
  }

  #step(): boolean {
    const runnable = this.#lives.filter((life) => life?.isRunnable === true) as ThreadLife[];
    if (runnable.length === 0) return false;
    const life = runnable[this.#below(runnable.length)] as ThreadLife;
    const takesMail = life.hasMail && life.drain !== undefined && (life.tasks.length === 0 || this.#below(2) === 0);
    this.steps++;
    this.running = life;
    this.#noted({ thread: life.index, what: takesMail ? 'mail' : 'task' });
    if (takesMail) {
      life.hasMail = false;
      if (life.drain?.() === true) life.hasMail = life.isAlive;
    } else (life.tasks.shift() as Task)();
    return true;
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}

/**
 * Threads of a simulation, all in the calling one. Each has an event loop of its own: tasks in their order, and the mail that waits in its rings. The schedule draws from
 * the seed which thread runs next, whether it takes a task or its mail, and how many messages it handles before another one has its turn. Between two steps all promises
 * settle. With one seed everything happens in one order; what a thread does between two steps no other one sees half done, as if it were that much faster.
 *
 * The threads of one process are a group: they know each other by their numbers, and stand still together when the process does. A test nexus is one group, a simulated
 * cluster has one for each process that runs (`simulation/simulated-process.ts`).
 *
 * Not here: what a thread is (`simulated-worker.ts`, `test-nexus.ts`), and time (`manual-clock.ts`, `simulation/virtual-time.ts`), which moves only between steps.
 */
import { NexusError } from '../errors.js';
import type { SeededRandom } from '../model/seeded-random.js';
import type { Clock } from '../ports/clock.js';
import type { Turns } from '../ports/turns.js';
import { atNextVisit } from './event-loop-visit.js';

/** Visits of the real event loop without a step before the schedule rests: what awaits a `setImmediate` of its own goes on meanwhile. */
const IDLE_VISITS = 2;
/** Messages a real thread handles before it visits its event loop. */
const MESSAGES_OF_A_THREAD = 4096;
/** Steps of threads without promises between two visits of the real event loop. */
const STEPS_OF_A_VISIT = 512;
/** Threads of one group at most. */
const THREADS_MAX = 1024;

type Task = () => void;

/** One life of one simulated thread. */
export class ThreadLife {
  isAlive = true;
  readonly tasks: Task[] = [];
  /** When it ends. */
  onEnd: (() => void) | undefined;
  /** Whether what it runs may wait for promises. One that does not is run without waiting for them to settle. */
  hasPromises = true;
  /** Where it is among all threads of the schedule. */
  readonly order: number;
  isListed = false;
  readonly turns: Turns;
  readonly clock: Clock;
  #hasMail = false;
  #drain: (() => boolean) | undefined;
  readonly #timers = new Set<() => void>();

  constructor(
    readonly index: number,
    readonly group: ThreadGroup,
    clock: Clock,
  ) {
    this.order = group.order * THREADS_MAX + index;
    this.turns = {
      soon: (task) => queueMicrotask(() => this.isAlive && task()),
      later: (task) => this.post(task),
      messagesMax: () => group.drawMessagesMax(),
      readsMax: () => group.drawMessagesMax(),
    };
    this.clock = {
      nowMs: () => clock.nowMs(),
      epochMs: () => clock.epochMs(),
      after: (delayMs, callback) => {
        let isCancelled = false;
        const due = (): void => {
          if (cancel !== undefined) this.#timers.delete(cancel);
          this.post(() => (isCancelled ? undefined : callback()));
        };
        let cancel: (() => void) | undefined;
        // What waits for no time does not wait for the clock to be moved.
        if (delayMs > 0) {
          cancel = clock.after(delayMs, due);
          this.#timers.add(cancel);
        } else due();
        return () => {
          isCancelled = true;
          cancel?.();
          if (cancel !== undefined) this.#timers.delete(cancel);
        };
      },
    };
  }

  post(task: Task): void {
    if (!this.isAlive) return;
    const { delayTask } = this.group;
    if (delayTask !== undefined) return delayTask(this, task);
    this.postNow(task);
  }

  /** However slow its process is. */
  postNow(task: Task): void {
    if (!this.isAlive) return;
    this.tasks.push(task);
    this.group.schedule.changed(this);
  }

  get hasMail(): boolean {
    return this.#hasMail;
  }

  set hasMail(hasMail: boolean) {
    this.#hasMail = hasMail;
    this.group.schedule.changed(this);
  }

  /** Takes the mail; true if more is left. */
  get drain(): (() => boolean) | undefined {
    return this.#drain;
  }

  set drain(drain: (() => boolean) | undefined) {
    this.#drain = drain;
    this.group.schedule.changed(this);
  }

  get isRunnable(): boolean {
    return !this.group.isPaused && (this.tasks.length > 0 || (this.#hasMail && this.#drain !== undefined));
  }

  /** It does nothing any more: neither what it had to do, nor when time passes. */
  end(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.tasks.length = 0;
    this.#hasMail = false;
    this.#drain = undefined;
    this.group.schedule.changed(this);
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.onEnd?.();
  }
}

/** The threads of one process, by their numbers. */
export class ThreadGroup {
  /** What tasks of a slow process go through. */
  delayTask: ((life: ThreadLife, task: Task) => void) | undefined;
  readonly #lives: (ThreadLife | undefined)[] = [];
  #isPaused = false;

  /** @param random what its threads draw: who runs next, and how far */
  constructor(
    readonly schedule: Schedule,
    readonly order: number,
    readonly random: SeededRandom,
  ) {}

  /** @param clock of the process: what it calls is posted to the thread */
  begin(thread: number, clock: Clock): ThreadLife {
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
    const deliver = (): void => {
      if (life.isAlive) life.hasMail = true;
    };
    if (this.delayTask === undefined) deliver();
    else this.delayTask(life, deliver);
  }

  /** Few, so that threads interleave between single messages; now and then as many as a real thread. */
  drawMessagesMax(): number {
    const kind = this.below(8);
    if (kind < 5) return 1 + this.below(4);
    return kind < 7 ? 1 + this.below(64) : MESSAGES_OF_A_THREAD;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** None of its threads runs. What they are to do waits. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    for (const life of this.#lives) if (life !== undefined) this.schedule.changed(life);
  }

  end(): void {
    for (const life of this.#lives) life?.end();
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }
}

/** What moves the time on, when no thread has anything left to do at this one. */
export interface TimeSource {
  /** Lets the next thing happen. False if there is none, or it is not to happen yet. */
  next(): boolean;
}

export class Schedule {
  steps = 0;
  /** The thread whose step this is; also while what it led to settles. */
  running: ThreadLife | undefined;
  readonly #noted: (life: ThreadLife, what: 'mail' | 'task') => void;
  readonly #time: TimeSource | undefined;
  readonly #ended: ((life: ThreadLife) => void) | undefined;
  /** In their order. */
  readonly #runnable: ThreadLife[] = [];
  readonly #afterStep: Task[] = [];
  #isPumping = false;
  #isPaused = false;
  /** Whether promises have had no chance to settle since the last step that may have led to some. */
  #isUnsettled = true;
  #idleVisits = 0;
  #stepsMax = Number.POSITIVE_INFINITY;
  #stepsOfRest = Number.POSITIVE_INFINITY;
  #resting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  /** @param noted of each step when it begins @param ended of each step when it is over, and promises have settled for those that have any */
  constructor(noted: (life: ThreadLife, what: 'mail' | 'task') => void, time?: TimeSource, ended?: (life: ThreadLife) => void) {
    this.#noted = noted;
    this.#ended = ended;
    this.#time = time;
  }

  /** Something may run, or not any more. */
  changed(life: ThreadLife): void {
    const isListed = life.isAlive && life.isRunnable;
    if (isListed !== life.isListed) {
      life.isListed = isListed;
      const place = this.#placeOf(life.order);
      if (isListed) this.#runnable.splice(place, 0, life);
      // A successor of the same place may be listed before its predecessor is gone.
      else this.#runnable.splice(this.#runnable.indexOf(life, place), 1);
    }
    if (isListed) this.wake();
  }

  /** Now, or when the step of this thread, which has called it, is over. */
  betweenSteps(life: ThreadLife | undefined, task: Task): void {
    if (life !== undefined && this.running === life) this.#afterStep.push(task);
    else task();
  }

  /** Something may run. */
  wake(): void {
    this.#idleVisits = 0;
    if (this.#isPumping || this.#isPaused) return;
    this.#isPumping = true;
    this.#isUnsettled = true;
    atNextVisit(this.#visit);
  }

  /** A promise was settled from here: what it leads to happens before anything else does. */
  unsettled(): void {
    this.#isUnsettled = true;
    this.#idleVisits = 0;
  }

  /** Resolves when nothing is left to run. @param stepsMax more, while the time stands still, are NEXUS_NEVER_QUIET */
  async rest(stepsMax: number): Promise<void> {
    this.#isPaused = false;
    this.#stepsOfRest = Math.min(this.#stepsOfRest, stepsMax);
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
    const ended = this.running;
    this.running = undefined;
    if (ended !== undefined) this.#ended?.(ended);
    for (let task = this.#afterStep.shift(); task !== undefined; task = this.#afterStep.shift()) task();
  }

  readonly #visit = (): void => {
    this.#endStep();
    if (this.#isPaused) {
      this.#isPumping = false;
      return;
    }
    let isQuiet = false;
    try {
      isQuiet = this.#run();
    } catch (error) {
      // Where somebody moves the time, a step that fails is what that leads to.
      if (this.#time === undefined || this.#resting.length === 0) throw error;
      this.#giveUp(error);
    } finally {
      // Also when a step fails, which is an uncaught exception as on any thread: the others go on.
      if (isQuiet) this.#rests();
      else if (this.#isPumping) atNextVisit(this.#visit);
    }
  };

  /** Until promises are to settle, or nothing is left: true then. */
  #run(): boolean {
    for (let count = 0; count < STEPS_OF_A_VISIT; count++) {
      if (this.steps >= this.#stepsMax && this.#resting.length > 0) {
        this.#giveUp(this.#neverQuiet());
        return false;
      }
      if (this.#runnable.length === 0) {
        if (this.#isUnsettled) {
          this.#idleVisits++;
          if (this.#idleVisits < IDLE_VISITS) return false;
          this.#isUnsettled = false;
        }
        if (this.#time?.next() !== true) return true;
        this.#stepsMax = this.steps + this.#stepsOfRest;
        continue;
      }
      this.#idleVisits = 0;
      this.#step();
      if ((this.running as ThreadLife).hasPromises || this.#isUnsettled) {
        this.#isUnsettled = true;
        return false;
      }
      this.#endStep();
    }
    return false;
  }

  #rests(): void {
    this.#isPumping = false;
    this.#stepsMax = Number.POSITIVE_INFINITY;
    this.#stepsOfRest = Number.POSITIVE_INFINITY;
    const resting = this.#resting;
    this.#resting = [];
    for (const { resolve } of resting) resolve();
  }

  /** Nothing runs any more until the next `rest`; those that wait are told why. */
  #giveUp(error: unknown): void {
    this.#isPumping = false;
    this.#isPaused = true;
    this.#stepsMax = Number.POSITIVE_INFINITY;
    this.#stepsOfRest = Number.POSITIVE_INFINITY;
    const resting = this.#resting;
    this.#resting = [];
    for (const { reject } of resting) reject(error);
  }

  #neverQuiet(): NexusError {
    return new NexusError('NEXUS_NEVER_QUIET', `there was still something to run after ${this.steps} steps: agents that send for ever, or raise stepsMax`, {
      data: { steps: this.steps },
    });
  }

  #step(): boolean {
    const { length } = this.#runnable;
    if (length === 0) return false;
    const { group } = this.#runnable[0] as ThreadLife;
    const life = this.#runnable[group.below(length)] as ThreadLife;
    const takesMail = life.hasMail && life.drain !== undefined && (life.tasks.length === 0 || life.group.below(2) === 0);
    this.steps++;
    this.running = life;
    this.#noted(life, takesMail ? 'mail' : 'task');
    if (takesMail) {
      life.hasMail = false;
      if (life.drain?.() === true) life.hasMail = life.isAlive;
    } else {
      const task = life.tasks.shift() as Task;
      if (life.tasks.length === 0) this.changed(life);
      task();
    }
    return true;
  }

  /** Of the first one whose order is not lower. */
  #placeOf(order: number): number {
    let low = 0;
    let high = this.#runnable.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runnable[middle] as ThreadLife).order < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

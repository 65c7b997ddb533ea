/**
 * A whole nexus in one thread: `createTestNexus` puts it together of the same parts as `createNexus`, over simulated threads, a clock that is moved by the test, and a
 * seed that decides who runs when. What it cannot show: two threads at the very same moment (for that the core has proofs of its own), time as it passes, and what the
 * host does. User code that awaits real I/O goes on when that is done, which no seed decides.
 */
import { NexusError, NexusTypeError, optionError, valueText } from '../errors.js';
import { composeNexus } from '../create-nexus.js';
import { checkNames } from '../model/nearest-name.js';
import { SeededRandom } from '../model/seeded-random.js';
import { Nexus, partsOf } from '../nexus.js';
import type { StopReport } from '../runtime/nexus-shutdown.js';
import { type NexusOptions, resolveOptions } from '../options.js';
import type { LogLine } from '../runtime/system-calls.js';
import type { ThreadHost } from '../runtime/thread-host.js';
import { type Leftovers, leftoversOf, type WaitingAgent, waitingAgentsOf } from './leftovers.js';
import { type ManualClock, SteppedClock } from './manual-clock.js';
import { Schedule, ThreadGroup } from './schedule.js';
import { seedOf } from './seed.js';
import { SimulatedThreads } from './simulated-threads.js';
import { Transcript, type TranscriptEntry } from './transcript.js';

const STEPS_MAX = 1_000_000;
const SETTLE_MS = 60_000;
const LOG_LINES_MAX = 10_000;
const TRANSCRIPT_ENTRIES_MAX = 100_000;

/** What `createTestNexus` takes: the options of `createNexus` without `engine`. `threads` is 3 by default. */
export interface TestNexusOptions extends Omit<NexusOptions, 'engine'> {
  /** What `ctx.clock.epochMs()` begins with. Default 1,767,225,600,000, the beginning of 2026. */
  readonly epochMs?: number;
}

/** What `run` found when nothing was left to run. */
export interface RunReport {
  /** Steps since the nexus was created. */
  readonly steps: number;
  /** Agents whose hook or handler waits for something that has not come: a timer, a reply, or something outside of the nexus. */
  readonly waiting: readonly WaitingAgent[];
}

/**
 * Starts a nexus whose threads are simulated. Options are those of `createNexus` but `engine`; definitions in `agents` run on every thread, as those of modules do. By
 * default 3 workers, room for 4,096 agents and rings of 64 KiB. NEXUS_TEST_SEED takes the place of `seed`. Rejects as `createNexus`.
 */
export async function createTestNexus(options: TestNexusOptions): Promise<TestNexus> {
  if (typeof options !== 'object' || options === null) throw optionError('createTestNexus', `expected an object of options, not ${valueText(options)}`);
  const { epochMs, ...given } = options;
  if ('engine' in given)
    throw new NexusTypeError('NEXUS_OPTION_UNKNOWN', 'createTestNexus: engine is always the portable one, in one thread; leave the option out', {
      option: 'engine',
    });
  const seed = seedOf(options.seed);
  const simulation = new Simulation(seed, epochMs);
  const resolved = resolveOptions({
    logger: simulation.logger,
    threads: 3,
    ...given,
    memory: { agentsMax: 4096, ringBytes: 65_536, ...given.memory },
    seed,
  });
  return composeNexus(resolved, { ...simulation.nexusThreads.surroundings(), nexus: (...parts) => new TestNexus(simulation, ...parts) });
}

/** What a test nexus is made of besides the nexus. */
class Simulation {
  readonly clock: SteppedClock;
  readonly schedule: Schedule;
  readonly threads: ThreadGroup;
  readonly transcript = new Transcript(TRANSCRIPT_ENTRIES_MAX);
  readonly nexusThreads: SimulatedThreads;
  readonly log: LogLine[] = [];
  readonly logger = { debug: this.#keep('debug'), info: this.#keep('info'), warn: this.#keep('warn'), error: this.#keep('error') };

  constructor(
    readonly seed: number,
    epochMs: number | undefined,
  ) {
    this.clock = new SteppedClock(epochMs === undefined ? {} : { epochMs }, () => this.schedule.rest(STEPS_MAX));
    this.schedule = new Schedule(({ index }, what) => this.note(index, what, undefined));
    this.threads = new ThreadGroup(this.schedule, 0, new SeededRandom(seed, 'schedule'));
    this.nexusThreads = new SimulatedThreads({
      threads: this.threads,
      calling: this.threads.begin(0, this.clock),
      begin: (thread) => this.threads.begin(thread, this.clock),
      random: new SeededRandom(seed, 'table'),
      started: (thread, isAgain) => this.note(thread, isAgain ? 'started again' : 'started', undefined),
      handled: (ctx, what) => this.note(ctx.thread, what, `${ctx.self.kind} '${ctx.id}'`),
    });
  }

  note(thread: number, what: string, agent: string | undefined): void {
    this.transcript.add({ step: this.schedule.steps, nowMs: this.clock.nowMs(), thread, what, agent });
  }

  #keep(level: LogLine['level']): (data: object, message: string) => void {
    return (data, message) => {
      if (this.log.length < LOG_LINES_MAX) this.log.push({ level, data, message });
    };
  }
}

/** A nexus of simulated threads whose order a seed decides and whose time the test moves, as `createTestNexus` makes it. */
export class TestNexus extends Nexus {
  readonly #simulation: Simulation;

  constructor(simulation: Simulation, ...parts: ConstructorParameters<typeof Nexus>) {
    super(...parts);
    this.#simulation = simulation;
  }

  /** What decides the order of everything. */
  get seed(): number {
    return this.#simulation.seed;
  }

  /** The time of all threads. It stands still unless the test moves it. */
  get clock(): ManualClock {
    return this.#simulation.clock;
  }

  /** What happened so far, at most the last 100,000 entries. */
  get transcript(): readonly TranscriptEntry[] {
    return this.#simulation.transcript.entries;
  }

  /** What was logged, the first 10,000 lines, unless the options have a logger. */
  get log(): readonly LogLine[] {
    return this.#simulation.log;
  }

  /**
   * Lets all threads run until nothing is left to do at this time. They run also without it, whenever something is awaited; this waits for the end of it.
   * @param options.stepsMax more steps reject it with NEXUS_NEVER_QUIET. Default 1,000,000
   */
  async run(options: { readonly stepsMax?: number } = {}): Promise<RunReport> {
    checkNames('run', options, ['stepsMax']);
    const { stepsMax = STEPS_MAX } = options;
    if (!(Number.isInteger(stepsMax) && stepsMax >= 1)) throw optionError('stepsMax', `is ${valueText(stepsMax)}; it must be a whole number from 1`);
    try {
      await this.#simulation.schedule.rest(stepsMax);
    } catch (error) {
      throw this.#described(error);
    }
    return { steps: this.#simulation.schedule.steps, waiting: this.#waiting() };
  }

  /** Lets one thread, drawn from the seed, do one thing; after it nothing runs by itself any more, until `run`, `advance` or `settle`. False if there is nothing to run. */
  step(): Promise<boolean> {
    return this.#simulation.schedule.step();
  }

  /** Moves the time on, timer by timer, and lets run what they lead to. */
  async advance(byMs: number): Promise<RunReport> {
    await this.clock.advance(byMs);
    return this.run();
  }

  /**
   * The value of a promise: lets everything run, and moves the time on where nothing else is left, until it settles.
   * Rejects with NEXUS_NEVER_QUIET when it cannot settle any more, or has not after `withinMs` (default 60,000) of the time of the nexus; with the agents that wait.
   */
  async settle<T>(promise: PromiseLike<T>, options: { readonly withinMs?: number } = {}): Promise<T> {
    checkNames('settle', options, ['withinMs']);
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    if (await this.until(() => isSettled, options.withinMs ?? SETTLE_MS)) return promise;
    const waiting = this.#waiting().map(({ kind, id, thread, what }) => `${kind} '${id}' on thread ${thread} (${what})`);
    const { clock } = this.#simulation;
    const why = clock.nextDueMs === undefined ? 'nothing is left that could happen' : `the time is ${clock.nowMs()} ms`;
    throw this.#described(
      new NexusError('NEXUS_NEVER_QUIET', `the promise has not settled, and ${why}; waiting: ${waiting.join(', ') || 'nobody'}`, {
        data: { waiting: this.#waiting() },
      }),
    );
  }

  /** Lets everything run, and moves the time on where nothing else is left, until a condition holds. False if it does not within that time, or nothing is left that could happen. */
  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const { clock } = this.#simulation;
    const deadlineMs = clock.nowMs() + withinMs;
    for (;;) {
      await this.run();
      if (condition()) return true;
      const next = clock.nextDueMs;
      if (next === undefined || next > deadlineMs) break;
      await clock.advanceTo(Math.max(next, clock.nowMs()));
    }
    if (Number.isFinite(deadlineMs) && clock.nowMs() < deadlineMs) await clock.advanceTo(deadlineMs);
    return condition();
  }

  /**
   * Ends a worker thread as `process.exit` in one of its handlers would, between two steps: nothing is said to anybody, its agents lose their state. The calling thread
   * notices, and replaces it as it would a real one; `run` lets that happen. @throws NexusTypeError NEXUS_THREAD_UNKNOWN
   */
  killThread(thread: number, exitCode = 1): void {
    const { schedule, threads, nexusThreads } = this.#simulation;
    const worker = nexusThreads.worker(thread);
    if (worker === undefined) {
      throw new NexusTypeError(
        'NEXUS_THREAD_UNKNOWN',
        `thread ${valueText(thread)} cannot be killed; threads are 1 to ${this.threadCount - 1}, 0 is the calling one`,
        { thread },
      );
    }
    schedule.betweenSteps(threads.lifeOf(thread), () => {
      this.#simulation.note(thread, 'killed', undefined);
      worker.end(exitCode);
    });
  }

  /** What is there now: agents, timers, asks, handlers. */
  leftovers(): Leftovers {
    return leftoversOf(this.#hosts());
  }

  /** As `nexus.stop`; the time moves on as far as it takes. */
  override stop(options?: { readonly deadlineMs?: number }): Promise<StopReport> {
    const isFirst = !this.isStopping;
    const stopping = super.stop(options);
    // Whoever called first moves the time.
    if (isFirst && this.isStopping) void this.#drive(stopping);
    return stopping;
  }

  async #drive(stopping: Promise<StopReport>): Promise<void> {
    let isDone = false;
    const done = (): void => {
      isDone = true;
    };
    stopping.then(done, done);
    await this.until(() => isDone, Number.POSITIVE_INFINITY);
    this.#simulation.threads.lifeOf(0)?.end();
  }

  #waiting(): WaitingAgent[] {
    return this.#hosts().flatMap(waitingAgentsOf);
  }

  /** Of the threads that live. */
  #hosts(): ThreadHost[] {
    return [partsOf(this).host, ...this.#simulation.nexusThreads.hosts()];
  }

  #described(error: unknown): unknown {
    if (error instanceof NexusError) error.message += `\nNEXUS_TEST_SEED=${this.seed}; the last steps were\n${this.#simulation.transcript.tail(20)}`;
    return error;
  }
}

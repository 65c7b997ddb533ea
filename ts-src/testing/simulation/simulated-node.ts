/** A machine of a simulated world, with the one program that runs on it: it is started, stopped, paused, made slow, crashed and started again. */
import { NexusTypeError, optionError, valueText } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { checkDistribution, type Distribution, sampleMs } from './distribution.js';
import { drawAt, drawKey, Purpose } from './draws.js';
import type { Endpoints, NetworkHost } from './network.js';
import { NodeClock } from './node-clock.js';
import type { Program, RunningProgram } from './program.js';
import { SimulatedDisk } from './simulated-disk.js';
import { SimulatedProcess } from './simulated-process.js';
import type { SimulatedWorld } from './world.js';

/** Fastest and slowest clock: one that is off by more is broken. */
const DRIFT_MAX = 0.5;

/** How a node crashes. */
export interface CrashOptions {
  /** The machine has lost its power: its peers are not told, and hear nothing. Otherwise their connections are reset. Default: drawn. */
  readonly isSilent?: boolean;
  /** `lost`: it finds an empty disk when it is started again. Default `kept`; what was not synced is gone either way, unless `disk.faults` say otherwise. */
  readonly disk?: 'kept' | 'lost';
}

/** `running`: its process is there, also while it starts or is paused. */
export type NodeStatus = 'running' | 'stopping' | 'down';

export class SimulatedNode<R extends RunningProgram = RunningProgram> implements NetworkHost {
  readonly clock: NodeClock;
  /** What it keeps from one process to the next. Its faults can be changed at any time. */
  readonly disk: SimulatedDisk;
  isOn = true;
  /** Exit code of the last process that ended by itself or was stopped; undefined after a crash. */
  exitCode: number | undefined;
  readonly #world: SimulatedWorld;
  readonly #program: Program<R>;
  readonly #logger: Logger;
  readonly #key: number;
  #process: SimulatedProcess<R> | undefined;
  #isStopping = false;
  #starts = 0;
  #slowness: Distribution = 0;
  #slowTasks = 0;
  #lastTaskMs = 0;

  constructor(
    world: SimulatedWorld,
    readonly number: number,
    readonly name: string,
    program: Program<R>,
    logger: Logger,
    epochMs: number,
  ) {
    this.#world = world;
    this.#program = program;
    this.#logger = logger;
    this.#key = drawKey(world.seed, name);
    this.clock = new NodeClock(world.time, epochMs);
    const random = world.randomOf(`disk of ${name}`);
    this.disk = new SimulatedDisk({
      random: () => random.next(),
      after: (delayMs, callback) => this.#afterDisk(delayMs, callback),
      faults: { atCrash: 'lost' },
      onEvent: (event, file) => this.#note('disk', `${event} ${file}`),
    });
  }

  get status(): NodeStatus {
    if (this.#process === undefined) return 'down';
    return this.#isStopping ? 'stopping' : 'running';
  }

  get isPaused(): boolean {
    return this.#process?.threads.isPaused === true;
  }

  get isSlow(): boolean {
    return this.#slowness !== 0;
  }

  /** What runs on it; undefined until it has started, and when it is down. */
  get program(): R | undefined {
    return this.#process?.program;
  }

  get process(): SimulatedProcess<R> | undefined {
    return this.#process;
  }

  get endpoints(): Endpoints | undefined {
    return this.#process?.endpoints;
  }

  /** Starts that it has had. */
  get starts(): number {
    return this.#starts;
  }

  /** A new process. @throws NexusTypeError NEXUS_NODE_STATE if there is one */
  start(): void {
    if (this.#process !== undefined) throw this.#wrong('start', 'it runs already');
    this.isOn = true;
    this.exitCode = undefined;
    const started = new SimulatedProcess<R>({
      seed: this.#world.seed,
      host: this,
      restarts: this.#starts++,
      order: this.number,
      clock: this.clock,
      schedule: this.#world.schedule,
      network: this.#world.network,
      disk: this.disk,
      logger: this.#logger,
      running: () => this.#world.running(),
      note: (text, mark) => this.#note(mark, text),
      exited: (code) => this.#world.schedule.betweenSteps(this.#world.schedule.running, () => this.#exited(started, code)),
      failed: (error) => this.#world.fail(error, this),
    });
    this.#process = started;
    this.#delayTasks();
    this.#note('start', `${this.#starts}`);
    started.run(this.#program);
  }

  /** The program ends as it should, and then its process. Resolves when it has; the time has to move for that. */
  async stop(): Promise<void> {
    const ending = this.#running('stop');
    this.#isStopping = true;
    await new Promise<void>((resolve, reject) => {
      ending.life.post(() => {
        Promise.resolve(ending.program?.stop?.()).then(resolve, reject);
      });
      ending.life.onEnd = resolve;
    });
    this.#exited(ending, 0);
  }

  /** The process ends at once: nothing is said, what was not synced is gone. */
  crash({ isSilent = drawAt(this.#key, Purpose.ending, this.#starts) < 0.5, disk = 'kept' }: CrashOptions = {}): void {
    const ended = this.#running('crash');
    this.#note('crash', `${isSilent ? 'silent' : 'reset'}, disk ${disk}`);
    this.isOn = !isSilent;
    this.#process = undefined;
    this.#isStopping = false;
    ended.end(isSilent);
    this.disk.crash();
    if (disk === 'lost') this.disk.erase();
  }

  /** A new process, whether or not the last one has ended: if it has not, it crashes. */
  restart(options: CrashOptions = {}): void {
    if (this.#process !== undefined) this.crash(options);
    this.start();
  }

  /** The process stands still, as after SIGSTOP: its clock goes on, and what comes waits. */
  pause(): void {
    const { threads } = this.#running('pause');
    if (threads.isPaused) return;
    this.#note('pause', '');
    threads.isPaused = true;
  }

  resume(): void {
    const { threads } = this.#running('resume');
    if (!threads.isPaused) return;
    this.#note('resume', '');
    threads.isPaused = false;
  }

  /** Whatever it is to do begins that much later, in the same order. 0: not slow any more. Also after a restart. @throws NexusTypeError NEXUS_OPTION_INVALID */
  slow(by: Distribution): void {
    checkDistribution('slow', by);
    this.#note('fault', by === 0 ? 'not slow' : 'slow');
    this.#slowness = by;
    this.#delayTasks();
  }

  /** Its clock runs faster (above 0) or slower by this share. @throws NexusTypeError NEXUS_OPTION_INVALID */
  drift(rate: number): void {
    if (!(rate >= -DRIFT_MAX && rate <= DRIFT_MAX)) throw optionError('drift', `is ${valueText(rate)}; it must be from ${-DRIFT_MAX} to ${DRIFT_MAX}`);
    this.#note('fault', `drift ${rate}`);
    this.clock.rate = 1 + rate;
  }

  /** Its wall clock is set. @throws NexusTypeError NEXUS_OPTION_INVALID */
  jump(byMs: number): void {
    if (!Number.isFinite(byMs)) throw optionError('jump', `is ${valueText(byMs)}; it must be a finite number of milliseconds`);
    this.#note('fault', `jump ${byMs}`);
    this.clock.jump(byMs);
  }

  #exited(process: SimulatedProcess<R>, code: number): void {
    if (this.#process !== process) return;
    this.#note('crash', `exit ${code}`);
    this.exitCode = code;
    this.#process = undefined;
    this.#isStopping = false;
    process.end(false);
    // The machine goes on, and writes what its processes have given it.
    const { atCrash } = this.disk.faults;
    this.disk.faults.atCrash = 'kept';
    this.disk.crash();
    this.disk.faults.atCrash = atCrash;
  }

  /** The disk goes on while the process stands still; the process hears of it when it goes on too. */
  #afterDisk(delayMs: number, callback: () => void): void {
    const { time, schedule } = this.#world;
    const life = this.#process?.life;
    if (life === undefined) return;
    time.after(delayMs, () =>
      life.post(() => {
        // What waits for the disk waits for a promise.
        schedule.unsettled();
        callback();
      }),
    );
  }

  #delayTasks(): void {
    const threads = this.#process?.threads;
    if (threads === undefined) return;
    const { time } = this.#world;
    if (this.#slowness === 0 && time.nowMs >= this.#lastTaskMs) {
      threads.delayTask = undefined;
      return;
    }
    threads.delayTask = (life, task) => {
      const delayMs = sampleMs(this.#slowness, drawAt(this.#key, Purpose.slowness, this.#slowTasks++));
      // In order, also when it becomes faster.
      this.#lastTaskMs = Math.max(this.#lastTaskMs, time.nowMs + delayMs);
      time.after(this.#lastTaskMs - time.nowMs, () => life.postNow(task));
      if (this.#slowness === 0) this.#delayTasks();
    };
  }

  #running(what: string): SimulatedProcess<R> {
    if (this.#process === undefined) throw this.#wrong(what, 'it is down');
    return this.#process;
  }

  #wrong(what: string, because: string): NexusTypeError {
    return new NexusTypeError('NEXUS_NODE_STATE', `${what}: node ${this.name} cannot, because ${because}`, { node: this.name });
  }

  #note(mark: 'start' | 'crash' | 'pause' | 'resume' | 'fault' | 'event' | 'agent' | 'disk', text: string): void {
    this.#world.note(mark, this.number, 0, 0, text);
  }
}

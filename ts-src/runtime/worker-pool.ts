/**
 * The workers of a nexus, as the calling thread sees them: starts them, notices when one ends, tells the other threads, and starts a successor under
 * the same index, which finds its predecessor's agents in the shared table. One that is lost too often is given up.
 */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { NexusError, type ErrorCode, optionError } from '../errors.js';
import { decide, type ResolvedSupervision, type RestartHistory } from '../model/supervision.js';
import type { StorageAttachment } from '../ports/storage.js';
import type { Refusal } from '../model/topology.js';
import { handleThreadLoss, SEVERAL } from './recovery.js';
import type { ThreadHost } from './thread-host.js';
import { NEWS_MARK, type WorkerBoot, type WorkerNews } from './worker-protocol.js';

/** A worker as the pool uses it: one of Node, or a simulated one. */
export type WorkerHandle = Pick<Worker, 'on' | 'terminate'>;

export interface WorkerPoolOptions {
  readonly count: number;
  /** Default: a thread of Node. */
  readonly startWorker?: (boot: WorkerBoot) => WorkerHandle;
  /** What every worker is given; what differs is added. */
  readonly boot: Omit<WorkerBoot, 'thread' | 'incarnation' | 'cpu' | 'movingAgents' | 'startTimeoutMs' | 'storage'>;
  /** What a worker opens the storage with: a new one for each. */
  readonly attachment: (() => StorageAttachment) | undefined;
  /** Processor of each thread, by index; undefined where it is not tied to one. */
  readonly cpus: readonly (number | undefined)[];
  readonly resourceLimits: object | undefined;
  readonly execArgv: readonly string[] | undefined;
  readonly restart: ResolvedSupervision;
  readonly startTimeoutMs: number;
}

/** The loss of a worker thread. */
export interface ThreadLoss {
  readonly thread: number;
  readonly exitCode: number;
  /** What was not caught in it, if that ended it. */
  readonly error: unknown;
}

export interface WorkerPoolEvents {
  threadLost(loss: ThreadLoss): void;
  threadRestored(restored: { readonly thread: number; readonly restored: number; readonly failed: number }): void;
  threadFailed(loss: ThreadLoss): void;
  /** Agents that nobody will bring back. */
  removeAgentsOf(thread: number): void;
  /** The kernel did not tie a worker to its processor. */
  refused(refusal: Refusal): void;
  random(): number;
}

type WorkerState =
  | { readonly type: 'starting'; readonly worker: WorkerHandle }
  | { readonly type: 'ready'; readonly worker: WorkerHandle }
  | { readonly type: 'waiting'; readonly cancel: () => void }
  | { readonly type: 'failed' };

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #host: ThreadHost;
  readonly #events: WorkerPoolEvents;
  readonly #states: WorkerState[] = [];
  readonly #incarnations: number[] = [];
  readonly #histories: RestartHistory[] = [];
  #stopping = false;
  #terminating = false;
  /** A worker ended by itself after `beginStop`: what its agents had to do is not done. */
  hasLostWhileStopping = false;

  constructor(options: WorkerPoolOptions, host: ThreadHost, events: WorkerPoolEvents) {
    this.#options = options;
    this.#host = host;
    this.#events = events;
  }

  /** Starts all workers. If one does not start, all are ended and the error says which and why. */
  async start(): Promise<void> {
    const starting: Promise<unknown>[] = [];
    for (let thread = 1; thread <= this.#options.count; thread++) {
      this.#incarnations[thread] = 0;
      this.#histories[thread] = [];
      starting.push(this.#startWorker(thread));
    }
    try {
      await Promise.all(starting);
    } catch (error) {
      await this.terminate();
      throw error;
    }
  }

  /** How often a thread may be lost. */
  get restart(): ResolvedSupervision {
    return this.#options.restart;
  }

  /** Threads that are up. */
  get ready(): readonly number[] {
    return this.#states.flatMap((state, thread) => (state?.type === 'ready' ? [thread] : []));
  }

  /** A successor is on its way that does not serve yet. */
  get isReplacing(): boolean {
    return this.#states.some((state) => state?.type === 'starting' || state?.type === 'waiting');
  }

  /** From now on a worker that ends is not replaced. One that is being replaced is started at once: its agents have to come to their end too. */
  beginStop(): void {
    this.#stopping = true;
    this.#states.forEach((state, thread) => {
      if (state?.type !== 'waiting') return;
      state.cancel();
      this.#startAgain(thread);
    });
  }

  async terminate(): Promise<void> {
    this.#stopping = true;
    this.#terminating = true;
    await Promise.all(
      this.#states.map((state, thread) => {
        if (state?.type === 'waiting') {
          state.cancel();
          this.#setThreadState(thread, L.THREAD_STATE_STOPPED);
        }
        return state !== undefined && 'worker' in state ? state.worker.terminate() : undefined;
      }),
    );
  }

  /** Resolves once the worker serves; rejects if it ends before. */
  #startWorker(thread: number): Promise<void> {
    const incarnation = this.#incarnations[thread] as number;
    this.#setThreadState(thread, L.THREAD_STATE_STARTING);
    let storage: StorageAttachment | undefined;
    try {
      storage = this.#options.attachment?.();
    } catch (error) {
      return Promise.reject(error);
    }
    const workerData: WorkerBoot = {
      ...this.#options.boot,
      thread,
      incarnation,
      cpu: this.#options.cpus[thread],
      movingAgents: this.#host.signals.movingAgents(),
      startTimeoutMs: this.#options.startTimeoutMs,
      // What is transferred is not cloned.
      storage: storage && { module: storage.module, data: storage.data, transferList: [] },
    };
    let worker: WorkerHandle;
    try {
      worker = this.#options.startWorker?.(workerData) ?? startNodeWorker(workerData, this.#options, storage?.transferList);
    } catch (cause) {
      const { message } = cause as Error;
      if (incarnation === 0) {
        // Nothing else that it is given comes from outside.
        return Promise.reject(
          optionError('workers', `Node does not start a worker with these options: ${message}; correct workers.execArgv or workers.resourceLimits`),
        );
      }
      // There is no worker whose exit would tell: it is lost again, and supervision decides.
      const error = new NexusError('NEXUS_THREAD_START_FAILED', `thread ${thread} could not be started again: ${message}`, { cause, data: { thread } });
      this.#lost({ thread, exitCode: -1, error });
      return Promise.reject(error);
    }
    this.#states[thread] = { type: 'starting', worker };
    return new Promise((resolve, reject) => {
      let uncaught: unknown;
      let cancelTimeout = (): void => undefined;
      const limit = (isOver: () => boolean, what: string): void => {
        cancelTimeout = this.#host.clock.after(this.#options.startTimeoutMs, () => {
          if (!isOver()) return limit(isOver, what);
          uncaught = new NexusError(
            'NEXUS_THREAD_START_FAILED',
            `thread ${thread} was not ready within ${this.#options.startTimeoutMs} ms: ${what}; raise workers.startTimeoutMs if its modules need longer`,
            {
              data: { thread, timeoutMs: this.#options.startTimeoutMs },
            },
          );
          void worker.terminate();
        });
      };
      limit(() => true, 'a module may wait for something at import');
      worker.on('message', (message: { readonly mark?: unknown; readonly news?: unknown } | null) => {
        if (message?.mark !== NEWS_MARK) return;
        const news = message.news as WorkerNews;
        switch (news.type) {
          case 'imported':
            cancelTimeout();
            return limit(this.#sameStart(thread), 'the start of an agent may hold it up');
          case 'ready':
            cancelTimeout();
            if (news.pinRefusal !== undefined) this.#events.refused(news.pinRefusal);
            if (!this.#terminating) this.#states[thread] = { type: 'ready', worker };
            return resolve();
          case 'restored':
            return this.#events.threadRestored({ thread, restored: news.restored, failed: news.failed });
          case 'failed':
            uncaught = startError(thread, news);
            void worker.terminate();
        }
      });
      worker.on('error', (error) => {
        uncaught ??= error;
      });
      worker.on('exit', (exitCode) => {
        cancelTimeout();
        const loss: ThreadLoss = { thread, exitCode, error: uncaught };
        reject(
          uncaught instanceof NexusError
            ? uncaught
            : new NexusError(
                'NEXUS_THREAD_START_FAILED',
                `thread ${thread} ended with exit code ${exitCode} before it was ready${uncaught === undefined ? '' : `: ${String(uncaught)}`}`,
                { cause: uncaught, data: { thread, exitCode } },
              ),
        );
        const wasReady = this.#states[thread]?.type === 'ready';
        if (this.#terminating) this.#setThreadState(thread, L.THREAD_STATE_STOPPED);
        // The very first start is not retried: its error goes to whoever creates the nexus.
        else if (wasReady || incarnation > 0) this.#lost(loss);
      });
    });
  }

  #lost(loss: ThreadLoss): void {
    const { thread } = loss;
    const decision = this.#stopping
      ? undefined
      : decide(this.#options.restart, this.#histories[thread] as RestartHistory, loss.error, this.#host.clock.nowMs(), () => this.#events.random());
    const replaced = decision?.type === 'restart';
    this.#incarnations[thread] = (this.#incarnations[thread] as number) + 1;
    this.#setThreadState(thread, replaced ? L.THREAD_STATE_LOST : decision === undefined ? L.THREAD_STATE_STOPPED : L.THREAD_STATE_FAILED);
    if (!replaced) this.#events.removeAgentsOf(thread);
    this.#countLostMessages(thread);
    // Whom it was about to wake, nobody else would.
    for (let other = 0; other <= this.#options.count; other++) this.#host.engine.waiter.rouse(other);
    handleThreadLoss(this.#host, thread, replaced);
    for (let other = 1; other <= this.#options.count; other++) {
      if (other !== thread) this.#host.router.call(other, 'threadLost', { thread, replaced });
    }
    if (!replaced) {
      this.#states[thread] = { type: 'failed' };
      if (decision !== undefined) return this.#events.threadFailed(loss);
      this.hasLostWhileStopping = true;
      return;
    }
    this.#histories[thread] = decision.history;
    this.#events.threadLost(loss);
    this.#states[thread] = { type: 'waiting', cancel: this.#host.clock.after(decision.delayMs, () => this.#startAgain(thread)) };
  }

  #startAgain(thread: number): void {
    // If it cannot be started or ends again, that loss is dealt with where it is noticed.
    this.#startWorker(thread).catch(() => undefined);
  }

  /** Asked now and then: whether the start of one and the same agent has run ever since. Many agents may take their time, one may not. */
  #sameStart(thread: number): () => boolean {
    const at = threadWord(this.#host.shared, thread) + L.THREAD_WORD_STARTING;
    let before = this.#host.shared.words[at] as number;
    return () => {
      const now = this.#host.shared.words[at] as number;
      const isSame = now === before && now !== SEVERAL;
      before = now;
      return isSame;
    };
  }

  /** What waited in mailboxes of the lost thread, as it last published it. */
  #countLostMessages(thread: number): void {
    const { shared, deadLetters } = this.#host;
    const at = threadWord(shared, thread) + L.THREAD_WORD_QUEUE_DEPTH;
    deadLetters.add('threadLost', shared.words[at] as number);
    shared.words[at] = 0;
  }

  #setThreadState(thread: number, state: number): void {
    const at = threadWord(this.#host.shared, thread);
    Atomics.store(this.#host.shared.words, at + L.THREAD_WORD_INCARNATION, this.#incarnations[thread] as number);
    Atomics.store(this.#host.shared.words, at + L.THREAD_WORD_STATE, state);
    // A thread that ended parked must not be woken by the flag it left.
    Atomics.store(this.#host.shared.words, at + L.THREAD_WORD_PARKED, 0);
  }
}

function startNodeWorker(
  workerData: WorkerBoot,
  { resourceLimits, execArgv }: WorkerPoolOptions,
  transferList: StorageAttachment['transferList'] = [],
): WorkerHandle {
  const options: WorkerOptions = { workerData, transferList: [...transferList], name: `nexus ${workerData.thread}`, ...execArgvOf(execArgv) };
  return new Worker(new URL('./worker-main.js', import.meta.url), resourceLimits === undefined ? options : { ...options, resourceLimits });
}

/**
 * Left out, a worker inherits the arguments of the process, also those that may not be given to it by name, such as flags of V8. The one it does not
 * start with is `--input-type`, of a program given by `--eval`: such a program's workers start without any.
 */
function execArgvOf(given: readonly string[] | undefined): { execArgv?: string[] } {
  if (given !== undefined) return { execArgv: [...given] };
  return process.execArgv.some((argument) => argument.startsWith('--input-type')) ? { execArgv: [] } : {};
}

function startError(thread: number, news: Extract<WorkerNews, { type: 'failed' }>): NexusError {
  const error = new NexusError((news.code ?? 'NEXUS_THREAD_START_FAILED') as ErrorCode, `thread ${thread}: ${news.message}`, {
    ...(news.data === undefined ? {} : { data: news.data }),
  });
  if (news.stack !== undefined) error.stack = `${error.stack ?? ''}\n    in thread ${thread}: ${news.stack}`;
  return error;
}

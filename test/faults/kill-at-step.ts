/**
 * Kills real worker threads at chosen steps: starts a worker that stops itself at a step, waits until it says that it is there, lets the test look, and ends it. Also the
 * conversation with the thread that looks, with a deadline: a call that never returns fails the test instead of hanging it.
 */
import { Worker } from 'node:worker_threads';

export const DIST = new URL('../../dist/', import.meta.url).href;
const DEADLINE_MS = 30_000;

/** What a victim tells: that it has measured its call, or that it has stopped at a step (with the result, if its call is over). */
export interface Told {
  readonly measured?: number;
  readonly states?: readonly number[];
  readonly hidden?: readonly number[];
  readonly at?: number;
  readonly result?: unknown;
  /** What else it has to say at that point. */
  readonly [name: string]: unknown;
}

/** Runs a victim to its stop, calls `look` while it stands there, and terminates it. */
export async function killAtStep<T>(file: string, workerData: object, look: (told: Told) => Promise<T> | T): Promise<T> {
  const worker = new Worker(new URL(file, import.meta.url), { workerData, execArgv: [] });
  try {
    return await look(await answerOf<Told>(worker, () => `${file} does not get to its step`));
  } finally {
    await worker.terminate();
  }
}

/** A worker that answers one message with one. */
export class Peer {
  readonly #worker: Worker;
  readonly #file: string;
  readonly #deadlineMs: number;

  constructor(file: string, workerData: object, deadlineMs = DEADLINE_MS) {
    this.#file = file;
    this.#deadlineMs = deadlineMs;
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData, execArgv: [] });
  }

  async ask<T>(message: unknown, what: string): Promise<T> {
    const answer = answerOf<T>(this.#worker, () => `${this.#file} does not return: ${what}`, this.#deadlineMs);
    this.#worker.postMessage(message);
    return answer;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Runs `body` for each item, several at a time: starting threads takes most of the time. */
export async function inLanes<T>(items: readonly T[], lanes: number, body: (item: T, lane: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      while (next < items.length) await body(items[next++] as T, lane);
    }),
  );
}

/** Of states that differ only in what nobody else looks at, one in so many is left behind. */
const HIDDEN_STRIDE = 12;

/**
 * The steps at which to kill: those that leave different memories, for what else a thread knows dies with it. NEXUS_FAULT_STEPS=states takes also all of those that
 * differ in words nobody else looks at, NEXUS_FAULT_STEPS=all every step.
 */
export function stepsOf({ measured = 0, states = [], hidden = [] }: Told): readonly number[] {
  const wanted = process.env['NEXUS_FAULT_STEPS'];
  if (wanted === 'all') return Array.from({ length: measured }, (_, step) => step + 1);
  if (wanted === 'states') return states;
  const left = new Set(hidden.filter((_, index) => index % HIDDEN_STRIDE !== 0));
  return states.filter((step) => !left.has(step));
}

function answerOf<T>(worker: Worker, late: () => string, deadlineMs = DEADLINE_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      settled();
    };
    const onMessage = (message: T): void => settle(() => resolve(message));
    const onError = (error: unknown): void => settle(() => reject(error));
    const onExit = (code: number): void => settle(() => reject(new Error(`the worker ended with code ${code}`)));
    const timer = setTimeout(() => settle(() => reject(new Error(late()))), deadlineMs);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

/** The order service of the examples as a process that is killed and started again on the same store; its address changes each time. Called by the test of the example. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../examples/orders/main.mjs', import.meta.url));
const START_MS = 30_000;

/** What the service answered. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service sends
  readonly body: any;
}

export class OrdersService {
  /** From a kill to when the next process answers: milliseconds since 1970. */
  readonly dead: { readonly from: number; to: number }[] = [];
  /** What all processes have printed. */
  readonly lines: string[] = [];
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #url: Promise<string> = Promise.reject(new Error('not started'));

  constructor(path: string, paymentWithinMs: number) {
    this.#arguments = ['--store', path, '--port', '0', '--payment-within-ms', String(paymentWithinMs)];
    this.#url.catch(() => undefined);
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, ...this.#arguments], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => this.lines.push(`stderr: ${line}`));
    this.#url = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the service did not start; it said\n${this.lines.slice(-20).join('\n')}`)), START_MS);
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        this.lines.push(line);
        const url = /^orders on (http:\S+),/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
      });
      void this.#ended.then(() => reject(new Error('the service has ended')));
      this.#url.catch(() => undefined).finally(() => clearTimeout(late));
    });
    this.#url.catch(() => undefined);
    await this.#url;
    const last = this.dead.at(-1);
    if (last !== undefined && !Number.isFinite(last.to)) last.to = Date.now();
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
    this.dead.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
  }

  /** As an operator ends it: its exit code. */
  async end(): Promise<unknown> {
    this.#child?.kill('SIGTERM');
    return this.#ended;
  }

  /** Once. Rejects if the service dies before it has answered, and then nobody knows what became of the request. */
  async fetch(path: string, body?: object): Promise<Answer> {
    const init: RequestInit = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch((await this.#url) + path, { ...init, signal: AbortSignal.timeout(10_000) });
    return { status: response.status, body: await response.json() };
  }

  /** As often as it takes to get an answer: after a lost one the same request again. */
  async request(path: string, body?: object): Promise<Answer> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      try {
        const answer = await this.fetch(path, body);
        if (answer.status !== 503) return answer;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A node of a run: a process of `nexus run` that is started, killed, stopped and let go on, and started again when it has ended by itself, as an orchestrator does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTROL_PORT, DATA_PORT, GATEWAY_PORT, type NodePlace } from './network.js';

const NEXUS = fileURLToPath(new URL('../nexus.js', import.meta.url));
const RESTART_MS = 1000;
/** Exit code of a node that was fenced. */
const FENCED = 3;

/** A line of `nexus run --json`. */
export interface NodeLine {
  readonly event: string;
  readonly node?: string;
  readonly members?: readonly string[];
  readonly view?: number;
}

export interface NodeProcessOptions {
  readonly number: number;
  readonly place: NodePlace;
  /** Files of modules. */
  readonly modules: readonly string[];
  /** What all nodes are given as well: seeds, resolver. */
  readonly args: readonly string[];
  /** Where its log goes, and where its store is. */
  readonly logFile: string;
  readonly storeDirectory: string;
  /** It has printed a line. */
  said(line: NodeLine): void;
  /** It has ended by itself, and that is no wonder or is one. */
  ended(how: string, isExpected: boolean): void;
  started(pid: number): void;
}

export class NodeProcess {
  readonly #options: NodeProcessOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  /** What a fault wants. */
  #isHeldDown = false;
  #isStopped = false;
  #isClosed = false;
  /** Signals that were sent to this process, after which its end is expected. */
  #wasEnded = false;
  #restart: NodeJS.Timeout | undefined;
  #members: readonly string[] = [];
  #isServing = false;

  constructor(options: NodeProcessOptions) {
    this.#options = options;
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get url(): string {
    return `http://${this.#options.place.directHost}:${GATEWAY_PORT}`;
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  /** As it has said last. */
  get members(): readonly string[] {
    return this.#members;
  }

  start(): void {
    clearTimeout(this.#restart);
    if (this.#child !== undefined || this.#isHeldDown || this.#isClosed) return;
    const { place, number, modules, args, storeDirectory } = this.#options;
    const [file, ...rest] = [...place.command, process.execPath, NEXUS, 'run', ...modules, '--json', '--threads', '1'];
    const own = ['--node', `n${number}`, '--cluster-listen', `${place.listenHost}:${CONTROL_PORT}`, '--cluster-data-port', String(DATA_PORT)];
    // What is done to the network is to be felt: nodes of one network namespace would go around the proxy.
    const told = ['--no-same-host', '--advertise', place.advertisedHost, '--host', place.directHost, '--port', String(GATEWAY_PORT), '--store', storeDirectory];
    const child = spawn(file as string, [...rest, ...own, ...told, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#wasEnded = false;
    this.#log.write(`--- started, process ${child.pid}\n`);
    child.stderr.pipe(this.#log, { end: false });
    this.#readLines(child);
    if (child.pid !== undefined) this.#options.started(child.pid);
    child.once('error', ({ message }) => this.#options.ended(message, false));
    child.once('close', (code, signal) => this.#closed(code, signal));
  }

  /** Ends it at once; it stays down until it may start. */
  kill(): void {
    this.#end('SIGKILL');
  }

  /** Lets it leave. */
  leave(): void {
    this.#end('SIGTERM');
  }

  /** What faults make of it now. */
  hold(isDown: boolean): void {
    if (this.#isHeldDown === isDown) return;
    this.#isHeldDown = isDown;
    if (!isDown) this.start();
  }

  stopOrGoOn(isStopped: boolean): void {
    if (this.#isStopped === isStopped) return;
    this.#isStopped = isStopped;
    this.#child?.kill(isStopped ? 'SIGSTOP' : 'SIGCONT');
  }

  forgetStore(): void {
    rmSync(this.#options.storeDirectory, { recursive: true, force: true });
  }

  /** For good. Resolves when the process has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child !== undefined) {
      const closed = new Promise((resolve) => child.once('close', resolve));
      this.#wasEnded = true;
      child.kill('SIGKILL');
      await closed;
    }
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  #end(signal: 'SIGKILL' | 'SIGTERM'): void {
    if (this.#child === undefined) return;
    this.#wasEnded = true;
    this.#isServing = false;
    this.#child.kill(signal);
  }

  #closed(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = undefined;
    this.#isServing = false;
    this.#members = [];
    if (this.#isClosed) return;
    this.#log.write(`--- ended with ${signal ?? code}\n`);
    this.#options.ended(code === FENCED ? 'fenced' : `ended with ${signal ?? code}`, this.#wasEnded || code === FENCED);
    this.#isStopped = false;
    this.#restart = setTimeout(() => this.start(), RESTART_MS);
  }

  #readLines(child: ChildProcess): void {
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const texts = (rest + chunk).split('\n');
      rest = texts.pop() as string;
      for (const text of texts) this.#line(text);
    });
  }

  #line(text: string): void {
    this.#log.write(`${text}\n`);
    let line: NodeLine;
    try {
      line = JSON.parse(text) as NodeLine;
    } catch {
      // What a module prints.
      return;
    }
    if (line.event === 'serving') this.#isServing = true;
    if (line.members !== undefined) this.#members = line.members;
    this.#options.said(line);
  }
}

export function storeDirectoryOf(folder: string, number: number): string {
  return join(folder, `n${number}`, 'store');
}

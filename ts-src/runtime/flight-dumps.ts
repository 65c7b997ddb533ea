/**
 * When the flight record of a nexus is written to a file, and what is done about failures: on the loss of a thread and for an error that nobody catches at once, before anything else happens; on the signal that
 * the user has chosen and by command without holding up the event loop; and on a signal that the process dies of by a handler in C++, which is prepared here. On the calling thread only. A dump that
 * fails is logged, and changes nothing else.
 */
import { tmpdir } from 'node:os';
import { constants, hostname } from 'node:os';
import { resolve } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { flightFileName, prepareFlightDirectory, pruneFlightFiles, writeFlightFile, writeFlightFileNow } from '../adapters/flight-files.js';
import { armCrashHandler, type CrashHandler } from '../../bindings/crash-handler.js';
import { NexusError } from '../errors.js';
import type { FlightHead, FlightReason } from '../flight/flight-format.js';
import type { ResolvedFlightRecorder } from '../model/flight-options.js';
import type { EngineReport } from '../ports/engine.js';
import { captureFlight } from './flight-capture.js';
import { packageVersion } from './package-version.js';
import { watchProcess } from './process-watch.js';
import type { ThreadHost } from './thread-host.js';
import type { ThreadLoss } from './worker-pool.js';

/** How a nexus keeps its flight record, and which crashes leave one. */
export interface FlightRecorderReport {
  readonly eventsPerThread: number;
  readonly directory: string;
  /** Signals of which the process may die and still leave a flight record: none without the native engine. */
  readonly fatalSignals: readonly string[];
  /** Why those and no others, in a sentence. */
  readonly reason: string;
}

/** Between two dumps of one reason about one thread that nobody asked for: a service that lives on with errors that it does not catch must not spend its time on dumps. */
const SPACING_MS = 1000;

export interface FlightDumpsOptions extends ResolvedFlightRecorder {
  readonly engine: EngineReport;
  /** False in a simulation: then only what is asked for is written. */
  readonly watches: boolean;
}

export class FlightDumps {
  readonly report: FlightRecorderReport;
  readonly #options: FlightDumpsOptions;
  readonly #host: ThreadHost;
  readonly #directory: string;
  readonly #head: Uint8Array;
  readonly #ends: (() => void)[] = [];
  readonly #lastMs = new Map<string, number>();

  constructor(options: FlightDumpsOptions, host: ThreadHost) {
    this.#options = options;
    this.#host = host;
    this.#directory = resolve(options.directory ?? tmpdir());
    this.#head = Buffer.from(JSON.stringify(headOf(host, options.engine)));
    const handler = options.watches ? this.#watch() : undefined;
    this.report = {
      eventsPerThread: host.shared.flightCapacity,
      directory: this.#directory,
      fatalSignals: handler?.signals ?? [],
      reason: handler?.reason ?? 'nothing is written that is not asked for',
    };
  }

  /** The record as it is now. */
  record(): Uint8Array {
    return this.#capture('command', 0, -1, '');
  }

  /** Into this file, over one that is there; or into a new one in the directory. @returns its path */
  async write(path?: string): Promise<string> {
    try {
      if (path === undefined) return await this.#writeNew('command', this.record());
      const whole = resolve(path);
      await writeFile(whole, this.record(), { mode: 0o600 });
      return whole;
    } catch (cause) {
      throw new NexusError('NEXUS_FLIGHT_UNWRITABLE', `the flight record could not be written to ${path ?? this.#directory}: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  /** Before its successor starts. */
  threadLost({ thread, exitCode, error }: ThreadLoss): void {
    if (!this.#options.watches || !this.#options.onCrash) return;
    this.#writeNow('threadLost', thread, `thread ${thread} ended with exit code ${exitCode}${error === undefined ? '' : `: ${textOf(error)}`}`);
  }

  /** The nexus has stopped. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #watch(): CrashHandler | undefined {
    const { signal, onCrash, filesMax, engine } = this.#options;
    this.#carefully(() => prepareFlightDirectory(this.#directory, filesMax));
    if (signal !== undefined) this.#ends.push(watchProcess(signal, () => this.#onSignal(signal)));
    if (!onCrash) return { signals: [], reason: 'flightRecorder.onCrash is false', disarm: () => undefined };
    this.#ends.push(watchProcess('uncaughtExceptionMonitor', (error) => this.#writeNow('uncaughtException', this.#host.thread, textOf(error))));
    const { shared, clock } = this.#host;
    const handler = armCrashHandler(engine.kind, shared, this.#head, this.#directory, clock.nowMs());
    this.#ends.push(() => handler.disarm());
    return handler;
  }

  #onSignal(signal: NodeJS.Signals): void {
    const written = this.#carefully(() => this.#writeNew('signal', this.#capture('signal', constants.signals[signal], -1, '')));
    const { logger } = this.#host;
    written?.then(
      (path) => logger.warn({ path, signal }, 'a flight record was written'),
      (error: unknown) => logger.error({ error, directory: this.#directory }, 'a flight record could not be written'),
    );
  }

  #writeNow(reason: FlightReason, thread: number, note: string): void {
    this.#carefully(() => {
      const nowMs = this.#host.clock.nowMs();
      const key = `${reason} ${thread}`;
      if (nowMs - (this.#lastMs.get(key) ?? Number.NEGATIVE_INFINITY) < SPACING_MS) return;
      this.#lastMs.set(key, nowMs);
      const bytes = this.#capture(reason, 0, thread, note);
      const path = writeFlightFileNow(this.#directory, this.#name(reason), bytes);
      this.#host.logger.warn({ path, reason, thread }, 'a flight record was written; read it with: nexus flight FILE');
      pruneFlightFiles(this.#directory, this.#options.filesMax);
    });
  }

  async #writeNew(reason: FlightReason, bytes: Uint8Array): Promise<string> {
    const path = await writeFlightFile(this.#directory, this.#name(reason), bytes);
    this.#carefully(() => pruneFlightFiles(this.#directory, this.#options.filesMax));
    return path;
  }

  #name(reason: FlightReason): string {
    return flightFileName(process.pid, this.#host.clock.epochMs(), reason);
  }

  #capture(reason: FlightReason, signal: number, thread: number, note: string): Uint8Array {
    const { shared, engine, clock } = this.#host;
    return captureFlight(shared, engine.table, this.#head, { reason, signal, thread, note, clockMs: clock.nowMs(), epochMs: clock.epochMs() });
  }

  #carefully<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.#host.logger.error({ error, directory: this.#directory }, 'a flight record could not be written');
      return undefined;
    }
  }
}

function headOf(host: ThreadHost, engine: EngineReport): FlightHead {
  return {
    pid: process.pid,
    nexus: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    engine: engine.kind,
    host: hostname(),
    kinds: host.kinds.kinds.map(({ name, actions }) => ({ kind: name, actions: actions.map((action) => action.name) })),
  };
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
  } catch {
    return 'an error without a text';
  }
}

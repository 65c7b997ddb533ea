/** What the built-in sensors see of the machine. The implementations are `adapters/node-sensing.ts`; tests bring others. */

export interface FileStatus {
  readonly bytes: number;
  /** Of the content, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /** Of anything about it: one that was replaced by another of the same size and time is seen by it. */
  readonly changedMs: number;
  readonly inode: number;
}

/** What a file sensor asks for the status of a file; a test may give another one. */
export interface FileSystem {
  /** Undefined if there is nothing of this path. Rejects if that cannot be known, such as for a folder that may not be searched. */
  status(path: string): Promise<FileStatus | undefined>;
}

/** A request of an HTTP sensor. */
export interface HttpGet {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** A longer body is not read to its end: the call rejects. */
  readonly bodyBytesMax: number;
  readonly signal: AbortSignal;
}

/** The answer to a request of an HTTP sensor. */
export interface HttpAnswer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
}

/** What an HTTP sensor asks; a test may give another one. */
export interface HttpClient {
  /** Rejects if there is no answer in time, or it is too large. Any status is an answer. */
  get(request: HttpGet): Promise<HttpAnswer>;
}

/** Totals since the meter was opened or earlier; `delay` since the last reading. */
export interface ProcessReading {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  /** Of this thread's event loop. */
  readonly loopActiveMs: number;
  readonly loopIdleMs: number;
  readonly loopDelay: { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number };
  readonly collections: number;
  readonly collectionMs: number;
}

/** Measures a process from one reading to the next, until it is closed. */
export interface ProcessMeter {
  read(): ProcessReading;
  close(): void;
}

/** Opens the meter of a process sensor; a test may give another one. */
export interface ProcessMetering {
  open(): ProcessMeter;
}

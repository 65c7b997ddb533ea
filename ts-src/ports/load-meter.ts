/** What a thread can find out about its own load. Interfaces only; the machine's is `adapters/node-load-meter.ts`, and a simulation has none. */

/** Of the time since the reading before, or since the start. */
export interface LoadReading {
  readonly heapUsedBytes: number;
  /** At which the thread ends for want of memory. */
  readonly heapLimitBytes: number;
  /** Share of the time in which the event loop did not wait, 0 to 1. */
  readonly utilization: number;
  /** How late the event loop came to its timers, 99th percentile, in milliseconds. */
  readonly lagMs: number;
  /** Share of the time spent in garbage collection, 0 to 1. */
  readonly collecting: number;
}

/** Of one thread, the one that calls it. */
export interface LoadMeter {
  start(nowMs: number): void;
  /** @param dueMs when the caller meant to come: how late it is counts as lag where nothing better is known */
  read(nowMs: number, dueMs: number): LoadReading;
  stop(): void;
}

/** Memory of the whole process. */
export interface ProcessMemory {
  residentBytes(): number;
  /** What the process may use: the limit of its container, or the memory of the host. */
  availableBytes(): number;
}

/**
 * The load of the thread that it runs on, as Node.js and V8 tell it. An idle thread is not to be woken by being measured: the histogram of the event loop's delay has a
 * timer that fires fifty times a second, so it runs only while the thread is busy anyway. Not here: who is told (`runtime/thread-load.ts`).
 */
import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { LoadMeter, LoadReading, ProcessMemory } from '../ports/load-meter.js';

const RESOLUTION_MS = 20;
/** From here on the delay of the event loop is sampled. */
const BUSY = 0.05;

export class NodeLoadMeter implements LoadMeter {
  #before: EventLoopUtilization | undefined;
  #readMs = 0;
  #collectingMs = 0;
  #delays: IntervalHistogram | undefined;
  #collections: PerformanceObserver | undefined;

  start(nowMs: number): void {
    this.#before = performance.eventLoopUtilization();
    this.#readMs = nowMs;
    this.#collectingMs = 0;
    this.#collections = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) this.#collectingMs += duration;
    });
    this.#collections.observe({ entryTypes: ['gc'] });
  }

  read(nowMs: number, dueMs: number): LoadReading {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#before);
    this.#before = now;
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    const tookMs = Math.max(1, nowMs - this.#readMs);
    const collecting = Math.min(1, this.#collectingMs / tookMs);
    this.#readMs = nowMs;
    this.#collectingMs = 0;
    const lagMs = Math.max(0, nowMs - dueMs, this.#delayMs());
    this.#watchDelays(utilization >= BUSY);
    return { heapUsedBytes: used, heapLimitBytes: limit, utilization: Math.min(1, Math.max(0, utilization)), lagMs, collecting };
  }

  stop(): void {
    this.#watchDelays(false);
    this.#collections?.disconnect();
    this.#collections = undefined;
  }

  /** What is recorded includes the time from one look to the next. */
  #delayMs(): number {
    const delays = this.#delays;
    return delays === undefined || delays.count === 0 ? 0 : delays.percentile(99) / 1e6 - RESOLUTION_MS;
  }

  #watchDelays(isWanted: boolean): void {
    if (isWanted && this.#delays === undefined) {
      this.#delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#delays.enable();
    } else if (isWanted) this.#delays?.reset();
    else {
      this.#delays?.disable();
      this.#delays = undefined;
    }
  }
}

export const nodeProcessMemory: ProcessMemory = {
  residentBytes: () => process.memoryUsage.rss(),
  availableBytes() {
    const constrained = process.constrainedMemory();
    const total = totalmem();
    return constrained !== undefined && constrained > 0 && constrained < total ? constrained : total;
  },
};

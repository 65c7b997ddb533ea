/**
 * What a thread measures of itself, every period, into the shared memory, where any thread reads it without asking. A service of each thread. Not here: what is done about it
 * (`balancing.ts`), and how it is measured (a port).
 */
import { counterIndex, type SharedMemory } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { Clock } from '../ports/clock.js';
import type { LoadMeter, LoadReading } from '../ports/load-meter.js';
import type { ThreadService } from './thread-services.js';

/** How busy a thread was in the last period of balancing; absent from `nexus.threads()` with `balancing: false`. */
export interface MeasuredLoad extends LoadReading {
  /** Of the clock of the process (`performance.now()` of the calling thread). */
  readonly measuredAtMs: number;
}

export interface LoadMeasuringNeeds {
  readonly shared: SharedMemory;
  readonly thread: number;
  readonly clock: Clock;
  readonly meter: LoadMeter;
}

export class LoadMeasuring implements ThreadService {
  readonly name = 'balancing.measuring';
  readonly #needs: LoadMeasuringNeeds;
  readonly #at: number;
  #lastMs = 0;

  constructor(
    needs: LoadMeasuringNeeds,
    readonly periodMs: number,
  ) {
    this.#needs = needs;
    this.#at = counterIndex(needs.shared, needs.thread);
  }

  start(): void {
    const { shared, clock, meter } = this.#needs;
    // What a predecessor measured says nothing about this thread.
    shared.doubles[this.#at + L.MEASURE_MEASURED_AT] = 0;
    this.#lastMs = clock.nowMs();
    meter.start(this.#lastMs);
  }

  tick(): void {
    const { shared, clock, meter } = this.#needs;
    const { doubles } = shared;
    const nowMs = clock.nowMs();
    const { heapUsedBytes, heapLimitBytes, utilization, lagMs, collecting } = meter.read(nowMs, this.#lastMs + this.periodMs);
    this.#lastMs = nowMs;
    doubles[this.#at + L.MEASURE_HEAP_USED_BYTES] = heapUsedBytes;
    doubles[this.#at + L.MEASURE_HEAP_LIMIT_BYTES] = heapLimitBytes;
    doubles[this.#at + L.MEASURE_UTILIZATION] = utilization;
    doubles[this.#at + L.MEASURE_LOOP_LAG_MS] = lagMs;
    doubles[this.#at + L.MEASURE_COLLECTING] = collecting;
    doubles[this.#at + L.MEASURE_MEASURED_AT] = nowMs;
  }

  stop(): void {
    this.#needs.meter.stop();
  }
}

/** What that thread has last measured; undefined if nothing. */
export function measuredLoad(shared: SharedMemory, thread: number): MeasuredLoad | undefined {
  const { doubles } = shared;
  const at = counterIndex(shared, thread);
  const measuredAtMs = doubles[at + L.MEASURE_MEASURED_AT] as number;
  if (measuredAtMs === 0) return undefined;
  return {
    measuredAtMs,
    heapUsedBytes: doubles[at + L.MEASURE_HEAP_USED_BYTES] as number,
    heapLimitBytes: doubles[at + L.MEASURE_HEAP_LIMIT_BYTES] as number,
    utilization: doubles[at + L.MEASURE_UTILIZATION] as number,
    lagMs: doubles[at + L.MEASURE_LOOP_LAG_MS] as number,
    collecting: doubles[at + L.MEASURE_COLLECTING] as number,
  };
}

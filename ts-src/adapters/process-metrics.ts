/**
 * Metrics of the process and its calling thread, under the names that are usual for Node.js. They are not prom-client's default metrics: those keep a timer and an observer until the
 * process ends, and these let go of both when they are closed. Used by `prometheus-metrics.ts`.
 */
import { constants, type IntervalHistogram, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { LAG_QUANTILES } from './metrics-catalogue.js';
import { nodeProcessMemory } from './node-load-meter.js';

const LOOP_RESOLUTION_MS = 20;

/** Metrics of the catalogue, by name and type. */
export interface OwnMetrics {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
}

export function processMetrics({ counter, gauge, histogram }: OwnMetrics): { set(): void; close(): void } {
  const cpu = counter('process_cpu_seconds_total');
  const cpuUser = counter('process_cpu_user_seconds_total');
  const cpuSystem = counter('process_cpu_system_seconds_total');
  const resident = gauge('process_resident_memory_bytes');
  const heapUsed = gauge('nodejs_heap_size_used_bytes');
  const heapTotal = gauge('nodejs_heap_size_total_bytes');
  const external = gauge('nodejs_external_memory_bytes');
  gauge('nexus_memory_limit_bytes').set(nodeProcessMemory.availableBytes());
  gauge('process_start_time_seconds').set(Math.round(Date.now() / 1000 - process.uptime()));
  gauge('nodejs_version_info').set({ version: process.version }, 1);
  const lag = gauge('nodejs_eventloop_lag_seconds');
  const collections = histogram('nodejs_gc_duration_seconds');
  const loop: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail, duration } = entry as PerformanceEntry & { readonly detail?: { readonly kind?: number } };
      collections.observe({ kind: collectionKind(detail?.kind) }, duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    set() {
      const { user, system } = process.cpuUsage();
      for (const [total, microseconds] of [
        [cpu, user + system],
        [cpuUser, user],
        [cpuSystem, system],
      ] as const) {
        total.reset();
        total.inc(microseconds / 1e6);
      }
      const memory = process.memoryUsage();
      resident.set(memory.rss);
      heapUsed.set(memory.heapUsed);
      heapTotal.set(memory.heapTotal);
      external.set(memory.external);
      // What is recorded includes the time from one look to the next.
      const late = (nanoseconds: number): number => Math.max(0, nanoseconds - LOOP_RESOLUTION_MS * 1e6) / 1e9;
      if (loop.count > 0) for (const quantile of LAG_QUANTILES) lag.set({ quantile }, late(loop.percentile(quantile * 100)));
      loop.reset();
    },
    close() {
      loop.disable();
      observer.disconnect();
    },
  };
}

function collectionKind(kind: number | undefined): string {
  switch (kind) {
    case constants.NODE_PERFORMANCE_GC_MAJOR:
      return 'major';
    case constants.NODE_PERFORMANCE_GC_MINOR:
      return 'minor';
    case constants.NODE_PERFORMANCE_GC_INCREMENTAL:
      return 'incremental';
    default:
      return 'weakcb';
  }
}

/** The clock of the machine. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../ports/clock.js';

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  originMs: originMs(),
  epochMs: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** performance.now() counts from the start of its thread, process.hrtime() from one moment for all. The two are read one after the other: the closest pair is the best. */
function originMs(): number {
  let origin = 0;
  let closest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 10; attempt++) {
    const before = performance.now();
    const [seconds, nanoseconds] = process.hrtime();
    const after = performance.now();
    if (after - before >= closest) continue;
    closest = after - before;
    origin = seconds * 1000 + nanoseconds / 1e6 - (before + after) / 2;
  }
  return origin;
}

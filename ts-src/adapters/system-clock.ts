/** The clock of the machine. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../ports/clock.js';

export const systemClock: Clock = {
  // From the start of the process, in workers too: https://github.com/nodejs/node/pull/46588
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
  after(delayMs, callback, keepsAlive = true) {
    const timer = setTimeout(callback, delayMs);
    if (!keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** One visit of the real event loop: every promise that could go on has gone on by then. Taken at import, so that fake timers of a test runner do not stop it. */
import { setImmediate } from 'node:timers';

export const atNextVisit: (callback: () => void) => void = setImmediate;

/** Resolves when all microtasks that are there, and those they lead to, have run. */
export function eventLoopVisit(): Promise<void> {
  return new Promise((resolve) => atNextVisit(resolve));
}

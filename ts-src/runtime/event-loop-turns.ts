/** The turns of a thread of the machine: microtasks and the event loop of Node. */
import type { Turns } from '../ports/turns.js';

/** Reacting to it is the cheapest microtask: `queueMicrotask` makes a resource of its own for the context of its caller, which a drain leaves anyway. */
const DONE = Promise.resolve();

/** Messages between two visits of the event loop. */
const BUDGET_MESSAGES = 4096;
/** Messages taken from one ring before the next one has its turn. */
const READ_MESSAGES_MAX = 1024;

export const eventLoopTurns: Turns = {
  soon(task) {
    void DONE.then(task);
  },
  later(task) {
    setImmediate(task);
  },
  messagesMax: () => BUDGET_MESSAGES,
  readsMax: () => READ_MESSAGES_MAX,
};

/**
 * The async context in which a thread does what it does for everybody: drains, reads of the rings, timers of the runtime. Without it they would run in the
 * context of whoever happened to start them, and a handler would see the AsyncLocalStorage of a stranger.
 */
import { AsyncResource } from 'node:async_hooks';

const threadStart = new AsyncResource('nexus', { requireManualDestroy: true });

export const inNeutralContext = (call: () => void): void => threadStart.runInAsyncScope(call);

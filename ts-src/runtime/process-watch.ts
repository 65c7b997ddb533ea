/**
 * Errors that nobody catches and signals, shared by all nexus of a process: one listener for each however many want to know, and none when nobody does. An observer only: what becomes of the
 * process is decided by Node and by its other listeners. Used by `flight-dumps.ts`.
 */
type Listener = (error: unknown) => void;

const listeners = new Map<string, Set<Listener>>();
const registered = new Map<string, (error: unknown) => void>();

/** @param event `uncaughtExceptionMonitor`, or the name of a signal. @returns what ends it */
export function watchProcess(event: string, listener: Listener): () => void {
  let all = listeners.get(event);
  if (all === undefined) {
    const added = new Set<Listener>();
    const tell = (error: unknown): void => {
      for (const each of added) each(error);
    };
    all = added;
    listeners.set(event, all);
    registered.set(event, tell);
    process.on(event as 'uncaughtExceptionMonitor', tell);
  }
  all.add(listener);
  return () => {
    const left = listeners.get(event);
    if (left?.delete(listener) !== true || left.size > 0) return;
    listeners.delete(event);
    process.off(event, registered.get(event) as Listener);
    registered.delete(event);
  };
}

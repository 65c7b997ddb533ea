/**
 * The handler of signals that the process dies of, which writes the flight record of each nexus before it does: `native/napi/crash_handler.cc`. Only the native engine has it, because after such a signal no JavaScript
 * runs any more.
 */
import type { EngineKind } from '../ts-src/ports/engine.js';
import { loadNativeAddon } from './native-addon.js';
import type { SharedMemory } from './shared-memory.js';

export interface CrashHandler {
  readonly signals: readonly string[];
  /** Why those and no others. */
  readonly reason: string;
  disarm(): void;
}

const SIGNALS = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGTRAP', 'SIGFPE'];

/**
 * @param head what a dump begins with behind its header
 * @param clockMs the clock of the events, now
 */
export function armCrashHandler(engine: EngineKind, shared: SharedMemory, head: Uint8Array, directory: string, clockMs: number): CrashHandler {
  const without = (reason: string): CrashHandler => ({ signals: [], reason, disarm: () => undefined });
  if (engine !== 'native') return without(`the ${engine} engine has no handler of fatal signals: only the native one has`);
  const { addon } = loadNativeAddon();
  if (addon === undefined) return without('the native engine does not load');
  const handle = addon.crashArm(shared.bytes, head, directory, clockMs);
  if (handle === 0) return without('this system does not have what the handler of fatal signals needs, or too many nexus of this process have one');
  return { signals: SIGNALS, reason: 'the handler of the native engine', disarm: () => addon.crashDisarm(handle) };
}

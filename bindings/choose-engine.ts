/**
 * Chooses the engine of a nexus: the native one where it loads, else WebAssembly, else the portable one, and says why. All threads of a nexus run the same one, so that any of
 * them can wake any other: the calling thread chooses, and its workers are told with `forced`.
 */
import { existsSync } from 'node:fs';
import { NexusError, optionError } from '../ts-src/errors.js';
import type { EngineKind, EngineReport, EngineThread } from '../ts-src/ports/engine.js';
import { loadNativeAddon } from './native-addon.js';
import { openNativeThread, type ThreadOptions } from './native-engine.js';
import { openPortableThread } from './portable-engine.js';
import type { SharedMemory } from './shared-memory.js';
import { loadWasmModule } from './wasm/wasm-module.js';
import { openWasmThread } from './wasm-engine.js';

const KINDS: readonly EngineKind[] = ['native', 'wasm', 'portable'];
const SOURCES = new URL('../../binding.gyp', import.meta.url);
const WASM_FIX = 'It comes with the package; in a checkout run `npm run build`';

export interface EnginePreference {
  /** Run this one and no other. Without it the environment variable NEXUS_ENGINE decides, if it is set. */
  readonly forced?: EngineKind | undefined;
  /** Fail rather than run another one. */
  readonly require?: EngineKind | undefined;
}

export interface ChosenEngine {
  readonly report: EngineReport;
  /** Binds the engine to one thread of a memory. Called once on each thread. */
  open(shared: SharedMemory, thread: number, options: ThreadOptions): EngineThread;
}

export function chooseEngine(preference: EnginePreference): ChosenEngine {
  const required = kindOf('engine.require', preference.require);
  const forcedByOption = kindOf('engine', preference.forced);
  const forced = forcedByOption ?? kindOf('NEXUS_ENGINE', process.env['NEXUS_ENGINE'] || undefined);
  const by = forcedByOption === undefined ? 'NEXUS_ENGINE' : 'the options';
  if (forced !== undefined && required !== undefined && forced !== required) {
    throw new NexusError('NEXUS_ENGINE_UNAVAILABLE', `the ${required} engine is required, but ${by} forces the ${forced} one. Remove one of the two`, {
      data: { required, forced },
    });
  }
  const wanted = forced ?? required;
  const why = forced === undefined ? 'required by the options' : `forced by ${by}`;
  const tried: { readonly kind: EngineKind; readonly error: string }[] = [];
  if (wanted === undefined || wanted === 'native') {
    const { addon, errors } = loadNativeAddon();
    if (addon !== undefined) {
      const reason = wanted === undefined ? 'native: the best engine, and it loads' : `native: ${why}`;
      return { report: { kind: 'native', reason, tried }, open: (shared, thread, options) => openNativeThread(addon, shared, thread, options) };
    }
    if (wanted === 'native') throw unavailable('native', why, errors, nativeFix(existsSync(SOURCES)));
    for (const error of errors) tried.push({ kind: 'native', error });
  }
  if (wanted === undefined || wanted === 'wasm') {
    const { module, error } = loadWasmModule();
    if (module !== undefined) {
      const reason = wanted === undefined ? `wasm: the native engine does not load. ${nativeFix(existsSync(SOURCES))}` : `wasm: ${why}`;
      return { report: { kind: 'wasm', reason, tried }, open: (shared, thread) => openWasmThread(module, shared, thread) };
    }
    if (wanted === 'wasm') throw unavailable('wasm', why, [error], WASM_FIX);
    tried.push({ kind: 'wasm', error });
  }
  const reason = wanted === undefined ? `portable: neither the native engine nor WebAssembly loads. ${nativeFix(existsSync(SOURCES))}` : `portable: ${why}`;
  return { report: { kind: 'portable', reason, tried }, open: (shared, thread) => openPortableThread(shared, thread) };
}

/** What brings the native engine where it does not load. An installed package has binaries and no sources: there is nothing in it to compile. */
export function nativeFix(hasSources: boolean): string {
  if (hasSources) return 'Install a C++17 compiler, make and Python 3, then run `npm run build` in the folder of nexus-agents';
  const there = 'The package brings binaries for Linux with glibc, on x64 and arm64';
  return `${there}; elsewhere, run \`npm ci\` in a clone of nexus-agents on this machine, with a C++17 compiler, make and Python 3, and \`npm install\` the folder of the clone`;
}

function unavailable(kind: EngineKind, why: string, errors: readonly string[], fix: string): NexusError {
  return new NexusError('NEXUS_ENGINE_UNAVAILABLE', `the ${kind} engine is ${why} and does not load: ${errors.join('; ')}. ${fix}`, { data: { errors } });
}

/** `name` is where the value came from. */
function kindOf(name: string, value: string | undefined): EngineKind | undefined {
  const kind = KINDS.find((each) => each === value);
  if (value !== undefined && kind === undefined) throw optionError(name, `'${value}' is not an engine; choose one of ${KINDS.join(', ')}`);
  return kind;
}

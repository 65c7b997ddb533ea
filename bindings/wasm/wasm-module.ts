/**
 * Loads `dist/wasm/nexus.wasm` and makes instances of it. Compiled once a thread, at its first use; an instance belongs to one thread of one memory. The types of
 * the module's functions are here; `wasm/nexus.ts` exports them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as L from '../../layout/generated/layout.js';
import type { SharedMemory } from '../shared-memory.js';

/** Names and payloads are in the scratch area of the instance's thread (see `ScratchData`); all numbers are 32-bit. */
export interface WasmInstance {
  /** Before all others. */
  readonly open: (thread: number) => void;
  /** Slot, or 0. The generation is in the scratch area. */
  readonly find: (keyBytes: number) => number;
  /** For each name of the batch. */
  readonly findMany: (count: number) => void;
  /** For each name of the batch, without payloads. */
  readonly insertMany: (count: number, kind: number, parent: number) => void;
  /** For each address of the batch. How many were removed. */
  readonly removeMany: (count: number) => number;
  /** Slot, `INSERT_EXISTS` or `INSERT_FULL`. */
  readonly insert: (keyBytes: number, kind: number, payloadBytes: number, parent: number) => number;
  /** 1 or 0. */
  readonly remove: (slot: number, generation: number) => number;
  readonly generationOf: (slot: number) => number;
  readonly threadOf: (slot: number, generation: number) => number;
  readonly kindOf: (slot: number, generation: number) => number;
  readonly parentOf: (slot: number, generation: number) => number;
  /** Copies into the scratch data. Number of bytes, or -1 if not live. */
  readonly copyKey: (slot: number, generation: number) => number;
  readonly copyPayload: (slot: number, generation: number) => number;
  readonly inherit: () => void;
  /** 0: not this thread's; 1: done; 2: done, and the record is of one of this thread's groups. */
  readonly rehome: (slot: number, generation: number, thread: number) => number;
  /** Gives a record of this thread's groups, with its extensions, back to the allocator. */
  readonly recycle: (slot: number) => void;
}

/** Makes an instance for one thread of a memory. */
export type WasmModule = (shared: SharedMemory) => WasmInstance;
export type LoadedModule = { readonly module: WasmModule; readonly error?: undefined } | { readonly module?: undefined; readonly error: string };

interface WebAssemblyParts {
  readonly Module: {
    new (bytes: Uint8Array): object;
    customSections(module: object, name: string): readonly ArrayBuffer[];
  };
  readonly Instance: new (module: object, imports: { readonly env: { readonly memory: object } }) => { readonly exports: unknown };
}

let loaded: LoadedModule | undefined;

export function loadWasmModule(): LoadedModule {
  loaded ??= load();
  return loaded;
}

function load(): LoadedModule {
  // Compiled, this file is two levels below dist/.
  const path = fileURLToPath(new URL('../../wasm/nexus.wasm', import.meta.url));
  try {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyParts };
    const compiled = new WebAssembly.Module(readFileSync(path));
    const version = new Uint8Array(WebAssembly.Module.customSections(compiled, 'layout')[0] ?? [0])[0];
    if (version !== L.VERSION) return { error: `${path}: built for layout version ${version}, this is ${L.VERSION}` };
    return { module: (shared) => new WebAssembly.Instance(compiled, { env: { memory: shared.memory } }).exports as WasmInstance };
  } catch (error) {
    return { error: `${path}: ${(error as { code?: string }).code === 'ENOENT' ? 'there is no such file' : String(error)}` };
  }
}

/**
 * The engine for where no native code loads: the routing table in WebAssembly, waiting and waking in TypeScript. What was measured, and what follows from it, is in
 * docs/decisions/0002-what-runs-in-webassembly.md.
 */
import type { EngineThread } from '../ts-src/ports/engine.js';
import { PortableWaiter } from './portable/waiter.js';
import type { SharedMemory } from './shared-memory.js';
import type { WasmModule } from './wasm/wasm-module.js';
import { WasmRoutingTable } from './wasm/wasm-routing-table.js';

/** `module` is what `loadWasmModule` returned on this thread. Called once on each thread. */
export function openWasmThread(module: WasmModule, shared: SharedMemory, thread: number): EngineThread {
  return { kind: 'wasm', table: new WasmRoutingTable(module, shared, thread), waiter: new PortableWaiter(shared, thread) };
}

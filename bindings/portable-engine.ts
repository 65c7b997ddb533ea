/** The engine without native code. Slower only at waking a parked thread; everything else is the same. */
import type { EngineThread } from '../ts-src/ports/engine.js';
import { PortableRoutingTable } from './portable/routing-table.js';
import { PortableWaiter } from './portable/waiter.js';
import type { SharedMemory } from './shared-memory.js';

export function openPortableThread(shared: SharedMemory, thread: number): EngineThread {
  return { kind: 'portable', table: new PortableRoutingTable(shared, thread), waiter: new PortableWaiter(shared, thread) };
}

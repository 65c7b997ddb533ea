/** Binds the instance to the thread and the memory it belongs to. Called once, before anything else. */
import { openAllocator } from './record-allocator';
import { openMemory } from './shared-memory';

export function open(thread: u32): void {
  openMemory(thread);
  openAllocator();
}

/**
 * The word of a record that the routing table leaves to the runtime: who spawned the agent, and whether its end has begun. Written by the agent's own thread,
 * read by all: to find children of lost parents, and so that nobody is handed an agent that takes no messages any more.
 */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';

const ENDING = 1 << 31;
const SLOT_MASK = (1 << L.PARENT_GENERATION_SHIFT) - 1;

/** What a record keeps of a parent: its slot, and enough of its generation to know it from later agents of that slot. */
export function parentWord(parent: { readonly slot: number; readonly generation: number }): number {
  return (parent.slot | (parent.generation << L.PARENT_GENERATION_SHIFT)) & ~ENDING;
}

/** 0 for an agent without a parent. */
export function parentSlotOf(word: number): number {
  return word & SLOT_MASK;
}

export function hasParent(word: number, parent: { readonly slot: number; readonly generation: number }): boolean {
  return (word & ~ENDING) === parentWord(parent);
}

export function markEnding(shared: SharedMemory, slot: number, isEnding: boolean): void {
  const at = wordAt(shared, slot);
  const word = shared.words[at] as number;
  Atomics.store(shared.words, at, isEnding ? word | ENDING : word & ~ENDING);
}

/** Holds for the generation that is found live afterwards. */
export function isEnding(shared: SharedMemory, slot: number): boolean {
  return (shared.words[wordAt(shared, slot)] as number) < 0;
}

/** Thread of the agent that has this record, or had it last: records belong to threads. */
export function lastOwnerOf(shared: SharedMemory, slot: number): number {
  return (shared.words[((shared.recordsOffset + slot * L.RECORD_BYTES) >> 2) + L.RECORD_WORD_OWNER] as number) >>> 16;
}

function wordAt(shared: SharedMemory, slot: number): number {
  return ((shared.recordsOffset + slot * L.RECORD_BYTES) >> 2) + L.RECORD_WORD_PARENT;
}

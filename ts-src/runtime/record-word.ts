/**
 * The word of a record that the routing table leaves to the runtime: who spawned the agent, whether its end has begun, whether its mailbox is congested, whether it has left for another node, and
 * whether it has just come from one, or was started here again because that was lost. Written by the agent's own thread, read by all: to find children of lost parents, so that nobody is handed an agent that takes no messages any more, and so that
 * senders on other threads slow down before messages are lost.
 */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';

const ENDING = 1 << 31;
const CONGESTED = 1 << 30;
const AWAY = 1 << 29;
const COMING = 1 << 28;
/** What the parent is known by. */
const PARENT = ~(ENDING | CONGESTED | AWAY | COMING);
/** In the word of an agent that has come from another node, or is started here again in the life that it had there, before anybody can find it. */
export const COMING_WORD = COMING;
const SLOT_MASK = (1 << L.PARENT_GENERATION_SHIFT) - 1;

/** What a record keeps of a parent: its slot, and enough of its generation to know it from later agents of that slot. */
export function parentWord(parent: { readonly slot: number; readonly generation: number }): number {
  return (parent.slot | (parent.generation << L.PARENT_GENERATION_SHIFT)) & PARENT;
}

/** 0 for an agent without a parent. */
export function parentSlotOf(word: number): number {
  return word & SLOT_MASK;
}

export function hasParent(word: number, parent: { readonly slot: number; readonly generation: number }): boolean {
  return (word & PARENT) === parentWord(parent);
}

export function markEnding(shared: SharedMemory, slot: number, isEnding: boolean): void {
  mark(shared, slot, ENDING, isEnding);
}

/** Senders on other threads shall wait: the mailbox holds so much that the rest of its room is for what is on its way. */
export function markCongested(shared: SharedMemory, slot: number, isCongested: boolean): void {
  mark(shared, slot, CONGESTED, isCongested);
}

/** It has left for another node, or is about to: a thread that comes after this one must not run it, unless it is told to. */
export function markAway(shared: SharedMemory, slot: number, isAway: boolean): void {
  mark(shared, slot, AWAY, isAway);
}

export function isAway(word: number): boolean {
  return (word & AWAY) !== 0;
}

/** It has come from another node, or was started here again because that was lost, and what was sent to it there may still be on its way by the calling thread: what is sent to it goes that way too (`remote/agent-ways.ts`). */
export function markComing(shared: SharedMemory, slot: number, isComing: boolean): void {
  mark(shared, slot, COMING, isComing);
}

export function isComing(shared: SharedMemory, slot: number): boolean {
  return ((shared.words[wordAt(shared, slot)] as number) & COMING) !== 0;
}

export function isMarkedAway(shared: SharedMemory, slot: number): boolean {
  return isAway(shared.words[wordAt(shared, slot)] as number);
}

/** Congested, away or coming: whoever sends to it has to look closer. */
export function isMarked(shared: SharedMemory, slot: number): boolean {
  return ((shared.words[wordAt(shared, slot)] as number) & (CONGESTED | AWAY | COMING)) !== 0;
}

/** Of the live agent of that slot; a hint, read without order: it may be a moment old. */
export function isCongested(shared: SharedMemory, slot: number): boolean {
  return ((shared.words[wordAt(shared, slot)] as number) & CONGESTED) !== 0;
}

/** Holds for the generation that is found live afterwards. */
export function isEnding(shared: SharedMemory, slot: number): boolean {
  return (shared.words[wordAt(shared, slot)] as number) < 0;
}

function mark(shared: SharedMemory, slot: number, bit: number, isSet: boolean): void {
  const at = wordAt(shared, slot);
  const word = shared.words[at] as number;
  Atomics.store(shared.words, at, isSet ? word | bit : word & ~bit);
}

/** Thread of the agent that has this record, or had it last: records belong to threads. */
export function lastOwnerOf(shared: SharedMemory, slot: number): number {
  return (shared.words[((shared.recordsOffset + slot * L.RECORD_BYTES) >> 2) + L.RECORD_WORD_OWNER] as number) >>> 16;
}

function wordAt(shared: SharedMemory, slot: number): number {
  return ((shared.recordsOffset + slot * L.RECORD_BYTES) >> 2) + L.RECORD_WORD_PARENT;
}

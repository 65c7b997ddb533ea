/** Words of a record of the routing table: what a state word says, and how words of bytes are loaded and made. Used by routing-table.ts, which says why. */
import * as L from '../../layout/generated/layout.js';

/** Machines that perform the loads of a thread in program order, so that plain loads stay between two reads of STATE. */
const ORDERED_LOADS = process.arch === 'x64' || process.arch === 'ia32';

/** State in the word `now` of the use of a record whose state word was `before`: FREE if that use is over. */
export function stateOf(now: number, before: number): number {
  return now >>> 2 === before >>> 2 ? now & 3 : L.RECORD_STATE_FREE;
}

/** Loads a word of a record between two reads of its STATE. */
export function loadByteWord(words: Int32Array, at: number): number {
  return ORDERED_LOADS ? (words[at] as number) : Atomics.load(words, at);
}

/** The `index`-th word of a payload, padded with zeros. */
export function payloadWord(payload: Uint8Array, index: number): number {
  const at = index * 4;
  return (payload[at] as number) | ((payload[at + 1] ?? 0) << 8) | ((payload[at + 2] ?? 0) << 16) | ((payload[at + 3] ?? 0) << 24);
}

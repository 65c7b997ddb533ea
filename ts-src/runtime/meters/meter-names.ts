/**
 * The list of names of meters in shared memory: which meter is whose. It only grows, any thread may add to it at any time, and nobody waits for anybody. What is counted under a name is
 * not here: `operation-meter.ts`, `breaker-counts.ts`.
 *
 * The STATE of an entry is 0, then CLAIMED by one compare-and-swap, then READY when the name behind it is complete. Both hold the hash of the name and what it names, so that most others are
 * passed over by one comparison. Entries are taken in order: behind the first that is free there is none.
 *
 * A thread that is killed between claim and publication leaves an entry that nobody reads, and no more. Whoever finds an entry claimed that may be of the same name looks at it a little
 * longer, and then takes one of its own. So a name may have more than one entry, and whoever reads adds up what has the same name.
 */
import { meterNameWord, type SharedMemory } from '../../../bindings/shared-memory.js';
import * as L from '../../../layout/generated/layout.js';
import { textHash } from '../../routing/text-hash.js';

export const MeterType = { operation: 0, breaker: 1 } as const;
export type MeterType = (typeof MeterType)[keyof typeof MeterType];

const CLAIMED = 1;
const READY = 2;
const PHASES = 3;
const TYPE_SHIFT = 2;
/** Of the hash, what is not the phase and the type. */
const HASH_BITS = ~7;
/** How often an entry of perhaps the same name is looked at while it is being written: many times as long as that takes. */
const LOOKS_MAX = 1000;
const SEED = 0x6d657465;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The meter of this name, a new one if there is none; undefined if there is no room for one. For any thread. @param name at most METER_TEXT_BYTES_MAX bytes of UTF-8 */
export function claimMeter(shared: SharedMemory, type: MeterType, name: string): number | undefined {
  const { words } = shared;
  const text = encoder.encode(name);
  const tag = (textHash(name, SEED) & HASH_BITS) | (type << TYPE_SHIFT);
  let looks = 0;
  let meter = 0;
  while (meter < L.METERS_NAMED) {
    const at = meterNameWord(shared, meter);
    const stateAt = at + L.METER_NAME_WORD_STATE;
    const state = Atomics.load(words, stateAt);
    if (state === 0) {
      // If somebody was faster, the entry is looked at again: it may be of this name.
      if (Atomics.compareExchange(words, stateAt, 0, tag | CLAIMED) !== 0) continue;
      words[at + L.METER_NAME_WORD_TEXT_BYTES] = text.length;
      shared.bytes.set(text, textOffset(at));
      // Pairs with the load in whoever reads: who sees READY sees the name.
      Atomics.store(words, stateAt, tag | READY);
      return meter;
    }
    if ((state & ~PHASES) === tag) {
      if ((state & PHASES) === READY) {
        if (isText(shared, at, text)) return meter;
      } else if (looks++ < LOOKS_MAX) continue;
    }
    meter++;
  }
  return undefined;
}

export interface NamedMeter {
  readonly meter: number;
  readonly type: MeterType;
  readonly name: string;
}

/** Every meter whose name is complete, from the first on. For any thread. */
export function* namedMeters(shared: SharedMemory): IterableIterator<NamedMeter> {
  for (let meter = 0; meter < L.METERS_NAMED; meter++) {
    const at = meterNameWord(shared, meter);
    const state = Atomics.load(shared.words, at + L.METER_NAME_WORD_STATE);
    if (state === 0) return;
    if ((state & PHASES) !== READY) continue;
    const bytes = Math.min(shared.words[at + L.METER_NAME_WORD_TEXT_BYTES] as number, L.METER_TEXT_BYTES_MAX);
    const offset = textOffset(at);
    // A copy: the decoder does not take what others may change.
    const name = decoder.decode(shared.bytes.slice(offset, offset + bytes));
    yield { meter, type: ((state >> TYPE_SHIFT) & 1) as MeterType, name };
  }
}

/** True the first time in the life of this memory that a name of the type has found no room: for whoever says so. */
export function isFirstWithoutRoom(shared: SharedMemory, type: MeterType): boolean {
  return Atomics.exchange(shared.words, meterNameWord(shared, otherMeter(type)) + L.METER_NAME_WORD_STATE, 1) === 0;
}

/** The meter of all names of a type that found no room. */
export function otherMeter(type: MeterType): number {
  return type === MeterType.operation ? L.METER_OTHER_OPERATIONS : L.METER_OTHER_BREAKERS;
}

function textOffset(entryWord: number): number {
  return (entryWord + L.METER_NAME_WORD_TEXT_BYTES + 1) << 2;
}

function isText(shared: SharedMemory, entryWord: number, text: Uint8Array): boolean {
  if (shared.words[entryWord + L.METER_NAME_WORD_TEXT_BYTES] !== text.length) return false;
  const offset = textOffset(entryWord);
  for (let index = 0; index < text.length; index++) if (shared.bytes[offset + index] !== text[index]) return false;
  return true;
}

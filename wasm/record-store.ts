/**
 * The records of the routing table: their states, their bytes, and how the bytes are written by one thread and read by all. Not the index: that is
 * routing-table.ts. Twin of native/include/nexus/record_store.hpp; the protocol is explained in bindings/portable/routing-table.ts.
 *
 * Loads are atomic everywhere: on x64 they cost what plain ones do, and elsewhere they keep the bytes of a record between two loads of its STATE. Stores of bytes
 * are plain, because an atomic store costs twenty times as much: only the owner stores them, after a STATE that made the record FREE and an atomic load that
 * follows it, and before the atomic store that makes it PENDING.
 */
import * as L from '../layout/generated/wasm/layout';
import { allocate, owns, release, retire } from './record-allocator';
import { dataAt, indexMask, recordAddress, threadIndex } from './shared-memory';

const INLINE_WORDS: u32 = L.RECORD_INLINE_BYTES / 4;
const EXTENSION_WORDS: u32 = L.EXTENSION_INLINE_BYTES / 4;
/** Of the longest key with the largest payload. */
const EXTENSIONS_MAX: u32 = (L.KEY_BYTES_MAX + L.PAYLOAD_BYTES_MAX) / L.EXTENSION_INLINE_BYTES + 1;
/** Byte offsets in a record. */
const HASH: u32 = L.RECORD_WORD_HASH * 4;
const KEY_BYTES: u32 = L.RECORD_WORD_KEY_BYTES * 4;
const PAYLOAD_BYTES: u32 = L.RECORD_WORD_PAYLOAD_BYTES * 4;
const EXTENSION: u32 = L.RECORD_WORD_EXTENSION * 4;
const INLINE: u32 = L.RECORD_WORD_INLINE * 4;
const NEXT: u32 = L.EXTENSION_WORD_NEXT * 4;
const EXTENSION_INLINE: u32 = L.EXTENSION_WORD_INLINE * 4;
export const OWNER: u32 = L.RECORD_WORD_OWNER * 4;
export const ENTRY: u32 = L.RECORD_WORD_ENTRY * 4;
export const PARENT: u32 = L.RECORD_WORD_PARENT * 4;

export function stateOf(record: u32): u32 {
  return atomic.load<u32>(recordAddress(record));
}

/** Only by the owner, when nobody else may change the word: it is FREE or ABORTED, or PENDING and not in the index. */
export function setState(record: u32, state: u32): void {
  atomic.store<u32>(recordAddress(record), (stateOf(record) & ~3) | state);
}

/** One compare-and-swap from a state word that was read before; nothing happens if it has changed. Returns the state that use of the record ended in. */
export function changeState(record: u32, from: u32, state: u32): u32 {
  const seen = atomic.cmpxchg<u32>(recordAddress(record), from, (from & ~3) | state);
  return seen === from ? state : stateAfter(seen, from);
}

/** State in the word `now` of the use of a record whose state word was `before`: FREE if that use is over. */
export function stateAfter(now: u32, before: u32): u32 {
  return now >> 2 === before >> 2 ? now & 3 : L.RECORD_STATE_FREE;
}

/** State word of a live record of that generation. */
export function liveState(generation: u32): u32 {
  return (generation << 2) | L.RECORD_STATE_LIVE;
}

/** Whether `slot` is a record of the table. */
export function isRecord(slot: u32): bool {
  return slot - 1 < indexMask;
}

/** Whether this may be an extension in a list of this thread: one of its records, never LIVE by itself. 0, which ends a list, is not. */
export function isExtension(record: u32): bool {
  return isRecord(record) && (stateOf(record) & 3) === L.RECORD_STATE_FREE && owns(record / L.GROUP_RECORDS);
}

export function hashOf(record: u32): u32 {
  return atomic.load<u32>(recordAddress(record), HASH);
}

export function extensionOf(record: u32): u32 {
  return atomic.load<u32>(recordAddress(record), EXTENSION);
}

export function nextOf(extension: u32): u32 {
  return atomic.load<u32>(recordAddress(extension), NEXT);
}

/** Whether the bytes of the record are the key at `keyAt`. Holds if the record's STATE is the same before and after. */
export function hasKey(record: u32, keyAt: u32, byteLength: u32, hash: u32): bool {
  const at = recordAddress(record);
  if (atomic.load<u32>(at, HASH) !== hash || atomic.load<u32>(at, KEY_BYTES) !== byteLength) return false;
  const inlineEnd = min<u32>((byteLength + 3) & ~3, L.RECORD_INLINE_BYTES);
  for (let done: u32 = 0; done < inlineEnd; done += 4) {
    if (atomic.load<u32>(at + done, INLINE) !== load<u32>(keyAt + done)) return false;
  }
  return byteLength <= L.RECORD_INLINE_BYTES || extensionsHaveKey(atomic.load<u32>(at, EXTENSION), keyAt, (byteLength + 3) / 4);
}

function extensionsHaveKey(extension: u32, keyAt: u32, count: u32): bool {
  for (let done = INLINE_WORDS; done < count; ) {
    // Masked, because a record that is being written again may hold anything here.
    const at = recordAddress(extension & indexMask);
    const here = min<u32>(count - done, EXTENSION_WORDS);
    for (let index: u32 = 0; index < here; index++) {
      if (atomic.load<u32>(at + index * 4, EXTENSION_INLINE) !== load<u32>(keyAt + (done + index) * 4)) return false;
    }
    done += here;
    extension = atomic.load<u32>(at, NEXT);
  }
  return true;
}

/** Allocates and fills a record with the name at `keyAt` and the payload behind it, ending in PENDING under a new generation. 0 if there is no room. */
export function write(keyAt: u32, byteLength: u32, hash: u32, kind: u32, payloadBytes: u32, parent: u32): u32 {
  const record = allocate();
  if (record === 0) return 0;
  const at = recordAddress(record);
  // Also what keeps the plain stores below behind the store that made this record, and those it extends into, FREE.
  const generation = (stateOf(record) >> 2) + 1;
  store<u32>(at, hash, HASH);
  store<u32>(at, (threadIndex << 16) | kind, OWNER);
  store<u32>(at, byteLength, KEY_BYTES);
  store<u32>(at, payloadBytes, PAYLOAD_BYTES);
  store<u32>(at, 0, EXTENSION);
  store<u32>(at, 0, ENTRY);
  store<u32>(at, parent, PARENT);
  const count = (byteLength + 3) / 4 + (payloadBytes + 3) / 4;
  const inline = min<u32>(count, INLINE_WORDS);
  for (let index: u32 = 0; index < inline; index++) store<u32>(at + index * 4, load<u32>(keyAt + index * 4), INLINE);
  if (count > inline && !writeExtensions(at + EXTENSION, keyAt, count)) {
    recycle(record);
    return 0;
  }
  atomic.store<u32>(at, (generation << 2) | L.RECORD_STATE_PENDING);
  return record;
}

/** Writes the words after the inline ones into as many extensions as they need. False if there is no room. */
function writeExtensions(linkAt: u32, keyAt: u32, count: u32): bool {
  for (let done = INLINE_WORDS; done < count; ) {
    const extension = allocate();
    if (extension === 0) return false;
    const at = recordAddress(extension);
    store<u32>(at, 0, NEXT);
    store<u32>(linkAt, extension);
    linkAt = at + NEXT;
    const here = min<u32>(count - done, EXTENSION_WORDS);
    for (let index: u32 = 0; index < here; index++) store<u32>(at + index * 4, load<u32>(keyAt + (done + index) * 4), EXTENSION_INLINE);
    done += here;
  }
  return true;
}

/** Gives the record and its extensions back to the allocator. */
export function recycle(record: u32): void {
  let extension = extensionOf(record);
  // A link that no writer makes ends the list: what is behind it is lost, until the group is inherited.
  for (let left = EXTENSIONS_MAX; left > 0 && isExtension(extension); left--) {
    // Before the release: the allocator may give the whole group to another thread, which may write to it at once.
    const next = nextOf(extension);
    release(extension);
    extension = next;
  }
  if (stateOf(record) >> 2 >= L.GENERATION_MAX) retire(record);
  else release(record);
}

/** Copies key or payload of a live record into the scratch data. Returns its bytes, or -1 if that generation is not live. */
export function copy(slot: u32, generation: u32, payload: bool): i32 {
  const live = liveState(generation);
  if (!isRecord(slot) || stateOf(slot) !== live) return -1;
  const at = recordAddress(slot);
  const keyBytes = atomic.load<u32>(at, KEY_BYTES);
  const payloadBytes = atomic.load<u32>(at, PAYLOAD_BYTES);
  // Lengths of a record that is being written again may not belong together: validate before they size anything. No writer makes longer ones.
  if (stateOf(slot) !== live || keyBytes > L.KEY_BYTES_MAX || payloadBytes > L.PAYLOAD_BYTES_MAX) return -1;
  const first = payload ? (keyBytes + 3) / 4 : 0;
  const length = payload ? payloadBytes : keyBytes;
  const end = first + (length + 3) / 4;
  let link = at + EXTENSION;
  let from = at + INLINE;
  let room = INLINE_WORDS;
  for (let index: u32 = 0; index < end; index++, room--, from += 4) {
    if (room === 0) {
      const extensionAt = recordAddress(atomic.load<u32>(link) & indexMask);
      link = extensionAt + NEXT;
      from = extensionAt + EXTENSION_INLINE;
      room = EXTENSION_WORDS;
    }
    if (index >= first) store<u32>(dataAt + (index - first) * 4, atomic.load<u32>(from));
  }
  return stateOf(slot) === live ? length : -1;
}

/**
 * Hands out records of the routing table to one thread: the same groups, the same order and the same limits as bindings/portable/record-allocator.ts, which says
 * why. A thread that dies leaves nothing half taken: whoever takes its index finds its groups by their owner words, and builds the rest anew.
 *
 * There is no heap here, so what the allocator knows is in the shared memory, where only the owner of a group looks at it:
 * - free records of a group are a stack, linked through their second word (no reader believes a word of a record that is not LIVE);
 * - the state of a group is two words. The first: top of the stack (8 bits), free records (9), usable records (9: 256 less record 0 and the retired ones),
 *   whether it is in the list of available groups, whether it is wholly free and counted in `idle`. The second: its neighbours in that list, as number + 1.
 */
import * as L from '../layout/generated/wasm/layout';
import { groupCount, groupStatesAt, groupsAt, recordAddress, threadCount, threadIndex } from './shared-memory';

/** Wholly free groups a thread keeps for itself: at most this many, and all threads together at most a quarter of the table, or a small table would starve. */
const IDLE_GROUPS_MAX: u32 = 16;
const IDLE_SHARE: u32 = 4;

const TOP: u32 = 0xff;
const FREE_SHIFT: u32 = 8;
const USABLE_SHIFT: u32 = 17;
const COUNT: u32 = 0x1ff;
const ONE_FREE: u32 = 1 << FREE_SHIFT;
const ONE_USABLE: u32 = 1 << USABLE_SHIFT;
const LISTED: u32 = 1 << 26;
const IDLE: u32 = 1 << 27;
/** Address of the link in a free record. */
const LINK: u32 = 4;

let tag: u32 = 0;
let hint: u32 = 0;
let idle: u32 = 0;
let idleMax: u32 = 0;
/** Whether the states of this thread's groups are of this instance, not of a predecessor. */
let ready: bool = false;
/** The group that is allocated from: the first of the list, as number + 1; 0 for none. */
let available: u32 = 0;

export function openAllocator(): void {
  tag = threadIndex + 1;
  const share = groupCount / (IDLE_SHARE * threadCount);
  idleMax = max<u32>(1, min<u32>(IDLE_GROUPS_MAX, share));
  // Threads start their search at different places, so that they seldom meet.
  hint = (groupCount * threadIndex) / threadCount;
}

/** Index of a record of this thread, or 0 if the table has none left. */
export function allocate(): u32 {
  if (available === 0 && !claim()) return 0;
  const group = available - 1;
  const stateAt = stateAddress(group);
  let state = load<u32>(stateAt);
  if ((state & IDLE) !== 0) {
    state &= ~IDLE;
    idle--;
  }
  const index = group * L.GROUP_RECORDS + (state & TOP);
  state -= ONE_FREE;
  if (((state >> FREE_SHIFT) & COUNT) === 0) {
    store<u32>(stateAt, state & ~LISTED);
    unlist(group);
  } else store<u32>(stateAt, (state & ~TOP) | (load<u32>(recordAddress(index), LINK) & TOP));
  return index;
}

/** Gives back a record that `allocate` returned (or that was inherited). Does nothing with one that cannot be: of another's group, or of one that is wholly free. */
export function release(index: u32): void {
  if (!ready) forget();
  const group = index / L.GROUP_RECORDS;
  const stateAt = stateAddress(group);
  let state = load<u32>(stateAt);
  if (!owns(group) || isWhollyFree(state) || ((state >> FREE_SHIFT) & COUNT) === L.GROUP_RECORDS) return;
  store<u32>(recordAddress(index), state & TOP, LINK);
  state = ((state & ~TOP) | (index & TOP)) + ONE_FREE;
  if ((state & LISTED) === 0) {
    state |= LISTED;
    list(group);
  }
  store<u32>(stateAt, state);
  if (isWhollyFree(state)) noteIdle(group);
}

/** Never hands out this record again: its generations are used up. */
export function retire(index: u32): void {
  const group = index / L.GROUP_RECORDS;
  let state = load<u32>(stateAddress(group));
  if (!owns(group) || ((state >> FREE_SHIFT) & COUNT) >= ((state >> USABLE_SHIFT) & COUNT)) return;
  state -= ONE_USABLE;
  store<u32>(stateAddress(group), state);
  if (isWhollyFree(state)) noteIdle(group);
}

/** Whether the owner word gives this group to this thread. */
export function owns(group: u32): bool {
  return atomic.load<u32>(ownerAddress(group)) === tag;
}

/** Adopts the groups that the owner words give to this thread: all their records are free but those that are LIVE, or ABORTED (see `inherit`), which become FREE. */
export function adopt(): void {
  forget();
  for (let group: u32 = 0; group < groupCount; group++) if (owns(group)) add(group, true);
}

/** Starts from nothing. A record of a predecessor that is released without having been inherited is then the only free one of its group. */
function forget(): void {
  ready = true;
  available = 0;
  idle = 0;
  for (let group: u32 = 0; group < groupCount; group++) if (owns(group)) store<u32>(stateAddress(group), 0);
}

function claim(): bool {
  if (!ready) forget();
  for (let step: u32 = 0; step < groupCount; step++) {
    const group = (hint + step) % groupCount;
    // A load first: where most groups are taken, a swap for each would bounce the line of owner words between cores.
    if (atomic.load<u32>(ownerAddress(group)) !== 0) continue;
    // Pairs with the store in `giveBack`: what its last owner did to the records comes before what this thread does.
    if (atomic.cmpxchg<u32>(ownerAddress(group), 0, tag) !== 0) continue;
    hint = (group + 1) % groupCount;
    if (add(group, false)) return true;
  }
  return false;
}

/** Builds the state of a group that has just become this thread's. Whether it has a record to hand out. */
function add(group: u32, inherited: bool): bool {
  let state: u32 = 0;
  for (let offset: u32 = L.GROUP_RECORDS; offset-- > 0; ) {
    const index = group * L.GROUP_RECORDS + offset;
    const at = recordAddress(index);
    const word = atomic.load<u32>(at);
    const use = word & 3;
    if (index === 0 || (word >> 2 >= L.GENERATION_MAX && use === L.RECORD_STATE_FREE)) continue;
    state += ONE_USABLE;
    if (inherited && use === L.RECORD_STATE_ABORTED) atomic.store<u32>(at, (word & ~3) | L.RECORD_STATE_FREE);
    if (inherited && use !== L.RECORD_STATE_FREE) continue;
    store<u32>(at, state & TOP, LINK);
    state = ((state & ~TOP) | offset) + ONE_FREE;
  }
  const some = ((state >> FREE_SHIFT) & COUNT) !== 0;
  if (some) {
    state |= LISTED;
    list(group);
  }
  if (isWhollyFree(state)) {
    state |= IDLE;
    idle++;
  }
  store<u32>(stateAddress(group), state);
  return some;
}

function noteIdle(group: u32): void {
  store<u32>(stateAddress(group), load<u32>(stateAddress(group)) | IDLE);
  if (++idle > idleMax) giveBack(group);
}

function giveBack(group: u32): void {
  unlist(group);
  idle--;
  // Last: from here on the group may belong to another thread.
  atomic.store<u32>(ownerAddress(group), 0);
}

/** Puts a group at the front of the list. */
function list(group: u32): void {
  store<u32>(stateAddress(group), available, 4);
  if (available !== 0) {
    const next = stateAddress(available - 1);
    store<u16>(next, <u16>(group + 1), 6);
  }
  available = group + 1;
}

/** Takes a group out of the list: the lower half of its second word is the next one, the upper half the one before, 0 for none. */
function unlist(group: u32): void {
  const next: u32 = load<u16>(stateAddress(group), 4);
  const before: u32 = load<u16>(stateAddress(group), 6);
  if (next !== 0) store<u16>(stateAddress(next - 1), <u16>before, 6);
  if (before !== 0) store<u16>(stateAddress(before - 1), <u16>next, 4);
  else available = next;
}

function isWhollyFree(state: u32): bool {
  const usable = (state >> USABLE_SHIFT) & COUNT;
  return usable > 0 && ((state >> FREE_SHIFT) & COUNT) === usable;
}

function ownerAddress(group: u32): u32 {
  return groupsAt + group * 4;
}

function stateAddress(group: u32): u32 {
  return groupStatesAt + group * L.GROUP_STATE_BYTES;
}

/**
 * Where the parts of the nexus's memory are, in globals of the instance: byte addresses, as this code uses them. Reads the header that
 * bindings/shared-memory.ts wrote. Twin of native/include/nexus/shared_memory.hpp.
 */
import * as L from '../layout/generated/wasm/layout';

export let threadIndex: u32 = 0;
export let threadCount: u32 = 0;
export let groupCount: u32 = 0;
export let indexMask: u32 = 0;
export let bucketMask: u32 = 0;
export let seed0: u32 = 0;
export let seed1: u32 = 0;
export let groupsAt: u32 = 0;
export let groupStatesAt: u32 = 0;
export let bucketsAt: u32 = 0;
export let recordsAt: u32 = 0;
/** Scratch of this thread. */
export let foundGenerationAt: u32 = 0;
export let foundKindAt: u32 = 0;
export let touchedAt: u32 = 0;
export let batchAt: u32 = 0;
export let dataAt: u32 = 0;

export function openMemory(thread: u32): void {
  threadIndex = thread;
  threadCount = headerWord(L.HEADER_WORD_THREAD_COUNT);
  groupCount = headerWord(L.HEADER_WORD_RECORD_CAPACITY) / L.GROUP_RECORDS;
  indexMask = headerWord(L.HEADER_WORD_RECORD_CAPACITY) - 1;
  bucketMask = headerWord(L.HEADER_WORD_BUCKET_COUNT) - 1;
  seed0 = headerWord(L.HEADER_WORD_SEED_0);
  seed1 = headerWord(L.HEADER_WORD_SEED_1);
  groupsAt = headerWord(L.HEADER_WORD_GROUPS_OFFSET);
  bucketsAt = headerWord(L.HEADER_WORD_BUCKETS_OFFSET);
  recordsAt = headerWord(L.HEADER_WORD_RECORDS_OFFSET);
  const scratchAt = headerWord(L.HEADER_WORD_SCRATCH_OFFSET);
  groupStatesAt = scratchAt + threadCount * L.SCRATCH_BYTES;
  const mine = scratchAt + thread * L.SCRATCH_BYTES;
  foundGenerationAt = mine + L.SCRATCH_WORD_FOUND_GENERATION * 4;
  foundKindAt = mine + L.SCRATCH_WORD_FOUND_KIND * 4;
  touchedAt = mine + L.SCRATCH_WORD_TOUCHED * 4;
  batchAt = mine + L.SCRATCH_WORD_BATCH * 4;
  dataAt = mine + L.SCRATCH_WORD_DATA * 4;
}

/** Address of a record. */
export function recordAddress(record: u32): u32 {
  return recordsAt + record * L.RECORD_BYTES;
}

function headerWord(word: u32): u32 {
  return atomic.load<u32>(word * 4);
}

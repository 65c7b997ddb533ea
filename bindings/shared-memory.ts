/**
 * The shared memory of one nexus: how large it is, where its parts are, and typed views of it. One `WebAssembly.Memory` whose pages the
 * kernel commits when they are first touched, so that a large capacity costs address space, not memory.
 * It knows nothing about what the parts mean: that is for the table, the rings and the runtime.
 */
import * as L from '../layout/generated/layout.js';
import { NexusError, optionError } from '../ts-src/errors.js';
import { reserveMemory, type SharedWebAssemblyMemory } from './web-assembly-memory.js';

export interface MemoryShape {
  /** The calling thread and its workers. 1 to 128. */
  readonly threadCount: number;
  /** Records of the routing table: a power of two from 2^12 to 2^23. An agent with a short name and a small `init` takes one. */
  readonly recordCapacity: number;
  /** Bytes of one ring: a power of two from 2^14 to 2^26. There is one for each ordered pair of threads. */
  readonly ringBytes: number;
  /** Events of the flight record of one thread: a power of two from 2^6 to 2^20, or 0 for none. Default 4,096. */
  readonly flightEvents?: number;
}

/** Views of the whole memory. `words` and `bytes` overlap; both are shared by all threads. */
export interface SharedMemory {
  readonly memory: SharedWebAssemblyMemory;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly doubles: Float64Array;
  readonly threadCount: number;
  readonly recordCapacity: number;
  readonly indexBits: number;
  readonly bucketCount: number;
  readonly ringBytes: number;
  /** Byte offsets. */
  readonly threadsOffset: number;
  readonly countersOffset: number;
  readonly histogramsOffset: number;
  /** Of the first thread's scratch area; behind the last one are the states of the groups. */
  readonly scratchOffset: number;
  readonly groupsOffset: number;
  readonly bucketsOffset: number;
  readonly recordsOffset: number;
  readonly ringsOffset: number;
  /** Of the load of the record 0. */
  readonly loadsOffset: number;
  readonly rotationsOffset: number;
  /** Of the flight record of thread 0. */
  readonly flightOffset: number;
  readonly flightCapacity: number;
  /** Of the names of meters; behind them are the meters of thread 0. */
  readonly metersOffset: number;
}

const PAGE_BYTES = 65536;
const FLIGHT_EVENTS = 4096;
const MEMORY_BYTES_MAX = 2 ** 31 - PAGE_BYTES;

/** Makes and initialises the memory. `seed` is two random words that keep chosen names from colliding. */
export function createSharedMemory(shape: MemoryShape, seed: readonly [number, number]): SharedMemory {
  const { threadCount, recordCapacity, ringBytes, flightEvents = FLIGHT_EVENTS } = shape;
  const bucketCount = recordCapacity / 8;
  const threadsOffset = L.HEADER_BYTES;
  const countersOffset = threadsOffset + threadCount * L.THREAD_BYTES;
  const histogramsOffset = countersOffset + threadCount * L.COUNTERS_BYTES;
  const scratchOffset = histogramsOffset + threadCount * L.HISTOGRAM_COUNT * L.HISTOGRAM_BYTES;
  const groupCount = recordCapacity / L.GROUP_RECORDS;
  const groupsOffset = align(scratchOffset + threadCount * L.SCRATCH_BYTES + groupCount * L.GROUP_STATE_BYTES);
  const bucketsOffset = align(groupsOffset + groupCount * 4);
  const recordsOffset = bucketsOffset + bucketCount * L.BUCKET_BYTES;
  const ringsOffset = recordsOffset + recordCapacity * L.RECORD_BYTES;
  const loadsOffset = ringsOffset + threadCount * threadCount * (L.RING_HEADER_BYTES + ringBytes);
  const rotationsOffset = align(loadsOffset + recordCapacity * 4);
  const flightOffset = align(rotationsOffset + L.ROTATIONS * L.ROTATION_BYTES);
  const metersOffset = flightOffset + threadCount * (L.FLIGHT_HEADER_BYTES + flightEvents * L.FLIGHT_EVENT_BYTES);
  const total = metersOffset + L.METERS * (L.METER_NAME_BYTES + threadCount * L.METER_BYTES);
  if (total > MEMORY_BYTES_MAX) {
    throw optionError(
      'memory',
      `${threadCount} threads with rings of ${ringBytes} bytes and ${recordCapacity} agents need ${total} bytes of shared memory; the most is ${MEMORY_BYTES_MAX}. Lower memory.ringBytes, memory.agentsMax or flightRecorder.eventsPerThread`,
    );
  }
  const pages = Math.ceil(total / PAGE_BYTES);
  let memory: SharedWebAssemblyMemory;
  try {
    memory = reserveMemory(pages);
  } catch (cause) {
    throw new NexusError(
      'NEXUS_MEMORY_UNAVAILABLE',
      `could not reserve ${total} bytes of shared memory: ${String(cause)}. Raise the limit on address space (ulimit -v), or lower memory.agentsMax or memory.ringBytes`,
      { cause },
    );
  }
  const words = new Int32Array(memory.buffer);
  words[L.HEADER_WORD_VERSION] = L.VERSION;
  words[L.HEADER_WORD_MEMORY_BYTES] = pages * PAGE_BYTES;
  words[L.HEADER_WORD_THREAD_COUNT] = threadCount;
  words[L.HEADER_WORD_RECORD_CAPACITY] = recordCapacity;
  words[L.HEADER_WORD_INDEX_BITS] = Math.log2(recordCapacity);
  words[L.HEADER_WORD_BUCKET_COUNT] = bucketCount;
  words[L.HEADER_WORD_RING_BYTES] = ringBytes;
  words[L.HEADER_WORD_SEED_0] = seed[0];
  words[L.HEADER_WORD_SEED_1] = seed[1];
  words[L.HEADER_WORD_THREADS_OFFSET] = threadsOffset;
  words[L.HEADER_WORD_COUNTERS_OFFSET] = countersOffset;
  words[L.HEADER_WORD_HISTOGRAMS_OFFSET] = histogramsOffset;
  words[L.HEADER_WORD_SCRATCH_OFFSET] = scratchOffset;
  words[L.HEADER_WORD_GROUPS_OFFSET] = groupsOffset;
  words[L.HEADER_WORD_BUCKETS_OFFSET] = bucketsOffset;
  words[L.HEADER_WORD_RECORDS_OFFSET] = recordsOffset;
  words[L.HEADER_WORD_RINGS_OFFSET] = ringsOffset;
  words[L.HEADER_WORD_LOADS_OFFSET] = loadsOffset;
  words[L.HEADER_WORD_ROTATIONS_OFFSET] = rotationsOffset;
  words[L.HEADER_WORD_FLIGHT_OFFSET] = flightOffset;
  words[L.HEADER_WORD_FLIGHT_CAPACITY] = flightEvents;
  words[L.HEADER_WORD_METERS_OFFSET] = metersOffset;
  new Float64Array(memory.buffer)[L.HEADER_WORD_RUN_UNTIL / 2] = Number.POSITIVE_INFINITY;
  // Last: whoever sees the magic sees the rest.
  Atomics.store(words, L.HEADER_WORD_MAGIC, L.MAGIC);
  return attachSharedMemory(memory);
}

/** Views of a memory that another thread made. A memory that is not ours, or of another version, is an error that says which. */
export function attachSharedMemory(memory: SharedWebAssemblyMemory): SharedMemory {
  const words = new Int32Array(memory.buffer);
  const magic = Atomics.load(words, L.HEADER_WORD_MAGIC);
  const version = words[L.HEADER_WORD_VERSION];
  if (magic !== L.MAGIC)
    throw new NexusError(
      'NEXUS_LAYOUT_MISMATCH',
      `this memory is not a nexus: magic ${hex(magic)}, expected ${hex(L.MAGIC)}; load one version of nexus-agents in a process`,
    );
  if (version !== L.VERSION) {
    throw new NexusError(
      'NEXUS_LAYOUT_MISMATCH',
      `this memory has layout version ${version}, this build of nexus-agents has ${L.VERSION}: load one version of nexus-agents in a process`,
    );
  }
  const at = (word: number): number => words[word] as number;
  return {
    memory,
    words,
    bytes: new Uint8Array(memory.buffer),
    doubles: new Float64Array(memory.buffer),
    threadCount: at(L.HEADER_WORD_THREAD_COUNT),
    recordCapacity: at(L.HEADER_WORD_RECORD_CAPACITY),
    indexBits: at(L.HEADER_WORD_INDEX_BITS),
    bucketCount: at(L.HEADER_WORD_BUCKET_COUNT),
    ringBytes: at(L.HEADER_WORD_RING_BYTES),
    threadsOffset: at(L.HEADER_WORD_THREADS_OFFSET),
    countersOffset: at(L.HEADER_WORD_COUNTERS_OFFSET),
    histogramsOffset: at(L.HEADER_WORD_HISTOGRAMS_OFFSET),
    scratchOffset: at(L.HEADER_WORD_SCRATCH_OFFSET),
    groupsOffset: at(L.HEADER_WORD_GROUPS_OFFSET),
    bucketsOffset: at(L.HEADER_WORD_BUCKETS_OFFSET),
    recordsOffset: at(L.HEADER_WORD_RECORDS_OFFSET),
    ringsOffset: at(L.HEADER_WORD_RINGS_OFFSET),
    loadsOffset: at(L.HEADER_WORD_LOADS_OFFSET),
    rotationsOffset: at(L.HEADER_WORD_ROTATIONS_OFFSET),
    flightOffset: at(L.HEADER_WORD_FLIGHT_OFFSET),
    flightCapacity: at(L.HEADER_WORD_FLIGHT_CAPACITY),
    metersOffset: at(L.HEADER_WORD_METERS_OFFSET),
  };
}

/** Index into `words` of the first word of a thread's entry. */
export function threadWord(shared: SharedMemory, thread: number): number {
  return (shared.threadsOffset + thread * L.THREAD_BYTES) >> 2;
}

/** Index into `doubles` of the first counter of a thread. */
export function counterIndex(shared: SharedMemory, thread: number): number {
  return (shared.countersOffset + thread * L.COUNTERS_BYTES) >> 3;
}

/** Index into `doubles` of a histogram of a thread. */
export function histogramIndex(shared: SharedMemory, thread: number, histogram: number): number {
  return (shared.histogramsOffset + (thread * L.HISTOGRAM_COUNT + histogram) * L.HISTOGRAM_BYTES) >> 3;
}

/** Byte offset of the header of the ring that carries messages from one thread to another; its data follow the header. */
export function ringOffset(shared: SharedMemory, from: number, to: number): number {
  return shared.ringsOffset + (from * shared.threadCount + to) * (L.RING_HEADER_BYTES + shared.ringBytes);
}

/** Byte offset of the flight record of a thread. */
export function flightOffset(shared: SharedMemory, thread: number): number {
  return shared.flightOffset + thread * (L.FLIGHT_HEADER_BYTES + shared.flightCapacity * L.FLIGHT_EVENT_BYTES);
}

/** Index into `words` of the entry of a meter in the list of names. */
export function meterNameWord(shared: SharedMemory, meter: number): number {
  return (shared.metersOffset + meter * L.METER_NAME_BYTES) >> 2;
}

/** Byte offset of a meter of a thread. */
export function meterOffset(shared: SharedMemory, thread: number, meter: number): number {
  return shared.metersOffset + L.METERS * (L.METER_NAME_BYTES + thread * L.METER_BYTES) + meter * L.METER_BYTES;
}

function align(offset: number): number {
  return Math.ceil(offset / 64) * 64;
}

function hex(word: number): string {
  return `0x${(word >>> 0).toString(16)}`;
}

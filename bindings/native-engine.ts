/**
 * The native engine: waiting inside the event loop's own poll, and the C++ routing table. What is here is the edge: it checks results and makes errors of them.
 * Which operation of the table runs on which side is a measurement: docs/decisions/0001-which-side-of-the-table-runs.md.
 */
import * as L from '../layout/generated/layout.js';
import { loadWasmModule } from './wasm/wasm-module.js';
import { WasmRoutingTable } from './wasm/wasm-routing-table.js';
import { NexusTypeError, optionError, quoted } from '../ts-src/errors.js';
import {
  type EngineThread,
  FOUND_NUMBERS,
  INSERTED_NUMBERS,
  type RoutingTable,
  type TableEntry,
  type TableStatistics,
  type Waiter,
} from '../ts-src/ports/engine.js';
import { KEY_INVALID, type NativeAddon, PAYLOAD_TOO_LARGE } from './native-addon.js';
import { insertEach } from './portable/batches.js';
import { checkKeys } from './portable/encoded-key.js';
import { PortableRoutingTable } from './portable/routing-table.js';
import { type SharedMemory, threadWord } from './shared-memory.js';

/** From this many records on, index and records are larger than what the processor keeps the addresses of. */
const HUGE_PAGES_RECORDS_MIN = 2 ** 18;
const ENTRY_NUMBERS = 4;

export interface ThreadOptions {
  /** How long it looks for more before it sleeps, if there was something lately. */
  readonly spinMicroseconds: number;
  /** It talks to other processes over sockets, and looks at those too. */
  readonly watchesSockets?: boolean;
}

/** In WebAssembly, which needs no call through Node-API (docs/decisions/0002); in C++ where that does not load. */
function fastestTable(addon: NativeAddon, shared: SharedMemory, thread: number): RoutingTable {
  const { module } = loadWasmModule();
  return module === undefined ? new FastestRoutingTable(addon, shared, thread) : new WasmRoutingTable(module, shared, thread);
}

export function openNativeThread(addon: NativeAddon, shared: SharedMemory, thread: number, options: ThreadOptions): EngineThread {
  // By the first thread only, which opens before any record is used. A kernel that refuses changes nothing but speed.
  if (thread === 0 && shared.recordCapacity >= HUGE_PAGES_RECORDS_MIN)
    addon.adviseHugePages(shared.bytes, shared.bucketsOffset, shared.ringsOffset - shared.bucketsOffset);
  if (shared.flightCapacity > 0) addon.crashThread(shared.bytes, thread);
  return {
    kind: 'native',
    table: fastestTable(addon, shared, thread),
    waiter: new NativeWaiter(addon, shared, thread, options),
  };
}

/** Waits in libuv's prepare and check hooks. All threads of a memory must wait natively, or none: a portable one cannot wake a native one. */
export class NativeWaiter implements Waiter {
  readonly #addon: NativeAddon;
  readonly #shared: SharedMemory;
  readonly #thread: number;
  readonly #parkedAt: number;
  #spinMicroseconds: number;
  readonly #watchesSockets: boolean;
  /** 0: not waiting. */
  #handle = 0;

  constructor(addon: NativeAddon, shared: SharedMemory, thread: number, { spinMicroseconds, watchesSockets = false }: ThreadOptions) {
    this.#addon = addon;
    this.#shared = shared;
    this.#thread = thread;
    this.#parkedAt = threadWord(shared, 0) + L.THREAD_WORD_PARKED;
    this.#spinMicroseconds = spinMicroseconds;
    this.#watchesSockets = watchesSockets;
  }

  start(drain: () => boolean): void {
    this.stop();
    this.#handle = this.#addon.attach(this.#shared.bytes, this.#thread, drain, this.#spinMicroseconds);
    if (this.#watchesSockets) this.#addon.watchSockets(this.#handle);
  }

  /** How long a thread that had work lately looks for more before it parks. */
  setSpin(microseconds: number): void {
    this.#spinMicroseconds = microseconds;
    this.#addon.setSpin(this.#handle, microseconds);
  }

  /** Only between start and stop. */
  wake(thread: number): void {
    if (Atomics.load(this.#shared.words, this.#parkedAt + thread * (L.THREAD_BYTES / 4)) === 0) return;
    this.#addon.wake(this.#handle, thread);
  }

  /** Only between start and stop. */
  rouse(thread: number): void {
    this.#addon.rouse(this.#handle, thread);
  }

  stop(): void {
    this.#addon.detach(this.#handle);
    this.#handle = 0;
  }
}

/** The C++ table, which hashes, searches and allocates, with the reads of single records, which happen for every message, in TypeScript. */
export class FastestRoutingTable implements RoutingTable {
  readonly #native: NativeRoutingTable;
  /** Only reads: it would not know the records that the native one has allocated. */
  readonly #reader: PortableRoutingTable;

  constructor(addon: NativeAddon, shared: SharedMemory, thread: number) {
    this.#native = new NativeRoutingTable(addon, shared, thread);
    this.#reader = new PortableRoutingTable(shared, thread);
  }

  get foundGeneration(): number {
    return this.#native.foundGeneration;
  }

  get foundKind(): number {
    return this.#native.foundKind;
  }

  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number {
    return this.#native.insert(key, kind, payload, parent);
  }

  find(key: string): number {
    return this.#native.find(key);
  }

  findMany(keys: readonly string[]): Int32Array {
    return this.#native.findMany(keys);
  }

  insertMany(keys: readonly string[], kind: number, payloads: readonly (Uint8Array | undefined)[] | undefined, parent: number): Int32Array {
    return this.#native.insertMany(keys, kind, payloads, parent);
  }

  remove(slot: number, generation: number): boolean {
    return this.#native.remove(slot, generation);
  }

  rehome(slot: number, generation: number, thread: number): boolean {
    return this.#native.rehome(slot, generation, thread);
  }

  removeMany(addresses: Int32Array): number {
    return this.#native.removeMany(addresses);
  }

  generationOf(slot: number): number {
    return this.#reader.generationOf(slot);
  }

  threadOf(slot: number, generation: number): number {
    return this.#reader.threadOf(slot, generation);
  }

  kindOf(slot: number, generation: number): number {
    return this.#reader.kindOf(slot, generation);
  }

  parentOf(slot: number, generation: number): number {
    return this.#reader.parentOf(slot, generation);
  }

  keyOf(slot: number, generation: number): string | undefined {
    return this.#native.keyOf(slot, generation);
  }

  payloadOf(slot: number, generation: number): Uint8Array | undefined {
    return this.#native.payloadOf(slot, generation);
  }

  entries(thread?: number): IterableIterator<TableEntry> {
    return this.#native.entries(thread);
  }

  inherit(): TableEntry[] {
    return this.#native.inherit();
  }

  statistics(): TableStatistics {
    return this.#native.statistics();
  }
}

/** The C++ table. On one memory with the portable one it is one table; only one object a thread may insert. */
export class NativeRoutingTable implements RoutingTable {
  readonly #addon: NativeAddon;
  readonly #handle: number;
  readonly #recordCapacity: number;
  readonly #found = new Int32Array(new ArrayBuffer(8));

  constructor(addon: NativeAddon, shared: SharedMemory, thread: number) {
    this.#addon = addon;
    this.#recordCapacity = shared.recordCapacity;
    this.#handle = addon.tableOpen(shared.bytes, thread, new Uint8Array(this.#found.buffer));
  }

  get foundGeneration(): number {
    return this.#found[0] as number;
  }

  get foundKind(): number {
    return this.#found[1] as number;
  }

  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number {
    const result = this.#addon.tableInsert(this.#handle, key, kind, payload, parent);
    if (result === KEY_INVALID) throw keyError(key);
    if (result === PAYLOAD_TOO_LARGE) {
      throw new NexusTypeError(
        'NEXUS_MESSAGE_TOO_LARGE',
        `the encoded init of agent ${quoted(key)} has ${payload?.length} bytes; the most is ${L.PAYLOAD_BYTES_MAX}: send the rest as a message`,
        { id: key, bytesMax: L.PAYLOAD_BYTES_MAX },
      );
    }
    return result;
  }

  find(key: string): number {
    const slot = this.#addon.tableFind(this.#handle, key);
    if (slot === KEY_INVALID) throw keyError(key);
    return slot;
  }

  findMany(keys: readonly string[]): Int32Array {
    checkKeys(keys);
    const found = new Int32Array(keys.length * FOUND_NUMBERS);
    this.#addon.tableFindMany(this.#handle, keys, bytesOf(found));
    return found;
  }

  insertMany(keys: readonly string[], kind: number, payloads: readonly (Uint8Array | undefined)[] | undefined, parent: number): Int32Array {
    // A payload is copied by itself: a batch gains nothing there.
    if (payloads !== undefined) return insertEach(this, keys, kind, payloads, parent);
    checkKeys(keys);
    const inserted = new Int32Array(keys.length * INSERTED_NUMBERS);
    this.#addon.tableInsertMany(this.#handle, keys, kind, parent, bytesOf(inserted));
    return inserted;
  }

  remove(slot: number, generation: number): boolean {
    return this.#addon.tableRemove(this.#handle, slot, generation);
  }

  rehome(slot: number, generation: number, thread: number): boolean {
    return this.#addon.tableRehome(this.#handle, slot, generation, thread);
  }

  removeMany(addresses: Int32Array): number {
    return this.#addon.tableRemoveMany(this.#handle, bytesOf(addresses));
  }

  generationOf(slot: number): number {
    return this.#addon.tableGenerationOf(this.#handle, slot);
  }

  threadOf(slot: number, generation: number): number {
    return this.#addon.tableThreadOf(this.#handle, slot, generation);
  }

  kindOf(slot: number, generation: number): number {
    return this.#addon.tableKindOf(this.#handle, slot, generation);
  }

  parentOf(slot: number, generation: number): number {
    return this.#addon.tableParentOf(this.#handle, slot, generation);
  }

  keyOf(slot: number, generation: number): string | undefined {
    return this.#addon.tableKeyOf(this.#handle, slot, generation);
  }

  payloadOf(slot: number, generation: number): Uint8Array | undefined {
    return this.#addon.tablePayloadOf(this.#handle, slot, generation);
  }

  entries(thread = -1): IterableIterator<TableEntry> {
    return entriesOf(this.#addon.tableEntries(this.#handle, thread)).values();
  }

  inherit(): TableEntry[] {
    return entriesOf(this.#addon.tableInherit(this.#handle));
  }

  statistics(): TableStatistics {
    const numbers = this.#addon.tableStatistics(this.#handle);
    const [live = 0, extensions = 0, claimed = 0, reused = 0, reclaimed = 0, retired = 0, staleEntries = 0, overflow = 0] = numbers;
    const [overflowingBuckets = 0, probeBucketsMax = 0, searched = 0, ...probeBuckets] = numbers.subarray(8);
    return {
      recordCapacity: this.#recordCapacity,
      live,
      extensions,
      load: (live + extensions) / this.#recordCapacity,
      claimed,
      reused,
      reclaimed,
      retired,
      staleEntries,
      overflow,
      overflowingBuckets,
      probeBuckets,
      probeBucketsMean: live === 0 ? 0 : searched / live,
      probeBucketsMax,
    };
  }

  /** Releases what the table holds outside the shared memory. Records stay as they are. */
  close(): void {
    this.#addon.tableClose(this.#handle);
  }
}

function entriesOf(numbers: Float64Array): TableEntry[] {
  const entries: TableEntry[] = [];
  for (let at = 0; at < numbers.length; at += ENTRY_NUMBERS) {
    const [slot = 0, generation = 0, thread = 0, kind = 0] = numbers.subarray(at, at + ENTRY_NUMBERS);
    entries.push({ slot, generation, thread, kind });
  }
  return entries;
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function keyError(key: string): NexusTypeError {
  return optionError('id', `has ${Buffer.byteLength(key)} bytes; an id has 1 to ${L.KEY_BYTES_MAX} bytes of UTF-8`);
}

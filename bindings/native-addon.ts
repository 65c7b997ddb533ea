/**
 * Loads the native binary: one that came with the package, else one that was built here. Every attempt that fails is kept with its reason, because a native
 * engine that silently does not run is worse than none. The types of the addon's functions are here; `native/napi` implements them.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as L from '../layout/generated/layout.js';

/** Functions of `native/napi`. Handles are numbers that are never used again; a call with one that is closed does nothing. */
export interface NativeAddon {
  readonly layoutVersion: number;
  /** Starts to wait on the calling thread's event loop. `drain` returns true to be called again without blocking. 0 if the thread is ending. */
  attach(view: Uint8Array, thread: number, drain: () => boolean, spinMicroseconds: number): number;
  detach(handle: number): void;
  setSpin(handle: number, microseconds: number): void;
  /** It looks at the sockets of its event loop too before it sleeps, where the system lets it. */
  watchSockets(handle: number): void;
  /** False if the thread was parked and nobody in this process could be woken for it. */
  wake(handle: number, thread: number): boolean;
  /** Wakes a thread of this process whatever its PARKED mark says. */
  rouse(handle: number, thread: number): void;
  /** Whether the kernel took the advice for the 2-MiB pages that lie wholly in the range. */
  adviseHugePages(view: Uint8Array, offset: number, bytes: number): boolean;
  /** Ties the calling thread to a processor. 0, or the errno of the refusal. Threads that it starts afterwards inherit that. */
  pinThread(cpu: number): number;
  /** Processor the calling thread runs on, or -errno. */
  currentCpu(): number;
  /** Pages of the range that nobody has touched yet come from this node while it has any. 0 or errno; ERANGE if no whole page is in the range. */
  bindMemory(view: Uint8Array, offset: number, bytes: number, node: number): number;
  /** As `bindMemory`, from several nodes in turn: bit n of `nodes` (of byte n / 8) is node n. */
  interleaveMemory(view: Uint8Array, offset: number, bytes: number, nodes: Uint8Array): number;
  /** Node of the page at this place, or -errno: -ENOENT (-2) if nobody has touched it. */
  memoryNodeOf(view: Uint8Array, offset: number): number;
  /** How memory is placed; `errno` says why not at all, `libraryError` why not by libnuma. */
  numaProvider(): { readonly provider: 'libnuma' | 'system calls' | 'none'; readonly errno: number; readonly libraryError: string };
  /** Prepares the dump of a flight record for the case that the process dies of a signal: `bindings/crash-handler.ts`. 0 where there is no such handler. */
  crashArm(view: Uint8Array, head: Uint8Array, directory: string, clockMs: number): number;
  crashDisarm(handle: number): void;
  /** The calling thread is this one of that nexus; it gets a stack for handlers of signals, if it has none. */
  crashThread(view: Uint8Array, thread: number): void;
  /** Links to other processes: `bindings/process-links.ts`. 0 where the system has no such thing. */
  linksOpen(notify: () => void, buffer: Uint8Array, table: Uint8Array, spinMicroseconds: number): number;
  linksClose(hub: number): void;
  /** The id of an endpoint, or -errno; likewise `linksConnect`. */
  linksListen(hub: number, name: Uint8Array): number;
  linksConnect(hub: number, name: Uint8Array): number;
  /** 0 or -errno; likewise the next two. */
  linkSend(hub: number, id: number, bytes: Uint8Array): number;
  linkOffer(hub: number, id: number, ringBytes: number, bytes: Uint8Array): number;
  linkAccept(hub: number, id: number): number;
  /** 1, 0 if the ring is full, -1 if the link has ended. @param place id << 3 | lane << 1 | 1 if another frame is written in this turn */
  linkWrite(hub: number, place: number, bytes: Uint8Array): number;
  linkFinishLane(hub: number, id: number, lane: number): void;
  linkEnd(hub: number, id: number): void;
  /** `result` has 8 bytes, into which `tableFind` writes generation and kind. */
  tableOpen(view: Uint8Array, thread: number, result: Uint8Array): number;
  tableClose(handle: number): void;
  /** Slot, 0, or `KEY_INVALID`. */
  tableFind(handle: number, key: string): number;
  /** `results`: three 32-bit words a name, slot or 0, generation and kind. Throws for a name that is not one. */
  tableFindMany(handle: number, keys: readonly string[], results: Uint8Array): void;
  /** Slot, `INSERT_EXISTS`, `INSERT_FULL`, `KEY_INVALID` or `PAYLOAD_TOO_LARGE`. */
  tableInsert(handle: number, key: string, kind: number, payload: Uint8Array | undefined, parent: number): number;
  /** `results`: two 32-bit words a name, slot or `INSERT_EXISTS` or `INSERT_FULL`, and generation. Throws for a name that is not one, after those before it. */
  tableInsertMany(handle: number, keys: readonly string[], kind: number, parent: number, results: Uint8Array): void;
  tableRemove(handle: number, slot: number, generation: number): boolean;
  tableRehome(handle: number, slot: number, generation: number, thread: number): boolean;
  /** `addresses`: pairs of 32-bit words, slot and generation. Returns how many were removed. */
  tableRemoveMany(handle: number, addresses: Uint8Array): number;
  tableGenerationOf(handle: number, slot: number): number;
  tableThreadOf(handle: number, slot: number, generation: number): number;
  tableKindOf(handle: number, slot: number, generation: number): number;
  tableParentOf(handle: number, slot: number, generation: number): number;
  tableKeyOf(handle: number, slot: number, generation: number): string | undefined;
  tablePayloadOf(handle: number, slot: number, generation: number): Uint8Array | undefined;
  /** Slot, generation, thread and kind of each. `thread` -1: of all. */
  tableEntries(handle: number, thread: number): Float64Array;
  tableInherit(handle: number): Float64Array;
  /** See `native/napi/table_snapshots.cc`. */
  tableStatistics(handle: number): Float64Array;
}

/** What `tableFind` and `tableInsert` return for a name of 0 or more than 1,024 bytes. */
export const KEY_INVALID = -3;
/** What `tableInsert` returns for a payload beyond its limit. */
export const PAYLOAD_TOO_LARGE = -4;

export type LoadedAddon = { readonly addon: NativeAddon; readonly errors?: undefined } | { readonly addon?: undefined; readonly errors: readonly string[] };

/** Tries each place a binary may be in. Loading again in the same process is cheap: Node keeps the module. */
export function loadNativeAddon(): LoadedAddon {
  const require = createRequire(import.meta.url);
  const errors: string[] = [];
  for (const place of [`prebuilds/${process.platform}-${process.arch}/nexus.node`, 'build/Release/nexus.node']) {
    // Compiled, this file is two levels below the root of the package.
    const path = fileURLToPath(new URL(`../../${place}`, import.meta.url));
    try {
      const addon = require(path) as NativeAddon;
      if (addon.layoutVersion === L.VERSION) return { addon };
      errors.push(`${path}: built for layout version ${addon.layoutVersion}, this is ${L.VERSION}`);
    } catch (error) {
      errors.push(`${path}: ${firstLine(error)}`);
    }
  }
  return { errors };
}

function firstLine(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'MODULE_NOT_FOUND') return 'there is no such file';
  return String(message ?? error).split('\n')[0] as string;
}

/**
 * The one place that loads `lmdb` and opens an environment with it. One B-tree, keys and values are bytes; synchronous commits (data and then the meta page reach the disk before
 * a transaction returns), no compression, no cache. `lmdb` is an optional peer dependency: it is loaded when a store is opened, and nowhere else.
 */
import { NexusError } from '../../errors.js';

/** What the store uses of `lmdb`. The package need not be installed for the types of this one to be read. */
export interface Database {
  getBinary(key: Buffer): Buffer | undefined;
  getBinaryFast(key: Buffer): Buffer | undefined;
  getKeys(range: KeyRange): Iterable<Buffer>;
  getRange(range: KeyRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  put(key: Buffer, value: Buffer): unknown;
  remove(key: Buffer): unknown;
  transactionSync<T>(action: () => T): T;
  resetReadTxn(): void;
  getKeysCount(range: KeyRange): number;
  getStats(): TreeStatistics & { readonly pageSize: number; readonly lastPageNumber: number; readonly free: TreeStatistics };
  readerCheck(): number;
  readerList(): string;
  close(): Promise<void>;
}

export interface TreeStatistics {
  readonly treeDepth: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

export interface KeyRange {
  readonly start: Buffer;
  /** Not part of it. */
  readonly end: Buffer;
  readonly limit?: number;
}

interface Lmdb {
  open(options: Record<string, unknown>): Database;
}

/** Address space that is reserved for the map, so that it need not move while it grows. No memory; a process that may not have so much starts small. */
const MAP_BYTES = 2 ** 40;
/** Threads and processes that may read at once. */
const READERS_MAX = 1024;

export async function loadLmdb(): Promise<Lmdb> {
  try {
    return (await import('lmdb' as string)) as Lmdb;
  } catch (cause) {
    throw new NexusError('NEXUS_STORE_UNAVAILABLE', `durable storage needs the package lmdb, which does not load (${messageOf(cause)}): npm install lmdb`, {
      cause,
    });
  }
}

export function openEnvironment(lmdb: Lmdb, path: string): Database {
  const options = {
    path,
    name: null,
    noSubdir: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    cache: false,
    compression: false,
    overlappingSync: false,
    noSync: false,
    maxReaders: READERS_MAX,
  };
  try {
    return lmdb.open({ ...options, mapSize: MAP_BYTES });
  } catch (error) {
    if (!/Cannot allocate memory/i.test(messageOf(error))) throw error;
    return lmdb.open(options);
  }
}

/** Room that is missing: of the system, in words or by code, or of the map. */
export function isFull(error: unknown): boolean {
  return /ENOSPC|EDQUOT|EFBIG|No space left on device|Disk quota exceeded|File too large|MDB_MAP_FULL/i.test(messageOf(error));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The directory of a store before LMDB sees it: `nexus-store.json` says that it is ours, `data.mdb` is the database, `lock.mdb` belongs to LMDB. What is not a store, or not a whole one,
 * is refused here, by reading; nothing is written but the marker of a new store into an empty directory. A marker says `creating` until the meta record is in the database, so that
 * a creation that was interrupted is finished, and a database that was lost is not taken for one.
 */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NexusError } from '../../errors.js';
import { isFull } from './environment.js';
import { checkStart, checkTree } from './tree-check.js';
import { STORE_FORMAT, STORE_FORMAT_VERSIONED } from './records.js';

const MARKER = 'nexus-store.json';
const MAGIC = 'store of nexus-agents';
const DATA = 'data.mdb';
const LOCK = 'lock.mdb';

export interface StoreMarker {
  readonly magic: typeof MAGIC;
  readonly format: number;
  /** Also in the meta record: a database of another store is not taken for this one. */
  readonly storeId: string;
  readonly createdBy: string;
  readonly endianness: string;
  readonly state: 'creating' | 'ready';
}

/**
 * The marker of the store at `path`; of a new one, if there is nothing.
 * @throws NexusError NEXUS_STORE_FOREIGN, NEXUS_STORE_VERSION, NEXUS_STORE_CORRUPT, NEXUS_STORE_FAILED
 */
export function prepareFiles(path: string, fresh: { readonly storeId: string; readonly createdBy: string; readonly endianness: string }): StoreMarker {
  try {
    const found = markerAt(path) ?? create(path, { magic: MAGIC, format: STORE_FORMAT, ...fresh, state: 'creating' });
    checkData(path, found);
    return found;
  } catch (cause) {
    if (cause instanceof NexusError) throw cause;
    const code = isFull(cause) ? 'NEXUS_STORE_FULL' : 'NEXUS_STORE_FAILED';
    throw new NexusError(code, `the store at ${path} cannot be opened: ${(cause as Error).message}`, { cause, data: { path } });
  }
}

/** For the process that has the store alone: a database that somebody writes to looks broken to one that reads its file. */
export function checkPages(path: string): void {
  const fault = checkTree(join(path, DATA));
  if (fault !== undefined) throw corrupt(path, `${DATA} ${fault}`);
}

/** The database has its meta record: from now on it must be there. */
export function markReady(path: string, marker: StoreMarker): void {
  const draft = join(path, `${MARKER}.${process.pid}`);
  writeWhole(draft, marker, 'ready');
  renameSync(draft, join(path, MARKER));
  syncDirectory(path);
}

/** From now on there are versions in it, of which programs that know format 1 only do not know. */
export function markVersioned(path: string): void {
  const marker = markerAt(path);
  if (marker === undefined) throw corrupt(path, `${MARKER} is gone`);
  markReady(path, { ...marker, format: STORE_FORMAT_VERSIONED });
}

function markerAt(path: string): StoreMarker | undefined {
  let names: string[];
  try {
    if (!statSync(path).isDirectory()) throw foreign(path, 'it is a file, and a store is a directory');
    names = readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const others = names.filter((name) => name !== DATA && name !== LOCK && name !== MARKER && !name.startsWith(`${MARKER}.`));
  if (!names.includes(MARKER)) {
    if (others.length > 0) throw foreign(path, `it is a directory with other things in it, such as '${others[0]}'`);
    if (names.includes(DATA) || names.includes(LOCK)) throw foreign(path, `it is an LMDB database without ${MARKER}`);
    return undefined;
  }
  return parseMarker(path, readFileSync(join(path, MARKER), 'utf8'));
}

function parseMarker(path: string, text: string): StoreMarker {
  let marker: Partial<StoreMarker> | null;
  try {
    marker = JSON.parse(text) as Partial<StoreMarker> | null;
  } catch {
    throw corrupt(path, `${MARKER} is not JSON`);
  }
  if (typeof marker !== 'object' || marker === null || marker.magic !== MAGIC) throw foreign(path, `its ${MARKER} is not that of a store`);
  const { format, storeId, state, endianness } = marker;
  if (typeof format === 'number' && format > STORE_FORMAT_VERSIONED) {
    const createdBy = String(marker.createdBy);
    throw new NexusError(
      'NEXUS_STORE_VERSION',
      `the store at ${path} has format ${format} (of nexus-agents ${createdBy}); this version reads up to ${STORE_FORMAT_VERSIONED}: use that version. It was left as it is`,
      {
        data: { path, format, formatMax: STORE_FORMAT_VERSIONED, createdBy },
      },
    );
  }
  if ((format !== STORE_FORMAT && format !== STORE_FORMAT_VERSIONED) || typeof storeId !== 'string' || (state !== 'creating' && state !== 'ready'))
    throw corrupt(path, `${MARKER} has not the fields of format ${STORE_FORMAT} or ${STORE_FORMAT_VERSIONED}`);
  if (endianness !== undefined && endianness !== 'LE' && endianness !== 'BE') throw corrupt(path, `${MARKER} names the endianness '${String(endianness)}'`);
  return marker as StoreMarker;
}

/** Of two processes that create at once one makes the marker, whole, and the other finds it. */
function create(path: string, marker: StoreMarker): StoreMarker {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new NexusError('NEXUS_STORE_FAILED', `the store at ${path} cannot be created: there is no directory ${dirname(path)}; make it first`, {
        cause: error,
        data: { path },
      });
    if (code !== 'EEXIST') throw error;
  }
  const draft = join(path, `${MARKER}.${process.pid}`);
  try {
    writeWhole(draft, marker, 'creating');
    linkSync(draft, join(path, MARKER));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return markerAt(path) as StoreMarker;
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(path);
  syncDirectory(dirname(path));
  return marker;
}

function checkData(path: string, marker: StoreMarker): void {
  if (marker.endianness !== endianness()) throw corrupt(path, `it was written on a machine of the other byte order (${marker.endianness})`);
  const file = join(path, DATA);
  let bytes: number;
  try {
    bytes = statSync(file).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (marker.state === 'ready') throw corrupt(path, `${DATA} is gone`);
    return;
  }
  // Made and not yet written to, by a creation that goes on or was interrupted.
  if (bytes === 0 && marker.state === 'creating') return;
  const fault = checkStart(file);
  if (fault !== undefined) throw corrupt(path, `${DATA} ${fault}`);
}

export function endianness(): 'LE' | 'BE' {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'LE' : 'BE';
}

function writeWhole(file: string, marker: StoreMarker, state: StoreMarker['state']): void {
  const descriptor = openSync(file, 'w', 0o644);
  try {
    writeSync(descriptor, `${JSON.stringify({ ...marker, state }, null, 2)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A name is on disk when its directory is. Windows has no such call, and needs none. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function foreign(path: string, why: string): NexusError {
  return new NexusError('NEXUS_STORE_FOREIGN', `${path} is not a store of Nexus: ${why}. It was left as it is; choose another path or an empty directory`, {
    data: { path },
  });
}

export function corrupt(path: string, why: string): NexusError {
  return new NexusError('NEXUS_STORE_CORRUPT', `the store at ${path} is damaged: ${why}. It was left as it is; restore a backup`, { data: { path } });
}

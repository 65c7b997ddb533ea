/**
 * A store on disk, in a directory of its own: checks or creates it, makes sure that this nexus is the only one that has it open, and starts its writer. `createNexus` opens it on the calling
 * thread; workers open the same store from an attachment. Who owns a store is what LMDB's table of readers says: each process that has it open is in it with a lock of the
 * kernel on its entry, which ends with the process however it ends, so that there is nothing to take over after a crash, and a process id that is used again means nothing.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { NexusError, optionError, valueText } from '../../errors.js';
import type { Storage, StorageAttachment, StorageSource, ThreadStorage } from '../../ports/storage.js';
import { type Database, loadLmdb, messageOf, openEnvironment } from './environment.js';
import type { LmdbAttachment, WriterBoot, WriterCommand, WriterReport } from './protocol.js';
import { META_KEY, RecordType, bodyOf, encodeRecord, isRecord } from './records.js';
import { Room } from './room.js';
import { type StoreMarker, checkPages, corrupt, endianness, markReady, prepareFiles } from './store-files.js';
import { LmdbThread, openError } from './thread.js';

/** How often it is looked again whether the store is free, and the longest wait between: two that open at once see each other and both wait, for times by chance. */
const ATTEMPTS_MAX = 5;
const ATTEMPT_PAUSE_MS_MAX = 80;

export interface LmdbStorageOptions {
  /** Directory of the store. Its parent must exist; it is created if it does not. */
  readonly path: string;
}

export function lmdbStorage(options: LmdbStorageOptions): StorageSource {
  if (typeof options?.path !== 'string' || options.path.length === 0 || options.path.includes('\0'))
    throw optionError('storage.path', `is ${valueText(options.path)}; it must be the path of a directory`);
  const path = resolve(options.path);
  return { description: `LMDB at ${path}`, open: () => openStore(path) };
}

async function openStore(path: string): Promise<Storage> {
  const lmdb = await loadLmdb();
  const fresh = { storeId: randomUUID(), createdBy: versionOfPackage(), endianness: endianness() };
  const marker = prepareFiles(path, fresh);
  const open = (): Database => {
    try {
      return openEnvironment(lmdb, path);
    } catch (error) {
      throw openError(path, error);
    }
  };
  const database = await openAlone(path, open);
  try {
    checkPages(path);
    checkMeta(path, database, marker);
    const commits = new SharedArrayBuffer(4);
    return new LmdbStore(path, open, database, commits, await startWriter({ path, commits, format: marker.format }));
  } catch (error) {
    await database.close();
    throw openError(path, error);
  }
}

/** Reading, even if no more than the statistics, puts this process into the table of readers; then it must be there alone, and once. */
async function openAlone(path: string, open: () => Database): Promise<Database> {
  for (let attempt = 1; ; attempt += 1) {
    const database = open();
    if (!enter(database)) {
      await database.close();
      const who = `a process of another container that has the process id ${process.pid} too`;
      throw new NexusError('NEXUS_STORE_LOCKED', `the store at ${path} seems to be open in ${who}: one nexus owns a store. Stop it, or use another path`, {
        data: { path, pids: [process.pid] },
      });
    }
    database.readerCheck();
    const pids = [...database.readerList().matchAll(/^\s*(\d+)\s/gm)].map((match) => Number(match[1]));
    const others = pids.filter((pid) => pid !== process.pid);
    if (others.length === 0 && pids.length === 1) return database;
    await database.close();
    if (attempt === ATTEMPTS_MAX) {
      const who = others.length === 0 ? 'another nexus of this process' : `process ${[...new Set(others)].join(', ')}`;
      throw new NexusError('NEXUS_STORE_LOCKED', `the store at ${path} is open in ${who}: one nexus owns a store. Stop it, or use another path`, {
        data: { path, pids: others },
      });
    }
    await sleep(1 + Math.random() * ATTEMPT_PAUSE_MS_MAX);
  }
}

/**
 * False if there is no entry to be had, because the lock on the byte of this process id is somebody else's: ids are of a container, and the file is of both. `lmdb` then has a timer that would
 * throw outside of any call; taking its exception now disarms it.
 */
function enter(database: Database): boolean {
  try {
    database.getStats();
    return true;
  } catch (error) {
    if (!/No transaction to renew/.test(messageOf(error))) throw error;
    try {
      database.resetReadTxn();
    } catch (disarmed) {
      if (!(disarmed instanceof TypeError)) throw disarmed;
    }
    return false;
  }
}

function checkMeta(path: string, database: Database, marker: StoreMarker): void {
  const { storeId, format, createdBy } = marker;
  const found = database.getBinary(META_KEY);
  if (found === undefined) {
    if (marker.state === 'ready') throw corrupt(path, 'its database has no meta record');
    const body = Buffer.from(JSON.stringify({ storeId, format, createdBy, endianness: marker.endianness }));
    const room = new Room(path, database);
    try {
      room.take([]);
      database.transactionSync(() => database.put(META_KEY, encodeRecord(RecordType.meta, META_KEY, body)));
    } finally {
      room.close();
    }
  } else if (!isRecord([RecordType.meta], META_KEY, found)) throw corrupt(path, 'the meta record of its database is not what was written');
  else {
    const meta = JSON.parse(bodyOf(found).toString('utf8')) as StoreMarker;
    if (meta.storeId !== storeId) throw corrupt(path, `its database is that of another store (${meta.storeId}, and not ${storeId})`);
  }
  if (marker.state === 'creating') markReady(path, marker);
}

async function startWriter(boot: WriterBoot): Promise<Worker> {
  const worker = new Worker(new URL('./writer.js', import.meta.url), { workerData: boot, name: 'nexus store' });
  const [report] = (await once(worker, 'message')) as [WriterReport];
  if (report.type !== 'ready') throw new Error(`the writer reported '${report.type}' first`);
  worker.unref();
  return worker;
}

class LmdbStore implements Storage {
  readonly description: string;
  readonly #path: string;
  readonly #open: () => Database;
  /** Held open for its entry in the table of readers. */
  readonly #database: Database;
  readonly #commits: SharedArrayBuffer;
  readonly #writer: Worker;
  readonly #threads: ThreadStorage[] = [];
  readonly #writerEnd: Promise<unknown>;
  #closed: Promise<void> | undefined;

  constructor(path: string, open: () => Database, database: Database, commits: SharedArrayBuffer, writer: Worker) {
    this.description = `LMDB at ${path}`;
    this.#path = path;
    this.#open = open;
    this.#database = database;
    this.#commits = commits;
    this.#writer = writer;
    // An error of the writer also ends its ports, which is how the threads learn of it.
    writer.on('error', () => undefined);
    this.#writerEnd = new Promise((ended) => writer.once('exit', ended));
  }

  openThread(): ThreadStorage {
    const thread = new LmdbThread(this.#open(), this.#path, this.#connect(), this.#commits);
    this.#threads.push(thread);
    return thread;
  }

  attachment(): StorageAttachment {
    const port = this.#connect();
    const data: LmdbAttachment = { path: this.#path, port, commits: this.#commits };
    return { module: new URL('./thread.js', import.meta.url).href, data, transferList: [port] };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #connect(): MessagePort {
    if (this.#closed !== undefined)
      throw new NexusError('NEXUS_STORE_FAILED', `the store at ${this.#path} is closed: the nexus has stopped`, { data: { path: this.#path } });
    const { port1, port2 } = new MessageChannel();
    this.#tell({ type: 'connect', port: port1 }, [port1]);
    return port2;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
    this.#writer.ref();
    this.#tell({ type: 'close' }, []);
    await this.#writerEnd;
    await this.#database.close();
  }

  #tell(command: WriterCommand, transferList: MessagePort[]): void {
    this.#writer.postMessage(command, transferList);
  }
}

function versionOfPackage(): string {
  try {
    return (JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
  } catch (error) {
    return `unknown (${messageOf(error)})`;
  }
}

/**
 * A disk of a simulated node, as bytes: files and a directory, what the operating system only has in its cache, and what is on the medium. A write is seen by whoever reads at
 * once, and is on the medium when a `sync` that was called after it is done; names likewise after `syncDirectory`. A crash leaves what is on the medium, and of the rest what the
 * faults say, sector by sector. Chance is a stream that is given, time is a timer that is given: the same calls on the same stream give the same bytes. It is not a file
 * system: no folders, no permissions. `simulated-storage.ts` and `simulated-node-state.ts` keep their files on it.
 */

/** What is written whole or not at all. */
export const SECTOR_BYTES = 512;

/** What the disk does wrong, and how often: chances from 0 to 1 for each call. May be changed at any time. */
export interface DiskFaults {
  /** That a read fails. */
  readErrors: number;
  /** That a write fails; its first sectors may be there. */
  writeErrors: number;
  /** That a sync fails: what it was to write is then on the medium or not, sector by sector, and is not tried again. */
  syncErrors: number;
  /** That a bit somewhere on the medium changes while a sync is done. */
  bitFlips: number;
  /** That a sync takes `slowSyncMs` instead of `syncMs`. */
  slowSyncs: number;
  syncMs: number;
  slowSyncMs: number;
  /** No room for anything longer than it is. */
  full: boolean;
  /**
   * What a crash leaves of what was not synced: `kept`, all of it, as when only the process dies; `lost`, nothing; `some`, each write whole or not, whatever their order;
   * `torn`, each sector of each write or not.
   */
  atCrash: 'kept' | 'lost' | 'some' | 'torn';
}

export const NO_DISK_FAULTS: DiskFaults = {
  readErrors: 0,
  writeErrors: 0,
  syncErrors: 0,
  bitFlips: 0,
  slowSyncs: 0,
  syncMs: 1,
  slowSyncMs: 500,
  full: false,
  atCrash: 'kept',
};

/** A fault that has come to pass. `lostWrite`, `reorderedWrite` (a later one is there, an earlier one of the same file is not) and `tornWrite` are seen at a crash. */
export type DiskEvent = 'readError' | 'writeError' | 'syncError' | 'bitFlip' | 'slowSync' | 'full' | 'lostWrite' | 'reorderedWrite' | 'tornWrite';

export interface SimulatedDiskOptions {
  /** 0 ≤ x < 1, of this disk alone. */
  readonly random: () => number;
  /** Of the clock that disks go by: they go on while a node is paused. */
  readonly after: (delayMs: number, callback: () => void) => unknown;
  /** Bytes of all files together. Default 1 GiB. */
  readonly capacityBytes?: number;
  readonly faults?: Partial<DiskFaults>;
  /** Told of each fault when it comes to pass. */
  readonly onEvent?: (event: DiskEvent, file: string) => void;
}

/** What a call of the disk failed with, as the operating system would say it. */
export class DiskError extends Error {
  readonly code: 'EIO' | 'ENOSPC' | 'ENOENT';

  constructor(code: 'EIO' | 'ENOSPC' | 'ENOENT', message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

interface PendingWrite {
  readonly number: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What a name stands for: it stays the same when it is renamed. */
class DiskFile {
  readonly cached = new GrowingBytes();
  readonly medium = new GrowingBytes();
  pending: PendingWrite[] = [];
}

interface DirectoryChange {
  readonly name: string;
  readonly file: DiskFile | undefined;
}

export class SimulatedDisk {
  readonly faults: DiskFaults;
  readonly #random: () => number;
  readonly #after: (delayMs: number, callback: () => void) => unknown;
  readonly #capacityBytes: number;
  readonly #onEvent: (event: DiskEvent, file: string) => void;
  #names = new Map<string, DiskFile>();
  #namesOnMedium = new Map<string, DiskFile>();
  /** Each group takes effect whole: a rename is the end of one name and the beginning of another. */
  #directoryChanges: (readonly DirectoryChange[])[] = [];
  #writes = 0;
  #lives = 1;
  readonly #locks = new Set<string>();

  constructor({ random, after, capacityBytes = 2 ** 30, faults, onEvent = () => undefined }: SimulatedDiskOptions) {
    this.faults = { ...NO_DISK_FAULTS, ...faults };
    this.#random = random;
    this.#after = after;
    this.#capacityBytes = capacityBytes;
    this.#onEvent = onEvent;
  }

  /** Grows with each crash: who has the number of an earlier one is dead. */
  get life(): number {
    return this.#lives;
  }

  /** Of all files, with what is only in the cache. */
  get usedBytes(): number {
    let bytes = 0;
    for (const file of new Set(this.#names.values())) bytes += file.cached.length;
    return bytes;
  }

  /** Names of the files, in order. */
  list(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  sizeOf(name: string): number {
    return this.#file(name).cached.length;
  }

  /** A copy of the bytes there, fewer where the file ends. @throws DiskError EIO, ENOENT */
  read(name: string, offset = 0, length = Number.MAX_SAFE_INTEGER): Uint8Array {
    const file = this.#file(name);
    if (this.#happens(this.faults.readErrors)) throw this.#error('readError', name, 'EIO', `the disk could not read ${name}`);
    return file.cached.read(offset, Math.min(length, Math.max(0, file.cached.length - offset)));
  }

  /** Makes the file if there is none. The bytes are copied. @throws DiskError EIO, ENOSPC; the first sectors of the bytes may be there then. */
  write(name: string, offset: number, bytes: Uint8Array): void {
    const file = this.#names.get(name) ?? this.#create(name);
    if (this.#happens(this.faults.writeErrors)) {
      this.#put(file, offset, wholeSectors(offset, bytes, Math.floor(this.#random() * bytes.length)));
      throw this.#error('writeError', name, 'EIO', `the disk could not write ${name}`);
    }
    const growth = Math.max(0, offset + bytes.length - file.cached.length);
    const room = this.faults.full ? 0 : this.#capacityBytes - this.usedBytes;
    if (growth > room) {
      this.#put(file, offset, wholeSectors(offset, bytes, bytes.length - growth + Math.max(0, room)));
      throw this.#error('full', name, 'ENOSPC', `no room for ${growth} more bytes of ${name}`);
    }
    this.#put(file, offset, bytes);
  }

  append(name: string, bytes: Uint8Array): void {
    this.write(name, this.#names.get(name)?.cached.length ?? 0, bytes);
  }

  /** At once and whole for whoever looks; on the medium after `syncDirectory`. Replaces what has that name. @throws DiskError ENOENT */
  rename(from: string, to: string): void {
    const file = this.#file(from);
    this.#change([
      { name: from, file: undefined },
      { name: to, file },
    ]);
  }

  /** Nothing, if there is none. */
  remove(name: string): void {
    if (this.#names.has(name)) this.#change([{ name, file: undefined }]);
  }

  /** Resolves when all that was written to the file before is on the medium. Never settles when there is a crash before. Rejects with a DiskError EIO or ENOENT. */
  async sync(name: string): Promise<void> {
    const file = this.#file(name);
    const through = this.#writes;
    const slow = this.#happens(this.faults.slowSyncs);
    if (slow) this.#onEvent('slowSync', name);
    await this.#wait(slow ? this.faults.slowSyncMs : this.faults.syncMs);
    const covered = file.pending.filter(({ number }) => number <= through);
    file.pending = file.pending.filter(({ number }) => number > through);
    if (this.#happens(this.faults.syncErrors)) {
      for (const write of covered) for (const part of sectorsOf(write)) if (this.#random() < 0.5) file.medium.write(part.offset, part.bytes);
      throw this.#error('syncError', name, 'EIO', `the disk could not sync ${name}`);
    }
    for (const { offset, bytes } of covered) file.medium.write(offset, bytes);
    if (this.#happens(this.faults.bitFlips)) this.flipBit();
  }

  /** From now on what is read is what is on the medium, and what was written since the last sync: not what a sync that failed has left in the cache only. @throws DiskError ENOENT */
  forgetCache(name: string): void {
    const file = this.#file(name);
    file.cached.become(file.medium);
    for (const { offset, bytes } of file.pending) file.cached.write(offset, bytes);
  }

  /** Resolves when all names are on the medium as they were when it was called. */
  async syncDirectory(): Promise<void> {
    const covered = this.#directoryChanges.length;
    const changes = this.#directoryChanges.slice(0, covered);
    await this.#wait(this.faults.syncMs);
    const done = changes.filter((change) => this.#directoryChanges.includes(change));
    for (const change of done) apply(this.#namesOnMedium, change);
    this.#directoryChanges = this.#directoryChanges.filter((change) => !done.includes(change));
  }

  /** On a later turn of the node, in the same life. */
  turn(): Promise<void> {
    return this.#wait(0);
  }

  /** For one owner in one life: false if somebody has it. */
  lock(name: string): boolean {
    if (this.#locks.has(name)) return false;
    this.#locks.add(name);
    return true;
  }

  unlock(name: string): void {
    this.#locks.delete(name);
  }

  /** The machine, or with `faults.atCrash` of `kept` only the process, ends now. What waits never settles; what is left is what the next life finds. */
  crash(): void {
    this.#lives += 1;
    this.#locks.clear();
    const kept =
      this.faults.atCrash === 'kept' ? this.#directoryChanges.length : this.faults.atCrash === 'lost' ? 0 : this.#upTo(this.#directoryChanges.length);
    for (const change of this.#directoryChanges.slice(0, kept)) apply(this.#namesOnMedium, change);
    const nameOf = new Map([...this.#names, ...this.#namesOnMedium].map(([name, file]) => [file, name]));
    this.#directoryChanges = [];
    this.#names = new Map(this.#namesOnMedium);
    for (const file of new Set(this.#names.values())) {
      this.#settle(file, nameOf.get(file) as string);
      file.pending = [];
      file.cached.become(file.medium);
    }
  }

  /** All is gone: another disk in the same place. For a node that is down. */
  erase(): void {
    this.#names.clear();
    this.#namesOnMedium.clear();
    this.#directoryChanges = [];
  }

  /** A bit of the medium changes: of the file of this name, or of any. The cache forgets what it had there. False if nothing is on the medium. */
  flipBit(name?: string, atBit?: number): boolean {
    const files = [...this.#namesOnMedium].filter(([other, file]) => file.medium.length > 0 && (name === undefined || other === name));
    const chosen = files[this.#upTo(files.length - 1)];
    if (chosen === undefined) return false;
    const [flipped, file] = chosen;
    const bit = atBit ?? Math.floor(this.#random() * file.medium.length * 8);
    file.medium.flip(bit);
    file.cached.flip(bit);
    this.#onEvent('bitFlip', flipped);
    return true;
  }

  #file(name: string): DiskFile {
    const file = this.#names.get(name);
    if (file === undefined) throw new DiskError('ENOENT', `there is no file ${name}`);
    return file;
  }

  #create(name: string): DiskFile {
    const file = new DiskFile();
    this.#change([{ name, file }]);
    return file;
  }

  #change(change: readonly DirectoryChange[]): void {
    apply(this.#names, change);
    this.#directoryChanges.push(change);
  }

  #put(file: DiskFile, offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#writes += 1;
    file.cached.write(offset, bytes);
    file.pending.push({ number: this.#writes, offset, bytes: new Uint8Array(bytes) });
  }

  /** What a crash leaves of the writes that nobody synced. */
  #settle(file: DiskFile, name: string): void {
    const { atCrash } = this.faults;
    let lostBefore = false;
    for (const write of file.pending) {
      const parts = atCrash === 'torn' ? sectorsOf(write) : [write];
      const left = parts.filter(() => atCrash === 'kept' || (atCrash !== 'lost' && this.#random() < 0.5));
      for (const { offset, bytes } of left) file.medium.write(offset, bytes);
      if (left.length > 0 && lostBefore) this.#onEvent('reorderedWrite', name);
      if (left.length > 0 && left.length < parts.length) this.#onEvent('tornWrite', name);
      if (left.length === 0) this.#onEvent('lostWrite', name);
      lostBefore ||= left.length < parts.length;
    }
  }

  #wait(delayMs: number): Promise<void> {
    const life = this.#lives;
    return new Promise((resolve) => this.#after(delayMs, () => life === this.#lives && resolve()));
  }

  /** No chance is taken for what never happens. */
  #happens(chance: number): boolean {
    return chance > 0 && this.#random() < chance;
  }

  #upTo(max: number): number {
    return max <= 0 ? 0 : Math.floor(this.#random() * (max + 1));
  }

  #error(event: DiskEvent, file: string, code: 'EIO' | 'ENOSPC', message: string): DiskError {
    this.#onEvent(event, file);
    return new DiskError(code, message);
  }
}

function apply(names: Map<string, DiskFile>, change: readonly DirectoryChange[]): void {
  for (const { name, file } of change) {
    if (file === undefined) names.delete(name);
    else names.set(name, file);
  }
}

function sectorsOf({ offset, bytes }: PendingWrite): { readonly offset: number; readonly bytes: Uint8Array }[] {
  const parts: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + SECTOR_BYTES - ((offset + start) % SECTOR_BYTES));
    parts.push({ offset: offset + start, bytes: bytes.subarray(start, end) });
    start = end;
  }
  return parts;
}

/** As much of the bytes as ends with a sector, and is not more than that. */
function wholeSectors(offset: number, bytes: Uint8Array, lengthMax: number): Uint8Array {
  const end = Math.floor((offset + Math.max(0, lengthMax)) / SECTOR_BYTES) * SECTOR_BYTES;
  return bytes.subarray(0, Math.max(0, end - offset));
}

/** Zero where nothing was written. */
class GrowingBytes {
  #bytes: Uint8Array = new Uint8Array(0);
  length = 0;

  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, offset + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, offset);
    this.length = Math.max(this.length, end);
  }

  become(other: GrowingBytes): void {
    this.#bytes = other.read(0, other.length);
    this.length = other.length;
  }

  flip(bit: number): void {
    const at = Math.floor(bit / 8);
    if (at < this.length) this.#bytes[at] = (this.#bytes[at] as number) ^ (1 << (bit % 8));
  }
}

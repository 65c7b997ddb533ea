/**
 * The file of a simulated store: two marks that say how far the log is committed, each in a sector of its own, and records behind each other. A batch is there when a mark that
 * covers it is on the disk; what lies behind the mark is the tail of a write that was never finished, and the next one takes its place. One bit that changed is found wherever
 * it is, and put right where it would hide whose record it is; in the value it makes that record unreadable, and no other. Bytes only; what they mean is `simulated-storage.ts`.
 *
 *     mark    0  u32 magic    4 f64 number   12 f64 end of the log   20 u32 CRC-32 of the bytes 0 to 19
 *     record  0  u32 magic    4 u8 what it is   5 u32 bytes of the name   9 u32 bytes of the value   13 u32 CRC-32 of the bytes 0 to 12
 *             17 u32 CRC-32 of the name   21 u32 CRC-32 of the bytes 0 to 20 and the value   25 name, value
 */
import { crc32 } from 'node:zlib';
import { NexusError } from '../../errors.js';
import { DiskError, SECTOR_BYTES, type SimulatedDisk } from './simulated-disk.js';

const MARK_MAGIC = 0x4e58_4d31;
const RECORD_MAGIC = 0x4e58_5231;
const MARK_BYTES = 24;
const HEAD_BYTES = 25;
const LOG_START = 2 * SECTOR_BYTES;

/** Where a record is in the file. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

export interface LogRecord extends RecordPlace {
  readonly type: number;
  readonly name: Buffer;
}

export class SimulatedLog {
  readonly #disk: SimulatedDisk;
  readonly #file: string;
  #end: number;
  #markNumber: number;
  /** Where the next record goes: behind the committed end while a batch is being written. */
  #position: number;

  private constructor(disk: SimulatedDisk, file: string, mark: { readonly number: number; readonly end: number }) {
    this.#disk = disk;
    this.#file = file;
    this.#markNumber = mark.number;
    this.#end = mark.end;
    this.#position = mark.end;
  }

  /** Makes the file if there is none, whole or not at all. @throws NexusError NEXUS_STORE_CORRUPT; what the disk throws */
  static async open(disk: SimulatedDisk, file: string): Promise<SimulatedLog> {
    if (!disk.has(file)) {
      const fresh = `${file}.new`;
      for (const slot of [0, 1]) disk.write(fresh, slot * SECTOR_BYTES, markBytes(slot, LOG_START));
      await disk.sync(fresh);
      disk.rename(fresh, file);
      await disk.syncDirectory();
    }
    // Whoever opens the store relies on what it finds: a crash must not bring back, or take away, what only the cache knew otherwise.
    await disk.sync(file);
    disk.forgetCache(file);
    const marks = [0, 1].map((slot) => readMark(Buffer.from(disk.read(file, slot * SECTOR_BYTES, MARK_BYTES))));
    const [first, second] = marks;
    // A sector is written whole or not at all: a mark that cannot be read has changed since, and might be the later one.
    if (first === undefined || second === undefined) throw corrupt(file, 'the mark of its end');
    return new SimulatedLog(disk, file, first.number > second.number ? first : second);
  }

  get bytes(): number {
    return this.#end;
  }

  /** Heads and names of all records; values are not looked at. @throws NexusError NEXUS_STORE_CORRUPT if it cannot be told whose a record is */
  *records(): Generator<LogRecord> {
    const whole = Buffer.from(this.#disk.read(this.#file, 0, this.#end));
    for (let offset = LOG_START; offset < this.#end; ) {
      const head = repaired(whole.subarray(offset, offset + HEAD_BYTES), isHead);
      if (head === undefined || offset + lengthOf(head) > this.#end) throw corrupt(this.#file, `the record at byte ${offset}`);
      const sum = head.readUInt32LE(17);
      const stored = whole.subarray(offset + HEAD_BYTES, offset + HEAD_BYTES + head.readUInt32LE(5));
      // Either the name has changed, or its checksum.
      const name = repaired(stored, (bytes) => crc32(bytes) === sum) ?? (bitsApart(crc32(stored), sum) === 1 ? stored : undefined);
      if (name === undefined) throw corrupt(this.#file, `the name of the record at byte ${offset}`);
      const length = lengthOf(head);
      yield { offset, length, type: head[4] as number, name };
      offset += length;
    }
  }

  /** The value, or undefined if the record is not what was written. @throws DiskError */
  valueAt({ offset, length }: RecordPlace): Buffer | undefined {
    const bytes = Buffer.from(this.#disk.read(this.#file, offset, length));
    if (bytes.length < HEAD_BYTES || !isHead(bytes) || lengthOf(bytes) !== length) return undefined;
    const valueStart = HEAD_BYTES + bytes.readUInt32LE(5);
    const intact =
      crc32(bytes.subarray(HEAD_BYTES, valueStart)) === bytes.readUInt32LE(17) &&
      crc32(bytes.subarray(valueStart), crc32(bytes.subarray(0, 21))) === bytes.readUInt32LE(21);
    return intact ? bytes.subarray(valueStart) : undefined;
  }

  /** Writes records behind those that are not committed yet. What of them is there after an error is written over by the next. @throws DiskError */
  append(records: readonly { readonly type: number; readonly name: Buffer; readonly value: Uint8Array }[]): readonly RecordPlace[] {
    const encoded = records.map(({ type, name, value }) => recordBytes(type, name, value));
    this.#disk.write(this.#file, this.#position, Buffer.concat(encoded));
    return encoded.map(({ length }) => {
      const place = { offset: this.#position, length };
      this.#position += length;
      return place;
    });
  }

  /**
   * Resolves when all that was appended is there. Rejects when it is not, and never will be, with the error of the disk; or with one of which `isUncertain` is true, when the
   * disk could not be told to forget it either: the log then cannot be written any more, and what was appended may be there when it is opened again.
   */
  async commit(): Promise<void> {
    const position = this.#position;
    try {
      await this.#disk.sync(this.#file);
    } catch (error) {
      // No mark covers it: it is not there.
      this.#position = this.#end;
      throw error;
    }
    try {
      await this.#mark(position);
    } catch (error) {
      await this.#takeBack(error);
      this.#position = this.#end;
      throw error;
    }
    this.#end = position;
  }

  /** Whether the mark got to the disk is not known: marks with higher numbers and the old end are written until one is there. */
  async #takeBack(because: unknown): Promise<void> {
    for (let tries = 0; tries < 5; tries++) {
      try {
        await this.#mark(this.#end);
        return;
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
      }
    }
    throw Object.assign(new Error('whether the last batch is there cannot be known', { cause: because }), { [UNCERTAIN]: true });
  }

  async #mark(end: number): Promise<void> {
    this.#markNumber += 1;
    this.#disk.write(this.#file, (this.#markNumber % 2) * SECTOR_BYTES, markBytes(this.#markNumber, end));
    await this.#disk.sync(this.#file);
  }
}

const UNCERTAIN = Symbol('uncertain');

export function isUncertain(error: unknown): boolean {
  return error instanceof Error && UNCERTAIN in error;
}

function markBytes(number: number, end: number): Buffer {
  const bytes = Buffer.alloc(MARK_BYTES);
  bytes.writeUInt32LE(MARK_MAGIC, 0);
  bytes.writeDoubleLE(number, 4);
  bytes.writeDoubleLE(end, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 20)), 20);
  return bytes;
}

function readMark(stored: Buffer): { readonly number: number; readonly end: number } | undefined {
  const mark = repaired(
    stored,
    (bytes) => bytes.length === MARK_BYTES && bytes.readUInt32LE(0) === MARK_MAGIC && bytes.readUInt32LE(20) === crc32(bytes.subarray(0, 20)),
  );
  return mark && { number: mark.readDoubleLE(4), end: mark.readDoubleLE(12) };
}

function recordBytes(type: number, name: Buffer, value: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(RECORD_MAGIC, 0);
  head[4] = type;
  head.writeUInt32LE(name.length, 5);
  head.writeUInt32LE(value.length, 9);
  head.writeUInt32LE(crc32(head.subarray(0, 13)), 13);
  head.writeUInt32LE(crc32(name), 17);
  head.writeUInt32LE(crc32(value, crc32(head.subarray(0, 21))), 21);
  return Buffer.concat([head, name, value]);
}

const isHead = (bytes: Buffer): boolean =>
  bytes.length >= HEAD_BYTES && bytes.readUInt32LE(0) === RECORD_MAGIC && bytes.readUInt32LE(13) === crc32(bytes.subarray(0, 13));
const lengthOf = (head: Buffer): number => HEAD_BYTES + head.readUInt32LE(5) + head.readUInt32LE(9);

/** The bytes, with one bit put right where that makes them what they were. */
function repaired(bytes: Buffer, isRight: (bytes: Buffer) => boolean): Buffer | undefined {
  if (isRight(bytes)) return bytes;
  const copy = Buffer.from(bytes);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
    if (isRight(copy)) return copy;
    copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
  }
  return undefined;
}

function bitsApart(a: number, b: number): number {
  let count = 0;
  for (let rest = (a ^ b) >>> 0; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

function corrupt(file: string, what: string): NexusError {
  return new NexusError('NEXUS_STORE_CORRUPT', `${what} in the simulated store ${file} is not what was written: more than one bit of it has changed`, {
    data: { file },
  });
}

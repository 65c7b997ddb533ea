/**
 * Reads the pages of an LMDB database (data format 2, of lmdb-js 3) by ordinary reads, and says what is wrong with them: LMDB itself trusts its pages, and a page that is not there ends the process
 * that maps the file (SIGBUS). Checked are the meta pages, and of every page that the newest one reaches down to the leaves: that it is in the file, is the page it should be, and that its
 * nodes lie within it. What the values say is not looked at: records have checksums of their own. Called when a store is opened. A file larger than `LEAVES_BYTES_MAX` is checked
 * down to the branches, which name the leaves and so show whether they are in the file: a check of all leaves would read the whole file.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MAGIC = 0xbeef_c0de;
const DATA_VERSION = 2;
const HEADER_BYTES = 24;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
const BRANCH = 0x01;
const LEAF = 0x02;
const META = 0x08;
const BIG_DATA = 0x01;
const DEPTH_MAX = 32;
/** Reading this takes about a second. */
const LEAVES_BYTES_MAX = 256 * 1024 * 1024;

/** Whether it is a database at all. What is wrong, as the end of a sentence about the file; undefined: nothing was found. Harmless while others write. */
export function checkStart(file: string): string | undefined {
  return withCheck(file, (check) => {
    const start = check.start();
    return typeof start === 'string' ? start : undefined;
  });
}

/** Whether all that it reaches is there. Only while nobody writes. */
export function checkTree(file: string): string | undefined {
  return withCheck(file, (check) => check.trees());
}

function withCheck(file: string, run: (check: TreeCheck) => string | undefined): string | undefined {
  const descriptor = openSync(file, 'r');
  try {
    return run(new TreeCheck(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

interface Meta {
  readonly pageBytes: number;
  readonly transaction: bigint;
  /** Of the free list and of the data. */
  readonly trees: readonly { readonly root: bigint; readonly depth: number }[];
}

class TreeCheck {
  readonly #descriptor: number;
  readonly #bytes: number;
  #pageBytes = 4096;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#bytes = fstatSync(descriptor).size;
  }

  /** The newer one of the two meta pages. */
  start(): Meta | string {
    const first = this.#meta(0, 4096);
    if (typeof first === 'string') return first;
    const second = this.#meta(first.pageBytes, first.pageBytes);
    if (typeof second === 'string') return second;
    return second.transaction > first.transaction ? second : first;
  }

  trees(): string | undefined {
    const start = this.start();
    if (typeof start === 'string') return start;
    this.#pageBytes = start.pageBytes;
    for (const { root, depth } of start.trees) {
      if (root === NO_PAGE) continue;
      if (depth < 1 || depth > DEPTH_MAX) return `names a tree of ${depth} levels`;
      const fault = this.#walk(root, depth);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #meta(offset: number, bytes: number): Meta | string {
    const page = Buffer.alloc(bytes);
    if (readSync(this.#descriptor, page, 0, bytes, offset) < 168) return `ends within its first pages (${this.#bytes} bytes)`;
    if ((page.readUInt16LE(18) & META) === 0 || page.readUInt32LE(24) !== MAGIC) return 'does not start with the pages of a database';
    const version = page.readUInt16LE(28);
    if (version !== DATA_VERSION) return `has the data format ${version} of LMDB, and not ${DATA_VERSION}`;
    const pageBytes = page.readUInt32LE(48);
    if (pageBytes < 256 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) return `has pages of ${pageBytes} bytes`;
    const tree = (start: number): Meta['trees'][number] => ({ root: page.readBigUInt64LE(start + 40), depth: page.readUInt16LE(start + 6) });
    return { pageBytes, transaction: page.readBigUInt64LE(152), trees: [tree(48), tree(96)] };
  }

  /** `depth` levels, this one included: the last is of leaves. */
  #walk(number: bigint, depth: number): string | undefined {
    const offset = Number(number) * this.#pageBytes;
    if (offset + this.#pageBytes > this.#bytes) return `is cut off: page ${number} is behind its end (${this.#bytes} bytes)`;
    if (depth === 1 && this.#bytes > LEAVES_BYTES_MAX) return undefined;
    const page = Buffer.allocUnsafe(this.#pageBytes);
    if (readSync(this.#descriptor, page, 0, this.#pageBytes, offset) < this.#pageBytes) return `is cut off at page ${number}`;
    const kind = depth === 1 ? LEAF : BRANCH;
    const lower = page.readUInt16LE(20);
    const room = this.#pageBytes - HEADER_BYTES;
    if (page.readBigUInt64LE(0) !== number || (page.readUInt16LE(18) & (BRANCH | LEAF | META)) !== kind || lower > room || lower % 2 !== 0)
      return `has bytes at page ${number} that are not that page`;
    for (let pointer = HEADER_BYTES; pointer < HEADER_BYTES + lower; pointer += 2) {
      const start = page.readUInt16LE(pointer);
      if (start < lower || start + 8 > room) return `has a node outside of page ${number}`;
      const fault = kind === BRANCH ? this.#branch(page, start + HEADER_BYTES, depth) : this.#leaf(page, start + HEADER_BYTES, number);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #branch(page: Buffer, node: number, depth: number): string | undefined {
    const child = BigInt(page.readUInt32LE(node)) | (BigInt(page.readUInt16LE(node + 4)) << 32n);
    return this.#walk(child, depth - 1);
  }

  #leaf(page: Buffer, node: number, number: bigint): string | undefined {
    const bytes = page.readUInt32LE(node);
    const data = node + 8 + page.readUInt16LE(node + 6);
    const isBig = (page.readUInt16LE(node + 4) & BIG_DATA) !== 0;
    if (data + (isBig ? HEADER_BYTES : bytes) > this.#pageBytes) return `has a node outside of page ${number}`;
    if (!isBig) return undefined;
    const end = Number(page.readBigUInt64LE(data)) * this.#pageBytes + HEADER_BYTES + bytes;
    return end > this.#bytes ? `is cut off: a value of page ${number} ends behind its end (${this.#bytes} bytes)` : undefined;
  }
}

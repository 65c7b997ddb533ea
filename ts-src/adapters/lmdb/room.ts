/**
 * Room in the data file, taken before LMDB writes to it. LMDB 1.0 as of lmdb 3.5 does not survive a write that fails for want of room (it corrupts the heap of the process), and a file that
 * has its blocks already never fails so. So the file is kept longer than what is used of it: zeros are written behind its end, by calls whose failure is an ordinary error, and
 * LMDB fills them with pages. A commit into room that exists is also one whose fsync changes no metadata of the file. On file systems that never write in place
 * (btrfs, ZFS) room that was taken is no promise. Called by whoever has a transaction to make: the writer, and the thread that creates a store.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Operation, type StoreOperation } from './batch-bytes.js';
import type { Database, TreeStatistics } from './environment.js';

/** What is always kept: for the list of free pages, and for what `pagesFor` cannot know, which is how many events a snapshot removes. */
const SPARE_PAGES = 256;
/** The file grows by this, if there is room for it. */
const GROWTH_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(256 * 1024);
/** Records that an operation touches, by its number: a reminder has its place in time too, and may replace one; a deleted agent has one that is counted on. */
const RECORDS_TOUCHED: Readonly<Record<number, number>> = {
  [Operation.snapshot]: 1,
  [Operation.event]: 2,
  [Operation.delete]: 4,
  [Operation.setReminder]: 4,
  [Operation.clearReminder]: 2,
  [Operation.version]: 1,
  [Operation.drop]: 5,
};

export class Room {
  readonly #descriptor: number;
  readonly #database: Database;

  constructor(path: string, database: Database) {
    this.#descriptor = openSync(join(path, 'data.mdb'), 'r+');
    this.#database = database;
  }

  /** Makes sure that the file has room for these operations. @throws the error of the system if it does not get it; the file is as long as before then. */
  take(operations: readonly StoreOperation[]): void {
    this.#database.resetReadTxn();
    const statistics = this.#database.getStats();
    const { pageSize, lastPageNumber, free, treeDepth, treeBranchPageCount, treeLeafPageCount } = statistics;
    const pages = pagesFor(operations, {
      pageSize,
      treeDepth,
      leafPages: treeLeafPageCount,
      branchPages: treeBranchPageCount,
      freePages: lastPageNumber - 1 - pagesOf(statistics) - pagesOf(free),
    });
    const bytes = fstatSync(this.#descriptor).size;
    const end = (lastPageNumber + 1 + pages) * pageSize;
    if (end <= bytes) return;
    try {
      this.#extend(bytes, Math.ceil(end / GROWTH_BYTES) * GROWTH_BYTES);
    } catch {
      // Less than it would like to have.
      this.#extend(bytes, end);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #extend(from: number, to: number): void {
    try {
      for (let position = from; position < to; ) position += writeSync(this.#descriptor, ZEROS, 0, Math.min(ZEROS.length, to - position), position);
    } catch (error) {
      // What lies behind was never a page.
      ftruncateSync(this.#descriptor, from);
      throw error;
    }
  }
}

const treePagesOf = ({ treeBranchPageCount, treeLeafPageCount }: TreeStatistics): number => treeBranchPageCount + treeLeafPageCount;
const pagesOf = (tree: TreeStatistics): number => treePagesOf(tree) + tree.overflowPages;

/**
 * At most so many pages are written behind the last one. Each record that is touched has its path from the root copied, and each page there is may be split once because it was
 * full; beyond that a page splits when half of one has been added. Half of the free pages are counted on for these: those of the last transactions may still be read by somebody.
 * Values that have several pages need them in a row, which no number of free ones promises. What only removes gets by with half of what is kept for it.
 */
export function pagesFor(
  operations: readonly StoreOperation[],
  store: { readonly pageSize: number; readonly treeDepth: number; readonly leafPages: number; readonly branchPages: number; readonly freePages: number },
): number {
  let records = 0;
  let bytes = 0;
  let single = 0;
  let inRow = 0;
  let removesOnly = true;
  for (const { operation, fields } of operations) {
    if (operation !== Operation.delete && operation !== Operation.clearReminder && operation !== Operation.drop) removesOnly = false;
    records += RECORDS_TOUCHED[operation] ?? 0;
    for (const field of fields) {
      if (field.length > store.pageSize - 64) inRow += Math.ceil(field.length / store.pageSize) + 1;
      else if (field.length > store.pageSize / 4) single += 2;
      else bytes += field.length + 16;
    }
  }
  const copied = Math.min(records, store.leafPages) + Math.min(records * store.treeDepth, store.branchPages);
  const anywhere = 2 * copied + Math.ceil((4 * bytes) / store.pageSize) + single;
  return Math.max(0, anywhere - Math.floor(store.freePages / 2)) + inRow + (removesOnly ? SPARE_PAGES / 2 : SPARE_PAGES);
}

/** What became of a file, from one look to the next: a decision over values. The looks are those of `file-sensor.ts`. */
import type { FileStatus } from '../ports/sensing.js';

export type FileChange = 'created' | 'changed' | 'removed';

export interface FileHistory {
  /** As last reported, or first seen; undefined if it was not there. */
  readonly known: FileStatus | undefined;
  /** Something else, which may be on its way to yet another: a file is written in many steps. */
  readonly unsettled: { readonly status: FileStatus | undefined; readonly sinceMs: number } | undefined;
}

/**
 * @param history undefined at the first look, which only says what is there
 * @param settleMs for so long a file has to stay as it is before its change is reported
 */
export function observeFile(
  history: FileHistory | undefined,
  status: FileStatus | undefined,
  nowMs: number,
  settleMs: number,
): { readonly history: FileHistory; readonly change: FileChange | undefined } {
  if (history === undefined || isSame(history.known, status)) return { history: { known: status, unsettled: undefined }, change: undefined };
  const { known, unsettled } = history;
  const sinceMs = unsettled !== undefined && isSame(unsettled.status, status) ? unsettled.sinceMs : nowMs;
  if (nowMs - sinceMs < settleMs) return { history: { known, unsettled: { status, sinceMs } }, change: undefined };
  return { history: { known: status, unsettled: undefined }, change: known === undefined ? 'created' : status === undefined ? 'removed' : 'changed' };
}

function isSame(a: FileStatus | undefined, b: FileStatus | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.bytes === b.bytes && a.modifiedMs === b.modifiedMs && a.changedMs === b.changedMs && a.inode === b.inode;
}

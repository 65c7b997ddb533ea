/**
 * One partition of the directory, as its owner or a successor has it: a map of ids to entries that only grow in their order (a state-based CRDT: the join is the greater token, of one token the later state, and a
 * tombstone above both). The owner numbers its changes; a successor applies them in their order (`replication.ts`).
 */
import type { Registration } from '../../model/registration.js';
import { Digest, type DirectoryEntry, isIdle, isLater } from './directory-entry.js';

export class DirectoryPart {
  /** The view of the claim that its owner made it in: of two versions the later one is better, then the one with more changes. */
  epoch: number;
  sequence = 0;
  /** No token that was given in this partition is greater, as far as is known. */
  lastToken = 0;
  readonly entries = new Map<string, DirectoryEntry>();
  /** What was removed, by its id: its token, and the number of that change. */
  readonly tombstones = new Map<string, { readonly token: number; readonly sequence: number }>();
  /** Over entries, idle ones apart from the others. */
  readonly digest = new Digest();

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  isBetterThan(epoch: number, sequence: number): boolean {
    return this.epoch > epoch || (this.epoch === epoch && this.sequence > sequence);
  }

  /** False if what is there is later. */
  put(entry: DirectoryEntry): boolean {
    const { id, token } = entry.registration;
    const before = this.entries.get(id);
    if (before !== undefined && !isLater(entry, before)) return false;
    const tombstone = this.tombstones.get(id);
    if (tombstone !== undefined) {
      if (tombstone.token >= token) return false;
      this.tombstones.delete(id);
    }
    if (before !== undefined) this.digest.delete(id, digestToken(before));
    this.digest.add(id, digestToken(entry));
    this.entries.set(id, entry);
    if (token > this.lastToken) this.lastToken = token;
    return true;
  }

  /** False if what is there has a greater token, or was removed already. */
  remove(id: string, token: number, sequence: number): boolean {
    const before = this.entries.get(id);
    if ((before?.registration.token ?? 0) > token || (this.tombstones.get(id)?.token ?? 0) >= token) return false;
    if (before !== undefined) {
      this.digest.delete(id, digestToken(before));
      this.entries.delete(id);
    }
    this.tombstones.delete(id);
    this.tombstones.set(id, { token, sequence });
    if (token > this.lastToken) this.lastToken = token;
    return true;
  }

  /** Tombstones of changes up to that number are needed no more. */
  collect(sequence: number): number {
    const before = this.tombstones.size;
    // In the order of their numbers: a map keeps the order in which keys were added, and a key that is removed again is added anew.
    for (const [id, tombstone] of this.tombstones) {
      if (tombstone.sequence > sequence) break;
      this.tombstones.delete(id);
    }
    return before - this.tombstones.size;
  }

  /** A greater token than any that was given here, under that view. */
  nextToken(view: number): number {
    this.lastToken = Math.max(this.lastToken + 1, view * TOKENS_OF_VIEW);
    return this.lastToken;
  }
}

/** Tokens of one partition in one view: more of them would reach into those of the next view, which the next owner then has to be told (`lastToken`). */
export const TOKENS_OF_VIEW = 2 ** 24;

export function sizeOf({ id, kind, init }: Registration): number {
  return 64 + id.length + kind.length + (init?.length ?? 0);
}

function digestToken(entry: DirectoryEntry): number {
  return isIdle(entry) ? -entry.registration.token : entry.registration.token;
}

/**
 * What the membership of a node remembers from one start to the next, and what of it is on disk: its incarnation, and up to which number it may have known views. A founding goes beyond what all who promise have known, so that
 * fencing tokens only grow. It writes nothing itself: it says which bytes are to be on disk, and is told when they are. Used by `membership-machine.ts` alone.
 */
import { INCARNATION_MAX, VIEW_NUMBER_KNOWN_MAX } from '../views/view.js';
import type { MembershipMessage } from './membership-codec.js';
import { decodeNodeRecord, encodeNodeRecord } from './node-record.js';

/** What is on disk covers so many views more than there have been: then not each is written, and a token of a view that this node has not heard of yet is covered too. */
export const VIEWS_AHEAD = 64;
/** With these nodes that are in no cluster say up to which number they have known views. */
const SAYS_KNOWN: ReadonlySet<MembershipMessage['type']> = new Set(['join', 'alone', 'foundRequest', 'foundGrant'] as const);

export class NodeMemory {
  #incarnation: number;
  /** No view that this node has known has a greater number: as it knows, as it has asked for on disk, and as it is there. */
  #known: number;
  #written: number;
  #onDisk: number;

  /** @param least what the incarnation is at least @param state what the last start has left */
  constructor(least: number, state: Uint8Array | undefined) {
    const record = state === undefined ? undefined : decodeNodeRecord(state);
    this.#incarnation = Math.min(INCARNATION_MAX, Math.max(1, least, (record?.incarnation ?? 0) + 1));
    this.#known = Math.min(VIEW_NUMBER_KNOWN_MAX, record?.viewNumberMax ?? 0);
    this.#written = this.#known;
    this.#onDisk = this.#known;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  set incarnation(incarnation: number) {
    this.#incarnation = incarnation;
  }

  /** The greatest number of a view that this node, or any that it has heard of, has known. */
  get viewNumberKnown(): number {
    return this.#known;
  }

  /** What is to be on disk. */
  get bytes(): Uint8Array {
    return encodeNodeRecord({ incarnation: this.#incarnation, viewNumberMax: this.#written });
  }

  /** A message of a node that is in no cluster. */
  heard(type: MembershipMessage['type'], number: number): void {
    if (SAYS_KNOWN.has(type)) this.#known = Math.max(this.#known, Math.min(number, VIEW_NUMBER_KNOWN_MAX));
  }

  /** Returns whether anything is to be written. */
  installed(number: number): boolean {
    if (number <= this.#written - VIEWS_AHEAD / 2) return false;
    this.#written = number + VIEWS_AHEAD;
    return true;
  }

  /** All that was asked for is on disk. */
  persisted(): void {
    this.#onDisk = this.#written;
  }

  /** Whether the next start will know that there has been a view of this number. */
  covers(number: number): boolean {
    return number <= this.#onDisk;
  }
}

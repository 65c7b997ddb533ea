/**
 * The entries of one node, and how far each other node has been told of them. Every change is the next version; a reader is told what has changed since the version that it is known to have, in parts that follow
 * each other without a gap, and says how far it has come. What was lost on the way is sent again when the reader misses it, or when nothing was heard of it for a while. Nothing is sent while nothing changes.
 *
 * Decides only: time comes in as an argument, and what is to be sent goes out as a value. Not here: what a reader makes of it (`heard-entries.ts`), what entries mean, who is a member.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { ENTRIES_MAX, type EntriesHave, type EntriesPart, PART_BYTES_MAX, PART_CHANGES_MAX, type ToldChange } from './entries-messages.js';

/** Parts on their way to a reader that has not said that it has them. */
const PARTS_UNDER_WAY_MAX = 8;
/** Without a word from a reader, what it has not confirmed is sent again after this long; twice as long each further time. */
const RETRY_MS = 500;
const RETRY_MS_MAX = 8000;
/** Changes that are in the log beside the present entries before it is tidied up. */
const OLD_MAX = 1024;
/** Entries that are gone, of which some reader has not been told. Where there are more, such a reader is told everything anew instead. */
export const GONE_MAX = 16_384;

export interface OutgoingPart {
  readonly to: NodeIdentity;
  readonly message: EntriesPart;
}

interface Told {
  readonly key: string;
  readonly value: unknown;
  readonly bytes: number;
  readonly version: number;
  /** The key has changed since: what is there of it is further on. */
  isOld: boolean;
}

interface Reader {
  readonly node: NodeIdentity;
  run: number;
  /** Up to which version parts were sent. */
  sent: number;
  /** Up to which version it has said that it has them; -1 before the first word. */
  confirmed: number;
  /** In this run a part was sent, and may have come: what is gone since then has to be told. */
  wasTold: boolean;
  /** `upTo` of the parts that were sent and not confirmed. */
  underWay: number[];
  /** When it was last heard of, or sent again to. */
  lastMs: number;
  retryMs: number;
  /** The last part was refused: nothing is sent before the next attempt. */
  isHeld: boolean;
}

const NEW_RUN = { sent: 0, confirmed: -1, wasTold: false };

export class ToldEntries {
  #version = 0;
  /** In the order of their versions. */
  #log: Told[] = [];
  readonly #present = new Map<string, Told>();
  #old = 0;
  #gone = 0;
  readonly #readers = new Map<string, Reader>();
  readonly #goneMax: number;

  constructor(goneMax = GONE_MAX) {
    this.#goneMax = goneMax;
  }

  get version(): number {
    return this.#version;
  }

  /** Entries that are there. */
  get size(): number {
    return this.#present.size - this.#gone;
  }

  /** False if there are too many already. */
  put(key: string, value: unknown, bytes: number): boolean {
    const before = this.#present.get(key);
    if (before === undefined && this.#present.size >= ENTRIES_MAX) this.#tidy();
    if (before === undefined && this.#present.size >= ENTRIES_MAX) return false;
    this.#change(before, { key, value, bytes, version: ++this.#version, isOld: false });
    return true;
  }

  delete(key: string): void {
    const before = this.#present.get(key);
    if (before === undefined || before.value === undefined) return;
    this.#change(before, { key, value: undefined, bytes: key.length, version: ++this.#version, isOld: false });
    if (this.#gone > this.#goneMax) this.#forgetGone();
  }

  joined(node: NodeIdentity, nowMs: number): void {
    if (this.#readers.has(nodeKey(node))) return;
    this.#readers.set(nodeKey(node), { node, run: 1, ...NEW_RUN, underWay: [], lastMs: nowMs, retryMs: RETRY_MS, isHeld: false });
  }

  left(node: NodeIdentity): void {
    this.#readers.delete(nodeKey(node));
  }

  /** What can be sent now. */
  flush(): OutgoingPart[] {
    const parts: OutgoingPart[] = [];
    for (const reader of this.#readers.values()) {
      while (!reader.isHeld && reader.underWay.length < PARTS_UNDER_WAY_MAX && this.#isToTell(reader)) {
        const message = this.#partFor(reader);
        reader.sent = message.upTo;
        reader.wasTold = true;
        reader.underWay.push(message.upTo);
        parts.push({ to: reader.node, message });
      }
    }
    return parts;
  }

  /** A part did not leave, or what was on its way may be lost: it is sent again when it is due, or when the way is open. */
  refused(to: NodeIdentity, nowMs: number): void {
    const reader = this.#readers.get(nodeKey(to));
    if (reader === undefined || reader.underWay.length === 0) return;
    this.#sendAgain(reader, nowMs);
    reader.isHeld = true;
  }

  /** There is a connection to it again. */
  opened(node: NodeIdentity, nowMs: number): void {
    const reader = this.#readers.get(nodeKey(node));
    if (reader === undefined || !reader.isHeld) return;
    reader.retryMs = RETRY_MS;
    this.#sendAgain(reader, nowMs);
  }

  confirmed(from: NodeIdentity, { run, version, isGap }: EntriesHave, nowMs: number): void {
    const reader = this.#readers.get(nodeKey(from));
    // Of a run that is over, or what nobody has told it.
    if (reader === undefined || run !== reader.run || version > this.#version) return;
    reader.lastMs = nowMs;
    reader.retryMs = RETRY_MS;
    if (version > reader.confirmed) {
      reader.confirmed = version;
      reader.underWay = reader.underWay.filter((upTo) => upTo > version);
    }
    if (isGap) this.#sendAgain(reader, nowMs);
  }

  /** Sends again to those that were not heard of for too long. */
  tick(nowMs: number): void {
    for (const reader of this.#readers.values()) {
      if (nowMs < this.#dueMs(reader)) continue;
      reader.retryMs = Math.min(RETRY_MS_MAX, reader.retryMs * 2);
      this.#sendAgain(reader, nowMs);
    }
  }

  /** When `tick` has something to do; undefined while everything is confirmed. */
  get tickMs(): number | undefined {
    let tickMs = Number.POSITIVE_INFINITY;
    for (const reader of this.#readers.values()) tickMs = Math.min(tickMs, this.#dueMs(reader));
    return tickMs === Number.POSITIVE_INFINITY ? undefined : tickMs;
  }

  /** Whether all readers but those that `leavesOut` names have this version. */
  isKnown(version: number, leavesOut: (node: NodeIdentity) => boolean = () => false): boolean {
    for (const reader of this.#readers.values()) if (reader.confirmed < version && !leavesOut(reader.node)) return false;
    return true;
  }

  /** Also that there is nothing: then it knows everything. */
  #isToTell({ sent, confirmed, underWay }: Reader): boolean {
    return sent < this.#version || (confirmed < 0 && underWay.length === 0);
  }

  #dueMs(reader: Reader): number {
    return reader.confirmed >= this.#version ? Number.POSITIVE_INFINITY : reader.lastMs + reader.retryMs;
  }

  #sendAgain(reader: Reader, nowMs: number): void {
    reader.sent = Math.max(0, reader.confirmed);
    reader.underWay = [];
    reader.lastMs = nowMs;
    reader.isHeld = false;
  }

  #partFor(reader: Reader): EntriesPart {
    const since = reader.sent;
    const changes: ToldChange[] = [];
    let bytes = 0;
    let upTo = this.#version;
    for (let at = this.#indexBehind(since); at < this.#log.length; at++) {
      const told = this.#log[at] as Told;
      if (told.isOld) continue;
      if (changes.length >= PART_CHANGES_MAX || (changes.length > 0 && bytes + told.bytes > PART_BYTES_MAX)) {
        upTo = told.version - 1;
        break;
      }
      changes.push([told.key, told.value]);
      bytes += told.bytes;
    }
    return { type: 'part', run: reader.run, since, upTo, latest: this.#version, changes };
  }

  #change(before: Told | undefined, after: Told): void {
    if (before !== undefined) {
      before.isOld = true;
      this.#old++;
      if (before.value === undefined) this.#gone--;
    }
    if (after.value === undefined) this.#gone++;
    this.#present.set(after.key, after);
    this.#log.push(after);
    if (this.#old > OLD_MAX + this.#present.size) this.#tidy();
  }

  /** Forgets what is old, and those that are gone of which all readers know. */
  #tidy(): void {
    // A reader that was told nothing yet has nothing to forget.
    let known = this.#version;
    for (const { wasTold, confirmed } of this.#readers.values()) if (wasTold) known = Math.min(known, Math.max(0, confirmed));
    this.#log = this.#log.filter((told) => {
      if (told.isOld) return false;
      if (told.value !== undefined || told.version > known) return true;
      this.#present.delete(told.key);
      this.#gone--;
      return false;
    });
    this.#old = 0;
  }

  /** Too many are gone that some reader has not confirmed: it begins anew, and none has to be kept for it. */
  #forgetGone(): void {
    this.#tidy();
    if (this.#gone <= this.#goneMax / 2) return;
    for (const reader of this.#readers.values()) {
      if (!reader.wasTold || reader.confirmed >= this.#version) continue;
      Object.assign(reader, NEW_RUN, { run: reader.run + 1, underWay: [] });
    }
    this.#tidy();
  }

  /** Of the first one in the log whose version is greater. */
  #indexBehind(version: number): number {
    let low = 0;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#log[middle] as Told).version <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
